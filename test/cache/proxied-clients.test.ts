import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import express, { type RequestHandler } from 'express';
import { cache, memoryStore, type CacheStore } from '../../lib/cache/index.ts';
import { serve } from '../../lib/core/server/serve.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { forwardProxy } from '../../lib/forward-proxy/index.ts';
import { listen, until } from '../support/servers.ts';

interface Ask {
  readonly who?: string;
  readonly host?: string;
  readonly via?: string;
}

/** A cache in front of a forward proxy that serves those who call themselves `in`. */
async function start(
  t: TestContext,
  site: number,
  store?: CacheStore,
  between: RequestHandler = (_req, _res, next) => {
    next();
  },
) {
  const app = express();
  app.use(
    cache({ ttl: '1 minute', ...(store && { store }) }),
    between,
    forwardProxy({
      ports: [site],
      allowPrivate: ['127.0.0.1'],
      pseudonym: 'way-out',
      clients: (_address, req) => req.headers['x-who'] === 'in',
    }),
    errorPages(),
  );
  const { server, close } = await serve(app, { host: '127.0.0.1' });
  t.after(close);
  const { port } = server.address() as { port: number };
  return async ({ who = 'in', host, via }: Ask = {}): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    const authority = `127.0.0.1:${site}`;
    socket.write(
      `GET http://${authority}/page HTTP/1.1\r\nHost: ${host ?? authority}\r\nX-Who: ${who}\r\n${via === undefined ? '' : `Via: ${via}\r\n`}Connection: close\r\n\r\n`,
    );
    const answer = await text(socket);
    const status = answer.slice(9, 12);
    return `${status} ${/^Cache-Status: [^;]*; (hit|fwd)/im.exec(answer)?.[1] ?? 'none'}`;
  };
}

async function site(t: TestContext): Promise<number> {
  const { port } = await listen(t, (_req, res) => res.end('the page'));
  return port;
}

test('whom the forward proxy does not serve gets nothing that others have fetched', async (t) => {
  const ask = await start(t, await site(t));
  assert.match(await ask({ who: 'out' }), /^403/);
  assert.equal(await ask(), '200 fwd');
  assert.equal(await ask(), '200 hit');
  assert.equal(await ask({ who: 'out' }), '403 none');
  assert.equal(await ask({ host: 'other.example' }), '400 none');
  assert.equal(await ask({ via: '1.1 way-out' }), '508 none');
  assert.equal(await ask(), '200 hit');
});

test('with a store that others fill nothing is given before a proxy has told whom it serves', async (t) => {
  const port = await site(t);
  const store = memoryStore();
  t.after(() => store.close());
  const one = await start(t, port, store);
  await one();
  assert.equal(await one(), '200 fwd');
  assert.equal(await one(), '200 hit');
  const other = await start(t, port, store);
  assert.equal(await other({ who: 'out' }), '403 none');
  assert.equal(await other(), '200 hit');
  assert.equal(await other({ who: 'out' }), '403 none');
});

test('nor does anybody wait for the answer to a request before a proxy has told whom it serves', async (t) => {
  const held: (() => void)[] = [];
  const ask = await start(t, await site(t), undefined, (req, _res, next) => {
    if (req.headers['x-who'] === 'in' && held.length === 0) held.push(next);
    else next();
  });
  const first = ask();
  await until(() => held.length === 1, 'the first request');
  assert.equal(await ask({ who: 'out' }), '403 none');
  held[0]?.();
  assert.equal(await first, '200 fwd');
  assert.equal(await ask(), '200 hit');
});
