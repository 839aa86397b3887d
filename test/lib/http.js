// HTTP as a client sees it: one request with its whole answer, bytes on a raw socket, a live event stream.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import './end.js';

/** One request; resolves with the complete answer whatever its status, rejects only when the connection fails. */
export function request(url, { method = 'GET', headers = {}, body, agent = false, timeout = 120_000, ca } = {}) {
  return new Promise((resolve, reject) => {
    const lib = url.startsWith('https:') ? https : http;
    const req = lib.request(url, { method, headers, agent, ca }, (res) => {
      const chunks = [];
      res.on('data', (c) => chunks.push(c));
      res.on('error', reject);
      res.on('aborted', () => reject(new Error(`${method} ${url}: answer broken off`)));
      res.on('end', () => {
        const bytes = Buffer.concat(chunks);
        resolve({
          status: res.statusCode,
          headers: res.headers,
          bytes,
          get text() { return bytes.toString('utf8'); },
          get json() { return JSON.parse(bytes.toString('utf8')); },
        });
      });
    });
    req.setTimeout(timeout, () => req.destroy(new Error(`${method} ${url}: no answer within ${timeout} ms`)));
    req.on('error', reject);
    if (body !== undefined) req.write(body);
    req.end();
  });
}

/** Like request, with `json` as the body. */
export function requestJson(url, json, { headers = {}, ...rest } = {}) {
  const body = Buffer.from(JSON.stringify(json));
  return request(url, { method: 'POST', ...rest, body, headers: { 'Content-Type': 'application/json', 'Content-Length': body.length, ...headers } });
}

/**
 * Sends bytes as they are and collects what comes back until the peer closes, `until(text)` is true, or time is over.
 * parts: string (latin1), Buffer, or an array of those; a number in the array is a pause in ms; a function gets the socket.
 */
export function raw(port, parts, { timeout = 15_000, until, host = '127.0.0.1', endAfter = false } = {}) {
  return new Promise((resolve) => {
    const got = [];
    let finished = false;
    const socket = net.connect({ port, host });
    const timer = setTimeout(() => finish(false, 'timeout'), timeout);
    function finish(closed, error) {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      socket.destroy();
      const bytes = Buffer.concat(got);
      resolve({ bytes, text: bytes.toString('latin1'), closed, error });
    }
    socket.on('data', (d) => {
      got.push(d);
      if (until && until(Buffer.concat(got).toString('latin1'))) finish(false);
    });
    socket.on('end', () => finish(true));
    socket.on('close', () => finish(true));
    socket.on('error', (e) => finish(true, e.code));
    socket.on('connect', async () => {
      for (const part of Array.isArray(parts) ? parts : [parts]) {
        if (finished) return;
        if (typeof part === 'number') await new Promise((r) => setTimeout(r, part));
        else if (typeof part === 'function') await part(socket);
        else socket.write(typeof part === 'string' ? Buffer.from(part, 'latin1') : part);
      }
      if (endAfter) socket.end();
    });
  });
}

/** Statuses of all answers in a raw byte text. Good for answers whose bodies hold no status line. */
export const statuses = (text) => [...text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map((m) => Number(m[1]));

/** A live stream (text/event-stream). Resolves once its headers are there; throws with `response` when they are not 200. */
export function eventStream(url, { headers = {}, timeout = 30_000 } = {}) {
  return new Promise((resolve, reject) => {
    const req = http.request(url, { headers: { Accept: 'text/event-stream', ...headers }, agent: false });
    req.setTimeout(timeout, () => { if (!stream) req.destroy(new Error(`${url}: no headers within ${timeout} ms`)); });
    let stream = null;
    req.on('error', (e) => (stream ? stream.fail(e) : reject(e)));
    req.on('response', (res) => {
      if (res.statusCode !== 200) {
        const chunks = [];
        res.on('data', (c) => chunks.push(c));
        res.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          reject(Object.assign(new Error(`${url}: ${res.statusCode} ${text}`), { status: res.statusCode, headers: res.headers, text }));
        });
        return;
      }
      req.setTimeout(0);
      res.socket.unref();
      stream = new Stream(req, res);
      resolve(stream);
    });
    req.end();
  });
}

class Stream {
  #req; #res; #queue = []; #waiting = []; #rest = ''; #over = null;
  lastEventId; comments = 0;
  constructor(req, res) {
    this.#req = req;
    this.#res = res;
    this.headers = res.headers;
    res.setEncoding('utf8');
    res.on('data', (text) => this.#take(text));
    res.on('aborted', () => this.fail(new Error('stream broken off')));
    res.on('error', (e) => this.fail(e));
    res.on('end', () => this.fail(null));
  }
  #take(text) {
    this.#rest += text;
    let end;
    while ((end = this.#rest.indexOf('\n\n')) >= 0) {
      const block = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end + 2);
      const event = { event: 'message', data: '' };
      let any = false;
      for (const line of block.split('\n')) {
        if (line.startsWith(':')) { this.comments++; continue; }
        const colon = line.indexOf(':');
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
        if (name === 'data') { event.data += (any ? '\n' : '') + value; any = true; }
        else event[name] = value;
      }
      if (!any) continue;
      event.text = event.data;
      event.data = JSON.parse(event.data);
      if (event.id !== undefined) this.lastEventId = event.id;
      if (this.#waiting.length) this.#waiting.shift().resolve(event);
      else this.#queue.push(event);
    }
  }
  fail(error) {
    this.#over ??= { error };
    for (const w of this.#waiting.splice(0)) w.resolve(null);
  }
  get ended() { return this.#over !== null; }
  pause() { this.#res.pause(); }
  resume() { this.#res.resume(); }
  /** The next event, or null when the stream is over. */
  next(timeout = 30_000) {
    if (this.#queue.length) return Promise.resolve(this.#queue.shift());
    if (this.#over) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no event within ${timeout} ms`)), timeout);
      this.#waiting.push({ resolve: (e) => { clearTimeout(timer); resolve(e); } });
    });
  }
  /** Events up to and with the first that fulfils the condition. */
  async until(condition, timeout = 30_000) {
    const deadline = Date.now() + timeout;
    const seen = [];
    for (;;) {
      const left = deadline - Date.now();
      let event;
      try {
        event = await this.next(Math.max(1, left));
      } catch (e) {
        throw new Error(`${e.message}; seen: ${seen.map((s) => `${s.id} ${s.event}`).join(', ')}`);
      }
      if (!event) throw new Error(`stream ended; seen: ${seen.map((s) => `${s.id} ${s.event}`).join(', ')}`);
      seen.push(event);
      if (condition(event, seen)) return seen;
    }
  }
  async *[Symbol.asyncIterator]() {
    for (let e; (e = await this.next()); ) yield e;
  }
  close() { this.#req.destroy(); }
}
