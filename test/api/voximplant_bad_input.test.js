// Bad events of a custom channel, one row each: what is sent, the exact answer. After each row the event log holds nothing of it,
// and the next good event is answered right.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import { raw, unique } from '../lib/server.js';
import { event, kitDemo, phpJson } from '../lib/kit.js';

/** A good event with something changed. */
const having = (change) => { const e = event({ client: 'bad' }); change(e); return e; };
const set = (member, value) => having((e) => { e[member] = value; });
const setClient = (member, value) => having((e) => { e.client_data[member] = value; });
const setMessage = (member, value) => having((e) => { e.event_data.message[member] = value; });
const item = (value) => setMessage('payload', [value]);
const good = JSON.stringify(event({ client: 'bad' }));

// [name, body: event | {raw: text or bytes}, the error, status (400 unless told)]
const ROWS = [
  // not JSON
  ['nothing', { raw: '' }, 'the body is not JSON: the text ends too early at byte 0'],
  ['a word', { raw: 'hello' }, "the body is not JSON: invalid token near 'hello' at byte 5"],
  ['cut off', { raw: good.slice(0, 40) }, /^the body is not JSON: /],
  ['more behind the value', { raw: `${good} x` }, /^the body is not JSON: more text behind the value/],
  ['two events', { raw: good + good }, /^the body is not JSON: more text behind the value/],
  ['a byte order mark', { raw: `\ufeff${good}` }, /^the body is not JSON: invalid token/],
  ['UTF-16', { raw: Buffer.from(good, 'utf16le') }, /^the body is not JSON: /],
  ['invalid UTF-8', { raw: Buffer.from(good.replace('Hello', '\xff'), 'latin1') }, /^the body is not JSON: invalid UTF-8/],
  ['a NUL by escape', { raw: good.replace('Hello', 'a\\u0000b') }, /^the body is not JSON: NUL character in a string/],
  ['a lone surrogate', { raw: good.replace('Hello', '\\ud83d') }, /^the body is not JSON: invalid Unicode/],
  ['a key twice', { raw: good.replace('"event_id"', '"event_id":"x","event_id"') }, /^the body is not JSON: duplicate object key/],
  ['nested too deep', { raw: '['.repeat(100_000) }, 'the body is not JSON: nested deeper than 64 levels at byte 64'],
  ['an id beyond 64 bits', { raw: good.replace(/"event_id":"[^"]*"/, '"event_id":9223372036854775808') }, /^the body is not JSON: number too large/],
  ['a form', { raw: 'client_id=1&event_id=2' }, /^the body is not JSON: /],
  // the frame
  ['an array', { raw: '[]' }, 'must be an object, not an array'],
  ['null', { raw: 'null' }, 'must be an object, not null'],
  ['an empty object', { raw: '{}' }, 'client_data: is required; event_id: is required; event_type: is required; event_data: is required'],
  ['a list of events', { raw: `[${good}]` }, 'must be an object, not an array'],
  ['client_data missing', set('client_data', undefined), 'client_data: is required'],
  ['client_data a string', set('client_data', 'c'), 'client_data: must be an object, not a string'],
  ['client_data as PHP writes nothing', set('client_data', []), 'client_data: must be an object, not an array'],
  ['client_id missing', setClient('client_id', undefined), 'client_data.client_id: is required'],
  ['client_id null', setClient('client_id', null), 'client_data.client_id: must be a string, not null'],
  ['client_id empty', setClient('client_id', ''), 'client_data.client_id: must not be empty'],
  ['client_id a real number', setClient('client_id', 1.5), 'client_data.client_id: must be a string, not a number'],
  ['client_id true', setClient('client_id', true), 'client_data.client_id: must be a string, not a boolean'],
  ['client_id an object', setClient('client_id', {}), 'client_data.client_id: must be a string, not an object'],
  ['client_id too long', setClient('client_id', 'x'.repeat(256)), 'client_data.client_id: must be at most 255 bytes long, not 256'],
  ['event_id missing', set('event_id', undefined), 'event_id: is required'],
  ['event_id empty', set('event_id', ''), 'event_id: must not be empty'],
  ['event_id a list', set('event_id', ['x']), 'event_id: must be a string, not an array'],
  ['event_id too long', set('event_id', 'é'.repeat(128)), 'event_id: must be at most 255 bytes long, not 256'],
  ['event_type missing', set('event_type', undefined), 'event_type: is required'],
  ['event_type a number', set('event_type', 1), 'event_type: must be a string, not an integer'],
  ['event_type another', set('event_type', 'close_conversation'), 'event_type: must be "send_message"'],
  ['event_type in other case', set('event_type', 'Send_Message'), 'event_type: must be "send_message"'],
  ['event_data missing', set('event_data', undefined), 'event_data: is required'],
  ['event_data a string', set('event_data', '{}'), 'event_data: must be an object, not a string'],
  ['message missing', set('event_data', {}), 'event_data.message: is required'],
  ['message a string', set('event_data', { message: 'Hello' }), 'event_data.message: must be an object, not a string'],
  ['message_id missing', setMessage('message_id', undefined), 'event_data.message.message_id: is required'],
  ['message_id empty', setMessage('message_id', ''), 'event_data.message.message_id: must not be empty'],
  ['message_id false', setMessage('message_id', false), 'event_data.message.message_id: must be a string, not a boolean'],
  ['text a number', setMessage('text', 5), 'event_data.message.text: must be a string, not an integer'],
  ['text an object', setMessage('text', { a: 1 }), 'event_data.message.text: must be a string, not an object'],
  ['text too long', setMessage('text', 'x'.repeat(262_145)), 'event_data.message.text: must be at most 262144 bytes long, not 262145'],
  // the customer
  ['a phone that is a number', setClient('client_phone', 33), 'client_data.client_phone: must be a string, not an integer'],
  ['a name that is a list', setClient('client_display_name', ['x']), 'client_data.client_display_name: must be a string, not an array'],
  ['a name too long', setClient('client_display_name', 'x'.repeat(256)), 'client_data.client_display_name: must be at most 255 bytes long, not 256'],
  ['an avatar too long', setClient('client_avatar', 'x'.repeat(2001)), 'client_data.client_avatar: must be at most 2000 bytes long, not 2001'],
  ['utm a string', setClient('utm', 'x'), 'client_data.utm: must be an object, not a string'],
  ['utm a list', setClient('utm', ['x']), 'client_data.utm: must be an object, not an array'],
  ['utm.source a number', setClient('utm', { source: 5 }), 'client_data.utm.source: must be a string, not an integer'],
  ['page.url an object', setClient('page', { url: {} }), 'client_data.page.url: must be a string, not an object'],
  ['location.latitude true', setClient('location', { latitude: true }), 'client_data.location.latitude: must be a string, not a boolean'],
  ['location.latitude with digits without end', { raw: JSON.stringify(setClient('location', { latitude: 0 })).replace('"latitude":0', `"latitude":0.${'1'.repeat(100)}`) }, 'client_data.location.latitude: must be at most 64 characters long as a number'],
  ['location.city a number', setClient('location', { city: 5 }), 'client_data.location.city: must be a string, not an integer'],
  ['device.model a list', setClient('device', { model: [1] }), 'client_data.device.model: must be a string, not an array'],
  // the payload
  ['payload an object', setMessage('payload', { type: 'photo' }), 'event_data.message.payload: must be an array, not an object'],
  ['payload a string', setMessage('payload', 'x'), 'event_data.message.payload: must be an array, not a string'],
  ['too many items', setMessage('payload', Array.from({ length: 33 }, () => ({ type: 'x' }))), 'event_data.message.payload: must have at most 32 items, not 33'],
  ['an item that is a string', item('x'), 'event_data.message.payload[0]: must be an object, not a string'],
  ['an item without a type', item({}), 'event_data.message.payload[0].type: is required'],
  ['an item whose type is a number', item({ type: 5 }), 'event_data.message.payload[0].type: must be a string, not an integer'],
  ['a photo without an address', item({ type: 'photo', file_name: 'x' }), 'event_data.message.payload[0].file_url: is required'],
  ['a photo with an empty address', item({ type: 'photo', file_url: '' }), 'event_data.message.payload[0].file_url: must not be empty'],
  ['a file: address', item({ type: 'document', file_url: 'file:///etc/passwd' }), 'event_data.message.payload[0].file_url: must be an http:// or https:// address'],
  ['an address with a line break', item({ type: 'video', file_url: 'http://x/\r\nX: y' }), 'event_data.message.payload[0].file_url: must be an http:// or https:// address'],
  ['a file name that is a number', item({ type: 'audio', file_name: 1, file_url: 'http://x/y' }), 'event_data.message.payload[0].file_name: must be a string, not an integer'],
  ['a location whose latitude is a list', item({ type: 'location', latitude: [], longitude: 1 }), 'event_data.message.payload[0].latitude: must be a string, not an array'],
  ['a location whose address is a number', item({ type: 'location', address: 1 }), 'event_data.message.payload[0].address: must be a string, not an integer'],
  ['a contact whose name is an object', item({ type: 'contact', name: {} }), 'event_data.message.payload[0].name: must be a string, not an object'],
  ['items too large to keep', item({ type: 'x', y: 'z'.repeat(262_200) }), 'event_data.message.payload: must be at most 262144 bytes long'],
  ['the second item wrong', setMessage('payload', [{ type: 'contact' }, { type: 'photo' }]), 'event_data.message.payload[1].file_url: is required'],
  ['several problems are told together', having((e) => { e.client_data.client_id = null; e.event_type = 5; delete e.event_data.message.message_id; }),
    'client_data.client_id: must be a string, not null; event_type: must be a string, not an integer; event_data.message.message_id: is required'],
  // size
  ['a body that is too large', { raw: good.replace('Hello', 'x'.repeat(9_000_000)) }, 'the body is too large', 413],
];

describe('bad events', () => {
  let d;
  let log;
  before(async () => {
    d = await kitDemo({ env: { GUICHET_BODY_MAX: '8M' } });
    log = await d.agent.events();
    await d.kit.sendOk(event({ client: 'bad' }));
    await log.until((e) => e.event === 'message.received');
  });
  after(async () => { log?.close(); await d.stop(); });

  /** The event log goes on with a good event and nothing before it. */
  async function assertNothingStored() {
    const client = unique('good');
    await d.kit.sendOk(event({ client, text: 'good' }));
    const seen = await log.until((e) => e.event === 'message.received');
    assert.deepEqual(seen.map((e) => e.event), ['interaction.opened', 'message.received']);
    assert.equal(seen[1].data.message.text, 'good');
    assert.equal((await d.only('bad')).messages.length, 1, 'the conversation that bad input is aimed at');
  }
  function assertRefused(r, status, error) {
    assert.equal(r.status, status, r.text.slice(0, 1000));
    assert.match(r.headers['content-type'], /^application\/json/);
    assert.equal(Number(r.headers['content-length']), r.bytes.length);
    assert.strictEqual(r.json.success, false);
    assert.strictEqual(r.json.result.code, status);
    if (error instanceof RegExp) assert.match(r.json.result.error, error);
    else assert.equal(r.json.result.error, error);
  }

  for (const [name, body, error, status = 400] of ROWS) {
    it(name, async () => {
      assertRefused(await d.kit.postEvent(body.raw ?? phpJson(body)), status, error);
      await assertNothingStored();
    });
  }
  it('a compressed body', async () => {
    assertRefused(await d.kit.postEvent(zlib.gzipSync(good), { headers: { 'Content-Encoding': 'gzip' } }), 415, 'the body must not be compressed');
    await assertNothingStored();
  });
  it('a bad event does not use up its id', async () => {
    const e = set('event_type', 'other');
    assertRefused(await d.kit.send(e), 400, 'event_type: must be "send_message"');
    const client = unique('later');
    await d.kit.sendOk({ ...e, event_type: 'send_message', client_data: { client_id: client } });
    assert.equal((await d.only(client)).messages.length, 1);
    await log.until((x) => x.event === 'message.received');
    await assertNothingStored();
  });
  it('an event that does not come whole', async () => {
    const head = `POST /${d.channel.uuid} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await d.kit.token()}\r\nContent-Length: ${good.length}\r\n\r\n`;
    for (const cut of [0, 1, Math.floor(good.length / 2), good.length - 1]) {
      const r = await raw(d.server.port, [head, good.slice(0, cut)], { endAfter: true });
      assert.doesNotMatch(r.text, /^HTTP\/1\.1 200/m);
    }
    await assertNothingStored();
  });
  it('without a token the body is not taken', async () => {
    const r = await raw(d.server.port, `POST /${d.channel.uuid} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: 7000000\r\n\r\n`);
    assert.match(r.text, /^HTTP\/1\.1 401 /);
    assert.match(r.text, /"success":false/);
    assert.ok(r.closed);
  });
});
