// Calls of the v3 API. Every POST carries an Idempotency-Key, so that it may be repeated after a broken connection.
// A failure is one of: ApiError (the server said no, with words for people), Unreachable (nobody answered: try again).
import { signal } from './html.js';

/** Raised by one when the server no longer knows our session. */
export const sessionEnded = signal(0);

export class Unreachable extends Error {}

export class ApiError extends Error {
  /** @param {number} status @param {any} body @param {Headers} headers */
  constructor(status, body, headers) {
    const fields = Array.isArray(body?.errors) ? body.errors : [];
    const said = fields.map((e) => [String(e.pointer ?? '').replace(/^\//, '').replaceAll('/', ' '), e.problem].filter(Boolean).join(' ')).join('; ');
    super(said || body?.detail || body?.message || body?.title || `HTTP ${status}`);
    this.status = status;
    this.code = body?.code ?? '';
    /** @type {{pointer: string, problem: string}[]} */
    this.fields = fields;
    this.retryAfter = Number(headers.get('Retry-After')) || 0;
  }
  /** The same request may succeed later. */
  get passing() { return this.status === 503 || this.status === 502 || this.status === 504 || this.status === 429; }
}

/** A random name of 32 hex digits. crypto.randomUUID() exists over https only. */
export function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @param {string} method @param {string} path below /api/v3
 * @param {{json?: any, key?: string, headers?: Record<string, string>, signal?: AbortSignal, quiet?: boolean, withHeaders?: boolean}} [o]
 *   quiet: a 401 is the caller's matter
 * @returns {Promise<any>}
 */
export async function call(method, path, { json, key, headers = {}, signal: stop, quiet, withHeaders } = {}) {
  const h = { Accept: 'application/json', ...headers };
  if (json !== undefined) h['Content-Type'] = 'application/json';
  if (method === 'POST') h['Idempotency-Key'] = key ?? newKey();
  let r, text;
  try {
    r = await fetch(`/api/v3${path}`, { method, headers: h, body: json === undefined ? undefined : JSON.stringify(json), signal: stop, cache: 'no-store', credentials: 'same-origin' });
    text = await r.text();
  } catch (e) {
    if (stop?.aborted) throw e;
    throw new Unreachable(String(e));
  }
  let body = null;
  try { body = text ? JSON.parse(text) : null; } catch { /* not ours: a proxy's page */ }
  if (r.ok) return withHeaders ? { body, headers: r.headers } : body;
  const error = new ApiError(r.status, body, r.headers);
  if (r.status === 401 && !quiet) sessionEnded.value++;
  throw error;
}

export const get = (path, o) => call('GET', path, o);

/** A deed of a person: repeated for a few seconds where nobody answers, always with the same key. */
export async function deed(method, path, json, o = {}) {
  const key = newKey();
  for (let i = 0; ; i++) {
    try {
      return await call(method, path, { json, key, ...o });
    } catch (e) {
      const again = e instanceof Unreachable || (e instanceof ApiError && e.passing && e.status !== 429);
      if (!again || i >= 4) throw e;
      await pause(300 * 2 ** i);
    }
  }
}

/** Everything of a list that comes in pages. */
export async function all(path, { limit = 200, most = 5000 } = {}) {
  const items = [];
  let cursor = '';
  do {
    const page = await get(`${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    items.push(...page.items);
    cursor = page.next ?? '';
  } while (cursor && items.length < most);
  return items;
}

/** What this server does not have (yet): null instead of 404. */
export async function optional(path) {
  try {
    return await get(path, { quiet: true });
  } catch (e) {
    if (e instanceof ApiError && (e.status === 404 || e.status === 403 || e.status === 405)) return null;
    throw e;
  }
}

/**
 * Uploads a file with progress (fetch tells none). Resolves to {id, name, mimeType, foundType, size}.
 * @param {string} path @param {File} file @param {(part: number) => void} onProgress @param {string} key
 * @param {(stop: () => void) => void} [onStart]
 */
export function upload(path, file, onProgress, key, onStart) {
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest();
    x.open('POST', `/api/v3${path}`);
    x.setRequestHeader('Content-Type', file.type || 'application/octet-stream');
    x.setRequestHeader('Idempotency-Key', key);
    x.upload.onprogress = (e) => { if (e.lengthComputable) onProgress(e.loaded / e.total); };
    x.onerror = () => reject(new Unreachable('upload'));
    x.onabort = () => reject(new DOMException('stopped', 'AbortError'));
    x.onload = () => {
      let body = null;
      try { body = JSON.parse(x.responseText); } catch { /* a proxy's page */ }
      if (x.status >= 200 && x.status < 300) return resolve(body);
      if (x.status === 401) sessionEnded.value++;
      reject(new ApiError(x.status, body, new Headers()));
    };
    onStart?.(() => x.abort());
    x.send(file);
  });
}
