// How long things may be: hard limits fail, soft limits are notes. Also: each .c opens with a comment of at most 12 lines.
import { pathToFileURL } from 'node:url';
import { codeOnly, filesBelow, linesOf, report } from './source.js';

const LIMITS = { file: { soft: 600, hard: 800 }, header: { soft: 200, hard: 200 }, function: { soft: 60, hard: 100 } };
const OPENING_MAX = 12;

/** Functions as [{name, start, length}]: from the first line of the head at column 0 to the closing brace at column 0. */
export function functionsOf(lines) {
  const code = codeOnly(lines.join('\n')).split('\n');
  const found = [];
  for (let at = 0; at < code.length; at++) {
    if (!/\)\s*\{\s*$/.test(code[at])) continue;
    let start = at;
    while (start > 0 && !/^[A-Za-z_]/.test(code[start])) start--;
    const head = code.slice(start, at + 1).join(' ');
    const name = /([A-Za-z_]\w*)\s*\(/.exec(head)?.[1];
    if (!name || /^\s*#/.test(head) || /=\s*[^=]*\{\s*$/.test(head)) continue;
    let end = at;
    while (end < code.length - 1 && !/^\}/.test(code[end])) end++;
    found.push({ name, start: start + 1, length: end - start + 1 });
    at = end;
  }
  return found;
}

function openingProblem(lines) {
  if (!lines[0]?.startsWith('/*')) return 'does not open with a comment that says what it does';
  const length = lines.findIndex((line) => line.includes('*/')) + 1;
  return length > OPENING_MAX ? `opens with a comment of ${length} lines, at most ${OPENING_MAX}` : null;
}

export function checkLengths(root) {
  const files = [...filesBelow(root, 'src', ['.c', '.h']), ...filesBelow(root, 'test', ['.c', '.h'])];
  const problems = [];
  const notes = [];
  const judge = (where, what, length, limit) => {
    if (length > limit.hard) problems.push(`${where}: ${what} has ${length} lines, at most ${limit.hard}`);
    else if (length > limit.soft) notes.push(`${where}: ${what} has ${length} lines, better ${limit.soft}`);
  };
  for (const path of files) {
    const lines = linesOf(root, path);
    judge(`${path}:1`, 'the file', lines.length, path.endsWith('.h') ? LIMITS.header : LIMITS.file);
    for (const f of functionsOf(lines)) judge(`${path}:${f.start}`, `${f.name}()`, f.length, LIMITS.function);
    const opening = path.endsWith('.c') && openingProblem(lines);
    if (opening) problems.push(`${path}:1: ${opening}`);
  }
  return { files, problems, notes };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { files, problems, notes } = checkLengths(process.argv[2] ?? '.');
  process.exit(report('check-lengths', files.length, { problems, notes }));
}
