import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import express, { type RequestHandler } from 'express';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import { exchangeRaw } from '../../support/servers.ts';
import { appWith, recording, showErrors } from './forward-support.ts';

const json = 'application/json';
const form = 'application/x-www-form-urlencoded';
const text = 'text/plain';

const restored: readonly (readonly [
  what: string,
  parser: RequestHandler,
  type: string,
  sent: string,
  expected?: string,
])[] = [
  ['json', express.json(), json, '{"a":[1,2.5,"x"],"b":null,"c":{"d":true}}'],
  ['json with spaces', express.json(), json, '{ "a" : 1 }', '{"a":1}'],
  ['json, UTF-8', express.json(), json, Buffer.from('{"a":"日本é"}').toString('latin1')],
  ['json with __proto__', express.json(), json, '{"__proto__":{"a":1}}'],
  ['json, no object', express.json({ strict: false }), json, '"x"'],
  ['json, vendor type', express.json({ type: '*/*' }), 'application/vnd.api+json', '{"a":1}'],
  ['another type is not parsed', express.json(), text, 'hello'],
  ['a form', express.urlencoded({ extended: false }), form, 'a=1&b=x+y&c=%C3%A9&d='],
  ['a form, extended', express.urlencoded({ extended: true }), form, 'a=1&b=%26'],
  ['a form with a repeated name', express.urlencoded({ extended: true }), form, 'a=1&a=2&b=3'],
  ['a form with a percent sign', express.urlencoded({ extended: false }), form, 'a=100%25'],
  ['text', express.text(), text, 'h\u00c3\u00a9llo'],
  ['raw', express.raw({ type: '*/*' }), 'application/octet-stream', '\x00\xff\xfe'],
];

for (const [what, parser, type, sent, expected = sent] of restored)
  for (const chunked of [false, true]) {
    // What is spelled in several ways can only be told by its length.
    if (chunked && /repeated|percent/.test(what)) continue;
    test(`restored${chunked ? ', of chunks' : ''}: ${what}`, async (t) => {
      const server = await recording(t);
      const { port } = await appWith(t, (app) => app.use(parser, balancedProxy(server.url)));
      const { text: answer } = await exchangeRaw(port, post(type, sent, chunked));
      assert.match(answer, /^HTTP\/1\.1 200 /);
      assert.equal(server.seen[0]?.body, expected);
      assert.equal(server.seen[0].get('content-type'), type);
      if (server.seen[0].get('transfer-encoding') === undefined)
        assert.equal(server.seen[0].get('content-length'), String(expected.length));
    });
  }

test('a compressed body is restored uncompressed, and says so', async (t) => {
  const server = await recording(t);
  const { url } = await appWith(t, (app) => app.use(express.json(), balancedProxy(server.url)));
  const answer = await fetch(url, {
    method: 'POST',
    body: gzipSync('{"a":1}'),
    headers: { 'Content-Type': json, 'Content-Encoding': 'gzip' },
  });
  assert.equal(answer.status, 200);
  assert.equal(server.seen[0]?.body, '{"a":1}');
  assert.equal(server.seen[0].get('content-encoding'), undefined);
  assert.equal(server.seen[0].get('content-length'), '7');
});

const consumeAll: RequestHandler = (req, _res, next) => {
  req.on('end', next).resume();
};
const consumePart: RequestHandler = (req, _res, next) => {
  if (req.method === 'GET') {
    next();
    return;
  }
  req.once('data', () => {
    req.pause();
    next();
  });
};
const multipart: RequestHandler = (req, _res, next) => {
  req
    .on('end', () => {
      req.body = { name: 'value' };
      next();
    })
    .resume();
};
const cyclic: RequestHandler = (req, _res, next) => {
  const body: Record<string, unknown> = {};
  Object.assign(body, { body, again: body });
  req
    .on('end', () => {
      req.body = body;
      next();
    })
    .resume();
};

const lost: readonly (readonly [
  what: string,
  parser: RequestHandler,
  type: string,
  sent: string,
  reason: RegExp,
  fields?: string,
])[] = [
  ['read and thrown away', consumeAll, text, 'hello', /left nothing in req\.body/],
  ['read in part', consumePart, text, 'hello'.repeat(100_000), /left nothing in req\.body/],
  ['multipart', multipart, 'multipart/form-data; boundary=x', '--x--', /multipart\/form-data/],
  ['a cycle', cyclic, json, '{}', /cannot be written as JSON/],
  ['big integers', express.json(), json, '{"id":12345678901234567890}', /numbers/],
  ['infinite numbers', express.json(), json, '{"id":1e999}', /numbers/],
  ['JSON that is no UTF-8', express.json(), json, '{"a":"\xff"}', /no UTF-8/],
  ['text that is no UTF-8', express.text(), text, 'caf\xe9', /no UTF-8/],
  ['latin1 text', express.text(), 'text/plain; charset=iso-8859-1', 'caf\xe9', /charset/],
  ['a nested form', express.urlencoded({ extended: true }), form, 'a[b]=1', /nested/],
  ['a form with brackets', express.urlencoded({ extended: true }), form, 'a[]=1&a[]=2', /several/],
  ['a form that is no UTF-8', express.urlencoded({ extended: true }), form, 'a=%E9', /several/],
  [
    'bytes with a digest',
    express.json(),
    json,
    '{ "a": 1 }',
    /digest/,
    'Content-Digest: sha-256=:x:\r\n',
  ],
];

for (const [what, parser, type, sent, reason, fields] of lost)
  test(`a named 500, never a hang or a lie: ${what}`, async (t) => {
    const server = await recording(t);
    const { port } = await appWith(t, (app) => {
      app.use(parser, balancedProxy(server.url), showErrors);
    });
    const next = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';
    const request = post(type, sent, false, fields);
    const { text: answer } = await exchangeRaw(port, request);
    assert.match(answer, /^HTTP\/1\.1 500 /);
    assert.match(answer, /ERR_SEKISHO_BODY_CONSUMED: .*mount the body parser behind the proxy/);
    assert.match(answer, reason);
    assert.equal(server.seen.length, 0);
    // The connection goes on, also when part of the body was unread.
    const { text: both } = await exchangeRaw(port, request + next);
    assert.match(both, /^HTTP\/1\.1 500 [^]*HTTP\/1\.1 200 /);
  });

test('a parser in front of a GET does nothing to it', async (t) => {
  const server = await recording(t);
  const { url } = await appWith(t, (app) =>
    app.use(express.json(), express.urlencoded(), balancedProxy(server.url)),
  );
  assert.equal((await fetch(url)).status, 200);
  assert.equal(server.seen[0]?.get('content-length'), undefined);
});

function post(type: string, body: string, chunked: boolean, fields = ''): string {
  const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\n${fields}`;
  return chunked
    ? `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    : `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
}
