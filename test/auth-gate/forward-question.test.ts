/** What the auth server is told of a request, and what it is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import fc from 'fast-check';
import { authGate } from '../../lib/auth-gate/index.ts';
import { recording, showErrors } from '../core/upstream/forward-support.ts';
import { exchangeRaw, listen, until } from '../support/servers.ts';
import { asking } from './forward-support.ts';
import { basic } from './support.ts';

test('method, URI, host, address and scheme, in the names of Traefik and of nginx', async (t) => {
  const auth = await recording(t);
  const { url, port } = await asking(t, `${auth.url}/verify?a=1`, {}, { mount: '/admin' });
  await fetch(`${url}/admin/users?id=7`, { method: 'DELETE' });
  const [seen] = auth.seen;
  assert.deepEqual([seen!.method, seen!.url], ['GET', '/verify?a=1']);
  for (const [name, value] of [
    ['host', auth.url.slice(7)],
    ['x-forwarded-method', 'DELETE'],
    ['x-forwarded-proto', 'http'],
    ['x-forwarded-host', `127.0.0.1:${port}`],
    ['x-forwarded-uri', '/admin/users?id=7'],
    ['x-forwarded-for', '127.0.0.1'],
    ['x-original-method', 'DELETE'],
    ['x-original-uri', '/admin/users?id=7'],
    ['x-original-url', `http://127.0.0.1:${port}/admin/users?id=7`],
  ] as const)
    assert.deepEqual(seen!.all(name), [value], name);
});

test('end-to-end fields, and no framing, conditions, body or method of its own', async (t) => {
  const auth = await recording(t);
  const { port, behind } = await asking(t, auth.url);
  const lines = [
    'POST /a HTTP/1.1',
    'Host: shop.example',
    'Cookie: a=1',
    `Authorization: ${basic('a', 'b')}`,
    'Accept: text/html',
    'X-Api-Key: k',
    'Connection: X-Hop',
    'X-Hop: 1',
    'Proxy-Authorization: Basic eDp5',
    'If-None-Match: "1"',
    'Range: bytes=0-1',
    'Content-Type: text/plain',
    'X-HTTP-Method-Override: DELETE',
    'Expect: 100-continue',
    'Content-Length: 4',
  ];
  await exchangeRaw(port, `${lines.join('\r\n')}\r\n\r\nbody`);
  const [seen] = auth.seen;
  assert.equal(seen!.body, '');
  const { get } = seen!;
  assert.deepEqual(
    ['cookie', 'authorization', 'accept', 'x-api-key', 'x-forwarded-host'].map(get),
    ['a=1', basic('a', 'b'), 'text/html', 'k', 'shop.example'],
  );
  for (const name of [
    'x-hop',
    'proxy-authorization',
    'if-none-match',
    'range',
    'content-type',
    'content-length',
    'transfer-encoding',
    'expect',
    'x-http-method-override',
  ])
    assert.equal(get(name), undefined, name);
  assert.equal(behind.seen[0]!.body, 'body');
});

const forged = [
  'X-Forwarded-Method: GET',
  'X_Forwarded_Method: GET',
  'X-Forwarded-Uri: /public',
  'x.forwarded.uri: /public',
  'X-Forwarded-Host: evil.example',
  'X-Forwarded-Proto: https',
  'X-Forwarded-For: 10.0.0.1',
  'X-Forwarded-Server: evil',
  'X-Original-URI: /public',
  'X_Original_URI: /public',
  'X-Original-URL: http://evil.example/public',
  'X-Original-Method: GET',
  'X-Rewrite-Url: /public',
  'X-Real-IP: 10.0.0.1',
  'Forwarded: for=10.0.0.1',
  'Remote-User: root',
  'Remote_User: root',
  'X-Forwarded-User: root',
  'X-Auth-Request-User: root',
  'X-Tenant: evil',
  'X_Tenant: evil',
  'X-Source: evil',
  'X-Sekisho-Asking: evil',
];

for (const line of forged)
  test(`a client's own ${line} never gets there`, async (t) => {
    const auth = await recording(t);
    const { port } = await asking(t, auth.url, {
      copyHeaders: { 'X-Tenant': 'X-Tenant', 'X-Source': 'X-Target' },
    });
    await exchangeRaw(
      port,
      `POST /private HTTP/1.1\r\nHost: a\r\n${line}\r\nContent-Length: 0\r\n\r\n`,
    );
    const [seen] = auth.seen;
    const value = line.slice(line.indexOf(':') + 2);
    assert.ok(seen !== undefined && !seen.fields.includes(value), JSON.stringify(seen?.fields));
    assert.deepEqual(seen.all('x-forwarded-uri'), ['/private']);
    assert.deepEqual(seen.all('x-forwarded-method'), ['POST']);
    assert.deepEqual(seen.all('x-forwarded-for'), ['127.0.0.1']);
  });

test('a trusted proxy in front is believed about address, host and scheme, and nothing else', async (t) => {
  const auth = await recording(t);
  const { port } = await asking(t, auth.url, {}, { before: (app) => app.set('trust proxy', true) });
  const lines = [
    'For: 192.0.2.7',
    'Host: shop.example',
    'Proto: https',
    'Uri: /public',
    'Method: PUT',
  ];
  await exchangeRaw(
    port,
    `GET /x HTTP/1.1\r\nHost: a\r\nX-Original-URL: http://b/c\r\n${lines.map((line) => `X-Forwarded-${line}\r\n`).join('')}\r\n`,
  );
  const { all } = auth.seen[0]!;
  assert.deepEqual(all('x-forwarded-for'), ['192.0.2.7, 127.0.0.1']);
  assert.deepEqual(all('x-original-url'), ['https://shop.example/x']);
  assert.deepEqual(all('x-forwarded-uri'), ['/x']);
  assert.deepEqual(all('x-forwarded-method'), ['GET']);
});

test('requestHeaders: these and no others', async (t) => {
  const auth = await recording(t);
  const { url } = await asking(t, auth.url, { requestHeaders: ['cookie', 'X-Api-Key'] });
  await fetch(url, { headers: { cookie: 'a=1', 'x-api-key': 'k', authorization: 'Bearer x' } });
  const { get } = auth.seen[0]!;
  assert.deepEqual(
    ['cookie', 'x-api-key', 'authorization', 'user-agent', 'x-forwarded-uri'].map(get),
    ['a=1', 'k', undefined, undefined, '/'],
  );
});

test('it is asked about what a server behind would be asked for, after a rewrite', async (t) => {
  const auth = await recording(t);
  const { port, behind } = await asking(
    t,
    auth.url,
    {},
    {
      before: (app) =>
        app.use((req, _res, next) => {
          req.url = req.url.replace('/public/../', '/');
          next();
        }),
    },
  );
  await exchangeRaw(port, 'GET /public/../private HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(auth.seen[0]!.get('x-forwarded-uri'), '/private');
  assert.equal(behind.seen[0]!.url, '/private');
});

for (const [what, request, code] of [
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 'ERR_SEKISHO_BAD_HOST'],
  ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 'ERR_SEKISHO_BAD_HOST'],
  [
    'two Authorizations',
    'GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n',
    'ERR_SEKISHO_BAD_REQUEST',
  ],
  ['a fragment', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', 'ERR_SEKISHO_BAD_PATH'],
] as const)
  test(`not asked about, as two servers could read it differently: ${what}`, async (t) => {
    const auth = await recording(t);
    const { port, behind } = await asking(t, auth.url);
    const { text } = await exchangeRaw(port, request);
    assert.match(text, /^HTTP\/1\.1 400 /);
    assert.ok(text.includes(code), text);
    assert.deepEqual([auth.seen.length, behind.seen.length], [0, 0]);
  });

test('an auth server behind the very gate that asks it: an error that says so, and no endless loop', async (t) => {
  const warnings: Error[] = [];
  const listener = (warning: Error): void => void warnings.push(warning);
  process.on('warning', listener);
  t.after(() => process.off('warning', listener));
  const app = express();
  const { port } = await listen(t, app);
  const gate = authGate({ forward: { url: `http://127.0.0.1:${port}/verify` } });
  t.after(() => gate.close());
  const statuses: number[] = [];
  app.use((_req, res, next) => {
    res.on('finish', () => statuses.push(res.statusCode));
    next();
  });
  app.use(gate, showErrors);
  const answer = await fetch(`http://127.0.0.1:${port}/page`);
  assert.equal(answer.status, 502);
  assert.match(await answer.text(), /^ERR_SEKISHO_AUTH_UNAVAILABLE: forward: it answered 508/);
  assert.deepEqual(statuses, [508, 502]);
  const told = (): boolean =>
    warnings.some(({ message }) => message.includes('leads back to the gate'));
  await until(told, 'the operator is warned');
});

test('fuzzed: what a client writes into its fields changes nothing of what is said of the request', async (t) => {
  const auth = await recording(t);
  const { port } = await asking(t, auth.url, { copyHeaders: ['X-Tenant'] });
  const said = /^(?:x-(?:forwarded|original|tenant|sekisho)|remote-|via$|host$)/i;
  const name = fc.oneof(
    fc.constantFrom(...forged.map((line) => line.split(':')[0]!)),
    fc.stringMatching(/^[xX][-_.][fFoO][oOrR][-_.a-zA-Z]{0,12}$/),
  );
  const value = fc.stringMatching(/^[!-~]{0,12}$/);
  const plain = 'GET /p HTTP/1.1\r\nHost: a\r\nConnection: close\r\n';
  await exchangeRaw(port, `${plain}\r\n`);
  const told = (): string[] => {
    const { fields } = auth.seen.at(-1)!;
    return fields.filter((_, at) => said.test(fields[at - (at % 2)]!.replace(/[^a-z0-9]/gi, '-')));
  };
  const expected = told().join('\n');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(name, value), { maxLength: 4 }), async (lines) => {
      const more = lines.map(([key, text]) => `${key}: ${text}\r\n`).join('');
      const before = auth.seen.length;
      await exchangeRaw(port, `${plain}${more}\r\n`);
      // What was refused as ambiguous was not asked about.
      if (auth.seen.length > before) assert.equal(told().join('\n'), expected);
    }),
    { numRuns: 60 },
  );
});
