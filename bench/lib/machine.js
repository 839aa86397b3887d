// What the figures were measured on.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { median } from './figures.js';

const first = (text, pattern) => pattern.exec(text)?.[1]?.trim();

/** How long an fdatasync of 4 KiB takes where the stores lie: the floor under every commit. */
export function measureSync(dir, times = 200) {
  const file = path.join(dir, 'sync');
  const fd = fs.openSync(file, 'w');
  const bytes = Buffer.alloc(4096, 1);
  const took = [];
  for (let i = 0; i < times; i++) {
    const begun = process.hrtime.bigint();
    fs.writeSync(fd, bytes);
    fs.fdatasyncSync(fd);
    took.push(Number(process.hrtime.bigint() - begun) / 1e6);
  }
  fs.closeSync(fd);
  fs.rmSync(file);
  return { sync_ms: median(took), syncs_per_s: (1000 * times) / took.reduce((a, b) => a + b, 0) };
}

/** Seconds of CPU: of the whole machine, and of this process with all that it started and that has ended. */
export function cpuUse() {
  const [, ...all] = first(fs.readFileSync('/proc/stat', 'utf8'), /^(cpu .*)$/m).split(/\s+/).map(Number);
  const own = fs.readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ').slice(11, 15).map(Number);
  const add = (list) => list.reduce((a, b) => a + b, 0) / 100;
  return { total: add(all.slice(0, 8)), idle: add(all.slice(3, 5)), own: add(own) };
}

/** Which share of the machine went to others between the two; it should be next to nothing. */
export function shareOfOthers(before, after) {
  const busy = after.total - before.total - (after.idle - before.idle);
  return Math.max(0, (busy - (after.own - before.own)) / (after.total - before.total));
}

function version(command, args, pattern) {
  try {
    return first(execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }), pattern);
  } catch (e) {
    return first(`${e.stdout ?? ''}`, pattern);
  }
}

export function describeMachine(dir) {
  const cpuinfo = fs.readFileSync('/proc/cpuinfo', 'utf8');
  return {
    cpu: first(cpuinfo, /^model name\s*: (.*)$/m) ?? os.arch(),
    cores: os.cpus().length,
    memory_gib: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()}`,
    system: first(fs.readFileSync('/etc/os-release', 'utf8'), /^PRETTY_NAME="(.*)"$/m),
    file_system: version('stat', ['-f', '-c', '%T', dir], /(.*)/),
    node: process.version,
    wrk: version('wrk', ['-v'], /^wrk (\S+)/m),
    load_before: os.loadavg()[0],
    ...measureSync(dir),
  };
}
