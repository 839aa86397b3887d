// Two agents at two desks: states, offers (accepted, declined, run out), transfer, wrap-up with qualification, prepared replies, a network that is
// cut for too long, out of hours.
import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { assertQuiet, startBrowser } from '../lib/browser.js';
import { agent, demo, eventually, login, sink, unique } from '../lib/server.js';
import { assertAccessible, bubbles, choose, composer, entry, openDesk, patience, queueTab, say, write } from '../lib/desk.js';

const EXPECTED = [/status of 401/, /ERR_INTERNET_DISCONNECTED|ERR_CONNECTION|ERR_INCOMPLETE|ERR_NETWORK|ERR_EMPTY_RESPONSE/];
const ADMIN = '/api/v3/administration';
const OFFER = '.offer';

describe('offers and what follows', () => {
  let d, hook, browser, admin;
  /** A service of its own, the demo connector's, with these people; the service of all tests before is left alone. */
  async function serviceOf(people, settings = {}) {
    const made = await admin.ok(201, 'POST', `${ADMIN}/services`, { json: { name: unique('Service'), offerSeconds: 60, ...settings, agents: people.map((p) => ({ id: p.id, level: 1 })) } });
    const connector = (await admin.ok(200, 'GET', `${ADMIN}/connectors`)).items[0];
    await admin.ok(200, 'PUT', `${ADMIN}/connectors/${connector.id}`, { json: { service: made.id }, headers: { 'If-Match': '*' } });
    return made;
  }
  async function person(first, last = 'Desk') {
    const name = unique(first.toLowerCase()).replace(/[^a-z0-9]/g, '');
    const password = `${name} password`;
    const made = await admin.ok(201, 'POST', `${ADMIN}/agents`, { json: { login: name, firstName: first, lastName: last, password, capacity: 3 } });
    return { id: made.id, login: name, password, name: `${first} ${last}` };
  }
  const desk = async (who, options) => { const page = await openDesk(browser, d, { person: who, ...options }); return page; };
  const end = async (...pages) => { for (const p of pages) { assertQuiet(p, ...EXPECTED); await p.context().close(); } };

  before(async () => {
    hook = await sink();
    d = await demo({ webhook: hook.url, env: { GUICHET_AGENT_GRACE: '1s' } });
    const { cookie } = await login(d.server, d.admin);
    admin = agent(d.server, null, { headers: { Cookie: cookie } });
    browser = await startBrowser();
  });
  after(async () => { await d?.stop(); await hook?.close(); });

  it('nothing is offered until somebody is ready; then it is, with time left, and accepted by a key', async () => {
    const ann = await person('Ann');
    await serviceOf([ann]);
    const page = await desk(ann);
    await write(d, 'Oscar Offered', 'Is anybody there?');
    await page.locator('[data-tab=queue] .count', { hasText: '1' }).waitFor();
    assert.equal(await page.locator(OFFER).count(), 0);
    await choose(page, 'Ready');
    await page.locator(OFFER, { hasText: 'Oscar Offered' }).waitFor();
    assert.match(await page.locator(`${OFFER} .count`).innerText(), /^[01]:\d\d$/);
    assert.match(await page.title(), /^● New conversation/);
    await assertAccessible(page, 'an offer');
    await page.emulateMedia({ colorScheme: 'dark' });
    await assertAccessible(page, 'an offer in dark');
    await page.locator('body').press('a');
    await composer(page).waitFor();
    await say(page, 'Yes!');
    assert.doesNotMatch(await page.title(), /New conversation/);
    await eventually(async () => (await bubbles(page)).join('|') === 'Is anybody there?|Yes!', { what: 'answered' });
    assert.equal(await page.locator(OFFER).count(), 0);
    await end(page);
  });

  it('a declined offer goes to the next one, and why can be asked', async () => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    await serviceOf([ann, bob]);
    const one = await desk(ann);
    await choose(one, 'Ready');
    await write(d, 'Dora Declined', 'hello');
    await one.locator(OFFER, { hasText: 'Dora Declined' }).waitFor();
    const two = await desk(bob);
    await one.locator(OFFER).getByRole('button', { name: /^Decline/ }).click();
    await one.locator(OFFER).waitFor({ state: 'detached' });
    await queueTab(one);
    await entry(one, 'Dora Declined').click();
    await one.getByRole('button', { name: 'Why here?' }).click();
    await one.getByRole('dialog').getByRole('row', { name: /Ann/ }).getByText(/declined/).waitFor();
    await assertAccessible(one, 'why');
    await one.keyboard.press('Escape');
    assert.equal(await two.locator(OFFER).count(), 0, 'not ready');
    await choose(two, 'Ready');
    await two.locator(OFFER, { hasText: 'Dora Declined' }).waitFor();
    assert.equal(await one.locator(OFFER).count(), 0, 'one owner');
    await two.locator('.offer-who').click();
    await two.locator('.foot').getByRole('button', { name: 'Accept' }).click();
    await composer(two).waitFor();
    await end(one, two);
  });

  it('an offer that nobody answers runs out', async () => {
    const ann = await person('Ann');
    await serviceOf([ann], { offerSeconds: 5 });
    const page = await desk(ann);
    await choose(page, 'Ready');
    await write(d, 'Tess Timeout', 'hello');
    await page.locator(OFFER, { hasText: 'Tess Timeout' }).waitFor();
    await page.locator(OFFER).waitFor({ state: 'detached' });
    await queueTab(page);
    await entry(page, 'Tess Timeout').click();
    await page.locator('[data-kind="interaction.offer_expired"]').waitFor();
    await end(page);
  });

  it('is transferred to a colleague with a note, who answers; qualified, wrapped up, finished', async () => {
    const [ann, bob] = [await person('Ann'), await person('Bob', 'Second')];
    await serviceOf([ann, bob], { wrapupSeconds: 600 });
    await admin.ok(201, 'POST', `${ADMIN}/qualifications`, { json: { category: 'Delivery', label: unique('Parcel lost') } });
    const q = (await admin.ok(200, 'GET', `${ADMIN}/qualifications`)).items.at(-1);
    const one = await desk(ann);
    await choose(one, 'Ready');
    const customer = await write(d, 'Wanda Wrapup', 'my parcel!');
    await one.locator('.offer').getByRole('button', { name: /^Accept/ }).click();
    await composer(one).waitFor();
    const two = await desk(bob);
    await choose(two, 'Ready');
    await one.getByRole('button', { name: 'Transfer' }).click();
    await one.getByRole('searchbox', { name: 'Find a service or a person' }).fill('Second');
    await one.getByRole('radio', { name: /Bob Second/ }).check();
    await one.getByLabel(/Note for who/).fill('she called twice');
    await assertAccessible(one, 'transfer');
    await one.getByRole('dialog').getByRole('button', { name: 'Transfer', exact: true }).click();
    await one.getByText('Transferred.').waitFor();
    await two.locator(OFFER, { hasText: 'Wanda Wrapup' }).waitFor();
    await two.locator('.offer').getByRole('button', { name: /^Accept/ }).first().click();
    await composer(two).waitFor();
    await two.locator('.note', { hasText: 'she called twice' }).waitFor();
    await two.locator('[data-kind="interaction.transferred"]', { hasText: 'Bob Second' }).waitFor();
    await say(two, 'I take care of it');
    await two.locator('[data-delivery=delivered]').waitFor({ state: 'attached' });
    await two.getByRole('button', { name: 'Close conversation' }).click();
    await two.getByRole('dialog').getByRole('button', { name: 'Close conversation' }).click();
    await two.waitForSelector('.talk[data-state=wrapup]');
    await two.getByText(/left/).first().waitFor();
    await two.getByLabel('What was it about?').selectOption({ label: q.label });
    await two.getByRole('button', { name: 'Finish' }).waitFor();
    await assertAccessible(two, 'wrap-up');
    const id = await two.locator('.talk').getAttribute('data-interaction');
    await eventually(async () => (await d.agent.get(id)).qualification?.id === q.id, { what: 'qualified' });
    await two.getByRole('button', { name: 'Finish' }).click();
    await two.waitForSelector('.talk[data-state=closed]');
    assert.equal((await d.agent.get(id)).state, 'closed');
    // Writing after the close opens a new one.
    await write(d, 'Wanda Wrapup', 'thank you', { customer });
    await eventually(async () => (await two.locator(OFFER).count()) + (await one.locator(OFFER).count()) === 1, { what: 'offered to one of them' });
    await end(one, two);
  });

  it('prepared replies by shortcut, with variables', async () => {
    const ann = await person('Ann');
    await serviceOf([ann]);
    await admin.ok(201, 'POST', `${ADMIN}/canned-replies`, { json: { shortcut: 'order-of', title: 'Greeting', text: 'Hello {customer.name}, {agent.name} here. Your order {order.number}?' } });
    const page = await desk(ann);
    await choose(page, 'Ready');
    await write(d, 'Carla Canned', 'hi');
    await page.locator('.offer').getByRole('button', { name: /^Accept/ }).click();
    await composer(page).waitFor();
    await composer(page).pressSequentially('/order');
    await page.locator('.canned [role=option]').first().waitFor();
    await assertAccessible(page, 'prepared replies');
    await composer(page).press('Enter');
    await eventually(async () => (await composer(page).inputValue()) === 'Hello Carla Canned, Ann Desk here. Your order {order.number}?', { what: 'filled in' });
    // What could not be filled in is selected, to be written over.
    await page.keyboard.type('8812');
    assert.equal(await composer(page).inputValue(), 'Hello Carla Canned, Ann Desk here. Your order 8812?');
    await composer(page).press('Enter');
    await page.getByText('Your order 8812?').first().waitFor();
    await end(page);
  });

  it('an agent whose network is cut for longer than the grace: the conversation goes to somebody else, and they see it when they are back', async () => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    await serviceOf([ann, bob]);
    const one = await desk(ann);
    await choose(one, 'Ready');
    await write(d, 'Clara Cut', 'hello');
    await one.locator('.offer').getByRole('button', { name: /^Accept/ }).click();
    await composer(one).waitFor();
    const two = await desk(bob);
    await choose(two, 'Ready');
    await one.context().setOffline(true);
    // The server notices with its next heartbeat, 15 s apart.
    await two.locator(OFFER, { hasText: 'Clara Cut' }).waitFor({ timeout: patience(60_000) });
    await two.locator('.offer').getByRole('button', { name: /^Accept/ }).click();
    await composer(two).waitFor();
    await one.context().setOffline(false);
    await one.getByText('Bob Desk has this conversation.').waitFor();
    assert.equal(await composer(one).count(), 0);
    await one.locator('.who small', { hasText: 'Logged out' }).waitFor();
    await end(one, two);
  });

  it('out of hours the customer is told so, and the conversation waits', async () => {
    const ann = await person('Ann');
    const calendar = await admin.ok(201, 'POST', `${ADMIN}/calendars`, { json: { name: unique('Never'), zone: 'Europe/Paris', intervals: [] } });
    await serviceOf([ann], { calendarId: calendar.id, closedPolicy: 'wait', closedReply: 'We open on Monday at nine.' });
    const page = await desk(ann);
    await choose(page, 'Ready');
    await write(d, 'Nora Night', 'anybody?');
    await queueTab(page);
    await entry(page, 'Nora Night').click();
    await page.getByText('We open on Monday at nine.').first().waitFor();
    assert.equal(await page.locator(OFFER).count(), 0);
    assert.deepEqual(await bubbles(page), ['anybody?', 'We open on Monday at nine.']);
    await eventually(() => hook.accepted.some((r) => r.json.body.message === 'We open on Monday at nine.'), { what: 'told the customer' });
    await end(page);
  });

  it('search finds what was written, also in what is closed, and opens it', async () => {
    const ann = await person('Ann');
    await serviceOf([ann]);
    const page = await desk(ann);
    const word = unique('needle').replace(/[^a-z0-9]/g, '');
    const customer = await write(d, 'Sue Searched', `about the ${word} of yesterday`);
    const id = (await d.agent.ofCustomer(d.connector.id, customer))[0].id;
    await d.agent.close(id);
    const box = page.getByRole('searchbox', { name: 'Search conversations' });
    await box.fill(word);
    await entry(page, 'Sue Searched').click();
    await page.waitForSelector('.talk[data-state=closed]');
    await page.locator('.rows').getByText(word).waitFor();
    await box.fill(unique('nothing').replace(/[^a-z0-9]/g, ''));
    await page.getByText('Nothing found').waitFor();
    await assertAccessible(page, 'a search without result');
    await end(page);
  });
});
