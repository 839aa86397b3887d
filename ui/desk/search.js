// Search in conversations: asks the server while one types, the last question wins. Where the server cannot search, in what the lists hold.
import { signal, effect } from '../shared/html.js';
import { get, newKey } from '../shared/api.js';
import { interactions } from './store.js';

export const query = signal('');
export const search = signal({ state: /** @type {'idle'|'searching'|'done'|'failed'} */ ('idle'), items: /** @type {any[]} */ ([]) });

/** @type {Promise<boolean>|null} */
let able = null;
/** A server that does not know the parameter answers a word that nobody wrote with everything. */
const canSearch = () => (able ??= get(`/interaction/interactions?keyword=${newKey()}&limit=1`).then((r) => r.items.length === 0).catch(() => { able = null; return false; }));

function here(words) {
  const text = (i) => [i.customer.name, i.customer.externalId, i.service?.name, i.connector?.name].join(' ').toLowerCase();
  return [...interactions.peek().values()].filter((i) => text(i).includes(words.toLowerCase()));
}

let number = 0;
let timer = 0;
effect(() => {
  const words = query.value.trim();
  clearTimeout(timer);
  const mine = ++number;
  if (!words) { search.value = { state: 'idle', items: [] }; return; }
  search.value = { state: 'searching', items: search.peek().items };
  timer = setTimeout(async () => {
    try {
      const items = (await canSearch()) ? (await get(`/interaction/interactions?keyword=${encodeURIComponent(words)}&limit=50`)).items : here(words);
      if (mine === number) search.value = { state: 'done', items };
    } catch {
      if (mine === number) search.value = { state: 'failed', items: [] };
    }
  }, 200);
});
