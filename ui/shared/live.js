// The live stream: events of the server as they are committed. By fetch rather than EventSource, because we must see heartbeats (a dead
// connection says nothing), the status (a session that has ended is not a network that has gone) and when it resumed.
// Loses nothing: after a cut it goes on from the last event that was handed over; where that cannot be known, onFresh() is told to read anew.
import { signal } from './html.js';

const SILENCE_MS = 40_000; // the server beats every 15 s
const TICK_MS = 5_000;
const WAIT_MAX_MS = 15_000;

/**
 * @param {{urls: string[], onEvent: (e: any) => void, onUp: (resumed: boolean) => void, onEnded: () => void}} o
 *   urls: the first that exists is used. onUp: connected; what came before must be read anew, unless resumed
 */
export function liveStream({ urls, onEvent, onUp, onEnded }) {
  const state = signal(/** @type {'connecting'|'live'|'waiting'|'stopped'} */ ('connecting'));
  const retryAt = signal(0);
  let cursor = '';
  let url = 0;
  let failures = 0;
  let stopped = false;
  let heard = Date.now();
  /** @type {AbortController | null} */
  let now = null;
  let wake = () => {};

  async function once() {
    now = new AbortController();
    state.value = 'connecting';
    heard = Date.now();
    const headers = { Accept: 'text/event-stream' };
    if (cursor) headers['Last-Event-ID'] = cursor;
    const r = await fetch(urls[url], { headers, cache: 'no-store', signal: now.signal, credentials: 'same-origin' });
    if (r.status === 401) { stop(); onEnded(); return; }
    if (r.status === 404 && url + 1 < urls.length) { url++; failures = -1; return; }
    if (!r.ok || !r.body) throw new Error(`events: ${r.status}`);
    const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();
    failures = 0;
    state.value = 'live';
    onUp(cursor !== '');
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      heard = Date.now();
      rest += value;
      for (let end; (end = rest.indexOf('\n\n')) >= 0; rest = rest.slice(end + 2)) take(rest.slice(0, end));
    }
  }

  function take(block) {
    let data = '';
    let id = '';
    for (const line of block.split('\n')) {
      if (line.startsWith('data:')) data += (data && '\n') + line.slice(5).trimStart();
      else if (line.startsWith('id:')) id = line.slice(3).trim();
    }
    if (data) {
      try { onEvent(JSON.parse(data)); } catch (e) { console.error(e); }
    }
    if (id) cursor = id;
  }

  async function run() {
    while (!stopped) {
      try { await once(); } catch { /* cut off, or nobody there: below */ }
      if (stopped) break;
      failures++;
      const wait = failures <= 0 ? 0 : Math.min(WAIT_MAX_MS, 500 * 2 ** (failures - 1)) * (0.8 + 0.4 * Math.random());
      if (!wait) continue;
      state.value = 'waiting';
      retryAt.value = Date.now() + wait;
      await new Promise((resolve) => { const timer = setTimeout(resolve, wait); wake = () => { clearTimeout(timer); resolve(undefined); }; });
    }
    state.value = 'stopped';
  }

  const cut = () => now?.abort();
  /** Try now, whatever was waited for. */
  const nudge = () => { failures = 0; wake(); };
  let ticked = Date.now();
  const timer = setInterval(() => {
    // A tick that comes much too late: the machine slept, and the connection is most likely dead without knowing it.
    const slept = Date.now() - ticked > TICK_MS + 20_000;
    ticked = Date.now();
    if (state.value === 'live' && (slept || Date.now() - heard > SILENCE_MS)) { cut(); nudge(); }
  }, TICK_MS);
  const onOnline = () => nudge();
  const onOffline = () => cut();
  const onVisible = () => { if (document.visibilityState === 'visible' && state.value === 'waiting') nudge(); };
  addEventListener('online', onOnline);
  addEventListener('offline', onOffline);
  document.addEventListener('visibilitychange', onVisible);

  function stop() {
    if (stopped) return;
    stopped = true;
    clearInterval(timer);
    removeEventListener('online', onOnline);
    removeEventListener('offline', onOffline);
    document.removeEventListener('visibilitychange', onVisible);
    cut();
    wake();
  }
  run();
  return { state, retryAt, nudge, stop };
}
