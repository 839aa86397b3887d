// One row of a timeline: message, note, deed, day. Texts are texts: nothing of what customers send is ever markup, and no file of theirs is
// opened in the page but images of four kinds that the server found to be such.
import { html } from '../../shared/html.js';
import { t, has, timeOf, dayOf, momentOf, sizeOf } from '../../shared/i18n.js';
import { Icon } from '../../shared/icons.js';
import { linkParts } from '../text.js';
import { describe, safeLink } from '../rich.js';
import { me, second, services, nameOfAgent } from '../store.js';
import { retry, discard } from '../outbox.js';
import { setDraft } from '../drafts.js';
import { dialog } from './dialogs.js';

const SHOWN = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);
export const isImage = (a) => a.state === 'stored' && SHOWN.has(a.foundType ?? '') && SHOWN.has(a.mimeType);

export function Text({ text }) {
  return html`<p class="text" dir="auto">${linkParts(text).map((p, i) => (p.href ? html`<a key=${i} href=${p.href} target="_blank" rel="noopener noreferrer nofollow">${p.text}</a>` : p.text))}</p>`;
}

function File({ a, file }) {
  if (isImage(a)) {
    return html`<button type="button" class="picture" onClick=${() => { dialog.value = { kind: 'picture', file: a }; }} aria-label=${t('file.open', { name: a.name })}>
      <img src=${a.url} alt="" loading="lazy" decoding="async" /></button>`;
  }
  const meta = a.state === 'stored' ? sizeOf(a.size) : t(`file.${a.state}`);
  const body = html`<span class="file-icon"><${Icon} name=${a.state === 'failed' ? 'warn' : 'file'} /></span><span class="file-text"><b>${a.name}</b><small>${meta}${a.state === 'stored' && a.foundType && a.foundType !== a.mimeType ? ` · ${t('file.isreally', { type: a.foundType })}` : ''}</small></span>`;
  if (a.state !== 'stored') return html`<span class="file-item off" title=${a.error ?? ''}>${body}</span>`;
  return html`<a class="file-item" href=${a.url} download=${a.name}>${body}<${Icon} name="download" size=${16} /><span class="hidden-text">${t('file.download')}</span></a>`;
}

function Choices({ list }) {
  return html`<ul class="choices" aria-label=${t('rich.choices')}>${list.map((c, i) => html`<li key=${i}>${c}</li>`)}</ul>`;
}

function RichBlock({ b }) {
  if (b.kind === 'location') {
    const map = `https://www.openstreetmap.org/?mlat=${b.lat}&mlon=${b.lon}#map=16/${b.lat}/${b.lon}`;
    return html`<div class="rich-item"><span class="file-icon"><${Icon} name="pin" /></span><span class="file-text"><b>${b.address || t('rich.location')}</b><small>${b.lat.toFixed(5)}, ${b.lon.toFixed(5)} · <a href=${map} target="_blank" rel="noopener noreferrer">${t('rich.map')}</a></small></span></div>`;
  }
  if (b.kind === 'contact') {
    return html`<div class="rich-item"><span class="file-icon"><${Icon} name="person" /></span><span class="file-text"><b>${b.name || t('rich.contact')}</b><small>${b.number}</small></span></div>`;
  }
  if (b.kind === 'card') {
    return html`<div class="rich-card">${b.title && html`<b>${b.title}</b>`}${b.text && html`<${Text} text=${b.text} />`}${safeLink(b.link) && html`<a href=${safeLink(b.link)} target="_blank" rel="noopener noreferrer nofollow">${b.link}</a>`}${b.choices.length > 0 && html`<${Choices} list=${b.choices} />`}</div>`;
  }
  if (b.kind === 'choices') return html`<div class="rich-card">${b.title && html`<${Text} text=${b.title} />`}<${Choices} list=${b.choices} /></div>`;
  if (b.kind === 'text') return html`<${Text} text=${b.text} />`;
  return html`<dl class="rich-fields">${b.rows.map(([k, v], i) => html`<div key=${i}><dt>${k}</dt><dd>${v}</dd></div>`)}</dl>`;
}

/** Delivered, on its way, tried again, given up: with the reason in words. */
function Delivery({ d }) {
  if (!d) return null;
  const why = d.lastError || (d.lastStatus ? t('delivery.status', { status: d.lastStatus }) : '');
  const state = d.state === 'pending' ? (d.attempts > 0 ? 'retrying' : 'sending') : d.state;
  const next = state === 'retrying' && d.nextAt ? Math.max(0, Math.ceil((Date.parse(d.nextAt) - second.value) / 1000)) : 0;
  const icon = { delivered: 'checks', sending: 'clock', retrying: 'retry', parked: 'warn' }[state] ?? 'clock';
  const label = has(`delivery.${state}`) ? t(`delivery.${state}`) : state;
  return html`<span class="delivery ${state}" data-delivery=${state} title=${state === 'delivered' && d.settledAt ? momentOf(d.settledAt) : why}><${Icon} name=${icon} size=${13} /><span class=${state === 'delivered' || state === 'sending' ? 'hidden-text' : ''}>${label}${next > 0 ? ` ${t('delivery.next', { n: next })}` : ''}${why && state !== 'delivered' && state !== 'sending' ? `: ${why}` : ''}</span></span>`;
}

function senderOf(m) {
  if (m.direction !== 'out') return m.sender?.name || m.sender?.id || t('customer.unnamed');
  if (m.agent) return m.agent.id === me.value?.id ? t('message.you') : m.agent.name;
  return m.sender?.name || t('message.system');
}

export function Message({ row }) {
  const m = row.item.message;
  const blocks = describe(m.richContent);
  const side = m.direction === 'out' ? 'out' : m.sender?.type === 'bot' ? 'in by-bot' : 'in';
  const pictures = m.attachments.filter(isImage);
  const files = m.attachments.filter((a) => !isImage(a));
  return html`<li class="message ${side} ${row.first ? 'first' : ''} ${row.last ? 'last' : ''}" data-seq=${row.item.seq}>
    ${row.fresh && html`<div class="fresh"><span>${t('talk.fresh')}</span></div>`}
    ${row.first && html`<div class="sender">${m.sender?.type === 'bot' && html`<${Icon} name="bot" size=${14} />`}${senderOf(m)}</div>`}
    ${pictures.length > 0 && html`<div class="pictures">${pictures.map((a) => html`<${File} key=${a.id} a=${a} />`)}</div>`}
    ${(m.text || files.length > 0 || blocks.length > 0) && html`<div class="bubble">
      ${m.text && html`<${Text} text=${m.text} />`}
      ${blocks.map((b, i) => html`<${RichBlock} key=${i} b=${b} />`)}
      ${files.map((a) => html`<${File} key=${a.id} a=${a} />`)}
    </div>`}
    <div class="meta"><time datetime=${new Date(row.at).toISOString()} title=${momentOf(row.at)}>${timeOf(row.at)}</time>${m.direction === 'out' && html`<${Delivery} d=${m.delivery} />`}</div>
  </li>`;
}

export function Note({ row }) {
  const n = row.item.note;
  return html`<li class="note-row" data-seq=${row.item.seq}><div class="note"><div class="note-head"><${Icon} name="note" size=${14} /><b>${t('note.by', { name: n.agent?.name || n.author })}</b><time title=${momentOf(row.at)}>${timeOf(row.at)}</time></div><${Text} text=${n.content} /></div></li>`;
}

function deedText(item) {
  const who = item.agent?.name ?? '';
  const kind = item.kind.replace('interaction.', '');
  const data = item.data ?? {};
  const target = data.serviceId ? services.value?.find((s) => s.id === data.serviceId)?.name : data.agentId ? nameOfAgent(data.agentId) : '';
  const values = { who, to: target ?? '' };
  const key = `deed.${kind}${who ? '.who' : ''}`;
  if (kind === 'transferred' && values.to && has('deed.transferred.to')) return t('deed.transferred.to', values);
  if (has(key)) return t(key, values);
  return has(`deed.${kind}`) ? t(`deed.${kind}`, values) : item.kind;
}
export function Deed({ row }) {
  return html`<li class="deed" data-kind=${row.item.kind}><span>${deedText(row.item)}</span><time title=${momentOf(row.at)}>${timeOf(row.at)}</time></li>`;
}
export function Day({ row }) {
  return html`<li class="day"><span>${dayOf(row.at)}</span></li>`;
}

/** An answer that the server does not have yet, or refused. */
export function PendingRow({ p }) {
  const note = p.kind === 'note';
  const icon = { sending: 'clock', waiting: 'retry', refused: 'warn', sent: 'clock' }[p.state];
  const back = () => { setDraft(p.id, note ? { mode: 'note', note: p.text } : { mode: 'message', message: p.text }); discard(p); };
  return html`<li class=${note ? 'note-row' : 'message out first last'} data-pending=${p.state}>
    <div class=${note ? 'note' : 'bubble pending'}>${p.text && html`<${Text} text=${p.text} />`}
      ${p.files.map((f) => html`<span key=${f.id} class="file-item off"><span class="file-icon"><${Icon} name="file" /></span><span class="file-text"><b>${f.name}</b><small>${sizeOf(f.size)}</small></span></span>`)}</div>
    <div class="meta"><span class="delivery ${p.state}"><${Icon} name=${icon} size=${13} />${t(`pending.${p.state}`)}${p.error ? `: ${p.error}` : ''}</span>
      ${p.state === 'refused' && html`<button type="button" class="button small" onClick=${() => retry(p)}>${t('again')}</button><button type="button" class="button small" onClick=${back}>${t('pending.edit')}</button>`}</div>
  </li>`;
}
