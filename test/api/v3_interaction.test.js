// The agent's side: conversations, answers, notes, states, pages, idempotent POSTs and the errors of the v3 API.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { demo, message, unique, agent, cliJson, sink, eventually, request, setupId } from '../lib/server.js';

const ID = /^[0-9a-f]{24}$/;
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

export function assertProblem(r, status, code) {
  assert.equal(r.status, status, r.text);
  assert.match(r.headers['content-type'], /^application\/problem\+json/);
  const p = r.json;
  assert.equal(p.status, status);
  assert.equal(p.type, 'about:blank');
  assert.equal(typeof p.title, 'string');
  assert.match(p.code, /^ERR_\d{4}$/);
  if (code) assert.equal(p.code, code);
  return p;
}

describe('interaction v3', () => {
  let d;
  let hook;
  before(async () => { hook = await sink(); d = await demo({ webhook: hook.url }); });
  after(async () => { await d.stop(); await hook.close(); });

  async function opened(text = 'Hello', customer = unique('c')) {
    await d.partner.sendOk(message({ customer, text }));
    return (await d.agent.ofCustomer(d.connector.id, customer)).at(-1);
  }

  it('shows an interaction with all its parts', async () => {
    const i = await opened();
    assert.deepEqual(Object.keys(i).sort(), ['agent', 'closeReason', 'closedAt', 'connector', 'customer', 'id', 'label', 'lastAgent', 'medium', 'offer', 'openedAt', 'previousId', 'priority', 'qualification', 'queuedAt', 'service', 'state', 'stateAt', 'type', 'version', 'wrapupUntil']);
    for (const id of [i.id, i.customer.id]) assert.match(id, ID);
    for (const id of [i.service.id, i.connector.id]) assert.ok(Number.isInteger(id));
    for (const at of [i.openedAt, i.stateAt, i.queuedAt]) assert.match(at, RFC3339);
    assert.deepEqual([i.agent, i.closedAt, i.closeReason, i.previousId, i.offer, i.wrapupUntil, i.label, i.qualification, i.lastAgent], Array(9).fill(null));
    assert.equal(i.medium, 'messaging');
    assert.ok(Number.isInteger(i.priority));
    assert.ok(i.service.name && i.connector.name);
    const r = await d.agent.call('GET', `/interactions/${i.id}`);
    assert.equal(r.status, 200);
    assert.equal(r.headers.etag, `"v${i.version}"`);
    assert.match(r.headers['content-type'], /^application\/json/);
    assert.deepEqual(r.json, i);
  });

  it('goes the way of a conversation: accept, answer, note, close, and the next one is linked', async () => {
    const customer = unique('c');
    const i = await opened('one', customer);
    const accepted = await d.agent.accept(i.id);
    assert.equal(accepted.state, 'active');
    assert.ok(accepted.version > i.version);
    const reply = await d.agent.reply(i.id, 'two');
    assert.match(reply.id, ID);
    assert.equal(reply.text, 'two');
    assert.equal(reply.direction, 'out');
    const note = await d.agent.note(i.id, 'he is angry 🙂');
    await d.partner.sendOk(message({ customer, text: 'three' }));
    assert.equal((await d.agent.get(i.id)).state, 'active', 'the customer continues it');
    const closed = await d.agent.close(i.id);
    assert.equal(closed.state, 'closed');
    assert.match(closed.closedAt, RFC3339);
    await eventually(async () => (await d.agent.messages(i.id))[1].delivery.state === 'delivered');
    const timeline = await d.agent.timeline(i.id);
    assert.deepEqual(timeline.map((e) => e.kind).filter((k) => !k.startsWith('delivery.')),
      ['interaction.opened', 'message.received', 'interaction.accepted', 'message.sent', 'note.added', 'message.received', 'interaction.closed']);
    assert.deepEqual(timeline.map((e) => e.seq), timeline.map((e) => e.seq).sort((a, b) => a - b));
    for (const e of timeline) assert.match(e.at, RFC3339);
    const added = timeline.find((e) => e.kind === 'note.added').note;
    assert.equal(added.content, 'he is angry 🙂');
    assert.equal(added.id, note.id);

    await d.partner.sendOk(message({ customer, text: 'four' }));
    const both = await d.agent.ofCustomer(d.connector.id, customer);
    assert.equal(both.length, 2);
    const next = both.find((x) => x.id !== i.id);
    assert.equal(next.state, 'queued');
    assert.equal(next.previousId, i.id);
    assert.deepEqual((await d.agent.messages(next.id)).map((m) => m.text), ['four']);
  });

  it('search finds words in texts and customers, and takes them as they are', async () => {
    const word = unique('Needle');
    const a = await opened(`there is a ${word} here`);
    const customer = `${word}-customer`;
    const b = await opened('other', customer);
    await d.agent.close(b.id);
    await opened('hay');
    const ids = async (keyword, more = {}) => (await d.agent.list({ keyword, ...more })).items.map((x) => x.id);
    assert.deepEqual(await ids(word.toLowerCase()), [b.id, a.id], 'newest first, whatever the case, closed ones too');
    assert.deepEqual(await ids(word, { limit: 1 }), [b.id]);
    assert.deepEqual(await ids(`a ${word} h`), [a.id]);
    for (const none of [`${word}_`, `${word}%`, `${word}!`, unique('nothing')]) assert.deepEqual(await ids(none), []);
    assertProblem(await d.agent.call('GET', `/interactions?keyword=${'x'.repeat(201)}`), 400);
    assertProblem(await d.agent.call('GET', '/interactions?mine=1'), 400);
  });

  it('an answer to a queued interaction takes it', async () => {
    const i = await opened();
    await d.agent.reply(i.id, 'hi');
    assert.equal((await d.agent.get(i.id)).state, 'active');
  });

  it('refuses moves that a state does not have', async () => {
    const i = await opened();
    await d.agent.close(i.id);
    for (const [method, path, json] of [['POST', 'accept'], ['POST', 'close'], ['POST', 'messages', { text: 'x' }]]) {
      const r = await d.agent.call(method, `/interactions/${i.id}/${path}`, { json });
      assertProblem(r, 409);
    }
    assert.equal((await d.agent.messages(i.id)).length, 1);
    const j = await opened();
    await d.agent.accept(j.id);
    assertProblem(await d.agent.call('POST', `/interactions/${j.id}/accept`), 409);
  });

  it('a note on a closed interaction is kept or refused, but never half', async () => {
    const i = await opened();
    await d.agent.close(i.id);
    const r = await d.agent.call('POST', `/interactions/${i.id}/notes`, { json: { content: 'afterwards' } });
    const notes = (await d.agent.timeline(i.id)).filter((e) => e.kind === 'note.added').length;
    assert.ok((r.status === 201 && notes === 1) || (r.status === 409 && notes === 0), `${r.status} ${notes}`);
  });

  it('two agents accept: one has it', async () => {
    for (let round = 0; round < 5; round++) {
      const i = await opened();
      const answers = await Promise.all(Array.from({ length: 10 }, () => d.agent.call('POST', `/interactions/${i.id}/accept`)));
      assert.deepEqual(answers.map((a) => a.status).sort(), [200, ...Array(9).fill(409)]);
    }
  });

  it('files: base64, uploaded, both; each once', async () => {
    const i = await opened();
    const bytes = crypto.randomBytes(200_000);
    const up = await d.agent.upload(i.id, 'plan é.png', 'image/png', bytes);
    assert.match(up.id, ID);
    assert.deepEqual([up.name, up.mimeType, up.size], ['plan é.png', 'image/png', bytes.length]);
    const small = Buffer.from('small');
    const m = await d.agent.reply(i.id, { text: '', attachments: [{ id: up.id }, { name: 's.txt', mime_type: 'text/plain', data: small.toString('base64') }] });
    assert.deepEqual(m.attachments.map((a) => [a.name, a.size]), [['plan é.png', bytes.length], ['s.txt', 5]]);
    assert.ok((await d.agent.file(m.attachments[0].id)).bytes.equals(bytes));
    assert.ok((await d.agent.file(m.attachments[1].id)).bytes.equals(small));
    const again = await d.agent.call('POST', `/interactions/${i.id}/messages`, { json: { text: 'x', attachments: [{ id: up.id }] } });
    assertProblem(again, 400, 'ERR_1200');
    assert.equal((await d.agent.messages(i.id)).length, 2);
  });

  const BAD = [
    ['messages', undefined, ['']],
    ['messages', [], ['']],
    ['messages', {}, ['/text']],
    ['messages', { text: '' }, ['/text']],
    ['messages', { text: 5 }, ['/text']],
    ['messages', { text: null }, ['/text']],
    ['messages', { text: 'x', attachments: {} }, ['/attachments']],
    ['messages', { text: 'x', attachments: [5] }, ['/attachments/0']],
    ['messages', { text: 'x', attachments: [{ id: 'zz' }] }, ['/attachments/0/id']],
    ['messages', { text: 'x', attachments: [{ id: '0'.repeat(24) }] }, ['/attachments/0/id']],
    ['messages', { text: 'x', attachments: [{ name: 'a', mime_type: 'text/plain' }] }, ['/attachments/0/data']],
    ['messages', { text: 'x', attachments: [{ name: 'a', mime_type: 'text/plain', data: '%%' }] }, ['/attachments/0/data']],
    ['messages', { text: 'x', attachments: [{ mime_type: 'text/plain', data: 'eA==' }] }, ['/attachments/0/name']],
    ['messages', { text: 'x', attachments: [{ name: 'a', mime_type: 'x', data: 'eA==' }] }, ['/attachments/0/mime_type']],
    ['notes', {}, ['/content']],
    ['notes', { content: '' }, ['/content'], 'ERR_1260'],
    ['notes', { content: 7 }, ['/content']],
  ];
  for (const [what, json, pointers, code] of BAD) {
    it(`refuses ${what} ${JSON.stringify(json)}`, async () => {
      const i = await opened();
      const before_ = (await d.agent.timeline(i.id)).length;
      const r = await d.agent.call('POST', `/interactions/${i.id}/${what}`, json === undefined ? { body: '', headers: { 'Content-Type': 'application/json' } } : { json });
      const p = assertProblem(r, 400, code);
      if (json !== undefined) {
        assert.deepEqual(p.errors.map((e) => e.pointer), pointers);
        for (const e of p.errors) assert.ok(e.problem.length > 3);
      }
      assert.equal((await d.agent.timeline(i.id)).length, before_, 'nothing stored');
      assert.equal((await d.agent.get(i.id)).state, 'queued');
    });
  }
  it('broken JSON is ERR_1000, another content type 415', async () => {
    const i = await opened();
    const url = `/interactions/${i.id}/messages`;
    assertProblem(await d.agent.call('POST', url, { body: '{"text":', headers: { 'Content-Type': 'application/json' } }), 400, 'ERR_1000');
    assertProblem(await d.agent.call('POST', url, { body: '{"text":"x","text":"y"}', headers: { 'Content-Type': 'application/json' } }), 400, 'ERR_1000');
    assert.equal((await d.agent.call('POST', url, { body: 'text=x', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } })).status, 415);
    assert.equal((await d.agent.messages(i.id)).length, 1);
  });

  it('unknown ids are 404 everywhere, malformed ones 404 or 400', async () => {
    const i = await opened();
    for (const id of ['0'.repeat(24), 'f'.repeat(24), i.id.replace(/.$/, (c) => (c === '0' ? '1' : '0'))]) {
      for (const [method, tail, options] of [['GET', ''], ['GET', '/timeline'], ['POST', '/accept'], ['POST', '/close'], ['POST', '/messages', { json: { text: 'x' } }], ['POST', '/notes', { json: { content: 'x' } }],
        ['POST', '/attachments?name=x', { body: 'x', headers: { 'Content-Type': 'text/plain' } }]]) {
        assertProblem(await d.agent.call(method, `/interactions/${id}${tail}`, options), 404);
      }
      assertProblem(await d.agent.call('GET', `/attachments/${id}`), 404);
    }
    for (const id of ['1', 'x', `${i.id}0`, `${i.id.slice(0, 23)}g`, '%00', '-1', '000000000000000000000001%20']) {
      const r = await d.agent.call('GET', `/interactions/${id}`);
      assert.ok([400, 404].includes(r.status), `${id}: ${r.status}`);
      assertProblem(r, r.status);
    }
    assertProblem(await d.agent.call('GET', '/nothing'), 404, 'ERR_3000');
    const r = await d.agent.call('DELETE', `/interactions/${i.id}`);
    assertProblem(r, 405, 'ERR_3100');
    assert.match(r.headers.allow, /GET/);
  });

  describe('lists', () => {
    const made = [];
    let connector;
    let other;
    before(async () => {
      const c = await cliJson(['connector', 'create', '--data', d.dir, '--name', unique('list')]);
      connector = setupId(c.id);
      const { partner } = await import('../lib/server.js');
      other = partner(d.server, c);
      await eventually(() => other.newToken());
      for (let n = 0; n < 25; n++) await other.sendOk(message({ customer: `list-${n}` }));
      made.push(...(await d.agent.all({ state: 'queued' })).filter((i) => i.connector.id === connector));
    });

    it('all of them, by pages of every size, without a gap or a repeat', async () => {
      assert.equal(made.length, 25);
      const reference = (await d.agent.all()).map((i) => i.id);
      for (const limit of [1, 7, 25, 200]) {
        assert.deepEqual((await d.agent.all({ limit })).map((i) => i.id), reference, `limit ${limit}`);
      }
    });
    it('a page goes on rightly while others are added', async () => {
      const page = await d.agent.list({ limit: 5 });
      await opened();
      const rest = [];
      for (let cursor = page.next; cursor;) { const p = await d.agent.list({ limit: 50, cursor }); rest.push(...p.items); cursor = p.next; }
      const ids = [...page.items, ...rest].map((i) => i.id);
      assert.equal(new Set(ids).size, ids.length);
      for (const i of made) assert.ok(ids.includes(i.id));
    });
    it('filters by state', async () => {
      const [a, b] = made;
      await d.agent.accept(a.id);
      await d.agent.close(b.id);
      const has = async (query, id) => (await d.agent.all(query)).some((i) => i.id === id);
      assert.deepEqual([await has({ state: 'active' }, a.id), await has({ state: 'queued' }, a.id), await has({}, a.id)], [true, false, true]);
      assert.deepEqual([await has({ state: 'closed' }, b.id), await has({ state: 'queued' }, b.id), await has({}, b.id)], [true, false, false]);
    });
    it('filters by service and by agent', async () => {
      const service = made[0].service.id;
      assert.equal((await d.agent.all({ service })).filter((i) => i.connector.id === connector).length, 24);
      assert.deepEqual(await d.agent.all({ service: 999 }), []);
      assert.deepEqual(await d.agent.all({ agent: 999 }), []);
    });
    it('finds a customer\'s interactions', async () => {
      const list = await d.agent.ofCustomer(connector, 'list-3');
      assert.deepEqual(list.map((i) => i.customer.externalId), ['list-3']);
      assert.deepEqual(await d.agent.ofCustomer(connector, 'nobody'), []);
      assert.deepEqual(await d.agent.ofCustomer(d.connector.id, 'list-3'), [], 'of another connector');
    });
    for (const query of ['limit=0', 'limit=-1', 'limit=201', 'limit=x', 'limit=', 'limit=1e1', 'limit=99999999999999999999', 'cursor=x', 'cursor=%00', 'state=open', 'state=', 'service=x', 'agent=', 'agent=0', 'connector=x&customer=y']) {
      it(`refuses ?${query}`, async () => {
        const r = await d.agent.call('GET', `/interactions?${query}`);
        assertProblem(r, 400, 'ERR_1020');
      });
    }
    for (const query of ['connector=1', 'customer=x']) {
      it(`refuses ?${query} without the other`, async () => assertProblem(await d.agent.call('GET', `/interactions?${query}`), 400, 'ERR_1010'));
    }
    it('pages a long timeline', async () => {
      await other.sendOk(Array.from({ length: 450 }, (_, n) => message({ customer: 'list-9', text: `n${n}` })));
      const [i] = await d.agent.ofCustomer(connector, 'list-9');
      const whole = await d.agent.timeline(i.id);
      assert.deepEqual(whole.filter((e) => e.message).map((e) => e.message.text), ['Hello', ...Array.from({ length: 450 }, (_, n) => `n${n}`)]);
      const small = await d.agent.all({ limit: 33 }, `/interactions/${i.id}/timeline`);
      assert.deepEqual(small.map((e) => e.seq), whole.map((e) => e.seq));
      const first = await d.agent.timelinePage(i.id, { limit: 1 });
      assert.equal(first.items.length, 1);
      assert.ok(first.next);
    });
  });

  describe('Idempotency-Key', () => {
    const key = () => ({ 'Idempotency-Key': crypto.randomUUID() });
    it('the same request again gets the same answer and does nothing', async () => {
      const i = await opened();
      const headers = key();
      const first = await d.agent.call('POST', `/interactions/${i.id}/messages`, { json: { text: 'once' }, headers });
      assert.equal(first.status, 201);
      for (let n = 0; n < 3; n++) {
        const again = await d.agent.call('POST', `/interactions/${i.id}/messages`, { json: { text: 'once' }, headers });
        assert.equal(again.status, 201);
        assert.equal(again.text, first.text);
      }
      assert.equal((await d.agent.messages(i.id)).length, 2);
      assert.equal((await hook.received(1, { of: 'requests' })).filter((r) => r.json.customer_id === i.customer.externalId).length <= 1, true);
    });
    it('another body under the same key is 409', async () => {
      const i = await opened();
      const headers = key();
      await d.agent.reply(i.id, 'one', { headers });
      assertProblem(await d.agent.call('POST', `/interactions/${i.id}/messages`, { json: { text: 'two' }, headers }), 409);
      assertProblem(await d.agent.call('POST', `/interactions/${i.id}/notes`, { json: { content: 'one' }, headers }), 409);
      assert.equal((await d.agent.messages(i.id)).length, 2);
    });
    it('many at the same moment: one is done', async () => {
      const i = await opened();
      const headers = key();
      const answers = await Promise.all(Array.from({ length: 20 }, () => d.agent.call('POST', `/interactions/${i.id}/messages`, { json: { text: 'once' }, headers })));
      assert.ok(answers.every((a) => a.status === 201 || a.status === 409), answers.map((a) => a.status).join());
      const done = answers.filter((a) => a.status === 201);
      assert.ok(done.length >= 1);
      assert.equal(new Set(done.map((a) => a.text)).size, 1);
      assert.equal((await d.agent.messages(i.id)).length, 2);
    });
    it('holds for notes, accept, close and files, and over a restart', async () => {
      const i = await opened();
      const keys = [key(), key(), key(), key()];
      const all = () => Promise.all([
        d.agent.call('POST', `/interactions/${i.id}/notes`, { json: { content: 'n' }, headers: keys[0] }),
        d.agent.call('POST', `/interactions/${i.id}/attachments?name=a`, { body: 'bytes', headers: { ...keys[1], 'Content-Type': 'text/plain' } }),
      ]);
      const first = await all();
      assert.deepEqual(first.map((r) => r.status), [201, 201]);
      const accept = await d.agent.call('POST', `/interactions/${i.id}/accept`, { headers: keys[2] });
      const close = await d.agent.call('POST', `/interactions/${i.id}/close`, { headers: keys[3] });
      assert.deepEqual([accept.status, close.status], [200, 200]);
      await d.server.restart();
      await d.server.health();
      assert.deepEqual((await all()).map((r) => r.text), first.map((r) => r.text));
      assert.equal((await d.agent.call('POST', `/interactions/${i.id}/accept`, { headers: keys[2] })).text, accept.text);
      assert.equal((await d.agent.call('POST', `/interactions/${i.id}/close`, { headers: keys[3] })).text, close.text);
      assert.equal((await d.agent.timeline(i.id)).filter((e) => e.kind === 'note.added').length, 1);
    });
    it('keys of two tokens do not meet', async () => {
      const i = await opened();
      const other = await cliJson(['token', 'create', '--data', d.dir, '--label', unique('t'), '--rights', 'interaction:GET,POST']);
      const second = agent(d.server, other.token);
      await eventually(async () => (await second.call('GET', '/interactions')).status === 200);
      const headers = key();
      await d.agent.reply(i.id, 'mine', { headers });
      await second.reply(i.id, 'mine', { headers });
      assert.equal((await d.agent.messages(i.id)).length, 3);
    });
    for (const bad of ['x'.repeat(1000), '']) {
      it(`refuses a key of ${bad.length} characters`, async () => {
        const i = await opened();
        const r = await d.agent.call('POST', `/interactions/${i.id}/notes`, { json: { content: 'x' }, headers: { 'Idempotency-Key': bad } });
        assertProblem(r, 400);
      });
    }
  });

  it('unknown packages and versions are 404', async () => {
    for (const path of ['/api/v3/nothing/interactions', '/api/v4/interaction/interactions', '/api', '/api/v3/']) {
      const r = await request(d.server.url + path, { headers: { 'Kiamo-Api-Token': d.token } });
      assert.equal(r.status, 404, path);
    }
  });
});
