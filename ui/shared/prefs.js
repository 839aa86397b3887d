// What a person has chosen in this browser, kept in localStorage; and small things kept there by name (drafts, what was read).
// Where storage is refused (private windows, full), everything works for as long as the page is open.
import { signal, effect } from './html.js';

const memory = new Map();

/** @param {string} key @param {any} otherwise */
export function recall(key, otherwise) {
  try {
    const text = localStorage.getItem(`guichet.${key}`);
    if (text !== null) return JSON.parse(text);
  } catch { /* refused, or not ours */ }
  return memory.has(key) ? memory.get(key) : otherwise;
}

/** undefined forgets it. */
export function keep(key, value) {
  if (value === undefined) memory.delete(key);
  else memory.set(key, value);
  try {
    if (value === undefined) localStorage.removeItem(`guichet.${key}`);
    else localStorage.setItem(`guichet.${key}`, JSON.stringify(value));
  } catch { /* refused: memory has it */ }
}

/** Names of what is kept that begin with the prefix. */
export function kept(prefix) {
  const names = new Set([...memory.keys()].filter((k) => k.startsWith(prefix)));
  try {
    for (let i = 0; i < localStorage.length; i++) {
      const k = localStorage.key(i);
      if (k?.startsWith(`guichet.${prefix}`)) names.add(k.slice(8));
    }
  } catch { /* refused */ }
  return [...names];
}

/** A chosen value as a signal that is kept. */
export function preference(key, otherwise) {
  const s = signal(recall(`prefs.${key}`, otherwise));
  let first = true;
  effect(() => {
    const value = s.value;
    if (!first) keep(`prefs.${key}`, value);
    first = false;
  });
  return s;
}

export const theme = preference('theme', 'system'); // system | light | dark
export const density = preference('density', 'comfortable'); // comfortable | compact
export const chosenLanguage = preference('language', '');
export const sound = preference('sound', true);
export const notifications = preference('notifications', false);
export const singleKeys = preference('keys', true);

effect(() => {
  const root = document.documentElement;
  if (theme.value === 'system') delete root.dataset.theme;
  else root.dataset.theme = theme.value;
  root.dataset.density = density.value;
});
