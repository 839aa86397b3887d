// The page /docs: what the server's OpenAPI documents say, to read, to copy and to try.
import { html, render, signal, useEffect, useRef, useState } from '../shared/html.js';
import { Icon } from '../shared/icons.js';
import { theme } from '../shared/prefs.js';
import { answers, bodySchema, bodyTypes, curl, parts, readDocument, refName, resolve, search, typeWords } from './model.js';
import { TryIt } from './try.js';

const models = signal(/** @type {any[]} */ ([]));
const failure = signal('');
const where = signal(place());
const wanted = signal('');
const menu = signal(false);

/** "#/interaction/answerCustomer": document and operation. */
function place() {
  const [, name = '', id = ''] = decodeURIComponent(location.hash).split('/');
  return { name, id };
}
const link = (model, operation) => `#/${model.name}${operation ? `/${operation.id}` : ''}`;

async function load() {
  const json = async (url) => {
    const r = await fetch(url);
    if (!r.ok) throw new Error(`${url}: ${r.status}`);
    return r.json();
  };
  try {
    const list = await json('/docs/documents.json');
    models.value = await Promise.all(list.map(async (x) => ({ ...readDocument(x.name, await json(x.url)), url: x.url })));
  } catch (e) {
    failure.value = String(e.message);
  }
}

/** Text with `code` in it. */
const Words = ({ text }) => text.split('\n\n').map((p) => html`<p>${p.split('`').map((part, i) => (i % 2 ? html`<code>${part}</code>` : part))}</p>`);

const Method = ({ operation }) => html`<span class="method ${operation.webhook ? 'hook' : operation.method}">${operation.webhook ? 'hook' : operation.method}</span>`;

function Copy({ text, label = 'Copy' }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try { await navigator.clipboard.writeText(text); } catch {
      const area = Object.assign(document.createElement('textarea'), { value: text });
      document.body.append(area);
      area.select();
      document.execCommand('copy');
      area.remove();
    }
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return html`<button type="button" class="button small copy" onClick=${copy}>${done ? 'Copied' : label}</button>`;
}

/* ---- fields ---- */

function FieldRow({ model, name, field, required, seen }) {
  const inner = parts(field).filter((x) => !seen.includes(x) && Object.keys(model.document.components.schemas[x]?.properties ?? {}).length);
  const words = field.anyOf?.find((x) => x.enum)?.enum ?? field.enum ?? [];
  const example = field.examples?.[0];
  return html`<li class="field-row">
    <div class="field-name"><code>${name}</code>${required && html`<span class="must">required</span>`}<small>${typeWords(field)}</small></div>
    <div class="field-text"><${Words} text=${field.description ?? ''} />
      ${words.length > 12 && html`<details><summary>The ${words.length} words</summary><p class="words">${words.map((w) => html`<code>${w}</code> `)}</p></details>`}
      ${example !== undefined && typeof example !== 'object' && html`<p class="example">e.g. <code>${String(example)}</code></p>`}
      ${inner.map((x) => html`<details key=${x}><summary>Fields of ${x}</summary><${Fields} model=${model} schema=${{ $ref: `/${x}` }} seen=${[...seen, x]} /></details>`)}</div>
  </li>`;
}

function Fields({ model, schema, seen = [] }) {
  const own = resolve(model.document, schema);
  const name = refName(schema);
  const entries = Object.entries(own?.properties ?? {});
  if (!entries.length) return html`<p class="dim">${own?.properties ? 'No fields.' : typeWords(schema)}</p>`;
  return html`<ul class="fields">${entries.map(([key, field]) => html`<${FieldRow} key=${key} model=${model} name=${key} field=${field} required=${own.required?.includes(key)} seen=${name ? [...seen, name] : seen} />`)}</ul>`;
}

/** A schema that may be a list of something, with the fields of what it is made of. */
function Shape({ model, schema }) {
  if (!schema) return null;
  const names = parts(schema);
  if (!names.length) return html`<p class="dim">${typeWords(schema)}</p>`;
  return names.map((x) => html`<div key=${x}>${(names.length > 1 || !refName(schema)) && html`<p class="dim">${typeWords(schema)}; ${x}:</p>`}<${Fields} model=${model} schema=${{ $ref: `/${x}` }} /></div>`);
}

/* ---- an operation ---- */

const WHO = {
  token: html`an API token in the header <code>Kiamo-Api-Token</code>`, session: 'the session of a login', client: 'a connector\'s access token (OAuth 2 client credentials)', bearer: 'a custom channel\'s access token',
};
function Who({ operation }) {
  if (operation.webhook) return null;
  const names = operation.security.flatMap(Object.keys);
  return html`<p class="who"><${Icon} name="person" size=${15} /> <span>${names.length ? html`With ${names.map((n, i) => html`${i ? ', or ' : ''}${WHO[n] ?? n}`)}.` : 'Open to all.'}</span></p>`;
}

function Parameters({ operation }) {
  if (!operation.parameters.length) return null;
  return html`<h3>Parameters</h3><ul class="fields">${operation.parameters.map((p) => html`<li class="field-row" key=${p.in + p.name}>
    <div class="field-name"><code>${p.name}</code>${p.required && html`<span class="must">required</span>`}<small>${p.in}, ${typeWords(p.schema)}</small></div>
    <div class="field-text"><${Words} text=${p.description} />${p.example !== undefined && html`<p class="example">e.g. <code>${String(p.example)}</code></p>`}</div></li>`)}</ul>`;
}

function Body({ model, operation }) {
  const types = bodyTypes(operation);
  if (!types.length) return null;
  return html`<h3>Body <small>${types.join(', ')}${operation.requestBody.required ? '' : '; may be empty'}</small></h3>
    <${Shape} model=${model} schema=${bodySchema(operation, types[0])} />`;
}

function Answers({ model, operation }) {
  return html`<h3>${operation.webhook ? 'What you answer' : 'Answers'}</h3><ul class="answers">${answers(operation).map((a) => {
    const good = a.status < '3';
    return html`<li key=${a.status}><span class="status ${good ? 'good' : a.status < '4' ? '' : 'bad'}">${a.status}</span>
      <div><${Words} text=${a.text} />
        ${a.codes.length > 0 && html`<p class="words">${a.codes.map((c) => html`<code>${c}</code> `)}</p>`}
        ${good && a.schema && parts(a.schema).length > 0 && html`<details><summary>${typeWords(a.schema)}</summary><${Shape} model=${model} schema=${a.schema} /></details>`}
        ${good && a.type && parts(a.schema).length === 0 && html`<p class="dim">${a.type}</p>`}</div></li>`;
  })}</ul>`;
}

function Operation({ model, operation }) {
  const [trying, setTrying] = useState(false);
  const first = operation.webhook ? '' : curl(model.server, model.document, operation);
  const [line, setLine] = useState(first);
  const id = `${model.name}.${operation.id}`;
  return html`<section class="operation" id=${id} aria-labelledby=${`${id}.title`} tabindex="-1">
    <h2 id=${`${id}.title`}>${operation.summary} <a class="anchor" href=${link(model, operation)} aria-label="Link to this call">#</a></h2>
    <p class="line"><${Method} operation=${operation} /> ${!operation.webhook && html`<code class="path">${operation.path.split('/').flatMap((s, i) => (i ? [html`<wbr />/`, s] : [s]))}</code>`}${operation.deprecated && html`<span class="chip">older way</span>`}</p>
    <div class="prose"><${Words} text=${operation.description} /></div>
    <${Who} operation=${operation} />
    <${Parameters} operation=${operation} />
    <${Body} model=${model} operation=${operation} />
    <${Answers} model=${model} operation=${operation} />
    ${!operation.webhook && html`<div class="code-box"><div class="code-head"><span>In the shell</span><${Copy} text=${line} /></div><pre tabindex="0" aria-label="The call in the shell"><code>${line}</code></pre></div>
      <button type="button" class="button try-button" aria-expanded=${trying} onClick=${() => { setTrying(!trying); if (trying) setLine(first); }}><${Icon} name="bolt" size=${15} /> Try it</button>
      ${trying && html`<${TryIt} model=${model} operation=${operation} onCurl=${setLine} />`}`}
  </section>`;
}

function Api({ model }) {
  return html`<article>
    <header class="api-head"><h1>${model.title}</h1><${Words} text=${model.intro} />
      <p class="dim">As a file, OpenAPI 3.1: <a href=${model.url}>${model.url}</a></p></header>
    ${model.groups.map((g) => html`<div key=${g.title}>${g.title && html`<p class="group-title">${g.title}</p>`}${g.operations.map((o) => html`<${Operation} key=${`${model.name}/${o.id}`} model=${model} operation=${o} />`)}</div>`)}
  </article>`;
}

/* ---- around it ---- */

function Item({ model, operation, current }) {
  return html`<li><a class="item" href=${link(model, operation)} aria-current=${current ? 'true' : undefined} title=${operation.path || undefined} onClick=${() => { menu.value = false; }}>
    <${Method} operation=${operation} /><span>${operation.summary}</span></a></li>`;
}

function Found({ text }) {
  const found = search(models.value, text);
  if (!found.length) return html`<p class="none">Nothing has these words.</p>`;
  return html`<ul class="items found">${found.map(({ model, operation }) => html`<${Item} key=${link(model, operation)} model=${model} operation=${operation} current=${false} />`)}</ul>`;
}

function Contents({ current }) {
  return models.value.map((m) => html`<div key=${m.name}><a class="api ${m === current ? 'current' : ''}" href=${link(m)} aria-current=${m === current && !where.value.id ? 'page' : undefined} onClick=${() => { menu.value = false; }}>${m.title}</a>
    ${m === current && html`<ul class="items">${m.groups.flatMap((g) => g.operations).map((o) => html`<${Item} key=${o.id} model=${m} operation=${o} current=${o.id === where.value.id} />`)}</ul>`}</div>`);
}

const THEMES = { system: 'dark', dark: 'light', light: 'system' };

function Side({ current }) {
  const input = useRef(/** @type {HTMLInputElement|null} */ (null));
  useEffect(() => {
    const onKey = (e) => {
      const writing = e.target.closest?.('input, textarea, select');
      if (e.key === '/' && !writing && !e.ctrlKey && !e.metaKey && !e.altKey) { e.preventDefault(); menu.value = true; input.current?.focus(); }
      if (e.key === 'Escape') { if (e.target === input.current) { wanted.value = ''; input.current?.blur(); } menu.value = false; }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  const onKey = (e) => {
    const found = search(models.value, wanted.value);
    if (e.key !== 'Enter' || !wanted.value.trim() || !found.length) return;
    location.hash = link(found[0].model, found[0].operation);
    menu.value = false;
  };
  return html`<aside class="side">
    <div class="brand"><a href="#/" class="brand-link"><img src="/ui/shared/icon.svg" alt="" width="24" height="24" /> <span>Guichet <b>APIs</b></span></a>
      <button type="button" class="button quiet small square" title="Colours: ${theme.value}" aria-label="Colours: ${theme.value}" onClick=${() => { theme.value = THEMES[theme.value]; }}><${Icon} name="moon" size=${16} /></button>
      <button type="button" class="button quiet small menu-toggle" aria-expanded=${menu.value} aria-controls="contents" onClick=${() => { menu.value = !menu.value; }}>Contents</button></div>
    <div class="side-inside ${menu.value ? 'open' : ''}" id="contents">
      <div class="search"><${Icon} name="search" size=${16} /><input ref=${input} type="search" placeholder="Search" aria-label="Search in all calls" value=${wanted.value} onInput=${(e) => { wanted.value = e.target.value; }} onKeyDown=${onKey} /><kbd aria-hidden="true">/</kbd></div>
      <nav aria-label="APIs and their calls">${wanted.value.trim() ? html`<${Found} text=${wanted.value} />` : html`<${Contents} current=${current} />`}</nav>
    </div>
  </aside>`;
}

/** What an API is about: its introduction; packages, which share one, by their first calls. */
function glance(model) {
  const shared = models.value.some((m) => m !== model && m.intro === model.intro);
  const calls = model.groups.flatMap((g) => g.operations);
  return shared ? `${calls.slice(0, 3).map((o) => o.summary).join('; ')}${calls.length > 3 ? ' …' : ''}` : model.intro.split(/(?<=\.)\s/)[0];
}

function Start() {
  return html`<article class="start"><h1>The APIs of this server</h1>
    <p>What can be called, what it takes and what it answers; and, where a call can be made from here, a form to try it against this very server. Everything comes from the tables that the server itself works by.</p>
    <ul class="cards">${models.value.map((m) => html`<li key=${m.name}><a href=${link(m)}><strong>${m.title}</strong><span>${glance(m)}</span><small>${m.groups.reduce((n, g) => n + g.operations.length, 0)} calls</small></a></li>`)}</ul></article>`;
}

function App() {
  const list = models.value;
  const current = list.find((m) => m.name === where.value.name);
  const { id } = where.value;
  useEffect(() => {
    const operation = current?.groups.flatMap((g) => g.operations).find((o) => o.id === id);
    document.title = [operation?.summary, current?.title, 'The APIs of Guichet'].filter(Boolean).slice(0, 2).join(' – ');
    const target = operation && document.getElementById(`${current.name}.${id}`);
    if (target) { target.scrollIntoView(); target.focus({ preventScroll: true }); } else if (current) scrollTo(0, 0);
    document.querySelector('.side .item[aria-current]')?.scrollIntoView({ block: 'nearest' });
  }, [current, id]);
  return html`<a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); document.getElementById('main')?.focus(); }}>To the text</a>
    <${Side} current=${current} />
    <main id="main" tabindex="-1">${failure.value ? html`<p class="none" role="alert">The documents cannot be had: ${failure.value}</p>` : current ? html`<${Api} key=${current.name} model=${current} />` : list.length ? html`<${Start} />` : html`<p class="none"><span class="spinner" role="status" aria-label="Loading"></span></p>`}</main>`;
}

addEventListener('hashchange', () => { where.value = place(); });
const root = /** @type {HTMLElement} */ (document.getElementById('app'));
root.replaceChildren();
render(html`<${App} />`, root);
load();
