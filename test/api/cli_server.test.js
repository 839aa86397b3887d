// The command line beside a running server: changes it notices at once, a partner and an agent on the terminal, deliveries, backups under load.
import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ID, ends, start } from '../lib/commands.js';
import { ONLY_SQLITE, agent, cli, cliJson, demo, eventually, login, message, newDataDir, newFolder, partner, request, sink, startServer, unique } from '../lib/server.js';

// ---- beside a running server ------------------------------------------------------------------------------------------------

describe('Beside a running server', () => {
  let d;
  let hook;
  const run = (args, options) => cliJson([...args, '--data', d.dir], options);
  before(async () => {
    hook = await sink();
    d = await demo({ webhook: hook.url });
  });
  after(async () => {
    await d.stop();
    await hook.close();
  });

  it('a connector is there at once, and gone at once', async () => {
    const made = await run(['connector', 'create', '--name', unique('late')]);
    const p = partner(d.server, made);
    await p.sendOk(message());
    await run(['connector', 'disable', made.id]);
    assert.equal((await p.send(message())).status, 401);
    await assert.rejects(p.newToken(), /401/);
    await run(['connector', 'enable', made.id]);
    await partner(d.server, made).sendOk(message());
  });
  it('a rotated secret counts at once', async () => {
    const made = await run(['connector', 'create', '--name', unique('rotating')]);
    const p = partner(d.server, made);
    await p.sendOk(message());
    const { client_secret } = await run(['connector', 'rotate-secret', made.id, '--keep-old', '0s']);
    assert.equal((await p.send(message())).status, 401, 'tokens from before have ended');
    await assert.rejects(p.newToken(), /401/, 'the old secret has ended');
    await partner(d.server, { ...made, client_secret }).sendOk(message());
  });
  it('a person may log in at once, and no longer at once', async () => {
    const who = unique('person');
    const { id, password } = await run(['agent', 'create', '--login', who]);
    const first = await login(d.server, { login: who, password });
    assert.equal(first.status, 200, first.text);
    const me = (cookie) => request(`${d.server.url}/api/v3/agent/me`, { headers: { Cookie: cookie } });
    assert.equal((await me(first.cookie)).json.agent.id, id);
    const again = await run(['agent', 'set-password', who]);
    assert.equal((await me(first.cookie)).status, 401, 'a new password ends sessions');
    assert.equal((await login(d.server, { login: who, password })).status, 401);
    const second = await login(d.server, { login: who, password: again.password });
    assert.equal(second.status, 200);
    await run(['agent', 'disable', who]);
    assert.equal((await me(second.cookie)).status, 401, 'disabling ends sessions');
    assert.equal((await login(d.server, { login: who, password: again.password })).status, 401);
  });
  it('a token counts at once, and no longer at once', async () => {
    const { token, id } = await run(['token', 'create', '--label', unique('t'), '--rights', 'interaction:GET']);
    assert.equal((await agent(d.server, token).call('GET', '/interactions')).status, 200);
    await run(['token', 'disable', id]);
    assert.equal((await agent(d.server, token).call('GET', '/interactions')).status, 401);
  });
  it('doctor knows that the port is ours', async () => {
    const r = await cli(['doctor', '--data', d.dir, '--json', '--listen', `127.0.0.1:${d.server.port}`], { env: { GUICHET_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8' } });
    assert.equal(r.code, 0, r.stdout);
    assert.match(r.json.checks.find((c) => c.check === 'listen address').found, /served by Guichet/);
  });
  it('a second server on the folder is refused', async () => {
    const r = await cli(['serve', '--data', d.dir, '--listen', '127.0.0.1:0']);
    assert.equal(r.code, 1);
    assert.match(r.stderr, /another server/);
  });

  describe('a partner and an agent on the terminal', () => {
    const creds = () => ['--url', d.server.url, '--client-id', d.connector.client_id, '--client-secret', d.connector.client_secret];
    const api = () => ['--url', d.server.url, '--token', d.token];
    const of = async (customer) => (await d.agent.ofCustomer(d.connector.id, customer)).at(-1);

    it('send, interactions, reply, listen, timeline', async () => {
      const h = start(['listen', '--port', '0', '--secret', d.connector.client_secret, '--json', '--count', '1']);
      const url = await eventually(() => /listening on (http:\S+)/.exec(h.err)?.[1]);
      await run(['connector', 'set', d.connector.id, '--webhook', url]);
      const customer = unique('ann');
      const sent = await ends(0, ['send', ...creds(), '--customer', customer, '--name', 'Ann Ünï', '--text', 'Hello, is anyone there?']);
      assert.match(sent.stdout, /^stored \(200\)/);
      const listed = await ends(0, ['interactions', ...api()]);
      const id = new RegExp(`^([0-9a-f]{24}) +queued +.*\\(${customer}\\)`, 'm').exec(listed.stdout)[1];
      const items = (await cliJson(['interactions', ...api(), '--state', 'queued'])).items;
      assert.ok(items.some((i) => i.id === id && i.customer.externalId === customer));
      const file = path.join(newFolder(), 'map.txt');
      fs.writeFileSync(file, 'turn left');
      const answer = await cliJson(['reply', ...api(), id, 'Yes: turn "left" —', '--file', file]);
      assert.equal(answer.text, 'Yes: turn "left" —');
      assert.deepEqual(answer.attachments.map((a) => [a.name, a.mimeType, a.size]), [['map.txt', 'text/plain', 9]]);
      assert.deepEqual(await h.ended, { code: 0, signal: null });
      const [got] = h.lines().map((l) => JSON.parse(l));
      assert.equal(got.signature, 'right');
      assert.equal(got.message.customer_id, customer);
      assert.equal(got.message.body.message, 'Yes: turn "left" —');
      const shown = await ends(0, ['timeline', ...api(), id]);
      assert.match(shown.stdout, /-> Ann Ünï\n    Hello, is anyone there\?\n/);
      assert.match(shown.stdout, /<- .*\n    Yes: turn "left" —\n    \[map.txt, text\/plain, 9 bytes\]/);
      const timeline = (await cliJson(['timeline', ...api(), id])).items;
      assert.deepEqual(timeline.filter((i) => i.kind.startsWith('message.')).map((i) => i.message.direction), ['in', 'out']);
      await run(['connector', 'set', d.connector.id, '--webhook', hook.url]);
    });
    it('send: history first, files, the same id again is stored once, a token is reused', async () => {
      const customer = unique('ben');
      const bot = { type: 'bot', id: 'bot', name: 'Bot' };
      const human = { type: 'human', id: customer, name: 'Ben' };
      const history = [
        { id: 'h1', created_at: 1_700_000_000, customer_id: customer, sender: human, recipient: bot, body: { message: 'I am Ben' } },
        { id: 'h2', created_at: 1_700_000_001, customer_id: customer, sender: bot, recipient: human, body: { message: 'Hi Ben' }, metadata: { n: 12345678901234567 } },
      ];
      const dir = newFolder();
      const picture = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
      fs.writeFileSync(path.join(dir, 'dot.png'), picture);
      fs.writeFileSync(path.join(dir, 'array.json'), JSON.stringify(history));
      fs.writeFileSync(path.join(dir, 'object.json'), JSON.stringify({ messages: history }, null, 2));
      const args = ['send', ...creds(), '--customer', customer, '--text', 'Now a human', '--id', 'm1', '--created-at', '1700000002', '--file', path.join(dir, 'dot.png')];
      const sent = await cliJson([...args, '--history', path.join(dir, 'array.json')]);
      assert.deepEqual([sent.status, sent.messages, sent.answer], [200, ['h1', 'h2', 'm1'], {}]);
      await cliJson([...args, '--history', path.join(dir, 'object.json')]);
      const messages = await d.agent.messages((await of(customer)).id);
      assert.deepEqual(messages.map((m) => [m.direction, m.text]), [['history', 'I am Ben'], ['history', 'Hi Ben'], ['in', 'Now a human']]);
      assert.deepEqual(messages[2].attachments.map((a) => [a.name, a.mimeType, a.size]), [['dot.png', 'image/png', picture.length]]);
      await cliJson(['send', '--url', `${d.server.url}/`, '--token', sent.access_token, '--customer', customer, '--text', 'by token']);
      assert.equal((await d.agent.messages((await of(customer)).id)).length, 4);
    });
    it('refusals have their own exit codes and say what to do', async () => {
      const id = (await d.agent.list({ limit: 1 })).items[0].id;
      const weak = (await run(['token', 'create', '--label', unique('weak'), '--rights', 'agent:GET'])).token;
      const reader = (await run(['token', 'create', '--label', unique('reader'), '--rights', 'interaction:GET'])).token;
      const dir = newFolder();
      fs.writeFileSync(path.join(dir, 'bad.json'), '[{');
      fs.writeFileSync(path.join(dir, 'wrong.json'), '{"messages":{}}');
      const bad = [{ id: 'x', created_at: 1, customer_id: 'someone', sender: { type: 'human', id: 'other', name: 'o' }, recipient: { type: 'bot', id: 'b', name: 'b' }, body: { message: 'm' } }];
      fs.writeFileSync(path.join(dir, 'rule.json'), JSON.stringify(bad));
      const gone = 'http://127.0.0.1:9';
      const cases = [
        [4, ['send', ...creds().slice(0, -1), 'wrong', '--customer', 'c', '--text', 't'], /401.*invalid_client.*check the token or the secret/],
        [4, ['send', ...creds(), '--history', path.join(dir, 'rule.json')], /400: .*messages\[0\]/],
        [2, ['send', ...creds(), '--history', path.join(dir, 'bad.json')], /--history: .*byte/],
        [2, ['send', ...creds(), '--history', path.join(dir, 'wrong.json')], /neither an array/],
        [3, ['send', ...creds(), '--history', path.join(dir, 'none.json')], /--history: cannot read/],
        [3, ['send', ...creds(), '--customer', 'c', '--file', path.join(dir, 'none')], /--file: cannot read/],
        [1, ['send', '--url', gone, '--token', 'x', '--customer', 'c', '--text', 't'], /is guichet serve running there/],
        [1, ['send', '--url', hook.url.replace('/hook', ''), '--client-id', 'a', '--client-secret', 'b', '--customer', 'c', '--text', 't'], /is that Guichet/],
        [2, ['interactions', '--url', 'gopher://x', '--token', 'x'], /--url: /],
        [4, ['interactions', '--url', d.server.url, '--token', 'f'.repeat(40)], /401/],
        [4, ['interactions', '--url', d.server.url, '--token', weak], /401.*what rights it has/],
        [4, ['interactions', ...api(), '--state', 'nonsense'], /400/],
        [3, ['timeline', ...api(), 'f'.repeat(24)], /404/],
        [3, ['timeline', ...api(), '../../secret'], /404/],
        [3, ['reply', ...api(), 'f'.repeat(24), 'hello'], /404/],
        [4, ['reply', '--url', d.server.url, '--token', reader, id, 'hello'], /403.*lacks the right/],
      ];
      for (const [code, args, sentence] of cases) assert.match((await ends(code, args)).stderr, sentence, args.join(' '));
      const customer = unique('closed');
      await ends(0, ['send', ...creds(), '--customer', customer, '--text', 'x']);
      const { id: closed } = await of(customer);
      await d.agent.close(closed);
      assert.match((await ends(4, ['reply', ...api(), closed, 'too late'])).stderr, /409/);
    });
    it('hostile texts of partners do nothing to the terminal', async () => {
      const customer = `x\u001b[31m${unique('evil')}`;
      await d.partner.sendOk({ ...message({ customer }), sender: { type: 'human', id: customer, name: '\u001b]0;pwned\u0007' }, body: { message: 'a\u001b[2Jb\u202ec\r\nd' } });
      const { id } = await of(customer);
      for (const args of [['timeline', ...api(), id], ['interactions', ...api()]]) {
        assert.doesNotMatch((await ends(0, args)).stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/u);
      }
    });
  });
});

describe('Deliveries', () => {
  it('parked ones are listed, shown, and sent again: the same bytes, while the server runs', async () => {
    let works = false;
    const hook = await sink({ behaviour: () => (works ? {} : { status: 500 }) });
    const d = await demo({ webhook: hook.url, env: { GUICHET_DELIVERY_RETENTION: '300ms', GUICHET_DELIVERY_BACKOFF_FIRST: '20ms', GUICHET_DELIVERY_BACKOFF_MAX: '50ms' } });
    const run = (args) => cliJson(['deliveries', ...args, '--data', d.dir]);
    const customers = [unique('c'), unique('c'), unique('c')];
    const texts = [];
    for (const customer of customers) {
      await d.partner.sendOk(message({ customer }));
      const [{ id }] = await d.agent.ofCustomer(d.connector.id, customer);
      texts.push(unique('answer'));
      await d.agent.reply(id, texts.at(-1));
    }
    const parked = await eventually(async () => { const { items } = await run(['list', '--state', 'parked']); return items.length === 3 && items; }, { what: 'three parked deliveries' });
    for (const p of parked) {
      assert.deepEqual([p.state, p.connector.id, p.last_status, p.next_at], ['parked', d.connector.id, 500, null]);
      assert.ok(p.attempts >= 1 && Date.parse(p.settled_at) > 0);
      assert.match(p.id, ID);
    }
    assert.deepEqual((await run(['list', '--state', 'pending'])).items, []);
    assert.deepEqual((await run(['list', '--connector', 'demo-bot'])).items.length, 3);
    const shown = await run(['show', parked[0].id]);
    assert.equal(JSON.parse(shown.payload).body.message, texts[0]);
    const table = await ends(0, ['deliveries', 'list', '--data', d.dir]);
    assert.match(table.stdout, new RegExp(`^${parked[0].id} +parked +demo-bot `, 'm'));
    const doctor = await cli(['doctor', '--data', d.dir, '--json', '--listen', `127.0.0.1:${d.server.port}`]);
    assert.match(doctor.json.checks.find((c) => c.check === 'deliveries').found, /3 parked/);

    works = true;
    assert.deepEqual(await run(['replay', parked[1].id]), { replayed: 1 });
    await hook.received(1);
    assert.equal(hook.accepted[0].body.toString(), (await run(['show', parked[1].id])).payload);
    const before_ = hook.requests.filter((r) => r.json.body.message === texts[1]).map((r) => r.body.toString());
    assert.ok(before_.length >= 2 && before_.every((b) => b === before_[0]), 'the same bytes as before it was parked');
    assert.deepEqual(await run(['replay', '--connector', 'demo-bot']), { replayed: 2 });
    await hook.received(3);
    assert.deepEqual(hook.accepted.map((r) => r.json.body.message).sort(), [...texts].sort());
    hook.assertSigned(d.connector.client_secret);
    await eventually(async () => (await run(['list', '--state', 'delivered'])).items.length === 3);
    assert.deepEqual(await run(['replay', '--all']), { replayed: 0 });
    assert.deepEqual(await run(['replay', parked[0].id]), { replayed: 1 }, 'a delivered one goes again on demand');
    await hook.received(4);
    await d.stop();
    await hook.close();
  });
  it('a pending one is not replayed: it is being tried already', async () => {
    const hook = await sink({ behaviour: () => ({ status: 500 }) });
    const d = await demo({ webhook: hook.url });
    const customer = unique('c');
    await d.partner.sendOk(message({ customer }));
    await d.agent.reply((await d.agent.ofCustomer(d.connector.id, customer))[0].id, 'x');
    const { items: [pending] } = await cliJson(['deliveries', 'list', '--data', d.dir]);
    assert.equal(pending.state, 'pending');
    assert.match((await ends(4, ['deliveries', 'replay', pending.id, '--data', d.dir])).stderr, /still pending/);
    await d.stop();
    await hook.close();
  });
});

describe('backup under load', ONLY_SQLITE, () => {
  it('holds every message that was answered before it began, and only whole requests', async () => {
    const d = await demo();
    const acked = [];
    let going = true;
    const writers = Array.from({ length: 8 }, async (_, w) => {
      for (let i = 0; going; i++) {
        const customer = `w${w}`;
        const pair = [0, 1].map((n) => message({ id: `${w}-${i}-${n}`, customer, text: `${i}` }));
        await d.partner.sendOk(pair);
        acked.push(...pair.map((m) => m.id));
      }
    });
    const file = path.join(newFolder(), 'copy');
    await eventually(() => acked.length > 400, { what: 'load' });
    const before_ = [...acked];
    await cliJson(['backup', file, '--data', d.dir, '--with-key']);
    await eventually(() => acked.length > before_.length + 100, { what: 'the server goes on' });
    going = false;
    await Promise.all(writers);
    await d.stop();

    const dir = newDataDir();
    await cliJson(['restore', file, '--data', dir]);
    const server = await startServer({ dir });
    const a = agent(server, d.token);
    const stored = [];
    for (let w = 0; w < 8; w++) {
      for (const { id } of await a.ofCustomer(d.connector.id, `w${w}`)) stored.push(...(await a.messages(id)).map((m) => m.externalId));
    }
    const set = new Set(stored);
    assert.equal(set.size, stored.length, 'each once');
    for (const id of before_) assert.ok(set.has(id), `${id} was answered before the backup`);
    for (const id of stored) assert.ok(set.has(id.replace(/[01]$/, (n) => 1 - n)), `${id}: half a request`);
    await partner(server, d.connector).sendOk(message());
    await server.stop();
  });
});
