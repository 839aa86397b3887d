// The third-party modules that the pages use: copies of npm packages' files in ui/vendor, so that building needs no npm.
//   node tools/vendor-ui.js          copies them from node_modules (after npm ci)
//   node tools/vendor-ui.js --check  says what differs; exit code 1
// Changed in copying, and in nothing else: bare imports become relative ones, since a strict policy allows no import map; the
// line that names a source map is left out, since the map is not served; a first line tells the type checker to leave the file alone.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const packages = path.join(root, 'node_modules');
const vendor = path.join(root, 'ui/vendor');

const MODULES = {
  'preact.js': { package: 'preact', file: 'dist/preact.mjs', as: 'preact' },
  'preact-hooks.js': { package: 'preact', file: 'hooks/dist/hooks.mjs', as: 'preact/hooks' },
  'htm.js': { package: 'htm', file: 'dist/htm.mjs', as: 'htm' },
  'signals-core.js': { package: '@preact/signals-core', file: 'dist/signals-core.mjs', as: '@preact/signals-core' },
  'signals.js': { package: '@preact/signals', file: 'dist/signals.mjs', as: '@preact/signals' },
};

const relative = new Map(Object.entries(MODULES).map(([name, m]) => [m.as, `./${name}`]));

/** The text of one module as it must stand in ui/vendor. */
function adapted(text, name) {
  return `// @ts-nocheck\n${text}`
    .replace(/\b(from|import)\s*(["'])([^"'./][^"']*)\2/g, (_, word, quote, bare) => {
      if (!relative.has(bare)) throw new Error(`${name} imports ${bare}, which is not in ui/vendor`);
      return `${word}${quote}${relative.get(bare)}${quote}`;
    })
    .replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n');
}

/** What ui/vendor must hold: name → text. */
export function expected() {
  const files = new Map();
  let list = 'Copies of files of npm packages, made by tools/vendor-ui.js. Their licences follow.\n\n';
  const licences = new Map();
  for (const [name, m] of Object.entries(MODULES)) {
    const folder = path.join(packages, m.package);
    const { version, license } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
    files.set(name, adapted(fs.readFileSync(path.join(folder, m.file), 'utf8'), name));
    list += `${name.padEnd(18)} ${m.package}@${version} ${m.file} (${license})\n`;
    const text = fs.readFileSync(path.join(folder, 'LICENSE'), 'utf8').trim();
    licences.set(text, [...new Set([...(licences.get(text) ?? []), m.package])]);
  }
  for (const [text, names] of licences) list += `\n${'-'.repeat(72)}\n${names.join(', ')}\n\n${text}\n`;
  files.set('LICENCES.txt', list);
  return files;
}

function main() {
  const check = process.argv.includes('--check');
  let bad = 0;
  if (!check) fs.mkdirSync(vendor, { recursive: true });
  const files = expected();
  for (const [name, text] of files) {
    const at = path.join(vendor, name);
    if (fs.existsSync(at) && fs.readFileSync(at, 'utf8') === text) continue;
    if (check) { console.log(`ui/vendor/${name} is not what the npm package holds`); bad++; } else fs.writeFileSync(at, text);
  }
  for (const name of fs.existsSync(vendor) ? fs.readdirSync(vendor) : []) {
    if (!files.has(name)) { console.log(`ui/vendor/${name}: nothing names it`); bad++; }
  }
  process.exitCode = bad ? 1 : 0;
}
if (process.argv[1] === fileURLToPath(import.meta.url)) main();
