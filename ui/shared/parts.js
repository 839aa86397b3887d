// Controls that several pages use: dialogs, menus, avatars, spinners. Each brings its keyboard and its names.
import { html, useEffect, useRef, useState, useId } from './html.js';
import { Icon } from './icons.js';
import { t } from './i18n.js';

/** A modal dialog: the browser's own, which keeps the focus inside, gives it back, and closes on Escape. */
export function Modal({ title, onClose, children, wide = false, class: className = '' }) {
  const ref = useRef(/** @type {HTMLDialogElement|null} */ (null));
  const id = useId();
  useEffect(() => {
    const d = ref.current;
    if (!d) return undefined;
    const before = /** @type {HTMLElement|null} */ (document.activeElement);
    d.showModal();
    const first = /** @type {HTMLElement|null} */ (d.querySelector('[data-first]'));
    first?.focus();
    return () => { d.close(); if (before?.isConnected) before.focus(); };
  }, []);
  const onCancel = (e) => { e.preventDefault(); onClose(); };
  const onPointer = (e) => { if (e.target === ref.current) onClose(); };
  return html`<dialog ref=${ref} class="modal ${wide ? 'wide' : ''} ${className}" aria-labelledby=${id} onCancel=${onCancel} onMouseDown=${onPointer}>
    <div class="modal-inside">
      <header class="modal-head"><h2 id=${id}>${title}</h2>
        <button type="button" class="button quiet square" onClick=${onClose} aria-label=${t('close')} title=${t('close')}><${Icon} name="close" /></button></header>
      ${children}
    </div>
  </dialog>`;
}

/** A button that opens a panel below itself; the panel closes on Escape, on a click elsewhere, and after a choice. */
/** label: where the button's content does not name it. */
export function Menu({ button, label = '', class: className = '', align = 'start', up = false, children, onOpen = () => {} }) {
  const [open, setOpen] = useState(false);
  const ref = useRef(/** @type {HTMLElement|null} */ (null));
  const trigger = useRef(/** @type {HTMLButtonElement|null} */ (null));
  const id = useId();
  const close = (back = true) => { setOpen(false); if (back) trigger.current?.focus(); };
  useEffect(() => {
    if (!open) return undefined;
    const items = () => /** @type {HTMLElement[]} */ ([...(ref.current?.querySelectorAll('[data-item]:not([disabled])') ?? [])]);
    (items().find((x) => x.getAttribute('aria-checked') === 'true') ?? items()[0] ?? ref.current)?.focus();
    const onDown = (e) => { if (!ref.current?.parentElement?.contains(e.target)) close(false); };
    const onKey = (e) => {
      if (e.key === 'Escape') { e.stopPropagation(); e.preventDefault(); close(); return; }
      if (e.key === 'Tab') { close(false); return; }
      const list = items();
      const at = list.indexOf(/** @type {HTMLElement} */ (document.activeElement));
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: list.length - 1 }[e.key];
      if (to === undefined || !list.length || e.target instanceof HTMLInputElement) return;
      e.preventDefault();
      list[(to + list.length) % list.length].focus();
    };
    document.addEventListener('mousedown', onDown);
    const box = ref.current;
    box?.addEventListener('keydown', onKey);
    return () => { document.removeEventListener('mousedown', onDown); box?.removeEventListener('keydown', onKey); };
  }, [open]);
  return html`<div class="menu ${className}">
    <button ref=${trigger} type="button" class="menu-button" aria-expanded=${open} aria-haspopup="true" aria-controls=${open ? id : undefined} aria-label=${label || undefined} title=${label || undefined}
      onClick=${() => { if (!open) onOpen(); setOpen(!open); }}>${button}</button>
    ${open && html`<div ref=${ref} id=${id} class="menu-panel ${align} ${up ? 'up' : ''}" tabindex="-1">${typeof children === 'function' ? children(close) : children}</div>`}
  </div>`;
}

export function Spinner({ label = '' }) {
  return html`<span class="spinner" role="status"><span class="hidden-text">${label || t('loading')}</span></span>`;
}

/** What is shown where there is nothing: what it means and what to do. */
export function Empty({ icon, title, text = '', children = null }) {
  return html`<div class="empty"><span class="empty-icon"><${Icon} name=${icon} size=${28} /></span><p class="empty-title">${title}</p>${text && html`<p>${text}</p>`}${children}</div>`;
}
