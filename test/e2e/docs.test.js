// The page /docs in a real browser.
import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { assertQuiet, startBrowser, takeShots } from '../lib/browser.js';
import { demo } from '../lib/server.js';

describe('/docs', () => {
  let d, browser;
  before(async () => {
    d = await demo();
    browser = await startBrowser();
  });
  after(() => d?.stop());

  it('names the APIs, asks nobody else, and fits every window', async () => {
    const page = await browser.open(d.server, '/docs');
    assert.match(await page.title(), /APIs/);
    assert.match(await page.locator('main').innerText(), /\/api\/v3\/interaction/);
    for (const file of await takeShots(page, 'docs')) assert.ok(fs.statSync(file).size > 1000, file);
    assertQuiet(page);
  });
});
