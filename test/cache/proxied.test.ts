import assert from 'node:assert/strict';
import test from 'node:test';
import compression from 'compression';
import type { RequestHandler } from 'express';
import { cache } from '../../lib/cache/index.ts';
import { exchangeRaw } from '../support/servers.ts';
import { startProxy, startSite } from '../forward-proxy/support.ts';
import { stillClock } from './support.ts';

test('answers of other servers stand by their own URLs, and can be cleared and invalidated by them', async (t) => {
  let answers = 0;
  const site = await startSite(t, (req, res) => {
    res.setHeader('Cache-Control', 'max-age=60');
    if (req.method === 'POST') res.setHeader('Location', '/c');
    res.end(`answer ${++answers}`);
  });
  const store = cache();
  t.after(() => store.close());
  const scene = await startProxy(t, { ports: [site.port] }, { before: [store] });
  const origin = `http://site.test:${site.port}`;
  const ask = async (path: string, method = 'GET'): Promise<string> => {
    const host = `Host: site.test:${site.port}\r\nContent-Length: 0\r\n`;
    const { text } = await exchangeRaw(
      scene.port,
      `${method} ${origin}${path} HTTP/1.1\r\n${host}\r\n`,
    );
    return /answer \d+$/.exec(text)?.[0] ?? text;
  };
  assert.deepEqual(
    [await ask('/a'), await ask('/a'), await ask('/b')],
    ['answer 1', 'answer 1', 'answer 2'],
  );
  const [line] = await store.index();
  assert.match(line?.url ?? '', new RegExp(`^http://proxied@site\\.test:${site.port}/[ab]$`));
  assert.equal(await ask('/c'), 'answer 3');
  assert.equal(await ask('/a', 'POST'), 'answer 4');
  assert.deepEqual(
    [await ask('/a'), await ask('/b'), await ask('/c')],
    ['answer 5', 'answer 2', 'answer 6'],
  );
  assert.equal(await store.clear(`${origin}/b`), 1);
  assert.deepEqual([await ask('/a'), await ask('/b')], ['answer 5', 'answer 7']);
  assert.equal(await store.clear('http://other.test/'), 0);
});

test('requests for the same URL at the same time are one, and a HEAD is answered from it', async (t) => {
  let asked = 0;
  const site = await startSite(t, (_req, res) => {
    asked++;
    setTimeout(() => res.setHeader('Cache-Control', 'max-age=60').end('shared'), 30);
  });
  const store = cache();
  t.after(() => store.close());
  const scene = await startProxy(t, { ports: [site.port] }, { before: [store] });
  const head = (method: string): string =>
    `${method} http://site.test:${site.port}/ HTTP/1.1\r\nHost: site.test:${site.port}\r\n\r\n`;
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => exchangeRaw(scene.port, head('GET'))),
  );
  for (const { text } of answers) assert.match(text, /^HTTP\/1\.1 200 [^]*shared$/);
  assert.match(
    (await exchangeRaw(scene.port, head('HEAD'))).text,
    /^HTTP\/1\.1 200 [^]*length: 6/i,
  );
  assert.equal(asked, 1);
});

for (const [what, between] of [
  ['directly behind the cache', []],
  ['behind compression', [compression({ threshold: 0 })]],
] as const)
  for (const [how, status] of [
    ['says 503', /fwd-status=503/],
    ['gives no answer', /fwd=stale/],
  ] as const)
    test(`stale-if-error where the site ${how}, the proxy ${what}`, async (t) => {
      const clock = stillClock(t);
      let down = false;
      const site = await startSite(t, (_req, res) => {
        res.setHeader('Cache-Control', 'max-age=10, stale-if-error=600');
        res.setHeader('X-Site', '1');
        if (!down) res.end('fine');
        else if (how === 'says 503') res.writeHead(503).end('down');
        else res.destroy();
      });
      const store = cache();
      t.after(() => store.close());
      const ofTheApp: RequestHandler = (_req, res, next) => {
        res.cookie('session', '1').set('X-App', '1');
        next();
      };
      const before = [ofTheApp, store, ...between];
      const scene = await startProxy(t, { ports: [site.port] }, { before });
      const host = `site.test:${site.port}`;
      const ask = async (): Promise<string> =>
        (await exchangeRaw(scene.port, `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`))
          .text;
      assert.match(await ask(), /; stored\r\n[^]*fine/);
      down = true;
      clock.forward(20);
      const text = await ask();
      assert.match(text, /^HTTP\/1\.1 200 [^]*\r\nX-Site: 1\r\n[^]*fine/);
      assert.match(text, status);
      assert.doesNotMatch(text, /^(?:set-cookie|x-app)/im);
    });
