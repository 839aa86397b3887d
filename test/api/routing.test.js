// Routing from outside: who is offered what and when, what becomes of it, over restarts and lost connections; and two hundred clients at
// once, after whom the event log must be a history that could have been.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { demo, agent, login, partner, message, unique, eventually, setupId } from '../lib/server.js';

const ADMIN = '/api/v3/administration';
const ENV = { GUICHET_AGENT_GRACE: '1s', GUICHET_OFFER_PAUSE: '2s' };

/** A server, its administrator, and makers of services with a partner each and of people who serve them. */
async function centre() {
  const d = await demo({ env: ENV });
  const admin = agent(d.server, null, { headers: { Cookie: (await login(d.server, { login: 'admin', password: d.admin.password })).cookie } });
  const make = (family, json) => admin.ok(201, 'POST', `${ADMIN}/${family}`, { json });
  const states = new Map((await admin.all({}, `${ADMIN}/states`)).map((s) => [s.label, s.id]));
  const self = {
    ...d, admin, make, states,
    change: (family, id, json) => admin.ok(200, 'PUT', `${ADMIN}/${family}/${id}`, { json, headers: { 'If-Match': '*' } }),
    /** A service, and somebody whose messages come into it. */
    async service(json = {}) {
      const service = await make('services', { name: unique('Service'), priority: 5, ...json });
      const connector = await make('connectors', { name: unique('Partner'), service: service.id });
      const p = partner(d.server, { client_id: connector.clientId, client_secret: connector.clientSecret });
      return Object.assign(service, {
        async open(customer = unique('c'), text = 'Hello') {
          await p.sendOk(message({ customer, text }));
          return (await d.agent.ofCustomer(setupId(connector.id), customer)).at(-1);
        },
      });
    },
    /** Somebody who is logged in; json: what the administrator says of them. */
    async person(services, json = {}) {
      const name = unique('agent');
      const row = await make('agents', { login: name, password: 'a good password', services: services.map((s) => ({ id: s.id, level: 1 })), ...json });
      const headers = { Cookie: (await login(d.server, { login: name, password: 'a good password' })).cookie };
      const a = agent(d.server, null, { headers });
      return Object.assign(a, {
        id: row.id,
        name,
        be: (state, reason) => a.ok(200, 'PUT', '/api/v3/agent/me/state', { json: { stateId: states.get(state), reason } }),
        state: () => a.ok(200, 'GET', '/api/v3/agent/me/state'),
        queue: () => a.ok(200, 'GET', '/api/v3/agent/me/queue'),
        desk: () => a.events(),
        post: (id, deed, body) => a.call('POST', `/interactions/${id}/${deed}`, { json: body ?? {} }),
      });
    },
    why: (id) => d.agent.ok(200, 'GET', `/interactions/${id}/routing`),
    offeredTo: (id, person) => eventually(async () => (await d.agent.get(id)).offer?.agent.id === person.id, { what: `an offer to ${person.name}` }),
    inState: (id, state) => eventually(async () => { const i = await d.agent.get(id); return i.state === state && i; }, { what: state }),
    kinds: async (id) => (await d.agent.timeline(id)).map((e) => e.kind).filter((k) => k.startsWith('interaction.')),
  };
  return self;
}

describe('routing', () => {
  let c;
  before(async () => { c = await centre(); });
  after(() => c.stop());

  it('offers go by turns to those who are ready, and to nobody else', async () => {
    const s = await c.service();
    const [ann, bob, eve] = [await c.person([s]), await c.person([s]), await c.person([s])];
    await ann.be('Ready');
    await bob.be('Ready');
    await eve.be('Lunch');
    const turns = [];
    for (let n = 0; n < 4; n++) {
      const i = await s.open();
      const o = await c.inState(i.id, 'offered');
      assert.equal(o.agent, null, 'an offer is not theirs yet');
      assert.ok(Date.parse(o.offer.until) > Date.parse(o.stateAt));
      turns.push(o.offer.agent.id);
    }
    assert.deepEqual(turns, [ann.id, bob.id, ann.id, bob.id]);
  });

  it('the strategy of the service chooses', async () => {
    const skill = await c.make('skills', { name: unique('Skill') });
    const s = await c.service({ strategy: 'best_skill', skills: [{ id: skill.id, level: 2 }] });
    const people = {};
    for (const level of [1, 3, 5]) people[level] = await c.person([s], { skills: [{ id: skill.id, level }], capacity: 1 });
    for (const p of Object.values(people)) await p.be('Ready');
    const [one, two, three] = [await s.open(), await s.open(), await s.open()];
    await c.offeredTo(one.id, people[5]);
    await c.offeredTo(two.id, people[3]);
    const why = await c.why(three.id);
    assert.equal(why.state, 'queued');
    assert.equal(why.position, 1);
    const reasons = new Map(why.considered.map((x) => [x.agent.id, x]));
    assert.deepEqual(reasons.get(people[1].id).why, [`skill ${skill.name} 1 < 2`]);
    assert.deepEqual(reasons.get(people[5].id).why, ['no capacity left (1 of 1)']);
    assert.ok(!why.considered.some((x) => x.eligible));
  });

  it('accepted by whom it was offered to; another is told who has it', async () => {
    const s = await c.service();
    const [ann, bob] = [await c.person([s]), await c.person([s])];
    await ann.be('Ready');
    const i = await s.open();
    await c.offeredTo(i.id, ann);
    const refused = await bob.post(i.id, 'accept');
    assert.equal(refused.status, 409);
    assert.ok(refused.json.detail.includes(ann.name), refused.text);
    const mine = await ann.accept(i.id);
    assert.equal(mine.agent.id, ann.id);
    assert.deepEqual((await ann.all({ mine: 1 })).map((x) => x.id), [i.id]);
    const late = await bob.post(i.id, 'accept');
    assert.equal(late.status, 409);
    assert.ok(late.json.detail.includes(ann.name), late.text);
  });

  it('declined: the next is asked, and who declined is not for a while', async () => {
    const s = await c.service();
    const [ann, bob] = [await c.person([s]), await c.person([s])];
    await ann.be('Ready');
    const i = await s.open();
    await c.offeredTo(i.id, ann);
    assert.equal((await bob.post(i.id, 'decline')).status, 409);
    assert.equal((await ann.post(i.id, 'decline')).status, 200);
    const why = await c.why(i.id);
    assert.match(why.considered.find((x) => x.agent.id === ann.id).why.join(), /^declined, not asked again for \d+ s$/);
    await bob.be('Ready');
    await c.offeredTo(i.id, bob);
    assert.equal((await bob.post(i.id, 'decline')).status, 200);
    await c.offeredTo(i.id, ann); // her pause is over first
  });

  it('an offer that nobody takes passes on by itself', async () => {
    const s = await c.service({ offerSeconds: 5 });
    const [ann, bob] = [await c.person([s]), await c.person([s])];
    await ann.be('Ready');
    const i = await s.open();
    await c.offeredTo(i.id, ann);
    await bob.be('Ready');
    await c.offeredTo(i.id, bob);
    await bob.accept(i.id);
    const why = await c.why(i.id);
    assert.deepEqual(why.offers.map((o) => [o.agent.id, o.how.by, o.how.of]), [[ann.id, 'longest_idle', 1], [bob.id, 'longest_idle', 2]], 'who was asked, by what, of how many');
    assert.deepEqual([why.state, why.position, why.considered, why.next], ['active', null, [], []]);
    assert.deepEqual(await c.kinds(i.id), ['interaction.opened', 'interaction.offered', 'interaction.offer_expired', 'interaction.offered', 'interaction.accepted']);
  });

  it('handed to a service, and to an agent; a note goes with it', async () => {
    const [s, t] = [await c.service(), await c.service()];
    const [ann, bob] = [await c.person([s]), await c.person([t])];
    await ann.be('Ready');
    await bob.be('Ready');
    const i = await s.open();
    await c.offeredTo(i.id, ann);
    await ann.accept(i.id);
    for (const [json, status, pointer] of [[{}, 400, '/serviceId'], [{ serviceId: t.id, agentId: bob.id }, 400, '/serviceId'], [{ serviceId: 99999 }, 400, '/serviceId'], [{ agentId: 99999 }, 400, '/agentId']]) {
      const r = await ann.post(i.id, 'transfer', json);
      assert.deepEqual([r.status, r.json.errors?.[0].pointer], [status, pointer], r.text);
    }
    assert.equal((await ann.post(i.id, 'transfer', { serviceId: t.id, note: 'knows the way' })).status, 200);
    await c.offeredTo(i.id, bob);
    assert.equal((await c.agent.get(i.id)).service.id, t.id);
    await bob.accept(i.id);
    assert.equal((await bob.post(i.id, 'transfer', { agentId: ann.id })).json.offer.agent.id, ann.id);
    await ann.accept(i.id);
    const timeline = await c.agent.timeline(i.id);
    assert.deepEqual(timeline.filter((e) => e.kind === 'note.added').map((e) => e.note.content), ['knows the way']);
    assert.deepEqual(timeline.filter((e) => e.kind === 'interaction.transferred').map((e) => e.data), [{ serviceId: t.id }, { agentId: ann.id }]);
    await bob.be('Busy');
    assert.equal((await ann.post(i.id, 'transfer', { agentId: bob.id })).status, 409);
  });

  it('wrapping up takes room until it is ended, or its time is over', async () => {
    const s = await c.service({ wrapupSeconds: 600 });
    const q = await c.make('qualifications', { label: unique('Sold'), category: 'Sales', serviceId: s.id });
    const elsewhere = await c.make('qualifications', { label: unique('Other'), serviceId: (await c.service()).id });
    const ann = await c.person([s], { capacity: 1 });
    await ann.be('Ready');
    const customer = unique('c');
    const i = await s.open(customer);
    await c.offeredTo(i.id, ann);
    await ann.accept(i.id);
    const next = await s.open();
    assert.equal((await ann.post(i.id, 'close', { qualificationId: 99999 })).status, 400);
    const closing = await ann.post(i.id, 'close', { qualificationId: q.id, comment: 'at last' });
    assert.equal(closing.status, 200, closing.text);
    assert.equal(closing.json.state, 'wrapup');
    assert.deepEqual(closing.json.qualification, { id: q.id, label: q.label, category: 'Sales', comment: 'at last' });
    const again = await s.open(customer);
    assert.equal(again.previousId, i.id, 'the customer begins anew');
    assert.equal((await c.agent.get(next.id)).state, 'queued');
    const wrong = await ann.call('PUT', `/interactions/${i.id}/qualification`, { json: { qualificationId: elsewhere.id } });
    assert.equal(wrong.status, 409, wrong.text);
    assert.equal((await ann.post(i.id, 'wrapup')).json.state, 'closed');
    await c.offeredTo(next.id, ann);
    assert.equal((await ann.post(i.id, 'wrapup')).status, 409);
    assert.deepEqual((await ann.queue()).items.map((x) => [x.id, x.position]), [[again.id, 1]]);
  });

  it('who is gone gives everything back to the head of the queue', async () => {
    const s = await c.service();
    const [ann, bob] = [await c.person([s]), await c.person([s])];
    const desk = await ann.desk();
    await ann.be('Ready');
    const [one, two, three] = [await s.open(), await s.open(), await s.open()];
    await c.offeredTo(one.id, ann);
    await ann.accept(one.id);
    await c.offeredTo(two.id, ann);
    await c.offeredTo(three.id, ann);
    const four = await s.open();
    desk.close();
    await c.inState(one.id, 'queued');
    await c.inState(two.id, 'queued');
    const gone = await eventually(async () => { const x = await ann.state(); return x.kind === 'logged_out' && x; });
    assert.equal(gone.reason, 'connection lost');
    assert.deepEqual((await bob.queue()).items.map((x) => x.id).sort().at(-1), four.id);
    assert.equal((await bob.queue()).items.at(-1).id, four.id, 'what nobody had comes after what was given back');
    assert.ok((await c.kinds(one.id)).includes('interaction.requeued'));
    // Back again within the grace: nothing happens, while somebody who left later than that is gone already.
    const eve = await c.person([]);
    const [first, second, hers] = [await bob.desk(), await bob.desk(), await eve.desk()];
    await bob.be('Ready');
    await eve.be('Ready');
    first.close();
    second.close();
    const third = await bob.desk();
    hers.close();
    await eventually(async () => (await eve.state()).kind === 'logged_out');
    assert.equal((await bob.state()).kind, 'ready');
    third.close();
  });

  it('a logout is an end too, and a break gives offers back', async () => {
    const s = await c.service();
    const ann = await c.person([s]);
    await ann.be('Ready');
    const [one, two] = [await s.open(), await s.open()];
    await c.offeredTo(one.id, ann);
    await ann.accept(one.id);
    await c.offeredTo(two.id, ann);
    assert.equal((await ann.be('Break', 'tea')).reason, 'tea');
    await c.inState(two.id, 'queued');
    assert.equal((await c.agent.get(one.id)).state, 'active');
    await ann.ok(204, 'POST', '/api/v3/agent/logout').catch((e) => assert.match(e.message, /JSON/));
    await c.inState(one.id, 'queued');
  });

  it('states are set by oneself and by supervisors', async () => {
    const s = await c.service();
    const [ann, bob] = [await c.person([s]), await c.person([s], { profile: 'supervisor' })];
    const put = (who, json) => who.call('PUT', `/api/v3/agent/agents/${ann.id}/state`, { json });
    const live = await bob.desk();
    assert.equal((await put(bob, { stateId: c.states.get('Training') })).json.label, 'Training');
    const [told] = (await live.until((e) => e.event === 'agent.state')).slice(-1);
    assert.equal(told.data.agent.id, ann.id);
    assert.equal(told.data.data.stateId, c.states.get('Training'));
    live.close();
    assert.equal((await ann.state()).kind, 'busy');
    const other = await c.person([s]);
    assert.equal((await put(other, { stateId: c.states.get('Ready') })).status, 403);
    for (const json of [{}, { stateId: 99999 }, { stateId: 'Ready' }, { stateId: c.states.get('Ready'), reason: 5 }]) assert.equal((await put(bob, json)).status, 400);
    assert.equal((await bob.call('PUT', '/api/v3/agent/agents/99999/state', { json: { stateId: 1 } })).status, 404);
  });

  it('what waits too long goes to another service, or ends', async () => {
    const t = await c.service({ maxWaitSeconds: 1 });
    const s = await c.service({ overflow: { serviceId: t.id, afterSeconds: 1 } });
    const i = await s.open();
    await eventually(async () => (await c.agent.get(i.id)).service.id === t.id);
    const ended = await c.inState(i.id, 'closed');
    assert.equal(ended.closeReason, 'max_wait');
    assert.deepEqual(await c.kinds(i.id), ['interaction.opened', 'interaction.overflowed', 'interaction.closed']);
  });

  it('out of hours: the customer is told, and waits or not', async () => {
    const never = await c.make('calendars', { name: unique('Never'), zone: 'Europe/Paris', intervals: [] });
    const always = await c.make('calendars', { name: unique('Always'), zone: 'UTC', intervals: [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start: '00:00', end: '24:00' })) });
    const s = await c.service({ calendarId: never.id, closedPolicy: 'wait', closedReply: 'We sleep.' });
    const ann = await c.person([s]);
    await ann.be('Ready');
    const i = await s.open();
    await eventually(async () => (await c.agent.messages(i.id)).length === 2);
    assert.deepEqual((await c.agent.messages(i.id)).map((m) => m.text), ['Hello', 'We sleep.']);
    assert.equal((await c.why(i.id)).service.open, false);
    assert.equal((await c.agent.get(i.id)).state, 'queued', 'nobody is offered it');
    await c.change('services', s.id, { calendarId: always.id });
    await c.offeredTo(i.id, ann);
    const t = await c.service({ calendarId: never.id, closedPolicy: 'refuse', closedReply: 'We are gone.' });
    const j = await t.open();
    assert.equal((await c.inState(j.id, 'closed')).closeReason, 'out_of_hours');
    assert.deepEqual((await c.agent.messages(j.id)).map((m) => m.text), ['Hello', 'We are gone.']);
  });

  it('who comes back within the time comes to the same agent', async () => {
    const s = await c.service({ stickySeconds: 600 });
    const [ann, bob] = [await c.person([s]), await c.person([s])];
    await bob.be('Ready');
    const customer = unique('c');
    const i = await s.open(customer);
    await c.offeredTo(i.id, bob);
    await bob.accept(i.id);
    await ann.be('Ready');
    await bob.close(i.id);
    const other = await s.open();
    const again = await s.open(customer);
    await c.offeredTo(again.id, bob);
    assert.equal(again.lastAgent.id, bob.id);
    await c.offeredTo(other.id, ann);
    const offered = (await c.agent.timeline(again.id)).find((e) => e.kind === 'interaction.offered');
    assert.equal(offered.data.by, 'last_agent');
  });

  it('fifty accept at once: one has it, the others hear who', async () => {
    const s = await c.service();
    const people = await Promise.all(Array.from({ length: 10 }, () => c.person([s])));
    for (let round = 0; round < 3; round++) {
      const i = await s.open();
      const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => people[n % 10].post(i.id, 'accept')));
      const won = answers.filter((r) => r.status === 200);
      assert.equal(won.length, 1);
      const winner = people.find((p) => p.id === won[0].json.agent.id);
      for (const r of answers.filter((x) => x !== won[0])) {
        assert.equal(r.status, 409);
        assert.ok(r.json.detail.includes(winner.name), r.text);
      }
    }
    // One person, more than they can take.
    const all = await Promise.all(Array.from({ length: 8 }, () => s.open()));
    const eve = await c.person([s], { capacity: 3 });
    const answers = await Promise.all(all.map((i) => eve.post(i.id, 'accept')));
    assert.equal(answers.filter((r) => r.status === 200).length, 3);
    assert.match(answers.find((r) => r.status === 409).json.detail, /no capacity left \(3 of 3\)/);
  });
});

describe('routing over a restart', () => {
  for (const hard of [false, true]) {
    it(`an offer goes on over a ${hard ? 'kill -9' : 'clean stop'}`, async () => {
      const c = await centre();
      const s = await c.service({ offerSeconds: 8 });
      const [ann, bob] = [await c.person([s]), await c.person([s])];
      await ann.be('Ready');
      const i = await s.open();
      await c.offeredTo(i.id, ann);
      const before_ = await c.agent.get(i.id);
      await c.server.restart({ hard });
      assert.equal((await c.agent.get(i.id)).offer.until, before_.offer.until);
      const j = await s.open();
      await c.offeredTo(j.id, ann);
      await ann.accept(j.id);
      await bob.be('Ready');
      await c.offeredTo(i.id, bob); // its time ran on
      await c.stop();
    });
  }
});

describe('two hundred at once', () => {
  it('what the log tells is possible', async () => {
    const c = await centre();
    const services = [await c.service({ offerSeconds: 5 }), await c.service({ offerSeconds: 5, wrapupSeconds: 1, weight: 2 })];
    const people = await Promise.all(Array.from({ length: 40 }, (_, n) => c.person(services, { capacity: 1 + (n % 3) })));
    const capacity = new Map(people.map((p, n) => [p.id, 1 + (n % 3)]));
    const opened = [];
    const customer = async (n) => { for (let k = 0; k < 3; k++) opened.push((await services[(n + k) % 2].open()).id); };
    // Agents take or decline what they are offered, talk, close, take breaks.
    let over = false;
    const work = async (p, n) => {
      await p.be('Ready');
      for (let round = 0; !over; round++) {
        for (const i of await p.all({ mine: 1 })) {
          const deed = i.state === 'offered' ? ((round + n) % 7 === 0 ? 'decline' : 'accept') : i.state === 'active' ? 'close' : 'wrapup';
          await p.post(i.id, deed); // may come too late
        }
        if ((round + n) % 11 === 10) { await p.be('Break'); await p.be('Ready'); }
      }
    };
    const working = people.map(work);
    await Promise.all(Array.from({ length: 160 }, (_, n) => customer(n)));
    await eventually(async () => (await c.agent.all({})).length === 0, { timeout: 120_000, interval: 200, what: 'everything is worked off' });
    over = true;
    await Promise.all(working);
    assert.equal(opened.length, 480);

    const log = [];
    for (const id of opened) for (const e of await c.agent.timeline(id)) if (e.kind.startsWith('interaction.')) log.push(e);
    log.sort((a, b) => a.seq - b.seq);
    const holder = new Map();
    const used = new Map(people.map((p) => [p.id, 0]));
    const weightOf = new Map();
    for (const id of opened) weightOf.set(id, (await c.agent.get(id)).service.id === services[1].id ? 2 : 1);
    const free = (id) => { if (holder.has(id)) used.set(holder.get(id), used.get(holder.get(id)) - weightOf.get(id)); holder.delete(id); };
    for (const e of log) {
      const id = e.interactionId;
      const what = JSON.stringify(e);
      // What is accepted when its offer has just passed is picked from the queue.
      const picked = e.kind === 'interaction.accepted' && !holder.has(id);
      if (e.kind === 'interaction.offered' || picked) {
        assert.ok(!holder.has(id), `offered while another has it: ${what}`);
        holder.set(id, e.agent.id);
        used.set(e.agent.id, used.get(e.agent.id) + weightOf.get(id));
        assert.ok(used.get(e.agent.id) <= capacity.get(e.agent.id), `above capacity: ${what}`);
      } else if (e.kind === 'interaction.accepted') {
        assert.equal(holder.get(id), e.agent.id, what);
      } else if (['interaction.declined', 'interaction.offer_expired', 'interaction.requeued'].includes(e.kind)) {
        assert.equal(holder.get(id), e.agent.id, what);
        free(id);
      } else if (e.kind === 'interaction.closed') {
        free(id);
      }
    }
    assert.equal(holder.size, 0);
    await c.stop();
  });
});
