// The agents' desk in a real browser, against the real server and a partner's sink: log in, answer, files, notes, deliveries, hostile content.
import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { assertFits, assertQuiet, startBrowser } from '../lib/browser.js';
import { demo, eventually, message, sink, unique } from '../lib/server.js';
import { addAgent, assertAccessible, somebody, bubbles, composer, entry, file, handOver, logIn, mineTab, openDesk, png, queueTab, say, take, write } from '../lib/desk.js';

/** The first question of a page, who am I, is answered 401. */
const ASKED = /agent\/me\b.*|status of 401/;

describe('the desk', () => {
  let d, hook, browser;
  before(async () => {
    hook = await sink();
    d = await demo({ webhook: hook.url });
    browser = await startBrowser();
  });
  after(async () => { await d?.stop(); await hook?.close(); });
  const quiet = (page, ...more) => assertQuiet(page, ASKED, ...more);

  it('is small: the first load fits into 100 KB, compressed', async () => {
    // A cold load in a browser of its own, up to the lists: everything that the page is made of.
    const cold = await browser.open(d.server, '/docs');
    let bytes = 0;
    const sizes = [];
    cold.on('requestfinished', async (r) => {
      const where = new URL(r.url()).pathname;
      if (where !== '/desk' && !where.startsWith('/ui/')) return;
      const s = await r.sizes();
      bytes += s.responseBodySize + s.responseHeadersSize;
      sizes.push(`${s.responseBodySize} + ${s.responseHeadersSize} ${where}`);
    });
    await cold.goto(`${d.server.url}/desk`);
    await logIn(cold, d.person);
    await eventually(() => sizes.length > 25, { what: 'modules loaded' });
    assert.ok(bytes < 100_000, `${bytes} bytes:\n${sizes.join('\n')}`);
    quiet(cold);
    await cold.context().close();
  });

  it('refuses a wrong password in words, and lets the right one in', async () => {
    const page = await browser.open(d.server, '/desk');
    await page.locator('input[name=login]').fill('demo');
    await page.locator('button[type=submit]').click();
    await page.getByText('Enter your login and your password.').waitFor();
    await page.locator('input[name=password]').fill('not the password');
    await page.locator('button[type=submit]').click();
    await page.getByText('do not belong together').waitFor();
    await assertAccessible(page, 'a refused login');
    await logIn(page, d.person);
    assert.equal(await page.locator('.who b').innerText(), 'Demo Agent');
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'BODY');
    // A reload keeps the session; logging out ends it.
    await page.reload();
    await page.waitForSelector('html[data-live=live]', { state: 'attached' });
    await page.locator('.main-menu > button').click();
    await page.getByRole('menuitem', { name: 'Log out' }).click();
    await page.waitForSelector('html[data-ready=login]', { state: 'attached' });
    await page.reload();
    await page.waitForSelector('html[data-ready=login]', { state: 'attached' });
    quiet(page);
    await page.context().close();
  });

  it('shows a customer who writes, is taken, answered, noted and closed', async () => {
    const page = await openDesk(browser, d, { person: await somebody(d) });
    const customer = await handOver(d, 'Ada Live', 'It arrives while the page is open');
    await queueTab(page);
    await entry(page, 'Ada Live').waitFor();
    await take(page, 'Ada Live');
    // The bot's part is set apart from the live one.
    assert.equal(await page.locator('.bot-part .message').count(), 4);
    assert.deepEqual(await bubbles(page), ['It arrives while the page is open']);
    await say(page, 'Hello Ada');
    await page.locator('[data-delivery=delivered]').waitFor({ state: 'attached' });
    await hook.received(1);
    assert.equal(hook.accepted.at(-1).json.body.message, 'Hello Ada');
    await write(d, 'Ada Live', 'A second line\nand a third', { customer });
    await page.getByText('A second line').waitFor();
    assert.deepEqual(await bubbles(page), ['It arrives while the page is open', 'Hello Ada', 'A second line\nand a third']);
    await page.getByRole('button', { name: 'Note', exact: true }).click();
    await say(page, 'called before');
    await page.locator('.note', { hasText: 'called before' }).waitFor();
    await page.getByRole('button', { name: 'Close conversation' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Close conversation' }).click();
    await page.waitForSelector('.talk[data-state=closed]');
    await mineTab(page);
    await page.getByText('You have no conversation').waitFor();
    // Nobody outside got the note.
    assert.ok(hook.requests.every((r) => !r.body.includes('called before')));
    // Who writes again after the close opens a new conversation, and the earlier one stands in the card.
    await write(d, 'Ada Live', 'me again', { customer });
    await take(page, 'Ada Live');
    await page.locator('.contact').waitFor();
    assert.deepEqual(await bubbles(page), ['me again']);
    await page.locator('.contact').click();
    await page.getByText('called before').waitFor();
    await page.goBack();
    await page.locator('.talk[data-state=active]').waitFor();
    quiet(page);
    await page.context().close();
  });

  it('files go both ways, with previews of images and safe downloads', async () => {
    const page = await openDesk(browser, d, { person: await somebody(d) });
    const picture = png(320, 200);
    await write(d, 'Fay Files', 'look', { body: { attachments: [file('photo.png', 'image/png', picture), file('list.txt', 'text/plain', 'one\ntwo\n'), file('drawing.svg', 'image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg" onload="window.hacked=1"><script>window.hacked=1</script></svg>')] } });
    await take(page, 'Fay Files');
    const shown = page.locator('.picture img');
    await eventually(() => shown.evaluate((i) => i.complete && i.naturalWidth === 320), { what: 'the preview' });
    assert.equal(await shown.count(), 1, 'an SVG is not shown as a picture');
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('a.file-item', { hasText: 'list.txt' }).click()]);
    assert.equal(download.suggestedFilename(), 'list.txt');
    assert.equal(fs.readFileSync(await download.path(), 'utf8'), 'one\ntwo\n');
    const [svg] = await Promise.all([page.waitForEvent('download'), page.locator('a.file-item', { hasText: 'drawing.svg' }).click()]);
    assert.equal(svg.suggestedFilename(), 'drawing.svg');
    // The picture opens in a dialog and closes with Escape, which gives the focus back.
    await page.locator('.picture').click();
    await page.locator('dialog img').waitFor();
    await assertAccessible(page, 'a picture');
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    // Out: by the button, and by paste.
    const before = hook.accepted.length;
    await page.locator('[data-files]').setInputFiles([{ name: 'answer é.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4 answer') }]);
    await page.locator('.chip-file', { hasText: 'answer' }).waitFor();
    await page.evaluate(() => {
      const data = new DataTransfer();
      data.items.add(new File(['pasted'], 'pasted.txt', { type: 'text/plain' }));
      document.querySelector('[data-composer]').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    });
    await page.locator('.chip-file', { hasText: 'pasted.txt' }).waitFor();
    await eventually(() => page.locator('[data-send]').isEnabled(), { what: 'uploads done' });
    await page.locator('[data-send]').click();
    await hook.received(before + 1);
    const sent = hook.accepted.at(-1).json.body.attachments;
    assert.deepEqual(sent.map((a) => a.name), ['answer é.pdf', 'pasted.txt']);
    assert.equal((await d.partner.attachment(sent[0].content?.data ?? sent[0].data)).text, '%PDF-1.4 answer');
    assert.equal(await page.locator('.chip-file').count(), 0);
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    quiet(page);
    await page.context().close();
  });

  it('tells what became of an answer: tried again, then given up, with the reason', async () => {
    const own = await sink({ behaviour: () => ({ status: 500 }) });
    const e = await demo({ webhook: own.url, env: { GUICHET_DELIVERY_RETENTION: '3s' } });
    try {
      const page = await openDesk(browser, e, { person: await somebody(e) });
      await write(e, 'Pat Parked', 'hello?');
      await take(page, 'Pat Parked');
      await say(page, 'nobody will get this');
      await page.locator('[data-delivery=retrying]').waitFor();
      const parked = page.locator('[data-delivery=parked]');
      await parked.waitFor();
      assert.match(await parked.innerText(), /Not delivered: .*500/);
      await assertAccessible(page, 'a parked answer');
      assertQuiet(page, ASKED);
      await page.context().close();
    } finally {
      await e.stop();
      await own.close();
    }
  });

  it('what customers send is never markup, script or address of a script', async () => {
    const evil = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
    const page = await openDesk(browser, d, { person: await somebody(d) });
    const customer = await write(d, `Eve ${evil}`, `${evil} javascript:window.hacked=1 [x](javascript:alert(1)) https://ok.example/?q=<b>`, {
      body: { attachments: [file(`${evil.replaceAll('/', '_')}.svg`, 'image/png', '<svg xmlns="http://www.w3.org/2000/svg"><script>window.hacked=1</script></svg>')],
        rich_content: { title: evil, url: 'javascript:window.hacked=1', buttons: [{ label: evil, url: 'javascript:window.hacked=1' }], image: 'https://tracker.example/pixel.png', html: evil } },
    });
    await write(d, `Eve ${evil}`, '', { customer, body: { rich_content: `<a href="javascript:window.hacked=1">click</a><iframe src="https://tracker.example/"></iframe>` } });
    await write(d, `Eve ${evil}`, '', { customer, body: { rich_content: { type: 'location', latitude: '"><script>', longitude: 2 } } });
    await write(d, `Eve ${evil}`, 'last \u202egnp.exe', { customer });
    await take(page, 'Eve');
    await page.getByText('last').first().waitFor();
    assert.equal(await page.locator('h1 img, h1 script, .rows script, .rows iframe, .rows img, .side script, .side img').count(), 0);
    const links = await page.locator('.rows a').evaluateAll((all) => all.map((a) => a.href));
    for (const href of links) assert.match(href, /^https?:\/\//);
    assert.ok(links.includes('https://ok.example/?q='));
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    await page.locator('.card-who h2', { hasText: '<img src=x' }).waitFor();
    await assertFits(page);
    quiet(page);
    await page.context().close();
  });

  it('keeps a draft per conversation, over a reload', async () => {
    const page = await openDesk(browser, d, { person: await somebody(d) });
    await write(d, 'Dora One', 'first');
    await write(d, 'Dan Two', 'second');
    await take(page, 'Dora One');
    await composer(page).fill('to Dora');
    await take(page, 'Dan Two');
    await composer(page).fill('to Dan');
    await mineTab(page);
    await entry(page, 'Dora One').click();
    assert.equal(await composer(page).inputValue(), 'to Dora');
    await entry(page, 'Dan Two').getByText('Draft:').waitFor();
    await page.reload();
    await composer(page).waitFor();
    assert.equal(await composer(page).inputValue(), 'to Dora');
    await entry(page, 'Dan Two').click();
    await eventually(async () => (await composer(page).inputValue()) === 'to Dan', { what: 'the other draft' });
    quiet(page);
    await page.context().close();
  });

  it('everything by the keyboard, and single keys can be turned off', async () => {
    const page = await openDesk(browser, d, { person: await somebody(d) });
    await write(d, 'Kim Keys', 'by keys');
    await page.keyboard.press('w');
    await entry(page, 'Kim Keys').waitFor();
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('type')), 'search');
    await page.keyboard.type('Kim');
    await eventually(async () => (await page.locator('.entry').count()) === 1, { what: 'one found' });
    await page.keyboard.press('Escape');
    await page.keyboard.press('w');
    await entry(page, 'Kim Keys').waitFor();
    for (let i = 0; i < 20 && !(await page.locator('h1', { hasText: 'Kim Keys' }).count()); i++) await page.keyboard.press('j');
    await page.keyboard.press('a');
    await composer(page).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('r');
    await page.keyboard.type('no hands');
    await page.keyboard.press('Enter');
    await page.getByText('no hands').first().waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await assertAccessible(page, 'the help sheet');
    await page.keyboard.press('Escape');
    await page.keyboard.press('e');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForSelector('.talk[data-state=closed]');
    await page.evaluate(() => localStorage.setItem('guichet.prefs.keys', 'false'));
    await page.reload();
    await page.waitForSelector('html[data-live=live]', { state: 'attached' });
    await page.keyboard.press('?');
    await page.keyboard.press('i');
    assert.equal(await page.getByRole('dialog').count(), 0);
    quiet(page);
    await page.context().close();
  });

  it('speaks French, down to the title and the dates', async () => {
    const page = await browser.open(d.server, '/desk', { locale: 'fr-FR' });
    await page.getByRole('heading', { name: 'Poste agent' }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'fr');
    await logIn(page, await somebody(d));
    await write(d, 'Léa Française', 'Bonjour');
    await queueTab(page);
    await entry(page, 'Léa Française').click();
    await page.getByRole('button', { name: 'Prendre la conversation' }).click();
    await composer(page).waitFor();
    await assertAccessible(page, 'the desk in French');
    const text = await page.locator('#app').innerText();
    assert.doesNotMatch(text, /\b[a-z]+\.[a-z]+\.?[a-z]*\b(?<!guichet)/, 'a key without a text');
    assert.doesNotMatch(text, /\b(Send|Close|Reply|Waiting|Earlier)\b/);
    quiet(page);
    await page.context().close();
  });

  it('a customer is told apart from a colleague who has the conversation', async () => {
    const other = await addAgent(d, unique('bea').replace(/[^a-z0-9]/g, ''), { first: 'Bea', last: 'Colleague' });
    const page = await openDesk(browser, d, { person: await somebody(d) });
    const hers = await openDesk(browser, d, { person: other });
    await write(d, 'Cora Shared', 'for one of you');
    await queueTab(page);
    await entry(page, 'Cora Shared').click();
    await page.locator('[data-take]').waitFor();
    await take(hers, 'Cora Shared');
    await page.getByText('Bea Colleague has this conversation.').waitFor();
    assert.equal(await composer(page).count(), 0);
    for (const p of [page, hers]) { quiet(p); await p.context().close(); }
  });
});
