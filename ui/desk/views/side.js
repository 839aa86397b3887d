// The left side: who I am and my state, offers, the lists, search.
import { html, useEffect, useRef, signal, useState } from '../../shared/html.js';
import { t, spanOf, clockOf, timeOf, dateOf } from '../../shared/i18n.js';
import { Icon } from '../../shared/icons.js';
import { Menu, Empty, Spinner } from '../../shared/parts.js';
import { me, myState, states, mine, queue, offers, selectedId, second, minute, listsReady, listsFailed, live, readLists, interactions } from '../store.js';
import { select, accept, decline, doing, chooseState, logOut, hasStates } from '../actions.js';
import { talkOf } from '../talks.js';
import { draftOf } from '../drafts.js';
import { glanceOf } from '../rows.js';
import { initialsOf } from '../text.js';
import { search, query } from '../search.js';
import { dialog } from './dialogs.js';
import { Mark } from '../../shared/login.js';

export const tab = signal(/** @type {'mine'|'queue'} */ ('mine'));
export const nameOf = (i) => i.customer.name || i.customer.externalId || t('customer.unnamed');

export function Avatar({ name }) {
  const letters = initialsOf(name);
  return html`<span class="avatar" aria-hidden="true">${letters || html`<${Icon} name="person" size=${18} />`}</span>`;
}

function StateDot({ kind }) {
  return html`<span class="state-dot ${kind ?? 'none'}" aria-hidden="true"></span>`;
}

function StateChooser() {
  const now = myState.value;
  if (!hasStates()) return html`<span class="who"><b>${me.value?.displayName}</b></span>`;
  const since = now?.since ? spanOf(second.value - Date.parse(now.since)) : '';
  const button = html`<${StateDot} kind=${now?.kind} /><span class="who"><b>${me.value?.displayName}</b><small>${now?.label ?? t('state.unknown')}${since && ` · ${since}`}</small></span><span class="hidden-text">${t('state.choose')}</span><${Icon} name="down" size=${14} />`;
  return html`<${Menu} class="state-menu" button=${button}>
    ${(close) => html`<div role="menu" aria-label=${t('state.title')}>
      ${(states.value ?? []).map((s) => html`<button key=${s.id} type="button" role="menuitemradio" data-item aria-checked=${s.id === now?.id} class="menu-item"
        onClick=${() => { close(); chooseState(s); }}><${StateDot} kind=${s.kind} />${s.label}${s.id === now?.id && html`<${Icon} name="check" size=${16} />`}</button>`)}
    </div>`}
  <//>`;
}

function SideHead() {
  return html`<header class="side-head">
    <${Mark} />
    <${StateChooser} />
    <${Menu} class="main-menu" align="end" button=${html`<${Icon} name="menu" />`} label=${t('menu')}>
      ${(close) => html`<div role="menu" aria-label=${t('menu')}>
        <button type="button" role="menuitem" data-item class="menu-item" onClick=${() => { close(); dialog.value = { kind: 'settings' }; }}><${Icon} name="gear" size=${16} />${t('settings.title')}</button>
        <button type="button" role="menuitem" data-item class="menu-item" onClick=${() => { close(); dialog.value = { kind: 'help' }; }}><${Icon} name="keys" size=${16} />${t('help.title')}<kbd>?</kbd></button>
        <hr />
        <button type="button" role="menuitem" data-item class="menu-item" onClick=${() => { close(false); logOut(); }}><${Icon} name="exit" size=${16} />${t('logout')}</button>
      </div>`}
    <//>
  </header>`;
}

/** Says when the page does not hear the server, and what that means. */
export function LiveBar() {
  const stream = live.value;
  const state = stream?.state.value;
  const [late, setLate] = useState(false);
  const down = state === 'connecting' || state === 'waiting';
  // A reconnect that takes a blink is not worth a bar.
  useEffect(() => {
    if (!down) { setLate(false); return undefined; }
    const timer = setTimeout(() => setLate(true), 700);
    return () => clearTimeout(timer);
  }, [down]);
  if (!stream || !down || !late) return null;
  const left = stream.retryAt.value - second.value;
  return html`<div class="live-bar" role="status"><${Icon} name="warn" size=${16} /><span><b>${t('live.off')}</b> ${t('live.kept')}</span>
    <button type="button" class="button small" onClick=${stream.nudge}>${state === 'waiting' && left > 1500 ? t('live.retry', { n: Math.ceil(left / 1000) }) : t('live.trying')}</button></div>`;
}

function Offer({ offer }) {
  const left = offer.offer?.until ? Date.parse(offer.offer.until) - second.value : 0;
  const whole = useRef(Math.max(left, 1));
  const busy = doing.value.has(offer.id);
  return html`<section class="offer" aria-label=${t('offer.title')}>
    <div class="offer-head"><span class="pulse" aria-hidden="true"></span><b>${t('offer.title')}</b>${left > 0 && html`<span class="count" aria-label=${t('offer.left', { time: clockOf(left) })}>${clockOf(left)}</span>`}</div>
    <button type="button" class="offer-who" onClick=${() => select(offer.id)}><${Avatar} name=${nameOf(offer)} /><span><b>${nameOf(offer)}</b><small>${[offer.service?.name, offer.connector?.name].filter(Boolean).join(' · ')}</small></span></button>
    <progress class="offer-time" max=${whole.current} value=${Math.max(0, left)} aria-hidden="true"></progress>
    <div class="offer-deeds">
      <button type="button" class="button" disabled=${busy} onClick=${() => decline(offer.id)}>${t('offer.decline')}<kbd>d</kbd></button>
      <button type="button" class="button primary" disabled=${busy} onClick=${() => accept(offer.id)}>${t('offer.accept')}<kbd>a</kbd></button>
    </div>
  </section>`;
}

function Glance({ talk, interaction }) {
  const draft = draftOf(interaction.id).value;
  if (draft.message && interaction.id !== selectedId.value) return html`<span class="glance"><em>${t('list.draft')}</em> ${draft.message.slice(0, 120)}</span>`;
  const last = talk.lastMessage;
  if (!last) return html`<span class="glance">${interaction.service?.name ?? ''}</span>`;
  const g = glanceOf(last.message);
  return html`<span class="glance">${last.message.direction === 'out' && html`<span class="you">${last.message.agent?.id === me.value?.id ? t('list.you') : last.message.sender?.name ?? ''}</span> `}${g.file && html`<${Icon} name="clip" size=${13} />`}${g.text ?? g.file ?? t('message.rich')}</span>`;
}

/** How long the customer has been waiting for a word. */
function waitOf(talk, interaction) {
  minute.value; // recount now and then
  if (interaction.state === 'queued') return Date.now() - Date.parse(interaction.queuedAt ?? interaction.openedAt);
  const last = talk.lastMessage;
  return last && last.kind === 'message.received' ? Date.now() - Date.parse(last.at) : -1;
}

export function Entry({ interaction: i, found = null }) {
  const talk = talkOf(i.id);
  const unread = i.state === 'active' ? talk.unread : 0;
  const wait = i.state === 'queued' || i.state === 'active' ? waitOf(talk, i) : -1;
  const current = i.id === selectedId.value;
  const wrapLeft = i.state === 'wrapup' && i.wrapupUntil ? Date.parse(i.wrapupUntil) - second.value : 0;
  const when = i.state === 'closed' ? (i.closedAt ? dateOf(i.closedAt) : '') : wrapLeft > 0 ? clockOf(wrapLeft) : wait >= 0 ? spanOf(wait) : talk.lastMessage ? timeOf(talk.lastMessage.at) : '';
  return html`<li><button type="button" class="entry ${unread ? 'unread' : ''} ${i.state}" aria-current=${current ? 'true' : undefined} data-entry=${i.id} onClick=${() => select(i.id)}>
    <${Avatar} name=${nameOf(i)} />
    <span class="entry-text">
      <span class="entry-top"><b>${nameOf(i)}</b><span class="when ${wait > 120_000 ? 'late' : ''}">${wait >= 0 && html`<${Icon} name="clock" size=${12} /><span class="hidden-text">${t('list.waits')}</span>`}${when}</span></span>
      <span class="entry-bottom">${found ?? html`<${Glance} talk=${talk} interaction=${i} />`}
        ${unread > 0 && html`<span class="badge"><span aria-hidden="true">${unread}</span><span class="hidden-text">${t('list.unread', { n: unread })}</span></span>`}
        ${i.state !== 'active' && i.state !== 'queued' && html`<span class="chip">${t(`interaction.${i.state}`)}</span>`}</span>
    </span></button></li>`;
}

function Skeleton() {
  return html`<ul class="entries" aria-hidden="true">${[1, 2, 3].map((n) => html`<li key=${n} class="entry skeleton"><span class="avatar"></span><span class="entry-text"><span></span><span></span></span></li>`)}</ul>`;
}

/** What the first of those who wait have written. */
const GLANCED = 20;
function useGlances(list) {
  const ids = list.slice(0, GLANCED).map((i) => i.id).join(' ');
  useEffect(() => { for (const id of ids.split(' ')) if (id && talkOf(id).status.peek() === 'new') talkOf(id).load(); }, [ids]);
}

function List() {
  const list = tab.value === 'mine' ? mine.value : queue.value;
  useGlances(query.value.trim() ? [] : list);
  if (query.value.trim()) return html`<${Found} />`;
  if (!listsReady.value) return listsFailed.value ? html`<${Empty} icon="warn" title=${t('list.failed')}><button type="button" class="button" onClick=${readLists}>${t('again')}</button><//>` : html`<${Skeleton} />`;
  if (!list.length) {
    return tab.value === 'mine'
      ? html`<${Empty} icon="chat" title=${t('mine.empty')} text=${queue.value.length ? t('mine.empty.waiting', { n: queue.value.length }) : t('mine.empty.none')}>
          ${queue.value.length > 0 && html`<button type="button" class="button" onClick=${() => { tab.value = 'queue'; }}>${t('mine.empty.show')}</button>`}<//>`
      : html`<${Empty} icon="inbox" title=${t('queue.empty')} text=${t('queue.empty.text')} />`;
  }
  return html`<ul class="entries" aria-label=${t(`tab.${tab.value}`)}>${list.map((i) => html`<${Entry} key=${i.id} interaction=${i} />`)}</ul>`;
}

function Found() {
  const s = search.value;
  if (s.state === 'searching' && !s.items.length) return html`<div class="found-head"><${Spinner} /></div>`;
  if (s.state === 'failed') return html`<${Empty} icon="warn" title=${t('search.failed')} />`;
  if (!s.items.length) return html`<${Empty} icon="search" title=${t('search.none')} text=${t('search.none.text', { query: query.value.trim() })} />`;
  return html`<p class="found-head" role="status">${t('search.found', { n: s.items.length })}</p>
    <ul class="entries" aria-label=${t('search.title')}>${s.items.map((i) => html`<${Entry} key=${i.id} interaction=${interactions.value.get(i.id) ?? i} found=${html`<span class="glance">${[i.service?.name, i.connector?.name].filter(Boolean).join(' · ')}</span>`} />`)}</ul>`;
}

function Tab({ name, count }) {
  const on = tab.value === name && !query.value.trim();
  return html`<button type="button" class="tab" aria-pressed=${on} data-tab=${name} onClick=${() => { tab.value = name; query.value = ''; }}>${t(`tab.${name}`)}<span class="count">${count}</span></button>`;
}

export function Side() {
  return html`<nav class="side" aria-label=${t('side.title')}>
    ${!selectedId.value && html`<h1 class="hidden-text">${t('side.title')}</h1>`}
    <${SideHead} />
    <div class="offers" aria-live="polite">${offers.value.map((o) => html`<${Offer} key=${o.id} offer=${o} />`)}</div>
    <div class="side-tools">
      <div class="tabs"><${Tab} name="mine" count=${mine.value.length} /><${Tab} name="queue" count=${queue.value.length} /></div>
      <label class="search"><span class="hidden-text">${t('search.title')}</span><${Icon} name="search" size=${16} />
        <input type="search" data-search placeholder=${t('search.title')} value=${query.value} autocomplete="off" spellcheck=${false}
          onInput=${(e) => { query.value = e.currentTarget.value; }} onKeyDown=${(e) => { if (e.key === 'Escape') { query.value = ''; e.currentTarget.blur(); } }} /></label>
    </div>
    <div class="side-list"><${List} /></div>
  </nav>`;
}
