import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import express, { type Express } from 'express';
import { contextOf } from '../../../lib/core/context.ts';
import { useClock } from '../../../lib/core/clock.ts';
import { attach } from '../../../lib/core/server/attach.ts';
import { serve } from '../../../lib/core/server/serve.ts';
import { socketOwners } from '../../../lib/core/taken-sockets.ts';
import { exchangeRaw, listen, until } from '../../support/servers.ts';
import { echo, rawClient } from '../../support/upgrades.ts';

const size = 3_000_000;
const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const connect = 'CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\n\r\n';
const upgrade = get('/socket', 'Connection: Upgrade\r\nUpgrade: echo\r\n');

function answering(): Express {
  const app = express();
  app.get('/slow', (_req, res) => void setTimeout(() => res.send('first answer'), 50));
  app.get('/large', (_req, res) => {
    let left = size;
    res.writeHead(200, { 'Content-Length': size });
    const more = (): void => {
      while (left > 0) {
        left -= 30_000;
        if (!res.write('x'.repeat(30_000))) {
          res.once('drain', more);
          return;
        }
      }
      res.end();
    };
    setTimeout(more, 20);
  });
  app.get('/never', () => undefined);
  app.get('/closing', (_req, res) => {
    setTimeout(() => res.set('Connection', 'close').send('last answer'), 50);
  });
  app.get('/socket', (req) => {
    echo(req);
  });
  app.use((req, res) => {
    contextOf(req).claim();
    res.status(403).end('refused');
  });
  return app;
}

async function serving(t: TestContext): Promise<number> {
  const { server, port } = await listen(t, answering());
  attach(server);
  t.after(() => {
    for (const owner of socketOwners(server)) owner.destroy();
  });
  return port;
}

for (const [name, first, wanted] of [
  ['one that takes its time', get('/slow'), /^HTTP\/1\.1 200 [^]*first answer/],
  ['several', get('/slow') + get('/slow'), /first answer[^]*first answer/],
  ['a large one', get('/large'), /x{3000000}/],
] as const) {
  test(`CONNECT behind requests still being answered waits for the answers: ${name}`, async (t) => {
    const { text } = await exchangeRaw(await serving(t), first + connect, { silence: 600 });
    assert.match(text, wanted);
    assert.match(text, /HTTP\/1\.1 403 [^]*refused$/);
  });

  test(`an upgrade behind requests still being answered waits for the answers: ${name}`, async (t) => {
    const client = await rawClient(await serving(t), first + upgrade);
    await client.sees('HTTP/1.1 101 ');
    assert.match(client.text.slice(0, client.text.indexOf('HTTP/1.1 101')), wanted);
    client.socket.write('hello');
    await client.sees('hello');
    client.socket.destroy();
  });
}

test('a server of serve() keeps the order, too', async (t) => {
  const { url, close } = await serve(answering(), { host: '127.0.0.1', gracePeriod: 0 });
  t.after(close);
  const bytes = get('/slow') + get('/large') + connect;
  const { text } = await exchangeRaw(Number(new URL(url).port), bytes, { silence: 600 });
  assert.ok(text.includes('first answerHTTP/1.1 200 '));
  assert.ok(text.includes(`\r\n\r\n${'x'.repeat(size)}HTTP/1.1 403 `));
  assert.match(text, /refused$/);
});

test('where nothing moves for long the wait is over, and the connection', async (t) => {
  const timers: (() => void)[] = [];
  const port = await serving(t);
  t.after(
    useClock({
      after(_milliseconds, callback) {
        timers.push(callback);
        return () => void timers.splice(timers.indexOf(callback), 1);
      },
    }),
  );
  const client = await rawClient(port, get('/never') + connect);
  await until(() => timers.length === 1, 'the wait');
  timers.shift()?.();
  await until(() => client.closed, 'the end of the connection');
  assert.equal(client.text, '');
  await until(() => timers.length === 0, 'the end of the wait');
});

test('an answer that ends the connection arrives whole, and is the last', async (t) => {
  const { text, closed } = await exchangeRaw(await serving(t), get('/closing') + connect, {
    silence: 2000,
  });
  assert.match(text, /last answer$/);
  assert.ok(closed);
});

test('a client that does not wait harms nobody', async (t) => {
  const port = await serving(t);
  const client = await rawClient(port, get('/slow') + connect);
  client.socket.resetAndDestroy();
  assert.match((await exchangeRaw(port, get('/slow'))).text, /first answer/);
});
