// The edges of the agent's side: guesses that come all at once, owners of guessed logins, keys reused with other words,
// files one byte too long, a session that the damaged store cannot show.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { ONLY_SQLITE, cliJson, demo, demoData, eventually, startServer, message, unique, sleep, requestJson, agent, login } from '../lib/server.js';

const tryLogin = (d, body, headers = {}) => requestJson(`${d.server.url}/api/v3/agent/login`, body, { headers });

describe('guessing at passwords', () => {
  let d;
  before(async () => { d = await demo({ env: { GUICHET_TRUSTED_PROXIES: '127.0.0.0/8' } }); });
  after(async () => { await d.stop(); });

  it('all at once gets no more guesses than one after the other', async () => {
    const name = unique('nobody');
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => tryLogin(d, { login: name, password: `guess ${i}` })));
    const looked = answers.filter((r) => r.status === 401).length;
    assert.equal(answers.filter((r) => r.status === 429).length, 60 - looked);
    assert.ok(looked >= 5 && looked <= 8, `${looked} guesses were looked at`); // five free, and those at the workers already
  });

  it('from many addresses is slowed down too, and the owner ends it by logging in', async () => {
    const { login: name, password } = d.person;
    const from = (n, more) => ({ 'X-Forwarded-For': `203.0.113.${n}`, ...more });
    const first = await tryLogin(d, { login: name, password }, from(200));
    const mark = first.headers['set-cookie'].find((c) => c.startsWith('guichet_device='));
    assert.match(mark, /^guichet_device=[0-9a-f]{16}\.[0-9a-f]{32}; Path=\/api\/v3\/agent\/login; HttpOnly; SameSite=Strict; Max-Age=31536000$/);
    const known = { Cookie: mark.split(';')[0] };
    let braked = null;
    for (let n = 1; n < 80 && !braked; n++) {
      const r = await tryLogin(d, { login: name, password: 'wrong' }, from(n));
      if (r.status === 429) braked = r;
      else assert.equal(r.status, 401);
      if (n < 50) assert.equal(braked, null, 'patience for the owner');
    }
    assert.ok(braked, 'braked at last');
    // In a browser of theirs the owner is let in meanwhile, from wherever.
    assert.equal((await tryLogin(d, { login: name, password }, from(201, known))).status, 200);
    // Wrong passwords with the mark count for it alone.
    let own = null;
    for (let i = 0; i < 12 && !own; i++) own = (await tryLogin(d, { login: name, password: 'wrong' }, from(205, known))).status === 429;
    assert.ok(own, 'a mark is no licence to guess');
    await sleep(1000 * Number(braked.headers['retry-after']) + 50);
    assert.equal((await tryLogin(d, { login: name, password }, from(99))).status, 200);
    assert.equal((await tryLogin(d, { login: name, password: 'wrong' }, from(100))).status, 401);
    assert.equal((await tryLogin(d, { login: name, password }, from(101))).status, 200, 'begun anew');
  });
});

describe('guessing at many logins', () => {
  it('from one network is slowed down; others, and IPv6 neighbours as one, are not touched', async () => {
    const d = await demo({ env: { GUICHET_TRUSTED_PROXIES: '127.0.0.0/8' } });
    const guess = (address) => tryLogin(d, { login: unique('nobody'), password: 'wrong' }, { 'X-Forwarded-For': address });
    let n = 0;
    let braked = false;
    const spray = async () => { while (!braked && n < 200) { n++; braked ||= (await guess(`2001:db8:5::${n.toString(16)}`)).status === 429; } };
    await Promise.all([spray(), spray(), spray(), spray()]);
    assert.ok(braked && n > 100, `after ${n} guesses`);
    assert.equal((await tryLogin(d, d.person, { 'X-Forwarded-For': '2001:db8:5::ffff' })).status, 429);
    assert.equal((await tryLogin(d, d.person, { 'X-Forwarded-For': '2001:db8:6::1' })).status, 200);
    await d.stop();
  });
});

describe('one login in two instances', () => {
  it('is told apart by the password, and by the instance where that is the same', async () => {
    const d = await demo();
    const make = (instance, password) => cliJson(['agent', 'create', '--data', d.dir, '--instance', instance, '--login', d.person.login, '--first-name', 'N', '--last-name', instance, '--profile', 'agent', '--password-stdin'], { input: `${password}\n` });
    for (const instance of ['Second', 'Third']) await cliJson(['instance', 'create', '--data', d.dir, '--name', instance]);
    const second = await make('Second', 'another password');
    await make('Third', d.person.password);
    const enter = (password, instance) => tryLogin(d, { login: d.person.login, password, instance });
    const r = await eventually(async () => { const x = await enter('another password'); return x.status === 200 && x; });
    assert.equal(r.json.agent.id, second.id);
    const both = await enter(d.person.password);
    assert.equal(both.status, 400, both.text);
    assert.deepEqual(both.json.errors, [{ pointer: '/instance', problem: 'is required: several instances know this login with this password' }]);
    assert.equal((await enter(d.person.password, 'Third')).json.agent.displayName, 'N Third');
    assert.equal((await enter(d.person.password, d.instance.name)).status, 200);
    assert.equal((await enter(d.person.password, 'Second')).status, 401);
    assert.equal((await enter('wrong')).status, 401);
    await d.stop();
  });
});

describe('writing', () => {
  let d;
  let id;
  before(async () => {
    d = await demo({ env: { GUICHET_ATTACHMENT_MAX: '2k' } });
    const customer = unique('edge');
    await d.partner.sendOk(message({ customer }));
    [{ id }] = await d.agent.ofCustomer(d.connector.id, customer);
  });
  after(async () => { await d.stop(); });

  it('an upload under the same Idempotency-Key is the same only with the same name and type', async () => {
    const upload = (name, type, key = 'up') => d.agent.call('POST', `/interactions/${id}/attachments?name=${name}`, { body: Buffer.from('bytes'), headers: { 'Content-Type': type, 'Idempotency-Key': key } });
    const first = await upload('a.txt', 'text/plain');
    assert.equal(first.status, 201, first.text);
    assert.equal((await upload('a.txt', 'text/plain')).text, first.text);
    assert.equal((await upload('b.txt', 'text/plain')).status, 409);
    assert.equal((await upload('a.txt', 'text/html')).status, 409);
    assert.notEqual((await upload('b.txt', 'text/plain', 'other')).json.id, first.json.id);
  });

  for (const [bytes, status] of [[0, 201], [2048, 201], [2049, 413], [2050, 413], [2056, 413], [9000, 413]]) {
    it(`an answer's file of ${bytes} bytes: ${status}`, async () => {
      const data = Buffer.alloc(bytes, 7).toString('base64');
      const r = await d.agent.call('POST', `/interactions/${id}/messages`, { json: { attachments: [{ name: 'f', mime_type: 'a/b', data }] } });
      assert.equal(r.status, status, r.text);
      const raw = await d.agent.call('POST', `/interactions/${id}/attachments?name=f`, { body: Buffer.alloc(bytes, 7), headers: { 'Content-Type': 'a/b' } });
      assert.equal(raw.status, status, raw.text);
    });
  }
});

describe('a store that cannot be read', ONLY_SQLITE, () => {
  it('says so instead of logging people out', async () => {
    const data = await demoData();
    let server = await startServer({ dir: data.dir });
    const { cookie } = await login(server, data.person);
    const person = agent(server, null, { headers: { Cookie: cookie } });
    assert.equal((await person.call('GET', '/api/v3/agent/me')).status, 200);
    await server.stop();
    // Garbage over every page that holds the session.
    const hash = crypto.createHash('sha256').update(/guichet_session=([0-9a-f]+)/.exec(cookie)[1]).digest();
    const file = path.join(data.dir, 'guichet.db');
    const bytes = fs.readFileSync(file);
    let hits = 0;
    for (let at = 0; at < bytes.length; at += 4096) {
      if (!bytes.subarray(at, at + 4096).includes(hash)) continue;
      bytes.fill(0x5a, at, at + 4096);
      hits++;
    }
    assert.ok(hits > 0);
    fs.writeFileSync(file, bytes);
    fs.rmSync(`${file}-wal`, { force: true });
    server = await startServer({ dir: data.dir });
    const again = agent(server, null, { headers: person.auth });
    for (let i = 0; i < 3; i++) {
      const r = await again.call('GET', '/api/v3/agent/me');
      assert.equal(r.status, 503, r.text);
      assert.ok(r.headers['retry-after']);
    }
    // What does not need that page goes on.
    assert.equal((await agent(server, data.token).call('GET', '/interactions')).status, 200);
    assert.equal((await server.health()).json.status, 'ok');
    await server.kill(); // a clean stop would write to that page, and rightly end with 1
  });
});
