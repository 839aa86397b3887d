// A real browser (Debian's Chromium, driven by playwright-core), and pictures of pages to look at.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { SLOW } from './server.js';

export const SHOTS = path.resolve(process.env.GUICHET_SHOTS ?? 'build/shots');
const EXECUTABLE = process.env.GUICHET_CHROMIUM ?? '/usr/bin/chromium';

export const SIZES = { wide: { width: 1280, height: 800 }, narrow: { width: 360, height: 740 } };
export const SCHEMES = ['light', 'dark'];

const browsers = new Set();
after(() => Promise.all([...browsers].map((b) => b.close())));

/**
 * The one browser of a test file, with a fresh profile; closed when the file ends.
 * open(server, path, options) → a page of its own (cookies, storage) that must not complain: see assertQuiet().
 */
export async function startBrowser() {
  const browser = await chromium.launch({
    executablePath: EXECUTABLE, headless: true, timeout: 60_000 * SLOW,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--font-render-hinting=none'],
  });
  browsers.add(browser);
  return {
    browser,
    async open(server, where = '/', { size = 'wide', colorScheme = 'light', ...context } = {}) {
      const own = await browser.newContext({ viewport: SIZES[size], colorScheme, reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'Europe/Paris', ...context });
      own.setDefaultTimeout(15_000 * SLOW);
      const page = await own.newPage();
      watch(page, server.url);
      await page.goto(server.url + where);
      return page;
    },
  };
}

const complaints = new WeakMap();

/** Notes errors of scripts, of the console (a breach of the content policy is one) and every request to somebody else. */
function watch(page, origin) {
  const list = [];
  complaints.set(page, list);
  page.on('pageerror', (e) => list.push(`error: ${e.stack ?? e}`));
  page.on('console', (m) => { if (m.type() === 'error') list.push(`console: ${m.text()} (${m.location().url})`); });
  page.on('request', (r) => {
    const url = new URL(r.url());
    if (url.origin !== origin && !['data:', 'blob:'].includes(url.protocol)) list.push(`request to ${url.origin}`);
  });
}

/** The page has complained of nothing but what is expected (regular expressions); forgets what it complained of. */
export function assertQuiet(page, ...expected) {
  const list = complaints.get(page).splice(0);
  const rest = list.filter((line) => !expected.some((e) => e.test(line)));
  assert.deepEqual(rest, [], 'the page complains');
}

/** Nothing sticks out to the right: no horizontal scrolling of the page. */
export async function assertFits(page) {
  const { scroll, width } = await page.evaluate(() => ({ scroll: document.documentElement.scrollWidth, width: document.documentElement.clientWidth }));
  assert.ok(scroll <= width, `the page is ${scroll} px wide in a window of ${width}`);
}

/**
 * Pictures of the page as it stands: wide and narrow, light and dark, build/shots/NAME-wide-dark.png …; it must fit each.
 * prepare(page, size) puts right what a change of size undoes (an open menu, say).
 */
export async function takeShots(page, name, { fullPage = false, prepare } = {}) {
  fs.mkdirSync(SHOTS, { recursive: true });
  const before = page.viewportSize();
  const files = [];
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      await prepare?.(page, size);
      await assertFits(page);
      const file = path.join(SHOTS, `${name}-${size}-${colorScheme}.png`);
      await page.screenshot({ path: file, fullPage });
      files.push(file);
    }
  }
  await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: 'light' });
  return files;
}
