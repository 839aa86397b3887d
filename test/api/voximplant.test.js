// Voximplant Kit's custom channel as its connectors use it: login, refresh, events, callbacks, byte for byte.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import crypto from 'node:crypto';
import { agent, cli, cliJson, demoData, eventually, login, message, raw, request, sink, startServer, unique } from '../lib/server.js';
import { assertSigned, connector, event, kitDemo, makeChannel, phpJson, rawurlencode, setChannel, signature } from '../lib/kit.js';

/** The one answer in raw bytes: status, headers, body; its length is exact and it is what the vendor's client can read. */
function answerOf(text) {
  const [, status, head, body] = /^HTTP\/1\.1 (\d+) [^\r]*\r\n([^]*?)\r\n\r\n([^]*)$/.exec(text) ?? assert.fail(text);
  const headers = Object.fromEntries(head.split('\r\n').map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]));
  assert.equal(Number(headers['content-length']), body.length, 'an exact length');
  return { status: Number(status), headers, body, json: JSON.parse(body) };
}

/** {"success":false,"result":{"error":"…","code":404}} with the same HTTP status. */
function assertFailure(r, status, error) {
  assert.equal(r.status, status, r.text);
  assert.match(r.headers['content-type'], /^application\/json/);
  assert.deepEqual(Object.keys(r.json), ['success', 'result']);
  assert.strictEqual(r.json.success, false);
  assert.deepEqual(Object.keys(r.json.result), ['error', 'code']);
  assert.strictEqual(r.json.result.code, status);
  assert.ok(r.json.result.error.length > 0);
  if (error) assert.match(r.json.result.error, error);
}

describe('Requests as the vendor\'s client sends them', () => {
  let d;
  before(async () => { d = await kitDemo(); });
  after(() => d.stop());

  const send = async (head, body = '') => answerOf((await raw(d.server.port, [`${head}\r\n\r\n`, body])).text);
  const form = (path, body) => send(`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Voximplant-Kit-PHP\r\nAccept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\nConnection: close`, body);
  const loginPath = () => `/api/v3/botService/login?access_token=${d.channel.access_token}&domain=${rawurlencode(d.channel.domain)}`;

  it('login, its order of parameters and encoding', async () => {
    for (const slash of ['', '/']) {
      const r = await form(slash + loginPath(), `channel_uuid=${d.channel.uuid}`);
      assert.equal(r.status, 200, r.body);
      assert.match(r.body, /^\{"success":true,"result":\{"access_token":"[\w.-]+","refresh_token":"[\w.-]+"\}\}$/);
      assert.match(r.headers['content-type'], /^application\/json/);
      assert.equal(r.headers['cache-control'], 'no-store');
    }
  });
  it('refresh', async () => {
    const { refresh_token } = await d.kit.pair();
    const r = await form('/api/v3/botService/refreshToken', `refresh_token=${refresh_token}`);
    assert.equal(r.status, 200, r.body);
    assert.match(r.body, /^\{"success":true,"result":\{"access_token":"[\w.-]+","refresh_token":"[\w.-]+"\}\}$/);
  });
  it('an event: pretty-printed, escaped, doubled slash, encoded UUID, Expect', async () => {
    const client = unique('php/é');
    const body = phpJson(event({ client, text: 'Привет 🙂 / "x" \\ \n' }));
    assert.match(body, /\\\//);
    assert.match(body, /\\u041f/);
    assert.match(body, /\n {4}/);
    const path = `//${d.channel.uuid.replace(/-/g, '%2D')}`;
    const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${await d.kit.token()}\r\nContent-Type: application/json\r\nExpect: 100-Continue\r\nContent-Length: ${body.length}\r\nConnection: close`;
    const { text } = await raw(d.server.port, [`${head}\r\n\r\n`, 200, body]);
    const r = answerOf(text.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, ''));
    assert.equal(r.status, 200, text);
    assert.equal(r.body, '{"success":true,"result":true}');
    const { messages } = await d.only(client);
    assert.equal(messages[0].text, 'Привет 🙂 / "x" \\ \n');
  });
  it('a bare Bearer, before it has a token', async () => {
    const body = phpJson(event());
    const r = await send(`POST /${d.channel.uuid} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close`, body);
    assert.equal(r.status, 401);
    assert.equal(r.body, '{"success":false,"result":{"error":"the access token is not valid","code":401}}');
  });

  for (const [name, path] of [['by itself', (u) => `/${u}`], ['upper case', (u) => `/${u.toUpperCase()}`], ['with a slash behind', (u) => `/${u}/`], ['/api/v3/', (u) => `/api/v3/${u}`], ['doubled slash and /api/v3/', (u) => `//api/v3/${u}`], ['botService/callback', (u) => `/api/v3/botService/callback/${u}`]]) {
    it(`an event's path: ${name}`, async () => {
      const client = unique('path');
      await d.kit.sendOk(event({ client }), { path: path(d.channel.uuid) });
      assert.equal((await d.only(client)).messages.length, 1);
    });
  }
  for (const [name, headers] of [['Bearer', (t) => ({ 'X-Kit-Authorization': `Bearer ${t}` })], ['bare', (t) => ({ 'X-Kit-Authorization': t })], ['beside another Authorization', (t) => ({ 'X-Kit-Authorization': `Bearer ${t}`, Authorization: 'Basic eDp5' })]]) {
    it(`X-Kit-Authorization: ${name}`, async () => {
      const token = await d.kit.token();
      const body = phpJson(event());
      const r = await d.kit.post(`/${d.channel.uuid}`, body, { headers: headers(token) });
      assert.equal(r.status, 200, r.text);
    });
  }
  for (const type of [undefined, 'text/plain', 'application/x-www-form-urlencoded', 'text/html; charset=latin1', 'application/json; charset=utf-8']) {
    it(`an event is JSON also as ${type}`, async () => {
      const body = phpJson(event());
      const r = await d.kit.post(`/${d.channel.uuid}`, body, { headers: { Authorization: `Bearer ${await d.kit.token()}`, ...(type ? { 'Content-Type': type } : {}) } });
      assert.equal(r.status, 200, r.text);
    });
  }

  const multipart = (fields) => `${Object.entries(fields).map(([k, v]) => `--b\r\nContent-Disposition: form-data; name="${k}"\r\n\r\n${v}\r\n`).join('')}--b--\r\n`;
  const ways = {
    'all in the query': (p) => [`?${new URLSearchParams(p)}`, '', undefined],
    'all in an urlencoded body': (p) => ['', new URLSearchParams(p).toString(), 'application/x-www-form-urlencoded'],
    'all in a multipart body': (p) => ['', multipart(p), 'multipart/form-data; boundary=b'],
    'all in a JSON body': (p) => ['', phpJson(p), 'application/json'],
    'JSON without a type': (p) => ['', phpJson(p), undefined],
    'a form without a type': (p) => ['', new URLSearchParams(p).toString(), undefined],
    'a form called text/plain': (p) => ['', new URLSearchParams(p).toString(), 'text/plain'],
    'the same in both': (p) => [`?${new URLSearchParams(p)}`, phpJson(p), 'application/json'],
    'the UUID in upper case': (p) => [`?${new URLSearchParams({ ...p, channel_uuid: p.channel_uuid.toUpperCase() })}`, '', undefined],
  };
  for (const [name, way] of Object.entries(ways)) {
    it(`login with ${name}`, async () => {
      const [query, body, type] = way({ access_token: d.channel.access_token, domain: d.channel.domain, channel_uuid: d.channel.uuid });
      const r = await d.kit.post(`/api/v3/botService/login${query}`, body, { headers: type ? { 'Content-Type': type } : {} });
      assert.equal(r.status, 200, r.text);
    });
  }

  it('every refusal is an object that the client can read, and never a redirect', async () => {
    const token = await d.kit.token();
    const auth = { Authorization: `Bearer ${token}` };
    const other = crypto.randomUUID();
    const rows = [
      ['POST', '/api/v3/botService/login', '', {}, 400, /access_token: is required/],
      ['POST', '/api/v3/botService/login?access_token=x&domain=y', '', {}, 400, /channel_uuid: is required/],
      ['POST', `/api/v3/botService/login?access_token=&domain=${d.channel.domain}`, `channel_uuid=${d.channel.uuid}`, {}, 400, /access_token: is required/],
      ['POST', loginPath(), `channel_uuid=${d.channel.uuid}&access_token=other`, {}, 400, /given twice/],
      ['POST', `${loginPath()}&domain=other`, `channel_uuid=${d.channel.uuid}`, {}, 400, /domain: is given twice/],
      ['POST', `${loginPath()}&domain=${rawurlencode(d.channel.domain)}&domain=`, 'channel_uuid=x', {}, 404],
      ['POST', loginPath(), '{"channel_uuid":5}', {}, 400, /must be a string, not an integer/],
      ['POST', loginPath(), '{"channel_uuid"', {}, 400, /not JSON/],
      ['POST', loginPath(), '[]', { 'Content-Type': 'application/json' }, 400, /JSON object/],
      ['POST', loginPath(), 'x', { 'Content-Type': 'multipart/form-data; boundary=b' }, 400, /form cannot be read/],
      ['POST', loginPath(), `channel_uuid=${d.channel.uuid}%00`, {}, 400, /NUL/],
      ['POST', loginPath(), `channel_uuid=${other}`, {}, 404, /no such channel/],
      ['POST', loginPath(), 'channel_uuid=x', {}, 404, /no such channel/],
      ['POST', loginPath(), `channel_uuid=${d.connector.client_id}`, {}, 404, /no such channel/],
      ['POST', loginPath(), 'x'.repeat(20_000), {}, 413, /too large/],
      ['POST', '/api/v3/botService/refreshToken', '', {}, 400, /refresh_token: is required/],
      ['POST', '/api/v3/botService/refreshToken', 'refresh_token=x', {}, 401, /not valid/],
      ['POST', '/api/v3/botService/refreshToken', `refresh_token=${token}`, {}, 401, /not valid/],
      ['GET', '/api/v3/botService/login', undefined, {}, 405],
      ['GET', `/${d.channel.uuid}`, undefined, auth, 405],
      ['PUT', `/api/v3/${d.channel.uuid}`, '{}', auth, 405],
      ['POST', '/api/v3/botService/nothing', '{}', auth, 404],
      ['POST', '/api/v3/botService/callback/x', '{}', auth, 404],
      ['POST', `/${other}`, '{}', auth, 404, /no such channel/],
      ['POST', `/${other}`, '{}', {}, 401],
      ['POST', `/${d.channel.uuid}`, '{}', { ...auth, 'Content-Encoding': 'gzip' }, 415],
      ['GET', `/api/v3/botService/file/${'0'.repeat(32)}`, undefined, {}, 404, /no such file/],
      ['GET', '/api/v3/botService/file/x', undefined, {}, 404, /no such file/],
    ];
    for (const [method, path, body, headers, status, error] of rows) {
      const r = await request(d.server.url + path, { method, body, headers: { ...headers, ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }) } });
      assertFailure(r, status, error);
      assert.equal(Number(r.headers['content-length']), r.bytes.length, `${method} ${path}`);
    }
  });
  it('too many bodies at once: 503, in the same words, and asked to come again', async () => {
    const data = await demoData();
    const channel = await makeChannel(data.dir);
    const own = await startServer({ dir: data.dir, env: { GUICHET_BODY_TOTAL_MAX: '1M' } });
    const kit = connector(own, channel);
    const r = await kit.postEvent(phpJson(event({ text: 'x'.repeat(3_000_000) })));
    assertFailure(r, 503);
    assert.ok(Number(r.headers['retry-after']) >= 1);
    await own.stop();
  });
  it('one segment that is no UUID stays free, and as it was', async () => {
    for (const path of ['/x', '/favicon.ico', `/${d.channel.uuid}0`, `/${d.channel.uuid.replaceAll('-', '')}`, `/${d.channel.uuid}/x`]) {
      const r = await request(d.server.url + path, { method: 'POST', body: '{}', headers: { Authorization: `Bearer ${await d.kit.token()}` } });
      assert.equal(r.status, 404, path);
      assert.equal(r.json.error, 'not_found');
    }
  });
  it('too many wrong tokens are slowed down, a right one at the same address is not', async () => {
    const data = await demoData();
    const channel = await makeChannel(data.dir);
    const own = await startServer({ dir: data.dir });
    const kit = connector(own, channel);
    const wrong = () => kit.login({ access_token: 'revoked' });
    let last;
    for (let i = 0; i < 15; i++) last = await wrong();
    assertFailure(last, 429);
    assert.ok(Number(last.headers['retry-after']) >= 1);
    assert.equal((await kit.login()).status, 200);
    assertFailure(await wrong(), 429);
    await own.stop();
  });
});

describe('Events in', () => {
  let d;
  before(async () => { d = await kitDemo(); });
  after(() => d.stop());

  it('the least there can be', async () => {
    const client = unique('least');
    await d.kit.sendOk({ client_data: { client_id: client }, event_id: unique('e'), event_type: 'send_message', event_data: { message: { message_id: 'm-1' } } });
    const { interaction, messages: [m] } = await d.only(client);
    assert.equal(interaction.state, 'queued');
    assert.equal(interaction.connector.id, d.channel.id);
    assert.deepEqual([m.text, m.direction, m.externalId, m.richContent, m.attachments], ['', 'in', 'm-1', null, []]);
    assert.deepEqual(m.sender, { type: 'human', id: client, name: null });
    assert.ok(Math.abs(m.createdAt - Date.now() / 1000) < 600);
  });
  it('ids that are integers are their decimal text', async () => {
    const id = 4_000_000_000 + Math.floor(Math.random() * 1e9);
    await d.kit.sendOk(event({ client: id, event_id: id, message_id: -7 }));
    assert.equal((await d.only(String(id))).messages[0].externalId, '-7');
    await d.kit.sendOk(event({ client: String(id), event_id: String(id), text: 'the same event' }));
    assert.equal((await d.only(String(id))).messages.length, 1);
  });
  it('what is told of a customer is kept up to date', async () => {
    const client = unique('known');
    const all = {
      client_phone: '+33 1', client_avatar: 'https://x/a.png', client_display_name: 'Zoé « Z »', client_email: 'z@example.org', client_language: 'fr',
      utm: { source: 's', campaign: 'c', content: 'n', medium: 'm', term: 't' }, page: { url: 'https://x/?a=b&c', title: 'Titre' },
      location: { latitude: 48.8566, longitude: -2, country: 'France', country_code: 'FR', region: 'IdF', region_code: '11', city: 'Paris', ip_address: '192.0.2.1' },
      device: { type: 'phone', model: 'X', user_agent: 'UA/1' },
    };
    await d.kit.sendOk(event({ client, data: all }));
    const { interaction } = await d.only(client);
    assert.equal(interaction.customer.name, 'Zoé « Z »');
    const customer = () => d.agent.ok(200, 'GET', `/interactions/${interaction.id}/customer`);
    const first = await customer();
    assert.equal(first.externalId, client);
    assert.equal(first.name, 'Zoé « Z »');
    assert.deepEqual(first.profile, {
      avatar: 'https://x/a.png', device: { model: 'X', type: 'phone', user_agent: 'UA/1' }, email: 'z@example.org', language: 'fr',
      location: { city: 'Paris', country: 'France', country_code: 'FR', ip_address: '192.0.2.1', latitude: '48.8566', longitude: '-2', region: 'IdF', region_code: '11' },
      page: { title: 'Titre', url: 'https://x/?a=b&c' }, phone: '+33 1', utm: { campaign: 'c', content: 'n', medium: 'm', source: 's', term: 't' },
    });
    // What is empty, null or left out changes nothing; what is new replaces.
    await d.kit.sendOk(event({ client, data: { client_phone: '', client_display_name: '', client_email: null, utm: [], page: '', device: { model: 'Y', type: '' }, location: {}, client_language: 'de' } }));
    const second = await customer();
    assert.equal(second.name, 'Zoé « Z »');
    assert.deepEqual(second.profile, { ...first.profile, device: { ...first.profile.device, model: 'Y' }, language: 'de' });
    await d.kit.sendOk(event({ client, data: { client_display_name: 'Zoé' } }));
    assert.equal((await customer()).name, 'Zoé');
  });
  it('a repeat changes nothing, whatever it holds now, also after the end and for another customer', async () => {
    const client = unique('repeat');
    const e = event({ client, text: 'one', data: { client_language: 'fr' } });
    await d.kit.sendOk(e);
    await d.kit.sendOk({ ...e, event_data: { message: { message_id: 'other', text: 'two' } }, client_data: { client_id: client, client_language: 'de' } });
    const { interaction, messages } = await d.only(client);
    assert.deepEqual(messages.map((m) => m.text), ['one']);
    assert.equal((await d.agent.ok(200, 'GET', `/interactions/${interaction.id}/customer`)).profile.language, 'fr');
    const stranger = unique('stranger');
    await d.kit.sendOk({ ...e, client_data: { client_id: stranger } });
    assert.deepEqual(await d.ofClient(stranger), []);
    await d.agent.close(interaction.id);
    await d.kit.sendOk(e);
    assert.equal((await d.ofClient(client)).length, 1, 'a repeat opens nothing');
    await d.kit.sendOk(event({ client }));
    assert.equal((await d.ofClient(client)).length, 2);
  });
  it('the same event many times at once is stored once', async () => {
    const client = unique('at-once');
    const e = event({ client });
    await Promise.all(Array.from({ length: 40 }, () => d.kit.sendOk(e)));
    assert.equal((await d.only(client)).messages.length, 1);
  });
  it('the same event id on two channels is two events', async () => {
    const other = await makeChannel(d.dir);
    const kit = connector(d.server, other);
    const client = unique('two-channels');
    const e = event({ client });
    await d.kit.sendOk(e);
    await kit.sendOk(e);
    assert.equal((await d.only(client)).messages.length, 1);
    assert.equal((await d.only(client, other)).messages.length, 1);
  });
  it('a connector that numbers all its messages the same loses none', async () => {
    const client = unique('numbering');
    for (let i = 0; i < 20; i++) await d.kit.sendOk(event({ client, message_id: '1', text: `n${i}` }));
    assert.deepEqual((await d.only(client)).messages.map((m) => m.text), Array.from({ length: 20 }, (_, i) => `n${i}`));
  });
  it('items show as what they are', async () => {
    const files = await sink({ behaviour: (r) => (r.path === '/gone' ? { status: 404 } : { body: Buffer.from('%PDF-1.4 x') }) });
    const client = unique('items');
    const at = `http://127.0.0.1:${files.port}`;
    const strange = { type: 'sticker/é', set: { 'a b': [1, 2.5, null, true, 'x "y" \\ z'] } };
    await d.kit.sendOk(event({
      client, payload: [
        { type: 'photo', file_name: 'p.png', file_url: `${at}/p` }, { type: 'location', latitude: 55.75, longitude: 37, address: 'Москва, "x"' },
        { type: 'video', file_name: 'v', file_url: `${at}/v` }, { type: 'contact', name: 'Ann', number: '+1', avatar: '' }, strange,
        { type: 'audio', file_name: '', file_url: `${at}/a` }, { type: 'document', file_url: `${at}/gone` },
      ],
    }));
    const m = await eventually(async () => {
      const { messages: [x] } = await d.only(client);
      return x.attachments.filter((a) => a.state === 'stored').length === 3 && x;
    });
    assert.deepEqual(m.attachments.map((a) => [a.name, a.mimeType]), [['p.png', 'image/png'], ['v', 'video/mp4'], ['audio', 'audio/mpeg'], ['document', 'application/octet-stream']]);
    assert.equal((await d.agent.file(m.attachments[0].id)).text, '%PDF-1.4 x');
    assert.equal(m.attachments[0].foundType, 'application/pdf');
    assert.equal((await d.agent.file(m.attachments[3].id)).status, 404);
    assert.deepEqual(m.richContent, { items: [{ type: 'location', latitude: 55.75, longitude: 37, address: 'Москва, "x"' }, { type: 'contact', name: 'Ann', number: '+1', avatar: '' }, strange] });
    await files.close();
  });
  it('a live stream tells it in one line, however it was printed', async () => {
    const live = await d.agent.events();
    await d.kit.sendOk(event({ text: 'streamed', payload: [{ type: 'location', latitude: 1, longitude: 2, address: 'a  b' }] }));
    const seen = await live.until((e) => e.data.message?.text === 'streamed');
    assert.deepEqual(seen.at(-1).data.message.richContent.items[0], { type: 'location', latitude: 1, longitude: 2, address: 'a  b' });
    live.close();
  });
  it('a large event is taken', async () => {
    const client = unique('large');
    await d.kit.sendOk(event({ client, text: 'é'.repeat(131_072) }));
    assert.equal((await d.only(client)).messages[0].text.length, 131_072);
  });
});

describe('Tokens', () => {
  let d;
  before(async () => { d = await kitDemo(); });
  after(() => d.stop());

  const claims = (jwt) => jwt.split('.').slice(0, 2).map((p) => JSON.parse(Buffer.from(p, 'base64url')));
  const usable = async (kit, token) => (await kit.post(`/${kit.channel.uuid}`, phpJson(event()), { headers: { Authorization: `Bearer ${token}` } })).status;

  it('say what they are, and live as long as documented', async () => {
    const pair = await d.kit.pair();
    for (const [token, type, life] of [[pair.access_token, 'access', 900], [pair.refresh_token, 'refresh', 86_400]]) {
      const [head, body] = claims(token);
      assert.equal(head.alg, 'HS256');
      assert.deepEqual([body.sub, body.account, body.type, body.exp - body.iat], [d.channel.uuid, d.channel.domain, type, life]);
      assert.match(body.jti, /^[0-9a-f]{24}$/);
    }
    assert.notEqual(claims(pair.access_token)[1].jti, claims((await d.kit.pair()).access_token)[1].jti);
  });
  it('a refresh token may be used again until its own end', async () => {
    const first = await d.kit.pair();
    const answers = [await d.kit.refresh(first.refresh_token), await d.kit.refresh(first.refresh_token)];
    for (const r of answers) {
      assert.equal(r.status, 200, r.text);
      assert.equal(await usable(d.kit, r.json.result.access_token), 200);
    }
    assert.equal(await usable(d.kit, first.access_token), 200, 'and what was there before stays good');
    const again = await d.kit.refresh(answers[1].json.result.refresh_token);
    assert.equal(again.status, 200);
  });
  it('each for its own use', async () => {
    const pair = await d.kit.pair();
    assertFailure(await d.kit.refresh(pair.access_token), 401);
    assert.equal(await usable(d.kit, pair.refresh_token), 401);
    assert.equal(await usable(d.kit, await d.partner.token()), 401, 'a connector\'s of the other surface');
    assert.equal(await usable(d.kit, d.channel.access_token), 401, 'the API token itself');
    const r = await request(`${d.server.url}/messaging/v1/messages`, { method: 'POST', body: '{"messages":[]}', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${pair.access_token}` } });
    assert.equal(r.status, 401, 'nor the other way');
  });
  it('expired ones are told so, and refreshed', async () => {
    const short = await makeChannel(d.dir, { args: ['--access-lifetime', '1s', '--refresh-lifetime', '3s'] });
    const kit = connector(d.server, short);
    const pair = await eventually(() => kit.pair());
    await eventually(async () => (await usable(kit, pair.access_token)) === 401);
    const r = await kit.postEvent(phpJson(event()), { headers: { Authorization: `Bearer ${pair.access_token}` } });
    assertFailure(r, 401, /has expired/);
    const next = await kit.refresh(pair.refresh_token);
    assert.equal(next.status, 200, next.text);
    await eventually(async () => (await kit.refresh(pair.refresh_token)).status === 401);
    assertFailure(await kit.refresh(pair.refresh_token), 401, /has expired/);
  });
  it('a disabled channel: both end at once, and do not come back with it', async () => {
    const c = await makeChannel(d.dir);
    const kit = connector(d.server, c);
    const pair = await kit.pair();
    await cliJson(['channel', 'disable', c.name, '--data', d.dir]);
    assert.equal(await usable(kit, pair.access_token), 401);
    assertFailure(await kit.refresh(pair.refresh_token), 401);
    assertFailure(await kit.login(), 403, /disabled/);
    await cliJson(['channel', 'enable', c.name, '--data', d.dir]);
    assert.equal(await usable(kit, pair.access_token), 401);
    assertFailure(await kit.refresh(pair.refresh_token), 401);
    assert.equal((await kit.login()).status, 200);
  });
  it('a revoked API token: all that was issued for it ends, and nothing else', async () => {
    const made = await cliJson(['account-token', 'create', '--data', d.dir, '--name', unique('revoked')]);
    assert.ok(made.access_token.length >= 32);
    const kit = connector(d.server, { ...d.channel, access_token: made.access_token });
    const theirs = await kit.pair();
    const ours = await d.kit.pair();
    await cliJson(['account-token', 'disable', String(made.id), '--data', d.dir]);
    assert.equal(await usable(kit, theirs.access_token), 401);
    assertFailure(await kit.refresh(theirs.refresh_token), 401);
    assertFailure(await kit.login(), 401);
    assert.equal(await usable(d.kit, ours.access_token), 200);
    await cliJson(['account-token', 'enable', String(made.id), '--data', d.dir]);
    assert.equal(await usable(kit, theirs.access_token), 401);
    assert.equal((await kit.login()).status, 200);
  });
  it('another channel\'s token is 403, another account\'s knows of nothing', async () => {
    const sibling = await makeChannel(d.dir);
    const instance = unique('Other account');
    await cliJson(['instance', 'create', '--data', d.dir, '--name', instance]);
    const foreign = await makeChannel(d.dir, { args: ['--instance', instance] });
    assert.equal(foreign.domain, instance);
    const [mine, sib, far] = [d.channel, sibling, foreign].map((c) => connector(d.server, c));
    const body = phpJson(event());
    const via = async (kit, channel) => mine.post(`/${channel.uuid}`, body, { headers: { Authorization: `Bearer ${await kit.token()}` } });
    assertFailure(await via(sib, d.channel), 403, /another channel/);
    assertFailure(await via(far, d.channel), 404);
    assertFailure(await via(mine, foreign), 404);
    assert.equal((await via(far, foreign)).status, 200);
    assertFailure(await mine.login({ uuid: foreign.uuid }), 404);
    assertFailure(await mine.login({ domain: foreign.domain }), 401);
    assertFailure(await mine.login({ access_token: foreign.access_token }), 401);
  });
  it('nothing of a token\'s making is trusted', async () => {
    const [head, payload, mac] = (await d.kit.token()).split('.');
    const b64 = (x) => Buffer.from(JSON.stringify(x)).toString('base64url');
    const sign = (h, p, key) => `${h}.${p}.${crypto.createHmac('sha256', key).update(`${h}.${p}`).digest('base64url')}`;
    const body = JSON.parse(Buffer.from(payload, 'base64url'));
    const rows = [
      `${b64({ alg: 'none', typ: 'JWT' })}.${payload}.`, `${b64({ alg: 'none', typ: 'JWT' })}.${payload}.${mac}`, `${b64({ alg: 'HS512', typ: 'JWT' })}.${payload}.${mac}`,
      `${b64({ alg: 'RS256', typ: 'JWT' })}.${payload}.${mac}`, `${head}.${payload}.`, `${head}.${payload}`, `${head}.${b64({ ...body, exp: body.exp + 9e5 })}.${mac}`,
      sign(head, payload, ''), sign(head, payload, d.channel.salt), sign(head, payload, d.channel.access_token), `${head}.${b64({ ...body, type: 'refresh' })}.${mac}`, 'x', '..', '.'.repeat(2500),
    ];
    for (const token of rows) {
      assert.equal(await usable(d.kit, token), 401, token);
      assertFailure(await d.kit.refresh(token), 401);
    }
  });
});

describe('Events out', () => {
  let d;
  let hook;
  before(async () => {
    hook = await sink();
    d = await kitDemo({ callback: hook.url, env: { GUICHET_DELIVERY_BACKOFF_FIRST: '20ms', GUICHET_DELIVERY_BACKOFF_MAX: '2s' } });
  });
  after(async () => { await d.stop(); await hook.close(); });

  /** A channel of its own with its callback. */
  async function own(behaviour, args = []) {
    const callback = await sink({ behaviour });
    const channel = await makeChannel(d.dir, { callback: callback.url, args });
    return { callback, channel, kit: connector(d.server, channel), async talk(client = unique('client')) { await eventually(() => this.kit.sendOk(event({ client }))); return (await d.only(client, channel)).interaction.id; } };
  }
  const type = (r) => r.json.event_type;
  const text = (r) => r.json.event_data.message?.text;

  it('the whole way: customer, agent, callback, file, end, next', async () => {
    const client = unique('way');
    await d.kit.sendOk(event({ client, text: 'Bonjour', data: { client_display_name: 'Zoé' } }));
    const { interaction } = await d.only(client);
    const session = await login(d.server, d.person);
    const person = agent(d.server, null, { headers: { Cookie: session.cookie } });
    await person.accept(interaction.id);
    const bytes = crypto.randomBytes(200_000);
    const reply = await person.reply(interaction.id, { text: 'Voilà « 客 » 🙂', attachments: [{ name: 'reçu.pdf', mime_type: 'application/pdf', data: bytes.toString('base64') }] });
    await person.close(interaction.id);
    await hook.received(2);
    const [sent, closed] = hook.requests;
    assert.equal(sent.method, 'POST');
    assert.equal(sent.path, '/hook');
    assert.equal(sent.headers['content-type'], 'application/json');
    assert.equal(Number(sent.headers['content-length']), sent.body.length);
    assertSigned(hook, d.channel);
    const me = session.json.agent;
    const who = { sender_id: me.id, sender_username: me.login, sender_display_name: me.displayName, sender_avatar: '', sender_email: 'demo@example.com' };
    const url = sent.json.event_data.message.payload[0].file_url;
    assert.deepEqual(sent.json, {
      client_data: { client_id: client }, event_id: sent.json.event_id, event_type: 'send_message',
      event_data: { sender_data: { ...who, sender_type: 'agent', is_bot: false }, message: { message_id: reply.id, text: 'Voilà « 客 » 🙂', payload: [{ type: 'document', file_name: 'reçu.pdf', file_url: url }] } },
    });
    assert.match(sent.json.event_id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.ok(Number.isInteger(sent.json.event_data.sender_data.sender_id));
    assert.ok(!sent.body.includes(' "') && !sent.body.includes('\\u'), 'compact, UTF-8 as it is');
    assert.deepEqual(closed.json, { client_data: { client_id: client }, event_id: closed.json.event_id, event_type: 'close_conversation', event_data: { close_reason: 'CLOSED_BY_AGENT', sender_data: { ...who, is_bot: false } } });
    assert.notEqual(closed.json.event_id, sent.json.event_id);
    // The file's address works for whoever it is passed on to, as often as they like.
    for (let i = 0; i < 2; i++) {
      const file = await request(url);
      assert.equal(file.status, 200);
      assert.equal(file.headers['content-type'], 'application/pdf');
      assert.ok(file.bytes.equals(bytes));
    }
    assert.equal((await request(url, { method: 'HEAD' })).headers['content-length'], String(bytes.length));
    // Each delivery is named; only the answer's is also a message.
    const told = await eventually(async () => {
      const list = (await d.agent.timeline(interaction.id)).filter((e) => e.kind === 'delivery.delivered');
      return list.length === 2 && list;
    });
    assert.deepEqual(told.map((e) => e.messageId), [reply.id, null]);
    assert.equal(told[0].deliveryId, reply.id);
    assert.match(told[1].deliveryId, /^[0-9a-f]{24}$/);
    assert.deepEqual(told.map((e) => e.delivery.state), ['delivered', 'delivered']);
    const after_ = await d.agent.get(interaction.id);
    assert.deepEqual([after_.state, after_.closeReason], ['closed', 'agent']);
    await d.kit.sendOk(event({ client, text: 'encore' }));
    const list = await d.ofClient(client);
    assert.equal(list.length, 2);
    assert.equal(list.find((i) => i.id !== interaction.id).previousId, interaction.id);
  });

  it('files of customers and of the other surface are not open', async () => {
    const client = unique('files');
    const files = await sink({ behaviour: () => ({ body: 'x' }) });
    const other = await sink();
    await cliJson(['connector', 'set', d.connector.id, '--data', d.dir, '--webhook', other.url]);
    await d.kit.sendOk(event({ client, payload: [{ type: 'photo', file_name: 'p.png', file_url: `http://127.0.0.1:${files.port}/p` }] }));
    await eventually(async () => (await d.only(client)).messages[0].attachments[0].state === 'stored');
    await d.partner.sendOk(message({ customer: client }));
    const [talk] = await d.agent.ofCustomer(d.connector.id, client);
    const reply = await d.agent.reply(talk.id, { text: 'x', attachments: [{ name: 'a.txt', mime_type: 'text/plain', data: 'eA==' }] });
    const [got] = await other.received(1);
    const uid = /([0-9a-f]{32})\/$/.exec(got.json.body.attachments[0].content.data)[1];
    const ids = [uid, uid.toUpperCase(), reply.attachments[0].id, (await d.only(client)).messages[0].attachments[0].id];
    for (const id of ids) assertFailure(await request(`${d.server.url}/api/v3/botService/file/${id}`), 404, /no such file/);
    assert.equal((await d.partner.attachment(uid)).status, 200, 'it is there for who may have it');
    await files.close();
    await other.close();
  });

  const endings = [
    ['the agent', 'agent', 'CLOSED_BY_AGENT', (id, as) => as.person.close(id)],
    ['an administrator who does not serve it', 'administrator', 'CLOSED_BY_UNKNOWN_REASON', (id, as) => as.admin.close(id)],
    ['an administrator who serves it', 'agent', 'CLOSED_BY_AGENT', async (id, as) => { await as.admin.accept(id); await as.admin.close(id); }],
    ['a program', 'api', 'CLOSED_BY_UNKNOWN_REASON', (id) => d.agent.close(id)],
    ['a bot', 'bot', 'CLOSED_BY_BOT', (id) => d.agent.close(id, { json: { bot: true } })],
  ];
  for (const [name, reason, word, end] of endings) {
    it(`ended by ${name}: ${word}`, async () => {
      const as = {};
      for (const [key, who] of [['person', d.person], ['admin', d.admin]]) as[key] = agent(d.server, null, { headers: { Cookie: (await login(d.server, who)).cookie } });
      const c = await own();
      const id = await c.talk();
      await end(id, as);
      const [r] = await c.callback.received(1);
      assert.equal(type(r), 'close_conversation');
      assert.equal(r.json.event_data.close_reason, word);
      const sender = { CLOSED_BY_AGENT: 'object', CLOSED_BY_BOT: 'object', CLOSED_BY_UNKNOWN_REASON: 'undefined' }[word];
      assert.equal(typeof r.json.event_data.sender_data, sender);
      if (word === 'CLOSED_BY_BOT') assert.deepEqual(r.json.event_data.sender_data, { is_bot: true });
      assert.equal((await d.agent.get(id)).closeReason, reason);
      assertSigned(c.callback, c.channel);
      await c.callback.close();
    });
  }
  it('a person is no bot', async () => {
    const person = agent(d.server, null, { headers: { Cookie: (await login(d.server, d.person)).cookie } });
    const c = await own();
    const id = await c.talk();
    assert.equal((await person.call('POST', `/interactions/${id}/close`, { json: { bot: true } })).status, 400);
    assert.equal((await person.call('POST', `/interactions/${id}/messages`, { json: { text: 'x', bot: true } })).status, 400);
    assert.equal((await d.agent.call('POST', `/interactions/${id}/messages`, { json: { text: 'x', bot: 'yes' } })).status, 400);
    await c.callback.close();
  });
  it('a bot speaks as a bot, and takes nothing out of the queue; a program for the instance', async () => {
    const c = await own();
    const id = await c.talk();
    const said = await d.agent.reply(id, { text: 'beep', bot: true });
    assert.equal(said.sender.type, 'bot');
    assert.equal((await d.agent.get(id)).state, 'queued');
    await d.agent.reply(id, 'from a program');
    assert.equal((await d.agent.get(id)).state, 'active');
    const [bot, program] = await c.callback.received(2);
    const name = d.instance.name;
    assert.deepEqual(bot.json.event_data.sender_data, { sender_id: 0, sender_username: name, sender_display_name: name, sender_avatar: '', sender_email: '', sender_type: 'bot', is_bot: true });
    assert.deepEqual(program.json.event_data.sender_data, { sender_id: 0, sender_username: name, sender_display_name: name, sender_avatar: '', sender_email: '', sender_type: 'agent', is_bot: false });
    await c.callback.close();
  });

  for (const status of [200, 201, 202, 204, 299]) {
    it(`${status} is delivered`, async () => {
      const c = await own(() => ({ status, headers: { 'Content-Type': 'text/plain' }, body: status === 204 ? '' : 'OK' }));
      const id = await c.talk();
      await d.agent.reply(id, 'x');
      await eventually(async () => (await d.agent.messages(id)).at(-1).delivery.state === 'delivered');
      assert.equal(c.callback.requests.length, 1);
      await c.callback.close();
    });
  }
  for (const [name, how] of [['500', { status: 500 }], ['404', { status: 404 }], ['302', { status: 302, headers: { Location: '/hook' } }], ['429 with Retry-After', { status: 429, headers: { 'Retry-After': '1' } }], ['a broken connection', { destroy: true }]]) {
    it(`${name}: the same bytes, id and signature again, in order`, async () => {
      let left = 2;
      const c = await own(() => (left-- > 0 ? how : undefined));
      const id = await c.talk();
      await d.agent.reply(id, 'first');
      await d.agent.reply(id, 'second');
      await d.agent.close(id);
      const accepted = await c.callback.received(3);
      assert.deepEqual(accepted.map((r) => text(r) ?? type(r)), ['first', 'second', 'close_conversation']);
      const firsts = c.callback.requests.slice(0, 3);
      for (const r of firsts) {
        assert.ok(r.body.equals(firsts[0].body));
        assert.equal(r.headers.authorization, signature(c.channel, firsts[0].json.event_id));
      }
      if (name.startsWith('429')) assert.ok(firsts[1].at - firsts[0].at >= 900, 'left alone for as long as it asked');
      await c.callback.close();
    });
  }
  it('what is too long for the partner is refused visibly, and nothing is sent or kept of it', async () => {
    const c = await own();
    const id = await c.talk();
    const r = await d.agent.call('POST', `/interactions/${id}/messages`, { json: { text: '\u0001'.repeat(30_000) } });
    assert.equal(r.status, 400, r.text);
    assert.match(r.text, /longer than what this customer's channel takes/);
    assert.equal((await d.agent.messages(id)).length, 1);
    assert.equal((await d.agent.get(id)).state, 'queued', 'it did not move either');
    await d.agent.reply(id, 'é'.repeat(32_000));
    const [got] = await c.callback.received(1);
    assert.equal(text(got), 'é'.repeat(32_000));
    assert.ok(got.body.length < 131_072);
    await c.callback.close();
  });
  it('a disabled token signs nothing; another one does, over the same bytes', async () => {
    const made = await cliJson(['account-token', 'create', '--data', d.dir, '--name', unique('signer')]);
    const c = await own(undefined, ['--token', String(made.id)]);
    assert.equal(c.channel.access_token, made.access_token);
    const id = await c.talk();
    await cliJson(['account-token', 'disable', String(made.id), '--data', d.dir]);
    await d.agent.reply(id, 'waits');
    assert.equal((await cliJson(['channel', 'show', c.channel.name, '--data', d.dir])).can_sign, false);
    // Nor is an address asked without a signature.
    const unasked = await sink();
    const moved = await cli(['channel', 'set', c.channel.name, '--data', d.dir, '--callback', unasked.url], { env: { GUICHET_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8' } });
    assert.equal(moved.code, 1);
    assert.match(moved.stderr, /token is disabled/);
    assert.equal(unasked.requests.length, 0);
    await unasked.close();
    const next = await cliJson(['account-token', 'create', '--data', d.dir, '--name', unique('signer')]);
    await setChannel(d.dir, c.channel, '--token', String(next.id));
    const [r] = await c.callback.received(1);
    assert.equal(r.headers.authorization, signature({ ...c.channel, access_token: next.access_token }, r.json.event_id));
    await c.callback.close();
  });
  it('the callback is asked when it is set: any 2xx passes, else it is told and saved only anyway', async () => {
    const env = { GUICHET_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8' };
    const good = await sink({ behaviour: () => ({ status: 204 }) });
    const bad = await sink({ behaviour: () => ({ status: 302, headers: { Location: '/' } }) });
    const made = await makeChannel(d.dir, { callback: good.url, ask: true });
    assert.equal(good.requests.length, 1);
    assert.deepEqual([good.requests[0].method, good.requests[0].path, good.requests[0].body.length], ['GET', '/hook', 0]);
    assertSigned(good, made);
    const names = async () => (await cliJson(['channel', 'list', '--data', d.dir])).items.map((c) => c.name);
    const refused = await cli(['channel', 'create', '--data', d.dir, '--name', 'never', '--callback', bad.url], { env });
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /did not pass the check: it answered 302.*--anyway/);
    assert.ok(!(await names()).includes('never'));
    const set = ['channel', 'set', made.name, '--data', d.dir, '--callback', bad.url];
    assert.equal((await cli(set, { env })).code, 4);
    assert.equal((await cliJson(['channel', 'show', made.uuid, '--data', d.dir])).callback, good.url);
    assert.equal((await cli([...set, '--anyway'], { env })).code, 0);
    assert.equal((await cliJson(['channel', 'show', made.uuid.toUpperCase(), '--data', d.dir])).callback, bad.url);
    const check = await cli(['channel', 'check', made.name, '--data', d.dir], { env });
    assert.equal(check.code, 1);
    assert.match(check.stderr, /it answered 302/);
    assertSigned({ requests: bad.requests.slice(1) }, made); // the first was for the channel that was never made
    assert.equal(bad.requests.length, 3);
    await cliJson([...set.slice(0, -1), good.url], { env });
    assert.equal((await cli(['channel', 'check', made.name, '--data', d.dir], { env })).code, 0);
    assertSigned(good, made);
    assert.equal(good.requests.length, 3);
    // Without leave a private address is not even asked.
    assert.match((await cli(['channel', 'check', made.name, '--data', d.dir])).stderr, /private/);
    await good.close();
    await bad.close();
  });
  it('timers that cannot be are refused', async () => {
    for (const [flag, value] of [['--close-idle', '59s'], ['--close-idle', '15d'], ['--close-bot', '8d'], ['--close-bot', '1s'], ['--refresh-lifetime', '60s']]) {
      const r = await cli(['channel', 'set', d.channel.name, '--data', d.dir, flag, value]);
      assert.ok([2, 4].includes(r.code), `${flag} ${value}: ${r.code} ${r.stderr}`);
    }
    await setChannel(d.dir, d.channel, '--close-idle', '14d', '--close-bot', '7d');
    const shown = await cliJson(['channel', 'show', d.channel.name, '--data', d.dir]);
    assert.deepEqual([shown.close_idle, shown.close_bot], [14 * 86_400, 7 * 86_400]);
    await setChannel(d.dir, d.channel, '--close-idle', '0', '--close-bot', '0');
  });
  it('nobody who may still wait is closed as silent, whichever of the two is set last', async () => {
    const service = await cliJson(['service', 'create', '--data', d.dir, '--name', unique('patient')]);
    const channel = await makeChannel(d.dir, { args: ['--service', String(service.id), '--close-idle', '10m'] });
    const wait = (seconds) => cli(['setup', 'set', 'services', String(service.id), JSON.stringify({ maxWaitSeconds: seconds }), '--data', d.dir]);
    const refused = await wait(600);
    assert.equal(refused.code, 4, refused.stderr);
    assert.match(refused.stderr, /maxWaitSeconds.*less than the 600 s of silence/);
    assert.equal((await wait(599)).code, 0);
    const shorter = await cli(['channel', 'set', channel.name, '--data', d.dir, '--close-idle', '599s']);
    assert.equal(shorter.code, 4);
    assert.match(shorter.stderr, /--close-idle: must be longer than the 599 s/);
    await setChannel(d.dir, channel, '--close-idle', '0');
    assert.equal((await wait(6000)).code, 0);
  });
  it('salts and tokens are nowhere in clear', async () => {
    const secrets = [d.channel.salt, d.channel.access_token];
    for (const file of fs.readdirSync(d.dir)) {
      const bytes = fs.readFileSync(`${d.dir}/${file}`);
      for (const secret of secrets) assert.equal(bytes.indexOf(secret), -1, file);
    }
    const shown = (await Promise.all([['channel', 'list'], ['channel', 'show', d.channel.name], ['account-token', 'list']].map((a) => cli([...a, '--data', d.dir, '--json'])))).map((r) => r.stdout).join('');
    for (const secret of secrets) assert.ok(!shown.includes(secret) && !d.server.log.includes(secret));
  });
});

describe('A connector that does one thing at a time', () => {
  it('calls us while it serves its callback, and lets its callback wait while it calls us: nothing hangs, nothing is lost', async () => {
    const d = await kitDemo({ env: { GUICHET_DELIVERY_BACKOFF_FIRST: '20ms', GUICHET_DELIVERY_BACKOFF_MAX: '100ms' } });
    let chain = Promise.resolve();
    const alone = (fn) => { const mine = chain.then(fn); chain = mine.catch(() => {}); return mine; };
    const client = unique('single');
    const heard = [];
    const callback = await sink({
      behaviour: (r) => alone(async () => {
        if (!r.json.event_data.message || heard.includes(r.json.event_id)) return undefined;
        await d.kit.sendOk(event({ client, text: `echo of ${r.json.event_data.message.text}` }));
        heard.push(r.json.event_id);
        return undefined;
      }),
    });
    await setChannel(d.dir, d.channel, '--callback', callback.url);
    await alone(() => d.kit.sendOk(event({ client, text: 'start' })));
    const { interaction } = await d.only(client);
    const expected = ['start'];
    await Promise.all([
      (async () => { for (let i = 0; i < 20; i++) await d.agent.reply(interaction.id, `answer ${i}`); })(),
      (async () => { for (let i = 0; i < 20; i++) { expected.push(`more ${i}`); await alone(() => d.kit.sendOk(event({ client, text: `more ${i}` }))); } })(),
    ]);
    await callback.received(20);
    const texts = (await d.agent.messages(interaction.id)).filter((m) => m.direction === 'in').map((m) => m.text);
    assert.deepEqual(texts.filter((t) => t.startsWith('echo')), Array.from({ length: 20 }, (_, i) => `echo of answer ${i}`));
    assert.deepEqual(texts.filter((t) => !t.startsWith('echo')), expected);
    assertSigned(callback, d.channel);
    await d.stop();
    await callback.close();
  });
});

describe('A callback that never answers', () => {
  it('is given ten seconds, however long the setting would wait', async () => {
    let first = true;
    const hook = await sink({ behaviour: () => { const hangs = first; first = false; return hangs ? new Promise(() => {}) : undefined; } });
    const d = await kitDemo({ callback: hook.url, env: { GUICHET_DELIVERY_TIMEOUT: '290s', GUICHET_DELIVERY_BACKOFF_FIRST: '20ms' } });
    const client = unique('hangs');
    await d.kit.sendOk(event({ client }));
    await d.agent.reply((await d.only(client)).interaction.id, 'x');
    await hook.received(1, { timeout: 60_000 });
    assert.equal(hook.requests.length, 2);
    assert.ok(hook.requests[0].body.equals(hook.requests[1].body));
    await d.stop();
    await hook.close();
  });
});

describe('Both surfaces at one desk', () => {
  it('one agent serves a customer of each at once, and sees the same', async () => {
    const hooks = [await sink(), await sink()];
    const d = await kitDemo({ callback: hooks[0].url });
    await cliJson(['connector', 'set', d.connector.id, '--data', d.dir, '--webhook', hooks[1].url]);
    const person = agent(d.server, null, { headers: { Cookie: (await login(d.server, d.person)).cookie } });
    const live = await person.events();
    await d.kit.sendOk(event({ client: 'ann', text: 'hello', data: { client_display_name: 'Ann' } }));
    const m = message({ customer: 'ann', text: 'hello' });
    m.sender.name = 'Ann';
    await d.partner.sendOk(m);
    const waiting = (await person.all()).filter((i) => i.state === 'queued');
    assert.equal(waiting.length, 2, 'the same name, two customers');
    for (let round = 0; round < 3; round++) for (const i of waiting) await person.reply(i.id, `answer ${round}`);
    for (const i of waiting) await person.close(i.id);
    await hooks[0].received(4);
    await hooks[1].received(3);
    assert.deepEqual(hooks[0].requests.map((r) => r.json.event_data.message?.text ?? r.json.event_data.close_reason), ['answer 0', 'answer 1', 'answer 2', 'CLOSED_BY_AGENT']);
    assert.deepEqual(hooks[1].requests.map((r) => r.json.body.message), ['answer 0', 'answer 1', 'answer 2'], 'the other surface knows no ends');
    const views = await Promise.all(waiting.map(async (i) => (await person.timeline(i.id)).filter((e) => !e.kind.startsWith('delivery.')).map((e) => [e.kind, e.message?.text, e.message?.direction, Object.keys(e.message ?? {}).sort()])));
    assert.deepEqual(views[0], views[1]);
    const shapes = await Promise.all(waiting.map(async (i) => Object.keys(await person.get(i.id)).sort()));
    assert.deepEqual(shapes[0], shapes[1]);
    await live.until((e, seen) => seen.filter((x) => x.event === 'interaction.closed').length === 2);
    live.close();
    await d.stop();
    for (const h of hooks) await h.close();
  });
});
