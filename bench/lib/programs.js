// The programs of a run: the server, those it is compared with, and the load.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, run, startServer } from './processes.js';

const HERE = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
export const CUSTOMERS = 10_000;

export class Programs {
  #n = 0;
  #stamp = Date.now() % 1e9;
  constructor({ build, dir }) {
    this.dir = dir;
    this.guichet = path.join(build, 'guichet');
    this.tools = path.join(build, 'bench');
  }

  tool(name) { return path.join(this.tools, `bench-${name}`); }
  folder(label) {
    const dir = path.join(this.dir, `${label}-${++this.#n}`);
    fs.mkdirSync(dir, { recursive: true });
    return dir;
  }
  file(label, bytes) {
    const file = path.join(this.dir, `${label}-${++this.#n}`);
    fs.writeFileSync(file, bytes);
    return file;
  }

  /** A store with the demo's connector, and customers who have written before. */
  async data({ webhook, messages = 1, customers = CUSTOMERS } = {}) {
    const dir = path.join(this.folder('store'), 'data');
    const made = JSON.parse(await run(this.guichet, ['init', '--data', dir, '--demo', '--json'])).demo;
    if (webhook) await run(this.guichet, ['connector', 'set', `${made.connector.id}`, '--data', dir, '--webhook', webhook, '--json']);
    await this.raw(dir, ['--messages', messages, '--customers', customers, '--batch', 2000]);
    return { dir, connector: made.connector, token: made.token, customers };
  }
  drop(data) { fs.rmSync(path.dirname(data.dir), { recursive: true, force: true }); }

  async raw(dir, args) { return JSON.parse(await run(this.tool('raw'), ['--db', path.join(dir, 'guichet.db'), ...args.map(String)])); }

  async server(data, { env = {}, open = true } = {}) {
    const server = await startServer(this.guichet, ['serve', '--data', data.dir, '--listen', '127.0.0.1:0'],
      { env: { GUICHET_TOKEN_RATE: '100000000', GUICHET_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8', GUICHET_LOG_LEVEL: 'warn', ...env } });
    server.data = data;
    if (open) server.bearer = (await this.post(server, '/oauth2/v1/token', this.tokenForm(data), { 'Content-Type': 'application/x-www-form-urlencoded' })).access_token;
    return server;
  }
  tokenForm(data) { return `grant_type=client_credentials&client_id=${data.connector.client_id}&client_secret=${data.connector.client_secret}`; }

  async call(server, method, target, body, headers = {}) {
    const answer = await fetch(server.url + target, { method, body, headers });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${target}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }
  post(server, target, body, headers) { return this.call(server, 'POST', target, body, headers); }

  async constant() {
    const server = await startServer(this.tool('constant'), []);
    server.bearer = 'x'.repeat(300); // as long as a real one
    return server;
  }
  sink() { return startServer(this.tool('sink'), []); }

  async fastify(mode) {
    const server = await startServer(process.execPath, [path.join(HERE, 'peer-fastify/server.js'), '--db', path.join(this.folder('peer'), 'peer.db'), '--mode', mode, '--customers', `${CUSTOMERS}`],
      { env: { NODE_ENV: 'production' } });
    server.bearer = /^token (\S+)$/m.exec(server.out)[1];
    return server;
  }
  /** As its users start it: one process, every request in its log. */
  async prism() {
    const port = await freePort();
    const server = await startServer(process.execPath, [path.join(HERE, 'node_modules/@stoplight/prism-cli/dist/index.js'), 'mock', '-p', `${port}`, '-h', '127.0.0.1', path.join(HERE, 'prism/openapi.json')], { port });
    server.bearer = 'x'.repeat(300);
    return server;
  }

  // ---- load ----

  async wrk(server, { connections, seconds, script, args }) {
    const threads = Math.min(2, connections);
    const before = server.cpu();
    const out = await run('wrk', [`-t${threads}`, `-c${connections}`, `-d${seconds}`, '--timeout', '10s', '-s', path.join(HERE, 'wrk', `${script}.lua`), server.url, '--', ...args.map(String)]);
    const r = JSON.parse(/^RESULT (.*)$/m.exec(out)[1]);
    if (r.not_2xx || r.socket_errors) throw new Error(`${script} with ${connections} connections: ${r.not_2xx} refusals, ${r.socket_errors} broken\n${server.err.slice(-2000)}`);
    const cpu = server.cpu() - before;
    return { rate: r.requests / r.seconds, requests: r.requests, p50_ms: r.p50_ms, p99_ms: r.p99_ms, max_ms: r.max_ms, cpu_s: cpu, cpu_us: (cpu * 1e6) / r.requests, rss: server.rss() };
  }

  async messages(server, { connections, seconds, count = 1, customers = CUSTOMERS }) {
    const stride = Math.max(1, Math.floor(customers / CUSTOMERS));
    const stamp = String(++this.#stamp % 1e9).padStart(10, '0');
    const r = await this.wrk(server, { connections, seconds, script: 'messages', args: [server.bearer, count, CUSTOMERS, stride, stamp] });
    return { ...r, rate: r.rate * count, cpu_us: r.cpu_us / count };
  }

  same(server, file, { connections, seconds }) { return this.wrk(server, { connections, seconds, script: 'same', args: [file] }); }
}

/** A complete request as bytes. */
export function requestBytes(method, target, headers = {}, body = '') {
  const bytes = Buffer.from(body);
  const all = { Host: '127.0.0.1', ...headers, ...(method === 'POST' ? { 'Content-Length': bytes.length } : {}) };
  const head = Object.entries(all).map(([k, v]) => `${k}: ${v}\r\n`).join('');
  return Buffer.concat([Buffer.from(`${method} ${target} HTTP/1.1\r\n${head}\r\n`), bytes]);
}
