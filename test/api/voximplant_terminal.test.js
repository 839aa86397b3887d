// Both ends of a custom channel on the terminal: guichet send and guichet listen with --kind voximplant, and the account's tokens.
import { describe, it, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import { BINARY, cli, cliJson, eventually, request, unique } from '../lib/server.js';
import { event, kitDemo, makeChannel, setChannel } from '../lib/kit.js';

const started = new Set();
after(() => { for (const child of started) child.kill('SIGKILL'); });

/** guichet listen on a free port; out and err grow as it runs. */
async function listen(args) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([k]) => !k.startsWith('GUICHET_')));
  const child = spawn(BINARY, ['listen', '--port', '0', '--kind', 'voximplant', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const self = { out: '', err: '', over: new Promise((resolve) => child.on('close', (code) => resolve(code))), stop() { child.kill('SIGTERM'); return self.over; } };
  started.add(child);
  child.stdout.setEncoding('utf8').on('data', (t) => (self.out += t));
  child.stderr.setEncoding('utf8').on('data', (t) => (self.err += t));
  self.url = await eventually(() => /listening on (http:\S+)/.exec(self.out + self.err)?.[1], { what: 'listen is ready' });
  self.lines = () => self.out.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  return self;
}

describe('A custom channel on the terminal', () => {
  let d;
  before(async () => { d = await kitDemo(); });
  after(() => d.stop());
  const keys = () => ['--salt', d.channel.salt, '--token', d.channel.access_token];
  const sending = (...args) => ['send', '--kind', 'voximplant', '--url', d.server.url, '--channel', d.channel.uuid, '--domain', d.channel.domain, '--access-token', d.channel.access_token, ...args];

  it('send, reply, listen, close: the whole way', async () => {
    const h = await listen([...keys(), '--json', '--count', '2']);
    await cliJson(['channel', 'set', d.channel.name, '--data', d.dir, '--callback', h.url], { env: { GUICHET_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8' } });
    const client = unique('ann');
    const sent = await cliJson(sending('--customer', client, '--name', 'Ann', '--text', 'Hello « é »', '--id', 'e-1'));
    assert.equal(sent.status, 200);
    assert.deepEqual(sent.answer, { success: true, result: true });
    const again = await cliJson(['send', '--kind', 'voximplant', '--url', d.server.url, '--channel', d.channel.uuid, '--token', sent.access_token, '--customer', client, '--text', 'x', '--id', 'e-1']);
    assert.equal(again.status, 200, 'a retry with the token from before');
    const { interaction, messages } = await d.only(client);
    assert.deepEqual(messages.map((m) => [m.text, m.sender.name]), [['Hello « é »', 'Ann']]);
    await d.agent.reply(interaction.id, 'Hi Ann');
    await d.agent.close(interaction.id);
    assert.equal(await h.over, 0, h.err);
    const [check, message, close] = h.lines();
    assert.deepEqual([check.message, check.signature, check.status], [null, 'right', 200]);
    assert.deepEqual([message.message.event_data.message.text, message.signature, message.status], ['Hi Ann', 'right', 200]);
    assert.match(message.authorization, /^[0-9a-f]{32}$/);
    assert.deepEqual([close.message.event_data.close_reason, close.signature], ['CLOSED_BY_UNKNOWN_REASON', 'right']);
  });
  it('answers OK as the samples do, and tells a wrong signature from a missing one', async () => {
    const h = await listen([...keys(), '--json']);
    const body = JSON.stringify(event());
    const md5 = (text) => crypto.createHash('md5').update(text).digest('hex');
    const right = await request(h.url, { method: 'POST', body, headers: { Authorization: md5(`${d.channel.salt}:${d.channel.access_token}:${JSON.parse(body).event_id}`) } });
    assert.deepEqual([right.status, right.text, right.headers['content-type']], [200, 'OK', 'text/plain']);
    assert.equal((await request(h.url, { method: 'POST', body, headers: { Authorization: md5('x') } })).status, 401);
    assert.equal((await request(h.url, { method: 'POST', body })).status, 401);
    assert.equal((await request(h.url)).status, 401);
    assert.equal((await request(h.url, { headers: { Authorization: md5(`${d.channel.salt}:${d.channel.access_token}`) } })).status, 200);
    await eventually(() => h.out.split('\n').length > 5);
    assert.deepEqual(h.lines().map((l) => l.signature), ['right', 'wrong', 'missing', 'missing', 'right']);
    assert.equal(await h.stop(), 1, 'the exit code tells');
  });
  it('for people: who, what, items, ends; nothing of it moves the cursor', async () => {
    const h = await listen([]);
    await setChannel(d.dir, d.channel, '--callback', h.url);
    const client = unique('bob');
    await d.kit.sendOk(event({ client, text: 'hi', payload: [{ type: 'location', latitude: 1, longitude: 2, address: 'Rue \u001b[31m1' }] }));
    const { interaction } = await d.only(client);
    await d.agent.reply(interaction.id, { text: 'see \u001b[2Jthis', attachments: [{ name: 'a.png', mime_type: 'image/png', data: 'eA==' }] });
    await d.agent.close(interaction.id);
    await eventually(() => h.out.includes('CLOSED_BY_UNKNOWN_REASON'));
    assert.match(h.out, /send_message/);
    assert.match(h.out, /\[photo, a\.png\] http:/);
    assert.ok(!h.out.includes('\u001b'));
    assert.equal(await h.stop(), 0);
    const shown = await cli(['timeline', interaction.id, '--url', d.server.url, '--token', d.token]);
    assert.match(shown.stdout, /\[location, address Rue /);
    assert.ok(!shown.stdout.includes('\u001b'));
  });
  it('what is wrong is said in one sentence', async () => {
    for (const [args, code, text] of [
      [['listen', '--kind', 'nothing'], 2, /--kind: "nothing" is not one of kiamo_io, voximplant/],
      [['listen', '--kind', 'voximplant', '--salt', 'x'], 2, /--salt and --token go together/],
      [['listen', '--kind', 'voximplant', '--secret', 'x'], 2, /--secret belongs to --kind kiamo_io/],
      [['listen', '--salt', 'x'], 2, /--salt belongs to --kind voximplant/],
      [['send', '--kind', 'x'], 2, /is not one of kiamo_io, voximplant/],
      [['send', '--kind', 'voximplant', '--text', 'x'], 2, /--channel is missing/],
      [['send', '--kind', 'voximplant', '--channel', 'x', '--customer', 'y', '--text', 'z'], 2, /--domain is missing/],
      [sending('--text', 'x', '--customer', 'y', '--file', '/etc/hostname'), 2, /--file belongs to --kind kiamo_io/],
      [sending('--text', 'x', '--customer', 'y', '--access-token', 'wrong'), 4, /401: the access token is not one of this account/],
      [sending('--text', 'x', '--customer', 'y', '--channel', crypto.randomUUID()), 3, /404: there is no such channel/],
      [['channel', 'show', 'nobody', '--data', d.dir], 3, /there is no channel "nobody"/],
      [['channel', 'show', 'demo-bot', '--data', d.dir], 3, /there is no channel "demo-bot"/],
      [['connector', 'show', d.channel.name, '--data', d.dir], 3, /there is no connector/],
      [['channel', 'create', '--data', d.dir, '--name', d.channel.name, '--callback', 'http://x/', '--anyway'], 4, /--name: is already in use/],
      [['channel', 'create', '--data', d.dir, '--name', 'c', '--callback', 'ftp://x/', '--anyway'], 4, /--callback: must be an http/],
      [['channel', 'create', '--data', d.dir, '--name', 'c', '--callback', 'http://x/', '--anyway', '--token', 'nobody'], 3, /no account token "nobody"/],
      [['channel', 'set', d.channel.name, '--data', d.dir], 2, /nothing to set/],
      [['account-token', 'disable', 'nobody', '--data', d.dir], 3, /no account token "nobody"/],
    ]) {
      const r = await cli(args);
      assert.equal(r.code, code, `${args.join(' ')}\n${r.stderr}`);
      assert.match(r.stderr, text);
    }
  });
  it('doctor finds a channel that cannot sign', async () => {
    const made = await cliJson(['account-token', 'create', '--data', d.dir, '--name', unique('doctor')]);
    const channel = await makeChannel(d.dir, { args: ['--token', String(made.id)] });
    const check = async () => (await cli(['doctor', '--data', d.dir, '--json', '--listen', `127.0.0.1:${d.server.port}`])).json.checks.find((c) => c.check === `webhook of ${channel.name}`);
    assert.doesNotMatch((await check()).found, /token/);
    await cliJson(['account-token', 'disable', String(made.id), '--data', d.dir]);
    assert.match((await check()).found, /token that it signs with is disabled/);
    assert.equal((await check()).result, 'fail');
  });
  it('account tokens and channels: create, list, disable, enable', async () => {
    const name = unique('token');
    const made = await cliJson(['account-token', 'create', '--data', d.dir, '--name', name]);
    assert.deepEqual(Object.keys(made).sort(), ['access_token', 'domain', 'id']);
    assert.match(made.access_token, /^[0-9a-f]{64}$/);
    const row = async () => (await cliJson(['account-token', 'list', '--data', d.dir])).items.find((t) => t.id === made.id);
    assert.deepEqual([(await row()).name, (await row()).enabled], [name, true]);
    await cliJson(['account-token', 'disable', name, '--data', d.dir]);
    assert.equal((await row()).enabled, false);
    assert.equal((await cli(['channel', 'set', d.channel.name, '--data', d.dir, '--token', name])).code, 4);
    await cliJson(['account-token', 'enable', String(made.id), '--data', d.dir]);
    assert.equal((await row()).enabled, true);
    const shown = await cliJson(['channel', 'show', d.channel.uuid, '--data', d.dir]);
    assert.deepEqual([shown.name, shown.kind, shown.uuid, shown.enabled, shown.access_lifetime, shown.refresh_lifetime], [d.channel.name, 'voximplant', d.channel.uuid, true, 900, 86_400]);
    const connectors = (await cliJson(['connector', 'list', '--data', d.dir])).items.map((c) => c.name);
    assert.deepEqual(connectors, ['demo-bot'], 'each kind in its own list');
  });
});
