import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { fetchJson } from '../../../lib/core/upstream/fetch-json.ts';
import { listen } from '../../support/servers.ts';

const limits = { timeout: 5000, maxSize: 1000 };

test('a JSON document is fetched', async (t) => {
  const { url } = await listen(t, (req, res) => res.end(JSON.stringify({ asked: req.url })));
  assert.deepEqual(await fetchJson(new URL(`${url}/a?b`), limits), { asked: '/a?b' });
});

const failures: readonly (readonly [what: string, answer: RequestListener, message: RegExp])[] = [
  ['another status', (_req, res) => res.writeHead(404).end('{}'), /\/x: status 404$/],
  [
    'a redirect, which is not followed',
    (_req, res) => res.writeHead(302, { location: '/y' }).end('{}'),
    /\/x: status 302$/,
  ],
  ['no JSON', (_req, res) => res.end('<secret>'), /\/x: not JSON$/],
  ['too much', (_req, res) => res.end(`"${'x'.repeat(1000)}"`), /\/x: more than 1000 bytes$/],
  [
    'an end in the middle',
    (_req, res) =>
      res
        .writeHead(200, { 'content-length': 9 })
        .write('{', () => setTimeout(() => res.destroy(), 20)),
    /\/x: UND_ERR_/,
  ],
  ['a closed connection', (_req, res) => res.destroy(), /\/x: UND_ERR_SOCKET$/],
];

for (const [what, answer, message] of failures)
  test(`refused: ${what}`, async (t) => {
    const { url } = await listen(t, answer);
    await assert.rejects(fetchJson(new URL(`${url}/x?token=t`), limits), (error: Error) => {
      assert.match(error.message, message);
      assert.ok(!error.message.includes('token') && !error.message.includes('secret'));
      return true;
    });
  });

for (const [what, answer] of [
  ['silence', () => undefined],
  ['silence after the head', (_req, res) => res.flushHeaders()],
  ['an endless trickle', (_req, res) => void setInterval(() => res.write(' '), 20).unref()],
] as readonly (readonly [string, RequestListener])[])
  test(`given up after the timeout: ${what}`, async (t) => {
    const { url } = await listen(t, answer);
    const early = { timeout: 200, maxSize: 1e6 };
    await assert.rejects(fetchJson(new URL(url), early), /no answer within 200 ms/);
  });

test('nobody there', async () => {
  await assert.rejects(fetchJson(new URL('http://127.0.0.1:9/'), limits), /ECONNREFUSED/);
});
