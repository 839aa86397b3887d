// What reaches the partners' webhooks, and when: every way an endpoint can fail, order, fairness, parking, private addresses.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import { cliJson, demo, demoData, startServer, agent, partner, message, sink, unique, eventually, cli } from '../lib/server.js';

const hmac = (secret, body) => crypto.createHmac('sha1', secret).update(body).digest('hex');
const text = (r) => r.json.body.message;

/** A connector of its own with its partner; talk(customer) opens a conversation and answers its id. */
async function connector(d, { webhook, name = unique('connector') } = {}) {
  const made = await cliJson(['connector', 'create', '--data', d.dir, '--name', name, ...(webhook ? ['--webhook', webhook] : [])]);
  const self = {
    ...made, name, partner: partner(d.server, made),
    async talk(customer = unique('customer')) {
      await self.partner.sendOk(message({ customer }));
      const [interaction] = await d.agent.ofCustomer(made.id, customer);
      return interaction.id;
    },
    /** Conversations with that many customers; answers their ids. */
    talks: (count) => Promise.all(Array.from({ length: count }, () => self.talk())),
    set: (...flags) => cliJson(['connector', 'set', made.id, '--data', d.dir, ...flags]),
    async deliveries(state) {
      return (await cliJson(['deliveries', 'list', '--data', d.dir, '--connector', name, '--limit', '1000', ...(state ? ['--state', state] : [])])).items;
    },
  };
  return self;
}

/** Requests that are repeats of each other are the same bytes under the same id, and signed. */
function assertSameBytes(requests, secret) {
  const first = new Map();
  for (const r of requests) {
    const id = r.headers['webhook-id'];
    if (!first.has(id)) first.set(id, r);
    assert.ok(r.body.equals(first.get(id).body), `the same bytes each time for ${id}`);
    if (secret) assert.equal(r.headers['body-hash'], hmac(secret, r.body));
  }
  assert.equal(first.size, new Set([...first.values()].map((r) => r.json.id)).size);
}

/** The accepted answers of each customer came in the order in which the agent wrote them, each once. */
function assertOrder(hook, expected) {
  const got = new Map();
  for (const r of hook.accepted) got.set(r.json.customer_id, [...(got.get(r.json.customer_id) ?? []), text(r)]);
  for (const [customer, texts] of expected) assert.deepEqual(got.get(customer), texts, customer);
}

/** Counts connections on both loopback addresses, at one port. */
async function canary() {
  const self = { connections: 0, port: 0, servers: [] };
  for (const host of ['127.0.0.1', '::1']) {
    const server = net.createServer((socket) => { self.connections++; socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'); });
    const listening = await new Promise((resolve) => server.once('error', () => resolve(false)).listen(self.port, host, () => resolve(true)));
    if (!listening) continue; // a machine without IPv6
    self.port = server.address().port;
    self.servers.push(server);
  }
  self.close = () => self.servers.forEach((s) => s.close());
  return self;
}

describe('An endpoint that fails', () => {
  let d;
  let canaryServer;
  before(async () => {
    d = await demo({ env: { GUICHET_DELIVERY_TIMEOUT: '400ms', GUICHET_DELIVERY_BACKOFF_FIRST: '20ms', GUICHET_DELIVERY_BACKOFF_MAX: '100ms' } });
    canaryServer = await canary();
  });
  after(async () => { await d.stop(); canaryServer.close(); });

  const failures = [
    ['500', { status: 500, body: 'oops' }], ['503', { status: 503 }], ['404', { status: 404 }], ['410', { status: 410 }],
    ['429', { status: 429 }], ['401', { status: 401, headers: { 'WWW-Authenticate': 'Basic' } }], ['201', { status: 201 }],
    ['204', { status: 204 }], ['304', { status: 304 }],
    ['302 to a private address', () => ({ status: 302, headers: { Location: `http://127.0.0.1:${canaryServer.port}/` } })],
    ['307 to itself', (r) => ({ status: 307, headers: { Location: r.path } })],
    ['a broken connection', { destroy: true }],
    ['nothing, then the time is over', () => new Promise(() => {})],
    ['an answer that comes too late', { delay: 1500, status: 200, late: true }],
    ['garbage', { garbage: '\x16\x03\x01 this is no HTTP at all\r\n\r\n' }],
    ['a half status line', { garbage: 'HTTP/1.1 20' }],
    ['a 200 cut short', { garbage: 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort' }],
    ['a 200 with broken chunks', { garbage: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n' }],
    ['headers without end', { garbage: `HTTP/1.1 200 OK\r\n${'X-A: b\r\n'.repeat(100_000)}` }],
  ];
  for (const [name, how] of failures) {
    it(`${name}: the same bytes again until it is taken`, async () => {
      let left = 2;
      const hook = await sink({ behaviour: (r) => (left-- > 0 ? (typeof how === 'function' ? how(r) : how) : undefined) });
      const c = await connector(d, { webhook: hook.url });
      const customer = unique('customer');
      const id = await c.talk(customer);
      await d.agent.reply(id, 'first « é 🙂 »');
      await d.agent.reply(id, 'second');
      const taken = () => hook.accepted.filter((r) => r.number >= 2);
      await eventually(() => taken().length >= 2, { what: 'both answers taken' });
      await eventually(async () => (await c.deliveries('delivered')).length === 2);
      assert.deepEqual(taken().map(text), ['first « é 🙂 »', 'second']);
      assert.ok(hook.requests.length >= 4);
      assert.ok(hook.requests.slice(0, 3).every((r) => text(r) === 'first « é 🙂 »'), 'the second waits for the first');
      assertSameBytes(hook.requests, c.client_secret);
      assert.ok(hook.requests.every((r) => r.path === '/hook' && r.method === 'POST'));
      const kinds = (await d.agent.timeline(id)).map((i) => i.kind).filter((k) => k.startsWith('delivery.'));
      assert.deepEqual(kinds, ['delivery.failed', 'delivery.delivered', 'delivery.delivered'], 'a failure is told once');
      assert.equal(canaryServer.connections, 0);
      await hook.close();
    });
  }

  it('a large answer body does not matter', async () => {
    const hook = await sink({ behaviour: () => ({ body: 'x'.repeat(5_000_000) }) });
    const c = await connector(d, { webhook: hook.url });
    const id = await c.talk();
    await d.agent.reply(id, 'a');
    await eventually(async () => (await c.deliveries('delivered')).length === 1);
    assert.equal(hook.requests.length, 1);
    await hook.close();
  });

  it('down for a while, then up: everything arrives, in order, the same bytes', async () => {
    const hook = await sink();
    const c = await connector(d, { webhook: hook.url });
    const expected = new Map();
    const customers = await Promise.all(Array.from({ length: 10 }, async () => { const customer = unique('c'); expected.set(customer, []); return [customer, await c.talk(customer)]; }));
    const say = async (round) => {
      for (const [customer, id] of customers) {
        expected.get(customer).push(`${customer} ${round}`);
        await d.agent.reply(id, `${customer} ${round}`);
      }
    };
    await say(0);
    await hook.received(10);
    await hook.down();
    for (let round = 1; round < 4; round++) await say(round);
    await eventually(async () => (await c.deliveries('pending')).some((p) => p.attempts >= 2), { what: 'tries while it is down' });
    await hook.up();
    await hook.received(40);
    await eventually(async () => (await c.deliveries('delivered')).length === 40);
    assertOrder(hook, expected);
    assertSameBytes(hook.requests, c.client_secret);
    await hook.close();
  });

  it('failing at random: order per customer holds, nothing is lost', async () => {
    let seed = 42;
    const random = () => { seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff; return seed / 0x80000000; };
    const hook = await sink({ behaviour: () => { const x = random(); return x < 0.15 ? { status: 500 } : x < 0.25 ? { destroy: true } : x < 0.3 ? { garbage: 'no' } : undefined; } });
    const c = await connector(d, { webhook: hook.url });
    const expected = new Map();
    await Promise.all(Array.from({ length: 15 }, async () => {
      const customer = unique('c');
      expected.set(customer, []);
      const id = await c.talk(customer);
      for (let n = 0; n < 6; n++) {
        expected.get(customer).push(`${customer} ${n}`);
        await d.agent.reply(id, `${customer} ${n}`);
      }
    }));
    await eventually(async () => (await c.deliveries('delivered')).length === 90);
    assertOrder(hook, expected);
    assertSameBytes(hook.requests, c.client_secret);
    await hook.close();
  });
});

describe('Who waits for whom', () => {
  let d;
  before(async () => { d = await demo({ env: { GUICHET_DELIVERY_TIMEOUT: '60s', GUICHET_STOP_DEADLINE: '1s' } }); });
  after(() => d.stop());

  it('a customer whose messages hang holds up no other customer', async () => {
    const hook = await sink({ behaviour: (r) => (text(r) === 'hang' ? new Promise(() => {}) : undefined) });
    const c = await connector(d, { webhook: hook.url });
    const [slow, ...others] = await c.talks(41);
    await d.agent.reply(slow, 'hang');
    await d.agent.reply(slow, 'behind it');
    await hook.received(1, { of: 'requests' });
    for (const id of others) await d.agent.reply(id, 'quick');
    await hook.received(40);
    assert.equal(hook.requests.filter((r) => text(r) === 'behind it').length, 0);
    await hook.close();
  });

  it('a message that is always refused holds up no other customer, and is not tried in a rush', async () => {
    const hook = await sink({ behaviour: (r) => (text(r) === 'poison' ? { status: 400 } : undefined) });
    const c = await connector(d, { webhook: hook.url });
    const [bad, ...others] = await c.talks(6);
    await d.agent.reply(bad, 'poison');
    await hook.received(1, { of: 'requests' });
    for (let round = 0; round < 20; round++) for (const id of others) await d.agent.reply(id, `good ${round}`);
    await hook.received(100);
    const tries = hook.requests.length - 100;
    assert.ok(tries < 30, `${tries} tries of the refused one beside 100 good ones`);
    await hook.close();
  });

  it('dead endpoints cost the other connectors nothing', async () => {
    const refusing = await sink({ behaviour: () => ({ status: 500 }) });
    const hanging = await sink({ behaviour: () => new Promise(() => {}) });
    const closed = await sink();
    await closed.close();
    const dead = await Promise.all([refusing, hanging, closed].map((hook) => connector(d, { webhook: hook.url })));
    for (const c of dead) for (const id of await c.talks(40)) await d.agent.reply(id, 'never');
    const hook = await sink();
    const healthy = await connector(d, { webhook: hook.url });
    const ids = await healthy.talks(20);
    await Promise.all(ids.map(async (id) => { for (let n = 0; n < 10; n++) await d.agent.reply(id, `${n}`); }));
    await hook.received(200);
    for (const c of dead) assert.equal((await c.deliveries('pending')).length, 40);
    const metrics = await d.server.metrics();
    assert.ok([...metrics.keys()].length > 0);
    // A hanging endpoint is not given more and more connections.
    assert.ok(hanging.requests.length <= 8, `${hanging.requests.length} requests hang`);
    await Promise.all([refusing.close(), hanging.close(), hook.close()]);
  });
});

describe('Time', () => {
  it('Retry-After is honoured', async () => {
    let left = 1;
    const hook = await sink({ behaviour: () => (left-- > 0 ? { status: 503, headers: { 'Retry-After': '1' } } : undefined) });
    const d = await demo({ webhook: hook.url, env: { GUICHET_DELIVERY_BACKOFF_FIRST: '10ms' } });
    const c = { talk: async () => { const customer = unique('c'); await d.partner.sendOk(message({ customer })); return (await d.agent.ofCustomer(d.connector.id, customer))[0].id; } };
    const [a, b] = [await c.talk(), await c.talk()];
    await d.agent.reply(a, 'one');
    await hook.received(1, { of: 'requests' });
    await eventually(async () => (await d.agent.messages(a)).at(-1).delivery.attempts === 1);
    await d.agent.reply(b, 'two'); // the whole connector is left alone
    await hook.received(2);
    const [first, ...rest] = hook.requests;
    for (const r of rest) assert.ok(r.at - first.at >= 990, `after ${r.at - first.at} ms`);
    await d.stop();
    await hook.close();
  });

  it('waits grow while an endpoint stays dead', async () => {
    const hook = await sink({ behaviour: () => ({ status: 500 }) });
    const d = await demo({ env: { GUICHET_DELIVERY_BACKOFF_FIRST: '20ms', GUICHET_DELIVERY_BACKOFF_MAX: '1h' } });
    const c = await connector(d, { webhook: hook.url });
    for (const id of await c.talks(5)) await d.agent.reply(id, 'waits');
    await eventually(async () => (await c.deliveries('pending')).some((p) => p.attempts >= 6), { what: 'six attempts' });
    // Five lanes with at most seven doubled waits each; an even beat of 20 ms would give hundreds.
    assert.ok(hook.requests.length < 60, `${hook.requests.length} requests`);
    await d.stop();
    await hook.close();
  });

  it('what waits long goes out at once when a later message for that connector goes through', async () => {
    let dead = true;
    const hook = await sink({ behaviour: () => (dead ? { status: 500, headers: { 'Retry-After': '3600' } } : undefined) });
    const d = await demo({ env: { GUICHET_DELIVERY_BACKOFF_FIRST: '30ms', GUICHET_DELIVERY_BACKOFF_MAX: '1h' } });
    const c = await connector(d, { webhook: hook.url });
    for (const id of await c.talks(5)) await d.agent.reply(id, 'waits');
    const pending = await eventually(async () => { const x = await c.deliveries('pending'); return x.every((p) => p.attempts === 1) && x; });
    assert.ok(pending.every((p) => Date.parse(p.next_at) > Date.now() + 3_000_000), 'they would wait an hour');
    dead = false;
    await d.agent.reply((await c.talks(1))[0], 'later');
    await hook.received(6);
    assert.equal(text(hook.accepted[0]), 'later');
    assertSameBytes(hook.requests, c.client_secret);
    await d.stop();
    await hook.close();
  });

  it('after the retention a delivery is parked, the customer\'s next one goes out, and a replay sends the parked one', async () => {
    let bad = true;
    const hook = await sink({ behaviour: (r) => (bad && text(r) === 'old' ? { status: 500 } : undefined) });
    const d = await demo({ env: { GUICHET_DELIVERY_RETENTION: '500ms', GUICHET_DELIVERY_BACKOFF_FIRST: '30ms', GUICHET_DELIVERY_BACKOFF_MAX: '100ms' } });
    const c = await connector(d, { webhook: hook.url });
    const id = await c.talk();
    await d.agent.reply(id, 'old');
    const [parked] = await eventually(async () => { const x = await c.deliveries('parked'); return x.length === 1 && x; });
    assert.equal(parked.last_status, 500);
    assert.equal(parked.last_error, 'the webhook answered 500');
    const told = (await d.agent.messages(id)).at(-1).delivery;
    assert.equal(told.state, 'parked');
    assert.ok(told.attempts >= 1);
    await d.agent.reply(id, 'new');
    await hook.received(1);
    assert.equal(text(hook.accepted[0]), 'new');
    bad = false;
    assert.deepEqual(await cliJson(['deliveries', 'replay', parked.id, '--data', d.dir]), { replayed: 1 });
    await hook.received(2);
    assert.equal(text(hook.accepted[1]), 'old');
    assertSameBytes(hook.requests, c.client_secret);
    await eventually(async () => (await d.agent.messages(id)).filter((m) => m.delivery).every((m) => m.delivery.state === 'delivered'));
    const kinds = (await d.agent.timeline(id)).map((i) => i.kind).filter((k) => k.startsWith('delivery.'));
    assert.deepEqual(kinds, ['delivery.failed', 'delivery.parked', 'delivery.delivered', 'delivery.replayed', 'delivery.delivered']);
    await d.stop();
    await hook.close();
  });

  it('without an address, or disabled, it waits; and goes out as soon as that changes', async () => {
    const hook = await sink();
    const d = await demo({ env: { GUICHET_DELIVERY_BACKOFF_FIRST: '1h', GUICHET_DELIVERY_BACKOFF_MAX: '1h' } });
    const c = await connector(d);
    const id = await c.talk();
    await d.agent.reply(id, 'one');
    await c.set('--webhook', hook.url);
    await hook.received(1);
    await cliJson(['connector', 'disable', c.id, '--data', d.dir]);
    await d.agent.reply(id, 'two');
    const other = await sink();
    const probe = await connector(d, { webhook: other.url });
    await d.agent.reply(await probe.talk(), 'x');
    await other.received(1); // so the deliverer has seen "two" as well
    assert.equal(hook.requests.length, 1);
    await cliJson(['connector', 'enable', c.id, '--data', d.dir]);
    await hook.received(2);
    assert.deepEqual(hook.accepted.map(text), ['one', 'two']);
    await d.stop();
    await Promise.all([hook.close(), other.close()]);
  });

  it('a changed address takes effect at once while the old one fails', async () => {
    const old = await sink({ behaviour: () => ({ status: 500 }) });
    const next = await sink();
    const d = await demo({ env: { GUICHET_DELIVERY_BACKOFF_FIRST: '1h', GUICHET_DELIVERY_BACKOFF_MAX: '1h' } });
    const c = await connector(d, { webhook: old.url });
    const ids = await c.talks(6);
    for (const id of ids) await d.agent.reply(id, 'x');
    await old.received(1, { of: 'requests' });
    await c.set('--webhook', next.url);
    await next.received(6);
    assertSameBytes([...old.requests, ...next.requests], c.client_secret);
    await d.stop();
    await Promise.all([old.close(), next.close()]);
  });

  it('a rotated secret signs from then on, also what failed before: other signature, same bytes', async () => {
    let dead = true;
    const hook = await sink({ behaviour: () => (dead ? { status: 401 } : undefined) });
    const d = await demo({ env: { GUICHET_DELIVERY_BACKOFF_FIRST: '1h', GUICHET_DELIVERY_BACKOFF_MAX: '1h' } });
    const c = await connector(d, { webhook: hook.url });
    await d.agent.reply(await c.talk(), 'x');
    await hook.received(1, { of: 'requests' });
    await eventually(async () => (await c.deliveries('pending')).some((p) => p.attempts === 1));
    dead = false;
    const rotated = await cliJson(['connector', 'rotate-secret', c.id, '--data', d.dir]);
    await hook.received(1);
    const [first, second] = hook.requests;
    assert.ok(first.body.equals(second.body));
    assert.equal(first.headers['body-hash'], hmac(c.client_secret, first.body));
    assert.equal(second.headers['body-hash'], hmac(rotated.client_secret, second.body));
    await d.stop();
    await hook.close();
  });

  it('after kill -9 in the middle deliveries go on where they were: in order, none missing', async () => {
    const hook = await sink({ behaviour: () => ({ delay: 5 }) });
    const d = await demo({ webhook: hook.url });
    const expected = new Map();
    const texts = [];
    for (let n = 0; n < 6; n++) {
      const customer = unique('c');
      await d.partner.sendOk(message({ customer }));
      const [{ id }] = await d.agent.ofCustomer(d.connector.id, customer);
      expected.set(customer, []);
      for (let k = 0; k < 10; k++) {
        texts.push(`${customer} ${k}`);
        expected.get(customer).push(texts.at(-1));
        await d.agent.reply(id, texts.at(-1));
      }
      if (n % 2) await d.server.restart({ hard: true });
    }
    const distinct = () => new Set(hook.accepted.map(text));
    await eventually(() => distinct().size === texts.length, { what: `${texts.length} answers, ${distinct().size} there` });
    for (const [customer, said] of expected) {
      const seen = hook.accepted.filter((r) => r.json.customer_id === customer).map(text);
      assert.deepEqual(seen.filter((t, i) => seen.indexOf(t) === i), said, 'first arrivals are in order');
    }
    assertSameBytes(hook.requests, d.connector.client_secret);
    assert.ok(hook.accepted.length - texts.length <= 6 * 3, 'repeats only of what was under way at a crash');
    await d.stop();
    await hook.close();
  });
});

describe('Private addresses', () => {
  const spellings = (port) => [
    '127.0.0.1', '127.0.0.2', '127.1', '127.0.1', '2130706433', '0x7f000001', '0x7f.1', '0x7f.0x0.0x0.0x1', '0177.0.0.1', '017700000001', '0177.1',
    '127.0.0.1.', '0', '0.0.0.0', '0x0', '00000000', 'localhost', 'LOCALHOST', 'localhost.', '[::1]', '[::]', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]', '[::127.0.0.1]', '[64:ff9b::127.0.0.1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '[fe80::1]', '[fe80::1%25lo]', '[fc00::1]', '[fd00::1]',
    '[ff02::1]', '10.0.0.1', '172.16.0.1', '172.31.255.254', '192.168.0.1', '169.254.169.254', '2852039166', '0xa9fea9fe', '100.64.0.1', '224.0.0.1',
    '255.255.255.255', '240.0.0.1', '198.18.0.1', '127%2e0%2e0%2e1', '１２７.0.0.1', '127。0。0。1',
  ].map((host) => `http://${host}:${port}/`).concat([`https://127.0.0.1:${port}/`, `HTTP://127.0.0.1:${port}/`, `http://127.0.0.1:${port}`, `http://127.0.0.1:${port}#@example.com/`]);

  it('are refused in every spelling; nobody connects', async () => {
    const bird = await canary();
    const d = await demo({ env: { GUICHET_ALLOW_PRIVATE_TARGETS: '', GUICHET_DELIVERY_BACKOFF_FIRST: '1h', GUICHET_DELIVERY_BACKOFF_MAX: '1h', GUICHET_DELIVERY_TIMEOUT: '5s' } });
    const urls = spellings(bird.port);
    assert.ok(urls.length >= 40);
    let sent = 0;
    for (const url of urls) {
      const name = unique('spelling');
      const made = await cli(['connector', 'create', '--data', d.dir, '--name', name, '--webhook', url, '--json']);
      if (made.code !== 0) continue; // not an address at all
      const c = partner(d.server, made.json);
      const customer = unique('customer');
      await c.sendOk(message({ customer }));
      const [{ id }] = await d.agent.ofCustomer(made.json.id, customer);
      await d.agent.reply(id, url);
      c.close();
      sent++;
    }
    assert.ok(sent >= 40, `${sent} could be set as a webhook`);
    const items = await eventually(async () => {
      const list = (await cliJson(['deliveries', 'list', '--data', d.dir, '--limit', '1000'])).items;
      return list.length === sent && list.every((i) => i.attempts >= 1) && list;
    }, { what: 'every one tried' });
    for (const i of items) assert.deepEqual([i.state, i.last_status], ['pending', 0], JSON.stringify(i));
    assert.ok(items.filter((i) => /is private/.test(i.last_error)).length >= 36, JSON.stringify(items.map((i) => i.last_error)));
    assert.equal(bird.connections, 0);
    await d.stop();
    bird.close();
  });

  it('are reached when the setting allows them, after a restart too', async () => {
    const hook = await sink();
    const data = await demoData({ webhook: hook.url });
    const server = await startServer({ dir: data.dir, env: { GUICHET_ALLOW_PRIVATE_TARGETS: '10.0.0.0/8', GUICHET_DELIVERY_BACKOFF_FIRST: '1s' } });
    const [p, a] = [partner(server, data.connector), agent(server, data.token)];
    const customer = unique('c');
    await p.sendOk(message({ customer }));
    const [{ id }] = await a.ofCustomer(data.connector.id, customer);
    await a.reply(id, 'x');
    await eventually(async () => /is private and allow_private_targets/.test((await a.messages(id)).at(-1).delivery.lastError));
    assert.equal(hook.connections, 0);
    await server.restart({ env: { GUICHET_ALLOW_PRIVATE_TARGETS: '10.0.0.0/8, 127.0.0.1' } });
    await hook.received(1);
    await server.stop();
    await hook.close();
  });
});

describe('Files that a partner names by URL', () => {
  const png = Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de', 'hex');
  let d;
  let files;
  let hits;
  before(async () => {
    hits = [];
    files = http.createServer((req, res) => {
      hits.push(req.url);
      if (req.url.startsWith('/png')) res.end(png);
      else if (req.url === '/later') res.writeHead(hits.filter((h) => h === '/later').length < 3 ? 503 : 200).end('now it is here');
      else if (req.url === '/elsewhere') res.writeHead(302, { Location: '/png' }).end();
      else if (req.url === '/large') res.end(Buffer.alloc(3_000_000));
      else if (req.url === '/endless') { const more = () => { while (res.write('x'.repeat(65536))); }; res.on('drain', more); more(); }
      else res.writeHead(404).end();
    });
    await new Promise((resolve) => files.listen(0, '127.0.0.1', resolve));
    d = await demo({ env: { GUICHET_DELIVERY_BACKOFF_FIRST: '10ms', GUICHET_ATTACHMENT_MAX: '1M' } });
  });
  after(async () => {
    await d.stop();
    files.closeAllConnections();
    files.close();
  });

  async function sendFile(url, name = 'photo.png') {
    const customer = unique('customer');
    const m = message({ customer });
    m.body.attachments = [{ id: '1', name, mime_type: 'image/png', content: { type: 'url', data: url } }];
    await d.partner.sendOk(m);
    const [{ id }] = await d.agent.ofCustomer(d.connector.id, customer);
    return async () => (await d.agent.messages(id))[0].attachments[0];
  }
  const at = (path) => `http://127.0.0.1:${files.address().port}${path}`;

  it('are fetched after the answer, typed by content, and shown to the agent', async () => {
    const file = await sendFile(at('/png?x=1'));
    const got = await eventually(async () => { const f = await file(); return f.state === 'stored' && f; });
    assert.deepEqual([got.size, got.mimeType, got.foundType], [png.length, 'image/png', 'image/png']);
    assert.ok((await d.agent.file(got.id)).bytes.equals(png));
  });

  it('are tried again while they cannot be had', async () => {
    const file = await sendFile(at('/later'));
    const got = await eventually(async () => { const f = await file(); return f.state === 'stored' && f; });
    assert.equal((await d.agent.file(got.id)).text, 'now it is here');
    assert.equal(hits.filter((h) => h === '/later').length, 3);
  });

  for (const [name, path] of [['too large', '/large'], ['without end', '/endless']]) {
    it(`are given up when ${name}`, async () => {
      const file = await sendFile(at(path));
      await eventually(async () => (await file()).state === 'failed');
      assert.equal(hits.filter((h) => h === path).length, 1);
    });
  }

  it('redirects are not followed', async () => {
    const pngs = hits.filter((h) => h === '/png').length;
    await sendFile(at('/elsewhere'));
    await eventually(() => hits.includes('/elsewhere'));
    const next = await sendFile(at('/png?y=2'));
    await eventually(async () => (await next()).state === 'stored');
    assert.equal(hits.filter((h) => h === '/png').length, pngs);
  });

  it('never from private addresses that the setting does not name', async () => {
    const bird = await canary();
    for (const host of ['[::1]', '[::ffff:10.0.0.1]', '169.254.169.254', '10.0.0.1', '0']) await sendFile(`http://${host}:${bird.port}/x`);
    const probe = await sendFile(at('/png?z=3'));
    await eventually(async () => (await probe()).state === 'stored');
    assert.equal(bird.connections, 0);
    bird.close();
  });
});
