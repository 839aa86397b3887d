// OpenAPI documents as the page shows them. Pure: no page, no network.

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'options'];

/** What "#/components/schemas/X" stands for; any other schema is itself. */
export function resolve(document, schema) {
  const name = refName(schema);
  return name ? document.components.schemas[name] : schema;
}

/** The name of a schema that is a reference, or null. */
export const refName = (schema) => schema?.$ref?.split('/').at(-1) ?? null;

/** A document as {name, title, intro, groups: [{title, operations}], schemas…}. Webhooks are the last group. */
export function readDocument(name, document) {
  const groups = new Map();
  for (const [path, methods] of Object.entries(document.paths))
    for (const method of METHODS) {
      const o = methods[method];
      if (!o) continue;
      const group = o.tags[0];
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push({ ...o, id: o.operationId, method, path, webhook: false });
    }
  // Groups of one operation are no groups.
  const small = [...groups].filter(([, list]) => list.length === 1).flatMap(([, list]) => list);
  const rest = [...groups].filter(([, list]) => list.length > 1).map(([title, operations]) => ({ title, operations }));
  const all = small.length ? [{ title: rest.length ? 'other' : '', operations: small }] : [];
  const hooks = Object.entries(document.webhooks ?? {}).map(([id, { post }]) => ({ ...post, id: `webhook-${id}`, method: 'post', path: '', webhook: true, security: [], summary: sentence(post.description), tags: [] }));
  return {
    name, document, title: document.info.title, intro: document.info.description, server: document.servers[0].url,
    groups: [...rest, ...all, ...(hooks.length ? [{ title: 'sent to you', operations: hooks }] : [])],
  };
}

const sentence = (text) => text.split(/(?<=\.)\s/)[0].replace(/\.$/, '');

/** A schema's type in words: "text, 1 to 255", "list of Message", "queued or closed". */
export function typeWords(schema) {
  const name = refName(schema);
  if (name) return name;
  if (schema.anyOf) return schema.anyOf.map(typeWords).join(' or ');
  if ('const' in schema) return `always ${JSON.stringify(schema.const)}`;
  if (schema.enum) return schema.enum.length > 12 ? `one of ${schema.enum.length} words` : schema.enum.join(' | ');
  if (schema.type === 'array') return `list of ${typeWords(schema.items)}${bounds(schema.minItems, schema.maxItems)}`;
  if (schema.type === 'object' && schema.additionalProperties) return `object of ${typeWords(schema.additionalProperties)}`;
  const formats = { 'date-time': 'time', date: 'date', uuid: 'UUID', uri: 'address' };
  const words = schema.contentEncoding ?? (schema.contentMediaType ? 'bytes' : null) ?? formats[schema.format] ?? (schema.pattern ? 'id (24 hex digits)' : null) ?? (schema.type === 'string' ? 'text' : schema.type) ?? 'anything';
  return words + bounds(schema.minLength ?? schema.minimum, schema.maxLength ?? schema.maximum);
}

function bounds(min, max) {
  if (min === undefined && max === undefined) return '';
  if (min === max) return `, ${min}`;
  if (max === undefined) return min === 0 ? '' : `, from ${min}`;
  return min === undefined || min === 0 ? `, up to ${max}` : `, ${min} to ${max}`;
}

/** The schemas with fields that a schema is made of, e.g. of "[A or B]?" both A and B. */
export function parts(schema) {
  if (!schema) return [];
  const name = refName(schema);
  if (name) return [name];
  return [...(schema.anyOf ?? []), ...(schema.items ? [schema.items] : [])].flatMap(parts);
}

/** A value that the schema takes: examples where there are some, else the simplest. Optional fields only when they have an example. */
export function sample(document, schema, depth = 0) {
  if (schema.examples?.length) return schema.examples[0];
  const own = resolve(document, schema);
  if (own !== schema) return sample(document, own, depth);
  if ('const' in own) return own.const;
  if (own.enum) return own.enum[0];
  if (own.anyOf) return sample(document, own.anyOf[0], depth);
  if (own.type === 'array') return depth > 6 ? [] : [sample(document, own.items, depth + 1)];
  if (own.type === 'object' || own.properties) {
    const value = {};
    for (const [key, field] of Object.entries(own.properties ?? {})) {
      if (own.required?.includes(key) || field.examples) value[key] = sample(document, field, depth + 1);
    }
    return value;
  }
  const simplest = { string: 'text', integer: Math.max(1, own.minimum ?? 1), number: 1, boolean: true, null: null };
  return simplest[own.type] ?? null;
}

export const bodyTypes = (operation) => Object.keys(operation.requestBody?.content ?? {});
export const bodySchema = (operation, type) => operation.requestBody?.content[type]?.schema;
export const isForm = (type) => type === 'application/x-www-form-urlencoded' || type === 'multipart/form-data';
export const isJson = (type) => type === 'application/json';

/** What stands in the body of a first try. */
export function firstBody(document, operation, type) {
  const schema = bodySchema(operation, type);
  if (!schema || (!isJson(type) && !isForm(type))) return '';
  return JSON.stringify(sample(document, schema), null, 2);
}

/** Headers that an operation needs for who is asking: {name, value} with the token given or a word in its place. */
export function credential(document, operation, token) {
  const scheme = operation.security.flatMap(Object.keys).map((k) => document.components.securitySchemes[k]).find((s) => s.in !== 'cookie');
  if (!scheme) return null;
  return scheme.type === 'apiKey' ? { name: scheme.name, value: token || 'TOKEN' } : { name: 'Authorization', value: `Bearer ${token || 'TOKEN'}` };
}

/** The address with parameters filled in. */
export function address(operation, values) {
  let path = operation.path;
  const query = new URLSearchParams();
  for (const p of operation.parameters) {
    const value = values[`${p.in}:${p.name}`] ?? '';
    if (p.in === 'path') path = path.replace(`{${p.name}}`, p.name === 'path' ? encodeURI(value) : encodeURIComponent(value));
    if (p.in === 'query' && value !== '') query.append(p.name, value);
  }
  return path + (query.size ? `?${query}` : '');
}

const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * A call as a line for the shell.
 * @param {{values?: Record<string, string>, token?: string, type?: string, body?: string}} [given]
 */
export function curl(server, document, operation, given = {}) {
  const { values = {}, token = '', type = bodyTypes(operation)[0], body } = given;
  const filled = { ...values };
  for (const p of operation.parameters) if (p.required) filled[`${p.in}:${p.name}`] ||= String(p.example ?? p.name);
  const lines = [`curl ${operation.method === 'get' ? '' : `-X ${operation.method.toUpperCase()} `}${quote(server + address(operation, filled))}`];
  const auth = credential(document, operation, token);
  if (auth) lines.push(`-H ${quote(`${auth.name}: ${auth.value}`)}`);
  for (const p of operation.parameters) if (p.in === 'header' && filled[`header:${p.name}`]) lines.push(`-H ${quote(`${p.name}: ${filled[`header:${p.name}`]}`)}`);
  if (type && isForm(type)) {
    const flag = type === 'multipart/form-data' ? '-F' : '--data-urlencode';
    let fields = {};
    try { fields = JSON.parse(body ?? firstBody(document, operation, type)); } catch { /* as it is being written */ }
    for (const [key, value] of Object.entries(fields)) lines.push(`${flag} ${quote(`${key}=${value}`)}`);
  } else if (type && isJson(type) && (operation.requestBody.required || body)) {
    lines.push(`-H ${quote(`Content-Type: ${type}`)}`, `-d ${quote(body ?? firstBody(document, operation, type))}`);
  } else if (type && !isJson(type)) {
    lines.push(`-H ${quote('Content-Type: image/png')}`, `--data-binary ${quote('@photo.png')}`);
  }
  return lines.join(' \\\n  ');
}

const headText = (o) => `${o.method} ${o.path} ${o.summary} ${o.id}`.toLowerCase();
const restText = (o) => `${o.description} ${o.parameters.map((p) => p.name).join(' ')}`.toLowerCase();

/** Operations in which every word of the text occurs: first those that have all in address or name; else in the order of the documents. */
export function search(models, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = models.flatMap((model) => model.groups.flatMap((g) => g.operations).map((operation) => {
    const head = headText(operation);
    const all = `${head} ${restText(operation)}`;
    return { model, operation, rank: words.every((w) => head.includes(w)) ? 0 : words.every((w) => all.includes(w)) ? 1 : 2 };
  }));
  return found.filter((x) => x.rank < 2).sort((a, b) => a.rank - b.rank);
}

/** Statuses in order, each {status, text, type, schema, codes}. */
export function answers(operation) {
  return Object.entries(operation.responses).map(([status, r]) => {
    const [type, media] = Object.entries(r.content ?? {})[0] ?? [null, null];
    const field = media?.schema?.properties;
    return { status, text: r.description, type, schema: media?.schema ?? null, codes: field ? Object.values(field)[0].enum : [] };
  }).sort((a, b) => (a.status < b.status ? -1 : 1));
}
