/** Wrappers and other middlewares around each other: mount order holds, and nobody loses anything. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import compression from 'compression';
import type { RequestHandler } from 'express';
import session from 'express-session';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import type { Interceptor } from '../../../lib/core/context.ts';
import { interceptorsAround, removedByHandler } from '../../../lib/core/local-exchange.ts';
import { securityHeaders } from '../../../lib/security-headers/index.ts';
import { listen } from '../../support/servers.ts';
import { appOf, directly, later, plainly, wrapping } from '../local-support.ts';

/** Puts its name in front of the body and at the end of X-Way, and says what it has seen. */
function marking(name: string, seen: string[]): Interceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onResponseStart(controller, status, headers, message) {
        const { 'content-length': length, 'x-way': way = '', ...rest } = headers;
        seen.push(`${name}: ${String(headers['content-encoding'] ?? 'identity')}`);
        const fields = { ...rest, 'x-way': `${String(way)}${name}` };
        handler.onResponseStart?.(
          controller,
          status,
          length === undefined
            ? fields
            : { ...fields, 'content-length': String(Number(length) + 1) },
          message,
        );
        handler.onResponseData?.(controller, Buffer.from(name));
      },
      onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
      onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
      onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
    });
}

const text = 'hello '.repeat(1000);

const sources: Readonly<Record<string, RequestHandler>> = {
  'res.send': (_req, res) => void res.type('text').send(text),
  'chunks with a pause': (_req, res) => {
    res.type('text');
    res.write(text.slice(0, 2000));
    setTimeout(() => res.end(text.slice(2000)), 5);
  },
  'res.end without a head': (_req, res) => {
    res.setHeader('Content-Type', 'text/plain');
    res.end(text);
  },
};

const between: Readonly<Record<string, () => RequestHandler>> = {
  compression: () => compression({ threshold: 0 }),
  helmet: () => securityHeaders(),
  'a session': () => session({ secret: 's', resave: false, saveUninitialized: true }),
  'a field': () => (_req, res, next) => {
    res.set('X-Between', '1');
    next();
  },
};

const orders = {
  before: ['other', 'A', 'B'],
  between: ['A', 'other', 'B'],
  after: ['A', 'B', 'other'],
} as const;

describe('other middlewares before, between and after two wrappers', () => {
  for (const [place, order] of Object.entries(orders))
    for (const [other, make] of Object.entries(between))
      for (const kind of [...Object.keys(sources), 'balancedProxy'])
        for (const delayed of [false, true])
          test(`${other} ${place}, ${kind}${delayed ? ', wrappers that take their time' : ''}`, async (t) => {
            const seen: string[] = [];
            const upstream = await listen(t, (_req, res) => {
              res.setHeader('Content-Type', 'text/plain').end(text);
            });
            const proxy = balancedProxy(upstream.url);
            t.after(() => void proxy.close());
            const app = await appOf(
              t,
              ...order.flatMap((one) =>
                one === 'other'
                  ? [make()]
                  : [wrapping(marking(one, seen)), ...(delayed ? [wrapping(later)] : [])],
              ),
              sources[kind] ?? proxy,
            );
            for (let time = 0; time < 2; time++) {
              const answer = await fetch(app.url, {
                headers: { 'Accept-Encoding': 'gzip' },
              });
              assert.equal(answer.status, 200);
              const coded = other === 'compression' && place !== 'before';
              // What stands outside of the compression puts its letter in front of the compressed bytes.
              if (!(coded && place !== 'before')) assert.equal(await answer.text(), `AB${text}`);
              // To fetch they are no gzip; that of Node 22 would wait for their end for ever.
              else await answer.body?.cancel().catch(() => undefined);
              assert.equal(answer.headers.get('x-way'), 'BA');
              assert.equal(answer.headers.get('content-type')?.startsWith('text/plain'), true);
              if (other === 'a field') assert.equal(answer.headers.get('x-between'), '1');
              if (other === 'helmet')
                assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
              if (other === 'a session')
                assert.match(answer.headers.getSetCookie().join(), /^connect\.sid=[^,]*$/);
              if (other === 'compression')
                assert.match(answer.headers.get('vary') ?? '', /accept-encoding/i);
            }
            const inside = other === 'compression' ? 'gzip' : 'identity';
            const expected = {
              before: ['B: identity', 'A: identity'],
              between: ['B: identity', `A: ${inside}`],
              after: [`B: ${inside}`, `A: ${inside}`],
            }[place as keyof typeof orders];
            assert.deepEqual(seen, [...expected, ...expected]);
          });
});

test('what stands outside of the compression gets bytes that can be decompressed', async (t) => {
  const chunks: Buffer[] = [];
  const keeping: Interceptor = (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onResponseStart: (controller, status, headers, message) =>
        handler.onResponseStart?.(controller, status, headers, message),
      onResponseData(controller, chunk) {
        chunks.push(Buffer.from(chunk));
        handler.onResponseData?.(controller, chunk);
      },
      onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
      onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
    });
  const large = text.repeat(100);
  const app = await appOf(t, wrapping(keeping), compression(), wrapping(directly), (_req, res) => {
    res.type('text').send(large);
  });
  assert.equal(await (await fetch(app.url)).text(), large);
  assert.equal(gunzipSync(Buffer.concat(chunks)).toString(), large);
});

test('a session is saved and found again, inside and outside of wrappers', async (t) => {
  const app = await appOf(
    t,
    wrapping(later),
    session({ secret: 's', resave: true, saveUninitialized: true }),
    wrapping(later),
    (req, res) => {
      const kept = req as unknown as { session: { count?: number } };
      kept.session.count = (kept.session.count ?? 0) + 1;
      res.json({ count: kept.session.count });
    },
  );
  const first = await fetch(app.url);
  assert.deepEqual(await first.json(), { count: 1 });
  const cookie = first.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const second = await fetch(app.url, { headers: { cookie } });
  assert.deepEqual(await second.json(), { count: 2 });
});

const intact: readonly (readonly [what: string, between: RequestHandler, around: number])[] = [
  [
    'nothing',
    (_req, _res, next) => {
      next();
    },
    2,
  ],
  ['a body parser', (await import('express')).default.json() as RequestHandler, 2],
  [
    'a listener',
    (_req, res, next) => {
      res.on('finish', () => undefined);
      next();
    },
    2,
  ],
  ['compression', compression(), 1],
  ['a field', between['a field']?.() as RequestHandler, 1],
  [
    'a field that is changed',
    (_req, res, next) => {
      res.set('X-Powered-By', 'us');
      next();
    },
    1,
  ],
  [
    'a field that is removed',
    (_req, res, next) => {
      res.removeHeader('X-Powered-By');
      next();
    },
    1,
  ],
  [
    'a setHeader of its own',
    (_req, res, next) => {
      const setHeader = res.setHeader.bind(res);
      res.setHeader = (...args) => setHeader(...args);
      next();
    },
    1,
  ],
];

for (const [what, handler, around] of intact)
  test(`what stands directly around: two wrappers with ${what} between`, async (t) => {
    let found = -1;
    const app = await appOf(t, wrapping(plainly), handler, wrapping(plainly), (req, res) => {
      found = interceptorsAround(req).length;
      res.end();
    });
    await (await fetch(app.url)).text();
    assert.equal(found, around);
  });

describe('who answers', () => {
  const handler: RequestHandler = (_req, res) => void res.send('x');
  for (const [what, expected, answering] of [
    ['a handler', true, () => [handler]],
    ['a forwarder', false, (url: string) => [balancedProxy(url)]],
    [
      'a handler, where the answer of a forwarder fell through',
      true,
      (url: string) => [balancedProxy(url, { fallthrough: [404] }), handler],
    ],
  ] as const)
    for (const outside of [[], [wrapping(plainly), compression()]])
      test(`${what}, ${outside.length} outside`, async (t) => {
        const status = what.includes('fell') ? 404 : 200;
        const origin = await listen(t, (_req, res) => void res.writeHead(status).end('x'));
        const told: boolean[] = [];
        const noting: RequestHandler = (req, res, next) => {
          const note: Interceptor = (dispatch) => (options, inner) =>
            dispatch(options, {
              onRequestStart: (one, context) => inner.onRequestStart?.(one, context),
              onResponseStart(one, code, headers, message) {
                told.push(removedByHandler(req) !== undefined);
                inner.onResponseStart?.(one, code, headers, message);
              },
              onResponseData: (one, chunk) => inner.onResponseData?.(one, chunk),
              onResponseEnd: (one, trailers) => inner.onResponseEnd?.(one, trailers),
              onResponseError: (one, error) => inner.onResponseError?.(one, error),
            });
          wrapping(note)(req, res, next);
        };
        const { url } = await appOf(t, ...outside, noting, ...answering(origin.url));
        assert.equal(await (await fetch(url)).text(), 'x');
        assert.deepEqual(told, [expected]);
      });
});
