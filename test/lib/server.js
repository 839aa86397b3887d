// Starts the real program on a free port over a fresh data folder, and plays those who talk to it.
import { execFileSync, spawn } from 'node:child_process';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { checkAnswer, checkValue } from './conformance.js';
import { request, requestJson, eventStream } from './http.js';

export { request, requestJson, raw, statuses, eventStream } from './http.js';

export const BUILD = path.resolve(process.env.GUICHET_BUILD ?? 'build');
export const BINARY = path.join(BUILD, 'guichet');
/** Memory ceilings say nothing about a program built with sanitizers. */
export const SANITIZED = fs.existsSync(BINARY) && /__[at]san_init/.test(fs.readFileSync(BINARY, 'latin1'));
/** Sanitizers and valgrind make everything slower: deadlines are multiplied by this. */
export const SLOW = Number(process.env.GUICHET_TEST_SLOW ?? 1);

// Polling by an API token is braked by default, and so are refused private targets: tests live on the loopback.
const TEST_ENV = {
  GUICHET_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8',
  GUICHET_DELIVERY_BACKOFF_FIRST: '50ms',
  GUICHET_TOKEN_RATE: '10000000',
};

/** GUICHET_TEST_STORE=postgres: the same tests on a PostgreSQL, in the cluster that test/lib/with-postgres has started. */
export const POSTGRES = process.env.GUICHET_TEST_STORE === 'postgres';
/** For tests that are about SQLite's files: `it('…', ONLY_SQLITE, …)`. */
export const ONLY_SQLITE = { skip: POSTGRES && "it is about SQLite's files" };
const databases = new Set();
export function psql(sql, url = process.env.GUICHET_TEST_POSTGRES) {
  return execFileSync('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', sql], { encoding: 'utf8' }).trim();
}
/** The address of a new, empty database. */
export function newDatabase() {
  const name = `g${process.pid}_${databases.size + 1}`;
  psql(`CREATE DATABASE ${name}`);
  databases.add(name);
  return process.env.GUICHET_TEST_POSTGRES.replace('/postgres?', `/${name}?`);
}

const folders = new Set();
const children = new Set();
const ownPid = process.pid;
function cleanUp() {
  if (process.pid !== ownPid) return;
  for (const child of children) child.kill('SIGKILL');
  try { for (const name of databases) psql(`DROP DATABASE ${name} WITH (FORCE)`); } catch { /* the cluster goes anyway */ }
  if (!process.env.GUICHET_TEST_KEEP) for (const dir of folders) fs.rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
}
process.on('exit', cleanUp);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Keeps the process alive until the promise is settled: programs and sockets of a failed test must not, they are not waited for. */
function held(promise) {
  const timer = setInterval(() => {}, 60_000);
  return promise.finally(() => clearInterval(timer));
}

/** Calls fn until it returns something truthy (and does not throw); returns that. Fails with the last reason. */
export async function eventually(fn, { timeout = 30_000, interval = 20, what = 'condition' } = {}) {
  const deadline = Date.now() + timeout * SLOW;
  let last;
  for (;;) {
    try {
      const value = await fn();
      if (value) return value;
      last = `it was ${JSON.stringify(value)}`;
    } catch (e) {
      last = e;
    }
    if (Date.now() > deadline) {
      throw new Error(`${what}: not within ${timeout * SLOW} ms; ${last?.stack ?? last}`);
    }
    await sleep(interval);
  }
}

/** An empty folder that is removed when the test process ends. */
export function newFolder(label = 'data') {
  const dir = fs.mkdtempSync(path.join(process.env.GUICHET_TEST_TMP ?? os.tmpdir(), `guichet-test-${label}-`));
  folders.add(dir);
  return dir;
}
/** A path for a store that `guichet init` may make. */
export const newDataDir = () => path.join(newFolder(), 'data');

const cleanEnv = () => Object.fromEntries(Object.entries(process.env).filter(([k]) => !k.startsWith('GUICHET_') || k.startsWith('GUICHET_TEST_')));

/** Runs a command of the program to its end. */
export function cli(args, { input = '', env = {}, cwd, timeout = 60_000 } = {}) {
  if (POSTGRES && args[0] === 'init' && args.includes('--data') && !args.includes('--store')) args = [...args, '--store', newDatabase()];
  return new Promise((resolve, reject) => {
    const child = spawn(BINARY, args, { env: { ...cleanEnv(), ...env }, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    children.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (t) => (stdout += t));
    child.stderr.setEncoding('utf8').on('data', (t) => (stderr += t));
    const timer = setTimeout(() => child.kill('SIGKILL'), timeout * SLOW);
    child.on('error', reject);
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      children.delete(child);
      let json;
      try { json = JSON.parse(stdout); } catch { /* not every command answers JSON */ }
      resolve({ code, signal, stdout, stderr, json });
    });
  });
}

/** Runs a command that must succeed with a JSON answer. */
export async function cliJson(args, options) {
  const r = await cli([...args, '--json'], options);
  assert.equal(r.code, 0, `guichet ${args.join(' ')}: exit ${r.code} ${r.signal ?? ''}\n${r.stdout}${r.stderr}`);
  assertNoReport(r.stderr);
  assert.ok(r.json !== undefined, `guichet ${args.join(' ')} --json: no JSON on stdout: ${r.stdout}`);
  return r.json;
}

/** The store of a folder is whole and readable, as `guichet doctor` sees it. Machine and webhook are not our matter here. */
export async function assertStoreWhole(dir) {
  const r = await cli(['doctor', '--data', dir, '--json']);
  assertNoReport(r.stderr);
  const checks = new Map(r.json.checks.map((c) => [c.check, c]));
  for (const name of ['data folder', 'master key', 'store', 'schema', 'secrets']) assert.equal(checks.get(name)?.result, 'ok', JSON.stringify(checks.get(name)));
}

const REPORT = /(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|LeakSanitizer|panic|BUG:)/;
export function assertNoReport(log) {
  const at = log.search(REPORT);
  assert.equal(at, -1, `the program reported: ${log.slice(Math.max(0, at - 400), at + 6000)}`);
}

/**
 * Starts `guichet serve` and waits until it listens. The answer stays valid over restart(), which keeps the port.
 * options: dir, env, args, listen, startTimeout.
 */
export async function startServer({ dir, env = {}, args = [], listen = '127.0.0.1:0', startTimeout = 30_000, wrap = [] }) {
  const server = {
    dir, env: { ...TEST_ENV, ...env }, args, log: '', stdout: '', url: null, port: null, pid: null, child: null, exit: null,
    async start() {
      const argv = [...wrap, BINARY, 'serve', '--data', dir, '--listen', server.port ? listen.replace(/:\d+$/, `:${server.port}`) : listen, ...server.args];
      const child = spawn(argv[0], argv.slice(1), { env: { ...cleanEnv(), ...server.env }, stdio: ['ignore', 'pipe', 'pipe'] });
      children.add(child);
      server.child = child;
      server.pid = child.pid;
      server.stdout = '';
      server.exit = new Promise((resolve) => child.on('close', (code, signal) => { children.delete(child); resolve({ code, signal }); }));
      for (const handle of [child, child.stdout, child.stderr]) handle.unref();
      child.stderr.setEncoding('utf8').on('data', (t) => (server.log += t));
      await new Promise((resolve, reject) => {
        const timer = setTimeout(() => { child.kill('SIGKILL'); reject(new Error(`not listening after ${startTimeout * SLOW} ms\n${server.log}`)); }, startTimeout * SLOW);
        child.on('error', reject);
        child.on('close', (code, signal) => { clearTimeout(timer); reject(new Error(`serve ended: ${code} ${signal}\n${server.log}`)); });
        child.stdout.setEncoding('utf8').on('data', (t) => {
          server.stdout += t;
          const m = /^listening on (https?:\/\/\S+?):(\d+)\/?$/m.exec(server.stdout);
          if (!m) return;
          clearTimeout(timer);
          server.port = Number(m[2]);
          server.url = `${m[1].replace('[::]', '127.0.0.1').replace('0.0.0.0', '127.0.0.1')}:${m[2]}`;
          resolve();
        });
      });
      return server;
    },
    running() { return server.child !== null && server.child.exitCode === null && server.child.signalCode === null; },
    /** Clean stop: exit code 0 within the deadline, nothing reported by sanitizers. */
    async stop({ timeout = 60_000 } = {}) {
      if (server.running()) server.child.kill('SIGTERM');
      const late = setTimeout(() => server.child.kill('SIGABRT'), timeout * SLOW);
      const { code, signal } = await held(server.exit);
      clearTimeout(late);
      assert.deepEqual({ code, signal }, { code: 0, signal: null }, `clean stop\n${server.log.slice(-4000)}`);
      assertNoReport(server.log);
    },
    /** kill -9, as a power cut would. */
    async kill() {
      server.child.kill('SIGKILL');
      await held(server.exit);
      assertNoReport(server.log);
    },
    async restart({ hard = false, env: more } = {}) {
      if (server.running()) await (hard ? server.kill() : server.stop());
      if (more) server.env = { ...server.env, ...more };
      // The kernel may still hand the port to a passing client: try again for a while.
      for (let i = 0; ; i++) {
        try {
          return await server.start();
        } catch (e) {
          if (i >= 10 || !/in use/i.test(e.message)) throw e;
          await sleep(200);
        }
      }
    },
    /** When it has to end by itself. */
    async ended({ timeout = 60_000 } = {}) {
      const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`still running after ${timeout} ms\n${server.log.slice(-2000)}`)), timeout * SLOW).unref());
      return held(Promise.race([server.exit, late]));
    },
    health() { return request(`${server.url}/health`); },
    async metrics() {
      const r = await request(`${server.url}/metrics`);
      assert.equal(r.status, 200);
      return parseMetrics(r.text);
    },
    /** Resident memory in bytes. */
    rss() { return statusField(server.pid, 'VmRSS'); },
    peakRss() { return statusField(server.pid, 'VmHWM'); },
  };
  return server.start();
}

function statusField(pid, name) {
  const m = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(m[1]) * 1024;
}

/** Prometheus text as a Map of "name{labels}" to number; sum(name) adds up over all labels. */
export function parseMetrics(text) {
  const map = new Map();
  for (const line of text.split('\n')) {
    if (!line || line.startsWith('#')) continue;
    const m = /^([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+)$/.exec(line);
    assert.ok(m, `not a metric: ${line}`);
    map.set(m[1], Number(m[2]));
  }
  map.sum = (name) => [...map].filter(([k]) => k === name || k.startsWith(`${name}{`)).reduce((a, [, v]) => a + v, 0);
  return map;
}

/** Ids of the setup (connectors, services, agents, tokens) are integers in the API; commands print them with their instance, as hex. */
export const setupId = (id) => (/^[0-9a-f]{24}$/.test(id) ? Number(BigInt(`0x${id.slice(8)}`)) : id);

/** A store with everything the demo makes. `webhook`: where the connector delivers. */
export async function demoData({ webhook, dir = newDataDir() } = {}) {
  const made = await cliJson(['init', '--data', dir, '--demo']);
  const { connector, agent: person, token } = made.demo;
  if (webhook) await cliJson(['connector', 'set', connector.id, '--data', dir, '--webhook', webhook]);
  return { dir, instance: made.instance, admin: made.admin, connector, person, token };
}

/** The same with a running server, its partner and its agent. Ends with stop(). */
export async function demo({ webhook, env, args, serve = {} } = {}) {
  const data = await demoData({ webhook });
  const server = await startServer({ dir: data.dir, env, args, ...serve });
  return { ...data, server, partner: partner(server, data.connector), agent: agent(server, data.token), stop: () => server.stop() };
}

let counter = 0;
/** A text that occurs once in this run. */
export const unique = (prefix = 'x') => `${prefix}-${ownPid}-${(++counter).toString(36)}`;

/** A message from a customer, complete unless overridden. */
export function message({ id, customer, text = 'Hello', created_at = 1_700_000_000, ...rest } = {}) {
  const customer_id = customer ?? unique('customer');
  return {
    id: id ?? unique('m'), created_at, customer_id,
    sender: { type: 'human', id: customer_id, name: 'John Doe' },
    body: { message: text }, ...rest,
  };
}

/** A partner's platform: has a token, sends messages, fetches attachments. */
export function partner(server, creds) {
  const keep = new http.Agent({ keepAlive: true, maxSockets: 256 });
  let token = null;
  const self = {
    creds,
    keep,
    async newToken() {
      const body = new URLSearchParams({ client_id: creds.client_id, client_secret: creds.client_secret, grant_type: 'client_credentials' }).toString();
      const r = await request(`${server.url}/oauth2/v1/token`, {
        method: 'POST', body, headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': Buffer.byteLength(body) },
      });
      assert.equal(r.status, 200, `token: ${r.status} ${r.text}`);
      checkAnswer('POST', '/oauth2/v1/token', r);
      return r.json.access_token;
    },
    async token() { return (token ??= await self.newToken()); },
    /** POST of a body as it stands (string or Buffer). */
    async post(body, { headers = {}, agent: a = keep, timeout } = {}) {
      return checkAnswer('POST', '/messaging/v1/messages', await request(`${server.url}/messaging/v1/messages`, {
        method: 'POST', body, agent: a, timeout,
        headers: { 'Content-Type': 'application/json', Accept: 'application/json', Authorization: `Bearer ${await self.token()}`, 'Content-Length': Buffer.byteLength(body), ...headers },
      }));
    },
    /** Sends one message or an array; the answer with its status. */
    send(messages, options) { return self.post(JSON.stringify({ messages: [messages].flat() }), options); },
    async sendOk(messages, options) {
      const r = await self.send(messages, options);
      assert.equal(r.status, 200, `messages: ${r.status} ${r.text}`);
      assert.equal(r.text, '{}');
      return r;
    },
    /** By uid, or by the url in a delivered message. */
    async attachment(uid, { method = 'GET', headers = {}, slash = '/' } = {}) {
      const url = uid.startsWith('http') ? uid : `${server.url}/messaging/attachments/${uid}${slash}`;
      return checkAnswer(method, url.slice(server.url.length), await request(url, { method, headers: { Authorization: `Bearer ${await self.token()}`, ...headers } }));
    },
    close() { keep.destroy(); },
  };
  return self;
}

const V3 = '/api/v3/interaction';

/** A client of the v3 API, with an API token (or headers of a session). Helpers fail on an unexpected status; call() does not. */
export function agent(server, token, { headers: own } = {}) {
  const keep = new http.Agent({ keepAlive: true, maxSockets: 64 });
  const auth = own ?? { 'Kiamo-Api-Token': token };
  const self = {
    auth,
    keep,
    async call(method, pathAndQuery, { json, body, headers = {}, timeout } = {}) {
      const payload = json === undefined ? body : Buffer.from(JSON.stringify(json));
      const h = { ...auth, ...headers };
      if (json !== undefined && !Object.keys(h).some((k) => k.toLowerCase() === 'content-type')) h['Content-Type'] = 'application/json';
      if (payload !== undefined) h['Content-Length'] = Buffer.byteLength(payload);
      else if (method === 'POST' || method === 'PUT') h['Content-Length'] = 0;
      const target = pathAndQuery.startsWith('/api/') ? pathAndQuery : V3 + pathAndQuery;
      return checkAnswer(method, target, await request(server.url + target, { method, headers: h, body: payload, agent: keep, timeout }));
    },
    async ok(status, method, p, options) {
      const r = await self.call(method, p, options);
      assert.equal(r.status, status, `${method} ${p}: ${r.status} ${r.text.slice(0, 2000)}`);
      return r.json;
    },
    /** One page: {items, next}. */
    list(query = {}) { return self.ok(200, 'GET', `/interactions${queryOf(query)}`); },
    async all(query = {}, collection = '/interactions') {
      const items = [];
      let cursor;
      do {
        const page = await self.ok(200, 'GET', `${collection}${queryOf({ limit: 200, ...query, cursor })}`);
        items.push(...page.items);
        cursor = page.next ?? undefined;
      } while (cursor);
      return items;
    },
    get(id) { return self.ok(200, 'GET', `/interactions/${id}`); },
    timelinePage(id, query = {}) { return self.ok(200, 'GET', `/interactions/${id}/timeline${queryOf(query)}`); },
    timeline(id) { return self.all({}, `/interactions/${id}/timeline`); },
    /** The messages of an interaction, in order. */
    async messages(id) { return (await self.timeline(id)).filter((i) => i.kind.startsWith('message.')).map((i) => i.message); },
    /** All interactions of one customer of a connector, oldest first or as the server has them. */
    ofCustomer(connector, customer) { return self.all({ connector: setupId(connector), customer }); },
    reply(id, json, options = {}) { return self.ok(201, 'POST', `/interactions/${id}/messages`, { json: typeof json === 'string' ? { text: json } : json, ...options }); },
    note(id, content, options = {}) { return self.ok(201, 'POST', `/interactions/${id}/notes`, { json: { content }, ...options }); },
    accept(id, options = {}) { return self.ok(200, 'POST', `/interactions/${id}/accept`, options); },
    close(id, options = {}) { return self.ok(200, 'POST', `/interactions/${id}/close`, options); },
    upload(id, name, type, bytes, options = {}) {
      return self.ok(201, 'POST', `/interactions/${id}/attachments?name=${encodeURIComponent(name)}`, { body: bytes, ...options, headers: { 'Content-Type': type, ...options.headers } });
    },
    file(id) { return self.call('GET', `/attachments/${id}`); },
    async events({ lastEventId, query = {} } = {}) {
      const headers = { ...auth };
      if (lastEventId !== undefined) headers['Last-Event-ID'] = String(lastEventId);
      const stream = await eventStream(`${server.url}${V3}/events${queryOf(query)}`, { headers });
      const next = stream.next.bind(stream);
      stream.next = async (timeout) => {
        const event = await next(timeout);
        if (event) checkValue('interaction', 'Event', event.data);
        return event;
      };
      return stream;
    },
    end() { keep.destroy(); },
  };
  return self;
}

export function queryOf(query) {
  const entries = Object.entries(query).filter(([, v]) => v !== undefined && v !== null);
  return entries.length ? `?${new URLSearchParams(entries)}` : '';
}

/** Logs in as a person; the answer holds the cookie header to send with further calls, as a browser would. */
export async function login(server, { login: name, password, instance }) {
  const r = await requestJson(`${server.url}/api/v3/agent/login`, { login: name, password, instance });
  checkAnswer('POST', '/api/v3/agent/login', r);
  const cookie = (r.headers['set-cookie'] ?? []).filter((c) => /; Path=\/;/.test(c)).map((c) => c.split(';')[0]).join('; ');
  return Object.assign(r, { cookie });
}

/**
 * A partner's webhook. behaviour(request, number) → what to do: nothing (200), {status, headers, body, delay},
 * {destroy: true} (connection reset), {garbage: bytes}, or a promise of those. Records every request as received.
 */
export async function sink({ behaviour = () => undefined, secret = null, port = 0 } = {}) {
  const self = {
    behaviour, secret, requests: [], connections: 0, url: null, port: null,
    /** Requests that were answered 200. */
    get accepted() { return self.requests.filter((r) => r.answered === 200); },
    /** Waits for `count` requests (by default accepted ones). */
    async received(count, { timeout = 30_000, of = 'accepted' } = {}) {
      await eventually(() => self[of].length >= count, { timeout, what: `${count} ${of} at the sink, ${self[of].length} there` });
      return self[of];
    },
    /** Every body verifies against its Body-Hash. */
    assertSigned(secret_ = self.secret) {
      for (const r of self.requests) {
        assert.equal(r.headers['body-hash'], crypto.createHmac('sha1', secret_).update(r.body).digest('hex'), 'Body-Hash over the received bytes');
      }
    },
    async down() {
      for (const s of sockets) s.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
    async up() { await listen(); },
    close() { return self.down(); },
  };
  const sockets = new Set();
  const server = http.createServer((req, res) => {
    const chunks = [];
    req.on('data', (c) => chunks.push(c));
    req.on('end', async () => {
      const record = {
        number: self.requests.length, method: req.method, path: req.url, headers: req.headers, rawHeaders: req.rawHeaders, body: Buffer.concat(chunks), at: Date.now(), answered: null,
        get json() { return JSON.parse(record.body.toString('utf8')); },
      };
      self.requests.push(record);
      const how = (await self.behaviour(record, record.number)) ?? {};
      if (how.delay) await sleep(how.delay);
      if (how.destroy) return req.socket.resetAndDestroy?.() ?? req.socket.destroy();
      if (how.garbage !== undefined) return req.socket.end(how.garbage);
      record.answered = how.status ?? 200;
      res.writeHead(record.answered, how.headers ?? {});
      res.end(how.body ?? '');
    });
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', (s) => {
    self.connections++;
    sockets.add(s);
    s.unref();
    s.on('close', () => sockets.delete(s));
    s.on('error', () => {});
  });
  const listen = () => new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(self.port ?? port, '127.0.0.1', () => { server.removeListener('error', reject); server.unref(); resolve(); });
  });
  await listen();
  self.port = server.address().port;
  self.url = `http://127.0.0.1:${self.port}/hook`;
  return self;
}
