// What the checks share: finding our C files, reading a C file as code without comments, and telling the result.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Files below root/folder whose name ends with one of `endings`, as paths relative to root, sorted. */
export function filesBelow(root, folder, endings) {
  const found = [];
  const walk = (dir) => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (endings.some((ending) => entry.name.endsWith(ending))) found.push(relative(root, path));
    }
  };
  walk(join(root, folder));
  return found.sort();
}

/** The lines of a file, without the empty one behind the last newline. */
export function linesOf(root, path) {
  const lines = readFileSync(join(root, path), 'utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

const TOKEN = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;

/** The text with comments and the inside of literals blanked out; line breaks stay, so line numbers do too. */
export function codeOnly(text) {
  return text.replace(TOKEN, (token) => {
    const blank = token.replace(/[^\n]/g, ' ');
    return token[0] === '/' ? blank : token[0] + blank.slice(2) + token[0];
  });
}

/** String literals as [{line, text}], escaped white space as blanks; neighbours with only white space between them are one. */
export function stringLiterals(text) {
  const literals = [];
  let end = -1;
  for (const match of text.matchAll(TOKEN)) {
    if (match[0][0] !== '"') continue;
    const inside = match[0].slice(1, -1).replace(/\\[nrt]/g, ' ');
    const between = end >= 0 ? text.slice(end, match.index) : 'x';
    if (between.trim() === '') literals.at(-1).text += inside;
    else literals.push({ line: text.slice(0, match.index).split('\n').length, text: inside });
    end = match.index + match[0].length;
  }
  return literals;
}

/** Prints problems and notes; a checker's exit code. problems and notes: ["path:line: sentence"]. */
export function report(name, fileCount, { problems, notes = [] }) {
  for (const note of notes) console.log(`note: ${note}`);
  for (const problem of problems) console.log(problem);
  if (!fileCount) problems.push(`${name}: no files found, so nothing was checked`);
  console.log(`${name}: ${fileCount} files, ${problems.length} problems, ${notes.length} notes`);
  return problems.length ? 1 : 0;
}
