// Counts real tests: the cmocka tests inside the programs that Meson ran, and what Node's runner says in its summary.
// Usage: count-tests.js meson|tap FILE…   prints "PASSED FAILED SKIPPED". A file that tells of no test at all counts as one failed.
//        count-tests.js failed meson|tap FILE   prints which failed, each with what it said.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const LINES_EACH = 25;
const GOOD = ['OK', 'EXPECTEDFAIL'];
const howMany = (text, pattern) => (text.match(pattern) ?? []).length;

/** text: Meson's testlog.json, one object a line. */
const rowsOf = (text) => text.split('\n').filter(Boolean).map((line) => JSON.parse(line));

export function countMeson(text) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const rows = rowsOf(text);
  for (const { result, stdout = '', stderr = '' } of rows) {
    const told = `${stdout}\n${stderr}`;
    const passed = howMany(told, /^\[ {7}OK \]/gm);
    const skipped = howMany(told, /^\[ {2}SKIPPED \](?! \d+ test)/gm);
    const failed = new Set(told.match(/^\[ {2}(?:FAILED|ERROR) ? \](?! \d+ test).*$/gm) ?? []).size;
    const good = GOOD.includes(result);
    sum.skipped += skipped + (result === 'SKIP' ? 1 : 0);
    sum.failed += good || result === 'SKIP' ? 0 : Math.max(failed, 1);
    sum.passed += passed || (good && !skipped ? 1 : 0);
  }
  if (!rows.length) sum.failed++;
  return sum;
}

/** Which programs failed, with their last words; the tests that went well are left out. */
export function failedMeson(text) {
  const bad = rowsOf(text).filter(({ result }) => !GOOD.includes(result) && result !== 'SKIP');
  return bad.map(({ name, result, stdout = '', stderr = '' }) => {
    const said = `${stdout}\n${stderr}`.split('\n').filter((line) => line && !/^\[( RUN|=====|  PASSED| {7}OK)/.test(line));
    return [`${name} ${result}`, ...said.slice(-LINES_EACH).map((line) => `  ${line}`)].join('\n');
  });
}

/** Which tests failed, inner ones first as the runner tells them, with the error and the place. */
export function failedTap(text) {
  const found = [];
  for (const line of text.split('\n')) {
    if (/^\s*not ok /.test(line)) found.push([line.trim()]);
    else if (/^\s*ok /.test(line)) found.push(null);
    else if (found.at(-1)?.length < LINES_EACH && !/^\s*(---|\.\.\.|duration_ms:|type:|stack:)/.test(line)) found.at(-1).push(`  ${line.trim()}`);
  }
  return found.filter(Boolean).map((lines) => lines.join('\n'));
}

/** text: what --test-reporter=tap wrote. */
export function countTap(text) {
  const summary = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  const sum = { passed: summary('pass'), failed: summary('fail') + summary('cancelled'), skipped: summary('skipped') };
  if (sum.passed + sum.failed + sum.skipped === 0) sum.failed = 1;
  return sum;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [what, ...rest] = process.argv.slice(2);
  if (what === 'failed') {
    const tell = { meson: failedMeson, tap: failedTap }[rest[0]];
    for (const one of tell(readFileSync(rest[1], 'utf8'))) console.log(one);
    process.exit();
  }
  const count = { meson: countMeson, tap: countTap }[what];
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const file of rest) {
    const one = count(readFileSync(file, 'utf8'));
    for (const key of Object.keys(sum)) sum[key] += one[key];
  }
  console.log(`${sum.passed} ${sum.failed} ${sum.skipped}`);
}
