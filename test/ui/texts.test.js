// The pages' message files and their views: both languages say everything, no text stands in a view, no view names a text that is not there.
import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

const read = (file) => fs.readFileSync(path.join('ui', file), 'utf8');
const pages = fs.readdirSync('ui').filter((p) => fs.existsSync(`ui/${p}/i18n`));
const filesOf = (dir) => fs.readdirSync(path.join('ui', dir), { withFileTypes: true })
  .flatMap((e) => (e.isDirectory() ? filesOf(`${dir}/${e.name}`) : e.name.endsWith('.js') ? [`${dir}/${e.name}`] : []));

/** The parts of html`…` templates outside of ${…}, with their line: [text, line]. */
export function templates(source) {
  const found = [];
  // A template may hold templates: a stack of where we are.
  const stack = [];
  let i = 0;
  const line = (at) => source.slice(0, at).split('\n').length;
  while (i < source.length) {
    const top = stack.at(-1);
    if (top?.kind === 'template') {
      if (source[i] === '\\') { i += 2; continue; }
      if (source[i] === '`') { if (top.html) found.push([top.text, line(top.from)]); stack.pop(); i++; continue; }
      if (source.startsWith('${', i)) { top.text += '\u0000'; stack.push({ kind: 'code', depth: 0 }); i += 2; continue; }
      top.text += source[i++];
      continue;
    }
    if (source.startsWith('//', i) && source[i - 1] !== ':') { i = source.indexOf('\n', i); if (i < 0) break; continue; }
    if (source.startsWith('/*', i)) { i = source.indexOf('*/', i) + 2; continue; }
    const c = source[i];
    if (c === '`') { stack.push({ kind: 'template', html: source.slice(0, i).endsWith('html'), text: '', from: i }); i++; continue; }
    if (c === "'" || c === '"') { i++; while (source[i] !== c) i += source[i] === '\\' ? 2 : 1; i++; continue; }
    if (c === '/' && /[(,=:[!&|?{};]\s*$/.test(source.slice(Math.max(0, i - 20), i))) { i++; for (let set = false; source[i] !== '/' || set; i++) { if (source[i] === '\\') i++; else if (source[i] === '[') set = true; else if (source[i] === ']') set = false; } i++; continue; }
    if (top?.kind === 'code') {
      if (c === '{') top.depth++;
      if (c === '}') { if (top.depth === 0) { stack.pop(); i++; continue; } top.depth--; }
    }
    i++;
  }
  return found;
}

const SAID = /\s(?:title|aria-label|placeholder|alt|label|text)="[^"\u0000]*\p{L}/u;
/** What a template says by itself: letters outside of tags, or in an attribute that people read. */
export const ownWords = (template) => template.replace(/<kbd>[^<]*<\/kbd>/g, '').replace(/<[^>]*>/g, (tag) => (SAID.test(tag) ? tag : ' ')).replace(/\u0000/g, '').replace(/&\w+;/g, '').match(/\p{L}[^<]*/u)?.[0] ?? '';

describe('texts of the pages', () => {
  it('the check itself finds a text in a view', () => {
    assert.equal(ownWords(templates('x = html`<p class="a">${t("k")}</p>`')[0][0]), '');
    assert.match(ownWords(templates('x = html`<p>Hello</p>`')[0][0]), /Hello/);
    assert.match(ownWords(templates('x = html`<b>${a && html`<i title="Hello">${b}</i>`}</b>`')[0][0]), /Hello/);
    assert.match(ownWords(templates("x = html`<p>${f('`')} and</p>`")[0][0]), /and/);
  });

  for (const page of pages) {
    const languages = fs.readdirSync(`ui/${page}/i18n`);
    const messages = Object.fromEntries(languages.map((l) => [l, JSON.parse(read(`${page}/i18n/${l}`))]));
    const files = [...filesOf(page), ...filesOf('shared')];

    it(`${page}: English and French have the same keys, the same places to fill, and nothing empty`, () => {
      assert.deepEqual(languages.sort(), ['en.json', 'fr.json']);
      const [en, fr] = [messages['en.json'], messages['fr.json']];
      assert.deepEqual(Object.keys(fr).sort(), Object.keys(en).sort());
      const places = (s) => [...s.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();
      for (const key of Object.keys(en)) {
        assert.ok(en[key].trim() && fr[key].trim(), `${key} is empty`);
        if (!/\.(one|other)$/.test(key)) assert.deepEqual(places(fr[key]), places(en[key]), key);
      }
    });

    it(`${page}: no text stands in a view`, () => {
      const found = files.flatMap((f) => templates(read(f)).map(([text, line]) => [ownWords(text), line]).filter(([w]) => w).map(([w, line]) => `ui/${f}:${line}: ${w.slice(0, 60)}`));
      assert.deepEqual(found, []);
    });

    it(`${page}: every text that is named exists, and every one that exists is named`, () => {
      const source = files.map(read).join('\n');
      const en = messages['en.json'];
      const has = (k) => k in en || `${k}.other` in en;
      const named = new Set([...source.matchAll(/\b(?:t|has)\('([\w.]+)'/g)].map((m) => m[1]));
      const begun = [...source.matchAll(/\b(?:t|has)\(`([^`]*\$\{[^`]*)`/g)].map((m) => new RegExp(`^${m[1].replaceAll(".", "\\.").replace(/\$\{[^}]*\}/g, "[\\w.]+")}$`));
      begun.push(/^deed\./); // made of kinds of events
      if (page === 'admin') begun.push(/^(unit|weekday)\.\d/, /^hint\./, /^field\./, /^word\./, /^(page|one|about)\.[a-z-]+$/);
      assert.deepEqual([...named].filter((k) => !has(k)), []);
      const unused = Object.keys(en).filter((k) => !named.has(k) && !named.has(k.replace(/\.(one|other)$/, '')) && !begun.some((b) => b.test(k.replace(/\.(one|other)$/, ''))) && !source.includes(`'${k.replace(/^\w+\./, '')}'`));
      assert.deepEqual(unused, []);
    });
  }
});
