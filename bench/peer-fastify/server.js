// POST /messaging/v1/messages as a Node developer would build it: Fastify with JSON schemas, better-sqlite3, the same
// tables and rows, and the same promise: 200 follows the fsync of its commit (WAL, synchronous=FULL).
//   node server.js --db FILE --mode each|group [--customers N]
// each: a transaction per request. group: requests that arrived meanwhile share one (a batch per turn of the loop).
// Prints "listening on http://127.0.0.1:PORT" and "token …".
import fs from 'node:fs';
import crypto from 'node:crypto';
import { parseArgs } from 'node:util';
import Fastify from 'fastify';
import Database from 'better-sqlite3';
import { createSigner, createVerifier } from 'fast-jwt';

const { values: options } = parseArgs({
  options: { db: { type: 'string' }, mode: { type: 'string', default: 'each' }, customers: { type: 'string', default: '10000' } },
});
const CHANNEL = 1;
const INSTANCE = 1;
const SERVICE = 1;
const [IN, HISTORY] = [0, 2];
const [OPENED, RECEIVED, TOLD] = [1, 10, 12];
const QUEUED = 1;

// ---- the store ----

const db = new Database(options.db);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.pragma('cache_size = -16000');
db.pragma('foreign_keys = ON');
db.pragma('temp_store = MEMORY');
db.exec(fs.readFileSync(new URL('../../sql/migrate/0001_start.sql', import.meta.url), 'utf8').replaceAll('@ID@', 'INTEGER PRIMARY KEY').replaceAll('@BYTES@', 'BLOB'));

const findCustomer = db.prepare('SELECT id, open_interaction_id AS open FROM customer WHERE channel_id = ? AND ext_id = ?');
const insertCustomer = db.prepare(`INSERT INTO customer (instance_id, channel_id, ext_id, name, open_interaction_id, created_at)
  VALUES (${INSTANCE}, ?, ?, ?, 0, ?)`);
const setOpen = db.prepare('UPDATE customer SET open_interaction_id = ? WHERE id = ?');
const insertInteraction = db.prepare(`INSERT INTO interaction (instance_id, channel_id, customer_id, service_id, state, agent_id,
  previous_id, version, opened_at, state_at, closed_at) VALUES (${INSTANCE}, ?, ?, ${SERVICE}, ${QUEUED}, 0, 0, 1, ?, ?, 0)`);
const insertMessage = db.prepare(`INSERT INTO message (instance_id, interaction_id, customer_id, direction, ext_id, created_at,
  stored_at, sender_type, sender_id, sender_name, recipient_type, recipient_id, recipient_name, agent_id, text, rich_content,
  metadata, attachments) VALUES (${INSTANCE}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, 0) ON CONFLICT DO NOTHING`);
const insertEvent = db.prepare('INSERT INTO event (at, kind, interaction_id, ref_id, agent_id) VALUES (?, ?, ?, ?, 0)');

const partyType = (party) => (party.type === 'bot' ? 1 : 0);
const kept = (value) => (value === undefined || value === null ? null : JSON.stringify(value));

function customerOf(channel, m, now) {
  const found = findCustomer.get(channel, m.customer_id);
  if (found && found.open) return found;
  const customer = found ?? { id: insertCustomer.run(channel, m.customer_id, (m.sender.id === m.customer_id ? m.sender.name : m.recipient?.name) ?? '', now).lastInsertRowid };
  customer.open = insertInteraction.run(channel, customer.id, now, now).lastInsertRowid;
  setOpen.run(customer.open, customer.id);
  insertEvent.run(now, OPENED, customer.open, 0);
  return customer;
}

function store(channel, messages) {
  const now = Date.now();
  for (const m of messages) {
    const { id, open } = customerOf(channel, m, now);
    const r = m.recipient;
    const done = insertMessage.run(open, id, r ? HISTORY : IN, m.id, m.created_at, now, partyType(m.sender), m.sender.id, m.sender.name ?? null,
      r ? partyType(r) : null, r ? r.id : null, r ? r.name ?? null : null, m.body.message, kept(m.body.rich_content), kept(m.metadata));
    if (done.changes) insertEvent.run(now, r ? TOLD : RECEIVED, open, done.lastInsertRowid);
  }
}

const storeOne = db.transaction(store);
const storeAll = db.transaction((jobs) => { for (const job of jobs) store(job.channel, job.messages); });

let waiting = [];
function flush() {
  const jobs = waiting;
  waiting = [];
  try {
    storeAll(jobs);
    for (const job of jobs) job.resolve();
  } catch {
    // One of them cannot be stored: each by itself then.
    for (const job of jobs) {
      try {
        storeOne(job.channel, job.messages);
        job.resolve();
      } catch (e) {
        job.reject(e);
      }
    }
  }
}
const storeTogether = (channel, messages) => new Promise((resolve, reject) => {
  waiting.push({ channel, messages, resolve, reject });
  if (waiting.length === 1) setImmediate(flush);
});
const submit = options.mode === 'group' ? storeTogether : storeOne;

// ---- the contract ----

const text = (minLength, maxLength) => ({ type: 'string', minLength, maxLength });
const party = {
  type: 'object', required: ['type', 'id'],
  properties: { type: { enum: ['human', 'bot'] }, id: text(1, 255), name: { type: ['string', 'null'], maxLength: 255 } },
};
const attachment = {
  type: 'object', required: ['id', 'name', 'mime_type', 'content'],
  properties: {
    id: text(0, 255), name: text(0, 255), mime_type: text(3, 255),
    content: { type: 'object', required: ['type', 'data'], properties: { type: { enum: ['url', 'base64'] }, data: { type: 'string' } } },
  },
};
const message = {
  type: 'object', required: ['id', 'created_at', 'customer_id', 'sender', 'body'],
  properties: {
    id: text(1, 255), created_at: { type: 'integer', minimum: 0, maximum: 253402300799 }, customer_id: text(1, 255), sender: party, recipient: party,
    body: {
      type: 'object', required: ['message'],
      properties: { message: text(0, 262144), attachments: { type: 'array', maxItems: 20, items: attachment }, rich_content: { type: ['string', 'object', 'null'] } },
    },
    metadata: { type: ['object', 'null'] },
  },
};
const body = { type: 'object', required: ['messages'], properties: { messages: { type: 'array', minItems: 1, maxItems: 1000, items: message } } };

/** What a schema does not say: who the customer is in a history, and that there is something to read. */
function problemOf(messages) {
  for (let i = 0; i < messages.length; i++) {
    const m = messages[i];
    if (m.recipient && m.customer_id !== m.sender.id && m.customer_id !== m.recipient.id) return { path: `messages[${i}].customer_id`, problem: 'must be the id of the sender or of the recipient' };
    if (m.body.message === '' && !m.body.attachments?.length && !m.body.rich_content) return { path: `messages[${i}].body.message`, problem: 'must not be empty' };
  }
  return null;
}

const key = crypto.randomBytes(32);
const verify = createVerifier({ key, algorithms: ['HS256'], cache: true, allowedIss: 'peer', allowedAud: 'messaging' });

const app = Fastify({ logger: false, bodyLimit: 48 << 20, ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } } });
app.setErrorHandler((error, request, reply) => {
  const status = error.validation ? 400 : error.statusCode ?? 500;
  const details = error.validation?.map((v) => ({ path: v.instancePath, problem: v.message })) ?? error.details;
  reply.code(status).send({ error: status === 500 ? 'internal_error' : 'invalid_request', details });
});
app.decorateRequest('channel', 0);
app.post('/messaging/v1/messages', {
  schema: { body, response: { 200: { type: 'object', properties: {} } } },
  onRequest(request, reply, next) {
    const authorization = request.headers.authorization;
    try {
      if (!authorization?.startsWith('Bearer ')) throw new Error('no token');
      request.channel = verify(authorization.slice(7)).channel;
      next();
    } catch {
      reply.code(401).header('WWW-Authenticate', 'Bearer error="invalid_token"').send({ error: 'invalid_token' });
    }
  },
  async handler(request) {
    const problem = problemOf(request.body.messages);
    if (problem) throw Object.assign(new Error(), { statusCode: 400, details: [problem] });
    await submit(request.channel, request.body.messages);
    return {};
  },
});

// ---- start ----

db.exec(`INSERT INTO instance (id, name, created_at) VALUES (1, 'Peer', 0); INSERT INTO service (id, instance_id, name, priority, created_at) VALUES (1, 1, 'S', 0, 0)`);
db.transaction(() => {
  for (let n = 0; n < Number(options.customers); n++) {
    const id = `customer-${String(n).padStart(7, '0')}`;
    customerOf(CHANNEL, { customer_id: id, sender: { id, name: 'Anna Example' } }, Date.now());
  }
})();
const sign = createSigner({ key, algorithm: 'HS256', expiresIn: 86_400_000, iss: 'peer', aud: 'messaging' });
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`token ${sign({ channel: CHANNEL })}\nlistening on ${url}\n`);
process.on('SIGTERM', () => process.exit(0));
