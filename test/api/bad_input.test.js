// Bad inputs of POST /messaging/v1/messages, one row each: what is sent, the exact answer. After each row the event log holds
// nothing of it, and the next good request is answered right.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import zlib from 'node:zlib';
import { demo, message, unique, request, raw, eventually, cliJson, partner } from '../lib/server.js';

const problem = (path, text) => ({ error: 'invalid_request', details: [{ path, problem: text }] });
const json = (text) => ({ error: 'invalid_json', details: [{ path: '', problem: text }] });

/** A good message with members replaced; undefined takes one away. */
const having = (change) => { const m = message({ customer: 'bad' }); change(m); return m; };
const set = (member, value) => having((m) => { m[member] = value; });
const setBody = (member, value) => having((m) => { m.body[member] = value; });
const setSender = (member, value) => having((m) => { m.sender[member] = value; });
const file = (change = {}) => ({ id: 'f', name: 'f.txt', mime_type: 'text/plain', content: { type: 'base64', data: 'eA==' }, ...change });
const withFile = (f) => setBody('attachments', [f]);
const content = (c) => withFile(file({ content: c }));
const history = (customer_id, sender, recipient) => message({ customer: customer_id, sender: { type: 'human', id: sender }, recipient: { type: 'bot', id: recipient } });
const deep = (n, open = '[', close = ']') => open.repeat(n) + close.repeat(n);
const around = (metadata) => `{"messages":[{"id":"1","created_at":1,"customer_id":"bad","sender":{"type":"human","id":"x"},"body":{"message":"t"},"metadata":${metadata}}]}`;

// [name, body: message | messages array | {raw: text or bytes}, the answer's body, status (400 unless told)]
const BODIES = [
  // not JSON
  ['nothing', { raw: '' }, json('the text ends too early at byte 0')],
  ['white space', { raw: ' \n ' }, json('the text ends too early at byte 3')],
  ['a word', { raw: 'hello' }, json("invalid token near 'hello' at byte 5")],
  ['cut off', { raw: '{"messages":[{"id":"1"' }, json('the text ends too early at byte 22')],
  ['cut off in a string', { raw: '{"messages":[{"id":"1' }, json('the text ends too early at byte 21')],
  ['more behind the value', { raw: '{"messages":[]} x' }, json('more text behind the value at byte 17')],
  ['two values', { raw: '{"messages":[]}{"messages":[]}' }, json('more text behind the value at byte 16')],
  ['a comma too many', { raw: '{"messages":[],}' }, json("string or '}' expected near '}' at byte 16")],
  ['single quotes', { raw: "{'messages':[]}" }, json("string or '}' expected near ''' at byte 2")],
  ['a comment', { raw: '{"messages":[/*none*/]}' }, json("invalid token near '/' at byte 14")],
  ['NaN', { raw: around('{"x":NaN}') }, json("invalid token near 'NaN' at byte 135")],
  ['a leading zero', { raw: around('{"x":01}') }, json("invalid token near '0' at byte 133")],
  ['hexadecimal', { raw: around('{"x":0x10}') }, json("'}' expected near 'x' at byte 134")],
  ['a bare control character', { raw: around('{"x":"a\nb"}') }, json("unexpected newline near '\"a' at byte 134")],
  ['a byte order mark', { raw: `\ufeff${around('{}')}` }, json("invalid token near '\ufeff' at byte 3")],
  ['UTF-16', { raw: Buffer.from(around('{}'), 'utf16le') }, json('the text ends too early at byte 2')],
  ['NUL byte between values', { raw: '{"messages":\0[]}' }, json('the text ends too early at byte 13')],
  ['NUL byte in a string', { raw: around('{"x":"a\0b"}') }, json("control character 0x0 near '\"a' at byte 134")],
  ['NUL by escape', { raw: around('{"x":"a\\u0000b"}') }, json('NUL character in a string at byte 142')],
  ['NUL by escape in a key', { raw: around('{"a\\u0000":1}') }, json('NUL character in a key at byte 137')],
  ['invalid UTF-8', { raw: Buffer.from(around('{"x":"\xff"}'), 'latin1') }, json('invalid UTF-8 at byte 133')],
  ['overlong UTF-8', { raw: Buffer.from(around('{"x":"\xc0\xaf"}'), 'latin1') }, json('invalid UTF-8 at byte 133')],
  ['UTF-8 of a surrogate', { raw: Buffer.from(around('{"x":"\xed\xa0\x80"}'), 'latin1') }, json('invalid UTF-8 at byte 133')],
  ['UTF-8 beyond U+10FFFF', { raw: Buffer.from(around('{"x":"\xf4\x90\x80\x80"}'), 'latin1') }, json('invalid UTF-8 at byte 133')],
  ['half a character at the end', { raw: Buffer.from(around('{"x":"\xc3"}'), 'latin1') }, json('invalid UTF-8 at byte 133')],
  ['a lone high surrogate', { raw: around('{"x":"\\ud83d"}') }, json("invalid Unicode '\\uD83D' near '\"\\ud83d\"' at byte 140")],
  ['a lone low surrogate', { raw: around('{"x":"\\ude00"}') }, json("invalid Unicode '\\uDE00' near '\"\\ude00\"' at byte 140")],
  ['an unknown escape', { raw: around('{"x":"\\x41"}') }, json("invalid escape near '\"\\x' at byte 135")],
  ['an integer beyond 64 bits', { raw: around('{"x":9223372036854775808}') }, json('number too large at byte 151')],
  ['a number beyond double', { raw: around('{"x":1e400}') }, json('number too large at byte 137')],
  ['nested 65 deep', { raw: around(deep(62)) }, json('nested deeper than 64 levels at byte 188')],
  ['nested a million deep', { raw: deep(1_000_000) }, json('nested deeper than 64 levels at byte 64')],
  ['objects nested deep', { raw: around(deep(10_000, '{"a":', '}').replace('{"a":}', '{}')) }, json('nested deeper than 64 levels at byte 432')],
  ['a key twice at the top', { raw: '{"messages":[],"messages":[]}' }, json("duplicate object key near '\"messages\"' at byte 25")],
  ['a key twice in a message', { raw: around('{}').replace('"id":"1"', '"id":"1","id":"2"') }, json("duplicate object key near '\"id\"' at byte 27")],
  ['a key twice, once escaped', { raw: around('{}').replace('"id":"1"', '"id":"1","\\u0069d":"2"') }, json("duplicate object key near '\"\\u0069d\"' at byte 32")],
  ['a key twice in metadata', { raw: around('{"a":1,"a":2}') }, json("duplicate object key near '\"a\"' at byte 137")],
  // the frame
  ['an array at the top', { raw: '[]' }, problem('', 'must be an object, not an array')],
  ['null at the top', { raw: 'null' }, problem('', 'must be an object, not null')],
  ['a string at the top', { raw: '"x"' }, problem('', 'must be an object, not a string')],
  ['no messages', { raw: '{}' }, problem('messages', 'is required')],
  ['messages null', { raw: '{"messages":null}' }, problem('messages', 'must be an array, not null')],
  ['messages an object', { raw: '{"messages":{}}' }, problem('messages', 'must be an array, not an object')],
  ['messages empty', { raw: '{"messages":[]}' }, problem('messages', 'must not be empty')],
  ['a thousand and one messages', Array.from({ length: 1001 }, () => message({ customer: 'bad' })), problem('messages', 'must have at most 1000 items, not 1001')],
  ['one message not wrapped', { raw: JSON.stringify(message({ customer: 'bad' })) }, problem('messages', 'is required')],
  ['a message that is null', { raw: '{"messages":[null]}' }, problem('messages[0]', 'must be an object, not null')],
  ['a message that is a string', { raw: '{"messages":["x"]}' }, problem('messages[0]', 'must be an object, not a string')],
  ['a good message, then a bad one', [message({ customer: 'bad' }), message({ customer: 'bad' }), set('id', 5)], problem('messages[2].id', 'must be a string, not an integer')],
  // members
  ['id missing', set('id', undefined), problem('messages[0].id', 'is required')],
  ['id null', set('id', null), problem('messages[0].id', 'must be a string, not null')],
  ['id a number', set('id', 1234546), problem('messages[0].id', 'must be a string, not an integer')],
  ['id empty', set('id', ''), problem('messages[0].id', 'must not be empty')],
  ['id too long', set('id', 'x'.repeat(3000)), problem('messages[0].id', 'must be at most 255 bytes long, not 3000')],
  ['created_at missing', set('created_at', undefined), problem('messages[0].created_at', 'is required')],
  ['created_at a string', set('created_at', '1676541889'), problem('messages[0].created_at', 'must be an integer, not a string')],
  ['created_at a real number', set('created_at', 1.5), problem('messages[0].created_at', 'must be an integer, not a number')],
  ['created_at with an exponent', { raw: around('{}').replace('"created_at":1', '"created_at":1e9') }, problem('messages[0].created_at', 'must be an integer, not a number')],
  ['created_at true', set('created_at', true), problem('messages[0].created_at', 'must be an integer, not a boolean')],
  ['created_at negative', set('created_at', -1), problem('messages[0].created_at', 'must be from 0 to 253402300799')],
  ['created_at in milliseconds of the far future', set('created_at', 9_000_000_000_000_000), problem('messages[0].created_at', 'must be from 0 to 253402300799')],
  ['customer_id missing', set('customer_id', undefined), problem('messages[0].customer_id', 'is required')],
  ['customer_id a number', set('customer_id', 601020304), problem('messages[0].customer_id', 'must be a string, not an integer')],
  ['customer_id empty', set('customer_id', ''), problem('messages[0].customer_id', 'must not be empty')],
  ['sender missing', set('sender', undefined), problem('messages[0].sender', 'is required')],
  ['sender a string', set('sender', 'John'), problem('messages[0].sender', 'must be an object, not a string')],
  ['sender.type missing', setSender('type', undefined), problem('messages[0].sender.type', 'is required')],
  ['sender.type unknown', setSender('type', 'alien'), problem('messages[0].sender.type', 'must be "human" or "bot"')],
  ['sender.type as in the vendor\'s schema', setSender('type', 'human | bot'), problem('messages[0].sender.type', 'must be "human" or "bot"')],
  ['sender.id missing', setSender('id', undefined), problem('messages[0].sender.id', 'is required')],
  ['sender.id a number', setSender('id', 5), problem('messages[0].sender.id', 'must be a string, not an integer')],
  ['sender.name a number', setSender('name', 5), problem('messages[0].sender.name', 'must be a string, not an integer')],
  ['recipient a string', set('recipient', 'bot'), problem('messages[0].recipient', 'must be an object, not a string')],
  ['recipient empty', set('recipient', {}), { error: 'invalid_request', details: [{ path: 'messages[0].recipient.type', problem: 'is required' }, { path: 'messages[0].recipient.id', problem: 'is required' }] }],
  ['recipient.id missing', set('recipient', { type: 'bot' }), problem('messages[0].recipient.id', 'is required')],
  ['body missing', set('body', undefined), problem('messages[0].body', 'is required')],
  ['body a string', set('body', 'Hello'), problem('messages[0].body', 'must be an object, not a string')],
  ['body.message missing', set('body', {}), problem('messages[0].body.message', 'is required')],
  ['body.message a number', setBody('message', 5), problem('messages[0].body.message', 'must be a string, not an integer')],
  ['body.message empty with nothing else', setBody('message', ''), problem('messages[0].body.message', 'must not be empty without an attachment or rich content')],
  ['rich_content a number', setBody('rich_content', 5), problem('messages[0].body.rich_content', 'must be a string or an object, not an integer')],
  ['rich_content an array', setBody('rich_content', []), problem('messages[0].body.rich_content', 'must be a string or an object, not an array')],
  ['metadata a string', set('metadata', 'x'), problem('messages[0].metadata', 'must be an object, not a string')],
  ['metadata an array', set('metadata', []), problem('messages[0].metadata', 'must be an object, not an array')],
  // attachments
  ['attachments an object', setBody('attachments', {}), problem('messages[0].body.attachments', 'must be an array, not an object')],
  ['an attachment that is a string', withFile('x'), problem('messages[0].body.attachments[0]', 'must be an object, not a string')],
  ['attachment.id missing', withFile(file({ id: undefined })), problem('messages[0].body.attachments[0].id', 'is required')],
  ['attachment.name missing', withFile(file({ name: undefined })), problem('messages[0].body.attachments[0].name', 'is required')],
  ['attachment.mime_type missing', withFile(file({ mime_type: undefined })), problem('messages[0].body.attachments[0].mime_type', 'is required')],
  ['attachment.mime_type not a type', withFile(file({ mime_type: 'png' })), problem('messages[0].body.attachments[0].mime_type', 'must be a media type such as image/png')],
  ['attachment.mime_type with a line break', withFile(file({ mime_type: 'text/plain\r\nX: y' })), problem('messages[0].body.attachments[0].mime_type', 'must be a media type such as image/png')],
  ['attachment.content missing', content(undefined), problem('messages[0].body.attachments[0].content', 'is required')],
  ['attachment.content a string', content('eA=='), problem('messages[0].body.attachments[0].content', 'must be an object, not a string')],
  ['attachment.content.type missing', content({ data: 'eA==' }), problem('messages[0].body.attachments[0].content.type', 'is required')],
  ['attachment.content.type unknown', content({ type: 'hex', data: '00' }), problem('messages[0].body.attachments[0].content.type', 'must be "url" or "base64"')],
  ['attachment.content.data missing', content({ type: 'base64' }), problem('messages[0].body.attachments[0].content.data', 'is required')],
  ['attachment data that is not base64', content({ type: 'base64', data: 'é%%' }), problem('messages[0].body.attachments[0].content.data', 'is not base64')],
  ['base64 of odd length', content({ type: 'base64', data: 'eAA' + 'e' + 'A' }), problem('messages[0].body.attachments[0].content.data', 'is not base64')],
  ['base64 with padding inside', content({ type: 'base64', data: 'eA==eA==' }), problem('messages[0].body.attachments[0].content.data', 'is not base64')],
  ['a data: prefix before base64', content({ type: 'base64', data: 'data:text/plain;base64,eA==' }), problem('messages[0].body.attachments[0].content.data', 'is not base64')],
  ['url empty', content({ type: 'url', data: '' }), problem('messages[0].body.attachments[0].content.data', 'must be an http:// or https:// address')],
  ['url file:', content({ type: 'url', data: 'file:///etc/passwd' }), problem('messages[0].body.attachments[0].content.data', 'must be an http:// or https:// address')],
  ['url javascript:', content({ type: 'url', data: 'javascript:alert(1)' }), problem('messages[0].body.attachments[0].content.data', 'must be an http:// or https:// address')],
  ['url with a line break', content({ type: 'url', data: 'http://x/\r\nX: y' }), problem('messages[0].body.attachments[0].content.data', 'must be an http:// or https:// address')],
  ['too many attachments', setBody('attachments', Array.from({ length: 1000 }, () => file())), problem('messages[0].body.attachments', 'must have at most 32 items, not 1000')],
  // history
  ['history whose customer_id is neither', history('bad', 'a', 'b'), problem('messages[0].customer_id', 'must be the id of the sender or of the recipient')],
  ['history, the fourth message wrong', [history('bad', 'bad', 'bot'), history('bad', 'bot', 'bad'), history('bad', 'bad', 'bot'), history('bad', 'Bad', 'bot')],
    problem('messages[3].customer_id', 'must be the id of the sender or of the recipient')],
  ['several problems are told together', having((m) => { delete m.id; m.created_at = 'x'; m.sender.type = 5; }), {
    error: 'invalid_request',
    details: [{ path: 'messages[0].id', problem: 'is required' }, { path: 'messages[0].created_at', problem: 'must be an integer, not a string' }, { path: 'messages[0].sender.type', problem: 'must be a string, not an integer' }],
  }],
  // size
  ['a message of five million bytes of text', setBody('message', 'x'.repeat(5_000_000)), problem('messages[0].body.message', 'must be at most 262144 bytes long, not 5000000')],
  ['an attachment that is too large', withFile(file({ content: { type: 'base64', data: Buffer.alloc(2_000_001).toString('base64') } })), { error: 'payload_too_large', details: [{ path: 'messages[0].body.attachments[0].content.data', problem: 'must be at most 2000000 bytes when decoded' }] }, 413],
  ['a body that is too large', { raw: around(`"${'x'.repeat(9_000_000)}"`) }, { error: 'payload_too_large', error_description: 'the body is too large' }, 413],
];

function assertBody(actual, expected, where = 'body') {
  if (expected instanceof RegExp) return assert.match(actual, expected, where);
  if (Array.isArray(expected)) {
    assert.equal(actual?.length, expected.length, `${where}: ${JSON.stringify(actual)}`);
    return expected.forEach((e, i) => assertBody(actual[i], e, `${where}[${i}]`));
  }
  if (expected && typeof expected === 'object') {
    assert.deepEqual(Object.keys(actual ?? {}).sort(), Object.keys(expected).sort(), `${where}: ${JSON.stringify(actual)}`);
    return Object.keys(expected).forEach((k) => assertBody(actual[k], expected[k], `${where}.${k}`));
  }
  assert.equal(actual, expected, where);
}

describe('bad input', () => {
  let d;
  let log;
  before(async () => {
    d = await demo({ env: { GUICHET_BODY_MAX: '8M', GUICHET_ATTACHMENT_MAX: '2000000', GUICHET_REQUEST_TIMEOUT: '2s' } });
    log = await d.agent.events();
    await d.partner.sendOk(message({ customer: 'bad' }));
    await log.until((e) => e.event === 'message.received');
  });
  after(async () => { log?.close(); await d.stop(); });

  /** The event log goes on with a good message and nothing before it. */
  async function assertNothingStored() {
    const customer = unique('good');
    await d.partner.sendOk(message({ customer, text: 'good' }));
    const seen = await log.until((e) => e.event === 'message.received');
    assert.deepEqual(seen.map((e) => e.event), ['interaction.opened', 'message.received']);
    assert.equal(seen[1].data.message.text, 'good');
    const [first] = await d.agent.ofCustomer(d.connector.id, 'bad');
    assert.equal((await d.agent.messages(first.id)).length, 1, 'the conversation that bad input is aimed at');
  }

  for (const [name, body, expected, status = 400] of BODIES) {
    it(name, async () => {
      const r = body.raw !== undefined ? await d.partner.post(body.raw) : await d.partner.send(body);
      assert.equal(r.status, status, r.text.slice(0, 1000));
      assert.match(r.headers['content-type'], /^application\/json/);
      assertBody(r.json, expected);
      await assertNothingStored();
    });
  }

  const good = () => JSON.stringify({ messages: [message({ customer: 'bad' })] });
  const TYPES = [undefined, 'text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx', 'text/json', 'application', ''];
  for (const type of TYPES) {
    it(`content type ${JSON.stringify(type)}`, async () => {
      const headers = { 'Content-Type': type ?? '' };
      const r = type === undefined
        ? await request(`${d.server.url}/messaging/v1/messages`, { method: 'POST', body: good(), headers: { Authorization: `Bearer ${await d.partner.token()}` } })
        : await d.partner.post(good(), { headers });
      assert.equal(r.status, 415, r.text);
      assert.equal(r.json.error, 'unsupported_media_type');
      await assertNothingStored();
    });
  }
  it('a compressed body', async () => {
    const r = await d.partner.post(zlib.gzipSync(good()), { headers: { 'Content-Encoding': 'gzip' } });
    assert.ok([400, 415].includes(r.status), r.text);
    await assertNothingStored();
  });

  for (const [method, path, status, allow] of [
    ['GET', '/messaging/v1/messages', 405, 'POST'], ['PUT', '/messaging/v1/messages', 405, 'POST'], ['DELETE', '/messaging/v1/messages', 405, 'POST'], ['PATCH', '/messaging/v1/messages', 405, 'POST'],
    ['POST', '/messaging/v1/message', 404], ['POST', '/messaging/v2/messages', 404], ['POST', '/messaging/v1/messages/1', 404], ['POST', '/Messaging/v1/messages', 404],
    ['POST', '/messaging/v1/%6dessages%2f', 404], ['POST', '/messaging//v1/messages', 404], ['POST', '/', 404], ['POST', '/messaging/v1/messages%00', [400, 404]],
  ]) {
    it(`${method} ${path}`, async () => {
      const r = await request(d.server.url + path, { method, body: method === 'GET' ? undefined : good(), headers: { Authorization: `Bearer ${await d.partner.token()}`, 'Content-Type': 'application/json' } });
      assert.ok([status].flat().includes(r.status), `${r.status} ${r.text}`);
      if (status === 404) assert.equal(r.json.error, 'not_found');
      if (status === 405) assert.equal(r.json.error, 'method_not_allowed');
      if (allow) assert.equal(r.headers.allow, allow);
      await assertNothingStored();
    });
  }

  describe('tokens', () => {
    const b64 = (x) => Buffer.from(typeof x === 'string' ? x : JSON.stringify(x)).toString('base64url');
    const sign = (head, payload, key, hash = 'sha256') => { const t = `${b64(head)}.${payload}`; return `${t}.${crypto.createHmac(hash, key).update(t).digest('base64url')}`; };
    let parts;
    let payload;
    before(async () => {
      parts = (await d.partner.token()).split('.');
      assert.equal(parts.length, 3, 'a JWT');
      payload = JSON.parse(Buffer.from(parts[1], 'base64url'));
    });
    const head = () => JSON.parse(Buffer.from(parts[0], 'base64url'));
    const flip = (s, i) => s.slice(0, i) + (s[i] === 'A' ? 'B' : 'A') + s.slice(i + 1);
    const rows = [
      ['none at all', () => undefined],
      ['an empty one', () => 'Bearer '],
      ['only the scheme', () => 'Bearer'],
      ['Basic', () => `Basic ${Buffer.from(`${d.connector.client_id}:${d.connector.client_secret}`).toString('base64')}`],
      ['no scheme', () => parts.join('.')],
      ['garbage', () => 'Bearer garbage'],
      ['dots', () => 'Bearer ..'],
      ['a megabyte of dots', () => `Bearer ${'.'.repeat(3000)}`],
      ['the placeholder', () => 'Bearer YOUR_ACCESS_TOKEN'],
      ['the client secret', () => `Bearer ${d.connector.client_secret}`],
      ['an API token', () => `Bearer ${d.token}`],
      ['without its signature', () => `Bearer ${parts[0]}.${parts[1]}.`],
      ['only two parts', () => `Bearer ${parts[0]}.${parts[1]}`],
      ['four parts', () => `Bearer ${parts.join('.')}.x`],
      ['a changed signature', () => `Bearer ${parts[0]}.${parts[1]}.${flip(parts[2], 3)}`],
      ['a changed payload', () => `Bearer ${parts[0]}.${flip(parts[1], 10)}.${parts[2]}`],
      ['a changed header', () => `Bearer ${flip(parts[0], 5)}.${parts[1]}.${parts[2]}`],
      ['a longer life', () => `Bearer ${parts[0]}.${b64({ ...payload, exp: payload.exp + 1e6 })}.${parts[2]}`],
      ['alg none', () => `Bearer ${b64({ ...head(), alg: 'none' })}.${parts[1]}.`],
      ['alg None in other case', () => `Bearer ${b64({ ...head(), alg: 'NoNe' })}.${parts[1]}.`],
      ['alg none with the old signature', () => `Bearer ${b64({ ...head(), alg: 'none' })}.${parts[1]}.${parts[2]}`],
      ['alg missing', () => `Bearer ${b64({ typ: 'JWT' })}.${parts[1]}.${parts[2]}`],
      ['alg RS256', () => `Bearer ${b64({ ...head(), alg: 'RS256' })}.${parts[1]}.${parts[2]}`],
      ['signed with an empty key', () => `Bearer ${sign(head(), parts[1], '')}`],
      ['signed with the client secret', () => `Bearer ${sign(head(), parts[1], d.connector.client_secret)}`],
      ['signed with a key of its own header', () => `Bearer ${sign({ ...head(), jwk: { kty: 'oct', k: b64('key') } }, parts[1], 'key')}`],
      ['a kid with a path', () => `Bearer ${sign({ ...head(), kid: '../../dev/null' }, parts[1], '')}`],
      ['HS512 of a foreign key', () => `Bearer ${sign({ ...head(), alg: 'HS512' }, parts[1], 'foreign', 'sha512')}`],
      ['padding', () => `Bearer ${parts.join('.')}=`],
      ['white space inside', () => `Bearer ${parts[0]}. ${parts[1]}.${parts[2]}`],
      ['a list', () => `Bearer ${parts.join('.')}, Bearer ${parts.join('.')}`],
    ];
    for (const [name, authorization] of rows) {
      it(name, async () => {
        const value = authorization();
        const body = good();
        const r = await request(`${d.server.url}/messaging/v1/messages`, { method: 'POST', body, headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...(value === undefined ? {} : { Authorization: value }) } });
        assert.equal(r.status, 401, r.text);
        assert.equal(r.json.error, 'invalid_token');
        assert.match(r.headers['www-authenticate'], value === undefined ? /^Bearer/ : /^Bearer .*error="invalid_token"/);
        await assertNothingStored();
      });
    }
    it('a token of another store', async () => {
      const other = await demo();
      const foreign = await other.partner.token();
      await other.stop();
      const r = await d.partner.post(good(), { headers: { Authorization: `Bearer ${foreign}` } });
      assert.equal(r.status, 401);
      await assertNothingStored();
    });
    it('a token in the query', async () => {
      const body = good();
      const r = await request(`${d.server.url}/messaging/v1/messages?access_token=${parts.join('.')}`, { method: 'POST', body, headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) } });
      assert.equal(r.status, 401);
      await assertNothingStored();
    });
    it('two Authorization headers', async () => {
      const body = JSON.stringify({ messages: [message({ customer: 'two-headers' })] });
      const auth = `Authorization: Bearer ${parts.join('.')}\r\n`;
      const r = await raw(d.server.port, `POST /messaging/v1/messages HTTP/1.1\r\nHost: x\r\n${auth}Authorization: Bearer x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
      assert.deepEqual(await d.agent.ofCustomer(d.connector.id, 'two-headers'), []);
      assert.match(r.text, /^HTTP\/1\.1 40[01] /);
      await assertNothingStored();
    });
    it('a refused token does not make the server take the body', async () => {
      const r = await raw(d.server.port, `POST /messaging/v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Type: application/json\r\nContent-Length: 7000000\r\n\r\n`, { timeout: 20_000 });
      assert.match(r.text, /^HTTP\/1\.1 401 /);
      assert.ok(r.closed, 'the connection is closed: the body never came');
    });
  });

  describe('bodies that do not come whole', () => {
    const head = async (length, more = '') => `POST /messaging/v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await d.partner.token()}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${more}\r\n`;
    it('the sender closes in the middle', async () => {
      const body = good();
      for (const cut of [0, 1, Math.floor(body.length / 2), body.length - 1]) {
        const r = await raw(d.server.port, [await head(body.length), body.slice(0, cut)], { endAfter: true });
        assert.doesNotMatch(r.text, /^HTTP\/1\.1 200/m);
      }
      await assertNothingStored();
    });
    it('the sender stops in the middle', async () => {
      const body = good();
      const r = await raw(d.server.port, [await head(body.length), body.slice(0, 20)], { timeout: 60_000 });
      assert.ok(r.closed, 'given up');
      assert.match(r.text, /^(HTTP\/1\.1 408 |$)/);
      await assertNothingStored();
    });
    it('the sender drips', async () => {
      const body = good();
      const drip = [await head(body.length)];
      for (const c of body) drip.push(c, 200);
      const r = await raw(d.server.port, drip, { timeout: 90_000 });
      assert.ok(r.closed, 'given up');
      assert.doesNotMatch(r.text, /^HTTP\/1\.1 200/m);
      await assertNothingStored();
    });
    it('headers that never end', async () => {
      const drip = ['POST /messaging/v1/messages HTTP/1.1\r\nHost: x\r\n'];
      for (let i = 0; i < 300; i++) drip.push(`X-${i}: y\r\n`, 200);
      const r = await raw(d.server.port, drip, { timeout: 90_000 });
      assert.ok(r.closed, 'given up');
      assert.doesNotMatch(r.text, /^HTTP\/1\.1 200/m);
      await assertNothingStored();
    });
    it('chunks that stop before the last', async () => {
      const body = good();
      const r = await raw(d.server.port, [(await head(0, 'Transfer-Encoding: chunked\r\n')).replace(/Content-Length: 0\r\n/, ''), `${body.length.toString(16)}\r\n${body}\r\n`], { endAfter: true });
      assert.doesNotMatch(r.text, /^HTTP\/1\.1 200/m);
      await assertNothingStored();
    });
    it('a truncated multipart token request', async () => {
      const full = `--b\r\nContent-Disposition: form-data; name="client_id"\r\n\r\n${d.connector.client_id}\r\n--b\r\nContent-Disposition: form-data; name="client_secret"\r\n\r\n${d.connector.client_secret}\r\n--b\r\nContent-Disposition: form-data; name="grant_type"\r\n\r\nclient_credentials\r\n--b--\r\n`;
      const post = (text) => request(`${d.server.url}/oauth2/v1/token`, { method: 'POST', body: text, headers: { 'Content-Type': 'multipart/form-data; boundary=b', 'Content-Length': text.length } });
      // The line break behind the last delimiter is optional.
      for (let cut = 0; cut < full.length - 2; cut += 7) {
        const r = await post(full.slice(0, cut));
        assert.equal(r.status, 400, `cut at ${cut}: ${r.text}`);
        assert.equal(r.json.error, 'invalid_request');
      }
      assert.equal((await post(full)).status, 200);
      assert.equal((await post(full.slice(0, -2))).status, 200);
    });
  });

  it('disabled in the middle: nothing of a request with a dead token is stored', async () => {
    const made = await cliJson(['connector', 'create', '--data', d.dir, '--name', unique('short')]);
    const p = partner(d.server, made);
    await eventually(() => p.newToken());
    await p.token();
    await cliJson(['connector', 'disable', made.id, '--data', d.dir]);
    await eventually(async () => (await p.send(set('id', undefined))).status === 401);
    assert.equal((await p.send(message())).status, 401);
    await assertNothingStored();
  });
});
