// For tests of the command line: commands that end, commands that go on, and looking for secrets in a folder.
import { after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { BINARY, assertNoReport, cli } from './server.js';

export const ID = /^[0-9a-f]{24}$/; // of conversations; rows of the setup have numbers
export const isNumber = (id) => Number.isSafeInteger(id) && id > 0;

/** A command that must end with this code; its streams. */
export async function ends(code, args, options) {
  const r = await cli(args, options);
  assert.equal(r.code, code, `guichet ${args.join(' ')}: exit ${r.code} ${r.signal ?? ''}\n${r.stdout}${r.stderr}`);
  assertNoReport(r.stderr);
  // Layers below may log why; the command itself says one sentence.
  r.stderr = r.stderr.replace(/^ts=.*\n/gm, '');
  if (code !== 0) assert.match(r.stderr, /^guichet[\w -]*: \S.*\n$/, 'an error is one sentence on stderr');
  return r;
}

/** A long-running command: {child, out, err, ended, line(n)}. */
const started = new Set();
export function start(args, wrap = []) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([k]) => !k.startsWith('GUICHET_')));
  const [program, ...rest] = [...wrap, BINARY, ...args];
  const child = spawn(program, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  started.add(child);
  const self = { child, out: '', err: '', lines: () => self.out.split('\n').filter(Boolean) };
  child.stdout.setEncoding('utf8').on('data', (t) => (self.out += t));
  child.stderr.setEncoding('utf8').on('data', (t) => (self.err += t));
  self.ended = new Promise((resolve) => child.on('close', (code, signal) => { started.delete(child); resolve({ code, signal }); })).then((end) => { assertNoReport(self.err); return end; });
  return self;
}
after(() => { for (const child of started) child.kill('SIGKILL'); });

export const filesIn = (dir) => fs.readdirSync(dir).map((name) => path.join(dir, name)).filter((f) => fs.statSync(f).isFile());
export function assertNowhere(dir, secrets) {
  for (const file of filesIn(dir)) {
    const bytes = fs.readFileSync(file);
    for (const secret of secrets) assert.equal(bytes.indexOf(secret), -1, `${path.basename(file)} holds a secret in clear`);
  }
}
