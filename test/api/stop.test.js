// A clean stop beside clients who have open connections and go on asking: nobody is left in the middle, nothing aborts.
import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { demo, message, sink, sleep, unique, SLOW } from '../lib/server.js';

describe('a clean stop', () => {
  it('beside requests that arrive while the deliverer winds down', async () => {
    const hook = await sink({ behaviour: () => ({ delay: 2500 * SLOW }) });
    const d = await demo({ webhook: hook.url, env: { GUICHET_DELIVERY_TIMEOUT: '60s', GUICHET_STOP_DEADLINE: `${20 * SLOW}s` } });
    const customer = unique('stop');
    await d.partner.sendOk(message({ customer }));
    const [i] = await d.agent.ofCustomer(d.connector.id, customer);

    // Idle connections, opened while one still can.
    const keep = new http.Agent({ keepAlive: true, maxSockets: 40 });
    const token = await d.partner.token();
    const large = { id: 'f', name: 'f.bin', mime_type: 'application/octet-stream', content: { type: 'base64', data: Buffer.alloc(4 << 20, 7).toString('base64') } };
    const send = (files) => new Promise((resolve) => {
      const m = message({ customer: unique('stop') });
      const body = JSON.stringify({ messages: [{ ...m, body: { message: 'x', attachments: files } }] });
      const req = http.request(`${d.server.url}/messaging/v1/messages`, {
        method: 'POST', agent: keep, headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
      }, (res) => { res.resume(); res.on('end', () => resolve(res.statusCode)); res.on('error', () => resolve('broken')); });
      req.on('error', (e) => resolve(e.code));
      req.end(body);
    });
    assert.deepEqual([...new Set(await Promise.all(Array.from({ length: 40 }, () => send([]))))], [200]);

    await d.agent.reply(i.id, 'slowly delivered');
    await hook.received(1, { of: 'requests' });
    const stopped = d.stop();
    const answers = [];
    const begin = Date.now();
    let over = false;
    stopped.finally(() => { over = true; }).catch(() => {});
    while (!over && answers.length < 40 && Date.now() - begin < 20_000 * SLOW) {
      answers.push(send([large]));
      await sleep(60 * SLOW);
    }
    await stopped; // exit code 0, no abort, nothing reported
    // Each was answered: stored, or told to go elsewhere; or found the connection closed.
    const statuses = new Set(await Promise.all(answers));
    for (const s of statuses) assert.ok([200, 503, 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(s), `${s}`);
    keep.destroy();
    await hook.close();
  });
});
