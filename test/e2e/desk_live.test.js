// The desk when things break: the network goes and comes back, the server restarts, the session ends. Nothing is lost, nothing comes twice,
// and the page says when it is not live.
import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { assertQuiet, startBrowser } from '../lib/browser.js';
import { demo, eventually, sink } from '../lib/server.js';
import { bubbles, composer, entry, isLive, logIn, mineTab, openDesk, say, somebody, take, write } from '../lib/desk.js';

const EXPECTED = [/status of 401/, /ERR_INTERNET_DISCONNECTED|ERR_CONNECTION|ERR_INCOMPLETE|ERR_NETWORK|ERR_EMPTY_RESPONSE/, /status of 503/];

describe('the desk over a cut', () => {
  let d, hook, browser;
  before(async () => {
    hook = await sink();
    d = await demo({ webhook: hook.url });
    browser = await startBrowser();
  });
  after(async () => { await d?.stop(); await hook?.close(); });

  it('a network that goes: says so, keeps what is written, then has everything once', async () => {
    const page = await openDesk(browser, d, { person: await somebody(d) });
    const customer = await write(d, 'Nina Net', 'before the cut');
    await take(page, 'Nina Net');
    await say(page, 'answer 1');
    await page.locator('[data-delivery=delivered]').waitFor({ state: 'attached' });
    await page.context().setOffline(true);
    await page.locator('.live-bar', { hasText: 'Not live' }).waitFor();
    await say(page, 'answer 2, written in the tunnel');
    await say(page, 'answer 3, too');
    await page.locator('[data-pending=waiting]').first().waitFor();
    for (let i = 0; i < 5; i++) await write(d, 'Nina Net', `while away ${i}`, { customer });
    await write(d, 'Olaf Other', 'somebody else, meanwhile');
    assert.deepEqual(await bubbles(page), ['before the cut', 'answer 1', 'answer 2, written in the tunnel', 'answer 3, too']);
    await page.context().setOffline(false);
    await isLive(page);
    const all = ['before the cut', 'answer 1', ...[0, 1, 2, 3, 4].map((i) => `while away ${i}`), 'answer 2, written in the tunnel', 'answer 3, too'];
    await eventually(async () => { assert.deepEqual(await bubbles(page), all); return (await page.locator('[data-pending]').count()) === 0; }, { what: 'everything once, in the order of the server' });
    await page.locator('.live-bar').waitFor({ state: 'detached' });
    await hook.received(3);
    assert.deepEqual(hook.accepted.map((r) => r.json.body.message), ['answer 1', 'answer 2, written in the tunnel', 'answer 3, too']);
    await page.locator('[data-tab=queue] .count', { hasText: '1' }).waitFor();
    assertQuiet(page, ...EXPECTED);
    await page.context().close();
  });

  it('a page that is closed with answers unsent sends them when it is opened again', async () => {
    const page = await openDesk(browser, d, { person: await somebody(d) });
    await write(d, 'Rita Reload', 'hello');
    await take(page, 'Rita Reload');
    const before = hook.accepted.length;
    await d.server.kill();
    await say(page, 'sent after the reload');
    await page.locator('[data-pending]').waitFor();
    await d.server.restart();
    await page.reload();
    await hook.received(before + 1);
    assert.equal(hook.accepted.at(-1).json.body.message, 'sent after the reload');
    await eventually(async () => { assert.deepEqual(await bubbles(page), ['hello', 'sent after the reload']); return true; }, { what: 'once' });
    assertQuiet(page, ...EXPECTED);
    await page.context().close();
  });

  for (const hard of [false, true]) {
    it(`a server that restarts ${hard ? 'by kill -9' : 'in good order'} in mid-conversation`, async () => {
      const page = await openDesk(browser, d, { person: await somebody(d) });
      const name = hard ? 'Kurt Killed' : 'Rosa Restarted';
      const customer = await write(d, name, 'one');
      await take(page, name);
      await say(page, 'two');
      await page.locator('.rows > .message [data-delivery=delivered]').waitFor({ state: 'attached' });
      await composer(page).fill('a draft that stays');
      await d.server.restart({ hard });
      await write(d, name, 'three', { customer });
      await eventually(async () => { assert.deepEqual(await bubbles(page), ['one', 'two', 'three']); return true; }, { what: 'resumed' });
      assert.equal(await composer(page).inputValue(), 'a draft that stays');
      await composer(page).press('Enter');
      await eventually(async () => { assert.deepEqual(await bubbles(page), ['one', 'two', 'three', 'a draft that stays']); return (await page.locator('[data-pending]').count()) === 0; }, { what: 'answered after the restart' });
      assertQuiet(page, ...EXPECTED);
      await page.context().close();
    });
  }

  it('a session that ends: the door stands over the desk, and behind it everything is as it was', async () => {
    const person = await somebody(d);
    const page = await openDesk(browser, d, { person });
    await write(d, 'Sam Session', 'hello');
    await take(page, 'Sam Session');
    await composer(page).fill('not sent yet');
    await page.context().clearCookies();
    await page.keyboard.press('Enter');
    await page.getByText('Your session has ended.').waitFor();
    await logIn(page, person);
    await composer(page).waitFor();
    await eventually(async () => { assert.deepEqual(await bubbles(page), ['hello', 'not sent yet']); return (await page.locator('[data-pending]').count()) === 0; }, { what: 'sent after the login' });
    assertQuiet(page, ...EXPECTED);
    await page.context().close();
  });

  it('what the server refuses stays visible with its reason and can be edited', async () => {
    const page = await openDesk(browser, d, { person: await somebody(d) });
    await write(d, 'Rob Refused', 'hello');
    await take(page, 'Rob Refused');
    const id = await page.locator('.talk').getAttribute('data-interaction');
    await page.context().setOffline(true);
    await say(page, 'too late');
    await d.agent.close(id);
    await page.context().setOffline(false);
    const refused = page.locator('[data-pending=refused]');
    await refused.waitFor();
    assert.match(await refused.innerText(), /too late[\s\S]*Not sent: \S/);
    await refused.getByRole('button', { name: 'Edit' }).click();
    await refused.waitFor({ state: 'detached' });
    assertQuiet(page, ...EXPECTED, /status of 409/, /status of 400/);
    await page.context().close();
  });

  it('two pages of one person show the same', async () => {
    const one = await openDesk(browser, d, { person: await somebody(d) });
    const two = await one.context().newPage();
    await two.goto(`${d.server.url}/desk`);
    await isLive(two);
    const customer = await write(d, 'Tom Two', 'hello');
    await take(one, 'Tom Two');
    await mineTab(two);
    await entry(two, 'Tom Two').click();
    await say(two, 'from the second page');
    await write(d, 'Tom Two', 'thanks', { customer });
    for (const p of [one, two]) await eventually(async () => { assert.deepEqual(await bubbles(p), ['hello', 'from the second page', 'thanks']); return true; }, { what: 'the same on both' });
    assertQuiet(one, ...EXPECTED);
    await one.context().close();
  });
});
