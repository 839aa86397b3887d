// Texts of the pages, from message files: t(key, {n: 3}). A key may have plural forms: 'list.waiting.one', '.other'.
// Dates, times and numbers are written as the language writes them.
import { signal } from './html.js';

export const LANGUAGES = ['en', 'fr'];

/** @type {Map<string, Record<string, string>>} */
const files = new Map();
export const language = signal('en');
/** @type {import('./html.js').Signal<Record<string, string>>} */
const messages = signal({});

/** The best of our languages for this person: chosen before, else as the browser asks. */
export function preferredLanguage(chosen = '') {
  const wanted = [chosen, ...navigator.languages].map((l) => l.slice(0, 2).toLowerCase());
  return wanted.find((l) => LANGUAGES.includes(l)) ?? 'en';
}

let base = '';
/** Loads a language of a page and shows it. from: where the page's message files are; given once. */
export async function useLanguage(lang, from = base) {
  base = from;
  if (!files.has(lang)) {
    const r = await fetch(`${base}/${lang}.json`);
    if (!r.ok) throw new Error(`${base}/${lang}.json: ${r.status}`);
    files.set(lang, await r.json());
  }
  language.value = lang;
  messages.value = files.get(lang) ?? {};
  document.documentElement.lang = lang;
}

const plurals = new Map();
function plural(n) {
  if (!plurals.has(language.value)) plurals.set(language.value, new Intl.PluralRules(language.value));
  return plurals.get(language.value).select(n);
}

/** Is there a text of this key? For words that the server may add to. */
export const has = (key) => key in messages.value;

/** @param {string} key @param {Record<string, any>} [values] */
export function t(key, values) {
  const all = messages.value;
  let text = all[key];
  if (text === undefined && typeof values?.n === 'number') text = all[`${key}.${plural(values.n)}`] ?? all[`${key}.other`];
  if (text === undefined) return key;
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole)) : text;
}

/** The country's way of writing where the browser tells one of this language: 14:30 in Britain, 2:30 PM in America. */
const locale = () => navigator.languages.find((l) => l.toLowerCase().startsWith(language.value)) ?? language.value;

const formats = new Map();
function format(name, options) {
  const key = `${language.value} ${name}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale(), options));
  return formats.get(key);
}
export const timeOf = (when) => format('time', { hour: '2-digit', minute: '2-digit' }).format(new Date(when));
export const dayOf = (when) => format('day', { weekday: 'long', day: 'numeric', month: 'long' }).format(new Date(when));
/** Today as its time, else its date: for lists. */
export const whenOf = (when) => (new Date(when).toDateString() === new Date().toDateString() ? timeOf(when) : dateOf(when));
export const dateOf = (when) => format('date', { day: 'numeric', month: 'short', year: 'numeric' }).format(new Date(when));
export const momentOf = (when) => format('moment', { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(when));

/** Milliseconds as the two largest units that matter: now, 12 min, 3 h 20. */
export function spanOf(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return t('span.now');
  if (s < 3600) return t('span.minutes', { n: Math.floor(s / 60) });
  if (s < 86400) return t('span.hours', { n: Math.floor(s / 3600), m: String(Math.floor((s % 3600) / 60)).padStart(2, '0') });
  return t('span.days', { n: Math.floor(s / 86400) });
}
/** 1:05, for countdowns. */
export const clockOf = (ms) => {
  const s = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
};
export function sizeOf(bytes) {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];
  let i = 0;
  let n = bytes;
  while (n >= 1000 && i < units.length - 1) { n /= 1000; i++; }
  return new Intl.NumberFormat(language.value, { style: 'unit', unit: units[i], unitDisplay: i ? 'short' : 'long', maximumFractionDigits: n < 10 && i ? 1 : 0 }).format(n);
}
