// kill -9 in the middle of load, fifty times: what was answered is there once, what was retried is there once, deliveries go on
// from where they were, in order, none missing.
import { it } from 'node:test';
import assert from 'node:assert/strict';
import { demo, sink, assertStoreWhole, eventually, sleep } from '../lib/server.js';
import { chance, customer, answerer, kiamoIo } from '../lib/load.js';
import { assertSigned, kitDemo, kitSurface } from '../lib/kit.js';

const ROUNDS = Number(process.env.GUICHET_TEST_ROUNDS ?? 50);

// The same for each surface: how it starts, whether several messages go into a request, how deliveries are verified.
const WORLDS = [
  {
    name: 'Kiamo.io', surface: kiamoIo, batches: true, rounds: ROUNDS,
    start: ({ callback, env }) => demo({ webhook: callback, env }),
    ready: (d, hook) => { hook.secret = d.connector.client_secret; return d.partner.token(); },
    verify: (d, hook) => hook.assertSigned(),
  },
  {
    name: 'a custom channel', surface: kitSurface, batches: false, rounds: Math.ceil(ROUNDS / 2),
    start: ({ callback, env }) => kitDemo({ callback, env, channelArgs: ['--access-lifetime', '10d', '--refresh-lifetime', '10d'] }),
    ready: (d) => d.kit.token(),
    verify: (d, hook) => assertSigned(hook, d.channel),
  },
];

for (const world of WORLDS) it(`survives ${world.rounds} times kill -9 under load: ${world.name}`, async (t) => {
  const dice = chance();
  t.diagnostic(`GUICHET_TEST_SEED=${dice.seed}`);
  let failing = false;
  const hook = await sink({ behaviour: () => (failing ? { status: 500 } : undefined) });
  const d = await world.start({ callback: hook.url, env: { GUICHET_DELIVERY_BACKOFF_FIRST: '20ms', GUICHET_DELIVERY_BACKOFF_MAX: '100ms' } });
  d.surface = world.surface;
  const customers = Array.from({ length: 16 }, (_, i) => customer(d, `customer-${i}`, { batch: () => (i % 4 || !world.batches ? 1 : 1 + dice.below(20)) }));
  const answerers = customers.slice(0, 6).map((c) => answerer(d, c.name));
  await world.ready(d, hook);

  let acked = 0;
  for (let round = 0; round < world.rounds; round++) {
    failing = round % 5 === 3;
    let stopping = false;
    let acks = 0;
    const target = 1 + dice.below(80);
    const running = [...customers, ...answerers].map(async (one) => {
      while (!stopping) {
        await one.run(() => stopping, () => acks++);
        if (!stopping) await sleep(5); // refused, or nothing there to answer yet
      }
    });
    await eventually(() => acks >= target, { interval: 1, what: `round ${round}: ${target} answers` });
    await sleep(dice.below(4));
    d.server.child.kill('SIGKILL');
    stopping = true;
    await d.server.ended();
    await Promise.all(running);
    acked += acks;
    await d.server.restart();
  }
  failing = false;
  await Promise.all([...customers, ...answerers].map((one) => one.finish()));
  for (const one of customers) await one.assertKept();
  for (const one of answerers) await one.assertDelivered(hook);
  world.verify(d, hook);
  const sent = customers.reduce((n, one) => n + one.sent.length, 0);
  t.diagnostic(`${acked} requests answered, ${sent} messages, ${customers.reduce((n, one) => n + one.retried, 0)} requests retried, ${answerers.reduce((n, one) => n + one.sent.length, 0)} answers in ${hook.requests.length} deliveries`);
  assert.ok(customers.some((one) => one.retried > 0), 'some requests were cut off');
  await d.server.stop();
  await assertStoreWhole(d.dir);
  await hook.close();
});

it('kill -9 while starting, again and again, leaves a store that starts', async () => {
  const d = await demo();
  const one = customer(d, 'c');
  let n = 0;
  await one.run(() => n >= 20, () => n++);
  await d.server.kill();
  const { spawn } = await import('node:child_process');
  const { BINARY } = await import('../lib/server.js');
  for (let i = 0; i < 20; i++) {
    const child = spawn(BINARY, ['serve', '--data', d.dir, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const over = new Promise((resolve) => child.on('close', resolve));
    await sleep(i * 3);
    child.kill('SIGKILL');
    await over;
  }
  await d.server.start();
  await one.finish();
  await one.assertKept();
  await d.stop();
});
