// SQL stands in sql/, never in a string of ours: the statements there are prepared and tested by name.
// Transaction control and engine settings (BEGIN, SAVEPOINT, PRAGMA …) are the engine file's business and not looked for.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { filesBelow, report, stringLiterals } from './source.js';

const STATEMENTS = [
  /\bSELECT\b/,
  /\bselect\b.*\bfrom\b/,
  /\b(INSERT|REPLACE)\s+(OR\s+\w+\s+)?INTO\b/i,
  /\bUPDATE\s+(OR\s+\w+\s+)?\w+\s+SET\b/i,
  /\bDELETE\s+FROM\b/i,
  /\b(CREATE|DROP|ALTER)\s+(TEMP\s+|TEMPORARY\s+|UNIQUE\s+)?(TABLE|INDEX|VIEW|TRIGGER)\b/i,
];

// [file, statement that may stand there, why]
const EXCEPTIONS = [];

export function checkSql(root, exceptions = EXCEPTIONS) {
  const files = filesBelow(root, 'src', ['.c', '.h', '.def']);
  const problems = [];
  for (const path of files) {
    for (const { line, text } of stringLiterals(readFileSync(join(root, path), 'utf8'))) {
      const statement = STATEMENTS.find((pattern) => pattern.test(text));
      if (!statement || exceptions.some(([file, allowed]) => file === path && text.includes(allowed))) continue;
      problems.push(`${path}:${line}: SQL in a string: "${text.slice(0, 60)}"; name it in sql/queries/`);
    }
  }
  return { files, problems };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { files, problems } = checkSql(process.argv[2] ?? '.');
  process.exit(report('check-sql', files.length, { problems }));
}
