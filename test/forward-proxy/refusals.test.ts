/** What the app's error handlers may make of a refusal: any error, and nothing else. */
import assert from 'node:assert/strict';
import compression from 'compression';
import express, {
  type ErrorRequestHandler,
  type NextFunction,
  type RequestHandler,
  type Response,
} from 'express';
import test, { type TestContext } from 'node:test';
import { cache } from '../../lib/cache/index.ts';
import { contextOf } from '../../lib/core/context.ts';
import { serve } from '../../lib/core/server/serve.ts';
import { forwardProxy } from '../../lib/forward-proxy/index.ts';
import { urlFilter } from '../../lib/url-filter/index.ts';
import { exchangeRaw, listen } from '../support/servers.ts';
import { rawClient } from '../support/upgrades.ts';
import { local } from './support.ts';

type Answer = (res: Response, next: NextFunction) => void;

/** A proxy that refuses `evil.test`, reaches nothing at `dead.test`, and has this error handler. */
async function proxyWith(
  t: TestContext,
  handler: Answer,
  before: RequestHandler[] = [],
): Promise<{ port: number; site: number; insideAsked: () => number }> {
  let asked = 0;
  const count: RequestHandler = (req, _res, next) => {
    if (contextOf(req).destination === undefined) asked++;
    next();
  };
  const site = await listen(t, (_req, res) => res.end('SITE'));
  const proxy = forwardProxy({
    ...local,
    deny: ['evil.test'],
    ports: [80, site.port],
    connectPorts: [443, site.port + 1],
    lookup: (name) => Promise.resolve([name === 'dead.test' ? '127.0.0.2' : '127.0.0.1']),
  });
  const app = express();
  for (const one of [count, ...before]) app.use(one);
  app.use(proxy);
  app.use(((_error, _req, res, next) => {
    handler(res, next);
  }) satisfies ErrorRequestHandler);
  const served = await serve(app, { host: '127.0.0.1', gracePeriod: 0 });
  t.after(async () => {
    await served.close();
    await proxy.close();
  });
  return { port: Number(new URL(served.url).port), site: site.port, insideAsked: () => asked };
}

const handlers: readonly [name: string, handler: Answer][] = [
  ['a 200', (res) => void res.status(200).send('SORRY')],
  ['a 204', (res) => void res.status(204).end()],
  ['a redirect', (res) => res.redirect('http://login.example/SORRY')],
  ['a head of its own', (res) => void res.writeHead(200).end('SORRY')],
  [
    'pieces, later',
    (res) =>
      void setImmediate(() => {
        res.write('SOR');
        res.end('RY');
      }),
  ],
];

const wrapped: RequestHandler = (_req, res, next) => {
  const end = res.end.bind(res) as (...args: unknown[]) => Response;
  res.end = (...args: unknown[]) => end(...args);
  next();
};

const policies: readonly [name: string, host: string, status: number, before: RequestHandler[]][] =
  [
    ['forwardProxy denies', 'evil.test', 403, []],
    ['forwardProxy denies, with compression', 'evil.test', 403, [compression({ threshold: 0 })]],
    ['forwardProxy denies, with a cache', 'evil.test', 403, [cache()]],
    ['forwardProxy denies, behind a wrapped end()', 'evil.test', 403, [wrapped]],
    ['the site is dead', 'dead.test', 502, []],
    [
      'urlFilter denies',
      'filtered.test',
      403,
      [urlFilter({ deny: ['filtered.test'], page: false })],
    ],
    [
      'urlFilter hides',
      'hidden.test',
      404,
      [urlFilter({ deny: ['hidden.test'], page: false, status: 404 })],
    ],
  ];

for (const [what, host, status, before] of policies)
  for (const [name, handler] of handlers)
    test(`${what}, and the error handler answers ${name}: ${status}, and no tunnel`, async (t) => {
      const { port, insideAsked } = await proxyWith(t, handler, before);
      const smuggled = 'GET /inside HTTP/1.1\r\nHost: here.example\r\n\r\n';
      for (const bytes of [
        `CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n`,
        `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      ]) {
        const { text } = await exchangeRaw(port, bytes, { silence: 60 });
        assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `), bytes);
        assert.doesNotMatch(text, /SOR|location/i, bytes);
      }
      const client = await rawClient(
        port,
        `CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n${smuggled}`,
      );
      await client.sees('HTTP/1.1');
      await new Promise((resolve) => setTimeout(resolve, 20));
      client.socket.destroy();
      assert.doesNotMatch(client.text, /^HTTP\/1\.1 [123]/m);
      assert.equal(insideAsked(), 0);
    });

test('an error answer of the app is its own, with any error status', async (t) => {
  const own: Answer = (res) => void res.status(404).send('OWN');
  const { port } = await proxyWith(t, own);
  for (const line of ['GET http://evil.test/', 'CONNECT evil.test:443'])
    assert.match(
      (
        await exchangeRaw(
          port,
          `${line} HTTP/1.1\r\nHost: ${/\w+\.test(:443)?/.exec(line)![0]}\r\n\r\n`,
        )
      ).text,
      /^HTTP\/1\.1 404 [^]*OWN$/,
      line,
    );
});

test('an error handler that lets it go on opens nothing', async (t) => {
  const { port } = await proxyWith(t, (_res, next) => {
    next();
  });
  for (const line of ['GET http://evil.test/', 'CONNECT evil.test:443'])
    assert.match(
      (
        await exchangeRaw(
          port,
          `${line} HTTP/1.1\r\nHost: ${/\w+\.test(:443)?/.exec(line)![0]}\r\n\r\n`,
        )
      ).text,
      /^HTTP\/1\.1 [45]\d\d /,
      line,
    );
});

test('what is allowed is not touched by any of this', async (t) => {
  const { port, site } = await proxyWith(t, (res) => void res.send('SORRY'));
  const { text } = await exchangeRaw(
    port,
    `GET http://site.test:${site}/ HTTP/1.1\r\nHost: site.test:${site}\r\n\r\n`,
  );
  assert.match(text, /^HTTP\/1\.1 200 [^]*SITE$/);
});
