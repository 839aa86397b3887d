// For administrators: deliveries listed, looked at and sent again; a connector tried; who changed what in the setup.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { demo, agent, login, cliJson, message, partner, sink, eventually, unique, setupId } from '../lib/server.js';

const P = '/api/v3/administration';

describe('deliveries for administrators', () => {
  let hook;
  let d;
  let a;
  const get = (path) => a.ok(200, 'GET', P + path);
  const answer = async (text) => {
    const customer = unique('c');
    await d.partner.sendOk(message({ customer }));
    const [i] = await d.agent.ofCustomer(d.connector.id, customer);
    return { ...(await d.agent.reply(i.id, text)), interaction: i.id };
  };
  const settled = (id, state) => eventually(async () => (await get(`/deliveries/${id}`)).state === state, { what: `${id} ${state}` });

  before(async () => {
    hook = await sink();
    d = await demo({ webhook: hook.url, env: { GUICHET_DELIVERY_RETENTION: '2s' } });
    a = agent(d.server, null, { headers: { Cookie: (await login(d.server, d.admin)).cookie } });
  });
  after(async () => { await d.stop(); await hook.close(); });

  it('one: how it stands and the bytes that were sent', async () => {
    const m = await answer('hello there');
    await settled(m.id, 'delivered');
    const one = await get(`/deliveries/${m.id}`);
    assert.deepEqual([one.id, one.state, one.connector.name, one.interactionId, one.attempts, one.lastStatus, one.lastError, one.test], [m.id, 'delivered', 'demo-bot', m.interaction, 1, 200, null, false]);
    assert.equal(one.payload, hook.accepted.at(-1).body.toString());
    assert.ok(one.createdAt <= one.settledAt && one.deadlineAt > one.createdAt);
    for (const id of ['x', '0', m.interaction.replace(/.$/, 'z'), '0'.repeat(24)]) assert.equal((await a.call('GET', `${P}/deliveries/${id}`)).status, 404, id);
  });

  it('listed newest first, by state, connector and time, page by page', async () => {
    const ids = [];
    for (let i = 0; i < 5; i++) ids.unshift((await answer(`m${i}`)).id);
    for (const id of ids) await settled(id, 'delivered');
    assert.deepEqual((await get('/deliveries?limit=5')).items.map((x) => x.id), ids);
    const paged = (await a.all({ limit: 2 }, `${P}/deliveries`)).map((x) => x.id);
    assert.deepEqual(paged, (await a.all({}, `${P}/deliveries`)).map((x) => x.id));
    assert.deepEqual(paged.slice(0, 5), ids);
    assert.deepEqual((await get('/deliveries?state=delivered&limit=2')).items.map((x) => x.id), ids.slice(0, 2));
    assert.deepEqual((await get('/deliveries?state=parked')).items, []);
    assert.deepEqual((await get('/deliveries?connector=99')).items, []);
    assert.equal((await get(`/deliveries?connector=${setupId(d.connector.id)}&limit=1`)).items[0].id, ids[0]);
    const { createdAt } = await get(`/deliveries/${ids[2]}`);
    const later = await a.all({ from: createdAt }, `${P}/deliveries`);
    assert.ok(later.length >= 3 && later.every((x) => x.createdAt >= createdAt));
    assert.ok((await a.all({ to: createdAt }, `${P}/deliveries`)).every((x) => x.createdAt < createdAt));
    assert.deepEqual((await get('/deliveries?from=2100-01-01')).items, []);
    for (const [query, pointer] of [['state=lost', '/state'], ['connector=x', '/connector'], ['limit=0', '/limit'], ['cursor=5', '/cursor'], ['from=yesterday', '/from'], ['to=2026-02-30', '/to']]) {
      const r = await a.call('GET', `${P}/deliveries?${query}`);
      assert.deepEqual([r.status, r.json.errors[0].pointer], [400, pointer], query);
    }
  });

  it('parked ones are sent again, one or all of a connector', async () => {
    hook.behaviour = () => ({ status: 500 });
    const parked = [];
    for (let i = 0; i < 3; i++) parked.push((await answer(`later ${i}`)).id);
    for (const id of parked) await settled(id, 'parked');
    assert.deepEqual((await a.all({ state: 'parked' }, `${P}/deliveries`)).map((x) => x.id).sort(), [...parked].sort());
    assert.match((await get(`/deliveries/${parked[0]}`)).lastError ?? 'HTTP 500', /./);
    hook.behaviour = () => undefined;
    assert.deepEqual(await a.ok(200, 'POST', `${P}/deliveries/replay`, { json: { ids: [parked[0]] } }), { replayed: 1, more: false });
    await settled(parked[0], 'delivered');
    assert.deepEqual(await a.ok(200, 'POST', `${P}/deliveries/replay`, { json: { connectorId: setupId(d.connector.id) } }), { replayed: 2, more: false });
    for (const id of parked) await settled(id, 'delivered');
    const texts = hook.accepted.map((r) => r.json.body?.message);
    for (let i = 0; i < 3; i++) assert.ok(texts.includes(`later ${i}`));
  });

  it('a replay that names nothing, or too much, is refused', async () => {
    for (const [json, pointer] of [[{}, '/ids'], [{ ids: [] }, '/ids'], [{ ids: ['x'] }, '/ids/0'], [{ ids: [5] }, '/ids/0'], [{ ids: 'all' }, '/ids'], [{ connectorId: 99 }, '/connectorId'], [{ connectorId: 'x' }, '/connectorId'], [{ ids: ['0'.repeat(24)], connectorId: 1 }, '/ids/0']]) {
      const r = await a.call('POST', `${P}/deliveries/replay`, { json });
      assert.deepEqual([r.status, r.json.errors?.[0].pointer], [400, pointer], JSON.stringify(json));
    }
    const m = await answer('x');
    await settled(m.id, 'delivered');
    const both = await a.call('POST', `${P}/deliveries/replay`, { json: { ids: [m.id], connectorId: setupId(d.connector.id) } });
    assert.equal(both.status, 400);
  });

  it('a connector is tried: the partner gets a signed test, and the delivery says how it went', async () => {
    hook.secret = d.connector.client_secret;
    const r = await a.call('POST', `${P}/connectors/${setupId(d.connector.id)}/test`, { json: {} });
    assert.equal(r.status, 202, r.text);
    await settled(r.json.deliveryId, 'delivered');
    const one = await get(`/deliveries/${r.json.deliveryId}`);
    assert.deepEqual([one.test, one.interactionId], [true, null]);
    const got = hook.accepted.at(-1);
    assert.equal(got.json.customer_id, 'guichet-test');
    hook.assertSigned();
    hook.behaviour = () => ({ status: 404 });
    const bad = await a.ok(202, 'POST', `${P}/connectors/${setupId(d.connector.id)}/test`, { json: {} });
    await eventually(async () => (await get(`/deliveries/${bad.deliveryId}`)).lastStatus === 404);
    hook.behaviour = () => undefined;
    await settled(bad.deliveryId, 'delivered');
  });

  it('what cannot be tried', async () => {
    const c = await a.ok(201, 'POST', `${P}/connectors`, { json: { name: unique('c'), service: 1 } });
    assert.match((await a.call('POST', `${P}/connectors/${c.id}/test`, { json: {} })).json.detail, /no webhook/);
    await a.ok(200, 'PUT', `${P}/connectors/${c.id}`, { json: { webhookUrl: hook.url, enabled: false }, headers: { 'If-Match': '*' } });
    const r = await a.call('POST', `${P}/connectors/${c.id}/test`, { json: {} });
    assert.deepEqual([r.status, r.json.detail], [409, 'the connector is disabled']);
    assert.equal((await a.call('POST', `${P}/connectors/999/test`, { json: {} })).status, 404);
  });
});

describe('the audit', () => {
  let d;
  let a;
  before(async () => { d = await demo(); a = agent(d.server, null, { headers: { Cookie: (await login(d.server, d.admin)).cookie } }); });
  after(() => d.stop());
  const newest = async () => (await a.ok(200, 'GET', `${P}/audit?limit=1`)).items[0];

  it('who, what, when: by person, token and command', async () => {
    const me = (await a.ok(200, 'GET', '/api/v3/agent/me')).agent;
    const skill = await a.ok(201, 'POST', `${P}/skills`, { json: { name: 'Latin' } });
    let e = await newest();
    assert.deepEqual([e.kind, e.agent.id, e.data], ['setup.changed', me.id, { change: 'skill', id: skill.id, name: 'Latin', action: 'created' }]);
    assert.ok(Math.abs(Date.parse(e.at) - Date.now()) < 600_000);
    await a.ok(200, 'PUT', `${P}/services/1`, { json: { priority: 2, skills: [{ id: skill.id }] }, headers: { 'If-Match': '*' } });
    e = await newest();
    assert.deepEqual(e.data, { change: 'service', id: 1, name: 'Customer care', action: 'updated', fields: ['priority', 'skills'] });
    await a.ok(200, 'PUT', `${P}/services/1`, { json: { priority: 2 }, headers: { 'If-Match': '*' } });
    assert.deepEqual((await newest()).seq, e.seq, 'nothing changed, nothing to tell');
    const t = await a.ok(201, 'POST', `${P}/tokens`, { json: { label: 'provisioning', rights: { administration: ['POST', 'DELETE'] } } });
    const token = agent(d.server, t.token);
    const team = await token.ok(201, 'POST', `${P}/teams`, { json: { name: 'By token' } });
    e = await newest();
    assert.deepEqual([e.agent, e.data.by, e.data.action], [undefined, 'provisioning', 'created']);
    assert.equal((await token.call('DELETE', `${P}/teams/${team.id}`)).status, 204);
    assert.deepEqual((await newest()).data, { change: 'team', id: team.id, name: 'By token', action: 'removed', by: 'provisioning' });
    await cliJson(['setup', 'add', 'teams', '{"name":"By command"}', '--data', d.dir]);
    assert.equal((await newest()).data.by, 'command');
    await cliJson(['service', 'create', '--name', 'S', '--data', d.dir]);
    assert.equal((await newest()).data.by, 'command');
  });

  it('passwords and secrets are told of, not told', async () => {
    const c = await a.ok(201, 'POST', `${P}/connectors`, { json: { name: 'c', service: 1 } });
    const r = await a.ok(200, 'POST', `${P}/connectors/${c.id}/rotate-secret`, { json: {} });
    assert.equal((await newest()).data.action, 'given another secret');
    await a.call('PUT', `${P}/agents/2/password`, { json: { password: 'a new password' } });
    assert.equal((await newest()).data.action, 'given another password');
    const all = JSON.stringify(await a.all({ limit: 3 }, `${P}/audit`));
    for (const secret of [c.clientSecret, r.clientSecret, 'a new password']) assert.ok(!all.includes(secret));
  });

  it('newest first, page by page; what was refused is not in it', async () => {
    await a.call('POST', `${P}/skills`, { json: { name: '' } });
    await a.call('POST', `${P}/skills`, { json: { name: 'Latin' } });
    const all = await a.all({ limit: 2 }, `${P}/audit`);
    assert.deepEqual(all.map((e) => e.seq), all.map((e) => e.seq).sort((x, y) => y - x));
    assert.equal(all.filter((e) => e.data.name === 'Latin').length, 1);
    for (const q of ['limit=0', 'cursor=x', 'cursor=0']) assert.equal((await a.call('GET', `${P}/audit?${q}`)).status, 400);
  });
});
