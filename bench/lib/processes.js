// Processes that are measured: start, CPU seconds, resident memory, end.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';

const children = new Set();
const killAll = () => { for (const child of children) child.kill('SIGKILL'); };
process.on('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const TICKS = 100; // USER_HZ, the same on every Linux

/** The process and all that it started: some servers fork. */
function family(pid) {
  const threads = fs.readdirSync(`/proc/${pid}/task`);
  const of = (tid) => fs.readFileSync(`/proc/${pid}/task/${tid}/children`, 'utf8').split(' ').filter(Boolean);
  return [pid, ...threads.flatMap(of).flatMap((child) => family(Number(child)))];
}

function ownCpu(pid) {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
const ownRss = (pid) => Number(/^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
const sum = (list) => list.reduce((a, b) => a + b, 0);

/** All that a command prints; rejects unless it ends with 0. */
export function run(command, args, { env = {}, input = '', cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    children.add(child);
    child.stdout.setEncoding('utf8').on('data', (t) => (out += t));
    child.stderr.setEncoding('utf8').on('data', (t) => (err += t));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      children.delete(child);
      if (code === 0) resolve(out);
      else reject(new Error(`${command} ${args.join(' ')}: ended with ${code ?? signal}\n${out}${err}`));
    });
  });
}

/** A server that prints "listening on URL", or whose port is waited for. */
export async function startServer(command, args, { env = {}, port = 0 } = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const server = {
    pid: child.pid, out: '', err: '', url: port ? `http://127.0.0.1:${port}` : null,
    cpu: () => sum(family(child.pid).map(ownCpu)),
    rss: () => sum(family(child.pid).map(ownRss)),
    async stop() {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await ended;
      clearTimeout(late);
    },
  };
  children.add(child);
  const ended = new Promise((resolve) => child.on('close', (code, signal) => { children.delete(child); resolve(code ?? signal); }));
  child.stderr.setEncoding('utf8').on('data', (t) => { if (server.err.length < 65536) server.err += t; });
  const ready = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.stdout.setEncoding('utf8').on('data', (t) => {
      if (server.out.length < 65536) server.out += t;
      const m = /^listening on (http:\S+)$/m.exec(server.out);
      if (m && !port) { server.url = m[1]; resolve(); }
    });
    ended.then((why) => reject(new Error(`${command} ${args.join(' ')}: ended with ${why} before it listened\n${server.out}${server.err}`)));
    if (port) reachable(port).then(resolve, reject);
    setTimeout(() => reject(new Error(`${command}: not listening within 60 s\n${server.err}`)), 60_000).unref();
  });
  await ready;
  server.port = Number(new URL(server.url).port);
  return server;
}

async function reachable(port) {
  for (let i = 0; i < 600; i++) {
    const ok = await new Promise((resolve) => {
      const s = net.connect(port, '127.0.0.1', () => { s.destroy(); resolve(true); });
      s.on('error', () => resolve(false));
    });
    if (ok) return;
    await sleep(100);
  }
  throw new Error(`port ${port} does not answer`);
}

export const freePort = () => new Promise((resolve, reject) => {
  const s = net.createServer();
  s.on('error', reject);
  s.listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => resolve(port)); });
});

/** A program that is talked to line by line; next() resolves with its next line of JSON. */
export function startTalker(command, args) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.add(child);
  let rest = '';
  const lines = [];
  const waiting = [];
  const over = (why) => { while (waiting.length) waiting.shift().reject(new Error(`${command}: ${why}`)); };
  child.on('close', (code) => { children.delete(child); over(`ended with ${code}`); });
  child.stdout.setEncoding('utf8').on('data', (t) => {
    rest += t;
    for (let end; (end = rest.indexOf('\n')) >= 0; rest = rest.slice(end + 1)) {
      const line = JSON.parse(rest.slice(0, end));
      if (waiting.length) waiting.shift().resolve(line);
      else lines.push(line);
    }
  });
  return {
    say: (line) => child.stdin.write(`${line}\n`),
    next: () => (lines.length ? Promise.resolve(lines.shift()) : new Promise((resolve, reject) => waiting.push({ resolve, reject }))),
    stop: () => new Promise((resolve) => { child.on('close', resolve); child.stdin.end(); }),
  };
}
