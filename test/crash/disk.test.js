// Disks that fill, fail and stall: 503 with a reason, nothing half-written, nothing lost that was answered.
import { describe, it, before } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { BUILD, demoData, startServer, partner, agent, sink, message, newFolder, eventually, assertStoreWhole, unique, SANITIZED, assertNoReport } from '../lib/server.js';
import { chance, customer, answerer, kiamoIo } from '../lib/load.js';
import { connector, event, kitSurface, makeChannel } from '../lib/kit.js';

const SHIM = path.join(BUILD, 'test/crash/libfault.so');
const MODES = { none: 0, full: 1, eioFsync: 2, stall: 3, eioWrite: 4, stallSync: 5 };

/** The control file that the preloaded library maps: struct control in fault.c. */
function faults() {
  const file = path.join(newFolder('fault'), 'control');
  fs.writeFileSync(file, Buffer.alloc(4096));
  const fd = fs.openSync(file, 'r+');
  const put = (at, buffer) => fs.writeSync(fd, buffer, 0, buffer.length, at);
  const i32 = (v) => { const b = Buffer.alloc(4); b.writeInt32LE(v); return b; };
  const i64 = (v) => { const b = Buffer.alloc(8); b.writeBigInt64LE(BigInt(v)); return b; };
  const get = (at) => { const b = Buffer.alloc(8); fs.readSync(fd, b, 0, 8, at); return Number(b.readBigInt64LE()); };
  return {
    file,
    set(mode, { count = 0, room = 0 } = {}) { put(4, i32(count)); put(8, i64(room)); put(0, i32(MODES[mode])); },
    get syncs() { return get(16); },
    get hits() { return get(24); },
    get waiting() { return get(32); },
  };
}

async function faulty({ webhook, env = {} } = {}) {
  const disk = faults();
  const data = await demoData({ webhook });
  const channel = await makeChannel(data.dir, { args: ['--access-lifetime', '10d', '--refresh-lifetime', '10d'] });
  const asan = `${process.env.ASAN_OPTIONS ? `${process.env.ASAN_OPTIONS}:` : ''}verify_asan_link_order=0`;
  const server = await startServer({
    dir: data.dir,
    env: { LD_PRELOAD: SHIM, GUICHET_TEST_FAULT_FILE: disk.file, GUICHET_TEST_FAULT_DIR: fs.realpathSync(data.dir), ASAN_OPTIONS: asan, ...env },
  });
  const d = { ...data, server, disk, partner: partner(server, data.connector), channel, kit: connector(server, channel), agent: agent(server, data.token) };
  await d.partner.token();
  await d.kit.token();
  return d;
}

describe('a disk that', () => {
  before(() => assert.ok(fs.existsSync(SHIM), `${SHIM} is not built`));

  it('is full: 503 that says so, and it goes on when there is room', async () => {
    const hook = await sink();
    const d = await faulty({ webhook: hook.url });
    await d.partner.sendOk(message({ customer: 'before' }));
    const [i] = await d.agent.ofCustomer(d.connector.id, 'before');
    assert.ok(d.disk.syncs > 0, 'the library stands in between');
    d.disk.set('full');
    const r = await d.partner.send(message({ customer: 'during', text: 'x' }));
    assert.equal(r.status, 503, r.text);
    assert.equal(r.json.error, 'no_space');
    assert.match(r.headers['retry-after'], /^[1-9]\d*$/);
    assert.ok(d.disk.hits > 0);
    const e = event();
    const kit = await d.kit.send(e);
    assert.deepEqual([kit.status, kit.json], [503, { success: false, result: { error: 'the store has no room; nothing of this request was stored', code: 503 } }]);
    assert.match(kit.headers['retry-after'], /^[1-9]\d*$/);
    const reply = await d.agent.call('POST', `/interactions/${i.id}/messages`, { json: { text: 'x' } });
    assert.equal(reply.status, 503, reply.text);
    assert.match(reply.headers['content-type'], /^application\/problem\+json/);
    const health = await d.server.health();
    assert.equal(health.status, 503, health.text);
    assert.notEqual(health.json.status, 'ok');
    assert.deepEqual((await d.agent.messages(i.id)).map((m) => m.text), ['Hello'], 'reading goes on');
    d.disk.set('none');
    await d.partner.sendOk(message({ customer: 'after' }));
    await d.kit.sendOk(e);
    assert.equal((await d.agent.ofCustomer(d.channel.id, e.client_data.client_id)).length, 1, 'the event id was not used up');
    await eventually(async () => (await d.server.health()).status === 200);
    assert.deepEqual(await d.agent.ofCustomer(d.connector.id, 'during'), [], 'nothing of what was refused');
    await d.agent.reply(i.id, 'now');
    await hook.received(1);
    await d.server.restart();
    assert.deepEqual(await d.agent.ofCustomer(d.connector.id, 'during'), []);
    assert.equal((await d.agent.ofCustomer(d.connector.id, 'after')).length, 1);
    await d.server.stop();
    await hook.close();
  });

  for (const [name, surface] of [['Kiamo.io', kiamoIo], ['a custom channel', kitSurface]]) it(`fills up under load, at every point: nothing half-written (${name})`, async (t) => {
    const dice = chance();
    t.diagnostic(`GUICHET_TEST_SEED=${dice.seed}`);
    const d = { ...await faulty(), surface };
    const customers = Array.from({ length: 8 }, (_, i) => customer(d, `c${i}`, { batch: () => (surface === kiamoIo ? 1 + dice.below(10) : 1), text: (n) => `${n} ${'x'.repeat(dice.below(2000))}` }));
    for (let round = 0; round < 20; round++) {
      const before_ = customers.reduce((n, one) => n + one.refused, 0);
      d.disk.set('full', { room: dice.below(100_000) });
      await Promise.all(customers.map((one) => one.run(() => false)));
      assert.ok(d.server.running(), d.server.log.slice(-2000));
      assert.ok(customers.reduce((n, one) => n + one.refused, 0) > before_, 'it was full');
      d.disk.set('none');
      if (round % 5 === 4) await d.server.restart({ hard: round % 2 === 0 });
      let acks = 0;
      await Promise.all(customers.map((one) => eventually(async () => { await one.run(() => acks > 20, () => acks++); return acks > 20; })));
    }
    await Promise.all(customers.map((one) => one.finish()));
    for (const one of customers) await one.assertKept();
    await d.server.stop();
    await assertStoreWhole(d.dir);
  });

  it('fails to sync: 503, the program ends, and the next start has all that was answered', async (t) => {
    const dice = chance();
    t.diagnostic(`GUICHET_TEST_SEED=${dice.seed}`);
    const hook = await sink();
    const d = await faulty({ webhook: hook.url });
    const customers = Array.from({ length: 8 }, (_, i) => customer(d, `c${i}`));
    const replies = answerer(d, 'c0');
    for (let round = 0; round < 8; round++) {
      let acks = 0;
      const target = 10 + dice.below(50);
      let set = false;
      const running = [...customers, replies].map((one) => one.run(() => false, () => {
        if (++acks >= target && !set) {
          set = true;
          d.disk.set('eioFsync', { count: 1 });
        }
      }));
      const end = await d.server.ended({ timeout: 10_000 }); // well before stop_deadline: nothing can be finished any more
      await Promise.all(running);
      assert.equal(end.signal, null, 'it ends, it does not crash');
      assert.notEqual(end.code, 0);
      assertNoReport(d.server.log.replace(/panic/g, ''));
      assert.match(d.server.log, /level=error|level=fatal|level=panic/);
      d.disk.set('none');
      await d.server.restart();
      await d.server.health();
    }
    await Promise.all([...customers, replies].map((one) => one.finish()));
    for (const one of customers) await one.assertKept();
    await replies.assertDelivered(hook);
    await d.server.stop();
    await assertStoreWhole(d.dir);
    await hook.close();
  });

  it('fails to sync while nobody writes but one: that one gets 503, never 200', async () => {
    const d = await faulty();
    await d.partner.sendOk(message({ customer: 'a' }));
    d.disk.set('eioFsync', { count: 1 });
    const r = await d.partner.send(message({ customer: 'b' })).catch(() => null);
    if (r) assert.equal(r.status, 503, r.text);
    assert.notEqual((await d.server.ended()).code, 0);
    d.disk.set('none');
    await d.server.restart();
    assert.equal((await d.agent.ofCustomer(d.connector.id, 'a')).length, 1);
    await d.server.stop();
  });

  it('fails to write: no 200 for what is not there', async () => {
    const d = await faulty();
    const one = customer(d, 'c');
    for (let round = 0; round < 5; round++) {
      d.disk.set('eioWrite', { count: 1 + round });
      await one.run(() => false);
      d.disk.set('none');
      if (!d.server.running() || (await Promise.race([d.server.exit.then(() => true), eventually(async () => (await d.server.health()).status === 200).then(() => false, () => true)]))) {
        const end = await d.server.ended({ timeout: 10_000 }); // well before stop_deadline: nothing can be finished any more
        assert.equal(end.signal, null);
        await d.server.restart();
      }
      let acks = 0;
      await eventually(async () => { await one.run(() => acks > 5, () => acks++); return acks > 5; });
    }
    await one.finish();
    await one.assertKept();
    await d.server.stop();
  });

  it('has not synced yet: no answer leaves, and what was not answered may be gone after a crash', async () => {
    const d = await faulty();
    for (let round = 0; round < 5; round++) {
      d.disk.set('stallSync');
      let answered = 0;
      const open = Array.from({ length: 20 }, (_, i) => d.partner.send(message({ customer: `c${round}-${i}` }), { agent: false }).then((r) => { answered++; return r.status; }, () => 'cut off'));
      await eventually(() => d.disk.waiting > 0, { what: 'the sync waits' });
      for (let i = 0; i < 20; i++) await d.server.health();
      assert.equal(answered, 0, 'nothing is answered before the sync has returned');
      if (round % 2) await d.server.kill();
      d.disk.set('none');
      const statuses = await Promise.all(open);
      if (!d.server.running()) await d.server.restart();
      else assert.ok(statuses.every((s) => s === 200), statuses.join());
      for (const [i, status] of statuses.entries()) {
        const there = (await d.agent.ofCustomer(d.connector.id, `c${round}-${i}`)).length;
        assert.ok(there === 1 || (there === 0 && status === 'cut off'), `${status}, ${there} there`);
      }
    }
    await d.server.stop();
    await assertStoreWhole(d.dir);
  });

  it('stalls: a bounded queue, 503 with Retry-After, bounded memory, and all that was taken is answered', async () => {
    const d = await faulty({ env: { GUICHET_STORE_QUEUE_MAX: '200', GUICHET_BODY_TOTAL_MAX: '16M' } });
    await d.partner.sendOk(message({ customer: 'before' }));
    const before_ = d.server.rss();
    d.disk.set('stall');
    const answers = [];
    const text = 'x'.repeat(2000);
    const open = Array.from({ length: 2000 }, (_, i) => d.partner.send(message({ customer: `c${i}`, text }), { agent: false, timeout: 120_000 }).then((r) => { answers.push(r); return { i, r }; }));
    // The queue takes 200 and whatever the writer holds; the others are told at once.
    await eventually(() => answers.length >= 1000, { timeout: 60_000, what: 'answers while the disk stalls' });
    for (const r of answers) {
      assert.equal(r.status, 503, r.text);
      assert.equal(r.json.error, 'busy');
      assert.match(r.headers['retry-after'], /^[1-9]\d*$/);
    }
    assert.deepEqual((await d.agent.messages((await d.agent.ofCustomer(d.connector.id, 'before'))[0].id)).map((m) => m.text), ['Hello'], 'reading goes on');
    const health = await d.server.health();
    assert.ok([200, 503].includes(health.status));
    if (!SANITIZED) assert.ok(d.server.rss() - before_ < 64 << 20, `${(d.server.rss() - before_) >> 20} MiB more`);
    d.disk.set('none');
    const all = await Promise.all(open);
    const taken = all.filter(({ r }) => r.status === 200);
    assert.ok(taken.length >= 200, `${taken.length} were taken`);
    assert.ok(all.every(({ r }) => r.status === 200 || r.status === 503));
    for (const { i, r } of all) {
      if (i % 10) continue;
      assert.equal((await d.agent.ofCustomer(d.connector.id, `c${i}`)).length, r.status === 200 ? 1 : 0);
    }
    await d.partner.sendOk(message({ customer: unique('after') }));
    await d.server.stop();
  });
});
