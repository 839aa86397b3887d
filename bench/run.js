// Measures everything in lib/measures.js on this machine and prints one table of ratios.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { groups, targets } from './lib/measures.js';
import { Programs } from './lib/programs.js';
import { cpuUse, describeMachine, shareOfOthers } from './lib/machine.js';
import { median, middle, number, table } from './lib/figures.js';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const USAGE = `usage: script/bench [options]
  --quick          short runs, about two minutes: shows that all works, figures are rough
  --full           10 million messages in the filled store instead of 1 million
  --only NAME      only this group or those whose name begins so; may be given several times
  --skip NAME      without this group; "prism" leaves out Prism
  --seconds S      length of one run (whole; 4; --quick: 2)
  --rounds N       runs of each (5; --quick: 2); the median counts
  --json FILE      also everything as JSON
  --build DIR      folder of the build (build)
  --dir DIR        where the stores are made, on the disk that is to be measured (DIR of the build)
  --list           the groups`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean' }, full: { type: 'boolean' }, only: { type: 'string', multiple: true, default: [] }, skip: { type: 'string', multiple: true, default: [] },
      seconds: { type: 'string' }, rounds: { type: 'string' }, json: { type: 'string' }, build: { type: 'string', default: path.join(ROOT, 'build') }, dir: { type: 'string' },
      list: { type: 'boolean' }, help: { type: 'boolean' },
    },
  });
  const seconds = Number(values.seconds ?? (values.quick ? 2 : 4));
  return { ...values, build: path.resolve(values.build), seconds, rounds: Number(values.rounds ?? (values.quick ? 2 : 5)) };
}

const say = (text) => process.stderr.write(text);

async function runGroup(group, programs, options) {
  say(`${group.name.padEnd(14)}`);
  const g = await group.setup(programs, options);
  const rounds = Math.min(options.rounds, group.rounds ?? Infinity);
  const samples = Object.fromEntries(Object.keys(g.members).map((name) => [name, []]));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [name, member] of Object.entries(g.members)) {
        samples[name].push(await member(options.seconds, round));
        say('.');
      }
    }
  } finally {
    for (const server of g.servers) await server.stop();
    for (const data of g.stores) if (data) programs.drop(data);
  }
  say('\n');
  return { name: group.name, what: group.what, note: g.note, rounds, samples, members: Object.fromEntries(Object.entries(samples).map(([name, list]) => [name, middle(list)])) };
}

/** The median of the rounds' own ratios: neighbours in time are compared. */
function judge(target, results) {
  const samples = results.find((r) => r.name === target.group)?.samples;
  const of = samples?.[target.of];
  const to = target.to ? samples?.[target.to] : null;
  if (!of || (target.to && !to)) return null;
  const figure = target.figure ?? 'rate';
  const values = of.map((s, i) => (to ? s[figure] / to[i][figure] : s[figure] * (target.scale ?? 1)));
  const value = median(values);
  const reached = target.least !== undefined ? value >= target.least : target.most !== undefined ? value <= target.most : null;
  return { ...target, value, lowest: Math.min(...values), highest: Math.max(...values), reached };
}

function printGroups(results) {
  const rows = [];
  for (const r of results) {
    for (const [name, m] of Object.entries(r.members)) {
      rows.push([r.name, name, number(m.rate), number(m.p50_ms), number(m.p99_ms), number(m.cpu_s), number(m.cpu_us), m.rss ? number(m.rss / 2 ** 20) : '']);
    }
  }
  console.log(table(['measure', 'server', 'per s', 'p50 ms', 'p99 ms', 'CPU s', 'CPU µs each', 'RSS MiB'], rows));
}

const goal = (t) => (t.least !== undefined ? `≥ ${t.least}` : t.most !== undefined ? `≤ ${t.most}` : '');
const verdict = (t) => (t.reached === null ? '' : t.reached ? 'reached' : 'missed');

function printTargets(judged) {
  const rows = judged.map((t) => [t.what, number(t.value, t.unit), `${number(t.lowest)} … ${number(t.highest)}`, goal(t), verdict(t)]);
  console.log(table(['ratio or figure', 'median', 'range', 'target', ''], rows));
}

function printMachine(m) {
  console.log(`Machine: ${m.cpu}, ${m.cores} cores shared by server and load, ${m.memory_gib} GiB; ${m.system}, ${m.kernel}; ${m.file_system}, ` +
    `${number(m.syncs_per_s)} fdatasync/s (${number(m.sync_ms, 'ms')}); other programs took ${number(100 * m.others)} % of it meanwhile; Node ${m.node}, wrk ${m.wrk}`);
}

function chosen(options) {
  const begins = (name, list) => list.some((wanted) => name === wanted || (name.startsWith(wanted) && !groups.some((g) => g.name === wanted)));
  const list = groups.filter((g) => (!options.only.length || begins(g.name, options.only)) && !options.skip.includes(g.name));
  if (!list.length) throw new Error(`no group is called ${options.only.join(', ')}; see --list`);
  return list;
}

async function main() {
  const options = readOptions();
  if (options.help) return console.log(USAGE);
  if (options.list) return console.log(table(['name', 'what'], groups.map((g) => [g.name, g.what])));
  const list = chosen(options);
  fs.mkdirSync(options.dir ?? options.build, { recursive: true });
  const dir = fs.mkdtempSync(path.join(options.dir ?? options.build, 'bench-data-'));
  process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true, maxRetries: 3 }));
  const machine = describeMachine(dir);
  const programs = new Programs({ build: options.build, dir });
  const [begun, before] = [Date.now(), cpuUse()];
  const results = [];
  for (const group of list) results.push(await runGroup(group, programs, options));
  machine.others = shareOfOthers(before, cpuUse());
  const judged = targets.map((t) => judge(t, results)).filter(Boolean);
  printMachine(machine);
  console.log(`${options.rounds} rounds of ${options.seconds} s, in turns, medians; ${Math.round((Date.now() - begun) / 1000)} s in all\n`);
  printGroups(results);
  console.log('');
  printTargets(judged);
  if (options.json) fs.writeFileSync(options.json, `${JSON.stringify({ at: new Date().toISOString(), machine, options, results, targets: judged }, null, 2)}\n`);
}

await main();
