// Writing an answer or a note: text that grows, files by button, paste and drop, emoji, canned replies by "/".
import { html, useLayoutEffect, useRef, useState } from '../../shared/html.js';
import { t, sizeOf, dateOf, timeOf } from '../../shared/i18n.js';
import { Icon } from '../../shared/icons.js';
import { Menu } from '../../shared/parts.js';
import { me, cannedReplies } from '../store.js';
import { draftOf, setDraft, addFiles, removeFile, retryFile, clearMessage } from '../drafts.js';
import { post } from '../outbox.js';
import { toast } from '../../shared/toasts.js';
import { shortcutAt, findCanned, fillIn, gapOf } from '../text.js';
import { EMOJI } from '../emoji.js';

const TALL_PX = 220;

export function variablesOf(i) {
  const name = i.customer.name || '';
  const now = new Date().toISOString();
  return {
    'customer.name': name, 'customer.id': i.customer.externalId, 'agent.name': me.value?.displayName, 'service.name': i.service?.name, 'connector.name': i.connector?.name,
    customer: name, agent: me.value?.displayName, service: i.service?.name, date: dateOf(now), time: timeOf(now),
  };
}

function FileChip({ id, f }) {
  return html`<li class="chip-file ${f.error ? 'bad' : ''}">
    ${f.preview ? html`<img src=${f.preview} alt="" />` : html`<span class="file-icon"><${Icon} name=${f.error ? 'warn' : 'file'} size=${16} /></span>`}
    <span class="file-text"><b>${f.name}</b><small>${f.error ?? (f.id ? sizeOf(f.size) : t('file.uploading', { n: Math.round(f.part * 100) }))}</small></span>
    ${f.error && f.file && html`<button type="button" class="button quiet square small" onClick=${() => retryFile(id, f)} aria-label=${t('again')} title=${t('again')}><${Icon} name="retry" size=${14} /></button>`}
    <button type="button" class="button quiet square small" onClick=${() => removeFile(id, f.key)} aria-label=${t('file.remove', { name: f.name })} title=${t('file.remove', { name: f.name })}><${Icon} name="close" size=${14} /></button>
    ${!f.id && !f.error && html`<progress max="1" value=${f.part} aria-label=${t('file.uploading.name', { name: f.name })}></progress>`}
  </li>`;
}

function EmojiMenu({ onChoose }) {
  const onKey = (e) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!step) return;
    const list = /** @type {HTMLElement[]} */ ([...e.currentTarget.querySelectorAll('[data-item]')]);
    const at = list.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    e.preventDefault();
    list[(at + step + list.length) % list.length]?.focus();
  };
  return html`<${Menu} up button=${html`<${Icon} name="smile" />`} label=${t('emoji.title')} class="emoji-menu">
    ${(close) => html`<div class="emoji" role="group" aria-label=${t('emoji.title')} onKeyDown=${onKey}>${EMOJI.map((e) => html`<button key=${e} type="button" data-item onClick=${() => { close(false); onChoose(e); }}>${e}</button>`)}</div>`}
  <//>`;
}

export function Composer({ i }) {
  const id = i.id;
  const draft = draftOf(id).value;
  const note = draft.mode === 'note';
  const text = note ? draft.note : draft.message;
  const area = useRef(/** @type {HTMLTextAreaElement|null} */ (null));
  const picker = useRef(/** @type {HTMLInputElement|null} */ (null));
  const [over, setOver] = useState(false);
  const [offer, setOffer] = useState(/** @type {{from: number, list: any[], at: number}|null} */ (null));
  const wantCaret = useRef(/** @type {[number, number]|null} */ (null));

  const setText = (value) => setDraft(id, note ? { note: value } : { message: value });
  useLayoutEffect(() => {
    const a = area.current;
    if (!a) return;
    a.style.height = 'auto';
    a.style.height = `${Math.min(a.scrollHeight + 2, TALL_PX)}px`;
    if (wantCaret.current) { a.focus(); a.setSelectionRange(...wantCaret.current); wantCaret.current = null; }
  }, [text, note]);
  useLayoutEffect(() => { if (matchMedia('(min-width: 760px)').matches && !document.querySelector('dialog[open]')) area.current?.focus(); }, []);

  const uploading = draft.files.some((f) => !f.id && !f.error);
  const ready = note ? text.trim() !== '' : (text.trim() !== '' || draft.files.some((f) => f.id)) && !uploading && !draft.files.some((f) => f.error);
  const onSend = () => {
    if (!ready) return;
    if (note) {
      post(id, 'note', text.trim());
      setDraft(id, { note: '', mode: 'message' });
    } else {
      post(id, 'message', text.trim(), draft.files.map((f) => ({ id: f.id ?? '', name: f.name, size: f.size })));
      clearMessage(id);
    }
    setOffer(null);
    area.current?.focus();
  };

  const lookUp = (a) => {
    const found = !note && cannedReplies.value ? shortcutAt(a.value, a.selectionStart) : null;
    const list = found ? findCanned(cannedReplies.value, found.query, i.service?.id) : [];
    setOffer(found && (list.length || !found.query) ? { from: found.from, list, at: 0 } : null);
  };
  const insert = (what) => {
    const a = area.current;
    if (!a) return;
    const from = a.selectionStart;
    setText(text.slice(0, from) + what + text.slice(a.selectionEnd));
    wantCaret.current = [from + what.length, from + what.length];
  };
  const useCanned = (c) => {
    const a = area.current;
    if (!a || !offer) return;
    const filled = fillIn(c.text, variablesOf(i));
    const value = text.slice(0, offer.from) + filled + text.slice(a.selectionStart);
    const gap = gapOf(filled);
    wantCaret.current = gap ? [offer.from + gap[0], offer.from + gap[1]] : [offer.from + filled.length, offer.from + filled.length];
    setText(value);
    setOffer(null);
  };
  const takeFiles = (files) => { if (!addFiles(id, files)) toast(t('file.toomany'), 'bad'); };
  const onKeyDown = (e) => {
    if (e.isComposing) return;
    if (offer?.list.length) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
      if (step) { e.preventDefault(); setOffer({ ...offer, at: (offer.at + step + offer.list.length) % offer.list.length }); return; }
      if (e.key === 'Enter' || e.key === 'Tab') { e.preventDefault(); useCanned(offer.list[offer.at]); return; }
    }
    if (e.key === 'Escape') { e.preventDefault(); e.stopPropagation(); if (offer) setOffer(null); else area.current?.blur(); return; }
    if (e.key === 'Enter' && !e.shiftKey && !e.altKey) { e.preventDefault(); onSend(); }
  };
  const onPaste = (e) => {
    if (!e.clipboardData?.files.length) return;
    e.preventDefault();
    takeFiles(e.clipboardData.files);
  };
  const hasFiles = (e) => [...(e.dataTransfer?.types ?? [])].includes('Files');
  const onDrop = (e) => { if (!hasFiles(e)) return; e.preventDefault(); setOver(false); takeFiles(e.dataTransfer.files); };

  return html`<section class="composer ${note ? 'as-note' : ''} ${over ? 'over' : ''}" aria-label=${t('composer.title')}
      onDragOver=${(e) => { if (hasFiles(e)) { e.preventDefault(); setOver(true); } }} onDragLeave=${(e) => { if (!e.currentTarget.contains(e.relatedTarget)) setOver(false); }} onDrop=${onDrop}>
    <div class="composer-modes" role="group" aria-label=${t('composer.mode')}>
      <button type="button" aria-pressed=${!note} onClick=${() => { setDraft(id, { mode: 'message' }); area.current?.focus(); }}>${t('composer.message')}</button>
      <button type="button" aria-pressed=${note} onClick=${() => { setDraft(id, { mode: 'note' }); area.current?.focus(); }}><${Icon} name="note" size=${14} />${t('composer.note')}</button>
    </div>
    ${!note && draft.files.length > 0 && html`<ul class="chip-files" aria-label=${t('composer.files')}>${draft.files.map((f) => html`<${FileChip} key=${f.key} id=${id} f=${f} />`)}</ul>`}
    <div class="composer-field">
      ${offer && html`<ul class="canned" role="listbox" id="canned" aria-label=${t('canned.title')}>
        ${offer.list.length ? offer.list.map((c, k) => html`<li key=${c.id} id=${`canned-${c.id}`} role="option" aria-selected=${k === offer.at} onMouseDown=${(e) => { e.preventDefault(); useCanned(c); }}><b>/${String(c.shortcut ?? '').replace(/^\//, '')}</b><span>${c.title}</span><small>${fillIn(c.text, variablesOf(i))}</small></li>`)
          : html`<li role="option" aria-selected="false" class="dim">${t('canned.none')}</li>`}
      </ul>`}
      <textarea ref=${area} rows="2" dir="auto" value=${text} data-composer aria-label=${note ? t('composer.note.label') : t('composer.message.label', { name: i.customer.name || i.customer.externalId })}
        placeholder=${note ? t('composer.note.hint') : cannedReplies.value?.length ? t('composer.message.hint.canned') : t('composer.message.hint')}
        aria-autocomplete=${cannedReplies.value?.length ? 'list' : undefined} aria-controls=${offer ? 'canned' : undefined} aria-activedescendant=${offer?.list.length ? `canned-${offer.list[offer.at].id}` : undefined}
        onInput=${(e) => { setText(e.currentTarget.value); lookUp(e.currentTarget); }} onKeyDown=${onKeyDown} onPaste=${onPaste} onBlur=${() => setOffer(null)}></textarea>
    </div>
    <div class="composer-tools">
      <input ref=${picker} type="file" multiple hidden data-files onChange=${(e) => { takeFiles(e.currentTarget.files); e.currentTarget.value = ''; area.current?.focus(); }} />
      ${!note && html`<button type="button" class="button quiet square" onClick=${() => picker.current?.click()} aria-label=${t('file.add')} title=${t('file.add')}><${Icon} name="clip" /></button>`}
      <${EmojiMenu} onChoose=${insert} />
      ${!note && Boolean(cannedReplies.value?.length) && html`<button type="button" class="button quiet square" aria-label=${t('canned.title')} title=${t('canned.title')} onClick=${() => {
        const a = area.current;
        if (!a) return;
        const at = a.selectionStart;
        const slash = at === 0 || /\s/.test(text[at - 1]) ? '/' : ' /';
        insert(slash);
        setOffer({ from: at + slash.length - 1, list: findCanned(cannedReplies.value, '', i.service?.id), at: 0 });
      }}><${Icon} name="bolt" /></button>`}
      <span class="hint">${t('composer.keys')}</span>
      <button type="button" class="button primary" data-send disabled=${!ready} onClick=${onSend}>${note ? t('composer.note.go') : t('composer.go')}<${Icon} name=${note ? 'note' : 'send'} size=${16} /></button>
    </div>
    ${over && html`<div class="drop-here"><${Icon} name="clip" size=${24} />${t('file.drop')}</div>`}
  </section>`;
}
