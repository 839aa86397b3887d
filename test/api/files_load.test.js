// Finding out what files are takes time: whoever sends thousands of them holds up nobody else's requests.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { demo, message, partner, unique } from '../lib/server.js';

describe('requests full of files', () => {
  let d;
  before(async () => { d = await demo(); });
  after(async () => { await d.stop(); });

  it('do not stand before others in the line', async () => {
    const file = { id: '', name: '', mime_type: 'a/b', content: { type: 'base64', data: Buffer.from('hello world').toString('base64') } };
    const full = () => Array.from({ length: 80 }, () => ({ ...message({ customer: unique('full') }), body: { message: 'x', attachments: Array(32).fill(file) } }));
    const order = [];
    const senders = Array.from({ length: 8 }, () => partner(d.server, d.connector));
    await Promise.all(senders.map((p) => p.token()));
    const heavy = senders.map((p) => p.send(full()).then((r) => { order.push('heavy'); return r.status; }));
    for (let i = 0; i < 12; i++) {
      assert.equal((await d.server.health()).status, 200);
      order.push('light');
    }
    assert.deepEqual([...new Set(await Promise.all(heavy))], [200]);
    assert.ok(order.slice(0, 8).every((x) => x === 'light'), `light ones first: ${order}`);
    for (const p of senders) p.close();
  });
});
