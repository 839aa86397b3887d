// From the items of a timeline to the rows that are shown: days, the bot's conversation set apart, messages grouped by who wrote them, notes,
// and what happened. Pure.

import { describe } from './rich.js';

/** @typedef {import('./talks.js').Item} Item */
/** @typedef {{type: 'day'|'bot'|'message'|'note'|'deed', key: string, at: number, items?: Row[], item?: Item, first?: boolean, last?: boolean, fresh?: boolean}} Row */

const GROUP_MS = 3 * 60_000;
/** Deeds that say something to a reader; deliveries and files show in their messages. */
const SILENT = /^(delivery|file|setup|agent)\./;

export function timeOfItem(item) {
  if (item.kind === 'message.history' && item.message?.createdAt) return item.message.createdAt * 1000;
  return Date.parse(item.at);
}
const dayKey = (ms) => { const d = new Date(ms); return `${d.getFullYear()}-${d.getMonth()}-${d.getDate()}`; };

/** Who speaks: messages of one voice in a row stand together. */
export function voiceOf(item) {
  const m = item.message;
  if (!m) return '';
  if (m.direction === 'out') return `out ${m.agent?.id ?? m.sender?.id ?? ''}`;
  return `${m.direction} ${m.sender?.type} ${m.sender?.id}`;
}

/** @param {Item[]} items @param {number} [seen] number of the last item that was looked at; 0: no mark */
export function rowsOf(items, seen = 0) {
  /** @type {Row[]} */
  const rows = [];
  let day = '';
  let marked = false;
  /** @type {Row|null} */
  let bot = null;
  for (const item of items) {
    if (SILENT.test(item.kind)) continue;
    const at = timeOfItem(item);
    const history = item.kind === 'message.history';
    if (history && bot) { pushMessage(bot.items ?? [], item, at); continue; }
    if (dayKey(at) !== day) {
      day = dayKey(at);
      rows.push({ type: 'day', key: `day ${item.seq}`, at });
    }
    if (history) {
      bot = { type: 'bot', key: `bot ${item.seq}`, at, items: [] };
      pushMessage(bot.items ?? [], item, at);
      rows.push(bot);
      continue;
    }
    bot = null;
    if (item.message) {
      const row = pushMessage(rows, item, at);
      if (!marked && seen && item.kind === 'message.received' && item.seq > seen) row.fresh = marked = true;
    } else if (item.note) {
      rows.push({ type: 'note', key: `${item.seq}`, at, item });
    } else {
      rows.push({ type: 'deed', key: `${item.seq}`, at, item });
    }
  }
  return rows;
}

function pushMessage(rows, item, at) {
  const before = rows.at(-1);
  const joined = before?.type === 'message' && voiceOf(before.item) === voiceOf(item) && at - before.at < GROUP_MS;
  if (joined) before.last = false;
  const row = { type: /** @type {const} */ ('message'), key: `${item.seq}`, at, item, first: !joined, last: true };
  rows.push(row);
  return row;
}

/** One line that tells what a message is about, for lists: its text, else what it holds. */
export function glanceOf(message) {
  const text = (message.text ?? '').replace(/\s+/g, ' ').trim();
  if (text) return { text: text.slice(0, 160) };
  const file = message.attachments?.[0];
  if (file) return { file: file.name };
  const block = /** @type {any} */ (describe(message.richContent)[0]);
  const said = block && (block.address || block.title || block.text || block.name || block.number || block.choices?.[0] || block.rows?.[0]?.join(' '));
  return said ? { text: String(said).slice(0, 160) } : { rich: true };
}
