// What is being written, per conversation: text of the answer, text of a note, files. Kept in this browser, so that neither another
// conversation nor a reload loses it. Files are uploaded as soon as they are chosen.
import { signal } from '../shared/html.js';
import { upload, newKey } from '../shared/api.js';
import { recall, keep } from '../shared/prefs.js';

/** @typedef {{key: string, name: string, size: number, type: string, part: number, id?: string, error?: string, stop?: () => void, preview?: string, file?: File}} Upload */
/** @typedef {{mode: 'message'|'note', message: string, note: string, files: Upload[]}} Draft */

/** @type {Map<string, import('../shared/html.js').Signal<Draft>>} */
const drafts = new Map();
export const FILES_MAX = 16;

const isEmpty = (d) => !d.message && !d.note && !d.files.length;

/** @param {string} id */
export function draftOf(id) {
  let d = drafts.get(id);
  if (!d) {
    const old = recall(`draft.${id}`, null);
    d = signal(/** @type {Draft} */ ({ mode: 'message', message: '', note: '', ...old, files: (old?.files ?? []).map((f) => ({ ...f, part: 1 })) }));
    drafts.set(id, d);
  }
  return d;
}

export function setDraft(id, values) {
  const d = draftOf(id);
  d.value = { ...d.value, ...values };
  save(id);
}

function save(id) {
  const d = draftOf(id).value;
  const files = d.files.filter((f) => f.id).map(({ key, name, size, type, id: fileId }) => ({ key, name, size, type, id: fileId }));
  keep(`draft.${id}`, isEmpty({ ...d, files }) ? undefined : { mode: d.mode, message: d.message, note: d.note, files });
}

const changeFile = (id, key, values) => setDraft(id, { files: draftOf(id).value.files.map((f) => (f.key === key ? { ...f, ...values } : f)) });

/** @param {string} id @param {Iterable<File>} files */
export function addFiles(id, files) {
  const room = FILES_MAX - draftOf(id).value.files.length;
  for (const file of [...files].slice(0, room)) {
    const image = /^image\/(png|jpeg|gif|webp)$/.test(file.type);
    /** @type {Upload} */
    const entry = { key: newKey(), name: file.name || 'file', size: file.size, type: file.type, part: 0, file, preview: image ? URL.createObjectURL(file) : undefined };
    setDraft(id, { mode: 'message', files: [...draftOf(id).value.files, entry] });
    send(id, entry);
  }
  return [...files].length <= room;
}

function send(id, entry) {
  upload(`/interaction/interactions/${id}/attachments?name=${encodeURIComponent(entry.name)}`, entry.file, (part) => changeFile(id, entry.key, { part }), entry.key,
    (stop) => changeFile(id, entry.key, { stop }))
    .then((made) => changeFile(id, entry.key, { id: made.id, part: 1, stop: undefined }))
    .catch((e) => { if (e.name !== 'AbortError') changeFile(id, entry.key, { error: e.message || 'error', stop: undefined }); });
}

export function retryFile(id, entry) {
  changeFile(id, entry.key, { error: undefined, part: 0 });
  send(id, entry);
}

export function removeFile(id, key) {
  const f = draftOf(id).value.files.find((x) => x.key === key);
  f?.stop?.();
  if (f?.preview) URL.revokeObjectURL(f.preview);
  setDraft(id, { files: draftOf(id).value.files.filter((x) => x.key !== key) });
}

export function clearMessage(id) {
  for (const f of draftOf(id).value.files) if (f.preview) URL.revokeObjectURL(f.preview);
  setDraft(id, { message: '', files: [] });
}
