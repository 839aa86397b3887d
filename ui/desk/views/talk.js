// The conversation: its head with what can be done, the timeline, and below it what its state asks for: accept, answer, wrap up, nothing.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../../shared/html.js';
import { t, clockOf, whenOf } from '../../shared/i18n.js';
import { Icon } from '../../shared/icons.js';
import { Empty, Spinner } from '../../shared/parts.js';
import { selected, selectedId, owns, second, me, qualifications, offers, services, mine, queue } from '../store.js';
import { select, accept, decline, finishWrapup, doing } from '../actions.js';
import { talkOf } from '../talks.js';
import { rowsOf } from '../rows.js';
import { outbox, pendingOf, settle } from '../outbox.js';
import { Message, Note, Deed, Day, PendingRow } from './message.js';
import { Composer } from './composer.js';
import { Avatar, nameOf } from './side.js';
import { QualificationForm } from './qualify.js';
import { dialog, cardShown, showCard } from './dialogs.js';

function Head({ i }) {
  const own = owns(i) && i.state === 'active';
  const busy = doing.value.has(i.id);
  return html`<header class="talk-head">
    <button type="button" class="button quiet square only-narrow" onClick=${() => select('')} aria-label=${t('back')} title=${t('back')}><${Icon} name="back" /></button>
    <${Avatar} name=${nameOf(i)} />
    <div class="talk-title"><h1 dir="auto">${nameOf(i)}</h1><p>${[i.service?.name, i.connector?.name].filter(Boolean).join(' · ')}${i.agent && !owns(i) ? html` · <span class="chip">${t('talk.with', { name: i.agent.name })}</span>` : ''}${i.state !== 'active' ? html` · <span class="chip ${i.state}">${t(`interaction.${i.state}`)}</span>` : ''}</p></div>
    <div class="talk-deeds">
      ${own && services.value && html`<button type="button" class="button quiet" onClick=${() => { dialog.value = { kind: 'transfer', id: i.id }; }} title=${t('transfer.title')}><${Icon} name="transfer" /><span class="wide-text">${t('transfer')}</span></button>`}
      ${own && html`<button type="button" class="button" disabled=${busy} onClick=${() => { dialog.value = { kind: 'close', id: i.id }; }} title=${t('close.title')}><${Icon} name="check" /><span class="wide-text">${t('close.go')}</span></button>`}
      <button type="button" class="button quiet square card-toggle" aria-pressed=${cardShown.value} onClick=${() => showCard(!cardShown.value)} aria-label=${t('card.title')} title=${t('card.title')}><${Icon} name="info" /></button>
    </div>
  </header>`;
}

function Row({ row }) {
  if (row.type === 'bot') return html`<${BotPart} row=${row} />`;
  const view = { message: Message, note: Note, deed: Deed, day: Day }[row.type];
  return html`<${view} row=${row} />`;
}

/** What was said before a person was asked: set apart, and foldable. */
function BotPart({ row }) {
  const n = row.items.length;
  return html`<li class="bot-part"><details open><summary><${Icon} name="bot" size=${16} /><b>${t('bot.title')}</b><span>${t('bot.count', { n })}</span></summary>
    <ol>${row.items.map((r) => html`<${Message} key=${r.key} row=${r} />`)}</ol></details></li>`;
}

function Timeline({ id }) {
  const talk = talkOf(id);
  const items = talk.items.value;
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  const atEnd = useRef(true);
  const [below, setBelow] = useState(0);
  // What was unread when this was opened stays marked while it is open.
  const mark = useRef(talk.seen.peek());
  const rows = rowsOf(items, mark.current);
  const pending = pendingOf(id, items, outbox.value, me.value?.id);

  const toEnd = () => { const b = box.current; if (b) b.scrollTop = b.scrollHeight; };
  useLayoutEffect(() => { if (atEnd.current) toEnd(); else setBelow((n) => n + 1); }, [items.length, pending.length]);
  useLayoutEffect(() => {
    // Pictures, fonts, the composer's growing: as long as the end was in view it stays in view.
    const b = box.current;
    if (!b || typeof ResizeObserver === 'undefined') return undefined;
    const o = new ResizeObserver(() => { if (atEnd.current) toEnd(); });
    o.observe(b);
    if (b.firstElementChild) o.observe(b.firstElementChild);
    return () => o.disconnect();
  }, []);
  useEffect(() => { settle(id); }, [items.length]);
  useEffect(() => {
    const look = () => { if (document.visibilityState === 'visible' && atEnd.current) talk.markSeen(); };
    look();
    document.addEventListener('visibilitychange', look);
    addEventListener('focus', look);
    return () => { document.removeEventListener('visibilitychange', look); removeEventListener('focus', look); };
  }, [items.length]);
  const onScroll = () => {
    const b = box.current;
    if (!b) return;
    atEnd.current = b.scrollHeight - b.scrollTop - b.clientHeight < 60;
    if (atEnd.current) { if (below) setBelow(0); if (document.visibilityState === 'visible') talk.markSeen(); }
  };

  return html`<div class="timeline-box">
    <div class="timeline" ref=${box} onScroll=${onScroll} tabindex="0" role="log" aria-live="polite" aria-relevant="additions" aria-label=${t('talk.timeline')}>
      <ol class="rows">
        ${talk.status.value === 'loading' && !items.length && html`<li class="loading"><${Spinner} /></li>`}
        ${talk.status.value === 'failed' && html`<li class="loading"><${Empty} icon="warn" title=${t('talk.failed')}><button type="button" class="button" onClick=${() => talk.load({ anew: true })}>${t('again')}</button><//></li>`}
        ${rows.map((r) => html`<${Row} key=${r.key} row=${r} />`)}
        ${pending.map((p) => html`<${PendingRow} key=${p.key} p=${p} />`)}
      </ol>
    </div>
    ${below > 0 && html`<button type="button" class="button to-end" onClick=${() => { atEnd.current = true; setBelow(0); toEnd(); talk.markSeen(); }}><${Icon} name="down" size=${16} />${t('talk.newer')}</button>`}
  </div>`;
}

function Wrapup({ i }) {
  const left = i.wrapupUntil ? Date.parse(i.wrapupUntil) - second.value : 0;
  return html`<section class="foot wrapup" aria-label=${t('wrapup.title')}>
    <div class="foot-line"><b>${t('wrapup.title')}</b>${left > 0 && html`<span class="count">${t('wrapup.left', { time: clockOf(left) })}</span>`}
      <button type="button" class="button primary" disabled=${doing.value.has(i.id)} onClick=${() => finishWrapup(i.id)}>${t('wrapup.finish')}</button></div>
    ${qualifications.value && html`<${QualificationForm} i=${i} />`}
  </section>`;
}

function Foot({ i }) {
  const busy = doing.value.has(i.id);
  if (i.state === 'active' && owns(i)) return html`<${Composer} key=${i.id} i=${i} />`;
  if (i.state === 'wrapup' && owns(i)) return html`<${Wrapup} i=${i} />`;
  if (offers.value.some((o) => o.id === i.id)) {
    return html`<section class="foot"><div class="foot-line"><span>${t('foot.offered')}</span><button type="button" class="button" disabled=${busy} onClick=${() => decline(i.id)}>${t('offer.decline')}</button><button type="button" class="button primary" disabled=${busy} onClick=${() => accept(i.id)}>${t('offer.accept')}</button></div></section>`;
  }
  if (i.state === 'queued') {
    return html`<section class="foot"><div class="foot-line"><span>${t('foot.queued')}</span><button type="button" class="button primary" data-take disabled=${busy} onClick=${() => accept(i.id)}>${t('take')}</button></div></section>`;
  }
  const why = i.state === 'closed' ? t('foot.closed', { date: i.closedAt ? whenOf(i.closedAt) : '' }) : t('foot.other', { name: i.agent?.name ?? i.offer?.agent?.name ?? '' });
  return html`<section class="foot"><div class="foot-line"><span>${why}</span>${i.qualification && html`<span class="chip"><${Icon} name="tag" size=${13} />${i.qualification.label}</span>`}</div></section>`;
}

export function TalkPane() {
  const id = selectedId.value;
  const i = selected.value;
  if (!id) {
    return html`<main class="talk none" id="main"><${Empty} icon="chat" title=${t('talk.none')} text=${mine.value.length || queue.value.length ? t('talk.none.choose') : t('talk.none.wait')} /></main>`;
  }
  if (!i) return html`<main class="talk none" id="main"><${Spinner} /></main>`;
  return html`<main class="talk" id="main" data-interaction=${id} data-state=${i.state}><${Head} i=${i} /><${Timeline} key=${id} id=${id} /><${Foot} i=${i} /></main>`;
}
