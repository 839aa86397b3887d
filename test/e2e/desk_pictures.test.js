// Every view of the desk, wide and narrow, light and dark: axe-core finds nothing, nothing sticks out, and pictures are left to look at (build/shots).
// With GUICHET_README_SHOTS=1 the four pictures of the README are made anew (doc/shots).
import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { SCHEMES, SHOTS, assertFits, assertQuiet, startBrowser } from '../lib/browser.js';
import { agent, demo, login, sink } from '../lib/server.js';
import { connector, event, makeChannel } from '../lib/kit.js';
import { assertAccessible, choose, composer, entry, handOver, mineTab, openDesk, png, queueTab, say, take, write } from '../lib/desk.js';

const SIZES = { wide: { width: 1280, height: 760 }, middle: { width: 1024, height: 768 }, narrow: { width: 360, height: 740 } };
const README_BYTES = 150_000;

describe('pictures of the desk', () => {
  let d, hook, browser;
  before(async () => {
    hook = await sink();
    d = await demo({ webhook: hook.url });
    browser = await startBrowser();
  });
  after(async () => { await d?.stop(); await hook?.close(); });

  /** The page as it stands in every size and look. */
  async function look(page, name, { sizes = Object.keys(SIZES), prepare = async () => {} } = {}) {
    fs.mkdirSync(SHOTS, { recursive: true });
    for (const size of sizes) {
      await page.setViewportSize(SIZES[size]);
      await prepare(size);
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await assertFits(page);
        await assertAccessible(page, `${name}, ${size}, ${colorScheme}`);
        const at = path.join(SHOTS, `desk-${name}-${size}-${colorScheme}.png`);
        await page.screenshot({ path: at });
        if (process.env.GUICHET_README_SHOTS && ['talk-wide-light', 'talk-wide-dark', 'talk-narrow-light', 'list-narrow-dark'].includes(`${name}-${size}-${colorScheme}`)) {
          fs.mkdirSync('doc/shots', { recursive: true });
          fs.copyFileSync(at, `doc/shots/desk-${name}-${size}-${colorScheme}.png`);
        }
      }
    }
    await page.setViewportSize(SIZES.wide);
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  }

  it('the door', async () => {
    const page = await browser.open(d.server, '/desk');
    await page.locator('input[name=login]').waitFor();
    await look(page, 'login');
    await page.context().close();
  });

  it('an empty desk, a full one, a conversation with everything, and what stands over it', async () => {
    const admin = agent(d.server, null, { headers: { Cookie: (await login(d.server, d.admin)).cookie } });
    const person = { login: 'lea', password: 'a long password' };
    const { items } = await admin.ok(200, 'GET', '/api/v3/administration/services');
    await admin.ok(201, 'POST', '/api/v3/administration/agents', { json: { ...person, firstName: 'Léa', lastName: 'Martin', capacity: 4, services: [{ id: items[0].id, level: 1 }] } });
    const page = await openDesk(browser, d, { person });
    await page.setViewportSize(SIZES.wide);
    await look(page, 'empty', { sizes: ['wide', 'narrow'] });

    const channel = await makeChannel(d.dir, { callback: hook.url, name: 'Website chat' });
    const site = connector(d.server, channel);
    const camille = {
      client_display_name: 'Camille Laurent', client_phone: '+33 6 12 34 56 78', client_email: 'camille@laurent.example', client_language: 'fr',
      page: { url: 'https://shop.example/orders/8812', title: 'Order 8812' }, device: { type: 'mobile', model: 'Pixel 9' }, location: { city: 'Lyon', country: 'France' }, utm: { source: 'newsletter' },
    };
    const from = (text, payload) => site.sendOk(event({ client: 'camille', text, payload, data: camille }));
    await from('Hello, is the blue lamp in stock?');
    await take(page, 'Camille');
    await say(page, 'It is, and ships today.');
    await page.locator('[data-delivery=delivered]').waitFor({ state: 'attached' });
    await page.keyboard.press('Escape');
    await page.keyboard.press('e');
    await page.getByRole('dialog').getByRole('button', { name: 'Close conversation' }).click();
    await page.waitForSelector('.talk[data-state=closed]');

    await from('Hi again. The lamp arrived, but its foot is scratched. Could I send it back?');
    await handOver(d, 'Omar Haddad', 'My parcel says delivered, but there is nothing here.');
    const sofia = await write(d, 'Sofia Rossi', 'Can I still change the delivery address?');
    await write(d, 'Jean-Baptiste Lefèvre', 'Bonjour, je souhaite un duplicata de facture.');
    await write(d, 'Mei Tanaka', 'The discount code of your newsletter does not work.');
    await queueTab(page);
    await entry(page, 'Mei Tanaka').waitFor();
    await look(page, 'queue', { sizes: ['wide', 'narrow'], prepare: async () => { if (await page.locator('.only-narrow').isVisible()) await page.locator('.only-narrow').click(); } });

    await take(page, 'Omar Haddad');
    await look(page, 'bot');
    await say(page, 'Good morning Omar, I am sorry to hear that. I am looking into it now.');
    await composer(page).fill('The carrier says that it was left with');
    await take(page, 'Sofia Rossi');
    await say(page, 'Yes, until tonight. What is the new address?');
    await take(page, 'Camille');
    await say(page, 'I am sorry about that! Of course. Would you send me a photo of the foot?');
    await from('Here it is. I am at the pick-up point now, by the way:', [{ type: 'location', latitude: 45.7578, longitude: 4.832, address: '2 place Bellecour, Lyon' }]);
    await page.getByText('place Bellecour').waitFor();
    await page.getByRole('button', { name: 'Note', exact: true }).click();
    await say(page, 'Second lamp with a scratched foot this week; tell the warehouse.');
    await page.locator('.note').waitFor();
    await page.locator('[data-files]').setInputFiles([{ name: 'return-label.png', mimeType: 'image/png', buffer: png(432, 300) }]);
    await page.locator('[data-send]:enabled').waitFor();
    await composer(page).fill('Thank you! Here is a label for the return, free of charge. 🙂');
    await composer(page).press('Enter');
    await page.locator('.rows > .message .picture img').waitFor();
    await write(d, 'Sofia Rossi', '14 Via Roma, Turin, please', { customer: sofia });
    await mineTab(page);
    await entry(page, 'Sofia').locator('.badge').waitFor();
    await page.locator('[data-delivery=delivered]').nth(1).waitFor({ state: 'attached' });
    // Room for one more: the next one who waits is offered.
    await choose(page, 'Ready');
    await page.locator('.offer').waitFor();
    await look(page, 'talk', {
      prepare: async () => {
        await page.locator('.timeline').evaluate((b) => { b.scrollTop = b.scrollHeight; });
        await page.waitForFunction(() => [...document.images].every((i) => i.complete));
      },
    });
    await page.keyboard.press('Escape');
    await look(page, 'card', { sizes: ['middle', 'narrow'], prepare: async () => { if (!(await page.locator('.card').count())) await page.locator('.card-toggle').click(); } });
    await page.keyboard.press('e');
    await look(page, 'close', { sizes: ['wide', 'narrow'] });
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await look(page, 'help', { sizes: ['wide', 'narrow'] });
    await page.keyboard.press('Escape');
    await page.locator('.main-menu > button').click();
    await look(page, 'menu', { sizes: ['wide'] });
    await page.getByRole('menuitem', { name: 'Settings' }).click();
    await look(page, 'settings', { sizes: ['wide', 'narrow'] });
    await page.keyboard.press('Escape');
    await page.setViewportSize(SIZES.narrow);
    await page.locator('.only-narrow').click();
    await look(page, 'list', { sizes: ['narrow'] });
    assertQuiet(page, /status of 401/);
    await page.context().close();
  });

  it('the pictures of the README are there, and not heavy', () => {
    const shots = fs.readdirSync('doc/shots').filter((f) => f.startsWith('desk-'));
    const readme = fs.readFileSync('README.md', 'utf8');
    assert.equal(shots.length, 4);
    for (const f of shots) {
      assert.ok(fs.statSync(`doc/shots/${f}`).size <= README_BYTES, `${f} is heavy`);
      assert.ok(readme.includes(`doc/shots/${f}`), `${f} is not in the README`);
    }
  });
});
