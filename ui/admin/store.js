// Which page of the consoles is shown, who is logged in, and the rows of families that others refer to.
import { signal } from '../shared/html.js';
import { all, get, call, deed } from '../shared/api.js';

export const BASE = '/administration';
export const me = signal(/** @type {any} */ (undefined));
/** {page, id}: id '' the list, 'new' a form for a new row, else a row. */
export const place = signal({ page: 'services', id: '' });

export const placeOf = (hash) => {
  const m = /^#\/([a-z-]+)(?:\/([0-9a-z]+))?$/.exec(hash);
  return m ? { page: m[1], id: m[2] ?? '' } : { page: 'services', id: '' };
};
export function go(page, id = '') {
  history.pushState(null, '', `#/${page}${id ? `/${id}` : ''}`);
  place.value = { page, id };
}

/** @type {import('../shared/html.js').Signal<Record<string, any[]>>} */
export const rows = signal({});
const asked = new Set();
export async function readRows(family) {
  const list = await all(`${BASE}/${family}`);
  rows.value = { ...rows.value, [family]: list };
  return list;
}
/** Rows of another family, for choosing from: read once. */
export function rowsOf(family) {
  if (!rows.value[family] && !asked.has(family)) { asked.add(family); readRows(family).catch(() => asked.delete(family)); }
  return rows.value[family] ?? [];
}
export const nameOfRow = (row) => row.displayName || row.name || row.label || [row.firstName, row.lastName].filter(Boolean).join(' ') || row.login || row.shortcut || `#${row.id}`;

export async function readMe() {
  try {
    const r = await get('/agent/me', { quiet: true });
    me.value = r.agent ?? r;
  } catch (e) {
    if (e?.status === 401) me.value = null;
    else throw e;
  }
}
export async function logIn(c) {
  await call('POST', '/agent/login', { json: c, quiet: true });
  await readMe();
}
export async function logOut() {
  try { await deed('POST', '/agent/logout', {}); } catch { /* the session ends by itself */ }
  rows.value = {};
  asked.clear();
  me.value = null;
}
