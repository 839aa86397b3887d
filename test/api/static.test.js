// Pages: what is built in and what comes from a folder, compression, revalidation, the policy, and that nothing else can be reached.
import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { demo, newFolder, raw, request } from '../lib/server.js';

const UI = path.resolve('ui');
const filesBelow = (dir) => fs.readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? filesBelow(path.join(dir, e.name)) : [path.join(dir, e.name)]));

describe('files built in', () => {
  let d;
  before(async () => { d = await demo(); });
  after(() => d?.stop());
  const get = (p, headers = {}, method = 'GET') => request(d.server.url + p, { headers, method });

  it('every file of ui/ is there, byte for byte, plain and compressed, with its type', async () => {
    const files = filesBelow(UI).map((f) => path.relative(UI, f)).filter((f) => !f.endsWith('README.md') && !f.includes('.test.') && !/(^|\/)\./.test(f));
    assert.ok(files.length >= 3);
    let compressed = 0;
    for (const file of files) {
      const bytes = fs.readFileSync(path.join(UI, file));
      const plain = await get(`/ui/${file}`);
      assert.equal(plain.status, 200, file);
      assert.ok(plain.bytes.equals(bytes), file);
      assert.equal(plain.headers['content-encoding'], undefined);
      assert.match(plain.headers['content-type'], /^(text|image|application|font|audio)\//);
      assert.equal(plain.headers['x-content-type-options'], 'nosniff');
      const gzip = await get(`/ui/${file}`, { 'Accept-Encoding': 'gzip, br' });
      assert.equal(gzip.headers.etag, plain.headers.etag);
      assert.equal(gzip.headers.vary, 'Accept-Encoding');
      if (gzip.headers['content-encoding'] === 'gzip') compressed++;
      assert.ok((gzip.headers['content-encoding'] ? zlib.gunzipSync(gzip.bytes) : gzip.bytes).equals(bytes), file);
    }
    assert.ok(compressed >= 2);
  });

  it('a page lets nothing in from elsewhere', async () => {
    for (const p of ['/docs', '/docs/', '/ui/docs/index.html']) {
      const r = await get(p);
      assert.equal(r.status, 200);
      assert.equal(r.headers['content-type'], 'text/html; charset=utf-8');
      const policy = Object.fromEntries(r.headers['content-security-policy'].split(';').map((x) => x.trim().split(/ (.*)/)));
      assert.equal(policy['default-src'], "'self'");
      assert.equal(policy['frame-ancestors'], "'none'");
      assert.equal(policy['script-src'], undefined, 'as the default');
      assert.doesNotMatch(r.headers['content-security-policy'], /unsafe|https?:|\*/);
      assert.doesNotMatch(r.text, /<script(?![^>]*\ssrc=)|\son\w+=|style=|https?:\/\//i);
    }
  });

  it('is revalidated: 304 without a body as long as it is the same', async () => {
    const first = await get('/docs');
    assert.equal(first.headers['cache-control'], 'no-cache');
    assert.match(first.headers.etag, /^W\/"[0-9a-f]{24}"$/);
    for (const tag of [first.headers.etag, first.headers.etag.slice(2), `"x", ${first.headers.etag}`, '*']) {
      const again = await get('/docs', { 'If-None-Match': tag });
      assert.equal(again.status, 304, tag);
      assert.equal(again.bytes.length, 0);
      assert.equal(again.headers.etag, first.headers.etag);
    }
    assert.equal((await get('/docs', { 'If-None-Match': '"x"' })).status, 200);
  });

  it('HEAD tells the length', async () => {
    const whole = await get('/ui/shared/base.css');
    const head = await get('/ui/shared/base.css', {}, 'HEAD');
    assert.equal(head.status, 200);
    assert.equal(Number(head.headers['content-length']), whole.bytes.length);
    assert.equal(head.bytes.length, 0);
  });

  it('several requests on one connection, a 304 among them', async () => {
    const { etag } = (await get('/docs')).headers;
    const one = (h) => `GET /docs HTTP/1.1\r\nHost: x\r\n${h}\r\n`;
    const r = await raw(d.server.port, one('') + one(`If-None-Match: ${etag}\r\n`) + one('Connection: close\r\n'));
    assert.deepEqual([...r.text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map((m) => m[1]), ['200', '304', '200']);
  });

  it('there is nothing else', async () => {
    for (const p of ['/ui', '/ui/', '/ui/docs', '/ui/docs/', '/ui/README.md', '/ui/none.js', '/ui/docs/index.html/x', '/ui/DOCS/index.html', '/docs/x']) {
      assert.equal((await get(p)).status, 404, p);
    }
    const post = await request(`${d.server.url}/docs`, { method: 'POST', headers: { 'Content-Length': 0 } });
    assert.equal(post.status, 405);
    assert.equal(post.headers.allow, 'GET, HEAD');
  });
});

describe('files of a folder', () => {
  const dir = path.join(newFolder('ui'), 'ui');
  let d;
  before(async () => {
    fs.mkdirSync(path.join(dir, 'docs'), { recursive: true });
    fs.writeFileSync(path.join(dir, 'docs/index.html'), '<p>one');
    fs.writeFileSync(path.join(dir, 'docs/.hidden.js'), 'hidden');
    fs.writeFileSync(path.join(dir, '../outside.js'), 'outside');
    d = await demo({ args: ['--ui-dir', dir] });
  });
  after(() => d?.stop());

  it('as they are now, without a restart', async () => {
    const one = await request(`${d.server.url}/docs`);
    assert.equal(one.text, '<p>one');
    fs.writeFileSync(path.join(dir, 'docs/index.html'), '<p>two');
    const two = await request(`${d.server.url}/docs`, { headers: { 'If-None-Match': one.headers.etag, 'Accept-Encoding': 'gzip' } });
    assert.equal(two.text, '<p>two');
    assert.notEqual(two.headers.etag, one.headers.etag);
    assert.equal((await request(`${d.server.url}/docs`, { headers: { 'If-None-Match': two.headers.etag } })).status, 304);
  });

  it('and nothing beside them', async () => {
    for (const p of ['/ui/../outside.js', '/ui/%2e%2e/outside.js', '/ui/docs/../../outside.js', '/ui/..%2foutside.js', '/ui/docs/.hidden.js', '/ui/docs', '/ui/docs/none.js', '/ui//etc/passwd', '/ui/shared/base.css']) {
      const r = await raw(d.server.port, `GET ${p} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      assert.match(r.text, /^HTTP\/1\.1 40[04] /, p);
      assert.doesNotMatch(r.text, /outside|hidden/, p);
    }
  });
});
