// What the desk knows: who we are, the conversations of interest, what is selected. Views read signals; only this file and actions.js change
// them. The server is always right: an event about an interaction makes us read that interaction anew rather than guess.
import { signal, computed, batch } from '../shared/html.js';
import { get, all, optional, ApiError, sessionEnded } from '../shared/api.js';
import { liveStream } from '../shared/live.js';
import { talkOf, openTalks, dropTalk } from './talks.js';

/**
 * @typedef {{id: number, name: string}} Named
 * @typedef {{id: string, state: string, service: Named|null, connector: Named|null, customer: {id: string, externalId: string, name: string},
 *   agent: Named|null, previousId: string|null, openedAt: string, stateAt: string, closedAt: string|null, closeReason: string, version: number,
 *   priority?: number, queuedAt?: string|null, offer?: {agent: Named, until: string}|null, wrapupUntil?: string|null, label?: string,
 *   qualification?: {id: number, label: string, category: string, comment: string}|null, lastAgent?: Named|null,
 *   waitedSeconds?: number, position?: number}} Interaction
 * @typedef {{id: number, label: string, kind: string, color?: string, position?: number, since?: string, reason?: string}} State
 * @typedef {{id: number, login: string, displayName: string, profile: string, state?: State|null, states?: State[], services?: any[]}} Me
 */

/** undefined: not known yet; null: nobody is logged in. */
export const me = signal(/** @type {Me|null|undefined} */ (undefined));
export const interactions = signal(/** @type {Map<string, Interaction>} */ (new Map()));
export const selectedId = signal('');
export const listsReady = signal(false);
export const listsFailed = signal(false);
/** null where the server has none. */
export const states = signal(/** @type {State[]|null} */ (null));
export const myState = signal(/** @type {State|null} */ (null));
export const cannedReplies = signal(/** @type {any[]|null} */ (null));
export const qualifications = signal(/** @type {any[]|null} */ (null));
export const services = signal(/** @type {any[]|null} */ (null));
/** The minute, the second: for waits and countdowns. */
export const second = signal(Date.now());
export const minute = computed(() => Math.floor(second.value / 20_000));

const OPEN = ['queued', 'offered', 'active', 'wrapup', 'scheduled'];
const isMine = (i) => me.value && i.agent?.id === me.value.id && (i.state === 'active' || i.state === 'wrapup');
const toMe = (i) => i.state === 'offered' && me.value && (i.offer?.agent?.id ?? i.agent?.id) === me.value.id;
const byAge = (a, b) => (a.queuedAt ?? a.openedAt).localeCompare(b.queuedAt ?? b.openedAt) || a.id.localeCompare(b.id);

export const mine = computed(() => [...interactions.value.values()].filter(isMine)
  .sort((a, b) => (a.state === 'wrapup' ? 1 : 0) - (b.state === 'wrapup' ? 1 : 0) || a.openedAt.localeCompare(b.openedAt) || a.id.localeCompare(b.id)));
export const queue = computed(() => [...interactions.value.values()].filter((i) => i.state === 'queued')
  .sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0) || byAge(a, b)));
export const offers = computed(() => [...interactions.value.values()].filter(toMe).sort(byAge));
export const selected = computed(() => interactions.value.get(selectedId.value) ?? null);
export const owns = (i) => Boolean(i && isMine(i));
export const isOpen = (i) => OPEN.includes(i.state);

function put(list) {
  const next = new Map(interactions.value);
  for (const i of list) {
    const known = next.get(i.id);
    if (!known || known.version <= i.version) next.set(i.id, { ...i });
  }
  interactions.value = next;
}

/** An interaction as an answer of the server showed it. */
export const takeInteraction = (i) => put([i]);

function forget(id) {
  if (!interactions.value.has(id)) return;
  const next = new Map(interactions.value);
  next.delete(id);
  interactions.value = next;
  if (id !== selectedId.value) dropTalk(id);
}

// ---- reading ----

const reading = new Map(); // id → promise; a second wish while one runs makes one more run
export function readInteraction(id) {
  const running = reading.get(id);
  if (running) { running.again = true; return running.promise; }
  const entry = { again: false, promise: /** @type {Promise<void>|null} */ (null) };
  entry.promise = (async () => {
    try {
      do {
        entry.again = false;
        const i = await get(`/interaction/interactions/${id}`);
        const wanted = isMine(i) || toMe(i) || (i.state === 'queued' && inMyServices(i)) || id === selectedId.value;
        if (wanted) put([i]);
        else forget(id);
        if (isMine(i)) talkOf(id).load();
      } while (entry.again);
    } catch (e) {
      if (e instanceof ApiError && (e.status === 404 || e.status === 403)) forget(id);
    } finally {
      reading.delete(id);
    }
  })();
  reading.set(id, entry);
  return entry.promise;
}

/** Where nobody has told us our services, everything is ours to see. */
function inMyServices(i) {
  const own = me.value?.services;
  return !own?.length || own.some((s) => s.id === i.service?.id);
}

async function readQueue() {
  const own = await optional('/agent/me/queue');
  // Who serves nothing in particular may help everywhere.
  return own && (own.items.length || me.value?.services?.length) ? own.items : all('/interaction/interactions?state=queued', { most: 1000 });
}

/** Everything that the lists show. After this, events keep it true. */
export async function readLists() {
  const id = me.value?.id;
  if (!id) return;
  try {
    const [own, waiting, offered] = await Promise.all([
      all(`/interaction/interactions?agent=${id}`), readQueue(), all('/interaction/interactions?state=offered', { most: 400 })]);
    const seen = new Map([...waiting, ...own, ...offered.filter(toMe)].map((i) => [i.id, i]));
    batch(() => {
      const gone = [...interactions.value.keys()].filter((k) => !seen.has(k));
      put([...seen.values()]);
      for (const k of gone) {
        if (k === selectedId.value) readInteraction(k);
        else forget(k);
      }
      listsReady.value = true;
      listsFailed.value = false;
    });
    for (const i of mine.value) talkOf(i.id).load();
  } catch (e) {
    listsFailed.value = true;
    if (!(e instanceof ApiError)) setTimeout(() => { if (live.value?.state.value === 'live' && listsFailed.value) readLists(); }, 3000);
  }
}

/** Texts and choices of the setup; what this server does not have stays null. */
export async function readSetup() {
  const list = async (path) => { const r = await optional(path).catch(() => null); return r ? (r.items ?? r) : null; };
  const [c, q, s, st] = await Promise.all([list('/agent/canned-replies'), list('/agent/qualifications'), list('/agent/services'), list('/agent/states')]);
  batch(() => {
    cannedReplies.value = c;
    qualifications.value = q;
    services.value = s;
    states.value = (me.value?.states ?? st)?.filter((x) => x.enabled !== false).sort((a, b) => (a.position ?? 0) - (b.position ?? 0)) ?? null;
  });
}

export async function readMe() {
  try {
    const r = await get('/agent/me', { quiet: true });
    const who = r.agent ?? r;
    const state = who.state ?? (await optional('/agent/me/state').catch(() => null));
    batch(() => { me.value = { ...who, states: who.states ?? r.states }; myState.value = state; });
  } catch (e) {
    if (e instanceof ApiError && e.status === 401) me.value = null;
    else throw e;
  }
}

/** Names of colleagues, read when the first one is needed. */
const agents = signal(/** @type {Map<number, string>|null} */ (null));
export function nameOfAgent(id) {
  if (agents.value === null) {
    agents.value = new Map();
    optional('/agent/agents?limit=200').then((r) => { if (r) agents.value = new Map((r.items ?? r).map((a) => [a.id, a.displayName ?? a.login])); }).catch(() => {});
  }
  return id === me.value?.id ? me.value?.displayName : agents.value?.get(id);
}

// ---- live ----

/** @type {import('../shared/html.js').Signal<ReturnType<typeof liveStream>|null>} */
export const live = signal(null);
/** Told of each event after it was taken: sounds, notifications. */
export const listeners = new Set();

function take(event) {
  const id = event.interactionId;
  if (event.kind === 'agent.state') {
    if ((event.data?.agentId ?? event.agent?.id) === me.value?.id) readMe().catch(() => {});
    return;
  }
  if (event.kind === 'setup.changed') { readSetup(); return; }
  if (!id) return;
  openTalks().get(id)?.take(event);
  // A conversation that we do not show matters only when its place changes.
  if (event.kind.startsWith('interaction.')) readInteraction(id);
  else if (event.kind === 'message.received' && !interactions.value.has(id)) readInteraction(id);
  for (const f of listeners) f(event);
}

export function startLive() {
  stopLive();
  live.value = liveStream({
    urls: ['/api/v3/agent/events', '/api/v3/interaction/events'],
    onEvent: take,
    // Also when resumed: two small calls, and whatever happened to the server meanwhile, the lists are right again.
    onUp: (resumed) => {
      readLists();
      for (const talk of openTalks().values()) talk.load({ anew: !resumed });
      for (const f of listeners) f({ kind: 'live.up', resumed });
    },
    onEnded: () => { sessionEnded.value++; },
  });
}
export function stopLive() {
  live.value?.stop();
  live.value = null;
}

setInterval(() => { second.value = Date.now(); }, 1000);
