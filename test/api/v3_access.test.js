// Who may: people by password and session cookie, programs by API token; the brakes on guessing; requests of foreign pages.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { demo, message, unique, agent, login, cliJson, cli, eventually, request, requestJson } from '../lib/server.js';

const NOT_VALID = 'The authentication token is not valid';

describe('logging in', () => {
  let d;
  before(async () => { d = await demo(); });
  after(() => d.stop());
  const session = (cookie) => agent(d.server, null, { headers: { Cookie: cookie } });

  it('gives a session as a cookie that scripts and other sites cannot use', async () => {
    const r = await login(d.server, d.person);
    assert.equal(r.status, 200, r.text);
    const who = r.json.agent;
    assert.ok(Number.isInteger(who.id));
    assert.deepEqual([who.login, who.profile], [d.person.login, 'agent']);
    assert.ok(who.displayName);
    const [cookie] = r.headers['set-cookie'];
    assert.match(cookie, /^guichet_session=[\w-]{32,};/);
    assert.match(cookie, /; *HttpOnly/i);
    assert.match(cookie, /; *SameSite=Strict/i);
    assert.match(cookie, /; *Path=\/(;|$)/i);
    assert.doesNotMatch(cookie, /; *Secure/i, 'not over plain HTTP');
    assert.doesNotMatch(cookie, /; *Domain=/i);
    assert.match(r.headers['cache-control'] ?? '', /no-store/);
    const me = await request(`${d.server.url}/api/v3/agent/me`, { headers: { Cookie: r.cookie } });
    assert.equal(me.status, 200);
    for (const [k, v] of Object.entries(who)) assert.deepEqual(me.json.agent[k], v, k);
    assert.ok(me.json.states.some((x) => x.kind === 'ready'));
  });

  it('an agent works by session: accepts, answers, notes as themselves', async () => {
    const { cookie, json } = await login(d.server, d.person);
    const customer = unique('c');
    await d.partner.sendOk(message({ customer }));
    const a = session(cookie);
    const [i] = await a.ofCustomer(d.connector.id, customer);
    const accepted = await a.accept(i.id);
    assert.deepEqual(accepted.agent, { id: json.agent.id, name: json.agent.displayName });
    await a.reply(i.id, 'hello');
    await a.note(i.id, 'note');
    const timeline = await a.timeline(i.id);
    for (const kind of ['interaction.accepted', 'message.sent', 'note.added']) assert.equal(timeline.find((e) => e.kind === kind).agent.id, json.agent.id);
    assert.deepEqual((await a.all({ agent: json.agent.id })).map((x) => x.id), [i.id]);
  });

  it('the first administrator may log in too', async () => {
    const r = await login(d.server, d.admin);
    assert.equal(r.status, 200, r.text);
    assert.equal(r.json.agent.profile, 'administrator');
  });

  it('logging out ends the session, and only this one', async () => {
    const [one, two] = [await login(d.server, d.person), await login(d.server, d.person)];
    assert.notEqual(one.cookie, two.cookie);
    const out = await request(`${d.server.url}/api/v3/agent/logout`, { method: 'POST', headers: { Cookie: one.cookie, 'Content-Length': 0 } });
    assert.equal(out.status, 204);
    assert.match(out.headers['set-cookie'][0], /^guichet_session=;.*(Max-Age=0|Expires=)/i);
    assert.equal((await session(one.cookie).call('GET', '/interactions')).status, 401);
    assert.equal((await session(two.cookie).call('GET', '/interactions')).status, 200);
  });

  it('sessions outlive a restart', async () => {
    const { cookie } = await login(d.server, d.person);
    await d.server.restart();
    assert.equal((await session(cookie).call('GET', '/interactions')).status, 200);
  });

  for (const [name, change, status] of [
    ['a wrong password', { password: 'wrong password' }, 401],
    ['an unknown login', { login: 'nobody' }, 401],
    ['an unknown instance', { instance: 'nowhere' }, 401],
    ['an empty password', { password: '' }, [400, 401]],
    ['the login in another case with a wrong password', { login: 'ADMIN', password: 'x' }, 401],
    ['no password', { password: undefined }, 400],
    ['a login that is a number', { login: 5 }, 400],
    ['a password of a megabyte', { password: 'x'.repeat(1 << 20) }, [400, 401, 413]],
    ['NUL in the password', { password: 'a\0b' }, [400, 401]],
  ]) {
    it(`refuses ${name}`, async () => {
      const r = await requestJson(`${d.server.url}/api/v3/agent/login`, { ...d.person, ...change });
      assert.ok([status].flat().includes(r.status), `${r.status} ${r.text}`);
      assert.equal(r.headers['set-cookie'], undefined);
    });
  }
  it('answers wrong password and unknown login alike', async () => {
    const wrong = await login(d.server, { login: d.person.login, password: 'wrong password' });
    const unknown = await login(d.server, { login: 'nobody', password: 'wrong password' });
    assert.deepEqual(wrong.json, unknown.json);
  });

  it('forged and broken cookies are 401', async () => {
    const { cookie } = await login(d.server, d.person);
    const value = cookie.split('=')[1];
    for (const bad of ['guichet_session=', 'guichet_session=x', `guichet_session=${value.slice(1)}`, `guichet_session=${value}x`, `other=${value}`, `Guichet_session=${value}`, `guichet_session="${value}`]) {
      assert.equal((await session(bad).call('GET', '/interactions')).status, 401, bad);
    }
    assert.equal((await session(`a=b; ${cookie}; c=d`).call('GET', '/interactions')).status, 200);
  });

  it('a cookie does not work from a foreign page', async () => {
    const { cookie } = await login(d.server, d.person);
    const customer = unique('csrf');
    await d.partner.sendOk(message({ customer }));
    const a = session(cookie);
    const [i] = await a.ofCustomer(d.connector.id, customer);
    const post = (headers) => a.call('POST', `/interactions/${i.id}/notes`, { json: { content: 'x' }, headers });
    for (const headers of [{ Origin: 'https://evil.example' }, { Origin: 'null' }, { Origin: `${d.server.url}.evil.example` }, { Origin: 'http://127.0.0.1:1' }]) {
      const r = await post(headers);
      assert.equal(r.status, 403, JSON.stringify(headers));
    }
    assert.equal((await a.timeline(i.id)).filter((e) => e.kind === 'note.added').length, 0);
    assert.equal((await post({ Origin: d.server.url, 'Sec-Fetch-Site': 'same-origin' })).status, 201);
    assert.equal((await post({})).status, 201);
    // A token needs no such guard: no page has it by itself.
    assert.equal((await d.agent.call('POST', `/interactions/${i.id}/notes`, { json: { content: 'x' }, headers: { Origin: 'https://elsewhere.example' } })).status, 201);
    // Nor can a form of a foreign page log somebody in: what forms can send is not taken.
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const r = await requestJson(`${d.server.url}/api/v3/agent/login`, d.person, { headers: { Origin: 'https://evil.example', 'Content-Type': type } });
      assert.ok([403, 415].includes(r.status), `${type}: ${r.status}`);
      assert.equal(r.headers['set-cookie'], undefined);
    }
  });

  it('disabling an agent ends their sessions at once', async () => {
    const made = await cliJson(['agent', 'create', '--data', d.dir, '--login', unique('temp'), '--password-stdin'], { input: 'a good password\n' });
    const { cookie } = await eventually(async () => { const r = await login(d.server, { login: made.login, password: 'a good password' }); return r.status === 200 && r; });
    assert.equal((await session(cookie).call('GET', '/interactions')).status, 200);
    const off = await cli(['agent', 'disable', made.login, '--data', d.dir]);
    assert.equal(off.code, 0, off.stderr);
    await eventually(async () => (await session(cookie).call('GET', '/interactions')).status === 401);
    assert.equal((await login(d.server, { login: made.login, password: 'a good password' })).status, 401);
  });
});

describe('the brake on guessing passwords', () => {
  it('answers 429 with Retry-After, tells nothing by it, and leaves others alone', async () => {
    const d = await demo({ env: { GUICHET_TRUSTED_PROXIES: '127.0.0.1/32' } });
    const attempt = (who, from) => requestJson(`${d.server.url}/api/v3/agent/login`, who, { headers: { 'X-Forwarded-For': from } });
    let braked;
    for (let i = 0; i < 60 && !braked; i++) {
      const r = await attempt({ login: d.person.login, password: `guess ${i} guess` }, '198.51.100.7');
      if (r.status === 429) braked = r;
      else assert.equal(r.status, 401, r.text);
    }
    assert.ok(braked, '60 wrong passwords in a row were all looked at');
    assert.match(braked.headers['retry-after'], /^[1-9]\d*$/);
    assert.equal((await attempt(d.person, '198.51.100.7')).status, 429, 'the right password is not looked at either');
    assert.equal((await attempt(d.admin, '203.0.113.9')).status, 200, 'another person from elsewhere');
    await d.stop();
  });
});

describe('API tokens', () => {
  let d;
  let interaction;
  before(async () => {
    d = await demo();
    await d.partner.sendOk(message({ customer: 'c' }));
    [interaction] = await d.agent.ofCustomer(d.connector.id, 'c');
  });
  after(() => d.stop());
  async function made(rights) {
    const t = await cliJson(['token', 'create', '--data', d.dir, '--label', unique('t'), '--rights', rights]);
    assert.match(t.token, /^[0-9a-f]{40}$/);
    return t;
  }
  const assertNotValid = (r) => { assert.equal(r.status, 401, r.text); assert.equal(r.json.message, NOT_VALID); };
  const note = (a) => a.call('POST', `/interactions/${interaction.id}/notes`, { json: { content: 'x' } });

  it('GET alone reads and does not write', async () => {
    const a = agent(d.server, (await made('interaction:GET')).token);
    await eventually(async () => (await a.call('GET', '/interactions')).status === 200);
    assert.equal((await note(a)).status, 403);
    assert.equal((await a.call('POST', `/interactions/${interaction.id}/close`)).status, 403);
    assert.equal((await d.agent.get(interaction.id)).state, 'queued');
  });
  it('POST alone writes and does not read', async () => {
    const a = agent(d.server, (await made('interaction:POST')).token);
    await eventually(async () => (await note(a)).status === 201);
    assert.equal((await a.call('GET', '/interactions')).status, 403);
    await assert.rejects(a.events(), (e) => e.status === 403);
  });
  it('another API gives nothing here', async () => {
    const a = agent(d.server, (await made('agent:GET,POST;task:GET')).token);
    assertNotValid(await a.call('GET', '/interactions'));
    assertNotValid(await note(a));
  });
  it('missing, unknown, malformed: 401 with the vendor\'s words', async () => {
    for (const headers of [{}, { 'Kiamo-Api-Token': '' }, { 'Kiamo-Api-Token': '0'.repeat(40) }, { 'Kiamo-Api-Token': d.token.toUpperCase() }, { 'Kiamo-Api-Token': d.token.slice(1) }, { 'Kiamo-Api-Token': `${d.token}0` }, { Authorization: `Bearer ${d.token}` }]) {
      if (headers['Kiamo-Api-Token'] === d.token) continue;
      assertNotValid(await agent(d.server, null, { headers }).call('GET', '/interactions'));
    }
    assertNotValid(await agent(d.server, null, { headers: {} }).call('GET', `/interactions?token=${d.token}`));
  });
  it('the header\'s name may be in any case', async () => {
    assert.equal((await agent(d.server, null, { headers: { 'KIAMO-API-TOKEN': d.token } }).call('GET', '/interactions')).status, 200);
  });
  it('a disabled token is 401 at once', async () => {
    const t = await made('interaction:GET,POST');
    const a = agent(d.server, t.token);
    await eventually(async () => (await a.call('GET', '/interactions')).status === 200);
    assert.equal((await cli(['token', 'disable', t.id, '--data', d.dir])).code, 0);
    const r = await eventually(async () => { const x = await a.call('GET', '/interactions'); return x.status !== 200 && x; });
    assertNotValid(r);
  });
  it('a token is nobody: it has no "me"', async () => {
    const r = await request(`${d.server.url}/api/v3/agent/me`, { headers: { 'Kiamo-Api-Token': d.token } });
    assert.ok([401, 403].includes(r.status), `${r.status}`);
  });
  it('a partner\'s bearer token is nothing here', async () => {
    assertNotValid(await agent(d.server, null, { headers: { Authorization: `Bearer ${await d.partner.token()}` } }).call('GET', '/interactions'));
  });
  it('too many requests: 429 with Retry-After, and only this token', async () => {
    const e = await demo({ env: { GUICHET_TOKEN_RATE: '60' } });
    const answers = [];
    for (let i = 0; i < 15; i++) answers.push(await e.agent.call('GET', '/interactions'));
    assert.ok(answers.slice(0, 10).every((r) => r.status === 200), answers.map((r) => r.status).join());
    const braked = answers.find((r) => r.status === 429);
    assert.ok(braked, answers.map((r) => r.status).join());
    assert.match(braked.headers['retry-after'], /^[1-9]\d*$/);
    const other = await cliJson(['token', 'create', '--data', e.dir, '--label', 'other', '--rights', 'interaction:GET']);
    await eventually(async () => (await agent(e.server, other.token).call('GET', '/interactions')).status === 200, { interval: 1000 });
    await e.partner.sendOk(message());
    await e.stop();
  });
});
