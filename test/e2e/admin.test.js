// The administrators' consoles in a real browser: a service, a person and a connector made by hand work; errors stand at their fields; secrets
// are shown once; deliveries are looked at and sent again; every page is accessible and fits.
import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import path from 'node:path';
import fs from 'node:fs';
import { SCHEMES, SHOTS, assertFits, assertQuiet, startBrowser } from '../lib/browser.js';
import { demo, eventually, login, message, partner, request, sink, unique } from '../lib/server.js';
import { addAgent, assertAccessible } from '../lib/desk.js';

const EXPECTED = [/status of 401/];
const PAGES = ['services', 'qualifications', 'canned-replies', 'calendars', 'agents', 'teams', 'groups', 'skills', 'states', 'connectors', 'channels', 'account-tokens', 'tokens', 'deliveries', 'audit'];
const SIZES = { wide: { width: 1280, height: 800 }, narrow: { width: 360, height: 740 } };

describe('the consoles', () => {
  let d, hook, browser;
  before(async () => {
    hook = await sink();
    d = await demo({ webhook: hook.url });
    browser = await startBrowser();
  });
  after(async () => { await d?.stop(); await hook?.close(); });

  async function open(who = d.admin, options = {}) {
    const page = await browser.open(d.server, '/admin', options);
    await page.locator('input[name=login]').fill(who.login);
    await page.locator('input[name=password]').fill(who.password);
    await page.locator('button[type=submit]').click();
    await page.waitForSelector('html[data-ready=admin]', { state: 'attached' });
    return page;
  }
  const to = (page, name) => page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
  const field = (page, name) => page.locator(`[data-field="${name}"]`);
  const end = async (page, ...more) => { assertQuiet(page, ...EXPECTED, ...more); await page.context().close(); };

  it('only administrators get in', async () => {
    const page = await open(await addAgent(d, 'plain'));
    await page.getByText('For administrators only').waitFor();
    assert.equal(await page.getByRole('navigation').count(), 0);
    await end(page);
  });

  it('makes a skill, a service that asks for it, and a person who has it; and that person can log in', async () => {
    const page = await open();
    await to(page, 'Skills');
    await page.locator('[data-new]').click();
    await page.getByLabel('Name').fill('Esperanto');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('link', { name: 'Esperanto' }).waitFor();
    await to(page, 'Services');
    await page.locator('[data-new]').click();
    await page.getByLabel('Name').fill('Translations');
    await page.getByRole('combobox', { name: 'Add to Skills required' }).selectOption({ label: 'Esperanto' });
    await page.getByRole('combobox', { name: 'Level of Esperanto' }).selectOption('4');
    await page.locator('#f-wrapupSeconds').fill('2');
    await page.getByRole('combobox', { name: 'Unit of Wrap-up' }).selectOption({ label: 'minutes' });
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('link', { name: 'Translations' }).click();
    await eventually(async () => (await page.locator('#f-wrapupSeconds').inputValue()) === '2', { what: 'two minutes' });
    assert.equal(await page.getByRole('combobox', { name: 'Level of Esperanto' }).inputValue(), '4');
    await to(page, 'Agents');
    await page.locator('[data-new]').click();
    await page.getByLabel('Login').fill('zamenhof');
    await page.locator('#f-password').fill('short');
    await page.getByRole('button', { name: 'Create' }).click();
    // What is wrong stands at its field, which gets the focus.
    await field(page, 'password').locator('.problem').waitFor();
    await eventually(() => page.evaluate(() => document.activeElement?.id === 'f-password'), { what: 'focus at the problem' });
    await assertAccessible(page, 'a form with a problem');
    await page.locator('#f-password').fill('long enough now');
    await page.getByRole('combobox', { name: 'Add to Skills' }).selectOption({ label: 'Esperanto' });
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('link', { name: 'zamenhof' }).waitFor();
    assert.equal((await login(d.server, { login: 'zamenhof', password: 'long enough now' })).status, 200);
    // What is referred to cannot go: the server says why.
    await to(page, 'Skills');
    await page.getByRole('link', { name: 'Esperanto' }).click();
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.locator('.form-error', { hasText: /Not possible/ }).waitFor();
    await end(page, /status of (400|409)/);
  });

  it('two who change the same: the second is told', async () => {
    const [one, two] = [await open(), await open()];
    const name = unique('Team');
    await to(one, 'Teams');
    await one.locator('[data-new]').click();
    await one.getByLabel('Name').fill(name);
    await one.getByRole('button', { name: 'Create' }).click();
    await one.getByRole('link', { name }).click();
    await to(two, 'Teams');
    await two.getByRole('link', { name }).click();
    await two.getByLabel('Name').waitFor();
    await one.getByLabel('Name').fill(`${name} A`);
    await one.getByRole('button', { name: 'Save' }).click();
    await one.getByText('Saved.').waitFor();
    await two.getByLabel('Name').fill(`${name} B`);
    await two.getByRole('button', { name: 'Save' }).click();
    await two.getByText('Somebody else has changed this meanwhile').waitFor();
    await end(one);
    await end(two, /status of 412/);
  });

  it('a connector: the secret is shown once and works, a test is sent, a new secret is made', async () => {
    const page = await open();
    await to(page, 'Connectors');
    await page.locator('[data-new]').click();
    await page.getByRole('textbox', { name: 'Name' }).fill('Messenger bridge');
    await page.getByRole('combobox', { name: /^Service/ }).selectOption({ index: 1 });
    await page.getByLabel('Webhook').fill(hook.url);
    await page.getByRole('button', { name: 'Create' }).click();
    const dialog = page.getByRole('dialog', { name: 'Keep this now' });
    await dialog.waitFor();
    await assertAccessible(page, 'a secret');
    const creds = { client_id: await dialog.locator('[data-secret=clientId]').innerText(), client_secret: await dialog.locator('[data-secret=clientSecret]').innerText() };
    await partner(d.server, creds).sendOk(message());
    await dialog.getByRole('button', { name: 'I have kept it' }).click();
    await page.getByRole('link', { name: 'Messenger bridge' }).click();
    await page.locator('#f-name').waitFor();
    assert.ok(!(await page.content()).includes(creds.client_secret));
    const before = hook.accepted.length;
    await page.locator('[data-test]').click();
    await page.locator('[data-state=delivered]').waitFor();
    assert.ok(hook.accepted.length > before);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'New secret' }).click();
    await dialog.waitFor();
    const fresh = await dialog.locator('[data-secret=clientSecret]').innerText();
    assert.notEqual(fresh, creds.client_secret);
    await partner(d.server, { ...creds, client_secret: fresh }).sendOk(message());
    await end(page);
  });

  it('a token by the grid of APIs and verbs may what was ticked', async () => {
    const page = await open();
    await to(page, 'API tokens');
    await page.locator('[data-new]').click();
    await page.getByLabel('Name').fill('Reader');
    await page.getByRole('checkbox', { name: 'interaction GET', exact: true }).check();
    await page.getByRole('button', { name: 'Create' }).click();
    const token = await page.locator('[data-secret=token]').innerText();
    const ask = (method) => request(`${d.server.url}/api/v3/interaction/interactions${method === 'POST' ? '/000000000000000000000000/close' : ''}`, { method, headers: { 'Kiamo-Api-Token': token, 'Content-Length': 0 } });
    assert.equal((await ask('GET')).status, 200);
    assert.equal((await ask('POST')).status, 403);
    await end(page);
  });

  it('deliveries: filtered, looked at, and sent again', async () => {
    const dead = await sink({ behaviour: () => ({ status: 500 }) });
    const e = await demo({ webhook: dead.url, env: { GUICHET_DELIVERY_RETENTION: '1s' } });
    try {
      await e.partner.sendOk(message());
      const id = (await e.agent.all())[0].id;
      await e.agent.reply(id, 'never arrives');
      const page = await browser.open(e.server, '/admin');
      await page.locator('input[name=login]').fill(e.admin.login);
      await page.locator('input[name=password]').fill(e.admin.password);
      await page.locator('button[type=submit]').click();
      await to(page, 'Deliveries');
      await eventually(async () => { await page.getByRole('button', { name: 'Refresh' }).click(); return page.locator('.chip.parked').first().isVisible(); }, { what: 'parked', interval: 300 });
      await page.getByLabel('State').selectOption({ label: 'delivered' });
      await page.getByText('No delivery matches').waitFor();
      await page.getByLabel('State').selectOption({ label: 'parked' });
      await page.locator('[data-delivery]').click();
      await page.locator('.facts', { hasText: 'the webhook answered 500' }).waitFor();
      await page.locator('.payload', { hasText: 'never arrives' }).waitFor();
      await assertAccessible(page, 'a delivery');
      dead.behaviour = () => undefined;
      await page.getByRole('dialog').getByRole('button', { name: 'Send again' }).click();
      await dead.received(1);
      assertQuiet(page, ...EXPECTED);
      await page.context().close();
    } finally {
      await e.stop();
      await dead.close();
    }
  });

  it('every page: accessible, in both languages and looks, wide and narrow', async () => {
    fs.mkdirSync(SHOTS, { recursive: true });
    const page = await open();
    for (const where of [...PAGES, 'services/1', 'agents/new', 'calendars/new', 'tokens/new']) {
      await page.goto(`${d.server.url}/admin#/${where}`);
      await page.locator('main h1').waitFor();
      await page.locator('main .spinner').waitFor({ state: 'detached' });
      if (where === 'calendars/new') for (const n of [0, 1]) await page.getByRole('button', { name: 'Add…' }).nth(n).click();
      for (const [size, viewport] of Object.entries(SIZES)) {
        await page.setViewportSize(viewport);
        for (const colorScheme of SCHEMES) {
          await page.emulateMedia({ colorScheme });
          await assertFits(page);
          await assertAccessible(page, `${where} ${size} ${colorScheme}`);
          await page.screenshot({ path: path.join(SHOTS, `admin-${where.replace('/', '-')}-${size}-${colorScheme}.png`) });
        }
      }
      await page.setViewportSize(SIZES.wide);
    }
    await end(page);
    const french = await open(d.admin, { locale: 'fr-FR' });
    for (const where of PAGES) {
      await french.goto(`${d.server.url}/admin#/${where}`);
      await french.locator('main h1').waitFor();
      assert.doesNotMatch(await french.locator('main').innerText(), /\b(field|page|about|word|audit)\.[a-z]/, where);
    }
    await end(french);
  });
});
