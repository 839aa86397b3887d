// The keyboard. Single keys work outside of texts and can be turned off in the settings; those with Alt work everywhere.
import { singleKeys } from '../shared/prefs.js';
import { mine, queue, offers, selected, selectedId, owns, services } from './store.js';
import { select, accept, decline } from './actions.js';
import { setDraft } from './drafts.js';
import { query } from './search.js';

/** The help sheet: what the keys below do. */
export const KEYS = [
  { name: 'anywhere', keys: [
    { show: ['?'], text: 'help' }, { show: ['/'], text: 'search' }, { show: ['j', 'k'], text: 'move' }, { show: ['Alt', '↓', '↑'], text: 'move.text' },
    { show: ['m'], text: 'mine' }, { show: ['w'], text: 'queue' }, { show: ['i'], text: 'card' }, { show: ['Esc'], text: 'escape' }] },
  { name: 'offer', keys: [{ show: ['a'], text: 'accept' }, { show: ['d'], text: 'decline' }, { show: ['Alt', '⇧', 'A'], text: 'accept.text' }, { show: ['Alt', '⇧', 'D'], text: 'decline.text' }] },
  { name: 'talk', keys: [{ show: ['r'], text: 'reply' }, { show: ['n'], text: 'note' }, { show: ['t'], text: 'transfer' }, { show: ['e'], text: 'close' }] },
  { name: 'writing', keys: [{ show: ['Enter'], text: 'send' }, { show: ['⇧', 'Enter'], text: 'line' }, { show: ['/'], text: 'canned' }, { show: ['Esc'], text: 'leave' }] },
];

const isText = (el) => el instanceof HTMLTextAreaElement || el instanceof HTMLSelectElement || (el instanceof HTMLInputElement && !['checkbox', 'radio', 'button'].includes(el.type)) || el?.isContentEditable;
const focus = (what) => /** @type {HTMLElement|null} */ (document.querySelector(what))?.focus();

/** The list as it is shown, and the one `step` further. */
function move(step, tab) {
  const list = [...document.querySelectorAll('[data-entry]')].map((x) => /** @type {HTMLElement} */ (x).dataset.entry ?? '');
  const ids = list.length ? list : (tab === 'queue' ? queue : mine).value.map((i) => i.id);
  if (!ids.length) return;
  const at = ids.indexOf(selectedId.value);
  const next = ids[at < 0 ? (step > 0 ? 0 : ids.length - 1) : Math.min(ids.length - 1, Math.max(0, at + step))];
  select(next);
  document.querySelector(`[data-entry="${next}"]`)?.scrollIntoView({ block: 'nearest' });
}

/** @param {{dialog: any, cardShown: any, cardIsDrawer: any, showCard: (on: boolean) => void, tab: any}} views what keys change */
export function startKeys({ dialog, cardShown, cardIsDrawer, showCard, tab }) {
  const write = (mode) => {
    const i = selected.value;
    if (!i || !owns(i) || i.state !== 'active') return;
    setDraft(i.id, { mode });
    focus('[data-composer]'); // at once: the next key is part of the text
  };
  const first = () => offers.value[0]?.id;
  const take = () => { const id = first() ?? (selected.value?.state === 'queued' ? selectedId.value : ''); if (id) accept(id); };
  const open = (kind) => { const i = selected.value; if (i && owns(i) && i.state === 'active') dialog.value = { kind, id: i.id }; };
  const single = {
    '?': () => { dialog.value = { kind: 'help' }; }, '/': () => focus('[data-search]'),
    j: () => move(1, tab.value), k: () => move(-1, tab.value),
    m: () => { tab.value = 'mine'; query.value = ''; }, w: () => { tab.value = 'queue'; query.value = ''; },
    i: () => showCard(!cardShown.value),
    a: take, d: () => { const id = first(); if (id) decline(id); },
    r: () => write('message'), n: () => write('note'), e: () => open('close'), t: () => { if (services.value) open('transfer'); },
    Escape: () => { if (cardShown.value && cardIsDrawer.value) showCard(false); else if (matchMedia('(max-width: 759px)').matches) select(''); },
  };
  document.addEventListener('keydown', (e) => {
    if (e.defaultPrevented || e.isComposing || e.ctrlKey || e.metaKey || dialog.value) return;
    if (e.altKey) {
      const deed = { ArrowDown: () => move(1, tab.value), ArrowUp: () => move(-1, tab.value) }[e.key]
        ?? (e.shiftKey ? { KeyA: take, KeyD: () => { const id = first(); if (id) decline(id); } }[e.code] : undefined);
      if (deed) { e.preventDefault(); deed(); }
      return;
    }
    if (isText(e.target) || !(singleKeys.value || e.key === 'Escape')) return;
    const deed = single[e.key];
    if (!deed || (e.key === 'Escape' && /** @type {Element} */ (e.target)?.closest?.('.menu'))) return;
    e.preventDefault();
    deed();
  });
}
