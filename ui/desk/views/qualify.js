// What a conversation was about: a choice by category and a comment. Saved as soon as it is chosen, during wrap-up; with the close otherwise.
import { html, useState } from '../../shared/html.js';
import { t } from '../../shared/i18n.js';
import { qualifications } from '../store.js';
import { qualify } from '../actions.js';

export function groupsOf(list, serviceId) {
  const groups = new Map();
  for (const q of list ?? []) {
    const service = q.serviceId ?? q.service?.id ?? 0;
    if (q.enabled === false || (service && service !== serviceId)) continue;
    groups.set(q.category ?? '', [...(groups.get(q.category ?? '') ?? []), q]);
  }
  return [...groups];
}

export function QualificationFields({ serviceId, value, comment, onValue, onComment, onDone = () => {} }) {
  return html`<div class="qualify">
    <label class="field"><span>${t('qualify.what')}</span><select data-first value=${String(value || '')} onKeyDown=${(e) => { if (e.key === 'Enter' && e.currentTarget.form) { e.preventDefault(); e.currentTarget.form.requestSubmit(); } }} onChange=${(e) => { onValue(Number(e.currentTarget.value) || 0); onDone(); }}>
      <option value="">${t('qualify.none')}</option>
      ${groupsOf(qualifications.value, serviceId).map(([name, list]) => (name
        ? html`<optgroup key=${name} label=${name}>${list.map((q) => html`<option key=${q.id} value=${String(q.id)}>${q.label}</option>`)}</optgroup>`
        : list.map((q) => html`<option key=${q.id} value=${String(q.id)}>${q.label}</option>`)))}
    </select></label>
    <label class="field"><span>${t('qualify.comment')}</span><input value=${comment} maxlength="1000" onInput=${(e) => onComment(e.currentTarget.value)} onChange=${onDone} /></label>
  </div>`;
}

export function QualificationForm({ i }) {
  const [value, setValue] = useState(i.qualification?.id ?? 0);
  const [comment, setComment] = useState(i.qualification?.comment ?? '');
  const save = (v, c) => { if (v) qualify(i.id, { qualificationId: v, comment: c }); };
  return html`<${QualificationFields} serviceId=${i.service?.id} value=${value} comment=${comment}
    onValue=${(v) => { setValue(v); save(v, comment); }} onComment=${(c) => { setComment(c); }} onDone=${() => save(value, comment)} />`;
}
