// Messages of a partner: the vendor's examples as they stand, history, retries, order, verbatim parts, and the whole way to the webhook.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { demo, message, sink, unique, eventually, cliJson, setupId, login, agent } from '../lib/server.js';

const example = (name) => fs.readFileSync(new URL(`./examples/${name}`, import.meta.url));

describe('POST /messaging/v1/messages', () => {
  let d;
  before(async () => { d = await demo(); });
  after(() => d.stop());

  const ofCustomer = (customer) => d.agent.ofCustomer(d.connector.id, customer);
  /** The one interaction of a customer with its messages. */
  async function only(customer) {
    const list = await ofCustomer(customer);
    assert.equal(list.length, 1, JSON.stringify(list));
    return { interaction: list[0], messages: await d.agent.messages(list[0].id) };
  }

  it('takes the vendor\'s example of a simple message as it stands', async () => {
    const r = await d.partner.post(example('simple_message.json'));
    assert.equal(r.status, 200, r.text);
    assert.equal(r.text, '{}');
    assert.match(r.headers['content-type'], /^application\/json/);
    const { interaction, messages } = await only('0601020304');
    assert.match(interaction.id, /^[0-9a-f]{24}$/);
    assert.equal(interaction.state, 'queued');
    assert.equal(interaction.agent, null);
    assert.equal(interaction.connector.id, setupId(d.connector.id));
    assert.deepEqual({ externalId: interaction.customer.externalId, name: interaction.customer.name }, { externalId: '0601020304', name: 'John Doe' });
    assert.equal(messages.length, 1);
    const [m] = messages;
    assert.equal(m.externalId, '1234546');
    assert.equal(m.direction, 'in');
    assert.equal(m.createdAt, 1676541889);
    assert.equal(m.text, 'Hello, I have a question. Can you help me?');
    assert.deepEqual(m.sender, { type: 'human', id: '0601020304', name: 'John Doe' });
    assert.equal(m.recipient, null);
    assert.deepEqual(m.metadata, {});
    assert.equal(m.richContent, null);
    assert.deepEqual(m.attachments, []);
  });

  it('takes the vendor\'s example of a bot\'s history as it stands', async () => {
    const body = example('conversation_history.json');
    const r = await d.partner.post(body);
    assert.equal(r.status, 200, r.text);
    assert.equal(r.text, '{}');
    const sent = JSON.parse(body).messages;
    const { interaction, messages } = await only('customer123');
    assert.equal(interaction.state, 'queued', 'the hand-over is queued');
    assert.equal(interaction.customer.name, 'M. John Doe');
    assert.deepEqual(messages.map((m) => [m.externalId, m.direction, m.createdAt, m.text, m.sender, m.recipient]),
      sent.map((m) => [m.id, 'history', m.created_at, m.body.message, m.sender, m.recipient]));
    const kinds = (await d.agent.timeline(interaction.id)).map((i) => i.kind);
    assert.equal(kinds.filter((k) => k === 'message.history').length, 4);
    assert.equal(kinds.filter((k) => k === 'interaction.opened').length, 1);
    // The customer's next message continues the interaction.
    await d.partner.sendOk(message({ customer: 'customer123', text: 'Are you there?' }));
    const next = await only('customer123');
    assert.deepEqual(next.messages.map((m) => m.direction), ['history', 'history', 'history', 'history', 'in']);
  });

  it('takes history and a message to the agent in one request, in order', async () => {
    const customer = unique('both');
    const bot = { type: 'bot', id: 'b', name: 'Bot' };
    const human = { type: 'human', id: customer };
    await d.partner.sendOk([
      message({ id: '1', customer, sender: human, recipient: bot, text: 'one' }),
      message({ id: '2', customer, sender: bot, recipient: human, text: 'two' }),
      message({ id: '3', customer, sender: human, text: 'three' }),
      message({ id: '4', customer, sender: bot, text: 'a bot speaks to the agent' }),
    ]);
    const { messages } = await only(customer);
    assert.deepEqual(messages.map((m) => [m.externalId, m.direction, m.sender.type]), [['1', 'history', 'human'], ['2', 'history', 'bot'], ['3', 'in', 'human'], ['4', 'in', 'bot']]);
    assert.equal(messages[0].sender.name, null, 'a name is optional');
  });

  it('stores a retried request once', async () => {
    const customer = unique('retry');
    const body = JSON.stringify({ messages: [message({ id: '1', customer, text: 'first' }), message({ id: '2', customer, text: 'second' })] });
    for (let i = 0; i < 5; i++) assert.equal((await d.partner.post(body)).status, 200);
    const { messages, interaction } = await only(customer);
    assert.deepEqual(messages.map((m) => m.text), ['first', 'second']);
    assert.equal((await d.agent.timeline(interaction.id)).filter((i) => i.kind === 'message.received').length, 2);
  });

  it('stores a request retried at the same moment once', async () => {
    const customer = unique('race');
    const batch = Array.from({ length: 10 }, (_, i) => message({ id: String(i), customer, text: `text ${i}` }));
    const answers = await Promise.all(Array.from({ length: 40 }, () => d.partner.send(batch)));
    assert.deepEqual([...new Set(answers.map((a) => a.status))], [200]);
    const { messages } = await only(customer);
    assert.deepEqual(messages.map((m) => m.text), batch.map((m) => m.body.message));
  });

  it('stores a message that is twice in one request once', async () => {
    const customer = unique('twin');
    const m = message({ customer });
    await d.partner.sendOk([m, m, message({ customer, text: 'other' })]);
    assert.deepEqual((await only(customer)).messages.map((x) => x.text), ['Hello', 'other']);
  });

  it('a message with the key of another is a repeat: the first one stays', async () => {
    const customer = unique('same');
    await d.partner.sendOk(message({ id: '1', customer, text: 'first' }));
    await d.partner.sendOk([message({ id: '1', customer, text: 'second' }), message({ id: '2', customer, text: 'third' })]);
    assert.deepEqual((await only(customer)).messages.map((m) => m.text), ['first', 'third']);
  });

  it('tells messages with the same id apart by customer and by time', async () => {
    const [a, b] = [unique('a'), unique('b')];
    await d.partner.sendOk([message({ id: '001', customer: a }), message({ id: '001', customer: b })]);
    await d.partner.sendOk(message({ id: '001', customer: a, created_at: 1_700_000_001, text: 'the next conversation also begins with 001' }));
    assert.equal((await only(a)).messages.length, 2);
    assert.equal((await only(b)).messages.length, 1);
  });

  it('a retry that comes after the interaction was closed opens nothing', async () => {
    const customer = unique('late');
    const m = message({ customer });
    await d.partner.sendOk(m);
    const { interaction } = await only(customer);
    await d.agent.close(interaction.id);
    await d.partner.sendOk(m);
    assert.equal((await only(customer)).interaction.state, 'closed');
  });

  it('keeps the order inside a request whatever created_at says', async () => {
    const customer = unique('order');
    const batch = Array.from({ length: 100 }, (_, i) => message({ customer, text: `n${i}`, created_at: 1_700_000_000 - i * 60 }));
    await d.partner.sendOk(batch);
    const { messages } = await only(customer);
    assert.deepEqual(messages.map((m) => m.text), batch.map((m) => m.body.message));
    assert.deepEqual(messages.map((m) => m.createdAt), batch.map((m) => m.created_at));
  });

  it('keeps the order of requests that follow each other', async () => {
    const customer = unique('sequence');
    for (let i = 0; i < 20; i++) await d.partner.sendOk(message({ customer, text: `n${i}`, created_at: 1_800_000_000 - i }));
    assert.deepEqual((await only(customer)).messages.map((m) => m.text), Array.from({ length: 20 }, (_, i) => `n${i}`));
  });

  it('has one open interaction per customer, also when many requests open it at once', async () => {
    const customer = unique('opening');
    await Promise.all(Array.from({ length: 30 }, (_, i) => d.partner.sendOk(message({ customer, text: `n${i}` }))));
    const { messages } = await only(customer);
    assert.deepEqual(messages.map((m) => m.text).sort(), Array.from({ length: 30 }, (_, i) => `n${i}`).sort());
  });

  const VERBATIM = [
    '{"price":1.10,"big":1e2,"neg":-0.0,"exp":1E+2}',
    '{"z":1,"a":2,"m":{"y":[],"b":{}}}',
    '{"u":"\\u00e9\\u00E9\\u0041","pair":"\\ud83d\\ude00","slash":"\\/"}',
    '{ "spaced" :\t[ 1 ,2,\n 3 ] }',
    '{"long":12345678901234567.25,"int":9007199254740993}',
    '{"":"empty key","\\n":"newline key","é":"raw"}',
    '{"quote":"\\"}","brace":"}{][","comma":","}',
    '{"null":null,"true":true,"false":false}',
  ];
  for (const [i, span] of VERBATIM.entries()) {
    it(`keeps metadata and rich content byte for byte: ${span.replace(/\s/g, ' ')}`, async () => {
      const customer = unique('verbatim');
      const body = `{"messages":[{"id":"v${i}","created_at":1,"customer_id":"${customer}","sender":{"type":"human","id":"x"},"body":{"message":"t","rich_content": ${span} },"metadata":  ${span}\n}]}`;
      const r = await d.partner.post(body);
      assert.equal(r.status, 200, r.text);
      const { interaction } = await only(customer);
      const page = await d.agent.call('GET', `/interactions/${interaction.id}/timeline`);
      assert.ok(page.text.includes(`"richContent":${span}`), page.text);
      assert.ok(page.text.includes(`"metadata":${span}`), page.text);
      JSON.parse(page.text);
    });
  }
  it('keeps rich content that is a string', async () => {
    const customer = unique('rich');
    const span = '"<b>\\u00e9 \\"x\\"<\\/b>"';
    await d.partner.post(`{"messages":[{"id":"1","created_at":1,"customer_id":"${customer}","sender":{"type":"bot","id":"x"},"body":{"message":"","rich_content":${span}}}]}`);
    const { interaction, messages } = await only(customer);
    assert.equal(messages[0].text, '');
    assert.ok((await d.agent.call('GET', `/interactions/${interaction.id}/timeline`)).text.includes(`"richContent":${span}`));
  });

  it('keeps every kind of Unicode', async () => {
    const customer = unique('ünïcødé-客户-🙂');
    const text = 'é 客 🙂 \u0000'.slice(0, -1) + ' \u202e rtl \u0301 \ufffd \u{10ffff} "\\/ \b\f\n\r\t \u2028\u2029 \u007f';
    await d.partner.sendOk(message({ id: 'é/客?🙂#', customer, text, sender: { type: 'human', id: customer, name: 'Zoë 🙂' } }));
    const { interaction, messages } = await only(customer);
    assert.equal(messages[0].text, text);
    assert.equal(messages[0].externalId, 'é/客?🙂#');
    assert.equal(messages[0].sender.name, 'Zoë 🙂');
    assert.equal(interaction.customer.externalId, customer);
    assert.equal(interaction.customer.name, 'Zoë 🙂');
  });
  it('takes surrogate pairs by escapes', async () => {
    const customer = unique('pair');
    await d.partner.post(`{"messages":[{"id":"1","created_at":1,"customer_id":"${customer}","sender":{"type":"human","id":"x"},"body":{"message":"\\uD83D\\ude00\\u00e9"}}]}`);
    assert.equal((await only(customer)).messages[0].text, '😀é');
  });
  it('takes a long text', async () => {
    const customer = unique('long');
    const text = 'é🙂'.repeat(5000);
    await d.partner.sendOk(message({ customer, text }));
    assert.equal((await only(customer)).messages[0].text, text);
  });
  it('takes created_at at its borders', async () => {
    const customer = unique('time');
    const times = [0, 1, 2 ** 31, 2 ** 32 + 5, 253402300799];
    await d.partner.sendOk(times.map((created_at) => message({ id: 'same', customer, created_at })));
    assert.deepEqual((await only(customer)).messages.map((m) => m.createdAt), times);
  });
  it('takes unknown members and ignores them', async () => {
    const customer = unique('more');
    const m = { ...message({ customer }), future: { x: [1] } };
    m.body.future = true;
    await d.partner.sendOk(m);
    assert.equal((await only(customer)).messages.length, 1);
  });
  it('takes null where something optional may be absent', async () => {
    const customer = unique('null');
    const m = { ...message({ customer }), recipient: null, metadata: null };
    m.sender.name = null;
    Object.assign(m.body, { attachments: null, rich_content: null });
    await d.partner.sendOk(m);
    const [stored] = (await only(customer)).messages;
    assert.equal(stored.recipient, null);
    assert.equal(stored.direction, 'in');
  });
  it('takes application/json with parameters, and no Accept', async () => {
    const body = JSON.stringify({ messages: [message()] });
    assert.equal((await d.partner.post(body, { headers: { 'Content-Type': 'application/json; charset=utf-8' } })).status, 200);
    assert.equal((await d.partner.post(body, { headers: { 'Content-Type': 'Application/JSON', Accept: '*/*' } })).status, 200);
  });
  it('takes a thousand messages in one request', async () => {
    const customers = Array.from({ length: 10 }, () => unique('many'));
    await d.partner.sendOk(Array.from({ length: 1000 }, (_, i) => message({ customer: customers[i % 10], text: `n${i}` })));
    for (const [n, customer] of customers.entries()) {
      assert.deepEqual((await only(customer)).messages.map((m) => m.text), Array.from({ length: 100 }, (_, i) => `n${i * 10 + n}`));
    }
  });

  it('a message with very much metadata is refused, or told whole everywhere', async () => {
    const customer = unique('heavy');
    const metadata = { x: 'x'.repeat(6_000_000) };
    const live = await d.agent.events();
    const r = await d.partner.send(message({ customer, metadata }));
    if (r.status === 200) {
      const { messages } = await only(customer);
      assert.deepEqual(messages[0].metadata, metadata);
      const seen = await live.until((e) => e.event === 'message.received');
      assert.deepEqual(seen.at(-1).data.message.metadata, metadata);
    } else {
      assert.ok([400, 413].includes(r.status), `${r.status} ${r.text}`);
      assert.deepEqual(await ofCustomer(customer), []);
    }
    // A timeline page of many heavy messages comes whole too.
    const heavy = { x: 'y'.repeat(100_000) };
    await d.partner.sendOk(Array.from({ length: 150 }, () => message({ customer, metadata: heavy })));
    const all = (await only(customer)).messages.slice(-150);
    assert.ok(all.length === 150 && all.every((m) => m.metadata.x === heavy.x));
    await d.partner.sendOk(message({ customer, text: 'end' }));
    const told = await live.until((e) => e.data.message?.text === 'end', 60_000);
    assert.equal(told.filter((e) => e.data.message?.metadata?.x === heavy.x).length, 150);
    live.close();
  });

  const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==', 'base64');
  const file = (name, mime_type, bytes) => ({ id: unique('f'), name, mime_type, content: { type: 'base64', data: bytes.toString('base64') } });
  it('decodes base64 attachments, types them by content and keeps them apart from active content', async () => {
    const customer = unique('files');
    const html = Buffer.from('<!DOCTYPE html><html><script>alert(1)</script></html>');
    const big = crypto.randomBytes(3 * 1024 * 1024 + 1);
    const m = message({ customer, text: '' });
    m.body.attachments = [file('dot é.png', 'image/png', PNG), file('evil.png', 'image/png', html), file('../../etc/passwd', 'application/octet-stream', big), file('empty.txt', 'text/plain', Buffer.alloc(0))];
    await d.partner.sendOk(m);
    const [stored] = (await only(customer)).messages;
    assert.deepEqual(stored.attachments.map((a) => [a.mimeType, a.size, a.state]),
      [['image/png', PNG.length, 'stored'], ['image/png', html.length, 'stored'], ['application/octet-stream', big.length, 'stored'], ['text/plain', 0, 'stored']]);
    assert.equal(stored.attachments[0].name, 'dot é.png');
    assert.equal(stored.attachments[0].foundType, 'image/png');
    assert.equal(stored.attachments[1].foundType, 'text/html');
    for (const [i, bytes] of [PNG, html, big, Buffer.alloc(0)].entries()) {
      const a = stored.attachments[i];
      assert.match(a.id, /^[0-9a-f]{24}$/);
      const r = await d.agent.file(a.id);
      assert.equal(r.status, 200);
      assert.ok(r.bytes.equals(bytes), `${a.name}: the same bytes`);
      assert.match(r.headers['content-disposition'], /^attachment/);
      assert.ok(!/[\r\n/]/.test(r.headers['content-disposition'].replace(/''\S*/, '')), r.headers['content-disposition']);
      assert.equal(r.headers['x-content-type-options'], 'nosniff');
      assert.match(r.headers['content-security-policy'], /sandbox/);
      assert.doesNotMatch(r.headers['content-type'], /html|svg|javascript/);
    }
  });
  it('fetches url attachments later', async () => {
    const files = await sink({ behaviour: (r) => (r.path === '/pic.png' ? { headers: { 'Content-Type': 'image/png' }, body: PNG } : { status: 404 }) });
    const customer = unique('url');
    const m = message({ customer, text: 'see' });
    m.body.attachments = [
      { id: '1', name: 'pic.png', mime_type: 'image/png', content: { type: 'url', data: `http://127.0.0.1:${files.port}/pic.png` } },
      { id: '2', name: 'gone.png', mime_type: 'image/png', content: { type: 'url', data: `http://127.0.0.1:${files.port}/gone.png` } },
    ];
    await d.partner.sendOk(m);
    const stored = await eventually(async () => { const [x] = (await only(customer)).messages; return x.attachments[0].state === 'stored' && x; });
    assert.equal(stored.attachments[0].size, PNG.length);
    assert.ok((await d.agent.file(stored.attachments[0].id)).bytes.equals(PNG));
    const missing = await d.agent.file(stored.attachments[1].id);
    assert.equal(missing.status, 404);
    await files.close();
  });

  it('the whole way: partner, agent, webhook, file, gone', async () => {
    const hook = await sink({ secret: d.connector.client_secret });
    await cliJson(['connector', 'set', d.connector.id, '--data', d.dir, '--webhook', hook.url]);
    const customer = unique('way');
    await d.partner.sendOk(message({ customer, text: 'Bonjour, où est ma commande ? 🙂' }));
    const { interaction } = await only(customer);
    await d.agent.accept(interaction.id);
    const bytes = crypto.randomBytes(300_000);
    const reply = await d.agent.reply(interaction.id, { text: 'Voilà: « 客 » 🙂 </script>\u2028', attachments: [{ name: 'reçu.bin', mime_type: 'application/pdf', data: bytes.toString('base64') }] });
    assert.equal(reply.direction, 'out');
    const [got] = await hook.received(1);
    assert.equal(got.method, 'POST');
    assert.equal(got.path, '/hook');
    assert.equal(got.headers['content-type'], 'application/json');
    assert.match(got.headers['body-hash'], /^[0-9a-f]{40}$/);
    assert.equal(got.headers['api-version'], '1');
    assert.equal(Number(got.headers['content-length']), got.body.length);
    hook.assertSigned();
    const m = got.json;
    assert.deepEqual(Object.keys(m).sort(), ['body', 'created_at', 'customer_id', 'id', 'metadata', 'sender']);
    assert.equal(typeof m.id, 'string');
    assert.equal(m.id, reply.id);
    assert.ok(Number.isInteger(m.created_at) && Math.abs(m.created_at - Date.now() / 1000) < 600);
    assert.equal(m.customer_id, customer);
    assert.equal(m.sender.type, 'human');
    assert.equal(m.sender.id, m.sender.name);
    assert.equal(m.body.message, 'Voilà: « 客 » 🙂 </script>\u2028');
    assert.deepEqual(m.metadata, {});
    assert.equal(m.body.attachments.length, 1);
    const [a] = m.body.attachments;
    assert.equal(a.name, 'reçu.bin');
    assert.equal(a.mime_type, 'application/pdf');
    assert.equal(a.content.type, 'url');
    assert.match(a.content.data, new RegExp(`^${d.server.url}/messaging/attachments/[0-9a-f]{32}/$`));
    const file1 = await d.partner.attachment(a.content.data);
    assert.equal(file1.status, 200);
    assert.equal(file1.headers['content-type'], 'application/pdf');
    assert.ok(file1.bytes.equals(bytes));
    await eventually(async () => (await d.partner.attachment(a.content.data)).status === 404);
    // The agent's own view keeps the file, and the timeline tells what happened.
    const stored = (await d.agent.messages(interaction.id)).at(-1);
    assert.ok((await d.agent.file(stored.attachments[0].id)).bytes.equals(bytes));
    const delivered = await eventually(async () => { const x = (await d.agent.messages(interaction.id)).at(-1); return x.delivery.state === 'delivered' && x.delivery; });
    assert.equal(delivered.lastStatus, 200);
    // The two last are written down by two who do not wait for each other.
    const kinds = await eventually(async () => { const all = (await d.agent.timeline(interaction.id)).map((i) => i.kind); return all.length === 6 && all; });
    assert.deepEqual(kinds.slice(0, 4), ['interaction.opened', 'message.received', 'interaction.accepted', 'message.sent']);
    assert.deepEqual(kinds.slice(4).sort(), ['delivery.delivered', 'file.retrieved']);
    await hook.close();
  });

  it('a connector may show the agent\'s name', async () => {
    const hook = await sink({ secret: d.connector.client_secret });
    await cliJson(['connector', 'set', d.connector.id, '--data', d.dir, '--webhook', hook.url]);
    const customer = unique('name');
    await d.partner.sendOk(message({ customer }));
    const { interaction } = await only(customer);
    await d.agent.reply(interaction.id, 'one');
    await hook.received(1);
    await cliJson(['connector', 'set', d.connector.id, '--data', d.dir, '--show-agent', 'true']);
    const who = await login(d.server, d.person);
    const person = agent(d.server, null, { headers: { Cookie: who.cookie } });
    await eventually(async () => {
      await person.reply(interaction.id, 'two');
      return hook.accepted.some((r) => r.json.sender.name === who.json.agent.displayName);
    }, { interval: 100 });
    assert.equal(hook.requests[0].json.sender.name, d.instance.name);
    assert.equal(hook.requests[0].json.sender.id, d.instance.name);
    await hook.close();
  });
});
