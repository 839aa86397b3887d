// Two instances in one server: with everything that one of them has, no id of the other, guessed or taken, yields anything.
// The walk follows the program's own route table, so a new route is walked too.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { demoData, startServer, partner, agent, login, cliJson, cli, message, sink, request, raw, eventually, setupId } from '../lib/server.js';
import { connector as kitConnector, event, makeChannel } from '../lib/kit.js';

describe('two instances', () => {
  let server;
  let hooks;
  let ours;
  let theirs;
  let routes;
  const MARK = 'theirs-only-mark';
  const ADMIN = '/api/v3/administration';

  /** One row more of every family of the setup; their ids by family. */
  async function fill(cookie, mark) {
    assert.ok(cookie, `${mark}: an administrator`);
    const a = agent(server, null, { headers: { Cookie: cookie } });
    const setup = {};
    const make = async (family, json) => {
      setup[family] = [(await a.ok(201, 'POST', `${ADMIN}/${family}`, { json })).id];
      return setup[family][0];
    };
    const name = `${mark}-row`;
    const skills = [{ id: await make('skills', { name }), level: 2 }];
    const calendarId = await make('calendars', { name, zone: 'UTC', exceptions: [{ day: '2026-12-25', label: name }] });
    const service = await make('services', { name, skills, calendarId, closedReply: name });
    await make('agents', { login: name, password: 'a good password', firstName: name, email: `${mark}@example.org`, skills, group: await make('groups', { name }), team: await make('teams', { name }), services: [{ id: service }] });
    await make('states', { label: name, kind: 'pause' });
    await make('qualifications', { label: name });
    await make('canned-replies', { shortcut: name, text: name });
    await make('connectors', { name, service });
    await make('channels', { name: `${name}-channel`, service, accountToken: await make('account-tokens', { name }) });
    await make('tokens', { label: name, rights: { interaction: ['GET'] } });
    return setup;
  }

  /** A whole contact centre with a conversation, files both ways, a note, a delivery, people and tokens. */
  async function centre(dir, instance, { connector, token, person, admin }, hook, mark) {
    const p = partner(server, connector);
    const a = agent(server, token);
    await eventually(() => p.newToken());
    await eventually(async () => (await a.call('GET', '/interactions')).status === 200);
    const m = message({ customer: `${mark}-customer`, text: `${mark}-text`, metadata: { [`${mark}-key`]: `${mark}-metadata` } });
    m.sender.name = `${mark}-name`;
    m.body.attachments = [{ id: '1', name: `${mark}-file.txt`, mime_type: 'text/plain', content: { type: 'base64', data: Buffer.from(`${mark}-bytes`).toString('base64') } }];
    await p.sendOk(m);
    const [i] = await a.ofCustomer(connector.id, `${mark}-customer`);
    const [received] = await a.messages(i.id);
    const uploaded = await a.upload(i.id, `${mark}-up.txt`, 'text/plain', Buffer.from(`${mark}-up-bytes`));
    const reply = await a.reply(i.id, { text: `${mark}-reply`, attachments: [{ name: `${mark}-sent.txt`, mime_type: 'text/plain', data: Buffer.from(`${mark}-sent-bytes`).toString('base64') }] });
    const channel = await makeChannel(dir, { callback: hook.url, name: `${mark}-channel`, args: ['--instance', instance] });
    const kit = kitConnector(server, channel);
    await kit.sendOk(event({ client: `${mark}-customer`, text: `${mark}-kit`, data: { client_email: `${mark}@example.org` } }));
    const [talk] = await a.ofCustomer(channel.id, `${mark}-customer`);
    const note = await a.note(i.id, `${mark}-note`);
    const [got] = await hook.received(1);
    const uid = got.json.body.attachments[0].content.data.match(/([0-9a-f]{32})\/$/)[1];
    await eventually(async () => (await a.messages(i.id)).at(-1).delivery.state === 'delivered');
    const timeline = await a.timeline(i.id);
    const people = (await cliJson(['agent', 'list', '--data', dir, '--instance', instance])).items.map((x) => x.id);
    const tokens = (await cliJson(['token', 'list', '--data', dir, '--instance', instance])).items.map((x) => x.id);
    const ids = { interaction: i.id, service: i.service.id, connector: i.connector.id, customer: i.customer.id, received: received.id, file: received.attachments[0].id, uploaded: uploaded.id, reply: reply.id, sent: reply.attachments[0].id, note: note.id, uid, channel: channel.uuid, talk: talk.id };
    const setup = await fill((await login(server, { ...admin, instance })).cookie, mark);
    people.forEach((id, n) => (ids[`agent${n}`] = id));
    tokens.forEach((id, n) => (ids[`token${n}`] = id));
    const session = (await login(server, { ...person, instance })).cookie;
    assert.ok(session, `${instance}: a session`);
    return { instance, partner: p, kit, agent: a, connector, token, person, admin, ids, setup, session, seqs: timeline.map((e) => e.seq) };
  }

  before(async () => {
    hooks = [await sink(), await sink()];
    const data = await demoData({ webhook: hooks[0].url });
    const { dir } = data;
    await cliJson(['instance', 'create', '--data', dir, '--name', 'Theirs']);
    const at = ['--data', dir, '--instance', 'Theirs'];
    const connector = await cliJson(['connector', 'create', ...at, '--name', 'partner', '--webhook', hooks[1].url]);
    const { token } = await cliJson(['token', 'create', ...at, '--label', 'all', '--rights', 'interaction:GET,POST,PUT,DELETE;agent:GET,POST,PUT,DELETE']);
    const person = { login: 'their-agent', password: 'a good password' };
    await cliJson(['agent', 'create', ...at, '--login', person.login, '--password-stdin'], { input: `${person.password}\n` });
    const admin = { login: 'their-admin', password: 'a good password' };
    await cliJson(['agent', 'create', ...at, '--login', admin.login, '--profile', 'administrator', '--password-stdin'], { input: `${admin.password}\n` });
    const full = await cliJson(['token', 'create', '--data', dir, '--label', 'everything', '--rights',
      ['agent', 'contact-manager', 'interaction', 'supervision', 'task', 'activity-planning', 'administration'].map((api) => `${api}:GET,POST,PUT,DELETE`).join(';')]);
    server = await startServer({ dir });
    const firstName = (await cliJson(['instance', 'list', '--data', dir])).items.find((x) => x.name !== 'Theirs').name;
    ours = await centre(dir, firstName, { ...data, token: full.token }, hooks[0], 'ours');
    theirs = await centre(dir, 'Theirs', { connector, token, person, admin }, hooks[1], MARK);
    ours.admin = (await login(server, data.admin)).cookie;
    assert.ok(ours.admin);
    const r = await cli(['routes', '--json']);
    assert.equal(r.code, 0, r.stderr);
    routes = r.json.items ?? r.json.routes ?? r.json;
    assert.ok(routes.length >= 15, r.stdout);
  });
  after(async () => { await server?.stop(); for (const h of hooks) await h.close(); });

  const credentials = async () => ({
    'API token': { 'Kiamo-Api-Token': ours.token },
    'session': { Cookie: ours.session },
    'administrator': { Cookie: ours.admin },
    'bearer': { Authorization: `Bearer ${await ours.partner.token()}` },
    'custom channel': { Authorization: `Bearer ${await ours.kit.token()}` },
    'nothing': {},
  });

  /** Ids that are theirs, and what somebody who knows the shape of ids would try. */
  function guesses() {
    const all = Object.values(theirs.ids).map(String);
    const crossed = [];
    for (const id of all.filter((x) => x.length === 24)) {
      for (let cut = 2; cut < 24; cut += 2) crossed.push(ours.ids.interaction.slice(0, cut) + id.slice(cut));
      const n = BigInt(`0x${id}`);
      for (const step of [-1n, 1n]) crossed.push((n + step).toString(16).padStart(24, '0'));
    }
    for (const seq of theirs.seqs) crossed.push(BigInt(seq).toString(16).padStart(24, '0'));
    const mine = new Set(Object.values(ours.ids).map(String));
    return { all, crossed: [...new Set(crossed)].filter((id) => !mine.has(id) && !all.includes(id)) };
  }

  const bodies = {
    '/api/v3/interaction/interactions/{id}/messages': { text: 'x' },
    '/api/v3/interaction/interactions/{id}/notes': { content: 'x' },
    '/api/v3/interaction/interactions/{id}/transfer': { serviceId: 1 },
    '/api/v3/interaction/interactions/{id}/qualification': { qualificationId: 1 },
    [`${ADMIN}/agents/{id}/password`]: { password: 'a good password' },
    [`${ADMIN}/deliveries/replay`]: { ids: [] },
  };
  const call = (method, path, headers, pattern) => {
    const json = JSON.stringify(bodies[pattern] ?? {});
    const body = method === 'POST' || method === 'PUT' ? json : undefined;
    return request(server.url + path, { method, body, headers: { ...headers, ...(body ? { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) } : {}) } });
  };
  function assertNothing(r, what) {
    assert.ok(!r.bytes.includes(MARK), `${what}: ${r.status} ${r.text.slice(0, 500)}`);
    assert.ok(!r.bytes.includes(theirs.ids.uid), what);
  }
  /** What their instance holds, as they see it. */
  const snapshot = async () => {
    const a = agent(server, null, { headers: { Cookie: (await login(server, { ...theirs.admin, instance: theirs.instance })).cookie } });
    const setup = await Promise.all(Object.keys(theirs.setup).map((family) => a.all({}, `${ADMIN}/${family}`)));
    const quiet = setup.flat().map(({ lastUsedAt, ...row }) => row);
    return JSON.stringify([await theirs.agent.all({}), await theirs.agent.timeline(theirs.ids.interaction), quiet]);
  };
  /** Numbers of the setup are given out across instances: only those of its own family mean anything to a route. */
  const familyOf = (pattern) => /^\/api\/v3\/(?:administration|agent)\/([^/]+)\/\{/.exec(pattern)?.[1] ?? null;

  it('every route with every id of theirs, by every credential of ours', async (t) => {
    const before_ = await snapshot();
    const { all, crossed } = guesses();
    let calls = 0;
    for (const [who, headers] of Object.entries(await credentials())) {
      for (const { method, pattern } of routes) {
        if (!/\{/.test(pattern)) continue;
        const family = familyOf(pattern);
        const ids = family in theirs.setup ? [...theirs.setup[family], ...crossed.slice(0, 20)] : who === 'API token' ? [...all, ...crossed] : all;
        for (const id of ids) {
          const path = pattern.replace(/\{[^}]+\}/g, id) + (method === 'POST' && pattern.endsWith('/attachments') ? '?name=x' : '');
          const r = await call(method, path, family ? { ...headers, 'If-Match': '*' } : headers, pattern);
          calls++;
          const what = `${who}: ${method} ${path}`;
          assert.ok([404, 401, 403].includes(r.status), `${what}: ${r.status} ${r.text.slice(0, 300)}`);
          assertNothing(r, what);
        }
      }
    }
    t.diagnostic(`${calls} calls`);
    assert.ok(calls > 500);
    assert.equal(await snapshot(), before_, 'and nothing of theirs has changed');
  });

  it('routes without ids, filters and cursors show nothing of theirs', async () => {
    const before_ = await snapshot();
    const cursor = (await theirs.agent.list({ limit: 1 })).next ?? '1';
    for (const [who, headers] of Object.entries(await credentials())) {
      for (const { method, pattern } of routes) {
        if (/\{/.test(pattern) || pattern.endsWith('/events') || pattern === '/metrics' || pattern === '/health') continue;
        if (/log(in|out)$/.test(pattern)) continue;
        const r = await call(method, pattern, headers, pattern);
        assertNothing(r, `${who}: ${method} ${pattern}`);
      }
      for (const query of [`service=${theirs.ids.service}`, `agent=${setupId(theirs.ids.agent0)}`, `connector=${theirs.ids.connector}&customer=${MARK}-customer`, `connector=${ours.ids.connector}&customer=${MARK}-customer`, `cursor=${encodeURIComponent(cursor)}`, 'state=active', 'state=queued', 'state=closed']) {
        const r = await call('GET', `/api/v3/interaction/interactions?${query}`, headers);
        assertNothing(r, `${who}: ${query}`);
        if (r.status === 200 && query.includes(theirs.ids.service)) assert.deepEqual(r.json.items, []);
      }
    }
    assert.equal(await snapshot(), before_);
  });

  it('what is open to all tells nothing', async () => {
    for (const path of ['/health', '/metrics', '/']) assertNothing(await request(server.url + path), path);
  });

  it('the live stream tells ours only, whatever number it is resumed from', async () => {
    for (const lastEventId of [undefined, 0, 1, ours.seqs[0], theirs.seqs[0], theirs.seqs.at(-1), Number.MAX_SAFE_INTEGER]) {
      let live;
      try {
        live = await ours.agent.events({ lastEventId });
      } catch (e) {
        assert.ok([400, 404, 410].includes(e.status), e.message);
        continue;
      }
      await theirs.partner.sendOk(message({ customer: `${MARK}-stream`, text: `${MARK}-stream` }));
      await ours.partner.sendOk(message({ customer: 'ours-stream', text: `ours ${lastEventId}` }));
      if (lastEventId !== Number.MAX_SAFE_INTEGER && lastEventId !== theirs.seqs.at(-1) && lastEventId !== theirs.seqs[0]) {
        const seen = await live.until((e) => e.data.message?.text === `ours ${lastEventId}`);
        for (const e of seen) assert.ok(!e.text.includes(MARK), e.text);
      } else {
        // A number of theirs may be beyond everything of ours: then nothing comes, and nothing of theirs either.
        const e = await Promise.race([live.next(60_000), (async () => { for (let i = 0; i < 20; i++) await ours.partner.sendOk(message()); return null; })()]);
        assert.ok(!e || !e.text.includes(MARK));
      }
      live.close();
    }
  });

  it('a file of theirs cannot be put into a message of ours', async () => {
    for (const id of [theirs.ids.uploaded, theirs.ids.file, theirs.ids.sent]) {
      const r = await ours.agent.call('POST', `/interactions/${ours.ids.interaction}/messages`, { json: { text: 'x', attachments: [{ id }] } });
      assert.equal(r.status, 400, r.text);
      assertNothing(r, id);
    }
    const sent = await theirs.agent.reply(theirs.ids.interaction, { text: `${MARK}-later`, attachments: [{ id: theirs.ids.uploaded }] });
    assert.equal(sent.attachments.length, 1, 'they still have it');
  });

  it('nothing of theirs can be referred to by ours', async () => {
    const a = agent(server, null, { headers: { Cookie: ours.admin } });
    const [skill, service, calendar, group, team, person] = ['skills', 'services', 'calendars', 'groups', 'teams', 'agents'].map((f) => theirs.setup[f][0]);
    for (const [family, json, pointer] of [
      ['services', { name: 'x', skills: [{ id: skill }] }, '/skills/0/id'], ['services', { name: 'x', agents: [{ id: person }] }, '/agents/0/id'],
      ['services', { name: 'x', overflow: { serviceId: service } }, '/overflow/serviceId'], ['services', { name: 'x', calendarId: calendar }, '/calendarId'],
      ['agents', { login: 'x', password: 'a good password', group }, '/group'], ['agents', { login: 'x', password: 'a good password', team }, '/team'],
      ['agents', { login: 'x', password: 'a good password', skills: [{ id: skill }] }, '/skills/0/id'], ['agents', { login: 'x', password: 'a good password', services: [{ id: service }] }, '/services/0/id'],
      ['qualifications', { label: 'x', serviceId: service }, '/serviceId'], ['canned-replies', { shortcut: 'x', text: 'x', serviceId: service }, '/serviceId'], ['connectors', { name: 'x', service }, '/service'],
    ]) {
      const r = await a.call('POST', `${ADMIN}/${family}`, { json });
      assert.deepEqual([r.status, r.json.errors?.map((e) => e.pointer)], [400, [pointer]], `${family}: ${r.text}`);
      assertNothing(r, family);
    }
  });

  it('their deliveries are not sent again, by their ids or by their connector', async () => {
    const a = agent(server, null, { headers: { Cookie: ours.admin } });
    const sent = hooks[1].requests.length;
    for (const json of [{ ids: [theirs.ids.reply] }, { connectorId: theirs.ids.connector }]) {
      const r = await a.call('POST', `${ADMIN}/deliveries/replay`, { json });
      assert.equal(r.status, 400, r.text);
    }
    assert.deepEqual((await a.ok(200, 'GET', `${ADMIN}/deliveries?connector=${theirs.ids.connector}`)).items, []);
    assert.ok(!JSON.stringify(await a.all({}, `${ADMIN}/audit`)).includes(MARK));
    assert.equal(hooks[1].requests.length, sent);
  });

  it('the same customer, message ids and keys in both do not meet', async () => {
    const m = message({ id: 'same', customer: 'same-customer', text: 'same' });
    await ours.partner.sendOk(m);
    await theirs.partner.sendOk(m);
    for (const side of [ours, theirs]) {
      const list = await side.agent.ofCustomer(side.connector.id, 'same-customer');
      assert.equal(list.length, 1);
      const headers = { 'Idempotency-Key': 'same-key' };
      await side.agent.note(list[0].id, `of ${side.instance}`, { headers });
      const notes = (await side.agent.timeline(list[0].id)).filter((e) => e.note).map((e) => e.note.content);
      assert.deepEqual(notes, [`of ${side.instance}`]);
    }
  });

  it('a person of theirs is nobody in ours', async () => {
    const r = await login(server, { ...theirs.person, instance: ours.instance });
    assert.equal(r.status, 401);
    assert.equal((await login(server, { ...theirs.person, instance: theirs.instance })).status, 200);
  });

  it('answers of ours go to our webhook only', () => {
    assert.ok(hooks[0].requests.every((r) => !r.body.includes(MARK)));
    assert.ok(hooks[1].requests.every((r) => !r.body.includes('ours-')));
  });

  it('HEAD shows lengths of nothing', async () => {
    const headers = { 'Kiamo-Api-Token': ours.token };
    const real = await request(`${server.url}/api/v3/interaction/attachments/${theirs.ids.file}`, { method: 'HEAD', headers });
    const none = await request(`${server.url}/api/v3/interaction/attachments/${'0'.repeat(24)}`, { method: 'HEAD', headers });
    assert.equal(real.status, 404);
    assert.equal(real.headers['content-length'], none.headers['content-length']);
    const text = (await raw(server.port, `GET /messaging/attachments/${theirs.ids.uid}/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await ours.partner.token()}\r\nConnection: close\r\n\r\n`)).text;
    assert.match(text, /^HTTP\/1\.1 404 /);
    assert.ok(!text.includes(MARK));
  });
});
