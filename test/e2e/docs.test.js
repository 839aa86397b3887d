// The page /docs in a real browser: reads what the server's documents say, finds calls, and makes them.
import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { assertFits, assertQuiet, startBrowser, takeShots } from '../lib/browser.js';
import { assertAccessible } from '../lib/desk.js';
import { load } from '../lib/conformance.js';
import { demo, message, unique } from '../lib/server.js';

describe('/docs', () => {
  let d, browser;
  before(async () => {
    d = await demo();
    browser = await startBrowser();
  });
  after(() => d?.stop());
  const open = async (where = '', options) => {
    const page = await browser.open(d.server, `/docs${where}`, options);
    await page.locator(where ? '.operation' : '.cards').first().waitFor();
    return page;
  };
  const section = (page, id) => page.locator(`[id="${id}"]`);
  async function tryIt(page, id) {
    const s = section(page, id);
    await s.getByRole('button', { name: 'Try it' }).click();
    return s;
  }
  const send = async (s) => {
    await s.getByRole('button', { name: 'Send' }).click();
    await s.locator('.answer-head small').waitFor();
  };

  it('names every API and every call of it', async () => {
    const page = await open();
    const { documents } = load();
    assert.equal(await page.locator('.cards li').count(), Object.keys(documents).length);
    for (const [name, document] of Object.entries(documents)) {
      await page.goto(`${d.server.url}/docs#/${name}`);
      await page.locator('h1', { hasText: document.info.title }).waitFor();
      const calls = Object.values(document.paths).flatMap((methods) => Object.keys(methods)).length + Object.keys(document.webhooks ?? {}).length;
      assert.equal(await page.locator('.operation').count(), calls, name);
      assert.equal(await page.locator('.item').count(), calls, name);
    }
    assertQuiet(page);
  });

  it('opens at a call by its address, and shows fields, answers and codes', async () => {
    const page = await open('#/interaction/addNote');
    await page.waitForFunction(() => document.activeElement?.id === 'interaction.addNote');
    assert.match(await page.title(), /note/i);
    const s = section(page, 'interaction.addNote');
    assert.ok((await s.boundingBox()).y < 300, 'scrolled to it');
    const text = await s.innerText();
    for (const words of ['POST', '/notes', 'content', 'text, 1 to 65536', 'required', 'ERR_1260', '201']) assert.ok(text.includes(words), words);
    await s.locator('summary', { hasText: 'Note' }).click();
    await s.locator('details[open] code', { hasText: 'createdAt' }).waitFor();
    assertQuiet(page);
  });

  it('finds by words, with the keyboard alone', async () => {
    const page = await open();
    await page.keyboard.press('/');
    await page.keyboard.type('attachment bytes');
    await page.locator('.found .item', { hasText: 'The bytes of a file' }).waitFor();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => location.hash === '#/interaction/getAttachment');
    await page.keyboard.press('Escape');
    await page.keyboard.press('/');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('zzz nothing');
    await page.locator('.none').waitFor();
    assertQuiet(page);
  });

  it('copies the call as a line for the shell', async () => {
    const page = await open('#/interaction/listInteractions', { permissions: ['clipboard-read', 'clipboard-write'] });
    const s = section(page, 'interaction.listInteractions');
    await s.getByRole('button', { name: 'Copy' }).click();
    await s.getByRole('button', { name: 'Copied' }).waitFor();
    const line = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(line, /^curl 'http:\/\/127\.0\.0\.1:\d+\/api\/v3\/interaction\/interactions' \\\n {2}-H 'Kiamo-Api-Token: TOKEN'$/);
    assertQuiet(page);
  });

  it('makes a call with a token, which no disk keeps, and shows what is answered', async () => {
    const customer = unique('docs');
    await d.partner.sendOk(message({ customer, text: '<img src=x onerror=alert(1)>' }));
    const page = await open('#/interaction/listInteractions');
    const s = await tryIt(page, 'interaction.listInteractions');
    await send(s);
    assert.match(await s.locator('.answer').innerText(), /401[^]*authentication token is not valid/);
    await s.locator('#token').fill(d.token);
    await s.locator('#p-query-connector').fill(String(d.connector.id));
    await s.locator('#p-query-customer').fill(customer);
    await s.getByRole('button', { name: 'Send' }).click();
    await s.locator('.answer-head .good').waitFor();
    const found = JSON.parse(await s.locator('.answer pre').innerText());
    assert.equal(found.items[0].customer.externalId, customer);
    assert.match(await s.locator('.code-box pre').innerText(), new RegExp(`customer=${customer}`));
    assert.ok(!(await page.content()).includes(d.token) && !(await page.evaluate(() => JSON.stringify(localStorage))).includes(d.token));
    // The same token for another call, with a body.
    const note = await tryIt(page, 'interaction.addNote');
    await note.locator('#p-path-id').fill(found.items[0].id);
    await note.locator('#body').fill('{"content": "from the docs"}');
    await send(note);
    assert.match(await note.locator('.answer-head').innerText(), /^201/);
    assert.equal((await d.agent.timeline(found.items[0].id)).at(-1).note.content, 'from the docs');
    // What customers write stays text.
    const timeline = await tryIt(page, 'interaction.getTimeline');
    await timeline.locator('#p-path-id').fill(found.items[0].id);
    await send(timeline);
    await timeline.locator('pre', { hasText: 'onerror' }).waitFor();
    assert.equal(await page.locator('.answer img').count(), 0);
    assertQuiet(page, /status of 401/);
  });

  it('gets a token of a connector by a form, and goes on with it', async () => {
    const page = await open('#/messaging/createToken');
    const s = await tryIt(page, 'messaging.createToken');
    await s.locator('#body').fill(JSON.stringify({ client_id: d.connector.client_id, client_secret: d.connector.client_secret, grant_type: 'client_credentials' }));
    await send(s);
    await s.getByRole('button', { name: 'Use this token' }).click();
    const messages = await tryIt(page, 'messaging.sendMessages');
    await send(messages);
    assert.match(await messages.locator('.answer-head').innerText(), /^200/, 'the sample is taken as it stands');
    assertQuiet(page);
  });

  it('shows live events as they come, until stopped', async () => {
    const page = await open('#/interaction/streamEvents');
    const s = await tryIt(page, 'interaction.streamEvents');
    await s.locator('#token').fill(d.token);
    await s.getByRole('button', { name: 'Send' }).click();
    await s.locator('.answer-head .good').waitFor();
    await d.partner.sendOk(message({ customer: unique('live') }));
    await s.locator('pre', { hasText: 'message.received' }).waitFor();
    await s.getByRole('button', { name: 'Stop' }).click();
    await s.getByText('(stopped)').waitFor();
    assertQuiet(page);
  });

  it('says so when the documents cannot be had', async () => {
    const page = await browser.open(d.server, '/health');
    await page.route('**/documents.json', (r) => r.abort());
    await page.goto(`${d.server.url}/docs`);
    await page.getByRole('alert').waitFor();
    assertQuiet(page, /ERR_FAILED|favicon/);
  });

  it('looks right everywhere, and axe-core finds nothing', async () => {
    const page = await open();
    const files = await takeShots(page, 'docs', { prepare: (_, size) => assertAccessible(page, `start, ${size}`) });
    await page.goto(`${d.server.url}/docs#/interaction/answerCustomer`);
    const s = section(page, 'interaction.answerCustomer');
    await s.waitFor();
    for (const summary of await s.locator('summary').all()) await summary.click();
    files.push(...(await takeShots(page, 'docs-call', { prepare: async (_, size) => { await page.evaluate(() => scrollTo(0, 0)); await assertAccessible(page, `a call, ${size}`); await s.evaluate((x) => x.scrollIntoView()); } })));
    await tryIt(page, 'interaction.answerCustomer');
    await send(s);
    files.push(...(await takeShots(page, 'docs-try', { prepare: () => s.locator('.try').evaluate((x) => x.scrollIntoView()) })));
    await page.setViewportSize({ width: 360, height: 740 });
    await page.getByRole('button', { name: 'Contents' }).click();
    await assertFits(page);
    await page.screenshot({ path: files[0].replace('docs-wide-light', 'docs-contents-narrow-light') });
    for (const file of files) assert.ok(fs.statSync(file).size > 1000, file);
    assertQuiet(page, /status of 40\d/);
  });
});
