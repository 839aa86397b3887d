// Texts taken apart: addresses within a text, variables of canned replies, initials of a name. Pure.
import { safeLink } from './rich.js';

/** Texts and links in turn: [{text}, {text, href}, …]. Only http and https become links. */
export function linkParts(text) {
  const parts = [];
  let at = 0;
  for (const m of text.matchAll(/\bhttps?:\/\/[^\s<>"']+/gi)) {
    // What ends a sentence is not part of the address; a closing bracket is when one was opened.
    let url = m[0].replace(/[.,;:!?…»”’*_~]+$/, '');
    while (/[)\]]$/.test(url) && (url.match(/[([]/g) ?? []).length < (url.match(/[)\]]/g) ?? []).length) url = url.slice(0, -1);
    const href = safeLink(url);
    if (!href) continue;
    if (m.index > at) parts.push({ text: text.slice(at, m.index) });
    parts.push({ text: url, href });
    at = m.index + url.length;
  }
  if (at < text.length) parts.push({ text: text.slice(at) });
  return parts;
}

const VARIABLE = /\{\{\s*([\w.]+)\s*\}\}|\{([\w.]+)\}/;

/** "{customer.name}", also in double braces, by values; what has no value stays, so that the agent sees what to fill in. */
export function fillIn(text, values) {
  return text.replace(new RegExp(VARIABLE, 'g'), (whole, two, one) => (values[two ?? one] ? String(values[two ?? one]) : whole));
}
/** Where the first gap is: [from, to], or null. */
export function gapOf(text) {
  const m = VARIABLE.exec(text);
  return m ? [m.index, m.index + m[0].length] : null;
}

/** "/tha" before the caret, at the beginning or after white space: what is being looked for, and from where. */
export function shortcutAt(text, caret) {
  const m = /(^|\s)\/(\S*)$/.exec(text.slice(0, caret));
  return m ? { from: caret - m[2].length - 1, query: m[2].toLowerCase() } : null;
}

/** Canned replies that match, best first: by beginning of the shortcut, then anywhere in shortcut, title, text. */
export function findCanned(list, query, serviceId) {
  const rank = (c) => {
    const s = (c.shortcut ?? '').replace(/^\//, '').toLowerCase();
    if (s.startsWith(query)) return 0;
    if (s.includes(query) || (c.title ?? '').toLowerCase().includes(query)) return 1;
    return (c.text ?? '').toLowerCase().includes(query) ? 2 : 3;
  };
  return list.filter((c) => !c.serviceId || c.serviceId === serviceId).map((c) => [rank(c), c]).filter(([r]) => r < 3)
    .sort((a, b) => a[0] - b[0] || String(a[1].shortcut).localeCompare(String(b[1].shortcut))).map(([, c]) => c).slice(0, 30);
}

export function initialsOf(name) {
  const parts = name.replace(/^(m|mr|mrs|ms|mme|mlle|dr)\.?\s+/i, '').trim().split(/\s+/).filter((w) => /^[\p{L}\p{N}]/u.test(w));
  if (!parts.length) return '';
  const letters = [parts[0], ...(parts.length > 1 ? [parts.at(-1)] : [])].map((w) => [...w][0]);
  return letters.join('').toUpperCase();
}
