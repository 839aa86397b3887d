// The token endpoint: what the vendor documents, what OAuth clients send, and RFC 6749 section 5.2 for the rest.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { demo, request, raw, eventually, cliJson, message, partner, assertNoReport } from '../lib/server.js';

const BOUNDARY = '--------------------------postman4711';
const multipart = (fields, boundary = BOUNDARY) =>
  [...fields.map(([k, v]) => `--${boundary}\r\nContent-Disposition: form-data; name="${k}"\r\n\r\n${v}\r\n`), `--${boundary}--\r\n`].join('');

describe('POST /oauth2/v1/token', () => {
  let d;
  before(async () => { d = await demo(); });
  after(() => d.stop());

  const token = (body, headers = {}) =>
    request(`${d.server.url}/oauth2/v1/token`, { method: 'POST', body, headers: { 'Content-Length': Buffer.byteLength(body), ...headers } });
  const form = (fields, headers = {}) => token(new URLSearchParams(fields).toString(), { 'Content-Type': 'application/x-www-form-urlencoded', ...headers });
  const good = () => [['client_id', d.connector.client_id], ['client_secret', d.connector.client_secret], ['grant_type', 'client_credentials']];
  const basic = (id = d.connector.client_id, secret = d.connector.client_secret) => ({ Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` });

  async function assertToken(r) {
    assert.equal(r.status, 200, r.text);
    assert.deepEqual(Object.keys(r.json).sort(), ['access_token', 'expires_in', 'token_type']);
    assert.equal(r.json.expires_in, 86400);
    assert.equal(r.json.token_type, 'bearer');
    assert.match(r.headers['content-type'], /^application\/json/);
    for (const word of ['no-cache', 'private', 'no-store']) assert.match(r.headers['cache-control'], new RegExp(`\\b${word}\\b`));
    assert.equal(r.headers['strict-transport-security'], undefined, 'only over TLS');
    const body = JSON.stringify({ messages: [message()] });
    const used = await request(`${d.server.url}/messaging/v1/messages`, {
      method: 'POST', body, headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), Authorization: `Bearer ${r.json.access_token}` },
    });
    assert.equal(used.status, 200, used.text);
  }

  it('takes multipart/form-data as the vendor documents it', async () => {
    await assertToken(await token(multipart(good()), { 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}` }));
  });
  it('takes multipart with a quoted boundary, a preamble, part headers in any case and content types of parts', async () => {
    const parts = good().map(([k, v]) => `--q b\r\ncontent-type: text/plain; charset=utf-8\r\nCONTENT-DISPOSITION: form-data; name=${k}\r\n\r\n${v}\r\n`).join('');
    await assertToken(await token(`preamble\r\n${parts}--q b--\r\nepilogue`, { 'Content-Type': 'Multipart/Form-Data; charset=utf-8; boundary="q b"' }));
  });
  it('takes application/x-www-form-urlencoded', async () => {
    await assertToken(await form(good()));
    await assertToken(await form(good(), { 'Content-Type': 'application/x-www-form-urlencoded; charset=UTF-8' }));
  });
  it('takes the client by HTTP Basic', async () => {
    await assertToken(await form([['grant_type', 'client_credentials']], basic()));
    await assertToken(await form([['grant_type', 'client_credentials']], { Authorization: basic().Authorization.replace('Basic', 'bASIC') }));
  });
  it('takes client_id in the body beside Basic when it is the same client and no secret is there', async () => {
    await assertToken(await form([['grant_type', 'client_credentials'], ['client_id', d.connector.client_id]], basic()));
  });
  it('takes the body in chunks', async () => {
    const body = new URLSearchParams(good()).toString();
    const r = await raw(d.server.port, `POST /oauth2/v1/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n` +
      `${(10).toString(16)}\r\n${body.slice(0, 10)}\r\n${(body.length - 10).toString(16)}\r\n${body.slice(10)}\r\n0\r\n\r\n`);
    assert.match(r.text, /^HTTP\/1\.1 200 /);
    assert.match(r.text, /"access_token":"/);
  });
  it('ignores unknown parameters and scope', async () => {
    await assertToken(await form([...good(), ['scope', 'everything'], ['resource', 'x']]));
  });
  it('gives each token its own text', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, async () => (await form(good())).json.access_token));
    assert.equal(new Set(tokens).size, 20);
  });

  // What is refused, and how: name, request, status, error, and whether a challenge must be there.
  const swap = (name, value) => good().map(([k, v]) => [k, k === name ? value : v]);
  const drop = (name) => good().filter(([k]) => k !== name);
  const refused = [
    ['unknown client', () => form(swap('client_id', '0'.repeat(32))), 401, 'invalid_client'],
    ['wrong secret', () => form(swap('client_secret', '0'.repeat(64))), 401, 'invalid_client'],
    ['secret of other length', () => form(swap('client_secret', 'x')), 401, 'invalid_client'],
    ['very long secret', () => form(swap('client_secret', 'x'.repeat(5000))), 401, 'invalid_client'],
    ['the vendor\'s placeholder credentials', () => form([['client_id', 'YOUR_CLIENT_ID'], ['client_secret', 'YOUR_CLIENT_SECRET'], ['grant_type', 'client_credentials']]), 401, 'invalid_client'],
    ['secret in upper case', () => form(swap('client_secret', d.connector.client_secret.toUpperCase())), 401, 'invalid_client'],
    ['Basic with unknown client', () => form([['grant_type', 'client_credentials']], basic('nobody', 'x')), 401, 'invalid_client', true],
    ['Basic with wrong secret', () => form([['grant_type', 'client_credentials']], basic(undefined, 'wrong')), 401, 'invalid_client', true],
    ['Basic that is not base64', () => form([['grant_type', 'client_credentials']], { Authorization: 'Basic %%%' }), 401, 'invalid_client', true],
    ['Basic without a colon', () => form([['grant_type', 'client_credentials']], { Authorization: `Basic ${Buffer.from('abc').toString('base64')}` }), 401, 'invalid_client', true],
    ['Basic and credentials in the body', () => form(good(), basic()), 400, 'invalid_request'],
    ['Basic and another client_id in the body', () => form([['grant_type', 'client_credentials'], ['client_id', 'other']], basic()), 400, 'invalid_request'],
    ['no grant_type', () => form(drop('grant_type')), 400, 'invalid_request'],
    ['empty grant_type', () => form(swap('grant_type', '')), 400, 'invalid_request'],
    ['grant_type password', () => form(swap('grant_type', 'password')), 400, 'unsupported_grant_type'],
    ['grant_type in other case', () => form(swap('grant_type', 'Client_Credentials')), 400, 'unsupported_grant_type'],
    ['grant_type twice', () => form([...good(), ['grant_type', 'client_credentials']]), 400, 'invalid_request'],
    ['client_id twice', () => form([...good(), ['client_id', d.connector.client_id]]), 400, 'invalid_request'],
    ['client_secret twice', () => form([...good(), ['client_secret', 'x']]), 400, 'invalid_request'],
    ['multipart client_id twice', () => token(multipart([...good(), ['client_id', 'x']]), { 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}` }), 400, 'invalid_request'],
    ['NUL in the secret', () => form(swap('client_secret', `${d.connector.client_secret}\0`)), [400, 401], /invalid_(request|client)/],
    ['JSON body', () => token(JSON.stringify(Object.fromEntries(good())), { 'Content-Type': 'application/json' }), [400, 415], 'invalid_request'],
    ['no content type', () => token(new URLSearchParams(good()).toString()), [400, 415], 'invalid_request'],
    ['multipart without a boundary', () => token(multipart(good()), { 'Content-Type': 'multipart/form-data' }), 400, 'invalid_request'],
    ['multipart with another boundary', () => token(multipart(good()), { 'Content-Type': 'multipart/form-data; boundary=other' }), 400, 'invalid_request'],
    ['multipart without its end', () => token(multipart(good()).slice(0, -8), { 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}` }), 400, 'invalid_request'],
    ['a thousand fields', () => form(Array.from({ length: 1000 }, (_, i) => [`f${i}`, 'x'])), 400, 'invalid_request'],
    ['broken percent escape', () => token('grant_type=client_credentials&client_id=%zz&client_secret=x', { 'Content-Type': 'application/x-www-form-urlencoded' }), [400, 401], /invalid_(request|client)/],
    ['empty body', () => form([]), 400, 'invalid_request'],
    ['body of 1 MiB', () => form([...good(), ['x', 'y'.repeat(1 << 20)]]), 413, /./],
  ];
  for (const [name, send, status, error, challenge] of refused) {
    it(`refuses: ${name}`, async () => {
      const r = await send();
      assert.ok([status].flat().includes(r.status), `${r.status} ${r.text}`);
      assert.match(r.headers['content-type'], /^application\/json/);
      if (error instanceof RegExp) assert.match(r.json.error, error);
      else assert.equal(r.json.error, error);
      assert.equal(r.json.access_token, undefined);
      if (r.status !== 413) assert.match(r.headers['cache-control'], /no-store/);
      if (challenge) assert.match(r.headers['www-authenticate'], /^Basic realm="[^"]+"/);
      assert.ok(!r.text.includes(d.connector.client_secret), 'secrets are not echoed');
      await assertToken(await form(good())); // the next answer is right
    });
  }
  it('answers unknown clients and wrong secrets alike', async () => {
    const [unknown, wrong] = [await form(swap('client_id', 'f'.repeat(32))), await form(swap('client_secret', 'f'.repeat(64)))];
    assert.equal(unknown.text, wrong.text);
    assert.equal(unknown.status, wrong.status);
  });
  it('neither takes a client without a secret nor a secret without a client', async () => {
    for (const name of ['client_id', 'client_secret']) {
      for (const fields of [drop(name), swap(name, '')]) {
        const r = await form(fields);
        assert.ok((r.status === 400 && r.json.error === 'invalid_request') || (r.status === 401 && r.json.error === 'invalid_client'), `${r.status} ${r.text}`);
      }
    }
  });
  it('has only POST', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const r = await request(`${d.server.url}/oauth2/v1/token`, { method });
      assert.equal(r.status, 405);
      assert.equal(r.headers.allow, 'POST');
    }
  });
  it('still answers right after all that', async () => assertToken(await form(good())));
});

describe('The life of a connector and its tokens', () => {
  it('disabling ends tokens at once, enabling asks for new ones', async () => {
    const d = await demo();
    const old = await d.partner.token();
    await d.partner.sendOk(message());
    await cliJson(['connector', 'disable', d.connector.id, '--data', d.dir]);
    const r = await eventually(async () => { const a = await d.partner.send(message()); return a.status !== 200 && a; });
    assert.equal(r.status, 401);
    assert.match(r.headers['www-authenticate'], /^Bearer .*error="invalid_token"/);
    const again = partner(d.server, d.connector);
    await assert.rejects(again.newToken(), /401.*invalid_client/);

    await cliJson(['connector', 'enable', d.connector.id, '--data', d.dir]);
    const fresh = await eventually(() => again.newToken());
    assert.notEqual(fresh, old);
    const dead = await d.partner.send(message());
    assert.equal(dead.status, 401, 'a token from before stays dead');
    await again.sendOk(message());
    await d.stop();
  });

  it('rotation ends tokens at once; both secrets are live for a while; the webhook is signed with a live one', async () => {
    const d = await demo();
    await d.partner.sendOk(message());
    const rotated = await cliJson(['connector', 'rotate-secret', d.connector.id, '--data', d.dir]);
    assert.match(rotated.client_secret, /^\S{32,}$/);
    assert.notEqual(rotated.client_secret, d.connector.client_secret);
    const r = await eventually(async () => { const a = await d.partner.send(message()); return a.status !== 200 && a; });
    assert.equal(r.status, 401);
    const byNew = partner(d.server, { ...d.connector, client_secret: rotated.client_secret });
    const byOld = partner(d.server, d.connector);
    await byNew.sendOk(message());
    await byOld.sendOk(message());
    // A second rotation pushes the first secret out.
    const third = await cliJson(['connector', 'rotate-secret', d.connector.id, '--data', d.dir]);
    await eventually(async () => (await byNew.send(message())).status === 401);
    await assert.rejects(partner(d.server, d.connector).newToken(), /401/);
    await partner(d.server, { ...d.connector, client_secret: third.client_secret }).sendOk(message());
    await partner(d.server, { ...d.connector, client_secret: rotated.client_secret }).sendOk(message());
    await d.stop();
  });

  it('a token ends with its lifetime', async () => {
    const d = await demo({ env: { GUICHET_TOKEN_LIFETIME: '1s' } });
    const body = new URLSearchParams({ client_id: d.connector.client_id, client_secret: d.connector.client_secret, grant_type: 'client_credentials' }).toString();
    const r = await request(`${d.server.url}/oauth2/v1/token`, { method: 'POST', body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
    assert.equal(r.json.expires_in, 1);
    const headers = { Authorization: `Bearer ${r.json.access_token}` };
    const late = await eventually(async () => { const a = await d.partner.send(message(), { headers }); return a.status !== 200 && a; }, { interval: 100 });
    assert.equal(late.status, 401);
    assert.equal(late.json.error, 'invalid_token');
    assert.match(late.headers['www-authenticate'], /^Bearer .*error="invalid_token"/);
    await d.stop();
  });

  it('tokens outlive a restart', async () => {
    const d = await demo();
    await d.partner.token();
    await d.server.restart();
    await d.partner.sendOk(message());
    await d.stop();
  });

  it('slows guessing down without locking the owner out of another address', async () => {
    const d = await demo({ env: { GUICHET_TRUSTED_PROXIES: '127.0.0.1/32' } });
    const attempt = (secret, from) => {
      const body = new URLSearchParams({ client_id: d.connector.client_id, client_secret: secret, grant_type: 'client_credentials' }).toString();
      return request(`${d.server.url}/oauth2/v1/token`, { method: 'POST', body, headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'X-Forwarded-For': from } });
    };
    let braked;
    for (let i = 0; i < 300 && !braked; i++) {
      const r = await attempt(`guess${i}`, '198.51.100.7');
      if (r.status === 429) braked = r;
      else assert.equal(r.status, 401);
    }
    assert.ok(braked, '300 wrong secrets in a row were all looked at');
    assert.match(braked.headers['retry-after'], /^[1-9]\d*$/);
    assert.equal((await attempt(d.connector.client_secret, '203.0.113.9')).status, 200, 'the owner from elsewhere');
    await d.stop();
  });

  it('secrets stand neither in the log nor in the store', async () => {
    const d = await demo({ env: { GUICHET_LOG_LEVEL: 'debug' } });
    await d.partner.sendOk(message());
    const token = await d.partner.token();
    await d.agent.list();
    await d.stop();
    const { execFileSync } = await import('node:child_process');
    for (const secret of [d.connector.client_secret, token, d.token, d.person.password]) {
      assert.ok(!d.server.log.includes(secret), 'in the log');
      assert.throws(() => execFileSync('grep', ['-rqaF', '-e', secret, d.dir]), (e) => e.status === 1, 'in the data folder');
    }
    assertNoReport(d.server.log);
  });
});
