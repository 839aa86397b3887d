// What stands over the desk: closing, transferring, a picture, why a conversation went where it went, help, settings. One at a time.
import { html, signal, computed, effect, useEffect, useState } from '../../shared/html.js';
import { t, timeOf, spanOf, sizeOf } from '../../shared/i18n.js';
import { get, optional } from '../../shared/api.js';
import { preference, singleKeys } from '../../shared/prefs.js';
import { Icon } from '../../shared/icons.js';
import { Modal, Spinner, Empty } from '../../shared/parts.js';
import { interactions, qualifications, services, me, selectedId } from '../store.js';
import { close, transfer, doing } from '../actions.js';
import { QualificationFields } from './qualify.js';
import { Settings } from './settings.js';
import { KEYS } from '../keys.js';

/** @type {import('../../shared/html.js').Signal<any>} */
export const dialog = signal(null);
export const closeDialog = () => { dialog.value = null; };

/** The customer's card: a column where there is room, kept as chosen; else a drawer that every other choice closes. */
const roomy = matchMedia('(min-width: 1181px)');
const hasRoom = signal(roomy.matches);
roomy.addEventListener('change', () => { hasRoom.value = roomy.matches; });
const column = preference('card', true);
const drawer = signal(false);
export const cardIsDrawer = computed(() => !hasRoom.value);
export const cardShown = computed(() => (hasRoom.value ? column.value : drawer.value));
export function showCard(on) {
  if (hasRoom.value) column.value = on;
  else drawer.value = on;
}
effect(() => { void [selectedId.value, hasRoom.value]; drawer.value = false; });

function CloseDialog({ id }) {
  const i = interactions.value.get(id);
  const [value, setValue] = useState(i?.qualification?.id ?? 0);
  const [comment, setComment] = useState(i?.qualification?.comment ?? '');
  const some = Boolean(qualifications.value?.length);
  const onSubmit = async (e) => {
    e.preventDefault();
    const json = value ? { qualificationId: value, ...(comment ? { comment } : {}) } : {};
    if (await close(id, json)) closeDialog();
  };
  return html`<${Modal} title=${t('close.title')} onClose=${closeDialog}><form onSubmit=${onSubmit}>
    <div class="modal-body"><p>${t('close.text', { name: i?.customer.name || i?.customer.externalId || '' })}</p>
      ${some && html`<${QualificationFields} serviceId=${i?.service?.id} value=${value} comment=${comment} onValue=${setValue} onComment=${setComment} />`}</div>
    <footer class="modal-foot"><button type="button" class="button" onClick=${closeDialog}>${t('cancel')}</button><button type="submit" class="button primary" data-first=${some ? undefined : true} disabled=${doing.value.has(id)}>${t('close.go')}</button></footer>
  </form><//>`;
}

function TransferDialog({ id }) {
  const i = interactions.value.get(id);
  const [agents, setAgents] = useState(/** @type {any[]|null} */ (null));
  const [words, setWords] = useState('');
  const [target, setTarget] = useState('');
  const [note, setNote] = useState('');
  useEffect(() => { optional('/agent/agents?limit=200').then((r) => setAgents(r ? (r.items ?? r) : [])).catch(() => setAgents([])); }, []);
  const matches = (x) => x.toLowerCase().includes(words.trim().toLowerCase());
  const toServices = (services.value ?? []).filter((s) => s.enabled !== false && s.id !== i?.service?.id && matches(s.name));
  const toAgents = (agents ?? []).filter((a) => a.enabled !== false && a.id !== me.value?.id && matches(a.displayName ?? a.login));
  const onSubmit = async (e) => {
    e.preventDefault();
    if (!target) return;
    const [kind, n] = target.split(' ');
    if (await transfer(id, { [kind]: Number(n), ...(note.trim() ? { note: note.trim() } : {}) })) closeDialog();
  };
  const option = (key, name, detail) => html`<label key=${key} class="choice"><input type="radio" name="target" value=${key} checked=${target === key} onChange=${() => setTarget(key)} /><span><b>${name}</b>${detail && html`<small>${detail}</small>`}</span></label>`;
  return html`<${Modal} title=${t('transfer.title')} onClose=${closeDialog}><form onSubmit=${onSubmit}>
    <div class="modal-body">
      <label class="search"><span class="hidden-text">${t('transfer.find')}</span><${Icon} name="search" size=${16} /><input data-first type="search" placeholder=${t('transfer.find')} value=${words} onInput=${(e) => setWords(e.currentTarget.value)} /></label>
      <div class="choices-list" role="radiogroup" aria-label=${t('transfer.to')}>
        ${toServices.length > 0 && html`<h3>${t('transfer.services')}</h3>`}${toServices.map((s) => option(`serviceId ${s.id}`, s.name, ''))}
        ${toAgents.length > 0 && html`<h3>${t('transfer.agents')}</h3>`}${toAgents.map((a) => option(`agentId ${a.id}`, a.displayName ?? a.login, a.state?.label ?? ''))}
        ${agents === null && html`<${Spinner} />`}
        ${agents !== null && !toServices.length && !toAgents.length && html`<p class="dim">${t('transfer.none')}</p>`}
      </div>
      <label class="field"><span>${t('transfer.note')}</span><input value=${note} maxlength="1000" onInput=${(e) => setNote(e.currentTarget.value)} /></label>
    </div>
    <footer class="modal-foot"><button type="button" class="button" onClick=${closeDialog}>${t('cancel')}</button><button type="submit" class="button primary" disabled=${!target || doing.value.has(id)}>${t('transfer')}</button></footer>
  </form><//>`;
}

function WhyDialog({ id }) {
  const [r, setR] = useState(/** @type {any} */ (undefined));
  useEffect(() => { optional(`/interaction/interactions/${id}/routing`).then(setR).catch(() => setR(null)); }, [id]);
  return html`<${Modal} title=${t('why.title')} onClose=${closeDialog} wide><div class="modal-body" tabindex="0">
    ${r === undefined ? html`<${Spinner} />` : r === null ? html`<${Empty} icon="info" title=${t('why.none')} />` : html`
      <p>${t(`interaction.${r.state}`)}${r.position ? ` · ${t('why.position', { n: r.position })}` : ''}${r.estimateSeconds !== null && r.estimateSeconds !== undefined ? ` · ${t('why.estimate', { time: spanOf(r.estimateSeconds * 1000) })}` : ''}</p>
      ${r.considered?.length > 0 && html`<table class="table"><caption class="hidden-text">${t('why.considered')}</caption><thead><tr><th scope="col">${t('why.agent')}</th><th scope="col">${t('why.able')}</th><th scope="col">${t('why.reason')}</th></tr></thead>
        <tbody>${r.considered.map((c) => html`<tr key=${c.agent?.id}><th scope="row">${c.agent?.name}</th><td>${c.eligible ? t('yes') : t('no')}</td><td>${(c.why ?? []).join(', ')}</td></tr>`)}</tbody></table>`}
      ${r.next?.length > 0 && html`<h3>${t('why.next')}</h3><ul>${r.next.map((x, k) => html`<li key=${k}><time>${timeOf(x.at)}</time> ${x.what}</li>`)}</ul>`}`}
  </div><//>`;
}

function Picture({ file }) {
  return html`<${Modal} title=${file.name} onClose=${closeDialog} wide class="picture-modal"><div class="modal-body"><img src=${file.url} alt=${file.name} /></div>
    <footer class="modal-foot"><span class="dim">${sizeOf(file.size)}</span><a class="button" href=${file.url} download=${file.name}><${Icon} name="download" size=${16} />${t('file.download')}</a></footer><//>`;
}

function Help() {
  return html`<${Modal} title=${t('help.title')} onClose=${closeDialog} wide><div class="modal-body help" tabindex="0" data-first>
    ${KEYS.map((group) => html`<section key=${group.name}><h3>${t(`help.${group.name}`)}</h3><dl>${group.keys.map((k) => html`<div key=${k.text}><dt>${k.show.map((x) => html`<kbd key=${x}>${x}</kbd>`)}</dt><dd>${t(`key.${k.text}`)}</dd></div>`)}</dl></section>`)}
    ${!singleKeys.value && html`<p class="dim">${t('help.off')}</p>`}
  </div><//>`;
}

export function Dialogs() {
  const d = dialog.value;
  if (!d) return null;
  const view = { close: CloseDialog, transfer: TransferDialog, why: WhyDialog, picture: Picture, help: Help }[d.kind];
  if (d.kind === 'settings') return html`<${Settings} onClose=${closeDialog} />`;
  return view ? html`<${view} key=${`${d.kind} ${d.id ?? ''}`} ...${d} />` : null;
}
