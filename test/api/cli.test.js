// The command line: what every command promises in its help, and what it does to the store.
import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { ID, isNumber, ends, start, filesIn, assertNowhere } from '../lib/commands.js';
import { ONLY_SQLITE, SLOW, agent, assertNoReport, cli, cliJson, demo, demoData, eventually, login, message, newDataDir, newFolder, partner, request, sink, unique } from '../lib/server.js';

// ---- help -------------------------------------------------------------------------------------------------------------------

/** What the page says: [{name, flags, settings}]. */
async function documented() {
  const { stdout } = await ends(0, ['help', '--markdown']);
  return stdout.split(/^## guichet /m).slice(1).map((section) => ({
    name: section.split('\n')[0],
    flags: [...section.matchAll(/^\| `(--[a-z-]+)/gm)].map((m) => m[1]),
    settings: section.includes('every setting as a flag'),
  }));
}

describe('Help', () => {
  let commands;
  before(async () => { commands = await documented(); });

  it('every command has --help that names all its flags and the exit codes', async () => {
    assert.ok(commands.length >= 35, `${commands.length} commands`);
    const settings = Object.keys((await cliJson(['serve', '--data', 'unused', '--print-config'])));
    assert.ok(settings.length > 15);
    for (const { name, flags, settings: takesSettings } of commands) {
      const { stdout } = await ends(0, [...name.split(' '), '--help']);
      const wanted = [...flags, '--help', ...(takesSettings ? ['--config', ...settings.map((s) => `--${s.replaceAll('_', '-')}`)] : [])];
      for (const flag of wanted) assert.match(stdout, new RegExp(`^  ${flag}(\\s|$)`, 'm'), `guichet ${name} --help names ${flag}`);
      assert.match(stdout, new RegExp(`^Usage: guichet ${name}`, 'm'));
      assert.match(stdout, /^Exit codes: 0 /m);
      assert.equal((await ends(0, ['help', ...name.split(' ')])).stdout, stdout, 'help COMMAND is COMMAND --help');
    }
  });

  it('the overview names every command; without a command it is wrong usage', async () => {
    const { stdout } = await ends(0, ['help']);
    for (const { name } of commands) assert.match(stdout, new RegExp(`^  ${name} +\\S`, 'm'));
    assert.equal((await ends(0, ['--help'])).stdout, stdout);
    const bare = await cli([]);
    assert.equal(bare.code, 2);
    assert.equal(bare.stdout, '');
    assert.match(bare.stderr, /Usage: guichet COMMAND/);
  });

  it('a group of commands is listed by its first word', async () => {
    const { stdout } = await ends(0, ['connector', '--help']);
    for (const { name } of commands) assert.equal(stdout.includes(`  ${name} `), name.startsWith('connector '));
    assert.equal((await ends(0, ['help', 'connector'])).stdout, stdout);
  });

  for (const [page, flag] of [['COMMANDS', '--markdown'], ['SETTINGS', '--settings']]) {
    it(`doc/${page}.md is what the program prints`, async () => {
      const { stdout } = await ends(0, ['help', flag]);
      assert.equal(fs.readFileSync(new URL(`../../doc/${page}.md`, import.meta.url), 'utf8'), stdout, `run: build/guichet help ${flag} > doc/${page}.md`);
    });
  }

  it('completion is a bash script that completes words and flags', async () => {
    const { stdout } = await ends(0, ['completion']);
    const complete = (...words) => execFileSync('bash', ['-c', `${stdout}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _guichet; printf '%s\\n' "\${COMPREPLY[@]}"`, 'bash', ...words], { encoding: 'utf8' }).split('\n').filter(Boolean);
    assert.deepEqual(complete('guichet', 'conn'), ['connector']);
    assert.deepEqual(complete('guichet', 'connector', 'r'), ['rotate-secret']);
    assert.deepEqual(complete('guichet', 'connector', 'create', '--web'), ['--webhook']);
    assert.deepEqual(complete('guichet', 'send', '--cust'), ['--customer']);
    assert.deepEqual(complete('guichet', 'serve', '--delivery-t'), ['--delivery-timeout']);
  });

  const wrong = [
    [['conector'], /no command "conector"; did you mean "connector"\?/],
    [['versoin'], /did you mean "version"\?/],
    [['xyzzy'], /no command "xyzzy"; guichet help lists them/],
    [['connector'], /say what to do: create, list, show, set, rotate-secret, enable, disable/],
    [['connector', 'lst'], /no "lst"; did you mean "list"\?/],
    [['connector', 'explode'], /no "explode"; there is create, list/],
    [['--json', 'version'], /the command comes first/],
    [['connector', 'create', '--nmae', 'x'], /no flag --nmae; did you mean --name\?/],
    [['connector', 'create', '--web', 'x'], /no flag --web; did you mean --webhook\?/],
    [['serve', '--lisen', 'x'], /no flag --lisen; did you mean --listen\?/],
    [['version', '--xyzzy'], /no flag --xyzzy; --help lists/],
    [['version', '-j'], /no flag -j/],
    [['connector', 'create', '--data', 'x'], /--name NAME is missing/],
    [['connector', 'create', '--name'], /--name needs its NAME/],
    [['version', '--json=yes'], /--json takes no value/],
    [['version', 'more'], /"more" is one word too many/],
    [['connector', 'show', '--data', 'x'], /CONNECTOR is missing/],
    [['listen', '--port', '70000'], /--port takes a whole number from 0 to 65535, not "70000"/],
    [['listen', '--status', '500', '--rate', '1.5'], /--rate takes a share from 0 to 1/],
    [['listen', '--rate', '0.5'], /--rate needs --status/],
    [['listen', '--delay', 'soon'], /--delay takes a time/],
    [['connector', 'create', '--name', 'x', '--show-agent', 'perhaps'], /--show-agent takes true or false/],
    [['connector', 'list'], /--data DIR is missing.*GUICHET_DATA/],
    [['send', '--client-id', 'x', '--client-secret', 'y', '--customer', 'z'], /nothing to send: give --text, --file or --history/],
    [['send', '--client-secret', 'y', '--customer', 'z', '--text', 't'], /--client-id is missing/],
    [['send', '--client-id', 'y', '--text', 't'], /--customer is missing/],
    [['reply', '--token', 'x', 'ID'], /nothing to send/],
    [['interactions'], /--token TOKEN is missing/],
    [['serve', '--data', 'x', '--threads', 'many'], /threads: "many" is not a whole number/],
    [['help', 'conector'], /did you mean "connector"\?/],
  ];
  for (const [args, sentence] of wrong) {
    it(`wrong usage: guichet ${args.join(' ')}`, async () => {
      const r = await ends(2, args);
      assert.match(r.stderr, sentence);
      assert.equal(r.stdout, '');
    });
  }
  it('what a terminal would act on is not echoed', async () => {
    for (const args of [['\x1b[31mred'], ['version', '--\x1b]0;title\x07'], ['version', 'a\u009bm'], ['connector', 'show', '\u202etxt', '--data', newFolder()]]) {
      const r = await cli(args);
      assert.notEqual(r.code, 0);
      assert.doesNotMatch(r.stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/u);
    }
  });
  it('says its version', async () => {
    const v = await cliJson(['version']);
    assert.match((await ends(0, ['version'])).stdout, new RegExp(`^guichet ${v.version.replaceAll('.', '\\.')}\n$`));
    assert.equal((await ends(0, ['--version'])).stdout, `guichet ${v.version}\n`);
    assert.ok(Date.parse(v.built) > 0);
  });
});

// ---- setup ------------------------------------------------------------------------------------------------------------------

describe('init', () => {
  it('makes a folder for its owner only, with all that the demo needs', async () => {
    const dir = newDataDir();
    const made = await cliJson(['init', '--data', dir, '--demo', '--name', 'Café Zürich']);
    assert.ok(isNumber(made.instance.id));
    assert.equal(made.instance.name, 'Café Zürich');
    assert.equal(made.admin.login, 'admin');
    assert.match(made.admin.password, /^\S{20,}$/);
    assert.ok(isNumber(made.demo.connector.id));
    assert.match(made.demo.connector.client_id, /^[0-9a-f]{32}$/);
    assert.match(made.demo.connector.client_secret, /^[0-9a-f]{64}$/);
    assert.match(made.demo.token, /^[0-9a-f]{40}$/);
    assert.equal(made.demo.agent.login, 'demo');
    assert.equal(fs.statSync(dir).mode & 0o777, 0o700);
    for (const file of filesIn(dir)) assert.equal(fs.statSync(file).mode & 0o077, 0, file);
    assertNowhere(dir, [made.admin.password, made.demo.agent.password, made.demo.connector.client_secret, made.demo.token]);
    const [connector] = (await cliJson(['connector', 'list', '--data', dir])).items;
    assert.equal(connector.name, 'demo-bot');
    assert.equal(connector.webhook, 'http://127.0.0.1:9099/webhook');
    assert.equal(connector.service.name, 'Customer care');
  });
  it('says what to try next, with what it made', async () => {
    const { stdout } = await ends(0, ['init', '--data', newDataDir(), '--demo']);
    const secret = /client_secret +(\w+)/.exec(stdout)[1];
    const token = /API token +(\w+)/.exec(stdout)[1];
    for (const line of [/ serve --data .*--allow-private-targets/, new RegExp(` listen --port 9099 --secret ${secret}`), new RegExp(` send .*--client-secret ${secret}`), new RegExp(` reply --token ${token}`), /curl -s http/]) assert.match(stdout, line);
    assert.doesNotMatch(stdout, /\x1b/, 'no colour into a pipe');
  });
  it('never touches a store that is there', ONLY_SQLITE, async () => {
    const { dir } = await demoData();
    const before_ = crypto.createHash('sha256').update(fs.readFileSync(path.join(dir, 'master.key'))).digest('hex');
    assert.match((await ends(4, ['init', '--data', dir, '--demo'])).stderr, /already a store/);
    assert.equal(crypto.createHash('sha256').update(fs.readFileSync(path.join(dir, 'master.key'))).digest('hex'), before_);
  });
  it('without the demo there is an administrator and nothing else', async () => {
    const dir = newDataDir();
    const made = await cliJson(['init', '--data', dir]);
    assert.equal(made.demo, undefined);
    assert.deepEqual((await cliJson(['connector', 'list', '--data', dir])).items, []);
    assert.deepEqual((await cliJson(['token', 'list', '--data', dir])).items, []);
    const people = (await cliJson(['agent', 'list', '--data', dir])).items;
    assert.deepEqual(people.map((p) => [p.login, p.profile]), [['admin', 'administrator']]);
  });
});

describe('Setup', () => {
  let d;
  const run = (args, options) => cliJson([...args, '--data', d.dir], options);
  const refused = (code, args, options) => ends(code, [...args, '--data', d.dir], options);
  const text = async (args) => (await ends(0, [...args, '--data', d.dir])).stdout;
  before(async () => { d = await demoData(); });

  it('connector: create, list, show, set, disable, enable', async () => {
    const made = await run(['connector', 'create', '--name', 'Bot Ünï', '--webhook', 'https://partner.example/hook?x=1']);
    assert.deepEqual(Object.keys(made).sort(), ['client_id', 'client_secret', 'id']);
    assert.ok(isNumber(made.id));
    const shown = await run(['connector', 'show', made.id]);
    assert.deepEqual(
      [shown.id, shown.name, shown.kind, shown.enabled, shown.client_id, shown.webhook, shown.show_agent, shown.old_secret_until],
      [made.id, 'Bot Ünï', 'kiamo_io', true, made.client_id, 'https://partner.example/hook?x=1', false, null]);
    assert.deepEqual((await run(['connector', 'list'])).items.find((c) => c.id === made.id), shown);
    assert.deepEqual(await run(['connector', 'show', 'Bot Ünï']), shown, 'by name');
    assert.deepEqual(await run(['connector', 'show', made.client_id]), shown, 'by client id');

    const vip = await run(['service', 'create', '--name', unique('VIP'), '--priority', '1']);
    const plain = await run(['service', 'create', '--name', unique('Plain')]);
    const priorities = Object.fromEntries((await run(['service', 'list'])).items.map((s) => [s.id, s.priority]));
    assert.deepEqual([priorities[vip.id], priorities[plain.id]], [1, 10]);
    await run(['connector', 'set', made.id, '--webhook', '', '--show-agent', 'true', '--service', vip.id]);
    const after_ = await run(['connector', 'show', made.id]);
    assert.deepEqual([after_.name, after_.webhook, after_.show_agent, after_.service.id], ['Bot Ünï', '', true, vip.id]);
    await run(['connector', 'set', made.id, '--name', 'renamed']);
    assert.deepEqual({ ...(await run(['connector', 'show', 'renamed'])) }, { ...after_, name: 'renamed' }, 'the rest stayed');

    await run(['connector', 'disable', made.id]);
    assert.equal((await run(['connector', 'show', made.id])).enabled, false);
    await run(['connector', 'enable', made.id]);
    assert.equal((await run(['connector', 'show', made.id])).enabled, true);
  });
  it('a secret is shown when it is made and never again', async () => {
    const made = await run(['connector', 'create', '--name', unique('secretive')]);
    const rotated = await run(['connector', 'rotate-secret', made.id]);
    assert.match(rotated.client_secret, /^[0-9a-f]{64}$/);
    assert.notEqual(rotated.client_secret, made.client_secret);
    assert.equal(rotated.client_id, made.client_id);
    assert.ok(Date.parse(rotated.old_secret_until) > Date.now() + 59 * 60_000);
    const token = await run(['token', 'create', '--label', unique('t'), '--rights', 'interaction:GET']);
    const person = await run(['agent', 'create', '--login', unique('p')]);
    const secrets = [made.client_secret, rotated.client_secret, token.token, person.password];
    const later = [await text(['connector', 'list']), await text(['connector', 'show', made.id]), await text(['token', 'list']), await text(['agent', 'list']),
      ...(await Promise.all(['connector', 'token', 'agent'].map((what) => run([what, 'list'])))).map((j) => JSON.stringify(j)), JSON.stringify(await run(['connector', 'show', made.id]))].join('\n');
    for (const secret of secrets) assert.ok(!later.includes(secret), 'a secret is shown again');
    assertNowhere(d.dir, secrets);
    const at_once = await run(['connector', 'rotate-secret', made.id, '--keep-old', '0s']);
    assert.equal(at_once.old_secret_until, null);
  });
  it('agent: create, list, set-password, disable, enable', async () => {
    const who = unique('anna');
    const made = await run(['agent', 'create', '--login', who, '--first-name', 'Anna', '--last-name', 'Ågren', '--profile', 'supervisor', '--password-stdin'], { input: 'correct horse battery\n' });
    assert.ok(isNumber(made.id));
    assert.equal(made.password, undefined, 'a password that the person knows is not printed');
    const row = async () => (await run(['agent', 'list'])).items.find((a) => a.id === made.id);
    const { created_at, ...rest } = await row();
    assert.ok(Math.abs(Date.parse(created_at) - Date.now()) < 60_000 * SLOW);
    assert.deepEqual(rest, { id: made.id, login: who, name: 'Anna Ågren', profile: 'supervisor', enabled: true });
    await run(['agent', 'disable', who]);
    assert.equal((await row()).enabled, false);
    await run(['agent', 'enable', made.id]);
    assert.equal((await row()).enabled, true);
    assert.match((await run(['agent', 'set-password', who])).password, /^\S{20,}$/);
    assert.equal((await run(['agent', 'set-password', who, '--password-stdin'], { input: 'another one entirely' })).password, undefined);
    assertNowhere(d.dir, ['correct horse battery', 'another one entirely']);
  });
  it('token: create, list, disable, enable', async () => {
    const label = unique('reporting');
    const made = await run(['token', 'create', '--label', label, '--rights', 'interaction:GET,POST;agent:GET']);
    assert.match(made.token, /^[0-9a-f]{40}$/);
    const row = async () => (await run(['token', 'list'])).items.find((t) => t.id === made.id);
    const first = await row();
    assert.equal(first.label, label);
    assert.equal(first.rights, 'agent:GET;interaction:GET,POST');
    assert.equal(first.last_used_at, null);
    await run(['token', 'disable', label]);
    assert.equal((await row()).enabled, false);
    await run(['token', 'enable', made.id]);
    assert.equal((await row()).enabled, true);
    await run(['token', 'create', '--label', label, '--rights', 'interaction:GET']);
    assert.match((await refused(3, ['token', 'disable', label])).stderr, /2 tokens are labelled.*by its id/);
  });
  it('an instance sees nothing of another', async () => {
    const name = unique('Second');
    await run(['instance', 'create', '--name', name]);
    assert.ok((await run(['instance', 'list'])).items.some((i) => i.name === name && isNumber(i.id)));
    for (const what of ['connector', 'agent', 'token', 'service', 'deliveries']) assert.deepEqual((await run([what, 'list', '--instance', name])).items, [], what);
    await refused(3, ['connector', 'show', d.connector.id, '--instance', name]);
    await refused(3, ['connector', 'disable', 'demo-bot', '--instance', name]);
    await refused(3, ['agent', 'disable', 'demo', '--instance', name]);
    await refused(3, ['connector', 'create', '--name', 'x', '--service', 'Customer care', '--instance', name]);
    const other = await run(['connector', 'create', '--name', 'demo-bot', '--instance', name]);
    assert.notEqual(other.id, d.connector.id);
    await refused(3, ['connector', 'show', other.id]);
  });

  const refusals = [
    [4, ['connector', 'create', '--name', 'demo-bot'], /--name: is already in use/],
    [4, ['connector', 'create', '--name', ''], /--name: must be 1 to 100 characters/],
    [4, ['connector', 'create', '--name', 'a\u0007b'], /--name: must be/],
    [4, ['connector', 'create', '--name', 'x'.repeat(101)], /--name: must be/],
    [4, ['connector', 'create', '--name', 'w', '--webhook', 'ftp://x'], /--webhook: must be an http/],
    [4, ['connector', 'create', '--name', 'w', '--webhook', 'http://user:pw@host/'], /--webhook: .*without user and password/],
    [3, ['connector', 'create', '--name', 'w', '--service', 'nope'], /no service "nope"/],
    [2, ['connector', 'set', 'demo-bot'], /nothing to set/],
    [3, ['connector', 'show', 'nope'], /no connector "nope".*connector list/],
    [3, ['connector', 'show', '99999'], /no connector/],
    [3, ['connector', 'list', '--instance', 'Nowhere'], /--instance: there is no instance "Nowhere"/],
    [4, ['agent', 'create', '--login', 'demo'], /--login: is already in use/],
    [2, ['agent', 'create', '--login', 'k', '--profile', 'king'], /--profile is agent, supervisor or administrator/],
    [4, ['agent', 'create', '--login', 'k', '--password-stdin'], /password: must be 8 to 1000/, { input: 'short\n' }],
    [2, ['agent', 'create', '--login', 'k', '--password-stdin'], /no password on standard input/],
    [3, ['agent', 'disable', 'nobody'], /no agent "nobody"/],
    [2, ['token', 'create', '--label', 'l', '--rights', 'nope:GET'], /--rights: "nope" is not one of/],
    [2, ['token', 'create', '--label', 'l', '--rights', ''], /--rights/],
    [2, ['token', 'create', '--label', 'l', '--rights', 'administration:PATCH'], /--rights/],
    [3, ['token', 'disable', 'none'], /no token "none"/],
    [2, ['service', 'create', '--name', 's', '--priority', '11'], /--priority takes a whole number from 1 to 10/],
    [4, ['service', 'create', '--name', 'Customer care'], /--name: is already in use/],
    [3, ['deliveries', 'show', '000000010000000000000001'], /no delivery/],
    [3, ['deliveries', 'replay', 'zzz'], /no delivery "zzz"/],
    [2, ['deliveries', 'replay'], /say which/],
    [2, ['deliveries', 'list', '--state', 'lost'], /--state is pending, parked or delivered/],
  ];
  for (const [code, args, sentence, options] of refusals) {
    it(`${code}: guichet ${args.join(' ').slice(0, 80)}`, async () => {
      const before_ = JSON.stringify(await Promise.all(['connector', 'agent', 'token', 'service'].map((w) => run([w, 'list']))));
      assert.match((await refused(code, args, options)).stderr, sentence);
      const r = await refused(code, [...args, '--json'], options);
      assert.equal(r.stdout, '', 'nothing on standard output');
      assert.equal(JSON.stringify(await Promise.all(['connector', 'agent', 'token', 'service'].map((w) => run([w, 'list'])))), before_, 'nothing changed');
    });
  }
  it('takes the folder from GUICHET_DATA, and --data wins', async () => {
    const env = { GUICHET_DATA: d.dir };
    assert.equal((await cliJson(['connector', 'show', 'demo-bot'], { env })).id, d.connector.id);
    assert.match((await ends(3, ['connector', 'list', '--data', newFolder()], { env })).stderr, /no store in/);
    assert.ok((await cliJson(['serve', '--print-config'], { env })).listen, 'it is no unknown setting');
  });
  it('an id goes before a name that looks like one', async () => {
    const odd = await run(['connector', 'create', '--name', String(d.connector.id)]);
    assert.equal((await run(['connector', 'show', d.connector.id])).name, 'demo-bot');
    assert.equal((await run(['connector', 'show', odd.client_id])).name, String(d.connector.id));
  });
  it('many commands at once lose nothing', async () => {
    const names = Array.from({ length: 12 }, () => unique('crowd'));
    await Promise.all(names.map((name) => run(['service', 'create', '--name', name])));
    const all = (await run(['service', 'list'])).items.map((s) => s.name);
    for (const name of names) assert.ok(all.includes(name), name);
  });
});

// ---- listen -----------------------------------------------------------------------------------------------------------------

describe('listen', () => {
  const SECRET = 'a secret with ünïcode';
  const sign = (body, secret = SECRET) => crypto.createHmac('sha1', secret).update(body).digest('hex');
  async function hook(...args) {
    const self = start(['listen', '--port', '0', ...args]);
    self.url = await eventually(() => /listening on (http:\S+)/.exec(self.out + self.err)?.[1], { what: 'listen is ready' });
    self.post = (body, hash = sign(body)) => request(self.url, { method: 'POST', body, headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...(hash ? { 'Body-Hash': hash } : {}) } });
    self.stop = async () => { self.child.kill('SIGTERM'); return self.ended; };
    return self;
  }
  const body = JSON.stringify({
    id: 'm1', created_at: 1700000000, customer_id: 'cust-1', sender: { type: 'human', id: 'kiamo', name: 'Zoë' },
    body: { message: 'Grüße\nzweite Zeile', attachments: [{ id: 'f', name: 'plan.png', mime_type: 'image/png', content: { type: 'url', data: 'http://h/messaging/attachments/u/' } }] },
  });

  it('prints messages readably and says whether the signature is right', async () => {
    const h = await hook('--secret', SECRET);
    const good = await h.post(body);
    assert.deepEqual([good.status, good.text], [200, '{}']);
    assert.equal((await h.post(body, sign(body, 'other'))).status, 401);
    assert.equal((await h.post(body, null)).status, 401);
    assert.equal((await h.post(body.replace('Zoë', 'Zoe'), sign(body))).status, 401, 'over the exact bytes');
    assert.deepEqual(await h.stop(), { code: 1, signal: null }, 'wrong signatures end in exit code 1');
    for (const part of [/Zoë to cust-1, message m1, signature right, answered 200\n    Grüße\n    zweite Zeile\n    \[plan.png, image\/png\] http:\/\/h\//, /signature wrong, answered 401/, /signature missing, answered 401/]) assert.match(h.out, part);
    assert.match(h.err, /3 of 4 messages had a wrong signature or none/);
  });
  it('shows hostile text harmlessly', async () => {
    const h = await hook();
    const hostile = JSON.stringify({ id: 'x\u001b[2J', customer_id: '\u009b31m', sender: { name: '\u202eevil' }, body: { message: '\u001b]0;title\u0007\rover' } });
    assert.equal((await h.post(hostile, null)).status, 200);
    assert.equal((await h.post('not \x1b[31m json', null)).status, 200);
    assert.deepEqual(await h.stop(), { code: 0, signal: null });
    assert.doesNotMatch(h.out, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/u);
    assert.match(h.out, /signature unchecked/);
  });
  it('--json prints one line a message, --count ends it', async () => {
    const h = await hook('--secret', SECRET, '--json', '--count', '3');
    const pretty = JSON.stringify(JSON.parse(body), null, 2);
    await h.post(body);
    await h.post(pretty);
    await h.post('no json');
    assert.deepEqual(await h.ended, { code: 0, signal: null });
    const lines = h.lines().map((l) => JSON.parse(l));
    assert.deepEqual(lines.map((l) => [l.signature, l.status]), [['right', 200], ['right', 200], ['right', 200]]);
    assert.deepEqual(lines[0].message, JSON.parse(body));
    assert.deepEqual(lines[1].message, JSON.parse(body));
    assert.deepEqual([lines[2].message, lines[2].body], [null, 'no json']);
    assert.equal(lines[0].body_hash, sign(body));
  });
  it('misbehaves on request', async () => {
    const always = await hook('--status', '503');
    assert.equal((await always.post(body)).status, 503);
    await always.stop();
    const never = await hook('--status', '503', '--rate', '0');
    for (let i = 0; i < 20; i++) assert.equal((await never.post(body)).status, 200);
    await never.stop();
    const half = await hook('--status', '500', '--rate', '0.5');
    const seen = await Promise.all(Array.from({ length: 100 }, async () => (await half.post(body)).status));
    const bad = seen.filter((s) => s === 500).length;
    assert.ok(bad >= 15 && bad <= 85 && seen.every((s) => s === 500 || s === 200), `${bad} of 100`);
    await half.stop();
  });
  it('answers late without holding a thread, and answers what it holds when it ends', async () => {
    const h = await hook('--delay', '500ms');
    const begun = process.hrtime.bigint();
    const answers = await Promise.all(Array.from({ length: 20 }, () => h.post(body)));
    const took = Number(process.hrtime.bigint() - begun) / 1e6;
    assert.ok(answers.every((a) => a.status === 200));
    assert.ok(took >= 490, `${took} ms`);
    await h.stop();
    const late = await hook('--delay', '1h');
    const held = late.post(body);
    await eventually(() => late.out.includes('message m1'), { what: 'the message is printed before its answer' });
    assert.deepEqual(await late.stop(), { code: 0, signal: null });
    assert.equal((await held).status, 200);
  });
  it('takes as many connections as the system allows, not as many as a shell is given', async () => {
    const h = start(['listen', '--port', '0'], ['bash', '-c', 'ulimit -Sn 256; exec "$@"', 'bash']);
    await eventually(() => h.out.includes('listening'), { what: 'listen is ready' });
    const [soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(fs.readFileSync(`/proc/${h.child.pid}/limits`, 'utf8')).slice(1).map(Number);
    assert.ok(hard > 256, 'the machine allows more than the shell gave');
    assert.equal(soft, hard);
    h.child.kill('SIGTERM');
    assert.deepEqual(await h.ended, { code: 0, signal: null });
  });
  it('says when the port is taken', async () => {
    const h = await hook();
    const port = new URL(h.url).port;
    assert.match((await ends(1, ['listen', '--port', port])).stderr, new RegExp(`${port}.*in use`));
    await h.stop();
  });
});

// ---- backup, restore --------------------------------------------------------------------------------------------------------

describe('migrate', () => {
  it('says which migrations a store has, and has nothing to do on one of this version', async () => {
    const { dir } = await demoData();
    const status = await cliJson(['migrate', '--status', '--data', dir]);
    assert.equal(status.schema, status.known);
    assert.ok(status.migrations.length >= 4);
    for (const m of status.migrations) assert.deepEqual([m.done, m.number], [true, Number(m.name.slice(0, 4))]);
    assert.deepEqual(await cliJson(['migrate', '--data', dir]), status);
    assert.match((await ends(0, ['migrate', '--status', '--data', dir])).stdout, /^0001_start +done$/m);
  });
  it('there is no store, or none can be reached', async () => {
    const dir = newFolder();
    assert.match((await ends(3, ['migrate', '--status', '--data', dir])).stderr, /there is no store in/);
    assert.match((await ends(1, ['migrate', '--status', '--data', dir], { env: { GUICHET_STORE: 'postgresql:///x?host=/nowhere' } })).stderr, /cannot connect to PostgreSQL/);
  });
});

describe('backup and restore', ONLY_SQLITE, () => {
  let d;
  let file;
  before(async () => {
    d = await demoData();
    file = path.join(newFolder(), 'copy');
    await cliJson(['backup', file, '--data', d.dir, '--with-key']);
  });

  it('a restored store is the same, with its key', async () => {
    for (const f of [file, `${file}.key`]) assert.equal(fs.statSync(f).mode & 0o777, 0o600);
    const dir = newDataDir();
    assert.equal((await cliJson(['restore', file, '--data', dir])).data, dir);
    for (const what of ['connector', 'agent', 'token', 'service', 'instance']) {
      assert.deepEqual(await cliJson([what, 'list', '--data', dir]), await cliJson([what, 'list', '--data', d.dir]), what);
    }
    assert.equal(fs.statSync(dir).mode & 0o777, 0o700);
    for (const f of filesIn(dir)) assert.equal(fs.statSync(f).mode & 0o077, 0, f);
  });
  it('the key is left out unless it is asked for, and --key names it', async () => {
    const bare = path.join(newFolder(), 'bare');
    const made = await cliJson(['backup', bare, '--data', d.dir]);
    assert.equal(made.key, null);
    assert.equal(made.bytes, fs.statSync(bare).size);
    assert.ok(!fs.existsSync(`${bare}.key`));
    assert.equal(fs.readFileSync(bare).indexOf(fs.readFileSync(path.join(d.dir, 'master.key'))), -1);
    const dir = newDataDir();
    assert.match((await ends(2, ['restore', bare, '--data', dir])).stderr, /--key FILE is missing/);
    assert.ok(!fs.existsSync(dir));
    await ends(0, ['restore', bare, '--data', dir, '--key', path.join(d.dir, 'master.key')]);
    await ends(0, ['connector', 'list', '--data', dir]);
  });
  it('nothing is overwritten', async () => {
    assert.match((await ends(4, ['backup', file, '--data', d.dir])).stderr, /already there/);
    const there = newFolder();
    fs.writeFileSync(path.join(there, 'mine'), 'x');
    assert.match((await ends(4, ['restore', file, '--data', there])).stderr, /not empty/);
    assert.deepEqual(fs.readdirSync(there), ['mine']);
    await ends(4, ['restore', file, '--data', d.dir]);
  });
  const spoiled = [
    ['a truncated copy', 4, (bytes) => bytes.subarray(0, bytes.length / 2), /cannot be restored/],
    ['a copy with a broken page', 4, (bytes) => { bytes.fill(0xff, 8192, 12288); return bytes; }, /cannot be restored/],
    ['no store at all', 4, () => Buffer.from('hello'), /cannot be restored/],
    ['an empty file', 4, () => Buffer.alloc(0), /cannot be restored/],
  ];
  for (const [name, code, spoil, sentence] of spoiled) {
    it(`refuses ${name} and leaves nothing behind`, async () => {
      const copy = path.join(newFolder(), 'spoiled');
      fs.writeFileSync(copy, spoil(fs.readFileSync(file)));
      const dir = newFolder();
      assert.match((await ends(code, ['restore', copy, '--data', dir, '--key', `${file}.key`])).stderr, sentence);
      assert.deepEqual(fs.readdirSync(dir), []);
    });
  }
  it('refuses a key of another store, or none', async () => {
    const other = await demoData();
    const dir = newFolder();
    assert.match((await ends(4, ['restore', file, '--data', dir, '--key', path.join(other.dir, 'master.key')])).stderr, /--key: with this master key the backup cannot be opened/);
    assert.deepEqual(fs.readdirSync(dir), []);
    assert.match((await ends(2, ['restore', file, '--data', dir, '--key', file])).stderr, /is no master key/);
    assert.match((await ends(3, ['restore', `${file}.nope`, '--data', dir])).stderr, /cannot read/);
  });
});

// ---- doctor -----------------------------------------------------------------------------------------------------------------

describe('doctor', () => {
  let d;
  let hook;
  before(async () => {
    hook = await sink();
    d = await demoData({ webhook: hook.url });
  });
  after(() => hook.close());

  const freePort = () => new Promise((resolve) => { const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => resolve(port)); }); });
  async function doctor(code, { dir = d.dir, env = {}, args = [] } = {}) {
    const all = ['doctor', '--data', dir, '--listen', `127.0.0.1:${await freePort()}`, ...args];
    const r = await cli([...all, '--json'], { env: { GUICHET_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8', ...env } });
    assert.equal(r.code, code, r.stdout + r.stderr);
    assertNoReport(r.stderr);
    assert.equal(r.json.ok, code === 0);
    return Object.fromEntries(r.json.checks.map((c) => [c.check, c]));
  }
  const copyOf = (dir) => { const to = newDataDir(); fs.cpSync(dir, to, { recursive: true }); fs.chmodSync(to, 0o700); return to; };

  it('a sound store passes, and nothing is changed', async () => {
    const checks = await doctor(0);
    for (const name of ['data folder', 'master key', 'store', 'schema', 'clock', 'listen address', 'secrets', 'webhook of demo-bot']) assert.equal(checks[name].result, 'ok', `${name}: ${checks[name].found}`);
    for (const c of Object.values(checks)) assert.equal(c.result === 'ok', c.advice === '', `${c.check}: advice where something is wrong, and only there`);
    assert.equal(hook.requests.length, 0, 'the webhook is not called');
    const table = await cli(['doctor', '--data', d.dir, '--listen', '127.0.0.1:0'], { env: { GUICHET_ALLOW_PRIVATE_TARGETS: '127.0.0.0/8' } });
    assert.equal(table.code, 0);
    assert.match(table.stdout, /^ok +master key +/m);
    assert.doesNotMatch(table.stdout, /\x1b/);
  });
  it('finds a key that others can read', async () => {
    const dir = copyOf(d.dir);
    fs.chmodSync(path.join(dir, 'master.key'), 0o644);
    const { 'master key': key } = await doctor(1, { dir });
    assert.deepEqual([key.result, /0644/.test(key.found), /chmod 600/.test(key.advice)], ['fail', true, true]);
  });
  it('finds a missing, a short and a foreign key', async () => {
    const dir = copyOf(d.dir);
    fs.writeFileSync(path.join(dir, 'master.key'), crypto.randomBytes(32), { mode: 0o600 });
    assert.equal((await doctor(1, { dir })).secrets.result, 'fail');
    fs.truncateSync(path.join(dir, 'master.key'), 16);
    assert.match((await doctor(1, { dir }))['master key'].found, /16 bytes instead of 32/);
    fs.rmSync(path.join(dir, 'master.key'));
    const key = (await doctor(1, { dir }))['master key'];
    assert.deepEqual([key.result, /put the copy of it back/.test(key.advice)], ['fail', true]);
  });
  it('finds an open folder, a missing and a damaged store', ONLY_SQLITE, async () => {
    const dir = copyOf(d.dir);
    fs.chmodSync(dir, 0o755);
    assert.equal((await doctor(0, { dir }))['data folder'].result, 'warn');
    await cliJson(['backup', path.join(dir, 'copy'), '--data', dir]);
    const broken = newDataDir();
    await cliJson(['restore', path.join(dir, 'copy'), '--data', broken, '--key', path.join(dir, 'master.key')]);
    const file = path.join(broken, 'guichet.db');
    const bytes = fs.readFileSync(file);
    bytes.fill(0xff, 8192, 12288);
    fs.writeFileSync(file, bytes);
    assert.match((await doctor(1, { dir: broken })).store.found, /damaged|malformed/);
    fs.rmSync(file);
    assert.match((await doctor(1, { dir: broken })).store.advice, /guichet init/);
    assert.match((await doctor(1, { dir: path.join(broken, 'nowhere') }))['data folder'].advice, /guichet init/);
  });
  it('finds a port that another program has', async () => {
    const other = await sink();
    const c = (await doctor(1, { args: ['--listen', `127.0.0.1:${other.port}`] }))['listen address'];
    assert.equal(c.result, 'fail');
    assert.match(c.found, /in use/);
    await other.close();
  });
  it('finds a clock that is behind', async () => {
    const dir = copyOf(d.dir);
    const later = Date.now() / 1000 + 3600;
    fs.utimesSync(path.join(dir, 'master.key'), later, later);
    const { clock } = await doctor(1, { dir });
    assert.deepEqual([clock.result, /master\.key was written at/.test(clock.found)], ['fail', true]);
  });
  it('finds webhooks that cannot be reached', async () => {
    const gone = await freePort();
    const cases = [
      [`http://127.0.0.1:${gone}/hook`, {}, 'fail', /refused/i],
      [hook.url, { GUICHET_ALLOW_PRIVATE_TARGETS: '' }, 'fail', /127\.0\.0\.1 is a private address/],
      ['http://169.254.169.254/latest', {}, 'fail', /private address/],
      ['http://[::1]:9/x', {}, 'fail', /private address/],
      ['http://2130706433/x', { GUICHET_ALLOW_PRIVATE_TARGETS: '' }, 'fail', /127\.0\.0\.1 is a private address/],
      ['https://name.invalid/hook', {}, 'fail', /does not resolve/],
      ['http://127.0.0.1:99999/', {}, 'fail', /./],
      ['', {}, 'warn', /none is set/],
    ];
    const dir = copyOf(d.dir);
    for (const [url, env, result, found] of cases) {
      await cliJson(['connector', 'set', 'demo-bot', '--data', dir, '--webhook', url]);
      const c = (await doctor(result === 'fail' ? 1 : 0, { dir, env }))['webhook of demo-bot'];
      assert.equal(c.result, result, `${url}: ${c.found}`);
      assert.match(c.found, found);
      assert.notEqual(c.advice, '');
    }
    await cliJson(['connector', 'disable', 'demo-bot', '--data', dir]);
    assert.equal((await doctor(0, { dir }))['webhook of demo-bot'].result, 'ok');
  });
  it('warns when links to attachments would point nowhere', async () => {
    const all = ['--listen', '0.0.0.0:0'];
    assert.equal((await doctor(0, { args: all })).public_url.result, 'warn');
    assert.equal((await doctor(0, { args: [...all, '--public-url', 'https://chat.example'] })).public_url.result, 'ok');
  });
});
