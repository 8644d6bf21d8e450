import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Target } from '../../../lib/core/upstream/forward.ts';
import { upstream } from '../../../lib/core/upstream/upstream.ts';
import { exchangeRaw } from '../../support/servers.ts';
import { proxyTo, recording } from './forward-support.ts';

const get = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';

const good: readonly (readonly [what: string, target: (url: string) => Target])[] = [
  ['a string', (url) => url],
  ['a URL', (url) => new URL(url)],
  ['a list', (url) => [url]],
  ['a list of objects', (url) => [{ url, weight: 2 }]],
  ['an upstream()', (url) => upstream('pool', url)],
  ['a function that gives a string', (url) => () => url],
  ['a function that gives a URL', (url) => () => new URL(url)],
  ['a function that gives an upstream()', (url) => [upstream('pool', url)].map((u) => () => u)[0]!],
  ['a function that promises a string', (url) => () => Promise.resolve(url)],
  [
    'a function that promises a URL later',
    (url) => async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return new URL(url);
    },
  ],
];

for (const [what, target] of good)
  test(`a target may be ${what}`, async (t) => {
    const server = await recording(t);
    const { port } = await proxyTo(t, target(server.url));
    const post = 'POST /y HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello';
    const { text } = await exchangeRaw(port, get + post);
    assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
    // Two requests at a time: which comes first is the server's affair.
    assert.deepEqual(server.seen.map(({ url, body }) => `${url} ${body}`).sort(), [
      '/x ',
      '/y hello',
    ]);
  });

const bad: readonly (readonly [what: string, target: () => unknown])[] = [
  ['nothing', () => undefined],
  ['null', () => null],
  ['an object', () => ({ url: 'http://127.0.0.1:1' })],
  ['no URL', () => 'localhost:8080'],
  ['a URL of another scheme', () => 'ftp://127.0.0.1'],
  ['a URL with a password', () => 'http://u:secret@127.0.0.1'],
  ['a promise of nothing', () => Promise.resolve(undefined)],
  ['a rejection', () => Promise.reject(new Error('registry down'))],
  [
    'an exception',
    () => {
      throw new Error('registry down');
    },
  ],
];

for (const [what, target] of bad)
  test(`a target function that gives ${what} is a named 500, and the connection goes on`, async (t) => {
    const { port } = await proxyTo(t, target as never);
    const { text } = await exchangeRaw(port, get + get);
    assert.equal(text.match(/HTTP\/1\.1 500 /g)?.length, 2);
    assert.match(text, /ERR_SEKISHO_TARGET: the target function failed/);
    assert.doesNotMatch(text, /secret/);
  });

test('two targets never share a pool, and one target keeps its connections', async (t) => {
  const one = await recording(t);
  const two = await recording(t);
  let connections = 0;
  one.server.on('connection', () => connections++);
  const { port } = await proxyTo(t, (req) => (req.url === '/two' ? two.url : one.url));
  for (const path of ['/one', '/two', '/one', '/one'])
    await exchangeRaw(port, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`, { silence: 20 });
  assert.equal(one.seen.length, 3);
  assert.equal(two.seen.length, 1);
  assert.equal(connections, 1);
});

test('a client that leaves while the target is being found: no server is asked', async (t) => {
  const server = await recording(t);
  let found: (() => void) | undefined;
  const { port } = await proxyTo(
    t,
    () => new Promise<string>((resolve) => (found = () => resolve(server.url))),
  );
  await exchangeRaw(port, get, { limit: 100 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  found?.();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(server.seen.length, 0);
});
