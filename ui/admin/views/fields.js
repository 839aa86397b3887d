// One control for each type of field. Each gets {id, f, value, onChange, problem} and says what it is by its label.
import { html, useState } from '../../shared/html.js';
import { t, has } from '../../shared/i18n.js';
import { Icon } from '../../shared/icons.js';
import { rowsOf, nameOfRow } from '../store.js';
import { APIS, VERBS } from '../families.js';

export const labelOf = (family, name) => (has(`field.${family}.${name}`) ? t(`field.${family}.${name}`) : t(`field.${name}`));
export const wordOf = (f, word) => t(`word.${word}`);

const WEEKDAYS = [1, 2, 3, 4, 5, 6, 7];
const UNITS = [86400, 3600, 60, 1];

function Seconds({ id, value, onChange, describedBy, label }) {
  const [unit, setUnit] = useState(UNITS.find((u) => value && value % u === 0) ?? 1);
  const n = value / unit;
  return html`<span class="with-unit"><input id=${id} type="number" min="0" step="1" value=${String(n)} aria-describedby=${describedBy} onInput=${(e) => onChange(Math.round(Number(e.currentTarget.value) * unit))} />
    <select aria-label=${t('unit.of', { label })} value=${String(unit)} onChange=${(e) => { const u = Number(e.currentTarget.value); setUnit(u); onChange(Math.round(n * u)); }}>${[...UNITS].reverse().map((u) => html`<option key=${u} value=${String(u)}>${t(`unit.${u}`)}</option>`)}</select></span>`;
}

function Ref({ id, f, value, onChange, describedBy, empty }) {
  const current = value && typeof value === 'object' ? value.id : value;
  return html`<select id=${id} value=${String(current ?? '')} aria-describedby=${describedBy} required=${f.required} onChange=${(e) => onChange(Number(e.currentTarget.value) || null)}>
    <option value="">${empty}</option>${rowsOf(f.of).map((r) => html`<option key=${r.id} value=${String(r.id)}>${nameOfRow(r)}</option>`)}</select>`;
}

function Levels({ f, value, onChange, label }) {
  const list = value ?? [];
  const rest = rowsOf(f.of).filter((r) => !list.some((x) => x.id === r.id));
  const nameOf = (x) => { const r = rowsOf(f.of).find((y) => y.id === x.id); return r ? nameOfRow(r) : x.name ?? `#${x.id}`; };
  return html`<div class="items" role="group" aria-label=${label}>
    ${list.map((x) => html`<div key=${x.id} class="item"><span>${nameOf(x)}</span>
      <select aria-label=${t('level.of', { name: nameOf(x) })} value=${String(x.level ?? 1)} onChange=${(e) => onChange(list.map((y) => (y.id === x.id ? { ...y, level: Number(e.currentTarget.value) } : y)))}>${[1, 2, 3, 4, 5].map((n) => html`<option key=${n} value=${String(n)}>${t('level', { n })}</option>`)}</select>
      <button type="button" class="button quiet square small" aria-label=${t('remove.named', { name: nameOf(x) })} title=${t('remove')} onClick=${() => onChange(list.filter((y) => y.id !== x.id))}><${Icon} name="close" size=${14} /></button></div>`)}
    ${rest.length > 0 && html`<select class="add" aria-label=${t('add.to', { label })} value="" onChange=${(e) => { const id = Number(e.currentTarget.value); if (id) onChange([...list, { id, level: 1 }]); e.currentTarget.value = ''; }}>
      <option value="">${t('add.one')}</option>${rest.map((r) => html`<option key=${r.id} value=${String(r.id)}>${nameOfRow(r)}</option>`)}</select>`}
    ${!list.length && !rest.length && html`<span class="dim">${t('nothing.to.choose')}</span>`}
  </div>`;
}

function Overflow({ id, f, value, onChange, describedBy, label }) {
  return html`<div class="items"><${Ref} id=${id} f=${f} value=${value?.serviceId} empty=${t('choice.none')} describedBy=${describedBy} onChange=${(s) => onChange(s ? { afterSeconds: 60, ...value, serviceId: s } : null)} />
    ${value?.serviceId && html`<label class="inline"><span>${t('field.after')}</span><${Seconds} id=${`${id}-after`} label=${label} value=${value.afterSeconds ?? 60} onChange=${(n) => onChange({ ...value, afterSeconds: n })} /></label>`}</div>`;
}

/** Lines of small inputs, with a button for one more. */
function Lines({ value, onChange, label, blank, line }) {
  const list = value ?? [];
  const set = (i, v) => onChange(list.map((x, k) => (k === i ? { ...x, ...v } : x)));
  return html`<div class="items" role="group" aria-label=${label}>
    ${list.map((x, i) => html`<div key=${i} class="item">${line(x, (v) => set(i, v), i + 1)}<button type="button" class="button quiet square small" aria-label=${t('remove.line', { n: i + 1 })} title=${t('remove')} onClick=${() => onChange(list.filter((_, k) => k !== i))}><${Icon} name="close" size=${14} /></button></div>`)}
    <button type="button" class="button small" onClick=${() => onChange([...list, blank(list)])}>${t('add.one')}</button></div>`;
}

const Intervals = (p) => html`<${Lines} ...${p} blank=${(list) => ({ weekday: Math.min(7, (list.at(-1)?.weekday ?? 0) + 1), start: '09:00', end: '18:00' })} line=${(x, set, n) => html`
  <select aria-label=${t('interval.weekday', { n })} value=${String(x.weekday)} onChange=${(e) => set({ weekday: Number(e.currentTarget.value) })}>${WEEKDAYS.map((d) => html`<option key=${d} value=${String(d)}>${t(`weekday.${d}`)}</option>`)}</select>
  <input aria-label=${t('interval.start', { n })} value=${x.start} pattern="[0-9]{2}:[0-9]{2}" maxlength="5" onInput=${(e) => set({ start: e.currentTarget.value })} />
  <input aria-label=${t('interval.end', { n })} value=${x.end} pattern="[0-9]{2}:[0-9]{2}" maxlength="5" onInput=${(e) => set({ end: e.currentTarget.value })} />`} />`;

const Exceptions = (p) => html`<${Lines} ...${p} blank=${() => ({ day: new Date().toISOString().slice(0, 10), start: null, end: null, label: '' })} line=${(x, set, n) => html`
  <input type="date" aria-label=${t('exception.day', { n })} value=${x.day} onInput=${(e) => set({ day: e.currentTarget.value })} />
  <input aria-label=${t('interval.start', { n })} placeholder=${t('exception.closed')} value=${x.start ?? ''} maxlength="5" onInput=${(e) => set({ start: e.currentTarget.value || null })} />
  <input aria-label=${t('interval.end', { n })} placeholder=${t('exception.closed')} value=${x.end ?? ''} maxlength="5" onInput=${(e) => set({ end: e.currentTarget.value || null })} />
  <input aria-label=${t('exception.label', { n })} placeholder=${t('field.label')} value=${x.label ?? ''} maxlength="100" onInput=${(e) => set({ label: e.currentTarget.value })} />`} />`;

const Media = (p) => html`<${Lines} ...${p} blank=${(list) => ({ medium: p.f.words.find((m) => !list.some((x) => x.medium === m)) ?? p.f.words[0], most: 1 })} line=${(x, set, n) => html`
  <select aria-label=${t('media.medium', { n })} value=${x.medium} onChange=${(e) => set({ medium: e.currentTarget.value })}>${p.f.words.map((m) => html`<option key=${m} value=${m}>${t(`word.${m}`)}</option>`)}</select>
  <input type="number" min="0" max="100" aria-label=${t('media.most', { n })} value=${String(x.most)} onInput=${(e) => set({ most: Number(e.currentTarget.value) })} />`} />`;

/** The grid of APIs and verbs. */
function Rights({ value, onChange, label }) {
  const on = (api, verb) => (value?.[api] ?? []).includes(verb);
  const flip = (api, verb) => {
    const verbs = VERBS.filter((v) => (v === verb ? !on(api, v) : on(api, v)));
    const next = { ...value, [api]: verbs };
    if (!verbs.length) delete next[api];
    onChange(next);
  };
  return html`<table class="table rights"><caption class="hidden-text">${label}</caption><thead><tr><td></td>${VERBS.map((v) => html`<th key=${v} scope="col">${v}</th>`)}</tr></thead>
    <tbody>${APIS.map((a) => html`<tr key=${a}><th scope="row">${a}</th>${VERBS.map((v) => html`<td key=${v}><label class="tick"><input type="checkbox" checked=${on(a, v)} onChange=${() => flip(a, v)} /><span class="hidden-text">${a} ${v}</span></label></td>`)}</tr>`)}</tbody></table>`;
}

const zones = /** @type {string[]} */ (/** @type {any} */ (Intl).supportedValuesOf?.('timeZone') ?? []);
function Zone({ id, value, onChange, describedBy }) {
  return html`<input id=${id} list="${id}-zones" value=${value} aria-describedby=${describedBy} spellcheck=${false} onInput=${(e) => onChange(e.currentTarget.value)} /><datalist id="${id}-zones">${zones.map((z) => html`<option key=${z} value=${z} />`)}</datalist>`;
}

const text = (type) => ({ id, f, value, onChange, describedBy }) => html`<input id=${id} type=${type} value=${value ?? ''} maxlength=${f.max} required=${f.required} spellcheck=${false} autocomplete=${type === 'password' ? 'new-password' : 'off'} aria-describedby=${describedBy} onInput=${(e) => onChange(e.currentTarget.value)} />`;
const CONTROLS = {
  text: text('text'), password: text('password'), color: text('color'), zone: Zone, seconds: Seconds, levels: Levels, overflow: Overflow, intervals: Intervals, exceptions: Exceptions, media: Media, rights: Rights,
  lines: ({ id, f, value, onChange, describedBy }) => html`<textarea id=${id} rows="4" maxlength=${f.max} required=${f.required} aria-describedby=${describedBy} value=${value ?? ''} onInput=${(e) => onChange(e.currentTarget.value)}></textarea>`,
  number: ({ id, f, value, onChange, describedBy }) => html`<input id=${id} type="number" min=${f.min} max=${f.max} value=${String(value ?? '')} aria-describedby=${describedBy} onInput=${(e) => onChange(Number(e.currentTarget.value))} />`,
  switch: ({ id, value, onChange, describedBy }) => html`<input id=${id} type="checkbox" role="switch" class="switch" checked=${value} aria-describedby=${describedBy} onChange=${(e) => onChange(e.currentTarget.checked)} />`,
  word: ({ id, f, value, onChange, describedBy }) => html`<select id=${id} value=${value} aria-describedby=${describedBy} onChange=${(e) => onChange(e.currentTarget.value)}>${f.words.map((w) => html`<option key=${w} value=${w}>${wordOf(f, w)}</option>`)}</select>`,
  ref: (p) => html`<${Ref} ...${p} empty=${p.f.of === 'services' ? t('choice.all') : t('choice.none')} />`,
  named: (p) => html`<${Ref} ...${p} empty=${t('choice.none')} />`,
};
/** Those that are no single control: their name is a heading, not a label. */
const GROUPED = new Set(['levels', 'intervals', 'exceptions', 'media', 'rights']);

export function FieldRow({ family, f, value, onChange, problem }) {
  const id = `f-${f.name}`;
  const label = labelOf(family.name, f.name);
  const hint = has(`hint.${family.name}.${f.name}`) ? t(`hint.${family.name}.${f.name}`) : has(`hint.${f.name}`) ? t(`hint.${f.name}`) : '';
  const describedBy = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(' ') || undefined;
  const name = html`${label}${f.required && html`<span class="must" aria-hidden="true">*</span>`}`;
  return html`<div class="form-row of-${f.type} ${problem ? 'wrong' : ''}" data-field=${f.name}>
    ${GROUPED.has(f.type) ? html`<span class="form-label">${name}</span>` : html`<label class="form-label" for=${id}>${name}</label>`}
    <div class="form-control"><${CONTROLS[f.type]} id=${id} f=${f} value=${value} onChange=${onChange} describedBy=${describedBy} label=${label} />
      ${hint && html`<small id="${id}-hint">${hint}</small>`}${problem && html`<small id="${id}-problem" class="problem" role="alert">${problem}</small>`}</div>
  </div>`;
}
