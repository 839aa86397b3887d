// Whatever a partner writes stays one event of the stream: line ends between the tokens of their JSON end no field.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { demo, message, unique } from '../lib/server.js';

describe('live events of what partners wrote with line ends', () => {
  let d;
  before(async () => { d = await demo(); });
  after(async () => { await d.stop(); });

  for (const [name, space] of Object.entries({ LF: '\n', 'CR LF': '\r\n', CR: '\r', 'empty lines': '\n\n', 'empty lines with CR': '\r\n\r\n' })) {
    it(`${name} in metadata and rich content`, async () => {
      const live = await d.agent.events();
      const odd = `{${space}"a"${space}:${space}[1,${space}"x"]${space}}`;
      const m = JSON.stringify(message({ customer: unique('eol'), text: 'line\nends', metadata: 0, body: { message: 'line\nends', rich_content: 0 } }))
        .replace('"metadata":0', `"metadata":${odd}`).replace('"rich_content":0', `"rich_content":${odd}`);
      assert.equal((await d.partner.post(`{"messages":[${m}]}`)).status, 200);
      const received = (await live.until((e) => e.event === 'message.received')).at(-1);
      assert.deepEqual(received.data.message.metadata, { a: [1, 'x'] });
      assert.deepEqual(received.data.message.richContent, { a: [1, 'x'] });
      assert.equal(received.data.message.text, 'line\nends');
      assert.doesNotMatch(received.text, /[\r\n]/);
      // The timeline keeps the bytes.
      const page = await d.agent.call('GET', `/interactions/${received.data.interactionId}/timeline`);
      assert.ok(page.text.includes(`"metadata":${odd}`) && page.text.includes(`"richContent":${odd}`));
      live.close();
    });
  }
});
