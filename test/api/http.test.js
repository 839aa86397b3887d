// The HTTP layer by itself, through test/unit/http/http_echo: limits, deadlines, suspended requests, streams, stopping.
// GUICHET_BUILD names the build folder.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { request } from '../lib/http.js';

const ECHO = path.join(path.resolve(process.env.GUICHET_BUILD ?? 'build'), 'test/unit/http/http_echo');
const DEADLINE = 30_000;
const H = 'Host: x\r\n';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function eventually(what, fn) {
  const until = Date.now() + DEADLINE;
  for (;;) {
    const value = await fn();
    if (value) return value;
    assert.ok(Date.now() < until, `${what}: not within ${DEADLINE} ms`);
    await sleep(10);
  }
}

/* Of all answers in a text whose bodies hold no status line. */
const statuses = (text) => [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map((m) => Number(m[1]));

/* Starts a server with settings ({ name: value }); stop() ends it and insists that it ended well. */
async function start(settings = {}) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GUICHET_')));
  const child = spawn(ECHO, Object.entries(settings).map(([k, v]) => `${k}=${v}`), { stdio: ['pipe', 'pipe', 'pipe'], env });
  let out = '';
  let err = '';
  child.stdout.on('data', (d) => (out += d));
  child.stderr.on('data', (d) => (err += d));
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  const port = Number(await eventually('start', () => /^port (\d+)$/m.exec(out)?.[1] ?? (child.exitCode !== null && '0')));
  const base = `http://127.0.0.1:${port}`;
  return {
    port, base, child, exited,
    get out() { return out; },
    get err() { return err; },
    stats: async () => (await request(`${base}/stats`)).json,
    async stop() {
      child.stdin.end();
      assert.equal(await exited, 0, err);
    },
  };
}

/* Runs fn with a server of its own. */
function withServer(name, settings, fn) {
  test(`http: ${name}`, async () => {
    const server = await start(settings);
    try {
      await fn(server);
    } catch (e) {
      server.child.kill('SIGKILL');
      throw e;
    }
    await server.stop();
  });
}

/* A socket that remembers. */
function connect(port) {
  const socket = net.connect(port, '127.0.0.1');
  const c = { socket, text: '', closed: false, error: null };
  socket.setNoDelay(true);
  socket.on('data', (d) => (c.text += d.toString('latin1')));
  socket.on('error', (e) => (c.error = e.code));
  socket.on('close', () => (c.closed = true));
  c.connected = new Promise((resolve) => socket.once('connect', resolve));
  c.until = (what, fn) => eventually(`${what} (got ${JSON.stringify(c.text.slice(0, 300))})`, () => fn(c));
  return c;
}

/* Writes a byte of text every few ms until the other side closes; the text never ends. */
async function dribble(c, head, byte) {
  await c.connected;
  c.socket.write(head);
  await c.until('cut off', () => {
    if (!c.closed) c.socket.write(byte);
    return c.closed;
  });
}

withServer('256 clients in step are all answered, over and over', {}, async ({ port, child }) => {
  // The library takes events in rounds of 128; a full round must not leave it waiting for a next one that never comes.
  const clients = Array.from({ length: 256 }, () => connect(port));
  await Promise.all(clients.map((c) => c.connected));
  const ask = `GET /item/1 HTTP/1.1\r\n${H}\r\n`;
  for (let round = 1; round <= 10; round++) {
    child.kill('SIGSTOP'); // so that it finds them all at once, 128 a thread
    await Promise.all(clients.map((c) => new Promise((ok) => c.socket.write(ask, ok))));
    child.kill('SIGCONT');
    await eventually(`round ${round}`, () => clients.every((c) => statuses(c.text).length === round));
  }
  for (const c of clients) c.socket.destroy();
});

withServer('bodies come back whole from another thread, many at once', {}, async ({ base, stats }) => {
  const one = async (i) => {
    const body = crypto.randomBytes(1 + ((i * 7919) % 200_000));
    const answer = await request(`${base}/delayed`, { method: 'POST', body, headers: { 'Content-Length': body.length } });
    assert.equal(answer.status, 200);
    assert.ok(answer.bytes.equals(body), `body ${i}`);
    return answer.headers['x-request-id'];
  };
  const ids = await Promise.all(Array.from({ length: 300 }, (_, i) => one(i)));
  assert.equal(new Set(ids).size, 300);
  for (const id of ids) assert.match(id, /^[0-9a-f]{16}$/);
  await eventually('nothing is held', async () => {
    const s = await stats();
    return s.held === 0 && s.busy === 1;
  });
});

withServer('clients that vanish while their request waits harm nobody', {}, async ({ port, base, stats }) => {
  for (let i = 0; i < 200; i++) {
    const c = connect(port);
    await c.connected;
    c.socket.write(`POST /delayed HTTP/1.1\r\n${H}Content-Length: 5\r\n\r\nhello`, () => c.socket.resetAndDestroy?.() ?? c.socket.destroy());
  }
  await eventually('all gone', async () => (await stats()).busy === 1);
  assert.equal((await request(`${base}/`)).text, 'hello, world');
});

withServer('who dawdles is cut off', { request_timeout: '300ms' }, async ({ port, base, stats }) => {
  const silent = connect(port);
  await silent.connected;
  const asked = connect(port);
  await asked.connected;
  asked.socket.write(`GET /item/1 HTTP/1.1\r\n${H}\r\n`);
  await asked.until('an answer', () => statuses(asked.text).length === 1);
  const slow = [
    ['GET /item/1 HTTP/1.1\r\n', 'X'],
    [`GET /item/1 HTTP/1.1\r\n${H}X: `, 'y'],
    [`POST /echo HTTP/1.1\r\n${H}Content-Length: 10000\r\n\r\n`, 'y'],
    [`POST /echo HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\nffff\r\n`, 'y'],
    [`POST /refused HTTP/1.1\r\n${H}Content-Length: 10000\r\n\r\n`, 'y'], // refused, and its body awaited
  ];
  for (const [head, byte] of slow) {
    const c = connect(port);
    await dribble(c, head, byte);
    assert.equal(c.text, '', head);
  }
  assert.equal((await stats()).refused, slow.length);
  // Who says nothing is idle, not slow; and so is a kept-alive connection between two requests.
  for (const c of [silent, asked]) {
    assert.equal(c.closed, false);
    const before = statuses(c.text).length;
    c.socket.write(`GET /item/1 HTTP/1.1\r\n${H}\r\n`);
    await c.until('an answer', () => statuses(c.text).length === before + 1);
    c.socket.destroy();
  }
  assert.equal((await request(`${base}/`)).status, 200);
});

withServer('an idle connection is closed', { idle_timeout: '1s' }, async ({ port }) => {
  const silent = connect(port);
  const asked = connect(port);
  await asked.connected;
  asked.socket.write(`GET /item/1 HTTP/1.1\r\n${H}\r\n`);
  await asked.until('an answer', () => statuses(asked.text).length === 1);
  await silent.until('closed', () => silent.closed);
  await asked.until('closed', () => asked.closed);
});

withServer('headers of every size get an answer', { connection_memory: '6k' }, async ({ port }) => {
  const ask = async (size) => {
    const c = connect(port);
    await c.connected;
    c.socket.write(`GET /item/1 HTTP/1.1\r\n${H}Authorization: ${'y'.repeat(size)}\r\nConnection: close\r\n\r\n`);
    await c.until('closed', () => c.closed);
    return statuses(c.text).join();
  };
  const seen = [];
  for (let size = 4000; size < 7000; size += 50) {
    const answers = await Promise.all(Array.from({ length: 5 }, (_, i) => ask(size + 10 * i)));
    for (const answer of answers) if (seen.at(-1) !== answer) seen.push(answer);
  }
  assert.deepEqual(seen, ['200', '431']);
});

withServer('limits of bodies', { body_total_max: '1M', body_max: '4M' }, async ({ base, port, stats }) => {
  const post = (pathname, size, headers = {}, method = 'POST') => {
    const body = Buffer.alloc(size, 'x');
    return request(base + pathname, { method, body, headers: headers['Transfer-Encoding'] ? headers : { 'Content-Length': size, ...headers } });
  };
  const chunked = { 'Transfer-Encoding': 'chunked' };
  assert.equal((await post('/echo', 1000, {}, 'PUT')).status, 200);
  assert.equal((await post('/echo', 1001, {}, 'PUT')).status, 413);
  assert.equal((await post('/echo', 1000, chunked, 'PUT')).status, 200);
  assert.equal((await post('/echo', 1001, chunked, 'PUT')).status, 413);
  assert.equal((await post('/echo', 900_000)).status, 200);
  assert.equal((await post('/echo', 1_000_000)).status, 503, 'the last eighth is kept for small ones');
  for (const headers of [{}, chunked]) {
    const refused = await post('/echo', 1_500_000, headers);
    assert.equal(refused.status, 503);
    assert.equal(refused.headers['retry-after'], '1');
  }
  assert.equal((await post('/echo', 4 * 1024 * 1024 + 1)).status, 413);
  assert.equal((await stats()).held, 0);

  // A body without end is answered and cut.
  const endless = connect(port);
  await endless.connected;
  endless.socket.write(`PUT /echo HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n`);
  const chunk = `2000\r\n${'x'.repeat(8192)}\r\n`;
  await endless.until('an end', () => {
    if (!endless.closed) endless.socket.write(chunk);
    return endless.closed;
  });
  assert.deepEqual(statuses(endless.text), [413]);

  // What is announced but does not come costs nothing: 100 times 4 MB of 1 MB.
  const many = Array.from({ length: 40 }, () => connect(port));
  for (const c of many) {
    await c.connected;
    c.socket.write(`POST /echo HTTP/1.1\r\n${H}Content-Length: 4194304\r\n\r\nx`);
  }
  await eventually('all under way', async () => (await stats()).busy === 41);
  assert.equal((await post('/echo', 100)).status, 200);
  await eventually('16 kB held for each', async () => (await stats()).held <= 40 * 16384);
  for (const c of many) c.socket.destroy();
  await eventually('all gone', async () => (await stats()).held === 0);
});

withServer('a refusal reaches a client that is still sending', {}, async ({ port }) => {
  for (let i = 0; i < 20; i++) {
    const c = connect(port);
    await c.connected;
    c.socket.write(`POST /refused HTTP/1.1\r\n${H}Content-Length: 20000000\r\n\r\n`);
    c.socket.write(Buffer.alloc(20_000_000));
    await c.until('closed', () => c.closed);
    assert.deepEqual(statuses(c.text), [401]);
    assert.ok(c.text.endsWith('who are you?'), c.text);
  }
});

withServer('Expect: 100-continue', {}, async ({ port }) => {
  const c = connect(port);
  await c.connected;
  c.socket.write(`POST /echo HTTP/1.1\r\n${H}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
  await c.until('100', () => c.text === 'HTTP/1.1 100 Continue\r\n\r\n');
  c.socket.write('hello');
  await c.until('200', () => c.text.endsWith('hello'));
  c.text = '';
  c.socket.write(`POST /refused HTTP/1.1\r\n${H}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
  await c.until('closed', () => c.closed);
  assert.deepEqual(statuses(c.text), [401]); // and no 100
});

withServer('replies: HEAD, Allow, headers, what was understood', { connection_memory: '8k' }, async ({ base }) => {
  const head = await request(`${base}/item/1`, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.bytes.length, 0);
  assert.equal(head.headers['content-length'], '26');
  assert.equal(head.headers['x-content-type-options'], 'nosniff');
  assert.equal(head.headers['strict-transport-security'], undefined);
  const file = await request(`${base}/file?size=5M`, { method: 'HEAD' });
  assert.equal(file.headers['content-length'], String(5 << 20));
  const no = await request(`${base}/echo`, { method: 'DELETE' });
  assert.equal(no.status, 405);
  assert.equal(no.headers.allow, 'POST, PUT');
  const table = [
    ['/item/a%20b', '/item/a b|a b|-|127.0.0.1|http'],
    ['/item/x/?q=', '/item/x/|x||127.0.0.1|http'],
    ['//item/x?q=1%202+3&q=4', '//item/x|x|1 2 3|127.0.0.1|http'],
    ['/item/%C3%A9?a&&q', '/item/é|é||127.0.0.1|http'],
    [`/item/1?${Array.from({ length: 63 }, (_, i) => `p${i}=${i}`).join('&')}&q=last`, '/item/1|1|last|127.0.0.1|http'],
  ];
  for (const [target, text] of table) assert.equal((await request(base + target)).text, text);
  for (const query of ['%', '%4', '%zz', '%00', '%ff', 'a=%C3', Array(65).fill('a').join('&')]) {
    assert.equal((await request(`${base}/item/1?${query}`)).status, 400, query);
  }
});

withServer('proxies are believed when trusted', { trusted_proxies: '127.0.0.0/8, 10.0.0.0/8' }, async ({ base }) => {
  const table = [
    [{}, '127.0.0.1|http'],
    [{ 'X-Forwarded-For': '203.0.113.9, 192.0.2.7, 10.1.1.1', 'X-Forwarded-Proto': 'https' }, '192.0.2.7|https'],
    [{ 'X-Forwarded-For': 'nonsense', 'X-Forwarded-Proto': 'http' }, '127.0.0.1|http'],
  ];
  for (const [headers, text] of table) {
    const answer = await request(`${base}/item/1`, { headers });
    assert.equal(answer.text, `/item/1|1|-|${text}`);
    assert.equal(answer.headers['strict-transport-security'], text.endsWith('https') ? 'max-age=31536000' : undefined);
  }
});

withServer('strangers are not believed', { trusted_proxies: '10.0.0.0/8' }, async ({ base }) => {
  const headers = { 'X-Forwarded-For': '192.0.2.7', 'X-Forwarded-Proto': 'https' };
  assert.equal((await request(`${base}/item/1`, { headers })).text, '/item/1|1|-|127.0.0.1|http');
});

withServer('files: whole or not', {}, async ({ base, port, stats }) => {
  const answer = await request(`${base}/file?size=3000001`);
  assert.equal(answer.bytes.length, 3000001);
  const alphabet = Buffer.from('abcdefghijklmnopqrstuvwxyz');
  assert.ok(answer.bytes.equals(Buffer.alloc(3000001, alphabet)));
  await eventually('complete', async () => (await stats()).complete === 1);
  const c = connect(port);
  await c.connected;
  c.socket.write(`GET /file?size=50000000 HTTP/1.1\r\n${H}\r\n`);
  await c.until('a beginning', () => c.text.length > 1000);
  c.socket.destroy();
  await eventually('broken', async () => (await stats()).broken === 1);
  assert.equal((await stats()).complete, 1);
});

withServer('live streams', {}, async ({ base, port, stats, stop }) => {
  const streams = Array.from({ length: 100 }, () => connect(port));
  for (const c of streams) {
    await c.connected;
    c.socket.write(`GET /live HTTP/1.1\r\n${H}\r\n`);
  }
  for (const c of streams) await c.until('headers', () => c.text.includes('\r\n\r\n'));
  for (let i = 1; i <= 20; i++) {
    assert.equal((await request(`${base}/wake`, { method: 'POST' })).status, 204);
    await eventually(`event ${i}`, () => streams.every((c) => c.text.includes(`data: ${i}\n\n`)));
  }
  for (const c of streams.splice(0, 50)) c.socket.destroy();
  await eventually('those gone are let go', async () => {
    await request(`${base}/wake`, { method: 'POST' });
    return (await stats()).busy === 51;
  });
  await stop();
  for (const c of streams) {
    await c.until('an end', () => c.closed);
    assert.ok(c.text.endsWith('0\r\n\r\n'), 'a stream ends in good order');
  }
});

withServer('stopping: no new connections, the old ones close with their next answer', {}, async (server) => {
  const c = connect(server.port);
  await c.connected;
  c.socket.write(`GET /item/1 HTTP/1.1\r\n${H}\r\n`);
  await c.until('an answer', () => statuses(c.text).length === 1);
  server.child.stdin.write('q');
  await eventually('quiet', () => server.out.includes('quiet'));
  const late = connect(server.port);
  await late.until('refused', () => late.closed);
  assert.equal(late.error, 'ECONNREFUSED');
  c.text = '';
  c.socket.write(`GET /item/1 HTTP/1.1\r\n${H}\r\n`);
  await c.until('closed', () => c.closed);
  assert.deepEqual(statuses(c.text), [200]);
  assert.match(c.text, /\r\nConnection: close\r\n/);
});

withServer('no more connections than allowed', { connection_max: '16' }, async ({ port, base }) => {
  const clients = [];
  for (let i = 0; i < 20; i++) {
    const c = connect(port);
    clients.push(c);
    await c.connected;
    c.socket.write(`GET /item/1 HTTP/1.1\r\n${H}\r\n`);
    await c.until('an answer or an end', () => c.closed || statuses(c.text).length === 1);
  }
  assert.equal(clients.filter((c) => !c.closed).length, 16);
  for (const c of clients) c.socket.destroy();
  await eventually('room again', async () => (await request(`${base}/`).catch(() => null))?.status === 200);
});

test('http: IPv4 clients of an IPv6 socket are IPv4 clients', async () => {
  const server = await start({ listen: '[::]:0' });
  assert.equal((await request(`http://127.0.0.1:${server.port}/item/1`)).text, '/item/1|1|-|127.0.0.1|http');
  assert.equal((await request(`http://[::1]:${server.port}/item/1`)).text, '/item/1|1|-|::1|http');
  await server.stop();
});

test('http: TLS', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tls-'));
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1',
    '-keyout', `${dir}/key.pem`, '-out', `${dir}/cert.pem`, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']);
  assert.equal(made.status, 0, 'openssl is needed for this test');
  const server = await start({ tls_cert: `${dir}/cert.pem`, tls_key: `${dir}/key.pem` });
  const ca = fs.readFileSync(`${dir}/cert.pem`);
  const base = `https://localhost:${server.port}`;
  const answer = await request(`${base}/item/1`, { ca });
  assert.equal(answer.text, '/item/1|1|-|127.0.0.1|https');
  assert.equal(answer.headers['strict-transport-security'], 'max-age=31536000');
  const body = crypto.randomBytes(300_000);
  assert.ok((await request(`${base}/delayed`, { method: 'POST', body, ca })).bytes.equals(body));
  assert.equal((await request(`${base}/file?size=2M`, { ca })).bytes.length, 2 << 20);
  await server.stop();
  fs.rmSync(dir, { recursive: true });
});

test('http: what keeps it from starting is said in one sentence', async () => {
  const server = await start();
  const table = [
    [{ listen: `127.0.0.1:${server.port}` }, /cannot listen on 127\.0\.0\.1:\d+: Address already in use/],
    [{ listen: 'nonsense' }, /nonsense\S* is not ADDR:PORT/],
    [{ listen: '::1:80' }, /::1:80\S* is not ADDR:PORT/],
    [{ tls_cert: '/nowhere/cert.pem', tls_key: '/nowhere/key.pem' }, /\/nowhere\/cert\.pem: No such file/],
    [{ tls_cert: ECHO }, /tls_key/],
    [{ tls_cert: '/dev/null', tls_key: '/dev/null' }, /\S/],
  ];
  for (const [settings, pattern] of table) {
    const failed = await start(settings);
    assert.equal(await failed.exited, 1);
    assert.match(failed.err, pattern);
    assert.equal(failed.err.trim().split('\n').length, 1, failed.err);
  }
  await server.stop();
});
