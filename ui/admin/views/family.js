// The list of a family and the form of one row.
import { html, useEffect, useState } from '../../shared/html.js';
import { t, has, momentOf } from '../../shared/i18n.js';
import { ApiError, call, deed, get } from '../../shared/api.js';
import { wordsOf } from '../../shared/words.js';
import { toast } from '../../shared/toasts.js';
import { Icon } from '../../shared/icons.js';
import { Empty, Modal, Spinner } from '../../shared/parts.js';
import { BASE, go, nameOfRow, readRows, rows, rowsOf } from '../store.js';
import { blankOf, changesOf } from '../families.js';
import { FieldRow, labelOf } from './fields.js';

function Cell({ family, column, row }) {
  const v = row[column];
  const f = family.fields.find((x) => x.name === column);
  if (column === 'displayed') return [row.firstName, row.lastName].filter(Boolean).join(' ');
  if (column === 'enabled') return html`<span class="chip ${v ? 'on' : 'off'}">${v ? t('enabled') : t('disabled')}</span>`;
  if (/At$/.test(column)) return v ? momentOf(v) : t('never');
  if (f?.type === 'word') return t(`word.${v}`);
  if (f?.type === 'color') return html`<svg class="swatch" width="16" height="16" aria-hidden="true"><circle cx="8" cy="8" r="7" fill=${v} /></svg>${v}`;
  if (f?.type === 'ref') return v ? (rowsOf(f.of ?? '').find((r) => r.id === v)?.name ?? `#${v}`) : t('choice.all');
  if (f?.type === 'rights') return Object.entries(v ?? {}).map(([a, verbs]) => `${a} ${verbs.join(' ')}`).join(' · ');
  if (Array.isArray(v)) return String(v.length);
  if (v && typeof v === 'object') return v.name ?? '';
  return String(v ?? '');
}

export function FamilyList({ family }) {
  const [error, setError] = useState('');
  const [words, setWords] = useState('');
  useEffect(() => { setError(''); readRows(family.name).catch((e) => setError(wordsOf(e))); }, [family.name]);
  const list = rows.value[family.name];
  const shown = (list ?? []).filter((r) => JSON.stringify(r).toLowerCase().includes(words.trim().toLowerCase()));
  return html`<header class="page-head"><h1>${t(`page.${family.name}`)}</h1>
      ${list && list.length > 8 && html`<label class="search"><span class="hidden-text">${t('filter')}</span><${Icon} name="search" size=${16} /><input type="search" placeholder=${t('filter')} value=${words} onInput=${(e) => setWords(e.currentTarget.value)} /></label>`}
      <button type="button" class="button primary" data-new onClick=${() => go(family.name, 'new')}>${t('add')}</button></header>
    <p class="page-text">${t(`about.${family.name}`)}</p>
    ${error ? html`<${Empty} icon="warn" title=${error} />` : !list ? html`<${Spinner} />` : !list.length ? html`<${Empty} icon=${family.icon} title=${t('list.empty')} text=${t('list.empty.text')} />` : html`
    <div class="table-box" tabindex="0" role="region" aria-label=${t(`page.${family.name}`)}><table class="table"><thead><tr>${family.columns.map((c) => html`<th key=${c} scope="col">${labelOf(family.name, c)}</th>`)}</tr></thead>
      <tbody>${shown.map((r) => html`<tr key=${r.id} class=${r.enabled === false ? 'disabled' : ''}>${family.columns.map((c, i) => (i === 0
        ? html`<th key=${c} scope="row"><a href="#/${family.name}/${r.id}" onClick=${(e) => { e.preventDefault(); go(family.name, String(r.id)); }}><${Cell} family=${family} column=${c} row=${r} />${!r[c] && nameOfRow(r)}</a></th>`
        : html`<td key=${c}><${Cell} family=${family} column=${c} row=${r} /></td>`))}</tr>`)}</tbody></table></div>`}`;
}

/** A secret that is told once: it must be copied now. */
function Secret({ name, made, onClose }) {
  const values = Object.entries(made).filter(([k]) => ['clientId', 'uuid', name].includes(k));
  return html`<${Modal} title=${t('secret.title')} onClose=${onClose}><div class="modal-body"><p>${t('secret.text')}</p>
    <dl class="secret">${values.map(([k, v]) => html`<div key=${k}><dt>${t(`secret.${k}`)}</dt><dd><code data-secret=${k}>${v}</code></dd></div>`)}</dl></div>
    <footer class="modal-foot"><button type="button" class="button" onClick=${async () => { try { await navigator.clipboard.writeText(made[name]); toast(t('secret.copied')); } catch { toast(t('secret.uncopied'), 'bad'); } }}>${t('secret.copy')}</button>
      <button type="button" class="button primary" data-first onClick=${onClose}>${t('secret.done')}</button></footer><//>`;
}

/** Tries the webhook and says what came of it. */
function TestDelivery({ id, onClose }) {
  const [d, setD] = useState(/** @type {any} */ (null));
  const [error, setError] = useState('');
  useEffect(() => {
    let over = false;
    (async () => {
      try {
        const { deliveryId } = await deed('POST', `${BASE}/connectors/${id}/test`, {});
        for (let i = 0; i < 120 && !over; i++) {
          const now = await get(`${BASE}/deliveries/${deliveryId}`);
          if (over) return;
          setD(now);
          if (now.state !== 'pending') return;
          await new Promise((r) => setTimeout(r, 500));
        }
      } catch (e) { if (!over) setError(wordsOf(e)); }
    })();
    return () => { over = true; };
  }, [id]);
  return html`<${Modal} title=${t('test.title')} onClose=${onClose}><div class="modal-body" role="status">
    ${error ? html`<p class="form-error"><${Icon} name="warn" size=${16} />${error}</p>` : !d ? html`<${Spinner} />` : html`<p><span class="chip ${d.state}" data-state=${d.state}>${t(`delivery.${d.state}`)}</span> ${t('test.attempts', { n: d.attempts })}</p>${(d.lastError || d.lastStatus > 0) && html`<p>${[d.lastStatus > 0 && `HTTP ${d.lastStatus}`, d.lastError].filter(Boolean).join(': ')}</p>`}`}
  </div><//>`;
}

export function FamilyForm({ family, id }) {
  const isNew = id === 'new';
  const [before, setBefore] = useState(/** @type {any} */ (null));
  const [row, setRow] = useState(/** @type {any} */ (isNew ? blankOf(family) : null));
  const [problems, setProblems] = useState(/** @type {Record<string, string>} */ ({}));
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const [made, setMade] = useState(/** @type {any} */ (null));
  const [asking, setAsking] = useState('');
  const read = async () => {
    try {
      const r = await get(`${BASE}/${family.name}/${id}`);
      setBefore(r);
      setRow(r);
    } catch (e) { setError(wordsOf(e)); }
  };
  useEffect(() => { if (!isNew) read(); }, [family.name, id]);
  const fail = (e) => {
    const found = {};
    if (e instanceof ApiError) for (const p of e.fields) { const name = String(p.pointer ?? '').split('/')[1]; if (name) found[name] = [found[name], p.problem].filter(Boolean).join('; '); }
    setProblems(found);
    const known = family.fields.some((f) => found[f.name]);
    setError(e instanceof ApiError && e.status === 412 ? t('form.changed') : known ? t('form.wrong') : wordsOf(e));
    const first = family.fields.find((f) => found[f.name]);
    if (first) setTimeout(() => /** @type {HTMLElement|null} */ (document.querySelector(`[data-field="${first.name}"] :is(input, select, textarea, button)`))?.focus());
  };
  const doing = async (work) => {
    setBusy(true);
    setError('');
    setProblems({});
    try { await work(); } catch (e) { fail(e); }
    setBusy(false);
  };
  const onSubmit = (e) => {
    e.preventDefault();
    doing(async () => {
      const json = changesOf(family, before, row);
      if (isNew) {
        const r = await deed('POST', `${BASE}/${family.name}`, json);
        await readRows(family.name);
        if (family.secret && r[family.secret]) { setMade(r); return; }
        toast(t('form.made'));
        go(family.name);
        return;
      }
      if (!Object.keys(json).length) { toast(t('form.same')); return; }
      const r = await call('PUT', `${BASE}/${family.name}/${id}`, { json, headers: { 'If-Match': `"${before.version}"` } });
      setBefore(r);
      setRow(r);
      await readRows(family.name);
      toast(t('form.saved'));
    });
  };
  const remove = () => doing(async () => {
    await call('DELETE', `${BASE}/${family.name}/${id}`, { headers: { 'If-Match': `"${before.version}"` } });
    await readRows(family.name);
    toast(family.disables ? t('form.disabled') : t('form.removed'));
    go(family.name);
  });
  const rotate = () => doing(async () => { setMade(await deed('POST', `${BASE}/connectors/${id}/rotate-secret`, {})); });
  if (!row) return error ? html`<${Empty} icon="warn" title=${error} />` : html`<${Spinner} />`;
  const fields = family.fields.filter((f) => isNew || !f.once);
  const parts = [...new Set(fields.map((f) => f.part ?? ''))];
  const title = isNew ? t('form.new', { what: t(`one.${family.name}`) }) : nameOfRow(before ?? row);
  return html`<header class="page-head"><button type="button" class="button quiet square" aria-label=${t('back')} title=${t('back')} onClick=${() => go(family.name)}><${Icon} name="back" /></button><h1>${title}</h1>
      ${!isNew && family.name === 'connectors' && html`<button type="button" class="button" data-test onClick=${() => setAsking('test')}>${t('test.go')}</button><button type="button" class="button" onClick=${rotate} disabled=${busy}>${t('secret.rotate')}</button>`}
      ${!isNew && family.name === 'agents' && html`<button type="button" class="button" onClick=${() => setAsking('password')}>${t('password.title')}</button>`}</header>
    <form class="form" onSubmit=${onSubmit} novalidate>
      ${!isNew && (before?.clientId || before?.uuid) && html`<p class="dim">${t('secret.clientId')} <code>${before.clientId ?? before.uuid}</code></p>`}
      ${parts.map((p) => html`<fieldset key=${p}><legend class=${p ? '' : 'hidden-text'}>${p ? t(`part.${p}`) : title}</legend>
        ${fields.filter((f) => (f.part ?? '') === p).map((f) => html`<${FieldRow} key=${f.name} family=${family} f=${f} value=${row[f.name]} problem=${problems[f.name]} onChange=${(v) => setRow((old) => ({ ...old, [f.name]: v }))} />`)}</fieldset>`)}
      <p class="form-error" role="alert">${error && html`<${Icon} name="warn" size=${16} />${error}`}</p>
      <footer class="form-foot"><button type="submit" class="button primary" disabled=${busy}>${isNew ? t('form.make') : t('form.save')}</button><button type="button" class="button" onClick=${() => go(family.name)}>${t('cancel')}</button>
        ${!isNew && before?.enabled !== false && html`<button type="button" class="button bad" onClick=${() => setAsking('remove')}>${family.disables ? t('disable') : t('remove')}</button>`}</footer>
    </form>
    ${made && html`<${Secret} name=${family.secret} made=${made} onClose=${() => { setMade(null); if (isNew) go(family.name); else read(); }} />`}
    ${asking === 'test' && html`<${TestDelivery} id=${id} onClose=${() => setAsking('')} />`}
    ${asking === 'password' && html`<${Password} id=${id} onClose=${() => setAsking('')} />`}
    ${asking === 'remove' && html`<${Modal} title=${title} onClose=${() => setAsking('')}><div class="modal-body"><p>${family.disables ? t('disable.sure') : t('remove.sure')}</p></div>
      <footer class="modal-foot"><button type="button" class="button" data-first onClick=${() => setAsking('')}>${t('cancel')}</button><button type="button" class="button bad" onClick=${() => { setAsking(''); remove(); }}>${family.disables ? t('disable') : t('remove')}</button></footer><//>`}`;
}

function Password({ id, onClose }) {
  const [value, setValue] = useState('');
  const [error, setError] = useState('');
  const onSubmit = async (e) => {
    e.preventDefault();
    try { await call('PUT', `${BASE}/agents/${id}/password`, { json: { password: value } }); toast(t('password.done')); onClose(); } catch (err) { setError(wordsOf(err)); }
  };
  return html`<${Modal} title=${t('password.title')} onClose=${onClose}><form onSubmit=${onSubmit}><div class="modal-body"><p>${t('password.text')}</p>
    <label class="field"><span>${t('password.new')}</span><input type="password" autocomplete="new-password" data-first value=${value} onInput=${(e) => setValue(e.currentTarget.value)} /></label><p class="form-error" role="alert">${error}</p></div>
    <footer class="modal-foot"><button type="button" class="button" onClick=${onClose}>${t('cancel')}</button><button type="submit" class="button primary">${t('form.save')}</button></footer></form><//>`;
}
