// Live events: what happens is told at once, in order; a client that comes back misses nothing, also over a restart and kill -9.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { demo, message, unique, sink, eventually, login, agent, cliJson, SANITIZED } from '../lib/server.js';

describe('live events', () => {
  let d;
  let hook;
  before(async () => { hook = await sink(); d = await demo({ webhook: hook.url }); });
  after(async () => { await d.stop(); await hook.close(); });

  it('tells a conversation as it happens', async () => {
    const live = await d.agent.events();
    assert.match(live.headers['content-type'], /^text\/event-stream/);
    assert.match(live.headers['cache-control'], /no-(store|cache)/);
    const customer = unique('live');
    await d.partner.sendOk(message({ customer, text: 'hello 🙂\nsecond line' }));
    const [openedEvent, received] = await live.until((e) => e.event === 'message.received');
    assert.equal(openedEvent.event, 'interaction.opened');
    assert.equal(received.data.kind, 'message.received');
    assert.equal(String(received.data.seq), received.id);
    assert.equal(received.data.message.text, 'hello 🙂\nsecond line');
    const id = received.data.interactionId;
    await d.agent.accept(id);
    await d.agent.reply(id, 'answer');
    await d.agent.note(id, 'note');
    await d.agent.close(id);
    const seen = await live.until((e, all) => ['interaction.closed', 'delivery.delivered'].every((k) => all.some((x) => x.event === k)));
    const kinds = seen.map((e) => e.event);
    assert.deepEqual(kinds.filter((k) => k !== 'delivery.delivered'), ['interaction.accepted', 'message.sent', 'note.added', 'interaction.closed']);
    assert.ok(kinds.indexOf('delivery.delivered') > kinds.indexOf('message.sent'));
    assert.ok(seen.every((e) => e.data.interactionId === id));
    // The stream and the timeline tell the same.
    const timeline = await d.agent.timeline(id);
    assert.deepEqual([openedEvent, received, ...seen].map((e) => e.data.seq), timeline.map((e) => e.seq));
    live.close();
  });

  it('without Last-Event-ID tells only what comes from now on', async () => {
    await d.partner.sendOk(message());
    const live = await d.agent.events();
    await d.partner.sendOk(message({ text: 'new' }));
    const seen = await live.until((e) => e.event === 'message.received');
    assert.equal(seen.at(-1).data.message.text, 'new');
    assert.equal(seen.length, 2);
    live.close();
  });

  for (const how of ['header', 'query']) {
    it(`resumes by ${how} without gap or repeat`, async () => {
      const live = await d.agent.events();
      for (let i = 0; i < 30; i++) await d.partner.sendOk(message({ text: `n${i}` }));
      const all = await live.until((e) => e.data.message?.text === 'n29');
      live.close();
      for (const at of [0, 7, 31, all.length - 1]) {
        const again = await d.agent.events(how === 'header' ? { lastEventId: all[at].id } : { query: { lastEventId: all[at].id } });
        await d.partner.sendOk(message({ text: `end ${at}` }));
        const rest = await again.until((e) => e.data.message?.text === `end ${at}`);
        assert.deepEqual(rest.slice(0, all.length - at - 1).map((e) => [e.id, e.event, e.text]), all.slice(at + 1).map((e) => [e.id, e.event, e.text]));
        again.close();
      }
    });
  }

  it('a backlog larger than any page comes whole', async () => {
    const live = await d.agent.events();
    await d.partner.sendOk(message({ text: 'start' }));
    const from = (await live.until((e) => e.data.message?.text === 'start')).at(-1).id;
    live.close();
    const customer = unique('backlog');
    for (let k = 0; k < 5; k++) await d.partner.sendOk(Array.from({ length: 500 }, (_, i) => message({ customer, text: `n${k * 500 + i}` })));
    const again = await d.agent.events({ lastEventId: from });
    const seen = await again.until((e) => e.data.message?.text === 'n2499', 60_000);
    assert.deepEqual(seen.filter((e) => e.event === 'message.received').map((e) => e.data.message.text), Array.from({ length: 2500 }, (_, i) => `n${i}`));
    again.close();
  });

  for (const hard of [false, true]) {
    it(`resumes over a ${hard ? 'kill -9' : 'clean restart'}`, async () => {
      const live = await d.agent.events();
      const sent = [];
      const say = async (text) => { await d.partner.sendOk(message({ text })); sent.push(text); };
      for (let i = 0; i < 10; i++) await say(`before ${hard} ${i}`);
      const seen = await live.until((e) => e.data.message?.text === `before ${hard} 4`);
      const last = live.lastEventId;
      live.close();
      await d.server.restart({ hard });
      for (let i = 0; i < 10; i++) await say(`after ${hard} ${i}`);
      const again = await d.agent.events({ lastEventId: seen.at(-1).id });
      const rest = await again.until((e) => e.data.message?.text === `after ${hard} 9`);
      assert.deepEqual([...seen, ...rest].filter((e) => e.event === 'message.received').map((e) => e.data.message.text), sent);
      assert.ok(Number(last) <= Number(again.lastEventId));
      again.close();
    });
  }

  it('many at once tell all the same', async () => {
    const many = await Promise.all(Array.from({ length: 50 }, () => d.agent.events()));
    const customer = unique('many');
    for (let i = 0; i < 20; i++) await d.partner.sendOk(message({ customer, text: `n${i}` }));
    const all = await Promise.all(many.map((s) => s.until((e) => e.data.message?.text === 'n19')));
    for (const seen of all) assert.deepEqual(seen.map((e) => e.text), all[0].map((e) => e.text));
    for (const s of many) s.close();
  });

  it('one that does not read costs neither memory nor the others', async () => {
    const slow = await d.agent.events();
    slow.pause();
    const live = await d.agent.events();
    const before = d.server.rss();
    const customer = unique('slow');
    const text = 'x'.repeat(10_000);
    for (let k = 0; k < 20; k++) {
      await d.partner.sendOk(Array.from({ length: 100 }, () => message({ customer, text })));
    }
    await d.partner.sendOk(message({ customer, text: 'last' }));
    await live.until((e) => e.data.message?.text === 'last', 60_000);
    if (!SANITIZED) assert.ok(d.server.rss() - before < 64 * 1024 * 1024, `${(d.server.rss() - before) >> 20} MiB more`);
    // It either was cut off or gets the rest; by resuming it misses nothing.
    slow.resume();
    const got = [];
    for (;;) {
      const e = await slow.next();
      if (!e) break;
      got.push(e);
      if (e.data.message?.text === 'last') break;
    }
    let rest = [];
    if (got.at(-1)?.data.message?.text !== 'last') {
      const again = await d.agent.events(got.length ? { lastEventId: got.at(-1).id } : { lastEventId: 0 });
      rest = await again.until((e) => e.data.message?.text === 'last', 60_000);
      again.close();
    }
    assert.equal([...got, ...rest].filter((e) => e.data.message?.text === text).length, 2000);
    slow.close();
    live.close();
  });

  it('stops when the right to listen does', async () => {
    const made = await cliJson(['token', 'create', '--data', d.dir, '--label', unique('t'), '--rights', 'interaction:GET']);
    const a = agent(d.server, made.token);
    const live = await eventually(() => a.events());
    await cliJson(['token', 'disable', made.id, '--data', d.dir]);
    await eventually(async () => {
      await d.partner.sendOk(message());
      return live.ended;
    }, { interval: 200 });
  });

  it('works by session, and not from a foreign page', async () => {
    const { cookie } = await login(d.server, d.person);
    const live = await agent(d.server, null, { headers: { Cookie: cookie } }).events();
    await d.partner.sendOk(message({ text: 'by session' }));
    await live.until((e) => e.data.message?.text === 'by session');
    live.close();
    await assert.rejects(agent(d.server, null, { headers: {} }).events(), (e) => e.status === 401);
  });

  for (const bad of ['x', '-1', '1.5', '99999999999999999999', '1 2']) {
    it(`refuses Last-Event-ID ${bad}`, async () => {
      await assert.rejects(d.agent.events({ lastEventId: bad }), (e) => e.status === 400);
    });
  }

  it('a stop ends the streams at once', async () => {
    const e = await demo();
    const streams = await Promise.all(Array.from({ length: 20 }, () => e.agent.events()));
    await e.server.stop({ timeout: 15_000 }); // before the program's own deadline of 20 s
    await Promise.all(streams.map((s) => eventually(() => s.ended)));
  });
});
