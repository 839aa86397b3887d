// The API's documents: valid OpenAPI 3.1, complete, public, cached; and what goes out to partners is as they say.
import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { Validator } from '@seriousme/openapi-schema-validator';
import { checkAnswer, checkValue, findOperation, load } from '../lib/conformance.js';
import { makeChannel, connector, event } from '../lib/kit.js';
import { cli, cliJson, demo, message, request, sink, unique } from '../lib/server.js';

describe('documents of the API', () => {
  let d, list;
  before(async () => {
    d = await demo();
    list = (await request(`${d.server.url}/docs/documents.json`)).json;
  });
  after(() => d?.stop());
  const fetchAll = () => Promise.all(list.map(async (x) => [x, await request(d.server.url + x.url)]));

  it('are listed, one for each package and surface', () => {
    const names = list.map((x) => x.name);
    for (const name of ['messaging', 'botService', 'agent', 'interaction', 'server']) assert.ok(names.includes(name), name);
    assert.equal(new Set(names).size, names.length);
    for (const x of list) assert.ok(x.title.length > 5 && !x.title.includes('%'), x.title);
  });

  it('are valid OpenAPI 3.1', async () => {
    for (const [{ name }, r] of await fetchAll()) {
      assert.equal(r.status, 200, name);
      assert.equal(r.headers['content-type'], 'application/json');
      const validator = new Validator();
      const result = await validator.validate(r.json);
      assert.ok(result.valid, `${name}: ${JSON.stringify(result.errors)}`);
      assert.equal(validator.version, '3.1');
      assert.ok(validator.resolveRefs(), 'every reference leads somewhere');
    }
  });

  it('hold every route of the table, with its method, and nothing else', async () => {
    const plain = (pattern) => pattern.replace(/\{(uuid:|\*)/g, '{').replace(/(.)\/$/, '$1');
    const routes = (await cliJson(['routes'])).map((r) => `${r.method} ${plain(r.pattern)}`).sort();
    const described = (await fetchAll()).flatMap(([, r]) => Object.entries(r.json.paths).flatMap(([p, methods]) => Object.keys(methods).map((m) => `${m.toUpperCase()} ${plain(p)}`))).sort();
    assert.deepEqual(described, routes);
  });

  it('have an id, a summary, a tag, a security and a described answer for each operation; ids are unique', async () => {
    for (const [{ name }, r] of await fetchAll()) {
      const ids = [];
      for (const [p, methods] of Object.entries(r.json.paths))
        for (const [method, o] of Object.entries(methods)) {
          const what = `${name}: ${method} ${p}`;
          ids.push(o.operationId);
          assert.ok(o.summary && o.description && o.tags.length === 1 && o.tags[0], what);
          assert.ok(Object.keys(o.responses).some((s) => /^2/.test(s)), what);
          for (const scheme of o.security.flatMap(Object.keys)) assert.ok(r.json.components.securitySchemes[scheme], `${what}: ${scheme}`);
        }
      assert.equal(new Set(ids).size, ids.length, name);
    }
  });

  it('say who may call as the table of routes does', async () => {
    const { operations } = load();
    const expected = { public: [], connector: ['client'], channel: ['bearer'], api: ['token', 'session'], person: ['session'] };
    for (const { method, pattern, access } of await cliJson(['routes'])) {
      const found = operations.find((o) => o.method === method.toLowerCase() && o.pattern === pattern.replace(/\{(uuid:|\*)/g, '{'));
      assert.deepEqual(found.operation.security.flatMap(Object.keys), expected[access], pattern);
    }
  });

  it('name the codes of the catalogue, and only those', async () => {
    const { documents } = load();
    const codes = documents.interaction.components.schemas.Problem.properties.code.enum;
    assert.equal(codes.length, 69);
    for (const o of load().operations)
      for (const answer of Object.values(o.operation.responses))
        for (const code of answer.content?.['application/problem+json']?.schema.properties?.code.enum ?? []) assert.ok(codes.includes(code), `${o.pattern}: ${code}`);
  });

  it('are revalidated, and name the address that the server is known by', async () => {
    for (const [{ url }, r] of await fetchAll()) {
      assert.deepEqual(r.json.servers, [{ url: d.server.url }]);
      assert.equal((await request(d.server.url + url, { headers: { 'If-None-Match': r.headers.etag } })).status, 304);
      assert.equal((await request(`${d.server.url + url}/`)).status, 200);
    }
    assert.equal((await request(`${d.server.url}/api/v3/nothing/openapi.json`)).status, 404);
    assert.equal((await request(`${d.server.url}/api/v3/%7Bpackage%7D/openapi.json`)).status, 404);
  });

  it('follow the setting public_url', async () => {
    const other = await demo({ env: { GUICHET_PUBLIC_URL: 'https://guichet.example.org' } });
    const r = await request(`${other.server.url}/messaging/openapi.json`);
    assert.equal(r.json.servers[0].url, 'https://guichet.example.org');
    assert.equal(r.json.components.securitySchemes.client.flows.clientCredentials.tokenUrl, 'https://guichet.example.org/oauth2/v1/token');
    await other.stop();
  });

  it('are printed by the command too', async () => {
    const served = (await request(`${d.server.url}/api/v3/interaction/openapi.json`)).json;
    const r = await cli(['routes', '--openapi', 'interaction', '--url', d.server.url]);
    assert.deepEqual(JSON.parse(r.stdout), served);
    const none = await cli(['routes', '--openapi', 'nothing']);
    assert.equal(none.code, 3);
    assert.match(none.stderr, /no API called nothing; there are messaging, .*interaction/);
  });
});

describe('the check of answers', () => {
  const answer = (status, type, value) => {
    const bytes = Buffer.from(value === undefined ? '' : JSON.stringify(value));
    return { status, headers: { 'content-type': type }, bytes, text: bytes.toString(), get json() { return JSON.parse(bytes); } };
  };
  const state = { id: 1, label: 'Ready', kind: 'ready', since: '2026-11-20T09:00:00.000Z', reason: null };
  const path = '/api/v3/agent/me/state';

  it('takes what is described', () => {
    checkAnswer('GET', path, answer(200, 'application/json', state));
    checkAnswer('GET', path, answer(401, 'application/problem+json', { message: 'no' }));
    checkAnswer('GET', '/nowhere', answer(418, 'text/plain', {}));
  });
  for (const [what, bad] of Object.entries({
    'a field that is missing': answer(200, 'application/json', { ...state, label: undefined }),
    'a field that is not described': answer(200, 'application/json', { ...state, more: 1 }),
    'a word that is not in the list': answer(200, 'application/json', { ...state, kind: 'king' }),
    'another type of field': answer(200, 'application/json', { ...state, id: '1' }),
    'another media type': answer(200, 'text/plain', state),
    'another status': answer(202, 'application/json', state),
    'a code that cannot come': answer(503, 'application/problem+json', { type: 'about:blank', title: 'x', status: 503, code: 'ERR_1000', message: 'x' }),
  })) it(`finds ${what}`, () => assert.throws(() => checkAnswer('GET', path, bad), assert.AssertionError));

  it('finds the operation by the most exact pattern', () => {
    assert.equal(findOperation('GET', '//api/v3/interaction/interactions/x?y#z').pattern, '/api/v3/interaction/interactions/{id}');
    assert.equal(findOperation('POST', '/8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f').operation.operationId, 'sendEvent');
    assert.equal(findOperation('GET', '/ui/a/b/c.js').pattern, '/ui/{path}');
    assert.equal(findOperation('PUT', '/health'), null);
  });
});

describe('what goes out', () => {
  let d, hook;
  before(async () => {
    hook = await sink();
    d = await demo({ webhook: hook.url });
  });
  after(async () => { await d?.stop(); await hook?.close(); });
  /** The parameters and the body of a webhook, as received. */
  function checkWebhook(name, webhook, received) {
    const { parameters, requestBody } = load().documents[name].webhooks[webhook].post;
    for (const p of parameters) {
      const value = received.headers[p.name.toLowerCase()];
      assert.ok(value !== undefined || !p.required, p.name);
      if (p.schema.pattern) assert.match(value, new RegExp(p.schema.pattern), p.name);
      if (p.schema.minLength) assert.ok(value.length >= p.schema.minLength && value.length <= p.schema.maxLength, p.name);
    }
    checkValue(name, requestBody.content['application/json'].schema.$ref.split('/').at(-1), received.json);
  }

  it('to a connector is as the document says', async () => {
    const customer = unique('customer');
    await d.partner.sendOk(message({ customer }));
    const [i] = await d.agent.ofCustomer(d.connector.id, customer);
    const file = await d.agent.upload(i.id, 'a.txt', 'text/plain', 'hello');
    await d.agent.reply(i.id, { text: 'Hi', attachments: [{ id: file.id }] });
    const [received] = await hook.received(1);
    checkWebhook('messaging', 'answer', received);
    assert.equal(received.json.body.attachments.length, 1);
  });

  it('to a custom channel is as the document says', async () => {
    const callback = await sink();
    const channel = await makeChannel(d.dir, { callback: callback.url });
    const kit = connector(d.server, channel);
    const client = unique('client');
    await kit.sendOk(event({ client }));
    const [i] = await d.agent.ofCustomer(channel.id, client);
    await d.agent.reply(i.id, { text: 'Hi', attachments: [{ name: 'a.txt', mime_type: 'text/plain', data: 'aGVsbG8=' }] });
    await d.agent.close(i.id);
    const received = await callback.received(2);
    checkWebhook('botService', 'message', received[0]);
    checkWebhook('botService', 'close', received[1]);
    kit.close();
    await callback.close();
  });
});
