// Running it: health, metrics, clean stops, reloads, settings and their order, TLS, proxies, and starts that must not succeed.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { ONLY_SQLITE, demo, demoData, startServer, partner, agent, message, sink, cli, cliJson, request, requestJson, raw, login, newFolder, eventually, unique, parseMetrics } from '../lib/server.js';
import { customer, answerer } from '../lib/load.js';

describe('/health and /metrics', () => {
  let d;
  let hook;
  before(async () => { hook = await sink(); d = await demo({ webhook: hook.url }); });
  after(async () => { await d.stop(); await hook.close(); });

  it('health says that it can store and deliver, to everybody', async () => {
    const r = await d.server.health();
    assert.equal(r.status, 200);
    assert.match(r.headers['content-type'], /^application\/json/);
    assert.equal(r.json.status, 'ok');
    assert.equal(typeof r.json.store, 'object');
    assert.equal(typeof r.json.delivery, 'object');
    const head = await request(`${d.server.url}/health`, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.bytes.length, 0);
  });

  it('metrics are Prometheus text and count what happened', async () => {
    const before_ = await d.server.metrics();
    const c = unique('c');
    for (let i = 0; i < 3; i++) await d.partner.sendOk(message({ customer: c }));
    assert.equal((await d.partner.post('{')).status, 400);
    const [i] = await d.agent.ofCustomer(d.connector.id, c);
    await d.agent.reply(i.id, 'x');
    await hook.received(1);
    const r = await request(`${d.server.url}/metrics`);
    assert.match(r.headers['content-type'], /^text\/plain; version=0\.0\.4/);
    const after_ = await eventually(async () => { const m = await d.server.metrics(); return m.sum('guichet_delivery_delivered_total') > before_.sum('guichet_delivery_delivered_total') && m; });
    const grown = (name) => (after_.get(name) ?? 0) - (before_.get(name) ?? 0);
    const route = 'method="POST",route="/messaging/v1/messages"';
    assert.equal(grown(`guichet_http_requests_total{${route},status="2xx"}`), 3);
    assert.equal(grown(`guichet_http_requests_total{${route},status="4xx"}`), 1);
    assert.equal(grown(`guichet_http_request_seconds_count{${route}}`), 4);
    assert.ok(grown('guichet_store_commits_total') >= 3);
    assert.ok(after_.get('guichet_resident_bytes') > 1e6);
    for (const name of ['guichet_store_commit_seconds_total', 'guichet_store_queue', 'guichet_http_connections', 'guichet_delivery_under_way', 'guichet_delivery_age_seconds_total', 'guichet_interactions_queued', 'guichet_deliveries', 'guichet_deliveries_oldest_seconds']) {
      assert.ok([...after_.keys()].some((k) => k === name || k.startsWith(`${name}{`)), name);
    }
    // What a scraper insists on: each name typed once, before its samples; buckets that rise.
    const types = [...r.text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((m) => m[1]);
    assert.equal(new Set(types).size, types.length);
    for (const key of parseMetrics(r.text).keys()) {
      const name = key.replace(/\{.*/, '');
      assert.ok(types.includes(name) || types.includes(name.replace(/_(bucket|sum|count)$/, '')), `${name} has a type`);
    }
    const buckets = [...after_].filter(([k]) => k.startsWith(`guichet_http_request_seconds_bucket{${route}`)).map(([, v]) => v);
    assert.deepEqual(buckets, [...buckets].sort((a, b) => a - b));
  });

  it('health and metrics answer quickly enough while many ask', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => request(`${d.server.url}/${i % 2 ? 'health' : 'metrics'}`, { timeout: 20_000 })));
    assert.ok(answers.every((r) => r.status === 200));
  });
});

describe('a clean stop', () => {
  it('under load: exit 0 within the deadline, nothing lost that was answered', async () => {
    const hook = await sink();
    const d = await demo({ webhook: hook.url });
    const customers = Array.from({ length: 12 }, (_, i) => customer(d, `c${i}`));
    const replies = [answerer(d, 'c0'), answerer(d, 'c1')];
    for (let round = 0; round < 5; round++) {
      let acks = 0;
      const running = [...customers, ...replies].map((one) => one.run(() => false, () => acks++));
      await eventually(() => acks > 100, { interval: 1 });
      await d.server.stop({ timeout: 20_000 });
      await Promise.all(running);
      await d.server.start();
    }
    await Promise.all([...customers, ...replies].map((one) => one.finish()));
    for (const one of customers) await one.assertKept();
    for (const one of replies) await one.assertDelivered(hook);
    await d.stop();
    await hook.close();
  });

  it('does not wait for a webhook that hangs, nor for idle and slow clients', async () => {
    const hook = await sink({ behaviour: () => new Promise(() => {}) });
    const d = await demo({ webhook: hook.url, env: { GUICHET_STOP_DEADLINE: '2s' } });
    await d.partner.sendOk(message({ customer: 'c' }));
    const [i] = await d.agent.ofCustomer(d.connector.id, 'c');
    await d.agent.reply(i.id, 'x');
    await hook.received(1, { of: 'requests' });
    const live = await d.agent.events();
    const idle = raw(d.server.port, '', { timeout: 60_000 });
    const slow = raw(d.server.port, `POST /messaging/v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await d.partner.token()}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`, { timeout: 60_000 });
    await d.server.health();
    await d.server.stop({ timeout: 15_000 });
    assert.ok((await idle).closed);
    assert.ok((await slow).closed);
    await eventually(() => live.ended);
    await hook.close();
  });

  it('the delivery that was under way is made by the next start', async () => {
    let hanging = true;
    const hook = await sink({ behaviour: () => (hanging ? new Promise(() => {}) : undefined) });
    const d = await demo({ webhook: hook.url, env: { GUICHET_STOP_DEADLINE: '500ms' } });
    await d.partner.sendOk(message({ customer: 'c' }));
    const [i] = await d.agent.ofCustomer(d.connector.id, 'c');
    await d.agent.reply(i.id, 'x');
    await hook.received(1, { of: 'requests' });
    hanging = false;
    await d.server.restart();
    await hook.received(1);
    assert.ok(hook.requests.every((r) => r.body.equals(hook.requests[0].body)));
    await d.stop();
    await hook.close();
  });

  it('SIGINT stops as SIGTERM does; a second signal does not harm', async () => {
    const d = await demo();
    d.server.child.kill('SIGINT');
    d.server.child.kill('SIGTERM');
    assert.deepEqual(await d.server.ended(), { code: 0, signal: null });
  });

  it('SIGPIPE and a closed stderr do not end it', async () => {
    const d = await demo();
    d.server.child.kill('SIGPIPE');
    d.server.child.stderr.destroy();
    for (let i = 0; i < 20; i++) await d.partner.post('{');
    await d.partner.sendOk(message());
    d.server.child.kill('SIGTERM');
    assert.equal((await d.server.ended()).code, 0);
  });
});

describe('SIGHUP', () => {
  it('takes up what is reloadable, names what is not, and keeps the old settings when the file is wrong', async () => {
    const file = path.join(newFolder('conf'), 'guichet.conf');
    fs.writeFileSync(file, 'body_max = 1M\nthreads = 2\n');
    const d = await demo({ args: ['--config', file] });
    const big = JSON.stringify({ messages: [{ ...message(), metadata: { x: 'x'.repeat(100_000) } }] });
    assert.equal((await d.partner.post(big)).status, 200);
    fs.writeFileSync(file, 'body_max = 65536\nthreads = 7\n');
    d.server.child.kill('SIGHUP');
    await eventually(async () => (await d.partner.post(big)).status === 413);
    await eventually(() => /setting_needs_restart .*setting="?threads/.test(d.server.log));
    fs.writeFileSync(file, 'body_max = 1M\nnonsense = 1\n');
    d.server.child.kill('SIGHUP');
    await eventually(() => /nonsense: there is no such setting/.test(d.server.log));
    assert.equal((await d.partner.post(big)).status, 413, 'the old settings are kept');
    fs.writeFileSync(file, 'body_max = 1M\n');
    d.server.child.kill('SIGHUP');
    await eventually(async () => (await d.partner.post(big)).status === 200);
    await d.stop();
  });

  it('under load loses nothing', async () => {
    const file = path.join(newFolder('conf'), 'guichet.conf');
    fs.writeFileSync(file, '');
    const d = await demo({ args: ['--config', file] });
    const customers = Array.from({ length: 8 }, (_, i) => customer(d, `c${i}`));
    let acks = 0;
    let over = false;
    const running = customers.map((one) => one.run(() => over, () => acks++));
    for (let i = 0; i < 50; i++) {
      fs.writeFileSync(file, `delivery_timeout = ${1 + i}s\n`);
      d.server.child.kill('SIGHUP');
      const at = acks;
      await eventually(() => acks > at + 5, { interval: 1 });
    }
    over = true;
    await Promise.all(running);
    assert.ok(customers.every((one) => one.retried === 0 && one.refused === 0));
    for (const one of customers) await one.assertKept();
    await d.stop();
  });
});

describe('settings', () => {
  let dir;
  let file;
  before(async () => {
    ({ dir } = await demoData());
    file = path.join(newFolder('conf'), 'guichet.conf');
  });
  /** name → value as printed. */
  async function printed({ env = {}, args = [] } = {}) {
    const r = await cli(['serve', '--data', dir, '--print-config', ...args], { env });
    assert.equal(r.code, 0, r.stderr);
    return Object.fromEntries([...r.stdout.matchAll(/^(\w+) = (.*)$/gm)].map((m) => [m[1], m[2]]));
  }

  it('--print-config tells every setting with its default, and what is printed is a settings file', async () => {
    const all = await printed();
    assert.equal(all.listen, '127.0.0.1:8080');
    assert.equal(all.threads, '2');
    assert.equal(all.token_lifetime, '24h');
    assert.ok(Object.keys(all).length >= 25);
    assert.deepEqual(Object.keys(all), Object.keys(all).sort());
    const r = await cli(['serve', '--data', dir, '--print-config'], { env: { GUICHET_THREADS: '5' } });
    fs.writeFileSync(file, r.stdout);
    assert.deepEqual(await printed({ args: ['--config', file] }), { ...all, threads: '5' });
  });
  it('the environment wins over the file, flags over both', async () => {
    fs.writeFileSync(file, 'threads = 3\nbody_max = 1M\nattachment_max = 2M\n');
    const env = { GUICHET_THREADS: '4', GUICHET_BODY_MAX: '2M' };
    const args = ['--config', file, '--threads', '5'];
    const got = await printed({ env, args });
    assert.deepEqual([got.threads, got.body_max, got.attachment_max], ['5', '2M', '2M']);
    assert.equal((await printed({ args: ['--config', file, '--attachment-max=3M'] })).attachment_max, '3M');
  });
  it('a server obeys them', async () => {
    const s = await startServer({ dir, env: { GUICHET_BODY_MAX: '70000' }, args: ['--body-max', '80000'] });
    const made = await cliJson(['connector', 'create', '--data', dir, '--name', unique('p')]);
    const p = partner(s, made);
    await eventually(() => p.newToken());
    const of = (n) => p.post(`{"messages":[${JSON.stringify(message())}]}${' '.repeat(n)}`);
    assert.equal((await of(75_000)).status, 200);
    assert.equal((await of(85_000)).status, 413);
    await s.stop();
  });
  for (const [name, env, args, text] of [
    ['an unknown variable', { GUICHET_THREDS: '3' }, [], /GUICHET_THREDS/],
    ['an unknown flag', {}, ['--threds', '3'], /threds/],
    ['a value out of range', { GUICHET_THREADS: '1' }, [], /threads.*GUICHET_THREADS/],
    ['a value that is no number', {}, ['--threads', 'many'], /threads/],
    ['a size with a wrong unit', { GUICHET_BODY_MAX: '5X' }, [], /body_max/],
    ['a network that is none', { GUICHET_TRUSTED_PROXIES: '10.0.0.0/33' }, [], /trusted_proxies/],
    ['a missing file', {}, ['--config', '/nowhere/guichet.conf'], /\/nowhere\/guichet\.conf/],
    ['a certificate without its key', { GUICHET_TLS_CERT: '/x.pem' }, [], /tls_key/],
    ['a certificate that is not there', { GUICHET_TLS_CERT: '/nowhere.pem', GUICHET_TLS_KEY: '/nowhere.pem' }, [], /nowhere\.pem/],
    ['an address that is none', {}, ['--listen', 'nonsense'], /nonsense|listen/],
  ]) {
    it(`refuses ${name}, and says which`, async () => {
      const listen = args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
      const r = await cli(['serve', '--data', dir, ...listen, ...args], { env });
      assert.notEqual(r.code, 0);
      assert.equal(r.signal, null);
      assert.match(r.stderr, text);
      assert.doesNotMatch(r.stdout, /listening/);
    });
  }
});

describe('starts that must not succeed', () => {
  it('a second server on the same folder', async () => {
    const d = await demo();
    const r = await cli(['serve', '--data', d.dir, '--listen', '127.0.0.1:0']);
    assert.notEqual(r.code, 0);
    assert.equal(r.signal, null);
    assert.match(r.stderr, /\S/);
    await d.partner.sendOk(message());
    await d.stop();
  });
  it('a port that is taken', async () => {
    const { dir } = await demoData();
    const other = net.createServer();
    await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address();
    const r = await cli(['serve', '--data', dir, '--listen', `127.0.0.1:${port}`]);
    assert.notEqual(r.code, 0);
    assert.match(r.stderr, new RegExp(`${port}.*in use`, 's'));
    await new Promise((resolve) => other.close(resolve));
  });
  it('a folder that is none, or holds no store', async () => {
    for (const dir of ['/nowhere/at/all', newFolder()]) {
      const r = await cli(['serve', '--data', dir, '--listen', '127.0.0.1:0']);
      assert.notEqual(r.code, 0);
      assert.equal(r.signal, null);
      assert.ok(r.stderr.includes(dir), r.stderr);
    }
  });
  it('without its master key, or with a wrong one', async () => {
    const { dir } = await demoData();
    const key = path.join(dir, 'master.key');
    assert.equal(fs.statSync(key).mode & 0o777, 0o600);
    assert.equal(fs.statSync(dir).mode & 0o777, 0o700);
    const bytes = fs.readFileSync(key);
    fs.rmSync(key);
    assert.notEqual((await cli(['serve', '--data', dir, '--listen', '127.0.0.1:0'])).code, 0);
    const { dir: other } = await demoData();
    fs.copyFileSync(path.join(other, 'master.key'), key);
    const wrong = await cli(['serve', '--data', dir, '--listen', '127.0.0.1:0']);
    assert.notEqual(wrong.code, 0, 'a key of another store opens none of its secrets');
    assert.equal(wrong.signal, null);
    fs.writeFileSync(key, bytes, { mode: 0o600 });
    const s = await startServer({ dir });
    await s.stop();
  });
  it('a store that was cut short', ONLY_SQLITE, async () => {
    const { dir } = await demoData();
    const file = fs.readdirSync(dir).map((f) => path.join(dir, f)).filter((f) => /\.(db|sqlite3?|store)$|guichet$/.test(f)).sort((a, b) => fs.statSync(b).size - fs.statSync(a).size)[0];
    assert.ok(file, fs.readdirSync(dir).join());
    fs.truncateSync(file, 100);
    const r = await cli(['serve', '--data', dir, '--listen', '127.0.0.1:0']);
    assert.notEqual(r.code, 0);
    assert.equal(r.signal, null);
    assert.notEqual((await cli(['doctor', '--data', dir])).code, 0);
  });
});

describe('TLS and proxies', () => {
  it('speaks TLS with a certificate: HSTS, Secure cookies, no plain HTTP', async () => {
    const folder = newFolder('tls');
    const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const data = await demoData();
    const s = await startServer({ dir: data.dir, env: { GUICHET_TLS_CERT: cert, GUICHET_TLS_KEY: key } });
    assert.match(s.url, /^https:/);
    const ca = fs.readFileSync(cert);
    const r = await request(`${s.url}/health`, { ca });
    assert.equal(r.status, 200);
    assert.match(r.headers['strict-transport-security'], /max-age=\d+/);
    const form = new URLSearchParams({ client_id: data.connector.client_id, client_secret: data.connector.client_secret, grant_type: 'client_credentials' }).toString();
    const token = await request(`${s.url}/oauth2/v1/token`, { ca, method: 'POST', body: form, headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': form.length } });
    assert.equal(token.status, 200);
    assert.match(token.headers['strict-transport-security'], /max-age=\d+/);
    // A large body each way.
    const m = message({ customer: 'tls' });
    m.body.attachments = [{ id: '1', name: 'a', mime_type: 'application/octet-stream', content: { type: 'base64', data: Buffer.alloc(2_000_000, 7).toString('base64') } }];
    const sent = await requestJson(`${s.url}/messaging/v1/messages`, { messages: [m] }, { ca, headers: { Authorization: `Bearer ${token.json.access_token}` } });
    assert.equal(sent.status, 200, sent.text);
    const headers = { 'Kiamo-Api-Token': data.token };
    const { items } = (await request(`${s.url}/api/v3/interaction/interactions`, { ca, headers })).json;
    const timeline = (await request(`${s.url}/api/v3/interaction/interactions/${items[0].id}/timeline`, { ca, headers })).json.items;
    const file = timeline.find((e) => e.message).message.attachments[0];
    assert.ok((await request(`${s.url}/api/v3/interaction/attachments/${file.id}`, { ca, headers })).bytes.equals(Buffer.alloc(2_000_000, 7)));
    const person = await requestJson(`${s.url}/api/v3/agent/login`, data.person, { ca });
    assert.match(person.headers['set-cookie'][0], /; *Secure/i);
    const plain = await raw(s.port, 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n', { timeout: 10_000 });
    assert.doesNotMatch(plain.text, /200/);
    await s.stop();
  });

  it('believes a trusted proxy about the scheme, and nobody else', async () => {
    const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '198.51.100.1' };
    const data = await demoData();
    for (const [trusted, believes] of [['', false], ['192.0.2.0/24', false], ['127.0.0.0/8', true]]) {
      const s = await startServer({ dir: data.dir, env: { GUICHET_TRUSTED_PROXIES: trusted } });
      const r = await requestJson(`${s.url}/api/v3/agent/login`, data.person, { headers: forwarded });
      assert.equal(r.status, 200);
      assert.equal(/; *Secure/i.test(r.headers['set-cookie'][0]), believes, `trusted: ${trusted}`);
      assert.equal(r.headers['strict-transport-security'] !== undefined, believes);
      await s.stop();
    }
  });

  it('a trusted proxy cannot be talked into a false client: the last untrusted address counts', async () => {
    const data = await demoData();
    const s = await startServer({ dir: data.dir, env: { GUICHET_TRUSTED_PROXIES: '127.0.0.0/8', GUICHET_LOG_LEVEL: 'debug' } });
    await request(`${s.url}/nowhere-1`, { headers: { 'X-Forwarded-For': '203.0.113.1, 198.51.100.77' } });
    await eventually(() => /path="?\/nowhere-1"?.*peer="?198\.51\.100\.77/.test(s.log));
    await request(`${s.url}/nowhere-2`, { headers: { 'X-Forwarded-For': 'garbage, 198.51.100.78, 127.0.0.9' } });
    await eventually(() => /path="?\/nowhere-2"?.*peer="?198\.51\.100\.78/.test(s.log));
    await s.stop();
  });

  it('public_url is what partners are told', async () => {
    const hook = await sink();
    const d = await demo({ webhook: hook.url, env: { GUICHET_PUBLIC_URL: 'https://contact.example.org/guichet' } });
    await d.partner.sendOk(message({ customer: 'c' }));
    const [i] = await d.agent.ofCustomer(d.connector.id, 'c');
    await d.agent.reply(i.id, { text: 'x', attachments: [{ name: 'a', mime_type: 'text/plain', data: 'eA==' }] });
    const [got] = await hook.received(1);
    assert.match(got.json.body.attachments[0].content.data, /^https:\/\/contact\.example\.org\/guichet\/messaging\/attachments\/[0-9a-f]{32}\/$/);
    await d.stop();
    await hook.close();
  });

  it('listens on IPv6 and on all addresses', async () => {
    const data = await demoData();
    const s = await startServer({ dir: data.dir, listen: '[::]:0' });
    assert.equal((await request(`http://127.0.0.1:${s.port}/health`)).status, 200);
    assert.equal((await request(`http://[::1]:${s.port}/health`)).status, 200);
    await s.stop();
  });
});

describe('the log', () => {
  it('is key=value, one line each, and nobody writes lines into it', async () => {
    const d = await demo({ env: { GUICHET_LOG_LEVEL: 'debug' } });
    await d.partner.sendOk(message());
    await raw(d.server.port, 'GET /a%0alevel=error%0d%0amsg=forged HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await request(`${d.server.url}/${encodeURIComponent('x" level=error\u2028\u001b[31m')}`);
    await eventually(() => d.server.log.split('\n').filter((l) => /status=404/.test(l)).length >= 2);
    for (const line of d.server.log.split('\n').filter(Boolean)) {
      assert.match(line, /^[\w.]+=/, line);
      assert.doesNotMatch(line, /^level=error/);
      assert.ok(![...line].some((c) => c.charCodeAt(0) < 32), JSON.stringify(line));
    }
    const id = (await d.server.health()).headers['x-request-id'];
    assert.ok(id);
    await eventually(() => d.server.log.includes(id));
    await d.stop();
  });
  it('does not hold the query, where tokens may stand', async () => {
    const d = await demo({ env: { GUICHET_LOG_LEVEL: 'debug' } });
    await request(`${d.server.url}/api/v3/interaction/interactions?token=${d.token}`);
    await agent(d.server, d.token).list();
    await login(d.server, d.person);
    await eventually(() => /agent\/login/.test(d.server.log));
    assert.ok(!d.server.log.includes(d.token));
    assert.ok(!d.server.log.includes(d.person.password));
    await d.stop();
  });
});
