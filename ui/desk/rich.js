// What partners send besides text (locations, contacts, buttons, cards, anything) as blocks that a person can read. Pure; takes any JSON,
// believes nothing: only https and http addresses become links, nothing is loaded from elsewhere.

/** @typedef {{kind: 'location', lat: number, lon: number, address: string} | {kind: 'contact', name: string, number: string}
 *   | {kind: 'card', title: string, text: string, link: string, choices: string[]} | {kind: 'choices', title: string, choices: string[]}
 *   | {kind: 'text', text: string} | {kind: 'fields', rows: [string, string][]}} Block */

const DEPTH = 6;
const ROWS = 40;

export function safeLink(text) {
  try {
    const url = new URL(String(text));
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : '';
  } catch {
    return '';
  }
}

const isObject = (v) => v !== null && typeof v === 'object' && !Array.isArray(v);
const textOf = (v) => (typeof v === 'string' ? v : typeof v === 'number' || typeof v === 'boolean' ? String(v) : '');
const first = (o, ...keys) => { for (const k of keys) { const s = textOf(o[k]); if (s) return s; } return ''; };
const number = (v) => (v === '' || v === null || v === undefined ? NaN : Number(v));

/** Markup in a text is not shown as markup: its words are. */
function words(text) {
  if (!/<[a-z!/][^>]*>/i.test(text)) return text;
  return text.replace(/<(br|\/p|\/div|\/li|\/tr|\/h\d)\b[^>]*>/gi, '\n').replace(/<[^>]*>/g, '').replace(/\n{3,}/g, '\n\n').trim();
}

/** @param {any} rich @returns {Block[]} */
export function describe(rich) {
  if (rich === null || rich === undefined || rich === '') return [];
  /** @type {Block[]} */
  const blocks = [];
  visit(rich, blocks, 0);
  return blocks.slice(0, ROWS);
}

function visit(v, blocks, depth) {
  if (depth > DEPTH || blocks.length >= ROWS) return;
  if (typeof v === 'string') {
    const t = v.trim();
    if (/^[[{]/.test(t)) {
      try { visit(JSON.parse(t), blocks, depth + 1); return; } catch { /* a text that begins with a bracket */ }
    }
    if (t) blocks.push({ kind: 'text', text: words(t) });
    return;
  }
  if (Array.isArray(v)) {
    const choices = v.map(choiceOf);
    if (v.length && choices.every(Boolean)) blocks.push({ kind: 'choices', title: '', choices });
    else for (const item of v) visit(item, blocks, depth + 1);
    return;
  }
  if (!isObject(v)) {
    if (v !== null && v !== undefined) blocks.push({ kind: 'text', text: String(v) });
    return;
  }
  for (const rule of RULES) {
    const made = rule(v);
    if (made) { blocks.push(made); return; }
  }
  const list = ['items', 'elements', 'cards', 'slides', 'blocks', 'content', 'payload'].find((k) => Array.isArray(v[k]));
  if (list) {
    const title = first(v, 'title', 'text', 'message');
    if (title) blocks.push({ kind: 'text', text: words(title) });
    for (const item of v[list]) visit(item, blocks, depth + 1);
    return;
  }
  const rows = fieldsOf(v, '', [], 0);
  if (rows.length) blocks.push({ kind: 'fields', rows });
}

/** A button's or an option's label. */
function choiceOf(v) {
  if (!isObject(v)) return '';
  if ('latitude' in v || 'number' in v || Object.values(v).some((x) => x !== null && typeof x === 'object' && Array.isArray(x))) return '';
  const label = first(v, 'label', 'title', 'text', 'caption');
  return label && Object.keys(v).length <= 6 && !('subtitle' in v) && !('description' in v) ? label : '';
}

const RULES = [
  (v) => {
    const at = isObject(v.location) ? { ...v.location, ...v } : isObject(v.coordinates) ? { ...v.coordinates, ...v } : v;
    const lat = number(at.latitude ?? at.lat);
    const lon = number(at.longitude ?? at.lng ?? at.lon ?? at.long);
    if (!Number.isFinite(lat) || !Number.isFinite(lon) || Math.abs(lat) > 90 || Math.abs(lon) > 180) return null;
    return { kind: 'location', lat, lon, address: first(at, 'address', 'name', 'title') };
  },
  (v) => {
    const c = isObject(v.contact) ? v.contact : v;
    const phone = first(c, 'number', 'phone', 'phone_number', 'tel');
    if (!phone || (v.type !== 'contact' && !('contact' in v) && !c.name)) return null;
    return { kind: 'contact', name: first(c, 'name', 'display_name', 'full_name'), number: phone };
  },
  (v) => {
    const options = ['buttons', 'quick_replies', 'quickReplies', 'options', 'choices', 'actions', 'replies'].map((k) => v[k]).find(Array.isArray);
    const title = first(v, 'title', 'header', 'name');
    const text = first(v, 'text', 'subtitle', 'description', 'body', 'message', 'caption');
    const link = safeLink(first(v, 'url', 'link', 'href'));
    const choices = (options ?? []).map((o) => (isObject(o) ? first(o, 'label', 'title', 'text', 'caption', 'value', 'payload') : textOf(o))).filter(Boolean).slice(0, ROWS);
    if (!choices.length && !(title && (text || link))) return null;
    return title || link ? { kind: 'card', title: words(title), text: words(text), link, choices } : { kind: 'choices', title: words(text), choices };
  },
];

function fieldsOf(v, prefix, rows, depth) {
  if (depth > DEPTH) return rows;
  for (const [k, x] of Object.entries(v)) {
    if (rows.length >= ROWS) break;
    const name = prefix ? `${prefix} › ${k}` : k;
    if (x === null || x === '') continue;
    if (typeof x === 'object') fieldsOf(x, name, rows, depth + 1);
    else if (!(k === 'type' && !prefix)) rows.push([name, words(String(x))]);
  }
  return rows;
}
