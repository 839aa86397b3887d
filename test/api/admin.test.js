// The setup through the API: every family of rows made, read, changed and removed; what is refused names the field and stores nothing.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { connector as kitConnector, event } from '../lib/kit.js';
import { demo, agent, login, cli, cliJson, unique, partner, message, setupId } from '../lib/server.js';

const P = '/api/v3/administration';

/** A client that is logged in as administrator. */
async function administrator(d) {
  const { cookie } = await login(d.server, { login: 'admin', password: d.admin.password });
  return client(agent(d.server, null, { headers: { Cookie: cookie } }));
}
function client(a) {
  return Object.assign(a, {
    adm: (method, path, json, headers) => a.call(method, P + path, { json, headers }),
    async make(path, json) { return a.ok(201, 'POST', P + path, { json }); },
    async set(path, json) { return a.ok(200, 'PUT', P + path, { json, headers: { 'If-Match': '*' } }); },
    rows: (path) => a.all({}, P + path),
  });
}

// One row a family: what makes a whole one (name first), and what it is changed to.
const families = {
  groups: { good: () => ({ name: unique('Group') }), change: { name: 'Day shift' } },
  teams: { good: () => ({ name: unique('Team') }), change: { name: 'Night owls' } },
  skills: { good: () => ({ name: unique('Skill') }), change: { name: 'Français' } },
  states: { good: () => ({ label: unique('State'), kind: 'pause', color: '#123abc', position: 7 }), change: { color: '#000000', kind: 'busy', enabled: false } },
  qualifications: { good: () => ({ label: unique('Sold'), category: 'Sales' }), change: { category: 'Orders' }, disables: true },
  'canned-replies': { good: () => ({ shortcut: unique('hi'), title: 'Greeting', text: 'Hello\n{customer.name}' }), change: { text: 'Bye' } },
  calendars: {
    good: () => ({ name: unique('Office'), zone: 'Europe/Paris', intervals: [{ weekday: 1, start: '08:00', end: '12:00' }, { weekday: 1, start: '22:00', end: '06:00' }], exceptions: [{ day: '2026-12-25', start: null, end: null, label: 'Christmas' }] }),
    change: { intervals: [{ weekday: 7, start: '00:00', end: '24:00' }], exceptions: [] },
  },
  services: { good: () => ({ name: unique('Service'), priority: 3 }), change: { wrapupSeconds: 30, strategy: 'best_skill', closedReply: 'Closed.\nCall again.' }, disables: true },
  agents: { good: () => ({ login: unique('login'), password: 'a good password', firstName: 'Ada', lastName: 'Lovelace', email: 'ada@example.com', capacity: 5, media: [{ medium: 'chat', most: 2 }] }), change: { profile: 'supervisor', extension: '12' }, disables: true },
  connectors: { good: () => ({ name: unique('Partner'), webhookUrl: 'http://127.0.0.1:1/hook', service: 1 }), change: { showAgent: true, webhookUrl: '' }, disables: true },
  'account-tokens': { good: () => ({ name: unique('Account') }), change: { name: 'Renamed account' }, disables: true },
  channels: { good: () => ({ name: unique('Channel'), callbackUrl: 'http://127.0.0.1:1/callback', service: 1, accountToken, botCloseSeconds: 60 }), change: { refreshSeconds: 3600, idleCloseSeconds: 120 }, disables: true },
  tokens: { good: () => ({ label: unique('Token'), rights: { interaction: ['GET', 'POST'] } }), change: { rights: { agent: ['GET'] } } },
};
let accountToken; // channels sign with it
const long = (n) => 'x'.repeat(n);

// [family, what is sent instead, pointer of the problem]; null for what is sent takes the member away.
const bad = [
  ...['groups', 'teams', 'skills'].flatMap((f) => [
    [f, { name: null }, '/name'], [f, { name: '' }, '/name'], [f, { name: 5 }, '/name'], [f, { name: long(101) }, '/name'], [f, { name: 'a\nb' }, '/name'], [f, { name: {} }, '/name'],
  ]),
  ['states', { label: null }, '/label'], ['states', { kind: null }, '/kind'], ['states', { kind: 'asleep' }, '/kind'], ['states', { kind: 2 }, '/kind'],
  ['states', { color: 'red' }, '/color'], ['states', { color: '#12345g' }, '/color'], ['states', { position: -1 }, '/position'], ['states', { enabled: 'yes' }, '/enabled'],
  ['qualifications', { label: null }, '/label'], ['qualifications', { category: long(101) }, '/category'], ['qualifications', { serviceId: 999 }, '/serviceId'], ['qualifications', { serviceId: 'one' }, '/serviceId'],
  ['canned-replies', { shortcut: null }, '/shortcut'], ['canned-replies', { shortcut: long(51) }, '/shortcut'], ['canned-replies', { text: null }, '/text'], ['canned-replies', { text: '' }, '/text'], ['canned-replies', { text: 'a\u0007' }, '/text'], ['canned-replies', { serviceId: -1 }, '/serviceId'],
  ['calendars', { name: null }, '/name'], ['calendars', { zone: null }, '/zone'], ['calendars', { zone: '../etc/passwd' }, '/zone'], ['calendars', { zone: 'Europe Paris' }, '/zone'], ['calendars', { zone: 'Europe/Atlantis' }, '/zone'],
  ['calendars', { intervals: {} }, '/intervals'], ['calendars', { intervals: [5] }, '/intervals/0'], ['calendars', { intervals: [{ weekday: 8, start: '08:00', end: '09:00' }] }, '/intervals/0/weekday'],
  ['calendars', { intervals: [{ weekday: 1, start: '8:00', end: '09:00' }] }, '/intervals/0/start'], ['calendars', { intervals: [{ weekday: 1, start: '24:00', end: '09:00' }] }, '/intervals/0/start'],
  ['calendars', { intervals: [{ weekday: 1, start: '08:00', end: '24:01' }] }, '/intervals/0/end'], ['calendars', { intervals: [{ weekday: 1, start: '08:00' }] }, '/intervals/0/end'],
  ['calendars', { intervals: [{ weekday: 1, start: '08:00', end: '09:00' }, { weekday: 1, start: '08:00', end: '10:00' }] }, '/intervals/1/start'],
  ['calendars', { exceptions: [{ day: '2026-02-29' }] }, '/exceptions/0/day'], ['calendars', { exceptions: [{ day: '26-02-01' }] }, '/exceptions/0/day'], ['calendars', { exceptions: [{ day: '2026-02-01', start: '08:00' }] }, '/exceptions/0/end'],
  ['calendars', { intervals: Array.from({ length: 101 }, () => ({ weekday: 1, start: '08:00', end: '09:00' })) }, '/intervals'],
  ['services', { name: null }, '/name'], ['services', { priority: 0 }, '/priority'], ['services', { priority: 11 }, '/priority'], ['services', { priority: 1.5 }, '/priority'], ['services', { medium: 'fax' }, '/medium'],
  ['services', { weight: 0 }, '/weight'], ['services', { weight: 101 }, '/weight'], ['services', { strategy: 'random' }, '/strategy'], ['services', { stickySeconds: -1 }, '/stickySeconds'], ['services', { maxWaitSeconds: 1e9 }, '/maxWaitSeconds'],
  ['services', { maxWaitSeconds: Number.MAX_SAFE_INTEGER }, '/maxWaitSeconds'], ['services', { overflow: 5 }, '/overflow'], ['services', { overflow: { serviceId: 999, afterSeconds: 5 } }, '/overflow/serviceId'], ['services', { overflow: { serviceId: 1, afterSeconds: -1 } }, '/overflow/afterSeconds'],
  ['services', { offerSeconds: 1 }, '/offerSeconds'], ['services', { wrapupSeconds: 86401 }, '/wrapupSeconds'], ['services', { calendarId: 999 }, '/calendarId'], ['services', { closedPolicy: 'shout' }, '/closedPolicy'], ['services', { closedReply: long(4001) }, '/closedReply'],
  ['services', { skills: [{ id: 999, level: 1 }] }, '/skills/0/id'], ['services', { skills: [{ level: 1 }] }, '/skills/0/id'], ['services', { agents: [{ id: 1, level: 6 }] }, '/agents/0/level'], ['services', { agents: [{ id: 1 }, { id: 1 }] }, '/agents/1/id'],
  ['agents', { login: null }, '/login'], ['agents', { password: null }, '/password'], ['agents', { password: 'short' }, '/password'], ['agents', { email: 'nobody' }, '/email'], ['agents', { avatarUrl: 'ftp://x/y' }, '/avatarUrl'], ['agents', { avatarUrl: 'javascript:alert(1)' }, '/avatarUrl'],
  ['agents', { group: { id: 999 } }, '/group'], ['agents', { team: 999 }, '/team'], ['agents', { team: {} }, '/team'], ['agents', { profile: 'king' }, '/profile'], ['agents', { capacity: 101 }, '/capacity'],
  ['agents', { media: [{ medium: 'fax', most: 1 }] }, '/media/0/medium'], ['agents', { media: [{ medium: 'chat' }] }, '/media/0/most'], ['agents', { media: [{ medium: 'chat', most: 1 }, { medium: 'chat', most: 2 }] }, '/media/1/medium'], ['agents', { services: [{ id: 999 }] }, '/services/0/id'],
  ['connectors', { name: null }, '/name'], ['connectors', { webhookUrl: 'file:///etc/passwd' }, '/webhookUrl'], ['connectors', { webhookUrl: 'http://user:pw@x/' }, '/webhookUrl'], ['connectors', { service: null }, '/service'], ['connectors', { service: 999 }, '/service'], ['connectors', { showAgent: 1 }, '/showAgent'],
  ['account-tokens', { name: null }, '/name'], ['account-tokens', { enabled: 0 }, '/enabled'],
  ['channels', { name: null }, '/name'], ['channels', { callbackUrl: 'x' }, '/callbackUrl'], ['channels', { service: null }, '/service'], ['channels', { accountToken: null }, '/accountToken'], ['channels', { accountToken: 999 }, '/accountToken'], ['channels', { accessSeconds: 0 }, '/accessSeconds'],
  ['channels', { accessSeconds: 500, refreshSeconds: 400 }, '/refreshSeconds'], ['channels', { idleCloseSeconds: 59 }, '/idleCloseSeconds'], ['channels', { botCloseSeconds: 604801 }, '/botCloseSeconds'],
  ['tokens', { label: null }, '/label'], ['tokens', { rights: null }, '/rights'], ['tokens', { rights: {} }, '/rights'], ['tokens', { rights: { nope: ['GET'] } }, '/rights'], ['tokens', { rights: { agent: ['PATCH'] } }, '/rights'], ['tokens', { rights: { agent: 'GET' } }, '/rights'], ['tokens', { rights: { agent: [] } }, '/rights'],
];

describe('administration', () => {
  let d;
  let a;
  before(async () => {
    d = await demo();
    a = await administrator(d);
    accountToken = (await a.make('/account-tokens', { name: 'signs' })).id;
  });
  after(() => d.stop());

  for (const [name, f] of Object.entries(families)) {
    it(`${name}: made, read, listed, changed, ${f.disables ? 'disabled' : 'removed'}`, async () => {
      const good = f.good();
      const r = await a.adm('POST', `/${name}`, good);
      assert.equal(r.status, 201, r.text);
      const made = r.json;
      assert.ok(Number.isInteger(made.id));
      assert.equal(r.headers.etag, `"${made.version}"`);
      const { clientSecret, token, salt, ...seen } = made;
      const got = await a.adm('GET', `/${name}/${made.id}`);
      assert.equal(got.status, 200, got.text);
      assert.equal(got.headers.etag, r.headers.etag);
      assert.deepEqual(got.json, seen, 'what was told when it was made, but for what is told once');
      for (const [k, v] of Object.entries(good)) {
        if (k === 'password') assert.ok(!('password' in seen));
        else if (k === 'service' || k === 'accountToken') assert.equal(seen[k].id, v);
        else assert.deepEqual(seen[k], v, k);
      }
      assert.deepEqual((await a.rows(`/${name}`)).find((x) => x.id === made.id), seen);
      const put = await a.adm('PUT', `/${name}/${made.id}`, f.change, { 'If-Match': r.headers.etag });
      assert.equal(put.status, 200, put.text);
      const { version, ...rest } = seen;
      const { version: next, ...after_ } = put.json;
      assert.notEqual(next, version);
      assert.deepEqual(after_, { ...rest, ...f.change, ...(after_.displayName ? { displayName: after_.displayName } : {}) }, 'what was absent stayed');
      const gone = await a.adm('DELETE', `/${name}/${made.id}`);
      assert.equal(gone.status, f.disables ? 200 : 204, gone.text);
      const then = await a.adm('GET', `/${name}/${made.id}`);
      assert.equal(then.status, f.disables ? 200 : 404);
      if (f.disables) assert.equal(then.json.enabled, false);
      else assert.notEqual((await a.make(`/${name}`, f.good())).id, made.id, 'an id is never given twice');
    });
  }

  it('bad members: 400, the pointer of the member, nothing stored', async () => {
    const count = Object.fromEntries(await Promise.all(Object.keys(families).map(async (f) => [f, (await a.rows(`/${f}`)).length])));
    const victims = {};
    for (const f of Object.keys(families)) {
      victims[f] = await a.make(`/${f}`, families[f].good());
      count[f]++;
    }
    for (const [f, change, pointer] of bad) {
      const what = `${f} ${JSON.stringify(change).slice(0, 120)}`;
      const body = { ...families[f].good(), ...change };
      for (const [k, v] of Object.entries(change)) if (v === null) delete body[k];
      const r = await a.adm('POST', `/${f}`, body);
      assert.equal(r.status, 400, `${what}: ${r.text}`);
      assert.match(r.headers['content-type'], /problem\+json/);
      assert.deepEqual(r.json.errors.map((e) => e.pointer), [pointer], `${what}: ${r.text}`);
      assert.match(r.json.code, /^ERR_\d{4}$/);
      if (Object.values(change).includes(null) || pointer === '/password') continue;
      const { version, clientSecret, token, salt, ...seen } = victims[f];
      const put = await a.adm('PUT', `/${f}/${seen.id}`, change, { 'If-Match': '*' });
      assert.equal(put.status, 400, `PUT ${what}: ${put.text}`);
      assert.deepEqual(put.json.errors.map((e) => e.pointer), [pointer], `PUT ${what}: ${put.text}`);
      assert.equal((await a.adm('GET', `/${f}/${seen.id}`)).json.version, version, `PUT ${what} changed nothing`);
    }
    for (const f of Object.keys(families)) assert.equal((await a.rows(`/${f}`)).length, count[f], f);
  });

  it('several problems are told at once', async () => {
    const r = await a.adm('POST', '/services', { priority: 99, medium: 'fax', skills: [{ id: 1, level: 9 }] });
    assert.equal(r.status, 400);
    assert.deepEqual(r.json.errors.map((e) => e.pointer), ['/name', '/priority', '/medium', '/skills/0/level']);
    assert.equal(r.json.code, 'ERR_1040');
  });

  it('bodies that are no object, and ids that are none', async () => {
    for (const body of ['', '[]', '5', '{', 'null']) {
      const r = await a.call('POST', `${P}/skills`, { body: Buffer.from(body), headers: { 'Content-Type': 'application/json' } });
      assert.equal(r.status, 400, `${body}: ${r.text}`);
    }
    assert.equal((await a.call('POST', `${P}/skills`, { body: Buffer.from('name=x'), headers: { 'Content-Type': 'application/x-www-form-urlencoded' } })).status, 415);
    for (const id of ['0', '-1', 'x', '999', '9223372036854775807', '99999999999999999999', '1.5', '%31x', '000000010000000000000001']) {
      for (const f of Object.keys(families)) {
        assert.equal((await a.adm('GET', `/${f}/${id}`)).status, 404, `${f}/${id}`);
        assert.equal((await a.adm('PUT', `/${f}/${id}`, {}, { 'If-Match': '*' })).status, 404, `${f}/${id}`);
        assert.equal((await a.adm('DELETE', `/${f}/${id}`)).status, 404, `${f}/${id}`);
      }
    }
  });

  it('a name in use: 409 with the field, in any family', async () => {
    for (const [f, { good }] of Object.entries(families)) {
      if (f === 'tokens') continue; // labels of tokens are for people
      const first = good();
      const second = await a.make(`/${f}`, good());
      await a.make(`/${f}`, first);
      const key = ['name', 'label', 'shortcut', 'login'].find((k) => k in first);
      for (const r of [await a.adm('POST', `/${f}`, { ...good(), [key]: first[key] }), await a.adm('PUT', `/${f}/${second.id}`, { [key]: first[key] }, { 'If-Match': '*' })]) {
        assert.equal(r.status, 409, `${f}: ${r.text}`);
        assert.equal(r.json.code, 'ERR_2060');
        assert.deepEqual(r.json.errors.map((e) => e.pointer), [`/${key}`]);
      }
    }
  });

  it('the same label in two services is two qualifications', async () => {
    const service = await a.make('/services', families.services.good());
    const label = unique('label');
    await a.make('/qualifications', { label });
    await a.make('/qualifications', { label, serviceId: service.id });
    assert.equal((await a.adm('POST', '/qualifications', { label, serviceId: service.id })).status, 409);
  });

  it('what is referred to is not removed, and says by what', async () => {
    const [skill, team, group, calendar] = [await a.make('/skills', { name: unique('s') }), await a.make('/teams', { name: unique('t') }), await a.make('/groups', { name: unique('g') }), await a.make('/calendars', { name: unique('c'), zone: 'UTC' })];
    const service = await a.make('/services', { name: unique('v'), calendarId: calendar.id, skills: [{ id: skill.id, level: 2 }] });
    const person = await a.make('/agents', { ...families.agents.good(), team: team.id, group: { id: group.id, name: 'ignored' }, skills: [{ id: skill.id, level: 4 }], services: [{ id: service.id, level: 2 }] });
    assert.deepEqual([person.team.name, person.group.name, person.skills, person.services], [team.name, group.name, [{ id: skill.id, name: skill.name, level: 4 }], [{ id: service.id, name: service.name, level: 2 }]]);
    assert.deepEqual((await a.adm('GET', `/services/${service.id}`)).json.agents, [{ id: person.id, name: 'Ada Lovelace', level: 2 }]);
    for (const [path, says] of [[`/skills/${skill.id}`, /1 services, 1 agents/], [`/teams/${team.id}`, /1 agents/], [`/groups/${group.id}`, /1 agents/], [`/calendars/${calendar.id}`, /1 services/]]) {
      const r = await a.adm('DELETE', path);
      assert.equal(r.status, 409, r.text);
      assert.match(r.json.detail, says);
      assert.equal((await a.adm('GET', path)).status, 200);
    }
    await a.set(`/agents/${person.id}`, { team: null, group: null, skills: [] });
    await a.set(`/services/${service.id}`, { calendarId: null, skills: null });
    for (const path of [`/skills/${skill.id}`, `/teams/${team.id}`, `/groups/${group.id}`, `/calendars/${calendar.id}`]) assert.equal((await a.adm('DELETE', path)).status, 204, path);
  });

  it('a service that connectors lead to, or that others overflow into, is not disabled by DELETE', async () => {
    const first = await a.make('/services', families.services.good());
    const second = await a.make('/services', { ...families.services.good(), overflow: { serviceId: first.id, afterSeconds: 20 } });
    assert.deepEqual(second.overflow, { serviceId: first.id, afterSeconds: 20 });
    const r = await a.adm('DELETE', `/services/${first.id}`);
    assert.equal(r.status, 409, r.text);
    assert.match(r.json.detail, /1 services that overflow into it/);
    assert.equal((await a.set(`/services/${second.id}`, { overflow: null })).overflow, null);
    assert.equal((await a.adm('DELETE', `/services/${first.id}`)).json.enabled, false);
    const own = await a.adm('PUT', `/services/${second.id}`, { overflow: { serviceId: second.id } }, { 'If-Match': '*' });
    assert.deepEqual([own.status, own.json.errors[0].pointer], [400, '/overflow/serviceId']);
  });

  it('the last administrator and the last states that work needs stay', async () => {
    const admin = (await a.rows('/agents')).find((x) => x.login === 'admin');
    for (const change of [{ enabled: false }, { profile: 'agent' }]) {
      const r = await a.adm('PUT', `/agents/${admin.id}`, change, { 'If-Match': '*' });
      assert.deepEqual([r.status, r.json.errors.map((e) => e.pointer)], [400, [`/${Object.keys(change)[0]}`]]);
    }
    assert.equal((await a.adm('DELETE', `/agents/${admin.id}`)).status, 409);
    const states = await a.rows('/states');
    for (const kind of ['ready', 'logged_out']) {
      const [state, ...more] = states.filter((s) => s.kind === kind && s.enabled);
      assert.equal(more.length, 0);
      assert.equal((await a.adm('DELETE', `/states/${state.id}`)).status, 409);
      assert.equal((await a.adm('PUT', `/states/${state.id}`, { enabled: false }, { 'If-Match': '*' })).status, 400);
      assert.equal((await a.adm('PUT', `/states/${state.id}`, { kind: 'busy' }, { 'If-Match': '*' })).status, 400);
      const other = await a.make('/states', { label: unique('l'), kind });
      assert.equal((await a.adm('DELETE', `/states/${other.id}`)).status, 204);
    }
  });

  it('If-Match: asked for, and of those who change the same version one wins', async () => {
    const row = await a.make('/skills', families.skills.good());
    assert.equal((await a.adm('PUT', `/skills/${row.id}`, { name: 'x' })).status, 428);
    assert.equal((await a.adm('PUT', `/skills/${row.id}`, { name: 'x' }, { 'If-Match': '"0000000000000000"' })).status, 412);
    const headers = { 'If-Match': `"${row.version}"` };
    const names = Array.from({ length: 20 }, () => unique('raced'));
    const answers = await Promise.all(names.map((name) => a.adm('PUT', `/skills/${row.id}`, { name }, headers)));
    const won = answers.map((r, i) => [r, names[i]]).filter(([r]) => r.status === 200);
    assert.equal(won.length, 1);
    assert.ok(answers.every((r) => [200, 412].includes(r.status)));
    assert.equal((await a.adm('GET', `/skills/${row.id}`)).json.name, won[0][1]);
    assert.equal((await a.adm('DELETE', `/skills/${row.id}`, undefined, headers)).status, 412);
    assert.equal((await a.adm('DELETE', `/skills/${row.id}`, undefined, { 'If-Match': won[0][0].headers.etag })).status, 204);
  });

  it('Idempotency-Key: the same answer once more, also with a secret, which does not lie in the store', async () => {
    const headers = { 'Idempotency-Key': unique('key') };
    const body = families.connectors.good();
    const [one, two] = [await a.adm('POST', '/connectors', body, headers), await a.adm('POST', '/connectors', body, headers)];
    assert.equal(one.status, 201, one.text);
    assert.match(one.json.clientSecret, /^[0-9a-f]{64}$/);
    assert.equal(two.text, one.text);
    assert.equal((await a.adm('POST', '/connectors', families.connectors.good(), headers)).status, 409);
    const { readFileSync, readdirSync } = await import('node:fs');
    for (const file of readdirSync(d.dir)) assert.ok(!readFileSync(`${d.dir}/${file}`).includes(one.json.clientSecret), file);
  });

  it('lists go by pages', async () => {
    for (let i = 0; i < 5; i++) await a.make('/teams', families.teams.good());
    const all = await a.rows('/teams');
    const seen = [];
    let cursor = '';
    do {
      const page = await a.ok(200, 'GET', `${P}/teams?limit=2${cursor && `&cursor=${cursor}`}`);
      assert.ok(page.items.length <= 2);
      seen.push(...page.items);
      cursor = page.next;
    } while (cursor);
    assert.deepEqual(seen, all);
    for (const q of ['limit=0', 'limit=201', 'limit=x', 'cursor=x', 'cursor=-1']) {
      const r = await a.adm('GET', `/teams?${q}`);
      assert.deepEqual([r.status, r.json.errors[0].pointer], [400, `/${q.split('=')[0]}`]);
    }
  });

  it('a connector made here works at once, is refused at once when disabled, and its secret is exchanged', async () => {
    const c = await a.make('/connectors', families.connectors.good());
    const p = partner(d.server, { client_id: c.clientId, client_secret: c.clientSecret });
    await p.sendOk(message());
    const r = await a.ok(200, 'POST', `${P}/connectors/${c.id}/rotate-secret`, { json: { keepOldSeconds: 0 } });
    assert.notEqual(r.clientSecret, c.clientSecret);
    await assert.rejects(partner(d.server, { client_id: c.clientId, client_secret: c.clientSecret }).newToken());
    const again = partner(d.server, { client_id: c.clientId, client_secret: r.clientSecret });
    await again.sendOk(message());
    await a.set(`/connectors/${c.id}`, { enabled: false });
    assert.equal((await again.send(message())).status, 401);
    assert.equal((await a.adm('POST', `/connectors/${c.id}/rotate-secret`, { keepOldSeconds: -1 })).json.errors[0].pointer, '/keepOldSeconds');
  });

  it('a custom channel made here takes events, signed in by an account token made here', async () => {
    const t = await a.make('/account-tokens', { name: unique('Account') });
    const c = await a.make('/channels', { ...families.channels.good(), accountToken: t.id });
    assert.match(t.token, /^[0-9a-f]{64}$/);
    assert.match(c.salt, /^[0-9a-f]{64}$/);
    assert.match(c.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const kit = kitConnector(d.server, { uuid: c.uuid, domain: 'Guichet', token: t.token, salt: c.salt, access_token: t.token });
    await kit.sendOk(event());
    await a.set(`/account-tokens/${t.id}`, { enabled: false });
    assert.equal((await kit.send(event())).status, 401);
  });

  it('an agent made here logs in; another password, a lesser profile or disabling ends the sessions', async () => {
    const good = families.agents.good();
    const { id } = await a.make('/agents', { ...good, profile: 'administrator' });
    const enter = async (password) => (await login(d.server, { login: good.login, password })).cookie;
    const works = async (cookie) => (await agent(d.server, null, { headers: { Cookie: cookie } }).call('GET', '/api/v3/agent/me')).status;
    let cookie = await enter(good.password);
    assert.equal(await works(cookie), 200);
    assert.equal((await a.adm('PUT', `/agents/${id}/password`, { password: 'another password' })).status, 204);
    assert.equal(await works(cookie), 401);
    assert.equal(await enter(good.password), '');
    cookie = await enter('another password');
    await a.set(`/agents/${id}`, { capacity: 9 });
    assert.equal(await works(cookie), 200, 'other changes do not');
    await a.set(`/agents/${id}`, { profile: 'agent' });
    assert.equal(await works(cookie), 401);
    cookie = await enter('another password');
    await a.set(`/agents/${id}`, { enabled: false });
    assert.equal(await works(cookie), 401);
    const r = await a.adm('PUT', `/agents/${id}/password`, { password: 'short' });
    assert.deepEqual([r.status, r.json.errors[0].pointer], [400, '/password']);
    assert.equal((await a.adm('PUT', '/agents/999/password', { password: 'long enough' })).status, 404);
  });

  const ics = (...events) => ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//x//y//EN', ...events.flatMap(([day, label, more = []]) => ['BEGIN:VEVENT', `UID:${day}`, `DTSTART;VALUE=DATE:${day}`, `SUMMARY:${label}`, ...more, 'END:VEVENT']), 'END:VCALENDAR', ''].join('\r\n');
  const importInto = (id, body, type = 'text/calendar') => a.call('POST', `${P}/calendars/${id}/import`, { body: Buffer.from(body), headers: { 'Content-Type': type } });

  it('holidays are taken over from iCalendar, and what is there stays', async () => {
    const year = new Date().getUTCFullYear() + 1;
    const c = await a.make('/calendars', { name: unique('c'), zone: 'UTC', exceptions: [{ day: `${year}-05-01`, start: '10:00', end: '12:00', label: 'ours' }] });
    const r = await importInto(c.id, ics([`${year}0501`, 'Labour Day'], [`${year}1225`, 'Christmas'], [`${year}0101`, 'New Year']));
    assert.equal(r.status, 200, r.text);
    assert.deepEqual([r.json.added, r.json.already, r.json.skipped], [2, 1, 0]);
    const got = await a.adm('GET', `/calendars/${c.id}`);
    assert.deepEqual(got.json.exceptions, [{ day: `${year}-01-01`, start: null, end: null, label: 'New Year' }, { day: `${year}-05-01`, start: '10:00', end: '12:00', label: 'ours' }, { day: `${year}-12-25`, start: null, end: null, label: 'Christmas' }]);
    assert.equal(r.json.calendar.version, got.json.version);
    assert.deepEqual((await importInto(c.id, ics([`${year}1225`, 'Christmas']))).json.added, 0);
    assert.equal((await importInto(c.id, 'no calendar')).status, 400);
    assert.equal((await importInto(c.id, '{}', 'application/json')).status, 415);
    assert.equal((await importInto(999, ics())).status, 404);
    assert.equal((await a.adm('GET', `/calendars/${c.id}`)).json.version, got.json.version);
  });

  it('a preview says when it is open, by the clocks of its zone', async () => {
    const c = await a.make('/calendars', { name: unique('c'), zone: 'Europe/Paris', intervals: [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start: '08:00', end: '12:00' })), exceptions: [{ day: '2026-03-30', label: 'closed' }] });
    // The clocks go forward on 29 March 2026.
    const items = (await a.ok(200, 'GET', `${P}/calendars/${c.id}/preview?from=2026-03-28&days=4`)).items;
    assert.deepEqual(items.map((x) => [x.from, x.to]), [['2026-03-28T07:00:00.000Z', '2026-03-28T11:00:00.000Z'], ['2026-03-29T06:00:00.000Z', '2026-03-29T10:00:00.000Z'], ['2026-03-31T06:00:00.000Z', '2026-03-31T10:00:00.000Z']]);
    const now = await a.ok(200, 'GET', `${P}/calendars/${c.id}/preview`);
    assert.equal(typeof now.open, 'boolean');
    assert.ok(Date.parse(now.nextChangeAt) > Date.now() - 600_000);
    assert.ok(now.items.length >= 13);
    for (const [q, pointer] of [['from=soon', '/from'], ['days=0', '/days'], ['days=93', '/days']]) {
      const r = await a.adm('GET', `/calendars/${c.id}/preview?${q}`);
      assert.deepEqual([r.status, r.json.errors[0].pointer], [400, pointer]);
    }
    assert.equal((await a.adm('GET', '/calendars/999/preview')).status, 404);
  });

  it('who is made by command serves all there is, and a service made by command is served by all', async () => {
    const one = await cliJson(['agent', 'create', '--data', d.dir, '--login', unique('x')]);
    const all = (await a.rows('/services')).map((s) => s.id);
    assert.deepEqual((await a.adm('GET', `/agents/${setupId(one.id)}`)).json.services.map((s) => s.id), all);
    const two = await cliJson(['service', 'create', '--data', d.dir, '--name', unique('s')]);
    assert.equal((await a.adm('GET', `/services/${setupId(two.id)}`)).json.agents.length, (await a.rows('/agents')).length);
  });

  it('rights: an API token with administration may what its verbs say; profiles below administrator may nothing', async () => {
    const walk = [['GET', '/skills'], ['POST', '/skills', { name: unique('w') }], ['PUT', '/skills/999', {}], ['DELETE', '/skills/999']];
    const allowed = { GET: 200, POST: 201, PUT: 404, DELETE: 404 };
    for (const verbs of [['GET'], ['POST'], ['PUT'], ['DELETE'], ['GET', 'POST', 'PUT', 'DELETE']]) {
      const { token } = await a.make('/tokens', { label: 'walk', rights: { administration: verbs } });
      const t = client(agent(d.server, token));
      for (const [method, path, json] of walk) {
        const r = await t.adm(method, path, json && { ...json, name: unique('w') }, { 'If-Match': '*' });
        assert.equal(r.status, verbs.includes(method) ? allowed[method] : 403, `${verbs}: ${method} ${path}`);
      }
    }
    const { token } = await cliJson(['token', 'create', '--data', d.dir, '--label', 'by command', '--rights', 'administration:GET,PUT']);
    assert.equal((await client(agent(d.server, token)).adm('GET', '/agents')).status, 200);
    assert.equal((await client(agent(d.server, d.token)).adm('GET', '/agents')).status, 401, 'without the API');
    for (const profile of ['agent', 'supervisor']) {
      const good = families.agents.good();
      await a.make('/agents', { ...good, profile });
      const { cookie } = await login(d.server, good);
      const s = client(agent(d.server, null, { headers: { Cookie: cookie } }));
      for (const [method, path, json] of walk) assert.equal((await s.adm(method, path, json)).status, 403, `${profile}: ${method} ${path}`);
    }
  });

  it('a token is disabled and removed at once', async () => {
    const t = await a.make('/tokens', { label: 'short-lived', rights: { interaction: ['GET'] } });
    const user = agent(d.server, t.token);
    assert.match(t.token, /^[0-9a-f]{40}$/);
    assert.equal((await user.call('GET', '/interactions')).status, 200);
    await a.set(`/tokens/${t.id}`, { enabled: false });
    assert.equal((await user.call('GET', '/interactions')).status, 401);
    await a.set(`/tokens/${t.id}`, { enabled: true });
    assert.equal((await user.call('GET', '/interactions')).status, 200);
    assert.equal((await a.adm('DELETE', `/tokens/${t.id}`)).status, 204);
    assert.equal((await user.call('GET', '/interactions')).status, 401);
  });

  it('what a command changes beside the server is seen at once, and the other way round', async () => {
    const made = await cliJson(['service', 'create', '--data', d.dir, '--name', unique('By command')]);
    const row = (await a.rows('/services')).find((s) => s.id === setupId(made.id));
    assert.equal(row.offerSeconds, 30);
    const { name } = await a.make('/services', families.services.good());
    assert.ok((await cliJson(['service', 'list', '--data', d.dir])).items.some((s) => s.name === name));
    assert.equal((await cli(['service', 'create', '--data', d.dir, '--name', name])).code, 4);
  });

  it('everything outlives a restart', async () => {
    const before_ = await Promise.all(Object.keys(families).filter((f) => f !== 'tokens').map((f) => a.rows(`/${f}`)));
    await d.server.restart();
    const again = await administrator(d);
    assert.deepEqual(await Promise.all(Object.keys(families).filter((f) => f !== 'tokens').map((f) => again.rows(`/${f}`))), before_);
  });
});
