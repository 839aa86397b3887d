// Package agent: what people at work see of the setup: colleagues, states, services, and the replies and qualifications of their services.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { demo, agent, login } from '../lib/server.js';

const A = '/api/v3/agent';
const P = '/api/v3/administration';

describe('package agent', () => {
  let d;
  let admin;
  let ada; // serves both services
  let bob; // serves none
  let service;
  const session = async (who) => agent(d.server, null, { headers: { Cookie: (await login(d.server, who)).cookie } });
  const get = async (a, path) => a.ok(200, 'GET', A + path);

  before(async () => {
    d = await demo();
    admin = await session(d.admin);
    const make = (path, json) => admin.ok(201, 'POST', P + path, { json });
    const skill = await make('/skills', { name: 'Latin' });
    const team = await make('/teams', { name: 'Ancients' });
    const group = await make('/groups', { name: 'Rome' });
    service = await make('/services', { name: 'Oracles', medium: 'chat', offerSeconds: 20, skills: [{ id: skill.id, level: 3 }] });
    const people = [['ada', { firstName: 'Ada', email: 'ada@example.com', team: team.id, group: group.id, skills: [{ id: skill.id, level: 4 }], services: [{ id: service.id, level: 2 }], media: [{ medium: 'chat', most: 1 }] }], ['bob', {}], ['gone', { enabled: false }]];
    for (const [name, more] of people) await make('/agents', { login: name, password: 'a good password', ...more });
    await make('/qualifications', { label: 'Prophecy', category: 'Oracle', serviceId: service.id });
    await make('/qualifications', { label: 'Off', enabled: false });
    await make('/canned-replies', { shortcut: 'sphinx', text: 'What walks on four legs?', serviceId: service.id });
    await make('/states', { label: 'Hidden', kind: 'pause', enabled: false });
    ada = await session({ login: 'ada', password: 'a good password' });
    bob = await session({ login: 'bob', password: 'a good password' });
  });
  after(() => d.stop());

  it('me: the whole of oneself, and the states to choose from', async () => {
    const me = await get(ada, '/me');
    const { id, team, group, skills, services } = me.agent;
    assert.ok(Number.isInteger(id));
    assert.deepEqual([me.agent.login, me.agent.firstName, me.agent.lastName, me.agent.displayName, me.agent.email, me.agent.extension, me.agent.avatarUrl], ['ada', 'Ada', '', 'Ada', 'ada@example.com', '', '']);
    assert.deepEqual([me.agent.profile, me.agent.enabled, me.agent.capacity, me.agent.media], ['agent', true, 3, [{ medium: 'chat', most: 1 }]]);
    assert.deepEqual([team.name, group.name, skills.map((s) => [s.name, s.level]), services.map((s) => [s.name, s.level])], ['Ancients', 'Rome', [['Latin', 4]], [['Oracles', 2]]]);
    assert.equal(me.agent.state.kind, 'logged_out');
    assert.deepEqual(me.states.map((s) => s.kind), ['ready', 'busy', 'pause', 'pause', 'busy', 'logged_out']);
    assert.ok(me.states.every((s) => Number.isInteger(s.id) && s.label && /^#/.test(s.color)));
  });

  it('agents: who is enabled, by service, team and group; one by id', async () => {
    const all = (await get(bob, '/agents')).items;
    assert.deepEqual(all.map((x) => x.login).filter((l) => !['demo', 'sam'].includes(l)), ['admin', 'ada', 'bob']);
    const me = (await get(ada, '/me')).agent;
    assert.deepEqual(all.find((x) => x.login === 'ada'), me);
    for (const q of [`service=${service.id}`, `team=${me.team.id}`, `group=${me.group.id}`]) assert.deepEqual((await get(bob, `/agents?${q}`)).items.map((x) => x.login), ['ada'], q);
    assert.deepEqual(await get(bob, `/agents/${me.id}`), me);
    for (const id of ['0', 'x', '9999', '000000010000000000000001']) assert.equal((await bob.call('GET', `${A}/agents/${id}`)).status, 404, id);
  });

  it('lists go by pages and refuse what is no page', async () => {
    const first = await get(bob, '/agents?limit=1');
    assert.equal(first.items.length, 1);
    const rest = await get(bob, `/agents?cursor=${first.next}`);
    assert.equal(rest.next, null);
    assert.deepEqual([...first.items, ...rest.items], (await get(bob, '/agents')).items);
    for (const list of ['agents', 'groups', 'teams', 'states', 'skills', 'services', 'qualifications', 'canned-replies']) {
      for (const q of ['limit=0', 'limit=201', 'cursor=x', 'service=x', 'team=0']) {
        const r = await bob.call('GET', `${A}/${list}?${q}`);
        assert.deepEqual([r.status, r.json.errors?.[0].pointer], [400, `/${q.split('=')[0]}`], `${list}?${q}`);
      }
    }
  });

  it('names of groups, teams, skills; states and services that are enabled', async () => {
    assert.ok((await get(bob, '/groups')).items.some((x) => x.name === 'Rome'));
    assert.ok((await get(bob, '/teams')).items.some((x) => x.name === 'Ancients'));
    assert.ok((await get(bob, '/skills')).items.some((x) => x.name === 'Latin'));
    assert.ok(!(await get(bob, '/states')).items.some((x) => x.label === 'Hidden'));
    const seen = (await get(bob, '/services')).items.find((x) => x.id === service.id);
    assert.deepEqual([seen.name, seen.medium, seen.offerSeconds, seen.skills.map((s) => s.level)], ['Oracles', 'chat', 20, [3]]);
  });

  it('qualifications and canned replies: of all services, and of those one serves; all for supervisors and tokens', async () => {
    const token = agent(d.server, d.token);
    const has = async (who, path, key, value) => (await get(who, path)).items.some((x) => x[key] === value);
    for (const [path, key, value] of [['/qualifications', 'label', 'Prophecy'], ['/canned-replies', 'shortcut', 'sphinx']]) {
      assert.deepEqual(await Promise.all([ada, bob, admin, token].map((w) => has(w, path, key, value))), [true, false, true, true], path);
      assert.equal(await has(admin, `${path}?service=${service.id}`, key, value), true);
      assert.equal(await has(admin, `${path}?service=1`, key, value), false);
      assert.ok((await get(bob, path)).items.every((x) => x.serviceId === null));
    }
    assert.ok(!(await has(admin, '/qualifications', 'label', 'Off')));
  });

  it('who is there: the state of each agent, as it is now', async () => {
    const { agent: me, states } = await get(ada, '/me');
    const lunch = states.find((s) => s.label === 'Lunch');
    await ada.ok(200, 'PUT', `${A}/me/state`, { json: { stateId: lunch.id, reason: 'soup' } });
    const seen = (await get(bob, `/agents/${me.id}`)).state;
    assert.deepEqual([seen.id, seen.label, seen.kind, seen.reason], [lunch.id, 'Lunch', 'pause', 'soup']);
    assert.ok(Math.abs(Date.parse(seen.since) - Date.now()) < 600_000);
    assert.deepEqual((await get(bob, '/agents')).items.find((x) => x.id === me.id).state, seen);
    const used = await admin.call('DELETE', `${P}/states/${lunch.id}`);
    assert.deepEqual([used.status, used.json.detail], [409, 'it is used by 1 agents who are in it']);
    await ada.ok(200, 'PUT', `${A}/me/state`, { json: { stateId: states.find((s) => s.kind === 'logged_out').id } });
    assert.equal((await admin.call('DELETE', `${P}/states/${lunch.id}`)).status, 204);
  });

  it('a change is seen with the next request', async () => {
    await admin.ok(200, 'PUT', `${P}/services/${service.id}`, { json: { name: 'Delphi' }, headers: { 'If-Match': '*' } });
    assert.equal((await get(ada, '/me')).agent.services[0].name, 'Delphi');
  });
});
