// What has happened: deliveries to partners, with filter, detail and sending again; who changed what in the setup.
import { html, useEffect, useState } from '../../shared/html.js';
import { t, has, momentOf } from '../../shared/i18n.js';
import { deed, get } from '../../shared/api.js';
import { wordsOf } from '../../shared/words.js';
import { toast } from '../../shared/toasts.js';
import { Empty, Modal, Spinner } from '../../shared/parts.js';
import { BASE, rowsOf } from '../store.js';

/** A list that goes on by a cursor. */
function usePages(path) {
  const [state, setState] = useState(/** @type {{items: any[]|null, next: string|null, error: string}} */ ({ items: null, next: null, error: '' }));
  const read = async (cursor = '', items = /** @type {any[]} */ ([])) => {
    try {
      const page = await get(`${BASE}/${path}${path.includes('?') ? '&' : '?'}limit=50${cursor && `&cursor=${cursor}`}`);
      setState({ items: [...items, ...page.items], next: page.next, error: '' });
    } catch (e) { setState({ items, next: null, error: wordsOf(e) }); }
  };
  useEffect(() => { setState({ items: null, next: null, error: '' }); read(); }, [path]);
  return { ...state, again: () => read(), more: () => read(state.next ?? '', state.items ?? []) };
}

function Detail({ id, onClose, onReplayed }) {
  const [d, setD] = useState(/** @type {any} */ (null));
  useEffect(() => { get(`${BASE}/deliveries/${id}`).then(setD).catch((e) => { toast(wordsOf(e), 'bad'); onClose(); }); }, [id]);
  const replay = async () => {
    try { await deed('POST', `${BASE}/deliveries/replay`, { ids: [id] }); toast(t('replay.done', { n: 1 })); onReplayed(); } catch (e) { toast(wordsOf(e), 'bad'); }
  };
  let payload = d?.payload ?? '';
  try { payload = JSON.stringify(JSON.parse(payload), null, 2); } catch { /* shown as it is */ }
  const facts = d ? [['state', t(`delivery.${d.state}`)], ['connector', d.connector.name], ['attempts', d.attempts], ['lastStatus', d.lastStatus || ''], ['lastError', d.lastError], ['createdAt', momentOf(d.createdAt)], ['nextAt', d.nextAt && momentOf(d.nextAt)], ['settledAt', d.settledAt && momentOf(d.settledAt)]].filter(([, v]) => v !== '' && v !== null) : [];
  return html`<${Modal} title=${t('delivery.title')} onClose=${onClose} wide><div class="modal-body" tabindex="0">${!d ? html`<${Spinner} />` : html`
    <dl class="facts">${facts.map(([k, v]) => html`<div key=${k}><dt>${t(`field.${k}`)}</dt><dd>${v}</dd></div>`)}</dl><pre class="payload">${payload}</pre>`}</div>
    <footer class="modal-foot">${d?.state === 'parked' && html`<button type="button" class="button primary" onClick=${replay}>${t('replay.one')}</button>`}<button type="button" class="button" onClick=${onClose}>${t('close')}</button></footer><//>`;
}

export function Deliveries() {
  const [state, setState] = useState('');
  const [connector, setConnector] = useState('');
  const [shown, setShown] = useState('');
  const list = usePages(`deliveries?${new URLSearchParams({ ...(state && { state }), ...(connector && { connector }) })}`);
  const partners = [...rowsOf('connectors'), ...rowsOf('channels')];
  const replayAll = async () => {
    try { const r = await deed('POST', `${BASE}/deliveries/replay`, { connectorId: Number(connector) }); toast(t('replay.done', { n: r.replayed })); list.again(); } catch (e) { toast(wordsOf(e), 'bad'); }
  };
  return html`<header class="page-head"><h1>${t('page.deliveries')}</h1><button type="button" class="button" onClick=${list.again}>${t('refresh')}</button></header>
    <p class="page-text">${t('about.deliveries')}</p>
    <div class="filters"><label class="field"><span>${t('field.state')}</span><select value=${state} onChange=${(e) => setState(e.currentTarget.value)}><option value="">${t('choice.any')}</option>${['pending', 'delivered', 'parked'].map((s) => html`<option key=${s} value=${s}>${t(`delivery.${s}`)}</option>`)}</select></label>
      <label class="field"><span>${t('field.connector')}</span><select value=${connector} onChange=${(e) => setConnector(e.currentTarget.value)}><option value="">${t('choice.any')}</option>${partners.map((c) => html`<option key=${c.id} value=${String(c.id)}>${c.name}</option>`)}</select></label>
      ${state === 'parked' && connector && html`<button type="button" class="button" onClick=${replayAll}>${t('replay.all')}</button>`}</div>
    ${list.error ? html`<${Empty} icon="warn" title=${list.error} />` : !list.items ? html`<${Spinner} />` : !list.items.length ? html`<${Empty} icon="send" title=${t('deliveries.empty')} />` : html`
    <div class="table-box" tabindex="0" role="region" aria-label=${t('page.deliveries')}><table class="table"><thead><tr>${['createdAt', 'connector', 'state', 'attempts', 'lastError'].map((c) => html`<th key=${c} scope="col">${t(`field.${c}`)}</th>`)}</tr></thead>
      <tbody>${list.items.map((d) => html`<tr key=${d.id}><th scope="row"><button type="button" class="as-link" data-delivery=${d.id} onClick=${() => setShown(d.id)}>${momentOf(d.createdAt)}</button></th><td>${d.connector.name}${d.test ? html` <span class="chip">${t('test')}</span>` : ''}</td><td><span class="chip ${d.state}">${t(`delivery.${d.state}`)}</span></td><td>${d.attempts}</td><td>${[d.lastStatus > 0 && d.state !== 'delivered' && d.lastStatus, d.lastError].filter(Boolean).join(' ')}</td></tr>`)}</tbody></table></div>
    ${list.next && html`<button type="button" class="button" onClick=${list.more}>${t('more')}</button>`}`}
    ${shown && html`<${Detail} id=${shown} onClose=${() => setShown('')} onReplayed=${() => { setShown(''); list.again(); }} />`}`;
}

export function Audit() {
  const list = usePages('audit');
  const what = (d) => (has(`audit.${d.action}`) ? t(`audit.${d.action}`) : d.action);
  return html`<header class="page-head"><h1>${t('page.audit')}</h1><button type="button" class="button" onClick=${list.again}>${t('refresh')}</button></header>
    <p class="page-text">${t('about.audit')}</p>
    ${list.error ? html`<${Empty} icon="warn" title=${list.error} />` : !list.items ? html`<${Spinner} />` : !list.items.length ? html`<${Empty} icon="clock" title=${t('list.empty')} />` : html`
    <div class="table-box" tabindex="0" role="region" aria-label=${t('page.audit')}><table class="table"><thead><tr>${['at', 'by', 'what', 'fields'].map((c) => html`<th key=${c} scope="col">${t(`audit.${c}`)}</th>`)}</tr></thead>
      <tbody>${list.items.map((e) => html`<tr key=${e.seq}><th scope="row">${momentOf(e.at)}</th><td>${e.agent?.name ?? e.data?.by ?? ''}</td><td>${e.data?.change} <b>${e.data?.name}</b> ${what(e.data ?? {})}</td><td>${(e.data?.fields ?? []).join(', ')}</td></tr>`)}</tbody></table></div>
    ${list.next && html`<button type="button" class="button" onClick=${list.more}>${t('more')}</button>`}`}`;
}
