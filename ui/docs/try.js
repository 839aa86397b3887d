// "Try it": a form that sends the request from this page to this server, and shows the answer as it comes.
import { html, signal, useEffect, useRef, useState } from '../shared/html.js';
import { recall } from '../shared/prefs.js';
import { address, bodyTypes, credential, curl, firstBody, isForm, isJson, typeWords } from './model.js';

const SHOWN_MAX = 200_000;
const WAIT_MS = 30_000;

// By kind of credential, for as long as this window is open: never written to the disk.
const tokens = new Map();
export function tokenOf(name) {
  if (!tokens.has(name)) tokens.set(name, signal(recallToken(name)));
  return tokens.get(name);
}
function recallToken(name) {
  try { return sessionStorage.getItem(`guichet.docs.${name}`) ?? ''; } catch { return recall(`docs.${name}`, ''); }
}
function setToken(name, value) {
  tokenOf(name).value = value;
  try { sessionStorage.setItem(`guichet.docs.${name}`, value); } catch { /* refused: this page has it */ }
}

/** Which kind of credential an operation takes: one token for all operations of the same kind and document. */
const kindOf = (model, operation) => {
  const header = credential(model.document, operation, '');
  return header && `${header.name}${header.name === 'Authorization' ? `.${model.name}` : ''}`;
};

function formBody(type, text) {
  const fields = Object.entries(JSON.parse(text));
  if (type !== 'multipart/form-data') return new URLSearchParams(fields.map(([k, v]) => [k, String(v)]));
  const form = new FormData();
  for (const [k, v] of fields) form.append(k, String(v));
  return form;
}

function requestOf(model, operation, { values, token, type, body, file }) {
  const headers = {};
  const auth = credential(model.document, operation, token);
  if (auth && token) headers[auth.name] = auth.value;
  for (const p of operation.parameters) if (p.in === 'header' && values[`header:${p.name}`]) headers[p.name] = values[`header:${p.name}`];
  let sent;
  if (type && isForm(type)) sent = formBody(type, body);
  else if (type && isJson(type) && body.trim()) { sent = body; headers['Content-Type'] = type; }
  else if (type && !isJson(type)) sent = file ?? undefined;
  return { method: operation.method.toUpperCase(), headers, body: sent };
}

const pretty = (text) => { try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; } };
const isText = (type) => /^text\/|json|xml/.test(type);

/** A token in the answer, to go on with. */
function tokenIn(text) {
  try {
    const value = JSON.parse(text);
    return value.access_token ?? value.result?.access_token ?? null;
  } catch { return null; }
}

function Field({ p, value, set }) {
  const id = `p-${p.in}-${p.name}`;
  return html`<label class="field" for=${id}><span><code>${p.name}</code> <small>${p.in}${p.required ? ', required' : ''}</small></span>
    ${p.schema.enum && p.schema.enum.length <= 12
      ? html`<select id=${id} value=${value} onChange=${(e) => set(e.target.value)}><option value="">any</option>${p.schema.enum.map((w) => html`<option value=${w}>${w}</option>`)}</select>`
      : html`<input id=${id} value=${value} placeholder=${typeWords(p.schema)} onInput=${(e) => set(e.target.value)} autocomplete="off" spellcheck=${false} />`}
  </label>`;
}

function Answer({ answer, stop, kind }) {
  const [copied, setCopied] = useState(false);
  const found = kind === null ? tokenIn(answer.text) : null;
  return html`<div class="answer" role="status">
    <p class="answer-head"><strong class=${answer.status >= 400 || !answer.status ? 'bad' : 'good'}>${answer.status || 'No answer'} ${answer.words}</strong>
      ${answer.ms !== undefined && html`<small>${answer.ms} ms${answer.size ? `, ${answer.size} bytes` : ''}</small>`}
      ${stop && html`<button type="button" class="button small" onClick=${stop}>Stop</button>`}</p>
    ${answer.headers.length > 0 && html`<dl class="headers">${answer.headers.map(([k, v]) => html`<div><dt>${k}</dt><dd>${v}</dd></div>`)}</dl>`}
    ${answer.text !== '' && html`<pre tabindex="0" aria-label="The answer"><code>${answer.text}</code></pre>`}
    ${answer.link && html`<p><a href=${answer.link} download>Save the bytes</a></p>`}
    ${found && html`<p><button type="button" class="button small" onClick=${() => { answer.useToken(found); setCopied(true); }}>${copied ? 'Taken' : 'Use this token for the other calls'}</button></p>`}
  </div>`;
}

const SHOWN_HEADERS = ['content-type', 'etag', 'retry-after', 'www-authenticate', 'content-disposition', 'x-request-id'];

export function TryIt({ model, operation, onCurl }) {
  const { document: doc } = model;
  const types = bodyTypes(operation);
  const kind = kindOf(model, operation);
  const [values, setValues] = useState({});
  const [type, setType] = useState(types[0]);
  const [body, setBody] = useState(firstBody(doc, operation, types[0]));
  const [file, setFile] = useState(/** @type {File|null} */ (null));
  const [answer, setAnswer] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const abort = useRef(/** @type {AbortController|null} */ (null));
  useEffect(() => () => abort.current?.abort(), []);
  const token = kind ? tokenOf(kind) : null;
  const header = credential(doc, operation, '')?.name ?? '';
  const set = (p) => (value) => setValues((old) => ({ ...old, [`${p.in}:${p.name}`]: value }));
  useEffect(() => { onCurl(curl(model.server, doc, operation, { values, token: token?.peek() ? '$TOKEN' : '', type, body })); }, [values, type, body]);

  async function send(e) {
    e.preventDefault();
    abort.current?.abort();
    const mine = (abort.current = new AbortController());
    const begun = performance.now();
    const shown = { status: 0, words: '', headers: [], text: '', useToken: (t) => setToken(`Authorization.${model.name}`, t) };
    const show = (more) => { if (abort.current === mine) setAnswer(Object.assign(shown, more) && { ...shown }); };
    setBusy(true);
    try {
      const live = operation.responses[200]?.content?.['text/event-stream'];
      const timer = live ? 0 : setTimeout(() => mine.abort(), WAIT_MS);
      const request = requestOf(model, operation, { values, token: token?.value ?? '', type, body, file });
      const r = await fetch(address(operation, values), { ...request, signal: mine.signal, credentials: 'same-origin', cache: 'no-store', redirect: 'manual' });
      show({ status: r.status, words: r.statusText, ms: Math.round(performance.now() - begun), headers: SHOWN_HEADERS.filter((h) => r.headers.has(h)).map((h) => [h, r.headers.get(h)]) });
      await take(r, show, shown);
      clearTimeout(timer);
    } catch (error) {
      show({ words: error.name === 'AbortError' ? (shown.status ? '(stopped)' : 'within the time') : shown.words, text: error.name === 'AbortError' ? shown.text : String(error.message) });
    }
    if (abort.current === mine) setBusy(false);
  }

  return html`<form class="try" onSubmit=${send}>
    ${kind && html`<label class="field" for="token"><span>${header} <small>${header === 'Authorization' ? 'the access token, without "Bearer"' : 'or log in, and leave this empty'}</small></span>
      <input id="token" type="password" autocomplete="off" value=${token.value} onInput=${(e) => setToken(kind, e.target.value.trim())} /></label>`}
    <div class="fields-in">${operation.parameters.map((p) => html`<${Field} key=${p.in + p.name} p=${p} value=${values[`${p.in}:${p.name}`] ?? ''} set=${set(p)} />`)}</div>
    ${types.length > 1 && html`<label class="field" for="media"><span>Body as</span><select id="media" value=${type} onChange=${(e) => { setType(e.target.value); setBody(firstBody(doc, operation, e.target.value)); }}>${types.map((x) => html`<option>${x}</option>`)}</select></label>`}
    ${type && (isJson(type) || isForm(type)) && html`<label class="field" for="body"><span>Body${isForm(type) ? ': the fields' : ''}</span><textarea id="body" class="code" rows=${Math.min(16, Math.max(4, body.split('\n').length + 1))} value=${body} onInput=${(e) => setBody(e.target.value)} spellcheck=${false} /></label>`}
    ${type && !isJson(type) && !isForm(type) && html`<label class="field" for="file"><span>Body: a file</span><input id="file" type="file" onChange=${(e) => setFile(e.target.files[0] ?? null)} /></label>`}
    <p><button class="button primary" disabled=${busy && !answer?.live}>Send</button></p>
    ${answer && html`<${Answer} answer=${answer} kind=${kind} stop=${busy && answer.status ? () => abort.current?.abort() : null} />`}
  </form>`;
}

/** The body of an answer, as it comes. */
async function take(r, show, shown) {
  const type = r.headers.get('content-type') ?? '';
  if (!isText(type)) {
    const blob = await r.blob();
    if (blob.size) show({ size: blob.size, link: URL.createObjectURL(blob) });
    return;
  }
  const reader = r.body.getReader();
  const decoder = new TextDecoder();
  let text = '', size = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    size += value.length;
    text = (text + decoder.decode(value, { stream: true })).slice(0, SHOWN_MAX);
    if (type.startsWith('text/event-stream')) show({ text, size });
  }
  show({ text: /json/.test(type) ? pretty(text) : text, size });
}
