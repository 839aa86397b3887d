// A connector of a custom channel (Voximplant Kit): speaks to us as the vendor's client does, byte for byte.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import { checkAnswer } from './conformance.js';
import { agent, cliJson, demoData, partner, request, startServer, unique } from './server.js';

const LOOPBACK = { GUICHET_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8' };
const md5 = (text) => crypto.createHash('md5').update(text).digest('hex');

/** RFC 3986, as PHP's rawurlencode. */
export const rawurlencode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
/** As PHP's json_encode with JSON_PRETTY_PRINT: slashes and everything beyond ASCII escaped. */
export const phpJson = (value) => JSON.stringify(value, null, 4).replaceAll('/', '\\/')
  .replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** What must be signed how: with event id for events, without for a check of the address. */
export const signature = (channel, eventId) => md5([channel.salt, channel.access_token, ...(eventId === undefined ? [] : [eventId])].join(':'));

/** Makes a custom channel; its callback is asked first unless told otherwise. */
export function makeChannel(dir, { callback = 'http://127.0.0.1:9/', name = unique('channel'), args = [], ask = false } = {}) {
  return cliJson(['channel', 'create', '--data', dir, '--name', name, '--callback', callback, ...(ask ? [] : ['--anyway']), ...args], { env: LOOPBACK }).then((made) => ({ ...made, name }));
}
export const setChannel = (dir, channel, ...args) => cliJson(['channel', 'set', String(channel.id), '--data', dir, ...args, '--anyway'], { env: LOOPBACK });

/** An event of a customer, complete unless overridden. */
export function event({ client, text = 'Hello', event_id, message_id, payload, data = {} } = {}) {
  const message = { message_id: message_id ?? unique('m'), text };
  if (payload) message.payload = payload;
  return { client_data: { client_id: client ?? unique('client'), ...data }, event_id: event_id ?? unique('e'), event_type: 'send_message', event_data: { message } };
}

/** The connector's side of one channel. */
export function connector(server, channel) {
  const keep = new http.Agent({ keepAlive: true, maxSockets: 256 });
  let token = null;
  const self = {
    channel,
    keep,
    async post(path, body, { headers = {}, agent: a = keep, timeout } = {}) {
      return checkAnswer('POST', path, await request(server.url + path, { method: 'POST', body, agent: a, timeout, headers: { 'Content-Length': Buffer.byteLength(body), ...headers } }));
    },
    login({ access_token = channel.access_token, domain = channel.domain, uuid = channel.uuid } = {}) {
      return self.post(`/api/v3/botService/login?access_token=${rawurlencode(access_token)}&domain=${rawurlencode(domain)}`,
        `channel_uuid=${rawurlencode(uuid)}`, { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
    },
    async pair() {
      const r = await self.login();
      assert.equal(r.status, 200, `login: ${r.status} ${r.text}`);
      return r.json.result;
    },
    refresh(refresh_token) {
      return self.post('/api/v3/botService/refreshToken', `refresh_token=${rawurlencode(refresh_token)}`, { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
    },
    async token() { return (token ??= (await self.pair()).access_token); },
    forget() { token = null; },
    /** An event's body as it stands (string or Buffer). */
    async postEvent(body, { headers = {}, path = `/${channel.uuid}`, ...options } = {}) {
      return self.post(path, body, { headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${await self.token()}`, ...headers }, ...options });
    },
    send(e, options) { return self.postEvent(phpJson(e), options); },
    async sendOk(e, options) {
      const r = await self.send(e, options);
      assert.equal(r.status, 200, `event: ${r.status} ${r.text}`);
      assert.equal(r.text, '{"success":true,"result":true}');
      return r;
    },
    close() { keep.destroy(); },
  };
  return self;
}

/** Every event at the callback is signed, and every check of the address. */
export function assertSigned(hook, channel) {
  for (const r of hook.requests) {
    const expected = r.method === 'GET' ? signature(channel) : signature(channel, r.json.event_id);
    assert.equal(r.headers.authorization, expected, `${r.method} ${r.body}`);
  }
}

/** A store with the demo and a custom channel, and a running server. Ends with stop(). */
export async function kitDemo({ callback, channelArgs = [], env, serve = {} } = {}) {
  const data = await demoData();
  const channel = await makeChannel(data.dir, { callback, args: channelArgs });
  const server = await startServer({ dir: data.dir, env, ...serve });
  const d = {
    ...data, server, channel, kit: connector(server, channel), partner: partner(server, data.connector), agent: agent(server, data.token), stop: () => server.stop(),
    ofClient: (client, c = channel) => d.agent.ofCustomer(c.id, client),
    /** The one interaction of a client with its messages. */
    async only(client, c = channel) {
      const list = await d.ofClient(client, c);
      assert.equal(list.length, 1, JSON.stringify(list));
      return { interaction: list[0], messages: await d.agent.messages(list[0].id) };
    },
  };
  return d;
}

/** This surface for those who only count requests and deliveries (load.js): one event a request. */
export const kitSurface = {
  channel: (d) => d.channel,
  pack: (name, [text], from) => phpJson(event({ client: name, text, event_id: `${name}-${from}`, message_id: String(from % 7) })),
  post: (d, body) => d.kit.postEvent(body),
  read: (json) => ({ customer: json.client_data.client_id, text: json.event_data.message?.text, id: json.event_id }),
};
