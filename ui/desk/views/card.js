// The customer's card: who they are, where they come from, what they wrote about before.
import { html, useEffect, useState } from '../../shared/html.js';
import { t, has, dateOf, timeOf, whenOf, language } from '../../shared/i18n.js';
import { get, all } from '../../shared/api.js';
import { Icon } from '../../shared/icons.js';
import { Spinner } from '../../shared/parts.js';
import { safeLink } from '../rich.js';
import { selected } from '../store.js';
import { select } from '../actions.js';
import { Avatar, nameOf } from './side.js';
import { cardShown, cardIsDrawer, showCard, dialog } from './dialogs.js';

const ICONS = { phone: 'phone', email: 'mail', language: 'globe', page: 'link', device: 'device', location: 'pin' };

function languageName(code) {
  try { return new Intl.DisplayNames([language.value], { type: 'language' }).of(code) ?? code; } catch { return code; }
}

/** Profile of the server (fields, some in groups) as rows to read. */
export function profileRows(profile) {
  const rows = [];
  const p = { ...profile };
  const row = (name, text, href = '') => { if (text) rows.push({ name, text, href }); };
  row('phone', p.phone, p.phone ? `tel:${String(p.phone).replace(/[^+\d]/g, '')}` : '');
  row('email', p.email);
  row('language', p.language && languageName(p.language));
  row('page', p.page?.title || p.page?.url, safeLink(p.page?.url));
  const place = p.location ?? {};
  row('location', [place.city, place.region, place.country].filter(Boolean).join(', '));
  row('device', [p.device?.type, p.device?.model].filter(Boolean).join(' · '));
  row('source', [p.utm?.source, p.utm?.campaign].filter(Boolean).join(' · '));
  for (const [k, v] of Object.entries(p)) {
    if (['phone', 'email', 'language', 'page', 'location', 'device', 'utm', 'avatar'].includes(k)) continue;
    row(k, typeof v === 'object' ? Object.entries(v).map(([a, b]) => `${a}: ${b}`).join(', ') : String(v));
  }
  return rows;
}

function useCustomer(i) {
  const [found, setFound] = useState(/** @type {{profile: any, contacts: any[]|null}} */ ({ profile: null, contacts: null }));
  useEffect(() => {
    let over = false;
    setFound({ profile: null, contacts: null });
    const set = (v) => { if (!over) setFound((old) => ({ ...old, ...v })); };
    get(`/interaction/interactions/${i.id}/customer`).then((c) => set({ profile: c.profile ?? {} })).catch(() => set({ profile: {} }));
    all(`/interaction/interactions?connector=${i.connector?.id ?? 0}&customer=${encodeURIComponent(i.customer.externalId)}`, { most: 200 })
      .then((list) => set({ contacts: list.filter((x) => x.id !== i.id).sort((a, b) => b.openedAt.localeCompare(a.openedAt)) })).catch(() => set({ contacts: [] }));
    return () => { over = true; };
  }, [i.id, i.customer.id, i.state]);
  return found;
}

function Contact({ c }) {
  return html`<li><button type="button" class="contact" onClick=${() => select(c.id)}><span>${dateOf(c.openedAt)}<small>${timeOf(c.openedAt)}</small></span><span><b>${c.service?.name ?? ''}</b><small>${[t(`interaction.${c.state}`), c.agent?.name, c.qualification?.label].filter(Boolean).join(' · ')}</small></span></button></li>`;
}

function Body({ i }) {
  const { profile, contacts } = useCustomer(i);
  const rows = profile ? profileRows(profile) : [];
  return html`<div class="card-body">
    <div class="card-who"><${Avatar} name=${nameOf(i)} /><h2 dir="auto">${nameOf(i)}</h2><p>${t('card.id', { id: i.customer.externalId })}</p></div>
    <dl class="card-rows">
      ${rows.map((r) => html`<div key=${r.name}><dt><${Icon} name=${ICONS[r.name] ?? 'tag'} size=${15} /><span>${has(`card.${r.name}`) ? t(`card.${r.name}`) : r.name}</span></dt><dd dir="auto">${r.href ? html`<a href=${r.href} target="_blank" rel="noopener noreferrer nofollow">${r.text}</a>` : r.text}</dd></div>`)}
      <div><dt><${Icon} name="chat" size=${15} /><span>${t('card.channel')}</span></dt><dd>${i.connector?.name}</dd></div>
      <div><dt><${Icon} name="clock" size=${15} /><span>${t('card.opened')}</span></dt><dd>${whenOf(i.openedAt)}</dd></div>
      ${i.qualification && html`<div><dt><${Icon} name="tag" size=${15} /><span>${t('card.qualification')}</span></dt><dd>${i.qualification.label}</dd></div>`}
    </dl>
    <section class="contacts"><h3>${t('card.contacts')}${contacts && contacts.length > 0 && html` <span class="count">${contacts.length}</span>`}</h3>
      ${contacts === null ? html`<${Spinner} />` : contacts.length ? html`<ul>${contacts.slice(0, 30).map((c) => html`<${Contact} key=${c.id} c=${c} />`)}</ul>` : html`<p class="dim">${t('card.contacts.none')}</p>`}
    </section>
    <button type="button" class="button quiet why" onClick=${() => { dialog.value = { kind: 'why', id: i.id }; }}><${Icon} name="info" size=${16} />${t('why.title')}</button>
  </div>`;
}

export function Card() {
  const i = selected.value;
  const shown = Boolean(i && cardShown.value);
  // A drawer covers what had the focus; it takes it, and gives it back to what opened it.
  useEffect(() => { if (shown && cardIsDrawer.value) /** @type {HTMLElement|null} */ (document.querySelector('[data-hide]'))?.focus(); }, [shown]);
  if (!i || !shown) return null;
  const hide = () => { showCard(false); /** @type {HTMLElement|null} */ (document.querySelector('.card-toggle'))?.focus(); };
  return html`<aside class="card" aria-label=${t('card.title')}>
    <header class="card-head"><h2>${t('card.title')}</h2><button type="button" class="button quiet square" data-hide onClick=${hide} aria-label=${t('card.hide')} title=${t('card.hide')}><${Icon} name="close" /></button></header>
    <${Body} key=${i.id} i=${i} />
  </aside>`;
}
