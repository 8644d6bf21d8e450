/** What users of other Node proxies complain of (numbers are of their issue trackers), shown solved. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import express, { type ErrorRequestHandler } from 'express';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { exchangeRaw, listen, listenBytes, until } from '../support/servers.ts';
import { appWith, parts, proxyTo, recording } from '../core/upstream/forward-support.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('a body parser before the proxy does not hang a POST (http-proxy-middleware #40, #90, #320, #417)', async (t) => {
  const server = await recording(t);
  const { url } = await appWith(t, (app) => {
    app.use(express.json(), express.urlencoded({ extended: true }), express.text());
    app.use(balancedProxy(server.url));
  });
  for (const [type, body] of [
    ['application/json', '{"a":1}'],
    ['application/x-www-form-urlencoded', 'a=1&b=2'],
    ['text/plain', 'hello'],
  ] as const) {
    const headers = { 'Content-Type': type };
    const answer = await fetch(url, { method: 'POST', body, headers });
    assert.equal(answer.status, 200);
    assert.equal(server.seen.at(-1)?.body, body);
  }
});

test('bodies are not gathered in memory: the server hears of an upload while it goes on (express-http-proxy #236)', async (t) => {
  let got = 0;
  const server = await listen(
    t,
    (req) => void req.on('data', (chunk: Buffer) => (got += chunk.length)),
  );
  const { port } = await proxyTo(t, server.url);
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbeginning');
  await until(() => got === 9, 'the beginning arrives');
});

test("errors reach Express' error handlers (http-proxy-middleware #311)", async (t) => {
  const server = await listenBytes(t, '', { close: true });
  const { port } = await appWith(t, (app) => {
    app.use(balancedProxy(server.url));
    // eslint-disable-next-line @typescript-eslint/no-unused-vars -- Express knows an error handler by its four parameters
    const handler: ErrorRequestHandler = (error: { code: string }, _req, res, _next) => {
      res.status(599).send(error.code);
    };
    app.use(handler);
  });
  const { text } = await exchangeRaw(port, get);
  assert.match(text, /^HTTP\/1\.1 599 [^]*ERR_SEKISHO_UPSTREAM_RESET$/);
});

test('a client that leaves while its server fails harms nobody (http-proxy-middleware #346)', async (t) => {
  let asked = 0;
  const server = await listen(t, (req, res) => {
    if (req.url === '/good') {
      res.end('ok');
      return;
    }
    asked++;
    setTimeout(() => req.socket.resetAndDestroy(), 20);
  });
  const { port, url } = await proxyTo(t, server.url, { ejection: false });
  // They leave before and after the server has heard of them; on a slow machine it hears of few.
  for (let round = 0; round < 50 && asked <= 5; round++) {
    for (let index = 0; index < 20; index++) {
      const client = connect(port, '127.0.0.1');
      client.on('error', () => undefined);
      client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\nhello');
      setTimeout(() => client.resetAndDestroy(), index * (2 + round));
    }
    await new Promise((resolve) => setTimeout(resolve, 20 * (2 + round) + 20));
  }
  assert.ok(asked > 5, `${asked} requests`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await (await fetch(`${url}/good`)).text(), 'ok');
});

test('a server that restarts is found again (http-proxy-middleware #476, #327)', async (t) => {
  const start = async (port: number): Promise<ReturnType<typeof createServer>> => {
    const server = createServer((_req, res) => res.end('ok')).listen(port, '127.0.0.1');
    await once(server, 'listening');
    return server;
  };
  let server = await start(0);
  const { port } = server.address() as AddressInfo;
  const { url } = await proxyTo(t, `http://127.0.0.1:${port}`);
  assert.equal((await fetch(url)).status, 200);
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  assert.equal((await fetch(url)).status, 503);
  server = await start(port);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await until(async () => (await fetch(url)).status === 200, 'it is back');
});

test('thirty proxies on one app warn of nothing (http-proxy-middleware #108)', async (t) => {
  const warnings: Error[] = [];
  const listener = (warning: Error): void => void warnings.push(warning);
  process.on('warning', listener);
  t.after(() => process.off('warning', listener));
  const server = await recording(t);
  const { port } = await appWith(t, (app) => {
    for (let index = 0; index < 30; index++) app.use(`/${index}`, balancedProxy(server.url));
  });
  const requests = Array.from({ length: 30 }, (_, index) => get.replace('/', `/${index}`));
  const { text } = await exchangeRaw(port, requests.join(''));
  assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 30);
  assert.deepEqual(
    warnings.filter(({ name }) => name === 'MaxListenersExceededWarning'),
    [],
  );
});

test('a fallthrough through many proxies leaves no listeners behind that warn', async (t) => {
  const warnings: Error[] = [];
  const listener = (warning: Error): void => void warnings.push(warning);
  process.on('warning', listener);
  t.after(() => process.off('warning', listener));
  const server = await recording(t, (_req, res) => res.writeHead(404).end());
  const { port } = await appWith(t, (app) => {
    for (let index = 0; index < 12; index++)
      app.use(balancedProxy(server.url, { fallthrough: [404] }));
  });
  assert.match((await exchangeRaw(port, get)).text, /^HTTP\/1\.1 404 /);
  assert.equal(server.seen.length, 12);
  assert.deepEqual(
    warnings.filter(({ name }) => name === 'MaxListenersExceededWarning'),
    [],
  );
});

test("a client cannot forge its address, and credentials for this proxy stay here (http-proxy-middleware's xfwd)", async (t) => {
  const server = await recording(t);
  const { port } = await proxyTo(t, server.url);
  await exchangeRaw(
    port,
    'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nProxy-Authorization: Basic eDp5\r\nTE: gzip\r\nKeep-Alive: 5\r\n\r\n',
  );
  assert.deepEqual(server.seen[0]?.all('x-forwarded-for'), ['127.0.0.1']);
  for (const name of ['proxy-authorization', 'te', 'keep-alive'])
    assert.deepEqual(server.seen[0].all(name), []);
});

test('announced trailers arrive, and so do early hints', async (t) => {
  const server = await listenBytes(
    t,
    'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n' +
      'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n',
  );
  const { port } = await proxyTo(t, server.url);
  const { text } = await exchangeRaw(port, get);
  assert.match(text, /^HTTP\/1\.1 103 [^]*HTTP\/1\.1 200 [^]*Trailer: X-Sum[^]*X-Sum: 1\r\n\r\n$/i);
});

test('a chunked DELETE keeps its framing: nothing is smuggled (node-http-proxy #1721, CVE-2026-29057)', async (t) => {
  const server = await recording(t);
  const { port } = await proxyTo(t, server.url);
  const smuggled = 'GET /evil HTTP/1.1\r\nHost: a\r\n\r\n';
  const { text } = await exchangeRaw(
    port,
    `DELETE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
  );
  assert.equal(text.match(/HTTP\/1\.1 200/g)?.length, 1);
  assert.deepEqual(
    server.seen.map(({ method, url, body }) => [method, url, body]),
    [['DELETE', '/', smuggled]],
  );
});

for (const [what, bytes] of [
  ['a status out of range', 'HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n'],
  ['a control byte in the reason', 'HTTP/1.1 200 \x07\r\nContent-Length: 0\r\n\r\n'],
  ['a broken chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
  ['a body on HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
] as const)
  test(`no answer of a server ends the process: ${what}`, async (t) => {
    const server = await listenBytes(t, bytes);
    const { port } = await proxyTo(t, server.url);
    const method = what.includes('HEAD') ? 'HEAD' : 'GET';
    const { text } = await exchangeRaw(port, get.replace('GET', method));
    // Chunks may break when the head has been sent; then the connection ends.
    assert.doesNotMatch(text, /^HTTP\/1\.1 200 [^]*0\r\n\r\n$/);
    assert.equal(parts(text).body.includes('ok'), false);
  });

test('several targets, balanced, and a dead one is no error (http-proxy-middleware #748, #367, #664, #1073, #176)', async (t) => {
  const dead = await listenBytes(t, '', { close: true });
  const servers = await Promise.all([1, 2].map(() => recording(t)));
  const { url } = await proxyTo(t, [dead.url, ...servers.map((server) => server.url)], {
    balance: 'round-robin',
  });
  for (let index = 0; index < 20; index++) assert.equal((await fetch(url)).status, 200);
  assert.ok(servers.every(({ seen }) => seen.length > 0));
});

test('Connection cannot strip what this proxy adds (reply-from)', async (t) => {
  const server = await recording(t);
  const { port } = await proxyTo(t, server.url, { headers: { request: { 'X-Internal': 'yes' } } });
  await exchangeRaw(
    port,
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Internal, X-Forwarded-For, Host, Via\r\n\r\n',
  );
  for (const name of ['x-internal', 'x-forwarded-for', 'host', 'via'])
    assert.equal(server.seen[0]?.all(name).length, 1, name);
});

test('no request goes to the wrong server, whatever its path says (reply-from GHSA-2q7r-29rg-6m5h, GHSA-v574-6498-x57v)', async (t) => {
  const one = await recording(t);
  const two = await recording(t);
  const { port } = await appWith(t, (app) => {
    app.use('/one', balancedProxy(one.url));
    app.use('/two', balancedProxy(two.url));
  });
  const other = two.url.slice('http:'.length);
  const paths = [
    `/one/${other}/x`,
    `/one${other}`,
    `/one//${other}/`,
    '/one/x?a',
    '/two/x?a',
    '/one/@h',
  ];
  for (const path of paths) await exchangeRaw(port, get.replace('/', path), { silence: 30 });
  assert.equal(one.seen.length, 5);
  assert.deepEqual(
    two.seen.map(({ url }) => url),
    ['/x?a'],
  );
});
