// The table of what is measured. A group is set up once; its members then run in turns, A B C A B C, so that a noisy
// moment meets all of them. A member returns one sample: { rate, p50_ms, p99_ms, cpu_s, cpu_us, rss, … }.
import crypto from 'node:crypto';
import { neighbours } from './neighbours.js';
import { CUSTOMERS, requestBytes } from './programs.js';
import { run, sleep, startTalker } from './processes.js';

const MIB = 1 << 20;

/** Members over one load; `with_` names the servers. */
const messagesGroup = (connections, { raw = false, count = 1 } = {}) => async (p) => {
  const [constant, data] = [await p.constant(), await p.data()];
  const server = await p.server(data);
  const rawData = raw ? await p.data() : null;
  const load = (s) => (seconds) => p.messages(s, { connections, seconds, count });
  const members = { constant: load(constant), guichet: load(server) };
  if (raw) members.raw = async (seconds) => rawSample(await p.raw(rawData.dir, ['--seconds', seconds, '--batch', raw, '--run', count]));
  return { members, servers: [constant, server], stores: [data, rawData] };
};

const rawSample = (r) => ({ rate: r.rate, cpu_s: r.cpu, cpu_us: (r.cpu * 1e6) / r.rows });

async function peers(p, { skip }) {
  const data = await p.data();
  const server = await p.server(data);
  const servers = [server, await p.fastify('each'), await p.fastify('group')];
  const load = (s) => (seconds) => p.messages(s, { connections: 64, seconds });
  const members = { guichet: load(servers[0]), 'fastify-each': load(servers[1]), 'fastify-group': load(servers[2]) };
  if (!skip.includes('prism')) {
    servers.push(await p.prism());
    members.prism = load(servers[3]);
  }
  return { members, servers, stores: [data] };
}

async function tokens(p) {
  const [constant, data] = [await p.constant(), await p.data()];
  const server = await p.server(data);
  const fields = new URLSearchParams(p.tokenForm(data));
  const boundary = '----bench7MA4YWxkTrZu0gW';
  const parts = [...fields].map(([k, v]) => `--${boundary}\r\nContent-Disposition: form-data; name="${k}"\r\n\r\n${v}\r\n`).join('');
  const form = p.file('token', requestBytes('POST', '/oauth2/v1/token', { 'Content-Type': 'application/x-www-form-urlencoded' }, `${fields}`));
  const multipart = p.file('token', requestBytes('POST', '/oauth2/v1/token', { 'Content-Type': `multipart/form-data; boundary=${boundary}` }, `${parts}--${boundary}--\r\n`));
  const load = (s, file) => (seconds) => p.same(s, file, { connections: 64, seconds });
  return {
    members: {
      constant: load(constant, form), guichet: load(server, form),
      'constant-multipart': load(constant, multipart), 'guichet-multipart': load(server, multipart),
    },
    servers: [constant, server], stores: [data],
  };
}

async function files(p) {
  const [constant, data] = [await p.constant(), await p.data()];
  const server = await p.server(data);
  const api = { 'Kiamo-Api-Token': data.token };
  const { items } = await p.call(server, 'GET', '/api/v3/interaction/interactions?limit=1', undefined, api);
  const target = `/api/v3/interaction/interactions/${items[0].id}/attachments?name=file.bin`;
  const bytes = crypto.randomBytes(MIB);
  const type = { 'Content-Type': 'application/octet-stream' };
  const { id } = await p.post(server, target, bytes, { ...api, ...type });
  const up = p.file('upload', requestBytes('POST', target, { ...api, ...type }, bytes));
  const down = p.file('download', requestBytes('GET', `/api/v3/interaction/attachments/${id}`, api));
  const downConstant = p.file('download', requestBytes('GET', `/bytes/${MIB}`, api));
  // Uploads are rows: few seconds are some gigabytes.
  const load = (s, file, most) => (seconds) => p.same(s, file, { connections: 8, seconds: Math.min(seconds, most) });
  return {
    members: {
      'constant-upload': load(constant, up, 1), 'guichet-upload': load(server, up, 1),
      'constant-download': load(constant, downConstant, 3), 'guichet-download': load(server, down, 3),
    },
    servers: [constant, server], stores: [data],
  };
}

async function deliveries(p, { quick }) {
  const sink = await p.sink();
  const hook = `${sink.url}/webhook`;
  const data = await p.data({ webhook: hook });
  const count = quick ? 20_000 : 60_000;
  const stats = async () => (await fetch(`${sink.url}/stats`)).json();
  return {
    members: {
      async multi() {
        const r = JSON.parse(await run(p.tool('multi'), [hook, `${count}`, '64']));
        return { rate: r.rate, cpu_s: r.cpu, cpu_us: (r.cpu * 1e6) / count };
      },
      async guichet() {
        await p.raw(data.dir, ['--deliveries', count, '--batch', 1000]);
        await fetch(`${sink.url}/reset`);
        const server = await p.server(data, { open: false, env: { GUICHET_DELIVERY_CONCURRENCY: '64' } });
        let s = await stats();
        for (let i = 0; i < 2400 && s.count < count; i++) {
          await sleep(50);
          s = await stats();
        }
        if (s.count < count) throw new Error(`only ${s.count} of ${count} deliveries came\n${server.err.slice(-2000)}`);
        const cpu = server.cpu();
        const rss = server.rss();
        await server.stop();
        return { rate: s.count / s.seconds, cpu_s: cpu, cpu_us: (cpu * 1e6) / count, rss };
      },
    },
    servers: [sink], stores: [data],
  };
}

async function start(p) {
  const data = await p.data();
  return {
    members: {
      async guichet() {
        const { ms } = JSON.parse(await run(p.tool('start'), ['5', p.guichet, 'serve', '--data', data.dir, '--listen', '127.0.0.1:0']));
        const server = await p.server(data, { open: false });
        await p.call(server, 'GET', '/health');
        await sleep(500);
        const [rss, cpu] = [server.rss(), server.cpu()];
        await server.stop();
        return { start_ms: ms.sort((a, b) => a - b)[2], rss, cpu_s: cpu };
      },
    },
    servers: [], stores: [data],
  };
}

const streams = (count) => async (p) => {
  const data = await p.data();
  let n = 0;
  return {
    members: {
      async guichet() {
        const server = await p.server(data);
        const body = () => JSON.stringify({ messages: [{ id: `s${Date.now()}-${++n}`, created_at: 1_700_000_000, customer_id: 'customer-0000001', sender: { type: 'human', id: 'customer-0000001' }, body: { message: 'Hello' } }] });
        await p.post(server, '/messaging/v1/messages', body(), { 'Content-Type': 'application/json', Authorization: `Bearer ${server.bearer}` });
        const before = server.rss();
        const talker = startTalker(p.tool('streams'), [`${server.port}`, '/api/v3/interaction/events', data.token, `${count}`]);
        const opened = await talker.next();
        await sleep(300);
        const rss = server.rss();
        const seen = [];
        for (let i = 0; i < 7; i++) {
          talker.say(`${server.bearer} ${body()}`);
          seen.push(await talker.next());
          await sleep(100);
        }
        await talker.stop();
        const sorted = seen.map((s) => s.reached_ms).sort((a, b) => a - b);
        const sample = { stream_bytes: (rss - before) / count, reach_ms: sorted[3], reach_max_ms: sorted[6], open_ms: opened.ms, rss, cpu_s: server.cpu() };
        await server.stop();
        return sample;
      },
    },
    servers: [], stores: [data],
  };
};

async function filled(p, { full }) {
  const messages = full ? 10_000_000 : 1_000_000;
  const [data, big] = [await p.data(), await p.data({ messages, customers: messages / 100 })];
  const [server, bigServer] = [await p.server(data), await p.server(big)];
  const load = (s, d) => (seconds) => p.messages(s, { connections: 64, seconds, customers: d.customers });
  return { members: { empty: load(server, data), filled: load(bigServer, big) }, servers: [server, bigServer], stores: [data, big], note: `${messages} messages` };
}

export const groups = [
  { name: 'messages-1', what: 'Messages, 1 a request, 1 connection', setup: messagesGroup(1) },
  { name: 'messages-64', what: 'Messages, 1 a request, 64 connections', setup: messagesGroup(64, { raw: 64 }) },
  { name: 'messages-256', what: 'Messages, 1 a request, 256 connections', setup: messagesGroup(256) },
  { name: 'messages-1000', what: 'Messages, 1 a request, 1000 connections', setup: messagesGroup(1000) },
  { name: 'batches', what: 'Messages, 100 a request, 64 connections', setup: messagesGroup(64, { raw: 1000, count: 100 }) },
  { name: 'peers', what: 'Messages, 1 a request, 64 connections, beside other servers', setup: peers },
  { name: 'tokens', what: 'Access tokens, 64 connections', setup: tokens },
  { name: 'files', what: 'Files of 1 MiB, 8 connections', setup: files },
  { name: 'deliveries', what: 'Deliveries to a local sink, 64 in flight', setup: deliveries, rounds: 3 },
  { name: 'neighbours', what: 'Deliveries of one connector, 200/s, beside others that are healthy, or refuse, stay mute, take 2 s', setup: neighbours },
  { name: 'start', what: 'Start and rest', setup: start, rounds: 3 },
  { name: 'streams-1000', what: '1000 live streams', setup: streams(1000), rounds: 3 },
  { name: 'streams-10000', what: '10 000 live streams', setup: streams(10_000), rounds: 3 },
  { name: 'filled', what: 'Messages, 64 connections, into a store that holds many', setup: filled },
];

/** What it must reach. `of` and `to` are members of the group; without `to` the figure itself counts. */
export const targets = [
  { group: 'messages-1', of: 'guichet', to: 'constant', what: 'message POSTs, 1 connection : constant reply' },
  { group: 'messages-64', of: 'guichet', to: 'constant', least: 0.35, what: 'message POSTs, 64 connections : constant reply' },
  { group: 'messages-64', of: 'guichet', to: 'raw', least: 0.5, what: 'message POSTs, 64 connections : SQLite alone, commits of 64' },
  { group: 'messages-64', of: 'guichet', figure: 'p99_ms', most: 8, unit: 'ms', what: 'their p99' },
  { group: 'messages-256', of: 'guichet', to: 'constant', what: 'message POSTs, 256 connections : constant reply' },
  { group: 'messages-1000', of: 'guichet', to: 'constant', what: 'message POSTs, 1000 connections : constant reply' },
  { group: 'batches', of: 'guichet', to: 'raw', least: 0.8, what: 'messages, 100 a request : SQLite alone, commits of 1000' },
  { group: 'peers', of: 'guichet', to: 'fastify-each', least: 10, what: 'message POSTs : Fastify + better-sqlite3, a transaction each' },
  { group: 'peers', of: 'guichet', to: 'fastify-group', least: 1.8, what: 'message POSTs : the same with group commit' },
  { group: 'peers', of: 'guichet', to: 'prism', least: 12, what: 'message POSTs : Prism, a mock server' },
  { group: 'tokens', of: 'guichet', to: 'constant', least: 0.6, what: 'tokens (urlencoded) : constant reply' },
  { group: 'tokens', of: 'guichet-multipart', to: 'constant-multipart', least: 0.6, what: 'tokens (multipart) : constant reply' },
  { group: 'files', of: 'guichet-upload', to: 'constant-upload', what: 'uploads of 1 MiB : constant reply' },
  { group: 'files', of: 'guichet-download', to: 'constant-download', what: 'downloads of 1 MiB : constant reply' },
  { group: 'deliveries', of: 'guichet', to: 'multi', least: 0.5, what: 'deliveries : libcurl multi alone' },
  { group: 'neighbours', of: 'beside-bad-ones', to: 'all-healthy', figure: 'p50_ms', what: 'latency of deliveries beside a dead, a mute and a slow connector : beside healthy ones, p50' },
  { group: 'neighbours', of: 'beside-bad-ones', to: 'all-healthy', figure: 'p99_ms', most: 1.5, what: 'the same, p99' },
  { group: 'start', of: 'guichet', figure: 'start_ms', most: 30, unit: 'ms', what: 'start to first answer' },
  { group: 'start', of: 'guichet', figure: 'rss', scale: 1 / MIB, most: 10, unit: 'MiB', what: 'resident memory at rest' },
  { group: 'streams-1000', of: 'guichet', figure: 'stream_bytes', scale: 1 / 1024, most: 8, unit: 'KiB', what: 'an idle live stream, of 1000' },
  { group: 'streams-10000', of: 'guichet', figure: 'stream_bytes', scale: 1 / 1024, most: 8, unit: 'KiB', what: 'an idle live stream, of 10 000' },
  { group: 'streams-10000', of: 'guichet', figure: 'reach_ms', most: 150, unit: 'ms', what: 'one event to 10 000 streams' },
  { group: 'filled', of: 'filled', to: 'empty', least: 0.8, what: 'speed with a filled store : with an empty one' },
];
