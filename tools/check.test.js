// Each check must catch a small bad sample and pass a small good one; otherwise its silence would mean nothing.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { checkLayers } from './check-layers.js';
import { checkLengths, functionsOf } from './check-lengths.js';
import { checkSql } from './check-sql.js';
import { countMeson, countTap, failedMeson, failedTap } from './count-tests.js';

/** Runs `check` over a tree made of {path: text}; returns its problems. */
function over(tree, check) {
  const root = mkdtempSync(join(tmpdir(), 'guichet-check-'));
  try {
    for (const [path, text] of Object.entries({ 'src/base/x.h': '#pragma once\n', 'test/x.h': '#pragma once\n', ...tree })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return check(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

const layerCases = [
  ['a lower folder includes a higher one', 'src/base/a.c', '#include "store/db.h"', 'base may not include'],
  ['http knows a domain word', 'src/http/a.c', '#include "core/message.h"', 'http may not include'],
  ['api includes jobs', 'src/api/v3/a.c', '#include "jobs/deliver.h"', 'api may not include'],
  ['a library outside its file', 'src/store/a.c', '#include <sqlite3.h>', 'belongs to src/store/sqlite.c'],
  ['a library nobody has heard of', 'src/base/a.c', '#include <libxml/parser.h>', 'is in no table'],
  ['an include that is not rooted', 'src/base/a.c', '#include "x.h"', 'is not rooted'],
  ['a header without its guard', 'src/base/a.h', 'int x;', 'no #pragma once'],
  ['an unknown folder', 'src/misc/a.c', '#include <stdio.h>', 'in no table'],
  ['own header not first', 'src/base/x.c', '#include <stdio.h>\n#include "base/x.h"', 'not the first include'],
];
for (const [name, path, text, problem] of layerCases) {
  test(`check-layers catches: ${name}`, () => {
    const { problems } = over({ [path]: `${text}\n` }, checkLayers);
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0], new RegExp(problem));
  });
}
test('check-layers passes what the tables allow', () => {
  const good = {
    'src/store/sqlite.c': '#include <sqlite3.h>\n#include "base/x.h"\n#include <uthash.h>\n',
    'src/base/x.c': '#include "base/x.h"\n#include <sys/socket.h>\n',
    'src/main.c': '#include "cli/command.h"\n#include <stdio.h>\n',
  };
  assert.deepEqual(over(good, checkLayers).problems, []);
});

const opening = '/* What it does. */\n';
const body = (lines) => `${opening}static int long_one(int a,\n                    int b) {\n${'  a++;\n'.repeat(lines)}  return a + b;\n}\n`;
test('check-lengths catches a long function, and only notes a middling one', () => {
  assert.match(over({ 'src/base/a.c': body(97) }, checkLengths).problems[0], /a\.c:2: long_one\(\) has 101 lines/);
  const middling = over({ 'src/base/a.c': body(60) }, checkLengths);
  assert.deepEqual(middling.problems, []);
  assert.match(middling.notes[0], /long_one\(\) has 64 lines, better 60/);
});
test('check-lengths catches long files and headers and a missing or long opening', () => {
  const catches = (path, text, what) => assert.match(over({ [path]: text }, checkLengths).problems[0] ?? '', what);
  catches('src/base/a.c', opening + 'int x;\n'.repeat(800), /801 lines, at most 800/);
  catches('src/base/a.h', 'int x;\n'.repeat(201), /201 lines, at most 200/);
  catches('src/base/a.c', 'int x;\n', /does not open with a comment/);
  catches('src/base/a.c', `/* a\n${' * b\n'.repeat(12)} */\n`, /comment of 14 lines/);
});
test('check-lengths knows a function from a table and from braces in strings and comments', () => {
  const text = `static const int t[] = {\n  F(1),\n};\nint f(void) {\n  g("}");\n  /*\n} */\n  return 0;\n}\n#define M(a) \\\n  do {\n`;
  assert.deepEqual(functionsOf(text.split('\n')), [{ name: 'f', start: 4, length: 6 }]);
});

for (const sql of [
  '"SELECT id FROM t"',
  '"select id"\n  " from t"',
  '"INSERT OR IGNORE INTO t VALUES (1)"',
  '"UPDATE t SET a = 1"',
  '"DELETE FROM t"',
  String.raw`"BEGIN;\nDELETE FROM t"`,
  '"CREATE UNIQUE INDEX i ON t (a)"',
]) {
  test(`check-sql catches ${sql.replace(/\s+/g, ' ')}`, () => {
    assert.equal(over({ 'src/store/a.c': `int x = f(${sql});\n` }, checkSql).problems.length, 1);
  });
}
test('check-sql passes HTTP methods, help texts, comments and transaction control', () => {
  const good = '/* SELECT x FROM y */\nf("DELETE"); f("update the name"); f("select an agent"); f("BEGIN IMMEDIATE"); // "DELETE FROM t"\n';
  assert.deepEqual(over({ 'src/store/a.c': good }, checkSql).problems, []);
});

test('counting: cmocka tests inside meson tests, and a program that died', () => {
  const row = (name, result, stdout) => JSON.stringify({ name, result, stdout, stderr: '' });
  const log = [
    row('base/a', 'OK', '[ RUN      ] one\n[       OK ] one\n[       OK ] two\n[  SKIPPED ] three\n'),
    row('base/b', 'FAIL', '[       OK ] one\n[  FAILED  ] two\n[  FAILED  ] 1 test(s), listed below:\n[  FAILED  ] two\n'),
    row('base/c', 'ERROR', '[       OK ] one\n'),
    row('plain', 'OK', ''),
  ].join('\n');
  assert.deepEqual(countMeson(log), { passed: 5, failed: 2, skipped: 1 });
});
test('counting: the summary of node, and a run without one', () => {
  const tap = 'TAP version 13\nok 1 - a\n# tests 4\n# pass 2\n# fail 1\n# cancelled 1\n# skipped 0\n# todo 0\n';
  assert.deepEqual(countTap(tap), { passed: 2, failed: 2, skipped: 0 });
  assert.deepEqual(countTap('TAP version 13\n'), { passed: 0, failed: 1, skipped: 0 });
  assert.deepEqual(countTap('# tests 0\n# pass 0\n# fail 0\n# cancelled 0\n# skipped 0\n'), { passed: 0, failed: 1, skipped: 0 });
});
test('a failed test is told with its error, those that went well are not', () => {
  const row = (name, result, stdout, stderr = '') => JSON.stringify({ name, result, stdout, stderr });
  const log = [row('a', 'OK', '[       OK ] one\n'), row('b', 'FAIL', '[ RUN      ] two\n[  FAILED  ] two\n', 'x.c:7: error')].join('\n');
  assert.deepEqual(failedMeson(log), ['b FAIL\n  [  FAILED  ] two\n  x.c:7: error']);
  const tap = "TAP version 13\n    ok 1 - fine\n    not ok 2 - bad\n      ---\n      error: 'was 3'\n      ...\n    ok 3 - late\n";
  assert.deepEqual(failedTap(tap), ["not ok 2 - bad\n  error: 'was 3'"]);
});

test('a test process ends with a server of its own left behind, and says so', () => {
  const end = new URL('../test/lib/end.js', import.meta.url);
  const text = `import '${end}'; import { createServer } from 'node:net'; import { test } from 'node:test';
    test('it fails', async () => { await new Promise((ok) => createServer().listen(0, '127.0.0.1', ok)); throw new Error('x'); });`;
  const env = { ...process.env, GUICHET_TEST_PATIENCE: '20' };
  delete env.NODE_TEST_CONTEXT; // a program like any other, not part of this run
  const r = spawnSync(process.execPath, ['--input-type=module', '-e', text], { env, encoding: 'utf8', timeout: 60_000 });
  assert.equal(r.status, 1, r.stdout + r.stderr);
  assert.match(r.stdout, /not ok 1 - it fails/);
  assert.match(r.stderr, /something still open: .*TCPServerWrap/);
});
