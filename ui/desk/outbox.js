// Answers on their way: written down in this browser before they are sent, sent in the order of writing per conversation, repeated with the
// same key until the server has them. What the server refuses stays visible with its reason, and goes back into the draft on request.
import { signal } from '../shared/html.js';
import { call, ApiError, newKey } from '../shared/api.js';
import { recall, keep } from '../shared/prefs.js';
import { talkOf } from './talks.js';

/** @typedef {{key: string, id: string, kind: 'message'|'note', text: string, files: {id: string, name: string, size: number}[], at: number, after: number,
 *   state: 'sending'|'waiting'|'refused'|'sent', error?: string, messageId?: string}} Pending */

export const outbox = signal(/** @type {Pending[]} */ ([]));
const busy = new Set(); // conversations that are being emptied
let owner = 0;

const change = (key, values) => {
  outbox.value = outbox.value.map((p) => (p.key === key ? { ...p, ...values } : p));
  keep(`outbox.${owner}`, outbox.value.filter((p) => p.state !== 'sent'));
};
const remove = (key) => {
  outbox.value = outbox.value.filter((p) => p.key !== key);
  keep(`outbox.${owner}`, outbox.value.length ? outbox.value : undefined);
};

/** What a former page of this person had not sent. */
export function openOutbox(agentId) {
  owner = agentId;
  outbox.value = recall(`outbox.${owner}`, []).map((p) => ({ ...p, state: p.state === 'refused' ? 'refused' : 'waiting' }));
  flushAll();
}

/** @param {string} id @param {'message'|'note'} kind @param {string} text @param {Pending['files']} [files] */
export function post(id, kind, text, files = []) {
  outbox.value = [...outbox.value, { key: newKey(), id, kind, text, files, at: Date.now(), after: talkOf(id).lastNumber, state: 'sending' }];
  keep(`outbox.${owner}`, outbox.value);
  flush(id);
}

export const retry = (p) => { change(p.key, { state: 'waiting', error: undefined, key: newKey() }); flush(p.id); };
export const discard = (p) => remove(p.key);

/** Everything that waits is tried now: the network is back. */
export function flushAll() {
  for (const id of new Set(outbox.value.map((p) => p.id))) flush(id);
}

async function flush(id) {
  if (busy.has(id)) return;
  busy.add(id);
  let wait = 1000;
  try {
    for (;;) {
      const p = outbox.value.find((x) => x.id === id && (x.state === 'sending' || x.state === 'waiting'));
      if (!p) return;
      if (p.state !== 'sending') change(p.key, { state: 'sending' });
      try {
        const sent = p.kind === 'note'
          ? await call('POST', `/interaction/interactions/${id}/notes`, { json: { content: p.text }, key: p.key })
          : await call('POST', `/interaction/interactions/${id}/messages`, { json: { text: p.text, attachments: p.files.map((f) => ({ id: f.id })) }, key: p.key });
        change(p.key, { state: 'sent', messageId: sent.id });
        settle(id);
        wait = 1000;
      } catch (e) {
        const refused = e instanceof ApiError && !e.passing;
        // Without a session nothing is refused: it waits for the next login.
        if (refused && e.status !== 401) { change(p.key, { state: 'refused', error: e.message }); continue; }
        change(p.key, { state: 'waiting' });
        if (refused) return;
        await new Promise((resolve) => {
          const timer = setTimeout(resolve, wait);
          addEventListener('guichet:live', () => { clearTimeout(timer); resolve(undefined); }, { once: true });
        });
        wait = Math.min(wait * 2, 15_000);
      }
    }
  } finally {
    busy.delete(id);
  }
}

const isThere = (p, items) => items.some((i) => (p.kind === 'note' ? i.note?.id : i.message?.id) === p.messageId);

/** Forgets what the timeline shows by now. */
export function settle(id) {
  const items = talkOf(id).items.value;
  for (const p of outbox.value) if (p.id === id && p.state === 'sent' && isThere(p, items)) remove(p.key);
}

/** What a timeline must still show of it. An answer's event may come before the answer to its POST: then it is there already. */
export function pendingOf(id, items, list, myId) {
  const mine = list.filter((p) => p.id === id);
  const taken = new Set();
  return mine.filter((p) => {
    if (p.messageId) return !isThere(p, items);
    const twin = items.find((i) => i.seq > p.after && !taken.has(i.seq) && (p.kind === 'note'
      ? i.note?.content === p.text && i.note.agent?.id === myId
      : i.kind === 'message.sent' && i.message.text === p.text && i.message.agent?.id === myId && i.message.attachments.length === p.files.length));
    if (twin && p.state !== 'refused') { taken.add(twin.seq); return false; }
    return true;
  });
}
