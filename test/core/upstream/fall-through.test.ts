import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestHandler } from 'express';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import type { Interceptor } from '../../../lib/core/context.ts';
import { exchangeRaw, until } from '../../support/servers.ts';
import { appOf, directly, plainly, wrapping } from '../local-support.ts';
import { parts, recording, transactions } from './forward-support.ts';

const get = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';

/** Writes down the statuses and bodies it sees. */
function observing(seen: string[]): Interceptor {
  return (dispatch) => (options, handler) => {
    let body = '';
    return dispatch(options, {
      onRequestStart(controller, context) {
        seen.push('request');
        handler.onRequestStart?.(controller, context);
      },
      onResponseStart(controller, status, headers, message) {
        seen.push(String(status));
        handler.onResponseStart?.(controller, status, headers, message);
      },
      onResponseData(controller, chunk) {
        body += chunk.toString();
        handler.onResponseData?.(controller, chunk);
      },
      onResponseEnd(controller, trailers) {
        seen.push(body.slice(0, 10));
        handler.onResponseEnd?.(controller, trailers);
      },
      onResponseError(controller, error) {
        seen.push(error.message);
        handler.onResponseError?.(controller, error);
      },
    });
  };
}

const misses: Readonly<Record<string, Parameters<typeof recording>[1]>> = {
  'a small 404': (_req, res) => void res.writeHead(404).end('nobody'),
  'a large 404': (_req, res) => {
    res.writeHead(404);
    for (let piece = 0; piece < 20; piece++) res.write('nobody'.repeat(10_000));
    res.end();
  },
};

const nexts: Readonly<Record<string, RequestHandler | undefined>> = {
  'another proxy': undefined,
  'res.send': (_req, res) => void res.set('X-Next', '1').send('next'),
  'a handler that takes its time': (_req, res) => {
    setTimeout(() => {
      res.write('ne');
      setTimeout(() => res.end('xt'), 10);
    }, 10);
  },
};

for (const [miss, answer] of Object.entries(misses))
  for (const [what, next] of Object.entries(nexts))
    for (const [kind, wrappers] of [
      ['no wrapper', []],
      ['one', [plainly]],
      ['two', [directly, plainly]],
    ] as const)
      test(`${miss} falls through to ${what}: wrappers see one answer (${kind})`, async (t) => {
        const seen: string[] = [];
        const published = transactions(t, '/x');
        const [first, second] = [
          await recording(t, answer),
          await recording(t, (_req, res) => void res.end('next')),
        ];
        const one = balancedProxy(first.url, { fallthrough: [404] });
        const other = balancedProxy(second.url);
        t.after(() => void Promise.all([one.close(), other.close()]));
        const app = await appOf(
          t,
          ...wrappers.map(wrapping),
          ...(kind === 'no wrapper' ? [] : [wrapping(observing(seen))]),
          one,
          next ?? other,
        );
        const { text } = await exchangeRaw(app.port, get + get);
        const bodies = text.split('HTTP/1.1 200 OK').slice(1);
        assert.equal(bodies.length, 2);
        for (const body of bodies)
          assert.equal(parts(body).body.replaceAll(/\r\n|^\d|\d$/gm, ''), 'next');
        assert.doesNotMatch(text, /nobody|404/);
        assert.equal(text.includes('X-Next'), what === 'res.send');
        if (kind !== 'no wrapper')
          assert.deepEqual(seen.sort(), ['200', '200', 'next', 'next', 'request', 'request']);
        await until(() => published.length === 2, 'the records');
        assert.deepEqual(
          published.map(({ status, outcome }) => `${status} ${outcome ?? ''}`),
          ['200 completed', '200 completed'],
        );
      });

test('an error page at the end of a fall through is what the wrapper sees', async (t) => {
  const seen: string[] = [];
  const first = await recording(t, misses['a small 404']);
  const proxy = balancedProxy(first.url, { fallthrough: [404] });
  t.after(() => void proxy.close());
  const app = await appOf(t, wrapping(observing(seen)), proxy);
  const { text } = await exchangeRaw(app.port, get);
  assert.match(text, /^HTTP\/1\.1 404 Not Found\r\n[^]*Cannot GET/);
  assert.deepEqual(seen.slice(0, 2), ['request', '404']);
});

test('a client that leaves while the next handler answers: the wrapper hears it', async (t) => {
  const seen: string[] = [];
  let called = false;
  let closed = false;
  const first = await recording(t, misses['a small 404']);
  const proxy = balancedProxy(first.url, { fallthrough: [404] });
  t.after(() => void proxy.close());
  const app = await appOf(t, wrapping(observing(seen)), proxy, (_req, res) => {
    called = true;
    res.on('close', () => (closed = true));
  });
  const controller = new AbortController();
  const answer = fetch(app.url, { signal: controller.signal }).catch(() => undefined);
  await until(() => called, 'the handler');
  controller.abort();
  await answer;
  await until(() => closed, 'close');
  assert.deepEqual(seen, ['request', 'The client went away']);
});
