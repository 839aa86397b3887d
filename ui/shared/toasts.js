// Short words at the edge of the page that go by themselves: what was done, what was not.
import { html, signal } from './html.js';
import { t } from './i18n.js';
import { Icon } from './icons.js';

/** @typedef {{id: number, text: string, kind: 'bad'|'good'}} Toast */
const toasts = signal(/** @type {Toast[]} */ ([]));
let toastNumber = 0;
export function toast(text, kind = /** @type {'bad'|'good'} */ ('good')) {
  const id = ++toastNumber;
  toasts.value = [...toasts.value.slice(-3), { id, text, kind }];
  setTimeout(() => dropToast(id), kind === 'bad' ? 9000 : 4000);
}
const dropToast = (id) => { toasts.value = toasts.value.filter((x) => x.id !== id); };

export function Toasts() {
  return html`<div class="toasts" role="status">${toasts.value.map((x) => html`<div key=${x.id} class="toast ${x.kind}"><${Icon} name=${x.kind === 'bad' ? 'warn' : 'check'} size=${16} /><span>${x.text}</span>
    <button type="button" class="button quiet square small" onClick=${() => dropToast(x.id)} aria-label=${t('close')}><${Icon} name="close" size=${14} /></button></div>`)}</div>`;
}
