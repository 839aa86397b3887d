// Several nodes on one PostgreSQL: customers and agents on any of them, any of them dies, the database stops and comes back.
import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { POSTGRES, agent, assertStoreWhole, cliJson, demo, demoData, eventually, message, newDataDir, partner, psql, sink, sleep, startServer, unique } from '../lib/server.js';
import { answerer, chance, customer } from '../lib/load.js';

const ONLY_POSTGRES = { skip: !POSTGRES && 'one server alone serves from SQLite' };
const ROUNDS = Number(process.env.GUICHET_TEST_ROUNDS ?? 20);

/** A folder for one more node: the key and the address. */
function anotherFolder(dir) {
  const to = newDataDir();
  fs.mkdirSync(to, { mode: 0o700 });
  for (const name of ['master.key', 'store']) fs.copyFileSync(path.join(dir, name), path.join(to, name));
  return to;
}
const address = (dir) => fs.readFileSync(path.join(dir, 'store'), 'utf8').trim();

/** Each call goes to the next of them, as a round-robin in front would have it. */
function inTurn(list) {
  let turn = 0;
  return new Proxy({}, { get: (_, name) => (name === 'then' ? undefined : (...values) => list[turn++ % list.length][name](...values)) });
}

async function twoNodes({ webhook, env } = {}) {
  const data = await demoData({ webhook });
  const nodes = [await startServer({ dir: data.dir, env }), await startServer({ dir: anotherFolder(data.dir), env })];
  const partners = nodes.map((n) => partner(n, data.connector));
  const agents = nodes.map((n) => agent(n, data.token));
  return { ...data, nodes, partners, agents, partner: inTurn(partners), agent: inTurn(agents), stop: async () => { for (const n of nodes) await n.stop(); } };
}

const FAST = { GUICHET_DELIVERY_BACKOFF_FIRST: '20ms', GUICHET_DELIVERY_BACKOFF_MAX: '200ms' };

describe('two nodes', ONLY_POSTGRES, () => {
  it('tell each other: a stream on one has what came to the other, and resumes on either', async () => {
    const t = await twoNodes();
    const streams = [await t.agents[0].events(), await t.agents[1].events()];
    const texts = Array.from({ length: 20 }, () => unique('over'));
    for (const [i, text] of texts.entries()) await t.partners[i % 2].sendOk(message({ customer: 'ann', text }));
    const last = (e) => e.event === 'message.received' && e.data.message?.text === texts.at(-1);
    const [a, b] = await Promise.all(streams.map((s) => s.until(last)));
    const ids = (list) => list.map((e) => Number(e.id));
    assert.deepEqual(ids(a), ids(b), 'both nodes tell the same in the same order');
    assert.deepEqual(ids(a), ids(a).map((_, i) => ids(a)[0] + i), 'without gaps');
    for (const s of streams) s.close();
    const resumed = await t.agents[1].events({ lastEventId: a[5].id });
    assert.deepEqual(ids(await resumed.until(last)), ids(a).slice(6), 'from the next one on, none twice');
    resumed.close();
    await t.stop();
  });

  it('a connector made beside one is known to the other, and shut out by both', async () => {
    const t = await twoNodes();
    const made = await cliJson(['connector', 'create', '--data', t.dir, '--name', 'late']);
    const late = partner(t.nodes[1], made);
    await eventually(async () => (await late.send(message({ customer: 'bob' }))).status === 200, { what: 'the other node knows it' });
    await cliJson(['connector', 'disable', 'late', '--data', t.dir]);
    await eventually(async () => (await late.send(message({ customer: 'bob' }))).status === 401, { what: 'the other node shuts it out' });
    late.close();
    await t.stop();
  });

  it(`either is killed under load, ${ROUNDS} times: nothing answered is lost or doubled, deliveries in order`, async (test) => {
    const dice = chance();
    test.diagnostic(`GUICHET_TEST_SEED=${dice.seed}`);
    const hook = await sink();
    const t = await twoNodes({ webhook: hook.url, env: FAST });
    hook.secret = t.connector.client_secret;
    const customers = Array.from({ length: 12 }, (_, i) => customer(t, `customer-${i}`, { batch: () => (i % 4 ? 1 : 1 + dice.below(20)) }));
    const answerers = customers.slice(0, 5).map((c) => answerer(t, c.name));
    for (let round = 0; round < ROUNDS; round++) {
      let stopping = false;
      let acks = 0;
      const running = [...customers, ...answerers].map(async (one) => {
        while (!stopping) {
          await one.run(() => stopping, () => acks++);
          if (!stopping) await sleep(5);
        }
      });
      const target = 5 + dice.below(60);
      await eventually(() => acks >= target, { interval: 1, what: `round ${round}: ${target} answers` });
      const victim = t.nodes[round % 2];
      victim.child.kill('SIGKILL');
      await victim.ended();
      // The other goes on alone.
      const before = acks;
      await eventually(() => acks > before + 3, { interval: 1, what: `round ${round}: the other node answers` });
      stopping = true;
      await Promise.all(running);
      await victim.restart();
    }
    await Promise.all([...customers, ...answerers].map((one) => one.finish()));
    for (const one of customers) await one.assertKept();
    for (const one of answerers) await one.assertDelivered(hook);
    hook.assertSigned();
    await t.stop();
    await assertStoreWhole(t.dir);
    await hook.close();
  });
});

describe('PostgreSQL away', ONLY_POSTGRES, () => {
  const cluster = process.env.GUICHET_TEST_POSTGRES_DIR;
  /** As an administrator would; PostgreSQL's programs do not run as root. */
  const control = (...args) => execFileSync(path.join(cluster, 'control'), args, { stdio: 'ignore' });

  it('a clear 503 meanwhile, /health says why, and all goes on when it is back', async () => {
    const hook = await sink();
    const d = await demo({ webhook: hook.url, env: FAST });
    hook.secret = d.connector.client_secret;
    const one = customer(d, 'ann');
    const other = answerer(d, 'ann');
    let acks = 0;
    await one.run(() => acks >= 20, () => acks++);
    let answers = 0;
    await other.run(() => answers >= 5, () => answers++);
    const interaction = other.interaction;
    control('stop');
    try {
      const refused = await eventually(async () => {
        const r = await d.partner.send(message({ customer: 'bob', text: 'lost?' }));
        return r.status === 503 && r;
      }, { what: '503' });
      assert.ok(refused.headers['retry-after'], 'says when to come again');
      for (const [method, what] of [['GET', '/interactions'], ['GET', `/interactions/${interaction}`], ['POST', `/interactions/${interaction}/messages`]]) {
        const r = await d.agent.call(method, what, method === 'POST' ? { json: { text: 'x' } } : {});
        assert.equal(r.status, 503, `${method} ${what}: ${r.status} ${r.text}`);
      }
      const health = await d.server.health();
      assert.equal(health.status, 503);
      assert.equal(health.json.store.ok, false);
      assert.match(health.json.store.why, /PostgreSQL cannot be reached/);
      assert.ok(d.server.running(), 'it waits');
    } finally {
      control('start');
    }
    await eventually(async () => (await d.server.health()).status === 200, { what: 'healthy again, without a restart' });
    await one.run(() => acks >= 40, () => acks++);
    await one.finish();
    await one.assertKept();
    await other.finish();
    await other.assertDelivered(hook);
    await d.stop();
    await hook.close();
  });

  it('connections that are cut are made anew', async () => {
    const d = await demo();
    const one = customer(d, 'ann');
    let acks = 0;
    for (let round = 0; round < 5; round++) {
      const target = acks + 10;
      await one.run(() => acks >= target, () => acks++);
      psql(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()`, address(d.dir));
      await eventually(async () => { const now = acks; await one.run(() => acks > now, () => acks++); return acks > now; }, { what: 'answers again' });
    }
    await one.finish();
    await one.assertKept();
    await d.stop();
  });
});
