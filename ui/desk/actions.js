// What an agent does. Each answers true when it was done; a failure is told in a toast, in the server's words.
import { signal, batch } from '../shared/html.js';
import { deed, call, get, ApiError } from '../shared/api.js';
import { toast } from '../shared/toasts.js';
import { wordsOf } from '../shared/words.js';
import { t } from '../shared/i18n.js';
import { announce } from './notify.js';
import { me, myState, states, interactions, selectedId, takeInteraction, readInteraction, readLists, readMe, startLive, stopLive, readSetup, listsReady } from './store.js';
import { openOutbox } from './outbox.js';
import { talkOf } from './talks.js';

/** Which interactions have a deed under way: their buttons wait. */
export const doing = signal(/** @type {Set<string>} */ (new Set()));
async function act(id, work) {
  if (doing.value.has(id)) return false;
  doing.value = new Set([...doing.value, id]);
  try {
    await work();
    return true;
  } catch (e) {
    if (!(e instanceof ApiError && e.status === 401)) toast(wordsOf(e), 'bad');
    await readInteraction(id);
    return false;
  } finally {
    doing.value = new Set([...doing.value].filter((x) => x !== id));
  }
}

async function move(id, action, json, o) {
  const i = await deed('POST', `/interaction/interactions/${id}/${action}`, json, o);
  if (i?.id === id) takeInteraction(i);
  else await readInteraction(id);
}

// ---- selection: the address names it, so that back and reload work ----

const addressOf = (id) => (id ? `#/${id}` : '#/');
export function select(id) {
  if (id === selectedId.value) return;
  history.pushState(null, '', addressOf(id));
  show(id);
}
export function show(id) {
  selectedId.value = id;
  if (!id) return;
  talkOf(id).load();
  readInteraction(id);
}
export const idOfAddress = () => /^#\/([0-9a-f]{24})$/.exec(location.hash)?.[1] ?? '';

// ---- session ----

export async function begin() {
  const who = me.value;
  if (!who) return;
  openOutbox(who.id);
  readSetup();
  startLive();
  show(idOfAddress());
}

/** @param {{login: string, password: string, instance?: string}} c */
export async function logIn(c) {
  await call('POST', '/agent/login', { json: c, quiet: true });
  await readMe();
  await begin();
}

export async function logOut() {
  try { await deed('POST', '/agent/logout', {}); } catch { /* the session ends by itself */ }
  stopLive();
  batch(() => { me.value = null; interactions.value = new Map(); selectedId.value = ''; listsReady.value = false; });
  history.replaceState(null, '', '#/');
}

/** @param {any} state @param {string} [reason] */
export async function chooseState(state, reason = '') {
  try {
    const r = await deed('PUT', '/agent/me/state', reason ? { stateId: state.id, reason } : { stateId: state.id });
    myState.value = r?.state ?? r ?? { ...state, since: new Date().toISOString(), reason };
    announce(t('state.now', { label: state.label }));
    readLists();
  } catch (e) {
    toast(wordsOf(e), 'bad');
  }
}
export const hasStates = () => Boolean(states.value?.length);

// ---- interactions ----

export const accept = (id) => act(id, async () => { await move(id, 'accept', {}); select(id); announce(t('deed.accepted')); });
export const decline = (id) => act(id, () => move(id, 'decline', {}));
export const close = (id, json = {}) => act(id, () => move(id, 'close', json));
export const finishWrapup = (id) => act(id, () => move(id, 'wrapup', {}));
export const transfer = (id, json) => act(id, async () => { await move(id, 'transfer', json); toast(t('transfer.done')); if (selectedId.value === id) select(''); });
export const qualify = (id, json) => act(id, async () => {
  const i = await get(`/interaction/interactions/${id}`, { withHeaders: true });
  const headers = i.headers.get('ETag') ? { 'If-Match': i.headers.get('ETag') } : {};
  const r = await deed('PUT', `/interaction/interactions/${id}/qualification`, json, { headers });
  if (r?.id === id) takeInteraction(r);
  else await readInteraction(id);
});
