import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mediaTypeOf } from '../../lib/virus-scanner/skip.ts';
import { exchangeRaw, listenRaw } from '../support/servers.ts';
import { ask, gateway } from './support.ts';

const timeouts = { connect: 10_000, idle: 10_000, verdict: 10_000 };

for (const [rest, status] of [
  ['', 200],
  ['garbage', 503],
  ['stream: OK\0', 503],
  ['stream: Eicar FOUND\0', 503],
] as const)
  for (const ends of [true, false])
    for (const apart of [false, true])
      test(`clamd: OK and ${JSON.stringify(rest)}${apart ? ' in another packet' : ''}, ${ends ? 'then its end' : 'no end'}: ${status}`, async (t) => {
        const { port } = await listenRaw(t, (socket) => {
          socket.setNoDelay();
          let text = '';
          socket.on('data', (bytes: Buffer) => {
            text += bytes.toString('latin1');
            if (text.startsWith('zVERSION')) socket.end('ClamAV 9\0');
            if (!text.startsWith('zINSTREAM') || !text.endsWith('\0\0\0\0')) return;
            socket.write(apart ? 'stream: OK\0' : `stream: OK\0${rest}`);
            setTimeout(
              () => {
                if (apart) socket.write(rest);
                if (ends) socket.end();
              },
              apart ? 20 : 0,
            );
          });
        });
        const { url, records } = await gateway(t, { clamd: { port }, timeouts }, (_req, res) => {
          res.send('text');
        });
        assert.equal((await ask(url)).status, status);
        assert.equal(records[0]?.scan, status === 200 ? 'clean' : 'unavailable');
      });

const page = 'HTTP/1.1 403 Forbidden\r\n\r\n';
const answer = 'HTTP/1.1 200 OK\r\n\r\n';
const request = 'GET / HTTP/1.1\r\n\r\n';
const moved = 'HTTP/1.1 302 Found\r\nLocation: http://block.example/\r\n\r\n';
const body = '4\r\ntext\r\n0\r\n\r\n';
for (const [what, reply, status] of [
  ['204', 'ICAP/1.0 204 No\r\n\r\n', 200],
  ['204 with a null-body', 'ICAP/1.0 204 No\r\nEncapsulated: null-body=0\r\n\r\n', 200],
  ['204 and garbage', 'ICAP/1.0 204 No\r\n\r\ngarbage', 503],
  ['204 and the beginning of an answer', 'ICAP/1.0 204 No\r\n\r\nICAP/1', 503],
  ['204 twice', 'ICAP/1.0 204 No\r\n\r\nICAP/1.0 204 No\r\n\r\n', 503],
  [
    '204 and a threat',
    'ICAP/1.0 204 No\r\n\r\nICAP/1.0 200 OK\r\nX-Infection-Found: Threat=A;\r\n\r\n',
    503,
  ],
  [
    '204 with a block page',
    `ICAP/1.0 204 No\r\nEncapsulated: res-hdr=0, res-body=${page.length}\r\n\r\n${page}${body}`,
    503,
  ],
  [
    'the same body as that of an answer',
    `ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, res-body=${answer.length}\r\n\r\n${answer}${body}`,
    200,
  ],
  [
    'the same body and garbage',
    `ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, res-body=${answer.length}\r\n\r\n${answer}${body}x`,
    503,
  ],
  [
    'the same body as that of a request',
    `ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=0, req-body=${request.length}\r\n\r\n${request}${body}`,
    503,
  ],
  [
    'a redirect to a block page',
    `ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, null-body=${moved.length}\r\n\r\n${moved}`,
    403,
  ],
] as const)
  test(`ICAP: ${what}: ${status}`, async (t) => {
    let scans = 0;
    const { port } = await listenRaw(t, (socket) => {
      let text = '';
      let used = false;
      socket.on('data', (bytes: Buffer) => {
        text += bytes.toString('latin1');
        if (text.startsWith('OPTIONS'))
          socket.write('ICAP/1.0 200 OK\r\nMethods: RESPMOD\r\nISTag: "1"\r\n\r\n');
        else if (text.endsWith('\r\n0\r\n\r\n')) {
          text = '';
          if (!used) scans += 1;
          used = true;
          socket.write(reply);
        }
      });
    });
    const icap = `icap://127.0.0.1:${port}/scan`;
    const { url, records } = await gateway(t, { icap, timeouts }, (req, res) => {
      res.setHeader('x-path', req.path);
      res.send('text');
    });
    for (const path of ['/1', '/2']) assert.equal((await ask(url + path)).status, status);
    assert.equal(records[0]?.scan, { 200: 'clean', 403: 'infected', 503: 'unavailable' }[status]);
    // A connection is used again only where all was in order.
    assert.equal(scans, status === 200 ? 1 : 2);
  });

for (const [value, type] of [
  [undefined, ''],
  ['Image/PNG; a=b', 'image/png'],
  ['image/png, text/html', ''],
  ['image/png; a="x, text/html; b="', ''],
] as const)
  test(`the media type of ${value} is '${type}'`, () => {
    assert.equal(mediaTypeOf(value), type);
  });

for (const [types, status] of [
  [['image/png'], 200],
  [['image/png', 'text/html'], 503],
] as const)
  test(`skip.types: an upload of ${types.join(' and ')}: ${status}`, async (t) => {
    const { port } = await listenRaw(t, (socket) => socket.destroy());
    const options = { clamd: { port }, timeouts, skip: { types: ['image/*'] } };
    const { url } = await gateway(t, { ...options, directions: 'upload' }, (req, res) => {
      req.resume().on('end', () => res.send('got it'));
    });
    const lines = types.map((type) => `Content-Type: ${type}\r\n`).join('');
    const { text } = await exchangeRaw(
      Number(new URL(url).port),
      `POST / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nContent-Length: 4\r\n${lines}\r\ntext`,
    );
    assert.match(text, new RegExp(`^HTTP/1.1 ${status} `));
  });

for (const [what, types, status] of [
  ['one type', ['image/png'], 200],
  ['two types', ['image/png', 'text/html'], 503],
  ['the same type twice', ['image/png', 'image/png'], 503],
] as const)
  test(`skip.types: an answer with ${what}: ${status}`, async (t) => {
    const { port } = await listenRaw(t, (socket) => socket.destroy());
    const options = { clamd: { port }, timeouts, skip: { types: ['image/*'] } };
    const { url } = await gateway(t, options, (_req, res) => {
      res.writeHead(200, [...types.flatMap((type) => ['Content-Type', type])]);
      res.end('text');
    });
    assert.equal((await ask(url)).status, status);
  });
