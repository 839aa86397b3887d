// One healthy connector's deliveries beside others': how long from an agent's answer to the webhook's receipt of it, when the
// others are healthy too, and when one refuses connections, one never answers and one takes two seconds.
import http from 'node:http';
import net from 'node:net';
import { freePort, run, sleep } from './processes.js';

const OTHERS = 3;
const CUSTOMERS = 20; // each connector's
const EVERY_MS = 5;   // an answer to each connector

const listening = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
const url = (port) => `http://127.0.0.1:${port}/webhook`;

/** A webhook in this process: what came, and when. */
async function makeHook(delay_ms = 0) {
  const arrived = new Map();
  const server = http.createServer((req, res) => {
    let body = '';
    req.setEncoding('utf8').on('data', (text) => (body += text)).on('end', () => {
      const number = /#(\d+)#/.exec(body)?.[1];
      if (number && !arrived.has(number)) arrived.set(number, performance.now());
      if (delay_ms) setTimeout(() => res.end('{}'), delay_ms);
      else res.end('{}');
    });
  });
  server.keepAliveTimeout = 60_000;
  return { arrived, url: url(await listening(server)), stop: () => { server.closeAllConnections(); server.close(); } };
}

/** Takes connections and says nothing. */
async function makeMute() {
  const sockets = new Set();
  const server = net.createServer((socket) => { sockets.add(socket.on('error', () => {})); });
  return { url: url(await listening(server)), stop: () => { for (const s of sockets) s.destroy(); server.close(); } };
}

/** A server with connectors for these webhooks, and the conversations of each one's customers. */
async function makeWorld(p, hooks) {
  const data = await p.data({ webhook: hooks[0].url });
  const connectors = [data.connector];
  for (const [i, hook] of hooks.slice(1).entries()) connectors.push(JSON.parse(await run(p.guichet, ['connector', 'create', '--name', `other-${i}`, '--webhook', hook.url, '--data', data.dir, '--json'])));
  const server = await p.server(data, { open: false });
  const api = { 'Kiamo-Api-Token': data.token };
  const conversations = [];
  for (const [k, connector] of connectors.entries()) {
    const { access_token } = await p.post(server, '/oauth2/v1/token', p.tokenForm({ connector }), { 'Content-Type': 'application/x-www-form-urlencoded' });
    const messages = Array.from({ length: CUSTOMERS }, (_, i) => ({ id: `n${i}`, created_at: 1_700_000_000, customer_id: `neighbour-${k}-${i}`, sender: { type: 'human', id: `neighbour-${k}-${i}` }, body: { message: 'Hello' } }));
    await p.post(server, '/messaging/v1/messages', JSON.stringify({ messages }), { 'Content-Type': 'application/json', Authorization: `Bearer ${access_token}` });
    const ids = [];
    for (let i = 0; i < CUSTOMERS; i++) {
      const { items } = await p.call(server, 'GET', `/api/v3/interaction/interactions?customer=neighbour-${k}-${i}&connector=${connector.id}`, undefined, api);
      ids.push(items[0].id);
    }
    conversations.push(ids);
  }
  return { server, data, conversations, api };
}

let number = 0;

async function measure(p, { server, conversations, api }, hook, seconds) {
  const sent = new Map();
  const until = performance.now() + seconds * 1000;
  const cpu = server.cpu();
  const answer = async (k, i) => {
    const n = `${++number}`;
    if (k === 0) sent.set(n, performance.now());
    await p.post(server, `/api/v3/interaction/interactions/${conversations[k][i % CUSTOMERS]}/messages`, JSON.stringify({ text: `#${n}#` }), { ...api, 'Content-Type': 'application/json' });
  };
  const running = [];
  for (let i = 0, next = performance.now(); performance.now() < until; i++, next += EVERY_MS) {
    for (let k = 0; k < conversations.length; k++) running.push(answer(k, i));
    await sleep(Math.max(0, next + EVERY_MS - performance.now()));
  }
  await Promise.all(running);
  for (let i = 0; i < 1000 && [...sent.keys()].some((n) => !hook.arrived.has(n)); i++) await sleep(10);
  const late = [...sent].map(([n, at]) => hook.arrived.get(n) - at).sort((a, b) => a - b);
  if (late.some(Number.isNaN)) throw new Error(`deliveries of a healthy connector did not come\n${server.err.slice(-2000)}`);
  const at = (share) => late[Math.min(late.length - 1, Math.floor(late.length * share))];
  return { rate: late.length / seconds, p50_ms: at(0.5), p99_ms: at(0.99), cpu_s: server.cpu() - cpu, rss: server.rss() };
}

export async function neighbours(p) {
  const hooks = [await makeHook(), await makeHook()];
  const others = await Promise.all(Array.from({ length: OTHERS }, () => makeHook()));
  const bad = [{ url: url(await freePort()), stop() {} }, await makeMute(), await makeHook(2000)];
  const worlds = [await makeWorld(p, [hooks[0], ...others]), await makeWorld(p, [hooks[1], ...bad])];
  const member = (w) => (seconds) => measure(p, worlds[w], hooks[w], seconds);
  const stop = { stop: async () => { for (const one of [...hooks, ...others, ...bad]) one.stop(); } };
  return { members: { 'all-healthy': member(0), 'beside-bad-ones': member(1) }, servers: [...worlds.map((w) => w.server), stop], stores: worlds.map((w) => w.data) };
}
