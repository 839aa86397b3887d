// Customers and agents under load who remember what was promised to them, and the check that it was kept.
import assert from 'node:assert/strict';
import { message, eventually } from './server.js';

/** A repeatable source of chance; the seed is told when a test fails. */
export function chance(seed = Number(process.env.GUICHET_TEST_SEED ?? Date.now() % 1_000_000)) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return { seed, below: (n) => Math.floor(next() * n) };
}

/** What a surface's requests and deliveries look like to those who only count them. */
export const kiamoIo = {
  channel: (d) => d.connector,
  /** One request with these texts; a retry is the same bytes. Ids begin again, as in the vendor's samples. */
  pack: (name, texts, from) => JSON.stringify({ messages: texts.map((text, i) => message({ id: String((from + i) % 7), customer: name, created_at: 1_700_000_000 + from + i, text })) }),
  post: (d, body) => d.partner.post(body),
  read: (json) => ({ customer: json.customer_id, text: json.body.message, id: json.id }),
};

/**
 * One customer of a partner: sends requests one after the other; a request without a 200 is sent again, the same, until it has one.
 * `sent` is what the conversation must hold, in order. Statuses besides 200 and 503 fail the test.
 */
export function customer(d, name, { batch = () => 1, text = (n) => `n${n}` } = {}) {
  const surface = d.surface ?? kiamoIo;
  const self = {
    name, sent: [], answered: 0, retried: 0, refused: 0, pending: null,
    /** Sends until stopping() is true; leaves a request without an answer for the next run. */
    async run(stopping, onAck = () => {}) {
      while (!stopping()) {
        if (!self.pending) {
          const from = self.sent.length;
          const texts = Array.from({ length: batch() }, (_, i) => text(from + i));
          self.sent.push(...texts);
          self.pending = surface.pack(name, texts, from);
        } else {
          self.retried++;
        }
        let r;
        try {
          r = await surface.post(d, self.pending);
        } catch {
          return; // the connection broke: nobody knows
        }
        if (r.status === 200) {
          self.pending = null;
          self.answered++;
          onAck();
        } else {
          assert.equal(r.status, 503, r.text);
          self.refused++;
          return;
        }
      }
    },
    /** Until nothing is pending. */
    async finish() {
      await eventually(async () => {
        await self.run(() => self.pending === null);
        return self.pending === null;
      }, { timeout: 60_000, what: `${name}: last request answered` });
    },
    /** Everything that was answered, or retried until it was, is there once and in order. */
    async assertKept() {
      const interactions = await d.agent.ofCustomer(surface.channel(d).id, name);
      assert.ok(interactions.filter((i) => i.state !== 'closed').length <= 1, 'one open interaction');
      const texts = [];
      for (const i of interactions.sort((a, b) => (a.id < b.id ? -1 : 1))) {
        texts.push(...(await d.agent.messages(i.id)).filter((m) => m.direction !== 'out').map((m) => m.text));
      }
      assert.deepEqual(texts, self.sent, `${name}: each message once, in order`);
    },
  };
  return self;
}

/** An agent who answers one customer again and again, each answer with a key of its own and repeated until it is taken. */
export function answerer(d, name) {
  const surface = d.surface ?? kiamoIo;
  const self = {
    name, sent: [], pending: null, interaction: null,
    async run(stopping, onAck = () => {}) {
      while (!stopping()) {
        try {
          self.interaction ??= (await d.agent.ofCustomer(surface.channel(d).id, name))[0]?.id ?? null;
          if (!self.interaction) return;
          if (!self.pending) {
            const text = `answer ${self.sent.length}`;
            self.sent.push(text);
            self.pending = { text, key: `${name}-${self.sent.length}` };
          }
          const r = await d.agent.call('POST', `/interactions/${self.interaction}/messages`, { json: { text: self.pending.text }, headers: { 'Idempotency-Key': self.pending.key } });
          if (r.status === 201) {
            self.pending = null;
            onAck();
          } else {
            assert.ok(r.status === 503 || r.status === 409, `${r.status} ${r.text}`);
            return;
          }
        } catch (e) {
          if (e instanceof assert.AssertionError) {
            if (!/^GET .*: 503/.test(e.message)) throw e;
          }
          return; // the connection broke
        }
      }
    },
    async finish() {
      if (!self.interaction) return;
      await eventually(async () => {
        await self.run(() => self.pending === null);
        return self.pending === null;
      }, { timeout: 60_000, what: `${name}: last answer taken` });
    },
    /** The partner's webhook had every answer, in order, repeats the same bytes. */
    async assertDelivered(hook) {
      const mine = () => hook.requests.map((r) => ({ ...surface.read(r.json), body: r.body, answered: r.answered })).filter((r) => r.customer === name);
      await eventually(() => new Set(mine().filter((r) => r.answered === 200).map((r) => r.text)).size === self.sent.length, { timeout: 120_000, what: `${name}: ${self.sent.length} answers delivered` });
      const first = new Map();
      for (const r of mine()) {
        const before = first.get(r.id);
        if (before) assert.ok(before.body.equals(r.body), 'the same bytes again');
        else first.set(r.id, r);
      }
      assert.deepEqual([...first.values()].map((r) => r.text), self.sent, `${name}: each answer, in order`);
      // In order also means: none before the one before it was taken.
      let taken = -1;
      for (const r of mine()) {
        const n = self.sent.indexOf(r.text);
        assert.ok(n <= taken + 1, `${name}: ${n} was sent before ${taken + 1} was taken`);
        if (r.answered === 200) taken = Math.max(taken, n);
      }
      if (self.interaction) {
        const out = (await d.agent.messages(self.interaction)).filter((m) => m.direction === 'out');
        assert.deepEqual(out.map((m) => m.text), self.sent, 'the agent sees each answer once');
      }
    },
  };
  return self;
}
