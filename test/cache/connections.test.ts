/** What is no plain exchange: upgrades, interim answers, waiting for a place at the server. */
import assert from 'node:assert/strict';
import { request, type ClientRequest, type ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import express, { type Response } from 'express';
import { WebSocket, WebSocketServer } from 'ws';
import { once } from 'node:events';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { cache } from '../../lib/cache/index.ts';
import { attach } from '../../lib/core/server/attach.ts';
import { exchangeRaw, listen, turns, until } from '../support/servers.ts';
import { appOf, send, sites, statusOf } from './support.ts';

test('a WebSocket goes through a cached mount, beside what is stored of the same URL', async (t) => {
  const origin = await listen(
    t,
    (_req: unknown, res: ServerResponse) =>
      void res.setHeader('Cache-Control', 'max-age=60').end('page'),
  );
  const sockets = new WebSocketServer({ server: origin.server });
  sockets.on('connection', (socket) => {
    socket.on('message', (text: Buffer) => {
      socket.send(`echo ${text.toString()}`);
    });
  });
  const own = cache();
  const app = express();
  app.use('/live', own, balancedProxy(origin.url));
  const { server, port } = await listen(t, app);
  attach(server, app);
  const echo = async (text: string): Promise<string> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/live`);
    t.after(() => socket.terminate());
    await once(socket, 'open');
    socket.send(text);
    const [answer] = (await once(socket, 'message')) as [Buffer];
    socket.terminate();
    return answer.toString();
  };
  assert.equal(await echo('one'), 'echo one');
  assert.equal((await own.stats()).entries, 0);
  assert.equal(statusOf(await send(port, '/live')), 'sekisho; fwd=uri-miss; stored');
  assert.equal(await echo('two'), 'echo two');
  assert.equal(statusOf(await send(port, '/live')), 'sekisho; hit');
  assert.equal((await own.stats()).bypassed, 0);
});

for (const [where, make] of Object.entries(sites)) {
  const path = where.includes('prefix') ? '/shop/a' : '/a';

  test(`103 Early Hints come before a miss, and are not stored, in front of ${where}`, async (t) => {
    const { port } = await make(t, (_req, res) => {
      res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
      setTimeout(() => res.set('Cache-Control', 'max-age=60').send('page'), 20);
    });
    const get = `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const { text: miss } = await exchangeRaw(port, get);
    assert.match(
      miss,
      /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/style\.css>; rel=preload; as=style\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*fwd=uri-miss; stored[^]*page$/i,
    );
    const { text: hit } = await exchangeRaw(port, get);
    assert.match(hit, /^HTTP\/1\.1 200 OK\r\n[^]*sekisho; hit[^]*page$/);
    assert.doesNotMatch(hit, /link:/i);
  });
}

describe('the only connection to the server is busy', () => {
  for (const others of [1, 0])
    test(`the client that is asked for leaves, and ${others} others wait`, async (t) => {
      const busy: Response[] = [];
      const asked: string[] = [];
      const origin = await appOf(t, [
        (req, res) => {
          asked.push(req.url);
          if (req.url === '/busy') busy.push(res);
          else res.set('Cache-Control', 'max-age=60').send('page');
        },
      ]);
      const own = cache();
      const { port } = await appOf(t, [
        own,
        balancedProxy(origin.url, { connections: { perServer: 1, queueTimeout: '20s' } }),
      ]);
      const occupying = send(port, '/busy');
      await until(() => asked.length === 1, 'the connection is taken');
      const leader = ask(port, '/a');
      await until(async () => (await own.stats()).misses === 2, 'it waits in the queue');
      const waiting = Array.from({ length: others }, async () => send(port, '/a'));
      // Requests of one connection each; the last to come has an answer of its own.
      await send(port, '/other', { headers: { 'Cache-Control': 'only-if-cached' } });
      await turns();
      leader.destroy();
      await turns();
      busy[0]?.send('done');
      assert.equal((await occupying).body, 'done');
      for (const answer of await Promise.all(waiting))
        assert.deepEqual([answer.status, answer.body], [200, 'page']);
      assert.equal((await send(port, '/last')).body, 'page');
      assert.deepEqual(asked, ['/busy', ...Array<string>(others).fill('/a'), '/last']);
    });
});

function ask(port: number, path: string): ClientRequest {
  const sent = request({ port, host: '127.0.0.1', path, agent: false });
  sent.on('error', () => undefined).end();
  return sent;
}
