// Which folder of src/ may include which, and which file alone may know a library: two tables, checked over every #include.
import { pathToFileURL } from 'node:url';
import { filesBelow, linesOf, report } from './source.js';

// A folder may always include itself; '' is src/ itself (main.c).
const EVERYTHING = ['base', 'conf', 'core', 'http', 'auth', 'store', 'jobs', 'api', 'cli'];
const LAYERS = {
  base: [],
  conf: ['base'],
  core: ['base'],
  http: ['base', 'conf'],
  auth: ['base', 'conf', 'core'],
  store: ['base', 'conf', 'core'],
  jobs: ['base', 'conf', 'core', 'store', 'auth'],
  api: ['base', 'conf', 'core', 'http', 'auth', 'store'],
  cli: EVERYTHING,
  '': EVERYTHING,
};

// [library's headers, the only files that may include them]
const LIBRARIES = [
  [/^microhttpd\.h$/, 'src/http/server.c'],
  [/^curl\//, 'src/jobs/outbound.c'],
  [/^sqlite3\.h$/, 'src/store/sqlite.c', 'src/store/sqlite_log.c'],
  [/^libpq-fe\.h$/, 'src/store/postgres.c'],
  [/^jansson\.h$/, 'src/base/json.c'],
  [/^(openssl\/|sodium\.h$)/, 'src/base/secret.c'],
  [/^jwt\.h$/, 'src/auth/access.c'],
  [/^ini\.h$/, 'src/conf/conf.c'],
  [/^magic\.h$/, 'src/base/filetype.c'],
  [/^glib\.h$/, 'src/base/zone.c'],
  [/^talloc\.h$/, 'src/base/mem.h'],
];

// Everywhere: C, POSIX and Linux, and uthash, which is macros without state.
const SYSTEM =
  /^((sys|net|netinet|arpa|linux)\/\w+|assert|ctype|dirent|dlfcn|errno|fcntl|getopt|grp|inttypes|limits|link|locale|malloc|math|netdb|poll|pthread|pwd|sched|signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|syslog|termios|time|unistd|wchar)\.h$|^(uthash|utlist|utarray|utstring|utringbuffer)\.h$/;

const folderOf = (path) => path.replace(/^src\//, '').split('/').slice(0, -1)[0] ?? '';

function checkOne(path, folder, name, rooted) {
  if (!rooted) {
    const owner = LIBRARIES.find(([headers]) => headers.test(name));
    if (owner) return owner.slice(1).includes(path) ? null : `<${name}> belongs to ${owner.slice(1).join(' and ')} alone`;
    return SYSTEM.test(name) ? null : `<${name}> is in no table of tools/check-layers.js`;
  }
  const parts = name.split('/');
  if (parts.length < 2 || parts.includes('..')) return `"${name}" is not rooted in src/`;
  if (!(parts[0] in LAYERS)) return `"${name}" is in no folder of src/`;
  if (parts[0] === folder || LAYERS[folder].includes(parts[0])) return null;
  return `${folder || 'src'} may not include "${name}"`;
}

export function checkLayers(root) {
  const files = filesBelow(root, 'src', ['.c', '.h', '.def']);
  const problems = [];
  for (const path of files) {
    const folder = folderOf(path);
    if (!(folder in LAYERS)) problems.push(`${path}:1: folder ${folder} is in no table of tools/check-layers.js`);
    const lines = linesOf(root, path);
    let first = null;
    lines.forEach((line, index) => {
      const include = /^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)/.exec(line);
      if (!include || !(folder in LAYERS)) return;
      first ??= include[1] ?? include[2];
      const problem = checkOne(path, folder, include[1] ?? include[2], include[1] !== undefined);
      if (problem) problems.push(`${path}:${index + 1}: ${problem}`);
    });
    if (path.endsWith('.h') && !lines.some((line) => line === '#pragma once'))
      problems.push(`${path}:1: no #pragma once`);
    const own = path.slice('src/'.length).replace(/\.c$/, '.h');
    if (path.endsWith('.c') && files.includes(`src/${own}`) && first !== own)
      problems.push(`${path}:1: its own header "${own}" is not the first include`);
  }
  return { files, problems };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { files, problems } = checkLayers(process.argv[2] ?? '.');
  process.exit(report('check-layers', files.length, { problems }));
}
