// Counts real tests: the cmocka tests inside the programs that Meson ran, and what Node's runner says in its summary.
// Usage: count-tests.js meson|tap FILE…   prints "PASSED FAILED SKIPPED". A file that tells of no test at all counts as one failed.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const GOOD = ['OK', 'EXPECTEDFAIL'];
const howMany = (text, pattern) => (text.match(pattern) ?? []).length;

/** text: Meson's testlog.json, one object a line. */
export function countMeson(text) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const rows = text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
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

/** text: what --test-reporter=tap wrote. */
export function countTap(text) {
  const summary = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  const sum = { passed: summary('pass'), failed: summary('fail') + summary('cancelled'), skipped: summary('skipped') };
  if (sum.passed + sum.failed + sum.skipped === 0) sum.failed = 1;
  return sum;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const count = { meson: countMeson, tap: countTap }[process.argv[2]];
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const file of process.argv.slice(3)) {
    const one = count(readFileSync(file, 'utf8'));
    for (const key of Object.keys(sum)) sum[key] += one[key];
  }
  console.log(`${sum.passed} ${sum.failed} ${sum.skipped}`);
}
