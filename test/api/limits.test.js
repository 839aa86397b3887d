// Floods and misbehaving clients: slow ones, idle ones, many new ones, huge and deep bodies. A healthy client is answered all the
// while, and memory stays under the ceiling stated at each test (not with sanitizers, whose memory is their own).
import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { demo, message, request, raw, eventually, unique, sink, SANITIZED, sleep } from '../lib/server.js';

const MIB = 1 << 20;
const openFilesMax = () => Number(/Max open files\s+\d+\s+(\d+)/.exec(fs.readFileSync('/proc/self/limits', 'utf8'))[1]);
function assertRss(d, ceiling, what) {
  if (SANITIZED) return;
  assert.ok(d.server.rss() <= ceiling, `${what}: ${(d.server.rss() / MIB).toFixed(1)} MiB resident, ceiling ${ceiling / MIB}`);
}
function assertPeak(d, ceiling, what) {
  if (SANITIZED) return;
  assert.ok(d.server.peakRss() <= ceiling, `${what}: ${(d.server.peakRss() / MIB).toFixed(1)} MiB at the peak, ceiling ${ceiling / MIB}`);
}
/** A client as it should be: answered right within ten seconds, on a new connection and on a kept one. */
async function assertHealthy(d, times = 5) {
  for (let i = 0; i < times; i++) {
    await d.partner.sendOk(message(), { agent: i % 2 ? false : d.partner.keep, timeout: 10_000 });
    assert.equal((await request(`${d.server.url}/health`, { timeout: 10_000 })).status, 200);
  }
}
/** Opens n sockets, a few hundred at a time. */
async function connectMany(port, n, each = () => {}) {
  const sockets = [];
  for (let at = 0; at < n; at += 250) {
    await Promise.all(Array.from({ length: Math.min(250, n - at) }, () => new Promise((resolve, reject) => {
      const s = net.connect({ port, host: '127.0.0.1' });
      s.once('error', reject);
      s.once('connect', () => { s.removeAllListeners('error'); s.on('error', () => {}); each(s); resolve(); });
      sockets.push(s);
    })));
  }
  return sockets;
}
const close = (sockets) => { for (const s of sockets) s.destroy(); };

describe('limits', { concurrency: 1 }, () => {
  it('ten thousand idle connections (ceiling: 160 MiB)', async (t) => {
    const n = Math.min(10_000, openFilesMax() - 1500);
    t.diagnostic(`${n} connections`);
    const d = await demo({ serve: { wrap: ['/bin/sh', '-c', 'ulimit -n $(ulimit -Hn); exec "$@"', 'sh'] } });
    const sockets = await connectMany(d.server.port, n);
    await assertHealthy(d, 20);
    assertRss(d, 160 * MIB, `${n} idle connections`);
    // Idle ones that have spoken once are kept, and still answered.
    for (const s of sockets.slice(0, 100)) s.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n');
    await Promise.all(sockets.slice(0, 100).map((s) => new Promise((resolve, reject) => {
      s.once('data', (b) => (b.toString().startsWith('HTTP/1.1 200') ? resolve() : reject(new Error(b.toString()))));
      s.once('close', () => reject(new Error('closed')));
    })));
    close(sockets);
    await assertHealthy(d);
    await d.stop();
  });

  it('more connections than allowed: those inside are served, the others later', async () => {
    const d = await demo({ env: { GUICHET_CONNECTION_MAX: '64' } });
    const sockets = await connectMany(d.server.port, 200);
    close(sockets.slice(0, 150));
    await eventually(async () => { await assertHealthy(d, 1); return true; });
    close(sockets);
    await assertHealthy(d);
    await d.stop();
  });

  it('bursts of 256 new connections, again and again', async () => {
    const d = await demo();
    const one = () => raw(d.server.port, 'GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', { timeout: 15_000 });
    for (let round = 0; round < 30; round++) {
      const kept = await connectMany(d.server.port, 64);
      close(kept);
      const answers = await Promise.all(Array.from({ length: 256 }, one));
      const wrong = answers.filter((a) => !a.text.startsWith('HTTP/1.1 200') || !a.closed);
      assert.equal(wrong.length, 0, `round ${round}: ${wrong.length} of 256 without an answer: ${wrong[0]?.error} ${wrong[0]?.text.slice(0, 100)}`);
    }
    await assertHealthy(d);
    await d.stop();
  });

  it('slow headers and slow bodies from hundreds at once (ceiling: 64 MiB)', async () => {
    const d = await demo({ env: { GUICHET_REQUEST_TIMEOUT: '3s' } });
    const token = await d.partner.token();
    const headers = await connectMany(d.server.port, 300, (s) => s.write('GET /health HTTP/1.1\r\nHost: x\r\n'));
    const bodies = await connectMany(d.server.port, 300, (s) => s.write(`POST /messaging/v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{`));
    const closed = [...headers, ...bodies].map((s) => new Promise((resolve) => s.once('close', resolve)));
    for (const s of [...headers, ...bodies]) s.resume();
    let over = false;
    const drip = (async () => {
      while (!over) {
        for (const s of headers) if (s.writable) s.write('X-A: b\r\n');
        for (const s of bodies) if (s.writable) s.write(' ');
        await sleep(500);
      }
    })();
    await assertHealthy(d, 10);
    assertRss(d, 64 * MIB, '600 slow senders');
    await Promise.all(closed); // the server gives them up
    over = true;
    await drip;
    await assertHealthy(d);
    await d.stop();
  });

  it('slow readers of large files (ceiling: 96 MiB more)', async () => {
    const d = await demo();
    const customer = unique('c');
    const m = message({ customer });
    m.body.attachments = [{ id: '1', name: 'big', mime_type: 'application/octet-stream', content: { type: 'base64', data: crypto.randomBytes(16 * MIB).toString('base64') } }];
    await d.partner.sendOk(m);
    const [i] = await d.agent.ofCustomer(d.connector.id, customer);
    const [stored] = await d.agent.messages(i.id);
    await eventually(() => d.server.rss() < 120 * MIB || SANITIZED);
    const before = d.server.rss();
    const sockets = await connectMany(d.server.port, 200, (s) => { s.pause(); s.write(`GET /api/v3/interaction/attachments/${stored.attachments[0].id} HTTP/1.1\r\nHost: x\r\nKiamo-Api-Token: ${d.token}\r\n\r\n`); });
    await assertHealthy(d, 20);
    if (!SANITIZED) assert.ok(d.server.rss() - before < 96 * MIB, `${((d.server.rss() - before) / MIB).toFixed(1)} MiB more`);
    close(sockets);
    const whole = await d.agent.file(stored.attachments[0].id);
    assert.equal(whole.bytes.length, 16 * MIB);
    await d.stop();
  });

  describe('bodies', () => {
    it('100 MiB are refused at the header; in chunks once too much has come (ceiling: 160 MiB)', async () => {
      const d = await demo();
      const token = await d.partner.token();
      const head = (extra) => `POST /messaging/v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n${extra}\r\n\r\n`;
      const told = await raw(d.server.port, head(`Content-Length: ${100 * MIB}`));
      assert.match(told.text, /^HTTP\/1\.1 413 /);
      assert.ok(told.closed);
      const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(MIB, ' '), Buffer.from('\r\n')]);
      const chunked = await raw(d.server.port, [head('Transfer-Encoding: chunked'), async (s) => {
        for (let i = 0; i < 100 && s.writable; i++) if (!s.write(chunk)) await Promise.race([new Promise((r) => s.once('drain', r)), new Promise((r) => s.once('close', r))]);
      }], { timeout: 60_000 });
      assert.match(chunked.text, /^(HTTP\/1\.1 413 |$)/, 'refused, or cut off before it could read that');
      await assertHealthy(d);
      assertPeak(d, 160 * MIB, '100 MiB');
      await d.stop();
    });

    const json = (body) => ({ method: 'POST', body, headers: { 'Content-Type': 'application/json' } });
    for (const [name, make, ceiling, status = 400] of [
      ['a million deep', () => '['.repeat(1_000_000), 96 * MIB],
      ['a million deep inside metadata', () => `{"messages":[{"metadata":${'{"a":'.repeat(1_000_000)}`, 96 * MIB],
      ['a million messages', () => `{"messages":[${'{},'.repeat(999_999)}{}]}`, 256 * MIB, [400, 413]],
      ['sixteen million empty arrays', () => `{"messages":[${'[],'.repeat(16_000_000)}[]]}`, 384 * MIB, [400, 413]],
      ['twenty million numbers', () => `{"messages":[${'1,'.repeat(20_000_000)}1]}`, 384 * MIB, [400, 413]],
      ['a million keys', () => `{"messages":[],${Array.from({ length: 1_000_000 }, (_, i) => `"${i}":1`).join(',')}}`, 384 * MIB, [400, 413]],
      ['a string of 40 MiB', () => `{"messages":"${'x'.repeat(40 * MIB)}"}`, 384 * MIB],
    ]) {
      it(`${name} (ceiling: ${ceiling / MIB} MiB)`, async () => {
        const d = await demo();
        const r = await d.partner.post(make());
        assert.ok([status].flat().includes(r.status), `${r.status} ${r.text.slice(0, 500)}`);
        assert.ok(r.bytes.length < 16_384, 'the answer is short');
        await assertHealthy(d);
        assertPeak(d, ceiling, name);
        await d.stop();
      });
    }
    it('nobody unknown may send a large body (ceiling: 64 MiB)', async () => {
      const d = await demo();
      const big = Buffer.alloc(40 * MIB, ' ');
      for (const path of ['/api/v3/agent/login', '/oauth2/v1/token', '/messaging/v1/messages', '/api/v3/interaction/interactions/000000000000000000000001/messages', '/nowhere', '/health']) {
        const r = await request(d.server.url + path, { ...json(big), headers: { 'Content-Type': 'application/json', 'Content-Length': big.length } }).catch((e) => e);
        if (!(r instanceof Error)) assert.ok(r.status >= 400 && r.status < 500, `${path}: ${r.status}`);
      }
      await assertHealthy(d);
      assertPeak(d, 64 * MIB, 'large bodies of strangers');
      await d.stop();
    });
    it('large bodies that never end do not keep small ones out', async () => {
      const d = await demo({ env: { GUICHET_BODY_TOTAL_MAX: '1M' } });
      const token = await d.partner.token();
      const held = async () => (await d.server.metrics()).get('guichet_http_body_bytes');
      const half = (size) => connectMany(d.server.port, 1, (s) => {
        s.write(`POST /messaging/v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${size}\r\n\r\n`);
        s.write(Buffer.alloc(size - 1, ' '));
      });
      const holds = (bytes) => eventually(async () => (await held()) >= bytes, { what: `${bytes} bytes are held` });
      const sockets = await half(500_000);
      await holds(500_000);
      const one = 500_001; // with the end of a text
      await eventually(async () => (await held()) === one, { what: 'nothing else is held' });
      sockets.push(...await half(500_000)); // refused: with it, large ones would have more than their part
      await eventually(async () => (await held()) === one, { what: 'the second large body is given up' });
      sockets.push(...await half(40_000));
      await holds(540_000);
      await d.partner.sendOk(message({ text: 'x'.repeat(20_000) }));
      close(sockets);
      await d.stop();
    });
    it('bodies of many at once are bounded in all (ceiling: 160 MiB)', async () => {
      const d = await demo({ env: { GUICHET_BODY_TOTAL_MAX: '32M' } });
      const token = await d.partner.token();
      const answers = [];
      const sockets = await connectMany(d.server.port, 64, (s) => {
        s.once('data', (b) => answers.push(b.toString()));
        s.once('close', () => answers.push(null));
        s.write(`POST /messaging/v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${8 * MIB}\r\n\r\n`);
        s.write(Buffer.alloc(8 * MIB - 1, ' '));
      });
      await eventually(async () => (await d.server.metrics()).get('guichet_http_body_bytes') > 16 * MIB, { what: 'bodies are held' });
      await Promise.all(sockets.map((s) => new Promise((resolve) => (s.writableLength ? s.once('drain', resolve) : resolve()))));
      assert.ok((await d.server.metrics()).get('guichet_http_body_bytes') <= 32 * MIB);
      assertRss(d, 160 * MIB, '64 bodies of 8 MiB');
      for (const s of sockets) s.write(' ');
      await eventually(() => answers.filter((a) => a).length === 64, { what: 'all are answered' });
      const refused = answers.filter((a) => a?.startsWith('HTTP/1.1 503 '));
      assert.ok(refused.length >= 32, `${refused.length} were refused`);
      for (const a of refused) assert.match(a, /\r\nRetry-After: \d+\r\n/i);
      for (const a of answers) if (a && !refused.includes(a)) assert.match(a, /^HTTP\/1\.1 400 /);
      assertPeak(d, 160 * MIB, '64 bodies of 8 MiB');
      close(sockets);
      await eventually(async () => { await assertHealthy(d, 1); return true; });
      await assertHealthy(d);
      await d.stop();
    });
  });

  it('huge request lines and headers are refused and closed (ceiling: 64 MiB)', async () => {
    const d = await demo();
    const cases = [
      [`GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, [400, 414, 431]],
      [`GET /health?${'x=y&'.repeat(50_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, [400, 414, 431]],
      [`GET /health HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`, [400, 431]],
      [`GET /health HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(20_000)}\r\n`, [400, 431]],
      [`GET /health HTTP/1.1\r\nHost: x\r\nCookie: guichet_session=${'a'.repeat(70_000)}\r\n\r\n`, [400, 431]],
    ];
    for (const [bytes, wanted] of cases) {
      for (let i = 0; i < 20; i++) {
        const r = await raw(d.server.port, bytes);
        const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(r.text)?.[1] ?? 0);
        assert.ok(wanted.includes(status) || (status === 0 && r.closed), `${bytes.slice(0, 30)}: ${r.text.slice(0, 200)} ${r.error}`);
        assert.ok(r.closed);
      }
    }
    await assertHealthy(d);
    assertPeak(d, 64 * MIB, 'huge headers');
    await d.stop();
  });

  it('a long life does not grow: ten thousand requests of all kinds (ceiling: 16 MiB more)', async () => {
    const hook = await sink();
    const d = await demo({ webhook: hook.url });
    const customers = Array.from({ length: 50 }, () => unique('c'));
    async function load(n) {
      const answers = await Promise.all(Array.from({ length: 16 }, async (_, k) => {
        let bad = 0;
        for (let i = 0; i < n / 16; i++) {
          const c = customers[(i + k) % 50];
          if (i % 5 === 0) { if ((await d.partner.post('{"messages":[{}]}')).status !== 400) bad++; }
          else if (i % 5 === 1) { if ((await d.agent.call('GET', `/interactions?connector=${d.connector.id}&customer=${c}`)).status !== 200) bad++; }
          else if (i % 5 === 2) { if ((await request(`${d.server.url}/nowhere`)).status !== 404) bad++; }
          else if ((await d.partner.send(message({ customer: c }))).status !== 200) bad++;
        }
        return bad;
      }));
      assert.equal(answers.reduce((a, b) => a + b), 0);
    }
    await load(4000);
    const before = d.server.rss();
    await load(10_000);
    if (!SANITIZED) assert.ok(d.server.rss() - before <= 16 * MIB, `${((d.server.rss() - before) / MIB).toFixed(1)} MiB more`);
    await d.stop();
    await hook.close();
  });

  it('idle, it is small (ceiling: 16 MiB)', async () => {
    const d = await demo();
    await assertHealthy(d, 1);
    assertRss(d, 16 * MIB, 'idle');
    await d.stop();
  });

  it('connections that say nothing are closed after their time', async () => {
    const d = await demo({ env: { GUICHET_IDLE_TIMEOUT: '1s', GUICHET_REQUEST_TIMEOUT: '1s' } });
    const sockets = await connectMany(d.server.port, 50, (s) => s.resume());
    await Promise.all(sockets.map((s) => new Promise((resolve) => (s.destroyed ? resolve() : s.once('close', resolve)))));
    const agent = new http.Agent({ keepAlive: true });
    assert.equal((await request(`${d.server.url}/health`, { agent })).status, 200);
    agent.destroy();
    await d.stop();
  });
});
