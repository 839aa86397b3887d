// GET /messaging/attachments/{uid}/: one complete download and it is gone; nothing less than that takes it away.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { BUILD, demo, message, sink, unique, eventually, cliJson, partner, raw, sleep } from '../lib/server.js';

describe('GET /messaging/attachments/{uid}/', () => {
  let d;
  let hook;
  before(async () => {
    hook = await sink();
    d = await demo({ webhook: hook.url });
    hook.secret = d.connector.client_secret;
  });
  after(async () => { await d.stop(); await hook.close(); });

  /** An agent sends a file; the address that the partner is told. */
  async function sent(bytes, { name = 'file.bin', type = 'application/octet-stream' } = {}) {
    const customer = unique('file');
    await d.partner.sendOk(message({ customer }));
    const [interaction] = await d.agent.ofCustomer(d.connector.id, customer);
    const file = await d.agent.upload(interaction.id, name, type, bytes);
    assert.equal(file.size, bytes.length);
    await d.agent.reply(interaction.id, { text: 'see', attachments: [{ id: file.id }] });
    const got = await eventually(() => hook.requests.find((r) => r.json.customer_id === customer));
    return got.json.body.attachments[0].content.data;
  }
  const bearer = async () => ({ Authorization: `Bearer ${await d.partner.token()}` });

  it('needs a token', async () => {
    const url = await sent(Buffer.from('x'));
    const no = await d.partner.attachment(url, { headers: { Authorization: '' } });
    assert.equal(no.status, 401);
    assert.match(no.headers['www-authenticate'], /^Bearer/);
    assert.equal((await d.partner.attachment(url, { headers: { Authorization: 'Bearer x' } })).status, 401);
    assert.equal((await d.partner.attachment(url)).status, 200);
  });

  it('serves the bytes once, with the file\'s own type, with and without the trailing slash', async () => {
    for (const slash of ['/', '']) {
      const bytes = crypto.randomBytes(1000);
      const url = (await sent(bytes, { type: 'image/png' })).replace(/\/$/, slash);
      const r = await d.partner.attachment(url);
      assert.equal(r.status, 200);
      assert.equal(r.headers['content-type'], 'image/png');
      assert.ok(r.bytes.equals(bytes));
      const gone = await eventually(async () => { const a = await d.partner.attachment(url); return a.status !== 200 && a; });
      assert.equal(gone.status, 404);
      assert.deepEqual(gone.json, { error: 'not_found', error_description: 'no such attachment, or it was retrieved before' });
    }
  });

  it('serves an empty file, once', async () => {
    const url = await sent(Buffer.alloc(0));
    const r = await d.partner.attachment(url);
    assert.equal(r.status, 200);
    assert.equal(r.bytes.length, 0);
    await eventually(async () => (await d.partner.attachment(url)).status === 404);
  });

  it('does not know guessed and malformed uids', async () => {
    const url = await sent(Buffer.from('x'));
    const uid = url.match(/([0-9a-f]{32})\/$/)[1];
    for (const guess of ['0'.repeat(32), uid.slice(0, 31), `${uid}0`, uid.replace(/.$/, (c) => (c === '0' ? '1' : '0')), '%00', '..', uid.toUpperCase() === uid ? 'x' : uid.toUpperCase(), '%2e%2e%2f']) {
      const r = await d.partner.attachment(guess);
      assert.equal(r.status, 404, `${guess}: ${r.status}`);
    }
    assert.equal((await d.partner.attachment(uid)).status, 200, 'and the right one is still there');
  });

  it('does not show one connector\'s file to another', async () => {
    const other = await cliJson(['connector', 'create', '--data', d.dir, '--name', unique('other')]);
    const stranger = partner(d.server, other);
    await eventually(() => stranger.newToken());
    const url = await sent(Buffer.from('secret'));
    assert.equal((await stranger.attachment(url)).status, 404);
    assert.equal((await d.partner.attachment(url)).text, 'secret');
  });

  it('does not hand the customer\'s own files back to the partner', async () => {
    const customer = unique('in');
    const m = message({ customer });
    m.body.attachments = [{ id: '1', name: 'a.txt', mime_type: 'text/plain', content: { type: 'base64', data: 'eA==' } }];
    await d.partner.sendOk(m);
    const [interaction] = await d.agent.ofCustomer(d.connector.id, customer);
    const [stored] = await d.agent.messages(interaction.id);
    assert.equal((await d.partner.attachment(stored.attachments[0].id)).status, 404);
  });

  it('HEAD and Range do not consume', async () => {
    const bytes = crypto.randomBytes(100_000);
    const url = await sent(bytes);
    for (let i = 0; i < 3; i++) {
      const head = await d.partner.attachment(url, { method: 'HEAD' });
      assert.equal(head.status, 200);
      assert.equal(head.bytes.length, 0);
      assert.equal(Number(head.headers['content-length']), bytes.length);
    }
    const r = await d.partner.attachment(url, { headers: { Range: 'bytes=0-99' } });
    if (r.status === 206) {
      assert.ok(r.bytes.equals(bytes.subarray(0, 100)));
      assert.ok((await d.partner.attachment(url)).bytes.equals(bytes));
    } else {
      assert.equal(r.status, 200, 'a server may ignore Range');
      assert.ok(r.bytes.equals(bytes));
    }
  });

  it('a broken-off download does not consume, wherever it breaks', async () => {
    const size = 16 * 1024 * 1024;
    const bytes = crypto.randomBytes(size);
    const url = await sent(bytes);
    const headers = await bearer();
    const { port, pathname } = new URL(url);
    const ask = `GET ${pathname} HTTP/1.1\r\nHost: x\r\nAuthorization: ${headers.Authorization}\r\nConnection: close\r\n\r\n`;
    /** Breaks off after so many bytes, with no more than some kilobytes on the way; the status of the answer. */
    const abortAt = (count) => new Promise((resolve, reject) => {
      const child = execFile(path.join(BUILD, 'test/crash/reader'), [port, String(Math.max(1, Math.floor(count)))], (e, stdout) => (e ? reject(e) : resolve(Number(stdout.slice(9, 12)))));
      child.stdin.end(ask);
    });
    for (let tenth = 0; tenth < 10; tenth++) {
      // 503 with Retry-After: the download before has not been seen to end yet.
      const status = await eventually(async () => { const s = await abortAt((size * tenth) / 10); return s !== 503 && s; });
      assert.equal(status, 200, `after ${tenth} aborted downloads`);
    }
    const last = await eventually(async () => { const s = await abortAt(size - 100_000); return s !== 503 && s; });
    assert.equal(last, 200, 'before the very end');
    const whole = await eventually(async () => { const r = await d.partner.attachment(url); return r.status === 200 && r; });
    assert.ok(whole.bytes.equals(bytes));
    await eventually(async () => (await d.partner.attachment(url)).status === 404);
  });

  it('parallel downloads give exactly one full copy', async () => {
    const bytes = crypto.randomBytes(4 * 1024 * 1024);
    for (let round = 0; round < 5; round++) {
      const url = await sent(bytes);
      const answers = await Promise.all(Array.from({ length: 4 }, () => d.partner.attachment(url).catch((e) => ({ status: 0, error: e }))));
      const full = answers.filter((a) => a.status === 200 && a.bytes.equals(bytes));
      assert.equal(full.length, 1, answers.map((a) => `${a.status} ${a.bytes?.length ?? a.error}`).join(', '));
      assert.ok(answers.every((a) => a.status === 200 || a.status === 404 || a.status === 503 || a.status === 0), answers.map((a) => a.status).join());
    }
  });

  it('a lease of somebody who hangs ends with them', async () => {
    const bytes = crypto.randomBytes(4 * 1024 * 1024);
    const url = await sent(bytes);
    const { port, pathname } = new URL(url);
    const headers = await bearer();
    let socket;
    const hanging = raw(Number(port), [`GET ${pathname} HTTP/1.1\r\nHost: x\r\nAuthorization: ${headers.Authorization}\r\n\r\n`, (s) => { socket = s; s.pause(); }], { timeout: 60_000 });
    await sleep(100);
    socket.destroy();
    await hanging;
    const whole = await eventually(async () => { const r = await d.partner.attachment(url); return r.status === 200 && r; });
    assert.ok(whole.bytes.equals(bytes));
  });

  it('with a grace period a file may be fetched again until it is over', async () => {
    const g = await demo({ webhook: hook.url, env: { GUICHET_ATTACHMENT_GRACE: '2s' } });
    const customer = unique('grace');
    await g.partner.sendOk(message({ customer }));
    const [interaction] = await g.agent.ofCustomer(g.connector.id, customer);
    await g.agent.reply(interaction.id, { text: 'see', attachments: [{ name: 'a', mime_type: 'text/plain', data: 'eA==' }] });
    const got = await eventually(() => hook.requests.find((r) => r.json.customer_id === customer));
    const url = got.json.body.attachments[0].content.data;
    for (let i = 0; i < 3; i++) {
      const r = await eventually(async () => { const a = await g.partner.attachment(url); return a.status !== 503 && a; });
      assert.equal(r.text, 'x');
    }
    await eventually(async () => (await g.partner.attachment(url)).status === 404, { interval: 100 });
    await g.stop();
  });
});
