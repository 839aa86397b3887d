// The setup by command: rows of any family, the whole of it carried to another instance, and what the demo consists of.
import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { cli, cliJson, demoData, newDataDir, newFolder, setupId } from '../lib/server.js';

const FAMILIES = ['groups', 'teams', 'skills', 'states', 'calendars', 'services', 'qualifications', 'canned-replies', 'agents', 'connectors', 'tokens', 'account-tokens', 'channels'];
const CARRIED = FAMILIES.slice(0, -4);
/** Without what differs between two instances that say the same. */
const plain = (rows) => JSON.stringify(rows, (k, v) => (['id', 'version', 'createdAt', 'serviceId', 'calendarId'].includes(k) ? undefined : v));
const exported = async (dir, ...more) => {
  const r = await cli(['setup', 'export', '--data', dir, ...more]);
  assert.equal(r.code, 0, r.stderr);
  return r.json;
};
function file(json) {
  const name = path.join(newFolder(), 'setup.json');
  fs.writeFileSync(name, typeof json === 'string' ? json : JSON.stringify(json));
  return name;
}

describe('setup commands', () => {
  it('a row is listed, added, changed and removed', async () => {
    const { dir } = await demoData();
    const at = ['--data', dir];
    for (const family of FAMILIES) assert.ok(['channels', 'account-tokens'].includes(family) || (await cliJson(['setup', 'list', family, ...at])).items.length >= 1, family);
    const made = await cliJson(['setup', 'add', 'skills', '{"name":"Latin"}', ...at]);
    assert.equal(made.name, 'Latin');
    const set = await cliJson(['setup', 'set', 'services', 'Billing', JSON.stringify({ wrapupSeconds: 20, skills: [{ id: made.id, level: 2 }] }), ...at]);
    assert.deepEqual([set.wrapupSeconds, set.skills], [20, [{ id: made.id, name: 'Latin', level: 2 }]]);
    const used = await cli(['setup', 'remove', 'skills', 'Latin', ...at]);
    assert.equal(used.code, 4);
    assert.match(used.stderr, /used by 1 services/);
    await cliJson(['setup', 'set', 'services', String(set.id), '{"skills":[]}', ...at]);
    assert.match((await cli(['setup', 'remove', 'skills', String(made.id), ...at])).stdout, /removed skill \d+, "Latin"/);
    assert.equal((await cliJson(['setup', 'remove', 'agents', 'sam', ...at])).enabled, false);
    assert.match((await cli(['setup', 'list', 'teams', ...at])).stdout, /Accounts/);
  });

  it('what is wrong: the place in the JSON, a code, nothing stored', async () => {
    const { dir } = await demoData();
    const before = await exported(dir);
    for (const [code, args, says] of [
      [2, ['setup', 'list', 'nothing'], /no family "nothing"/],
      [2, ['setup', 'add', 'skills', '{'], /not JSON/],
      [2, ['setup', 'add', 'skills', '[]'], /must be an object/],
      [2, ['setup', 'add', 'agents', '{"login":"x"}'], /commands of their own/],
      [4, ['setup', 'add', 'skills', '{}'], /\/name: is required/],
      [4, ['setup', 'add', 'skills', '{"name":"French"}'], /\/name: is already in use/],
      [4, ['setup', 'set', 'services', 'Billing', '{"priority":99,"overflow":{"serviceId":77}}'], /\/priority: must be from 1 to 10/],
      [4, ['setup', 'set', 'services', 'Billing', '{"overflow":{"serviceId":77}}'], /\/overflow\/serviceId: there is no service 77/],
      [3, ['setup', 'set', 'services', 'None', '{}'], /no service "None"/],
      [3, ['setup', 'remove', 'teams', '99'], /no team "99"/],
      [4, ['setup', 'remove', 'states', 'Ready'], /last enabled state/],
      [4, ['setup', 'set', 'agents', 'admin', '{"enabled":false}'], /last enabled administrator/],
    ]) {
      const r = await cli([...args, '--data', dir]);
      assert.equal(r.code, code, `${args}: ${r.stderr}`);
      assert.match(r.stderr, says);
    }
    assert.deepEqual(await exported(dir), before);
  });

  it('exported and imported into another instance it is the same setup', async () => {
    const { dir } = await demoData();
    const from = await exported(dir);
    assert.deepEqual(Object.keys(from), CARRIED);
    const other = newDataDir();
    await cliJson(['init', '--data', other]);
    // Ids are shifted there, so that none fits by chance.
    for (const family of ['groups', 'teams', 'skills']) await cliJson(['setup', 'add', family, '{"name":"first"}', '--data', other]);
    await cliJson(['setup', 'add', 'services', '{"name":"first"}', '--data', other]);
    const done = await cliJson(['setup', 'import', file(from), '--data', other]);
    assert.deepEqual([done.added > 20, done.changed], [true, 7], 'six states and the administrator were there');
    const to = await exported(other);
    const others = (rows) => rows.filter((x) => x.name !== 'first');
    for (const family of CARRIED) assert.equal(plain(others(to[family])), plain(from[family]), family);
    const [billing, care] = ['Billing', 'Customer care'].map((n) => to.services.find((s) => s.name === n));
    assert.deepEqual(billing.overflow, { serviceId: care.id, afterSeconds: 120 });
    assert.equal(care.calendarId, to.calendars[0].id);
    assert.deepEqual(to.qualifications.filter((q) => q.category === 'Invoice').map((q) => q.serviceId), [billing.id, billing.id]);
    const again = await cliJson(['setup', 'import', file(from), '--data', other]);
    assert.equal(again.added, 0);
    assert.deepEqual(await exported(other), to, 'once more changes nothing');
  });

  it('an import with one mistake changes nothing', async () => {
    const { dir } = await demoData();
    const before = await exported(dir);
    for (const [json, says, code = 4] of [
      [{ skills: [{ name: 'New' }], services: [{ name: 'Bad', priority: 99 }] }, /\/services\/0\/priority/],
      [{ skills: [{ name: 'New' }], services: [{ name: 'Bad', skills: [{ id: 5, level: 1 }] }] }, /\/services\/0\/skills\/0\/id: there is no skill 5 in the file/],
      [{ skills: [{ name: 'New' }, 5] }, /\/skills\/1/],
      [{ teams: [{ name: 'New' }], skills: 'x' }, /\/skills: must be an array/],
      [{ agents: [{ login: 'admin', enabled: false }] }, /last enabled administrator/],
      ['not json', /not JSON/, 2],
    ]) {
      const r = await cli(['setup', 'import', file(json), '--data', dir]);
      assert.equal(r.code, code, r.stderr);
      assert.match(r.stderr, says);
    }
    assert.equal((await cli(['setup', 'import', '/nonexistent', '--data', dir])).code !== 0, true);
    assert.deepEqual(await exported(dir), before);
  });

  it('the demo: two services, two agents who serve them, something to choose from', async () => {
    const { dir, person } = await demoData();
    const { services, agents, skills, qualifications, calendars, states, ...rest } = await exported(dir);
    assert.deepEqual(services.map((s) => s.name), ['Customer care', 'Billing']);
    const demo = agents.find((a) => a.login === person.login);
    assert.deepEqual(demo.services.map((s) => s.name), ['Customer care']);
    assert.ok(demo.skills.length && agents.find((a) => a.login === 'sam').services.length === 2);
    assert.ok(skills.length >= 3 && qualifications.length >= 5 && rest['canned-replies'].length >= 4 && states.length === 6);
    assert.deepEqual(calendars[0].intervals.map((i) => [i.weekday, i.start, i.end]), [1, 2, 3, 4, 5, 6, 7].map((d) => [d, '00:00', '24:00']));
    assert.ok(setupId(services[0].id) > 0);
  });
});
