// For tests of the desk: a server with its partner, people who are logged in at it, and what tests do again and again.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { SLOW, cliJson, message, unique } from './server.js';

const HERE = path.resolve('test/api/examples');

/** A parcel's label: bars and lines. */
const label = (x, y, w, h) => (y > h * 0.55 && y < h * 0.85 && x > w * 0.1 && x < w * 0.9 ? ((x * x * 7) % 11 < 5 ? [30, 34, 36] : [250, 248, 242]) : y > h * 0.15 && y < h * 0.45 && y % 14 < 3 && x > w * 0.1 && x < w * 0.6 ? [120, 124, 126] : [250, 248, 242]);

/** A PNG, pixel by pixel. */
export function png(width, height, paint = label) {
  const crc = (bytes) => { let c = ~0; for (const x of bytes) { c ^= x; for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1; } return ~c >>> 0; };
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(8 + body.length);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc(body), 4 + body.length);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const line = (y) => Buffer.from([0, ...Array.from({ length: width }, (_, x) => paint(x, y, width, height)).flat()]);
  const pixels = Buffer.concat(Array.from({ length: height }, (_, y) => line(y)));
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]), chunk('IHDR', head), chunk('IDAT', zlib.deflateSync(pixels)), chunk('IEND', Buffer.alloc(0))]);
}

/** Another person of the instance. */
export async function addAgent(d, login, { first = login, last = '', profile = 'agent', password = `${login}-password-1` } = {}) {
  await cliJson(['agent', 'create', '--login', login, '--data', d.dir, '--first-name', first, '--last-name', last, '--profile', profile, '--password-stdin'], { input: `${password}\n` });
  return { login, password };
}

/** A person with nothing to do yet. */
let people = 0;
export const somebody = (d) => addAgent(d, `person${++people}-${process.pid}`, { first: 'Demo', last: 'Agent' });

/** Opens the desk and logs in; resolves when the lists are there and the page is live. */
export async function openDesk(browser, d, { person = d.person, ...options } = {}) {
  const page = await browser.open(d.server, '/desk', options);
  await logIn(page, person);
  return page;
}
export async function logIn(page, person) {
  await page.locator('input[name=login]').fill(person.login);
  await page.locator('input[name=password]').fill(person.password);
  await page.locator('button[type=submit]').click();
  await isLive(page);
}
export const isLive = (page) => page.waitForSelector('html[data-ready=desk][data-live=live]', { state: 'attached' });

export const entry = (page, name) => page.locator('.entry', { hasText: name });
export const queueTab = (page) => page.locator('[data-tab=queue]').click();
export const mineTab = (page) => page.locator('[data-tab=mine]').click();
export const composer = (page) => page.locator('[data-composer]');
export const bubbles = (page) => page.locator('.rows > .message .bubble .text').allInnerTexts();

/** Chooses a state by its name. */
export async function choose(page, label) {
  await page.locator('.state-menu > button').click();
  await page.getByRole('menuitemradio', { name: label }).click();
  await page.locator('.state-menu small', { hasText: label }).waitFor();
}

/** Writes an answer in the open conversation. */
export async function say(page, text) {
  await composer(page).fill(text);
  await composer(page).press('Enter');
}

/** Takes a waiting customer's conversation, by hand. */
export async function take(page, name) {
  await queueTab(page);
  await entry(page, name).click();
  await page.locator('[data-take]').click();
  await composer(page).waitFor();
}

/** One message of a new customer. */
export async function write(d, name, text, rest = {}) {
  const customer = rest.customer ?? unique('customer');
  await d.partner.sendOk(message({ customer, text, created_at: Math.floor(Date.now() / 1000), sender: { type: 'human', id: customer, name }, ...rest, ...(rest.body ? { body: { message: text, ...rest.body } } : {}) }));
  return customer;
}

/** A bot's conversation, and the message with which the customer asks for a person. */
export async function handOver(d, name, ask, { customer = unique('customer'), ...rest } = {}) {
  const { messages } = JSON.parse(fs.readFileSync(path.join(HERE, 'conversation_history.json'), 'utf8'));
  const at = Math.floor(Date.now() / 1000) - 240;
  const own = (p) => (p.type === 'human' ? { ...p, id: customer, name } : p);
  const history = messages.map((m, i) => ({ ...m, created_at: at + 30 * i, customer_id: customer, sender: own(m.sender), recipient: own(m.recipient) }));
  await d.partner.sendOk([...history, message({ customer, text: ask, created_at: at + 200, sender: { type: 'human', id: customer, name }, ...rest })]);
  return customer;
}

export const base64 = (bytes) => Buffer.from(bytes).toString('base64');
export const file = (name, mime_type, bytes, id = unique('f')) => ({ id, name, mime_type, content: { type: 'base64', data: base64(bytes) } });

let axeSource = '';
/** axe-core finds nothing against WCAG 2.2 AA in the page as it stands. */
export async function assertAccessible(page, what) {
  axeSource ||= fs.readFileSync(path.resolve('node_modules/axe-core/axe.min.js'), 'utf8');
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => {
    const r = await /** @type {any} */ (window).axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return r.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => `${n.target} (${n.any.map((a) => a.message).join('; ')})`).join(' | ')}`);
  });
  assert.deepEqual(found, [], `axe-core on ${what}`);
}

export const patience = (ms) => ms * SLOW;
