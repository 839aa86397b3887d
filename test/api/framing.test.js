// How requests are cut out of the bytes of a connection: the same bytes go to Debian's nginx (in front of a small server, since it
// reads bodies only for somebody) and to our HTTP layer. Wherever nginx refuses we refuse and close, and nobody ever gets an answer
// to a request that was hidden in another. GUICHET_BUILD names the build folder.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import test from 'node:test';
import '../lib/end.js';

const BUILD = path.resolve(process.env.GUICHET_BUILD ?? 'build');
const ECHO = path.join(BUILD, 'test/unit/http/http_echo');
const DEADLINE = 20_000;

const H = 'Host: x\r\n';
const POST = `POST /echo HTTP/1.1\r\n${H}`;
const TE = 'Transfer-Encoding: chunked\r\n';
const HIDDEN = `GET /item/hidden HTTP/1.1\r\n${H}\r\n`;
const chunked = (body) => `${POST}${TE}\r\n${body}`;

/* name, bytes, and what we must do: a status, or 'closed' for a connection closed without an answer. Without `open` the connection
 * must end there. `answers`: how many requests are really in the bytes. `stricter`: why we refuse what nginx serves.
 * `milder`: why we serve what nginx refuses. */
const rows = [
  // What must work.
  { name: 'plain GET', raw: `GET /item/1 HTTP/1.1\r\n${H}\r\n`, ours: 200, open: true },
  { name: 'POST with a length', raw: `${POST}Content-Length: 5\r\n\r\nhello`, ours: 200, open: true },
  { name: 'POST with length 0', raw: `${POST}Content-Length: 0\r\n\r\n`, ours: 200, open: true },
  { name: 'POST without a body', raw: `${POST}\r\n`, ours: 200, open: true },
  { name: 'length with leading zeros', raw: `${POST}Content-Length: 0005\r\n\r\nhello`, ours: 200, open: true },
  { name: 'HTTP/1.0 without Host', raw: 'GET /item/1 HTTP/1.0\r\n\r\n', ours: 200 },
  { name: 'HTTP/1.0 kept alive', raw: 'GET /item/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', ours: 200, open: true },
  { name: 'Connection: close', raw: `GET /item/1 HTTP/1.1\r\n${H}Connection: close\r\n\r\n`, ours: 200 },
  { name: 'two requests at once', raw: `GET /item/1 HTTP/1.1\r\n${H}\r\nGET /item/2 HTTP/1.1\r\n${H}\r\n`, ours: 200, open: true, answers: 2 },
  { name: 'a body and a request at once', raw: `${POST}Content-Length: 5\r\n\r\nhelloGET /item/2 HTTP/1.1\r\n${H}\r\n`, ours: 200, open: true, answers: 2 },
  { name: 'empty lines before a request', raw: `\r\n\r\nGET /item/1 HTTP/1.1\r\n${H}\r\n`, ours: 200, open: true },
  { name: 'no blank behind the colon', raw: 'GET /item/1 HTTP/1.1\r\nHost:x\r\nX:\r\nY: \t \r\n\r\n', ours: 200, open: true },
  { name: 'absolute target', raw: `GET http://x/item/1 HTTP/1.1\r\n${H}\r\n`, ours: 200, open: true },
  { name: 'absolute target without a path', raw: `GET http://x HTTP/1.1\r\n${H}\r\n`, ours: 200, open: true },
  { name: 'bytes above ASCII in a value', raw: `GET /item/1 HTTP/1.1\r\n${H}X: \xe9\xff\r\n\r\n`, ours: 200, open: true },
  { name: 'request in single bytes', raw: [...`GET /item/1 HTTP/1.1\r\n${H}\r\n`], ours: 200, open: true },
  // Chunked: served, but the connection ends there.
  { name: 'chunked', raw: chunked('5\r\nhello\r\n0\r\n\r\n'), ours: 200 },
  { name: 'chunked, upper case hex and many zeros', raw: chunked('0000A\r\n0123456789\r\n000\r\n\r\n'), ours: 200 },
  { name: 'chunked, with an extension', raw: chunked('5;a=b\r\nhello\r\n0;c\r\n\r\n'), ours: 200 },
  { name: 'chunked, with a trailer', raw: chunked('5\r\nhello\r\n0\r\nX: y\r\n\r\n'), ours: 200 },
  { name: 'chunked, in single bytes', raw: [...chunked('5\r\nhello\r\n0\r\n\r\n')], ours: 200 },
  { name: 'chunked, and a request behind it', raw: chunked(`5\r\nhello\r\n0\r\n\r\n${HIDDEN}`), ours: 200 },
  // The two lengths.
  { name: 'length and chunked', raw: `${POST}Content-Length: 5\r\n${TE}\r\n5\r\nhello\r\n0\r\n\r\n`, ours: 200, milder: 'an old client sends both; nothing behind it is read' },
  { name: 'length and chunked, with a request behind it', raw: `${POST}Content-Length: 5\r\n${TE}\r\n0\r\n\r\n${HIDDEN}`, ours: 200, milder: 'an old client sends both; nothing behind it is read' },
  { name: 'chunked and a length that hides a request', raw: `${POST}${TE}Content-Length: ${5 + HIDDEN.length}\r\n\r\n0\r\n\r\n${HIDDEN}`, ours: 200, milder: 'an old client sends both; nothing behind it is read' },
  { name: 'two equal lengths', raw: `${POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`, ours: 400 },
  { name: 'two lengths', raw: `${POST}Content-Length: 5\r\nContent-Length: 0\r\n\r\n${HIDDEN}`, ours: 400 },
  { name: 'two lengths in one', raw: `${POST}Content-Length: 5, 5\r\n\r\nhello`, ours: 400 },
  { name: 'length with a sign', raw: `${POST}Content-Length: +5\r\n\r\nhello`, ours: 400 },
  { name: 'negative length', raw: `${POST}Content-Length: -5\r\n\r\nhello`, ours: 400 },
  { name: 'length in hex', raw: `${POST}Content-Length: 0x5\r\n\r\nhello`, ours: 400 },
  { name: 'length with a dot', raw: `${POST}Content-Length: 5.0\r\n\r\nhello`, ours: 400 },
  { name: 'empty length', raw: `${POST}Content-Length:\r\n\r\n${HIDDEN}`, ours: 400 },
  { name: 'length of 2^64 + 5', raw: `${POST}Content-Length: 18446744073709551621\r\n\r\nhello`, ours: 413 },
  { name: 'length of 2^63', raw: `${POST}Content-Length: 9223372036854775808\r\n\r\nhello`, ours: 413 },
  { name: 'length beyond body_max', raw: `${POST}Content-Length: 99999999\r\n\r\nhello`, ours: 413 },
  // Transfer-Encoding.
  { name: 'unknown encoding', raw: `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, ours: 501 },
  { name: 'encoding identity', raw: `${POST}Transfer-Encoding: identity\r\n\r\n${HIDDEN}`, ours: 501 },
  { name: 'two encodings in one', raw: `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, ours: 501 },
  { name: 'two encodings', raw: `${POST}${TE}${TE}\r\n0\r\n\r\n`, ours: 400 },
  { name: 'chunked, then identity', raw: `${POST}${TE}Transfer-Encoding: identity\r\n\r\n0\r\n\r\n`, ours: 400 },
  { name: 'empty encoding', raw: `${POST}Transfer-Encoding:\r\n\r\n${HIDDEN}`, ours: 501 },
  { name: 'encoding behind a vertical tab', raw: `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`, ours: 400 },
  { name: 'encoding with a blank before the colon', raw: `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`, ours: 400 },
  { name: 'chunked in HTTP/1.0', raw: `POST /echo HTTP/1.0\r\n${H}${TE}\r\n0\r\n\r\n`, ours: 400 },
  // Chunk sizes.
  { name: 'chunk size 0x5', raw: chunked('0x5\r\nhello\r\n0\r\n\r\n'), ours: 400 },
  { name: 'chunk size +5', raw: chunked('+5\r\nhello\r\n0\r\n\r\n'), ours: 400 },
  { name: 'chunk size -1', raw: chunked('-1\r\nhello\r\n0\r\n\r\n'), ours: 400 },
  { name: 'chunk size with a blank before', raw: chunked(' 5\r\nhello\r\n0\r\n\r\n'), ours: 400 },
  { name: 'chunk size with a blank behind', raw: chunked('5 \r\nhello\r\n0\r\n\r\n'), ours: 400, stricter: 'the library takes digits only' },
  { name: 'empty chunk size', raw: chunked('\r\nhello\r\n0\r\n\r\n'), ours: 400 },
  { name: 'chunk size of an extension only', raw: chunked(';a=b\r\nhello\r\n0\r\n\r\n'), ours: 400 },
  { name: 'chunk size that is a word', raw: chunked('five\r\nhello\r\n0\r\n\r\n'), ours: 400 },
  { name: 'chunk size 2^64', raw: chunked('10000000000000000\r\nhello\r\n0\r\n\r\n'), ours: 413 },
  { name: 'chunk size 2^64 + 5', raw: chunked('10000000000000005\r\nhello\r\n0\r\n\r\n'), ours: 413 },
  { name: 'no line end behind a chunk', raw: chunked('5\r\nhelloX0\r\n\r\n'), ours: 400 },
  { name: 'chunk longer than its size', raw: chunked('3\r\nhello\r\n0\r\n\r\n'), ours: 400 },
  { name: 'trailer without a colon', raw: chunked('0\r\nnonsense\r\n\r\n'), ours: 400, stricter: 'nginx drops such a line' },
  // Host.
  { name: 'no Host', raw: 'GET /item/1 HTTP/1.1\r\n\r\n', ours: 400 },
  { name: 'empty Host', raw: 'GET /item/1 HTTP/1.1\r\nHost:\r\n\r\n', ours: 400 },
  { name: 'two Hosts', raw: `GET /item/1 HTTP/1.1\r\n${H}Host: y\r\n\r\n`, ours: 400 },
  { name: 'two equal Hosts', raw: `GET /item/1 HTTP/1.1\r\n${H}${H}\r\n`, ours: 400 },
  { name: 'Host with a path', raw: 'GET /item/1 HTTP/1.1\r\nHost: x/y\r\n\r\n', ours: 400 },
  { name: 'Host with a blank', raw: 'GET /item/1 HTTP/1.1\r\nHost: x y\r\n\r\n', ours: 400 },
  // Header lines.
  { name: 'blank before the colon', raw: `GET /item/1 HTTP/1.1\r\nHost : x\r\n\r\n`, ours: 400 },
  { name: 'tab before the colon', raw: `GET /item/1 HTTP/1.1\r\n${H}X\t: y\r\n\r\n`, ours: 400 },
  { name: 'empty name', raw: `GET /item/1 HTTP/1.1\r\n${H}: y\r\n\r\n`, ours: 400 },
  { name: 'no colon', raw: `GET /item/1 HTTP/1.1\r\n${H}nonsense\r\n\r\n`, ours: 400, stricter: 'nginx drops such a line' },
  { name: 'name with a parenthesis', raw: `GET /item/1 HTTP/1.1\r\n${H}a(b: y\r\n\r\n`, ours: 400, stricter: 'nginx drops such a line' },
  { name: 'control character in a name', raw: `GET /item/1 HTTP/1.1\r\n${H}a\x01b: y\r\n\r\n`, ours: 400 },
  { name: 'control character in a value', raw: `GET /item/1 HTTP/1.1\r\n${H}X: a\x01b\r\n\r\n`, ours: 400, stricter: 'nginx passes it on' },
  { name: 'bare CR in a value', raw: `GET /item/1 HTTP/1.1\r\n${H}X: a\rY: b\r\n\r\n`, ours: 400 },
  { name: 'NUL in a value', raw: `GET /item/1 HTTP/1.1\r\n${H}X: a\0b\r\n\r\n`, ours: 400 },
  { name: 'NUL in a name', raw: `GET /item/1 HTTP/1.1\r\n${H}X\0Y: b\r\n\r\n`, ours: 400 },
  { name: 'NUL at the end of a value', raw: `GET /item/1 HTTP/1.1\r\n${H}X: a\0\r\n\r\n`, ours: 400 },
  { name: 'NUL LF for CRLF', raw: `GET /item/1 HTTP/1.1\r\n${H}X: a\0\nY: b\r\n\r\n`, ours: 200, open: true, milder: 'the library leaves no trace of it; the line ends there for everybody who takes LF' },
  { name: 'a line that begins with NUL', raw: `GET /item/1 HTTP/1.1\r\n${H}\0X: a\r\n\r\n`, ours: 400 },
  { name: 'NUL behind Content-Length', raw: `${POST}Content-Length: 5\0\r\n\r\nhello`, ours: 400 },
  { name: 'folded value', raw: `GET /item/1 HTTP/1.1\r\n${H}X: a\r\n b\r\n\r\n`, ours: 400 },
  { name: 'folded by a tab', raw: `GET /item/1 HTTP/1.1\r\n${H}X: a\r\n\tb\r\n\r\n`, ours: 400 },
  { name: 'folded Host', raw: 'GET /item/1 HTTP/1.1\r\nHost: x\r\n y\r\n\r\n', ours: 400 },
  { name: 'folded Transfer-Encoding', raw: `${POST}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`, ours: 400 },
  { name: 'first header folded', raw: `GET /item/1 HTTP/1.1\r\n X: y\r\n${H}\r\n`, ours: 400 },
  { name: 'bare LF behind the request line', raw: `GET /item/1 HTTP/1.1\n${H}\r\n`, ours: 400, stricter: 'a proxy may see another line end' },
  { name: 'bare LF behind a header', raw: `GET /item/1 HTTP/1.1\r\nHost: x\nX: y\r\n\r\n`, ours: 400, stricter: 'a proxy may see another line end' },
  { name: 'bare LF as the empty line', raw: `GET /item/1 HTTP/1.1\r\n${H}\n`, ours: 400, stricter: 'a proxy may see another line end' },
  { name: 'all bare LF', raw: 'GET /item/1 HTTP/1.1\nHost: x\n\n', ours: 400, stricter: 'a proxy may see another line end' },
  { name: 'a header of 100 000 bytes', raw: `GET /item/1 HTTP/1.1\r\n${H}X: ${'y'.repeat(100_000)}\r\n\r\n`, ours: 431 },
  { name: 'a name of 100 000 bytes', raw: `GET /item/1 HTTP/1.1\r\n${H}${'y'.repeat(100_000)}: x\r\n\r\n`, ours: 431 },
  { name: '5000 headers', raw: `GET /item/1 HTTP/1.1\r\n${H}${'X: y\r\n'.repeat(5000)}\r\n`, ours: 431 },
  { name: 'a target of 100 000 bytes', raw: `GET /${'y'.repeat(100_000)} HTTP/1.1\r\n${H}\r\n`, ours: 414 },
  // The request line.
  { name: 'version 1.2', raw: `GET /item/1 HTTP/1.2\r\n${H}\r\n`, ours: 505, stricter: 'there is no such version' },
  { name: 'version 2.0', raw: `GET /item/1 HTTP/2.0\r\n${H}\r\n`, ours: 505 },
  { name: 'version 0.9', raw: `GET /item/1 HTTP/0.9\r\n${H}\r\n`, ours: 505 },
  { name: 'version 1.10', raw: `GET /item/1 HTTP/1.10\r\n${H}\r\n`, ours: 400, stricter: 'versions have two digits' },
  { name: 'version in lower case', raw: `GET /item/1 http/1.1\r\n${H}\r\n`, ours: 400 },
  { name: 'another protocol', raw: `GET /item/1 HTTPS/1.1\r\n${H}\r\n`, ours: 400 },
  { name: 'blank behind the version', raw: `GET /item/1 HTTP/1.1 \r\n${H}\r\n`, ours: 400, stricter: 'nothing sends this' },
  { name: 'two blanks before the target', raw: `GET  /item/1 HTTP/1.1\r\n${H}\r\n`, ours: 400, stricter: 'nothing sends this' },
  { name: 'no version', raw: `GET /item/1\r\n${H}\r\n`, ours: 400, stricter: 'HTTP/0.9 is not spoken' },
  { name: 'method in lower case', raw: `get /item/1 HTTP/1.1\r\n${H}\r\n`, ours: 400 },
  { name: 'method with a colon', raw: `G:T /item/1 HTTP/1.1\r\n${H}\r\n`, ours: 400 },
  { name: 'NUL in the method', raw: `G\0T /item/1 HTTP/1.1\r\n${H}\r\n`, ours: 400 },
  { name: 'blank before the method', raw: ` GET /item/1 HTTP/1.1\r\n${H}\r\n`, ours: 'closed' },
  { name: 'a request line of one word', raw: `GET\r\n${H}\r\n`, ours: 'closed' },
  { name: 'TLS to a plain port', raw: Buffer.from('16030100c8010000c40303aaaaaaaa0d0a0d0a', 'hex'), ours: 'closed' },
  { name: 'unknown method', raw: `PROPFIND /item/1 HTTP/1.1\r\n${H}\r\n`, ours: 405, open: true },
  { name: 'TRACE', raw: `TRACE /item/1 HTTP/1.1\r\n${H}\r\n`, ours: 405, open: true, milder: 'a 405 with Allow may leave the connection open: its framing is in order' },
  { name: 'CONNECT', raw: `CONNECT x:80 HTTP/1.1\r\n${H}\r\n`, ours: 400 },
  { name: 'OPTIONS *', raw: `OPTIONS * HTTP/1.1\r\n${H}\r\n`, ours: 400 },
  { name: 'target without a slash', raw: `GET item/1 HTTP/1.1\r\n${H}\r\n`, ours: 400 },
  { name: 'target of another scheme', raw: `GET ftp://x/item/1 HTTP/1.1\r\n${H}\r\n`, ours: 400, stricter: 'only http and https name us' },
  { name: 'blank in the target', raw: `GET /item/1 2 HTTP/1.1\r\n${H}\r\n`, ours: 400 },
  { name: 'tab in the target', raw: `GET /item/1\t2 HTTP/1.1\r\n${H}\r\n`, ours: 400 },
  { name: 'control character in the target', raw: `GET /item/\x01 HTTP/1.1\r\n${H}\r\n`, ours: 400 },
  { name: 'NUL in the target', raw: `GET /item/1\0 HTTP/1.1\r\n${H}\r\n`, ours: 400 },
  { name: 'NUL in the query', raw: `GET /item/1?q=\0 HTTP/1.1\r\n${H}\r\n`, ours: 400 },
  { name: 'escaped NUL in the path', raw: `GET /item/%00 HTTP/1.1\r\n${H}\r\n`, ours: 404, open: true, milder: 'no such resource; the framing is in order' },
  { name: 'bad escape in the path', raw: `GET /item/%zz HTTP/1.1\r\n${H}\r\n`, ours: 400, open: true, milder: 'the framing is in order' },
  { name: 'path above the root', raw: `GET /../../etc/passwd HTTP/1.1\r\n${H}\r\n`, ours: 404, open: true, milder: 'no such resource; the framing is in order' },
  { name: 'fragment in the target', raw: `GET /item/1#x HTTP/1.1\r\n${H}\r\n`, ours: 400, stricter: 'a fragment is never sent' },
  // Refusals of the application: what was announced is either read or cut off, never taken for a request.
  { name: 'refused, with a body that hides a request', raw: `POST /refused HTTP/1.1\r\n${H}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`, ours: 401, open: true, only: 'ours' },
  { name: 'refused, chunked, with a request behind', raw: `POST /refused HTTP/1.1\r\n${H}${TE}\r\n0\r\n\r\n${HIDDEN}`, ours: 401, only: 'ours' },
  { name: 'refused while waiting for 100', raw: `POST /refused HTTP/1.1\r\n${H}Expect: 100-continue\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`, ours: 401, only: 'ours' },
  { name: 'no such resource, with a body that hides a request', raw: `POST /nowhere HTTP/1.1\r\n${H}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`, ours: 404, open: true, only: 'ours' },
  { name: 'GET with a body that hides a request', raw: `GET /item/1 HTTP/1.1\r\n${H}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`, ours: 413, open: true, only: 'ours' },
  { name: 'answered by another thread, and a request behind', raw: `POST /delayed HTTP/1.1\r\n${H}Content-Length: 5\r\n\r\nhello${`GET /item/2 HTTP/1.1\r\n${H}\r\n`}`, ours: 200, open: true, answers: 2, only: 'ours' },
];

/* Cuts complete answers off the front of text: [[status, body]…]; `rest` is what is not complete. */
function answersIn(text) {
  const answers = [];
  for (;;) {
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return { answers, rest: text };
    const head = text.slice(0, end);
    const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(head)?.[1]);
    assert.ok(status, `not an answer: ${JSON.stringify(text.slice(0, 200))}`);
    const length = status < 200 ? 0 : Number(/\r\nContent-Length: *(\d+)/i.exec(head)?.[1] ?? NaN);
    if (!(text.length >= end + 4 + length)) return { answers, rest: text };
    if (status >= 200) answers.push({ status, body: text.slice(end + 4, end + 4 + length) });
    text = text.slice(end + 4 + length);
  }
}

const PROBE = `GET /item/probe HTTP/1.1\r\n${H}Connection: close\r\n\r\n`;

/* Sends the bytes; once the expected answers are there, a last request. What comes back until the server closes. */
function exchange(port, row) {
  return new Promise((resolve, reject) => {
    let text = '';
    let probed = false;
    const socket = net.connect(port, '127.0.0.1');
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`${row.name}: still open after ${DEADLINE} ms; got ${JSON.stringify(text.slice(0, 300))}`));
    }, DEADLINE);
    const parts = Array.isArray(row.raw) ? row.raw : [row.raw];
    socket.setNoDelay(true);
    socket.on('connect', async () => {
      for (const part of parts) {
        await new Promise((ok) => socket.write(Buffer.isBuffer(part) ? part : Buffer.from(part, 'latin1'), ok));
        if (parts.length > 1) await new Promise((ok) => setImmediate(ok));
      }
    });
    socket.on('data', (data) => {
      text += data.toString('latin1');
      if (probed || !text.startsWith('HTTP/') || answersIn(text).answers.length < (row.answers ?? 1)) return;
      probed = true;
      socket.write(PROBE);
    });
    socket.on('error', () => {}); // a reset is a close too
    socket.on('close', () => {
      clearTimeout(timer);
      if (text && !text.startsWith('HTTP/')) resolve({ first: 200, answers: 1, open: false, text }); // HTTP/0.9
      const { answers } = answersIn(text);
      const open = answers.length > 0 && answers.at(-1).body.includes('probe');
      if (open) answers.pop();
      resolve({ first: answers[0]?.status ?? 'closed', answers: answers.length, open, text });
    });
  });
}

const refused = (status) => status === 'closed' || status >= 400;

let echo, nginx, backend, folder, echoPort, nginxPort;

function line(child, pattern) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no line like ${pattern}`)), DEADLINE);
    child.once('exit', (code) => reject(new Error(`${child.spawnfile} ended with ${code}`)));
    child.once('error', reject);
    readline.createInterface({ input: child.stdout }).on('line', (text) => {
      const match = pattern.exec(text);
      if (match) clearTimeout(timer), resolve(match[1]);
    });
  });
}

const freePort = () => new Promise((resolve) => {
  const s = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = s.address();
    s.close(() => resolve(port));
  });
});

async function startNginx() {
  const found = spawnSync('nginx', ['-v'], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } });
  assert.equal(found.status, 0, 'nginx is needed for this test: apt-get install nginx-light');
  backend = http.createServer({ insecureHTTPParser: true }, (req, res) => {
    req.resume();
    req.on('end', () => {
      const body = `${req.method} ${req.url}`;
      res.writeHead(200, { 'Content-Length': Buffer.byteLength(body) });
      res.end(body);
    });
  });
  await new Promise((ok) => backend.listen(0, '127.0.0.1', ok));
  nginxPort = await freePort();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'framing-'));
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((n) => `${n}_temp_path ${folder}/${n};`).join('\n');
  fs.writeFileSync(path.join(folder, 'nginx.conf'), `
    daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log; worker_processes 1;
    events { worker_connections 256; }
    http {
      access_log off; ${temp}
      client_max_body_size 48m; lingering_close off; lingering_time 1s; lingering_timeout 200ms;
      server {
        listen 127.0.0.1:${nginxPort};
        location / { proxy_pass http://127.0.0.1:${backend.address().port}; proxy_http_version 1.1; }
      }
    }`);
  nginx = spawn('nginx', ['-e', `${folder}/error.log`, '-c', `${folder}/nginx.conf`], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  const until = Date.now() + DEADLINE;
  for (;;) {
    const ok = await new Promise((resolve) => {
      const s = net.connect(nginxPort, '127.0.0.1', () => s.end(() => resolve(true)));
      s.on('error', () => resolve(false));
    });
    if (ok) return;
    if (Date.now() > until || nginx.exitCode !== null) assert.fail(`nginx did not start: ${fs.readFileSync(`${folder}/error.log`)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test.before(async () => {
  assert.ok(fs.existsSync(ECHO), `${ECHO} is not built: set GUICHET_BUILD`);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GUICHET_')));
  echo = spawn(ECHO, [], { stdio: ['pipe', 'pipe', 'inherit'], env });
  echoPort = Number(await line(echo, /^port (\d+)$/));
  await startNginx();
});

test.after(async () => {
  nginx?.kill();
  backend?.close();
  backend?.closeAllConnections?.();
  if (echo) {
    echo.stdin.end();
    const code = echo.exitCode ?? (await new Promise((ok) => echo.once('exit', ok)));
    assert.equal(code, 0, 'our server must end in good order');
  }
  if (folder) fs.rmSync(folder, { recursive: true, force: true });
});

for (const row of rows) {
  test(`framing: ${row.name}`, async () => {
    const ours = await exchange(echoPort, row);
    const got = `got ${JSON.stringify(ours.text.slice(0, 400))}`;
    assert.equal(ours.first, row.ours, got);
    assert.equal(ours.open, row.open ?? false, `${row.open ? 'must go on' : 'must close'}; ${got}`);
    assert.equal(ours.answers, ours.first === 'closed' ? 0 : (row.answers ?? 1), got);
    assert.ok(!ours.text.includes('hidden'), `answered a request that was hidden: ${got}`);
    if (row.only === 'ours') return;

    const theirs = await exchange(nginxPort, row);
    const said = `nginx said ${theirs.first}, we ${ours.first}`;
    if (refused(theirs.first)) {
      assert.ok(row.milder || (refused(ours.first) && !ours.open) || (theirs.open && refused(ours.first)), said);
      assert.equal(Boolean(row.stricter), false, `${said}: not stricter after all`);
    } else {
      assert.equal(refused(ours.first), Boolean(row.stricter) || ours.first === 405, said);
    }
  });
}

test('framing: whatever was refused, no handler ran twice and nothing is held', async () => {
  const stats = await (await fetch(`http://127.0.0.1:${echoPort}/stats`)).json();
  assert.equal(stats.held, 0);
  assert.equal(stats.busy, 1); // this one
  const served = rows.filter((r) => r.ours === 200 && /POST \/echo/.test([r.raw].flat().join(''))).length;
  assert.equal(stats.handled, served);
});
