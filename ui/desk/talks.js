// The timeline of a conversation as we have it: items by their number, each once, in order. Filled by reading and by live events alike.
import { signal } from '../shared/html.js';
import { get, ApiError } from '../shared/api.js';
import { recall, keep } from '../shared/prefs.js';

/** @typedef {{seq: number, at: string, kind: string, interactionId: string, agent?: any, message?: any, note?: any, delivery?: any, messageId?: string, attachmentId?: string, data?: any, previousId?: string|null}} Item */

const PAGE = 200;
const KEPT = 60; // timelines kept in memory besides the ones in use

class Talk {
  constructor(id) {
    this.id = id;
    this.items = signal(/** @type {Item[]} */ ([]));
    this.status = signal(/** @type {'new'|'loading'|'ready'|'failed'} */ ('new'));
    this.seen = signal(recall(`seen.${id}`, 0));
    this.numbers = new Set();
    this.readTo = 0;
    /** @type {Promise<void>|null} */
    this.reading = null;
    this.again = false;
  }

  /** Reads what we do not have yet. anew: from the beginning, where events may have been missed. */
  load({ anew = false } = {}) {
    if (anew) this.readTo = 0;
    if (this.reading) { this.again = true; return this.reading; }
    if (this.status.value !== 'ready') this.status.value = 'loading';
    this.reading = this.#read().finally(() => {
      this.reading = null;
      if (this.again) { this.again = false; this.load(); }
    });
    return this.reading;
  }

  async #read() {
    try {
      for (let more = true; more;) {
        const page = await get(`/interaction/interactions/${this.id}/timeline?limit=${PAGE}${this.readTo ? `&cursor=${this.readTo}` : ''}`);
        this.#put(page.items);
        if (page.items.length) this.readTo = page.items.at(-1).seq;
        more = page.next !== null;
      }
      this.status.value = 'ready';
    } catch (e) {
      if (this.status.value !== 'ready') this.status.value = 'failed';
      if (e instanceof ApiError && e.status === 404) this.status.value = 'failed';
    }
  }

  /** @param {Item} item as a live event tells it */
  take(item) {
    this.#put([item]);
    if (item.kind.startsWith('file.') && item.attachmentId) this.#readFile(item.attachmentId);
  }

  /** @param {Item[]} items */
  #put(items) {
    let list = this.items.value;
    let changed = false;
    for (const item of items) {
      if (item.kind.startsWith('delivery.')) {
        const at = list.findIndex((x) => x.message?.id === item.messageId);
        if (at >= 0 && item.delivery) {
          list = list.with ? list.with(at, { ...list[at], message: { ...list[at].message, delivery: item.delivery } })
            : list.map((x, i) => (i === at ? { ...x, message: { ...x.message, delivery: item.delivery } } : x));
          changed = true;
        }
      }
      if (this.numbers.has(item.seq)) continue;
      this.numbers.add(item.seq);
      changed = true;
      const last = list.at(-1);
      list = [...list, item];
      if (last && last.seq > item.seq) list.sort((a, b) => a.seq - b.seq);
    }
    if (changed) this.items.value = list;
  }

  /** A file has come, or will not: the message that holds it is read again. */
  async #readFile(attachmentId) {
    const item = this.items.value.find((x) => x.message?.attachments?.some((a) => a.id === attachmentId));
    if (!item) return;
    try {
      const page = await get(`/interaction/interactions/${this.id}/timeline?limit=1&cursor=${item.seq - 1}`);
      const fresh = page.items[0];
      if (fresh?.seq === item.seq) this.items.value = this.items.value.map((x) => (x.seq === fresh.seq ? fresh : x));
    } catch { /* the next reading of the timeline shows it */ }
  }

  get lastNumber() { return this.items.value.at(-1)?.seq ?? 0; }

  /** Messages of the customer that were not looked at. */
  get unread() {
    const seen = this.seen.value;
    return this.items.value.reduce((n, i) => n + (i.kind === 'message.received' && i.seq > seen ? 1 : 0), 0);
  }
  get lastMessage() {
    const items = this.items.value;
    for (let i = items.length - 1; i >= 0; i--) if (items[i].message) return items[i];
    return null;
  }
  markSeen() {
    const last = this.lastNumber;
    if (last <= this.seen.value) return;
    this.seen.value = last;
    keep(`seen.${this.id}`, last);
  }
}

/** @type {Map<string, Talk>} */
const talks = new Map();
export const openTalks = () => talks;

/** @param {string} id */
export function talkOf(id) {
  let talk = talks.get(id);
  if (!talk) talks.set(id, (talk = new Talk(id)));
  return talk;
}

/** Lets go of a timeline that no list shows any more, when there are many. */
export function dropTalk(id) {
  if (talks.size <= KEPT) return;
  talks.delete(id);
  keep(`seen.${id}`, undefined);
}
