// Holds real answers of the server against what its own documents (OpenAPI 3.1) say of them: status, media type, every field.
// The clients of server.js and kit.js do so with each answer; a field that is not described is a failure too.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { BINARY } from './server.js';

/** What the server answers to anything, before or beside a route: told once for all (`default`), not for each operation. */
const FRAMING = [408, 411, 414, 431, 500, 501, 505];
const JSON_TYPES = /^application\/([\w.-]+\+)?json$/;

let loaded = null;

function run(...args) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([k]) => !k.startsWith('GUICHET_')));
  const r = spawnSync(BINARY, ['routes', ...args], { env, encoding: 'utf8', maxBuffer: 64 << 20 });
  assert.equal(r.status, 0, `guichet routes ${args.join(' ')}: ${r.stderr}`);
  return JSON.parse(r.stdout);
}

/** Documents of clients stay open for more fields; here nothing may come that is not described. */
function close(value) {
  if (Array.isArray(value)) return value.map(close);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([k, v]) => [k, close(v)]));
  if (copy.type === 'object' && copy.properties && !Array.isArray(copy.properties)) copy.additionalProperties = false;
  return copy;
}

/** {documents: by name, operations: [{method, pattern, document, responses, …}], validate} */
export function load() {
  if (loaded) return loaded;
  const require = createRequire(import.meta.url);
  let Ajv, formats;
  try {
    Ajv = require('ajv/dist/2020.js').default;
    formats = require('ajv-formats').default;
  } catch (e) {
    throw new Error(`the packages that tests use are not there: run script/bootstrap --test (${e.message})`);
  }
  const ajv = new Ajv({ strict: false, allErrors: true });
  formats(ajv);
  const documents = {};
  const operations = [];
  for (const name of new Set(run('--json').map((r) => r.document))) {
    const document = (documents[name] = run('--openapi', name));
    ajv.addSchema({ components: close(document.components), paths: document.paths, webhooks: document.webhooks }, `https://guichet/${name}`);
    for (const [pattern, methods] of Object.entries(document.paths))
      for (const [method, operation] of Object.entries(methods)) {
        // {path} of pages is the only one that takes slashes.
        const regexp = new RegExp(`^${pattern.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{path\}/g, '.+').replace(/\{[^}]+\}/g, '[^/]+')}/?$`);
        operations.push({ name, document, pattern, method, operation, regexp, loose: (pattern.match(/\{/g) ?? []).length });
      }
  }
  operations.sort((a, b) => a.loose - b.loose || b.pattern.length - a.pattern.length);
  const compiled = new Map();
  const validate = (name, pointer, value, what) => {
    const ref = `https://guichet/${name}#${pointer}`;
    if (!compiled.has(ref)) compiled.set(ref, ajv.compile({ $ref: ref }));
    const check = compiled.get(ref);
    if (check(value)) return;
    assert.fail(`${what} is not as described (${name}${pointer}):\n${check.errors.map((e) => `  ${e.instancePath || '/'} ${e.message} ${JSON.stringify(e.params)}`).join('\n')}\n${JSON.stringify(value).slice(0, 2000)}`);
  };
  loaded = { documents, operations, validate };
  return loaded;
}

const step = (text) => encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));

export function findOperation(method, target) {
  const path = `/${target.replace(/^\/+/, '').replace(/[?#].*/s, '')}`;
  const wanted = method === 'HEAD' ? 'get' : method.toLowerCase();
  return load().operations.find((o) => o.method === wanted && o.regexp.test(path)) ?? null;
}

/** The answer, when it is as described; fails otherwise. What no document has is let pass: 404 and 405 are others' matter. */
export function checkAnswer(method, target, answer) {
  const found = findOperation(method, target);
  if (!found) return answer;
  const { name, pattern, operation } = found;
  const what = `${method} ${target.slice(0, 200)}: ${answer.status}`;
  const exact = operation.responses[answer.status];
  if (!exact && !(operation.responses.default && FRAMING.includes(answer.status))) assert.fail(`${what} is not described for ${pattern}; it said ${answer.text.slice(0, 500)}`);
  const key = exact ? String(answer.status) : 'default';
  const { content, headers } = operation.responses[key];
  for (const header of Object.keys(headers ?? {})) if (exact) assert.ok(answer.headers[header.toLowerCase()] !== undefined, `${what}: the header ${header} is described and not there`);
  if (!content) {
    assert.equal(answer.bytes.length, 0, `${what}: no body is described`);
    return answer;
  }
  const type = (answer.headers['content-type'] ?? '').split(';')[0].trim();
  const media = content[type] ? type : content['*/*'] && '*/*';
  assert.ok(media, `${what}: ${type} is not described, ${Object.keys(content).join(', ')} is`);
  if (media === '*/*' || !JSON_TYPES.test(type) || method === 'HEAD') return answer;
  load().validate(name, `/paths/${step(pattern)}/${found.method}/responses/${key}/content/${step(media)}/schema`, answer.json, what);
  return answer;
}

/** A value by one of the schemas of a document. */
export function checkValue(name, schema, value) {
  load().validate(name, `/components/schemas/${schema}`, value, schema);
}
