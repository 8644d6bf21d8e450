/** What wrappers and handlers see of each other. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { describe, test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { RequestHandler, Response } from 'express';
import { interceptors, type Dispatcher } from 'undici';
import { useClock } from '../../../lib/core/clock.ts';
import { contextOf, type Interceptor } from '../../../lib/core/context.ts';
import type { HeaderObject } from '../../../lib/core/exchange/contract.ts';
import { silenceWithoutClient } from '../../../lib/core/exchange/local-exchange.ts';
import { hideRequestFields, wrap } from '../../../lib/core/local-exchange.ts';
import { exchangeRaw, until } from '../../support/servers.ts';
import { appOf, later, plainly, sameBytes, wrapping } from '../local-support.ts';
import { parts, transactions } from '../upstream/forward-support.ts';

const get = 'GET /x?y HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n';

/** What a wrapper was told. */
interface Told {
  options: Dispatcher.DispatchOptions | undefined;
  readonly events: string[];
  readonly fields: string[][];
  body: string;
  error: (Error & { code?: string }) | undefined;
  controller: Dispatcher.DispatchController | undefined;
}

type Changes = Partial<{
  [Name in keyof Dispatcher.DispatchHandler]: (
    handler: Dispatcher.DispatchHandler,
    ...call: Parameters<NonNullable<Dispatcher.DispatchHandler[Name]>>
  ) => void;
}>;

/** A wrapper that writes down what it is told, and passes it on as it is or changed. */
function observing(changes: Changes = {}): { told: Told; interceptor: Interceptor } {
  const told: Told = {
    options: undefined,
    events: [],
    fields: [],
    body: '',
    error: undefined,
    controller: undefined,
  };
  const interceptor: Interceptor = (dispatch) => (options, handler) => {
    told.options = options;
    return dispatch(options, {
      onRequestStart(controller, context) {
        told.controller = controller;
        told.events.push('request');
        if (changes.onRequestStart) changes.onRequestStart(handler, controller, context);
        else handler.onRequestStart?.(controller, context);
      },
      onResponseStart(controller, status, headers, message) {
        told.events.push(`head ${status} ${message ?? ''}`.trim());
        told.fields.push([...((controller.rawHeaders ?? []) as string[])]);
        if (changes.onResponseStart)
          changes.onResponseStart(handler, controller, status, headers, message);
        else handler.onResponseStart?.(controller, status, headers, message);
      },
      onResponseData(controller, chunk) {
        told.body += chunk.toString('latin1');
        if (changes.onResponseData) changes.onResponseData(handler, controller, chunk);
        else handler.onResponseData?.(controller, chunk);
      },
      onResponseEnd(controller, trailers) {
        told.events.push(`end ${JSON.stringify(trailers)}`);
        if (changes.onResponseEnd) changes.onResponseEnd(handler, controller, trailers);
        else handler.onResponseEnd?.(controller, trailers);
      },
      onResponseError(controller, error) {
        told.events.push('error');
        told.error = error;
        if (changes.onResponseError) changes.onResponseError(handler, controller, error);
        else handler.onResponseError?.(controller, error);
      },
    });
  };
  return { told, interceptor };
}

const setting =
  (fields: Record<string, string | string[]>): RequestHandler =>
  (_req, res, next) => {
    res.set(fields);
    next();
  };

test('the exchange is that of the request', async (t) => {
  const { told, interceptor } = observing();
  const app = await appOf(t, wrapping(interceptor), (_req, res) => void res.send('ok'));
  await exchangeRaw(app.port, get);
  assert.deepEqual(told.options, {
    origin: 'http://a',
    method: 'GET',
    path: '/x?y',
    headers: ['Host', 'a', 'X-A', '1'],
    body: null,
  });
});

describe('what wrappers see of an answer', () => {
  const seen: readonly (readonly [
    what: string,
    handler: RequestHandler,
    events: string[],
    body: string,
    fields?: string[],
  ])[] = [
    [
      'a whole answer states its length',
      (_req, res) => void res.end('hello'),
      ['request', 'head 200 OK', 'end {}'],
      'hello',
      ['Content-Length', '5'],
    ],
    [
      'one in pieces does not',
      (_req, res) => void (res.write('a'), res.end('b')),
      ['request', 'head 200 OK', 'end {}'],
      'ab',
      [],
    ],
    [
      'a reason of its own',
      (_req, res) => void res.writeHead(200, 'Fine').end(),
      ['request', 'head 200 Fine', 'end {}'],
      '',
    ],
    [
      'trailers',
      (_req, res) => {
        res.setHeader('Trailer', 'X-Sum');
        res.write('x');
        res.addTrailers([['X-Sum', '1']]);
        res.end();
      },
      ['request', 'head 200 OK', 'end {"x-sum":"1"}'],
      'x',
    ],
    [
      'interim answers',
      (_req, res) => {
        res.writeEarlyHints({ link: '</a>; rel=preload' });
        res.writeProcessing();
        res.end();
      },
      ['request', 'head 103', 'head 102', 'head 200 OK', 'end {}'],
      '',
    ],
    [
      'what the handler sets and not what was set outside',
      (_req, res) => void res.set({ 'X-Own': '1', Connection: 'close' }).end(),
      ['request', 'head 200 OK', 'end {}'],
      '',
      ['X-Own', '1', 'Content-Length', '0'],
    ],
    [
      'what the handler adds, and what it replaces',
      (_req, res) => {
        res.vary('X-V').append('Set-Cookie', 'own=1').append('Link', '<own>');
        res.set('X-Outer', 'own').end();
      },
      ['request', 'head 200 OK', 'end {}'],
      '',
      [
        ...['X-Outer', 'own', 'Vary', 'X-V', 'Set-Cookie', 'own=1', 'Link', '<own>'],
        ...['Content-Length', '0'],
      ],
    ],
    [
      'an error page of the app',
      (_req, _res, next) => {
        next(Object.assign(new Error('no'), { status: 418 }));
      },
      ['request', "head 418 I'm a Teapot", 'end {}'],
      'no: ',
    ],
    [
      'no body on 204',
      (_req, res) => void res.status(204).end('x'),
      ['request', 'head 204 No Content', 'end {}'],
      '',
      [],
    ],
  ];
  for (const [what, handler, events, body, fields] of seen)
    test(what, async (t) => {
      const { told, interceptor } = observing();
      const outer = setting({
        'X-Outer': '1',
        Vary: 'Origin',
        'Set-Cookie': ['outer=1'],
        Link: ['<outer>'],
      });
      const app = await appOf(t, outer, wrapping(interceptor), handler);
      await exchangeRaw(app.port, get);
      assert.deepEqual(told.events, events);
      assert.equal(told.body, body);
      if (fields !== undefined) assert.deepEqual(told.fields[0], fields);
    });
});

test('what a wrapper changes is written; what was set outside stays, or comes back', async (t) => {
  const { interceptor } = observing({
    onResponseStart(handler, controller, _status, headers) {
      const removed = ['x-gone', 'x-outer', 'content-length'];
      const rest = Object.fromEntries(
        Object.entries(headers).filter(([name]) => !removed.includes(name)),
      );
      const changed: HeaderObject = { ...rest, 'x-new': ['1', '2'], vary: 'X-New' };
      handler.onResponseStart?.(controller, 206, changed, 'Partial Content');
    },
    onResponseData(handler, controller, chunk) {
      handler.onResponseData?.(controller, Buffer.from(chunk.toString().toUpperCase()));
    },
  });
  const app = await appOf(
    t,
    setting({ 'X-Outer': '1', Vary: 'Origin' }),
    wrapping(interceptor),
    (_req, res) => void res.set({ 'X-Gone': '1', 'X-Outer': 'own', 'X-Own': '1' }).send('hello'),
  );
  const { head, body } = parts((await exchangeRaw(app.port, get)).text);
  assert.match(head, /^HTTP\/1\.1 206 Partial Content\r\n/);
  assert.deepEqual(
    head.split('\r\n').filter((line) => /^(?:x-(?!powered)|vary|transfer|content-l)/i.test(line)),
    [
      'X-Outer: 1',
      'Vary: Origin',
      'Vary: X-New',
      'X-Own: 1',
      'x-new: 1',
      'x-new: 2',
      'Transfer-Encoding: chunked',
    ],
  );
  assert.equal(body, '5\r\nHELLO\r\n0\r\n\r\n');
});

test('a wrapper that answers by itself: what the handler writes is lost, and it can finish', async (t) => {
  let finished = 0;
  const own: Interceptor = () => (_options, handler) => {
    const controller = { aborted: false, paused: false, abort: () => undefined } as never;
    handler.onRequestStart?.(controller, null);
    handler.onResponseStart?.(controller, 203, { 'content-length': '3' }, 'Own');
    handler.onResponseData?.(controller, Buffer.from('own'));
    handler.onResponseEnd?.(controller, {});
    return true;
  };
  const app = await appOf(t, wrapping(own), (_req, res) => {
    res.set('X-Own', '1');
    pipeline(Readable.from(Array<string>(50).fill('x'.repeat(10_000))), res, () => finished++);
  });
  const { text } = await exchangeRaw(app.port, get + get);
  assert.equal(text.match(/HTTP\/1\.1 203 Own\r\n/g)?.length, 2);
  assert.doesNotMatch(text, /X-Own|xxx/);
  await until(() => finished === 2, 'the handlers are done');
});

test('what the response says of itself to the handler', async (t) => {
  const said: unknown[] = [];
  const code = (call: () => unknown): string => {
    try {
      call();
      return 'nothing';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  let events = '';
  const app = await appOf(t, wrapping(later), (_req, res) => {
    res.on('finish', () => (events += 'finish ')).on('close', () => (events += 'close '));
    said.push(res.headersSent, res.writableEnded);
    said.push(code(() => res.writeHead(99)));
    said.push(code(() => res.writeHead(200, 'a\nb')));
    said.push(code(() => res.write(null)));
    said.push(code(() => res.write(5)));
    said.push(
      res.headersSent,
      res.write('a', () => (events += 'written ')),
    );
    said.push(res.headersSent, res.writableEnded, res.writableNeedDrain);
    said.push(res.getHeader('x-powered-by'));
    said.push(code(() => res.setHeader('X', '1')));
    said.push(code(() => res.removeHeader('X')));
    said.push(code(() => res.writeHead(200)));
    said.push(code(() => res.writeEarlyHints({ link: '</a>' })));
    res.end('b', () => (events += 'ended '));
    said.push(
      res.writableEnded,
      res.write('c', (error) => (events += `${error?.message ?? ''} `)),
    );
    res.end();
  });
  const { text } = await exchangeRaw(app.port, get);
  assert.match(sameBytes(text), /\[ab\]\r\n0\r\n\r\n$/);
  assert.deepEqual(said, [
    ...[false, false],
    ...['ERR_HTTP_INVALID_STATUS_CODE', 'ERR_INVALID_CHAR'],
    ...['ERR_STREAM_NULL_VALUES', 'ERR_INVALID_ARG_TYPE'],
    ...[false, false],
    ...[true, false, true],
    'Express',
    ...['ERR_HTTP_HEADERS_SENT', 'ERR_HTTP_HEADERS_SENT', 'ERR_HTTP_HEADERS_SENT'],
    'ERR_HTTP_HEADERS_SENT',
    ...[true, false],
  ]);
  await until(() => events.includes('close'), 'close');
  assert.equal(events, 'write after end written finish ended close ');
});

describe('a handler whose answer does not get whole', () => {
  const broken: readonly (readonly [
    what: string,
    handler: RequestHandler,
    code: string,
    text: RegExp,
  ])[] = [
    [
      'more bytes than it states, in pieces',
      (_req, res) => {
        res.setHeader('Content-Length', 3);
        res.write('abc');
        res.write('def');
        res.end();
      },
      'ERR_SEKISHO_UPSTREAM_PROTOCOL',
      /^$|\r\n\r\nabc$/,
    ],
    [
      'fewer bytes than it states',
      (_req, res) => {
        res.setHeader('Content-Length', 30);
        res.write('abc');
        setTimeout(() => res.end('def'), 10);
      },
      'ERR_SEKISHO_TRUNCATED',
      /\r\n\r\nabc(?:def)?$/,
    ],
    [
      'a response that is destroyed in the middle',
      (_req, res) => {
        res.write('abc');
        setTimeout(() => res.destroy(), 10);
      },
      'ERR_SEKISHO_TRUNCATED',
      /3\r\nabc\r\n$/,
    ],
    [
      'a pipeline whose source fails',
      (_req, res) => {
        pipeline(
          Readable.from(
            (async function* () {
              yield 'abc';
              await new Promise((resolve) => setTimeout(resolve, 10));
              throw new Error('source');
            })(),
          ),
          res,
          () => undefined,
        );
      },
      'ERR_SEKISHO_TRUNCATED',
      /3\r\nabc\r\n$/,
    ],
    [
      'a response that is destroyed before there is anything',
      (_req, res) => void res.destroy(),
      'ERR_SEKISHO_TRUNCATED',
      /^$/,
    ],
  ];
  for (const [what, handler, code, expected] of broken)
    for (const [kind, extra] of [
      ['', []],
      [', the wrapper is late', [wrapping(later)]],
    ] as const)
      test(`${what}${kind}`, async (t) => {
        const { told, interceptor } = observing();
        const app = await appOf(t, wrapping(interceptor), ...extra, handler);
        const { text, closed } = await exchangeRaw(app.port, get);
        if (kind === '') assert.match(text, expected);
        // What has failed before it began is an error page.
        if (!text.startsWith('HTTP/1.1 502')) assert.equal(closed, true);
        assert.doesNotMatch(text, /HTTP\/1\.1 200[^]*0\r\n\r\n$/);
        assert.equal(told.error?.code, code);
        assert.equal(told.events.at(-1), 'error');
      });

  test('a whole answer with a length that is not its own: the client gets an error page', async (t) => {
    for (const length of [1, 100]) {
      const { told, interceptor } = observing();
      const app = await appOf(t, wrapping(later), wrapping(interceptor), (_req, res) => {
        res.set({ 'Content-Length': String(length), 'X-Own': '1' }).end('hello');
      });
      const { text } = await exchangeRaw(app.port, get);
      assert.match(text, /^HTTP\/1\.1 502 [^]*ERR_SEKISHO_/);
      assert.doesNotMatch(text, /X-Own/);
      assert.deepEqual(told.events.includes('end {}'), false);
    }
  });

  test('a wrapper may answer in place of a handler that failed', async (t) => {
    const { interceptor } = observing({
      onResponseError(handler, controller) {
        handler.onResponseStart?.(controller, 200, { 'content-length': '5' }, 'OK');
        handler.onResponseData?.(controller, Buffer.from('stale'));
        handler.onResponseEnd?.(controller, {});
      },
    });
    const app = await appOf(t, wrapping(interceptor), (_req, res) => void res.destroy());
    assert.equal(parts((await exchangeRaw(app.port, get)).text).body, 'stale');
  });
});

describe('wrappers that fail', () => {
  const fail = (): never => {
    throw new Error('wrapper');
  };
  const failing: readonly (readonly [what: string, interceptor: Interceptor, pageless: boolean])[] =
    [
      ['at once', () => fail(), false],
      ['when called', () => fail, false],
      ['at the start', observing({ onRequestStart: fail }).interceptor, false],
      ['at the head', observing({ onResponseStart: fail }).interceptor, false],
      ['at the body', observing({ onResponseData: fail }).interceptor, true],
      ['at the end', observing({ onResponseEnd: fail }).interceptor, true],
      [
        'at the head and at the error',
        observing({ onResponseStart: fail, onResponseError: fail }).interceptor,
        false,
      ],
      [
        'by an error of their own',
        () => (_options, handler) => {
          handler.onResponseError?.(undefined as never, new Error('own'));
          return true;
        },
        false,
      ],
      [
        'by a field that Node refuses',
        observing({
          onResponseStart: (handler, controller, status) =>
            handler.onResponseStart?.(controller, status, { 'x y': 'z' }),
        }).interceptor,
        false,
      ],
      [
        'by a longer body than they state',
        observing({
          onResponseData(handler, controller, chunk) {
            handler.onResponseData?.(controller, Buffer.concat([chunk, chunk]));
          },
        }).interceptor,
        true,
      ],
    ];
  const kinds: Readonly<Record<string, RequestHandler>> = {
    'a whole answer': (_req, res) => void res.set('X-Own', '1').send('hello'),
    'one in pieces': (_req, res) => {
      res.set({ 'X-Own': '1', 'Content-Length': '6' });
      res.write('one');
      res.end('two');
    },
    'a long one': (_req, res) => {
      res.set({ 'X-Own': '1', 'Content-Length': String(100 * 60_000) });
      Readable.from(Array<string>(100).fill('x'.repeat(60_000))).pipe(res);
    },
  };
  for (const [what, interceptor, pageless] of failing)
    for (const [kind, handler] of Object.entries(kinds))
      test(`${what}, ${kind}`, async (t) => {
        const around = observing();
        const app = await appOf(t, wrapping(interceptor), handler);
        const { text, closed } = await exchangeRaw(app.port, get);
        if (pageless) {
          assert.equal(closed, true);
          assert.doesNotMatch(text, /ERR_SEKISHO/);
        } else {
          assert.match(text, /^HTTP\/1\.1 500 [^]*ERR_SEKISHO_HOOK: $/m);
          assert.doesNotMatch(text, /X-Own|xxx/);
          assert.equal(closed, false);
        }
        assert.deepEqual(around.told.events, []);
      });

  test('a wrapper outside of the one that fails, and one inside, hear of it', async (t) => {
    const outer = observing();
    const inner = observing();
    const refused: Interceptor = (dispatch) => (options, handler) =>
      dispatch(options, {
        onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
        onResponseStart: (controller, status) =>
          handler.onResponseStart?.(controller, status, { 'x y': 'z' }),
        onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
      });
    const app = await appOf(
      t,
      wrapping(outer.interceptor),
      wrapping(refused),
      wrapping(inner.interceptor),
      (_req, res) => void res.send('hello'),
    );
    const { text } = await exchangeRaw(app.port, get);
    assert.match(text, /^HTTP\/1\.1 500 [^]*ERR_SEKISHO_HOOK/);
    assert.deepEqual(outer.told.events, ['request', 'head 200', 'error']);
    assert.deepEqual(inner.told.events, ['request', 'head 200 OK', 'error']);
  });

  test('the error page is nothing for the wrapper that failed, but for one outside', async (t) => {
    const outer = observing();
    let calls = 0;
    const app = await appOf(
      t,
      wrapping(outer.interceptor),
      setting({ 'X-Between': '1' }),
      wrapping(() => () => {
        calls++;
        return fail();
      }),
      (_req, res) => void res.send('hello'),
    );
    const { text } = await exchangeRaw(app.port, get);
    assert.match(text, /^HTTP\/1\.1 500 [^]*ERR_SEKISHO_HOOK/);
    assert.equal(calls, 1);
    assert.deepEqual(outer.told.events, ['request', 'head 500 Internal Server Error', 'end {}']);
  });
});

/** A client that sends a request and leaves when it is told to. */
async function leaving(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  socket.write(get);
  return socket;
}

/** Does not pass on that the client has left. */
const keeping: Changes = {
  onRequestStart(handler) {
    handler.onRequestStart?.({ abort: () => undefined } as never, null);
  },
};

describe('a client that leaves', () => {
  test('in the middle: wrapper and handler hear it at once', async (t) => {
    const { told, interceptor } = observing();
    const closed: unknown[] = [];
    const app = await appOf(t, wrapping(interceptor), (_req, res) => {
      res.on('close', () => closed.push(res.destroyed, res.writableFinished));
      res.write('abc');
    });
    const client = await leaving(t, app.port);
    await until(() => told.body !== '', 'the answer');
    client.destroy();
    await until(() => closed.length > 0, 'close');
    assert.equal(told.error?.code, 'ERR_SEKISHO_CLIENT_ABORTED');
    assert.deepEqual(closed, [true, false]);
  });

  test('before the head: the same', async (t) => {
    const { told, interceptor } = observing();
    let closed = false;
    let called = false;
    const app = await appOf(t, wrapping(interceptor), (_req, res) => {
      called = true;
      res.on('close', () => (closed = true));
    });
    const client = await leaving(t, app.port);
    await until(() => called, 'the handler');
    client.destroy();
    await until(() => closed, 'close');
    assert.deepEqual(told.events, ['request', 'error']);
  });

  for (const when of ['in the middle', 'before the head'])
    test(`${when}, and the wrapper goes on: the handler does not hear it before its end`, async (t) => {
      const { told, interceptor } = observing(keeping);
      let response: Response | undefined;
      let closed = 0;
      let outcome: unknown = 'none';
      let proceed: () => void = () => undefined;
      const waiting = new Promise<void>((resolve) => (proceed = resolve));
      const app = await appOf(t, wrapping(interceptor), (_req, res) => {
        response = res;
        res.on('close', () => closed++);
        async function* body(): AsyncGenerator<string> {
          if (when === 'in the middle') yield 'first ';
          await waiting;
          yield 'x'.repeat(100_000);
          await new Promise((resolve) => setTimeout(resolve, 10));
          yield ' last';
        }
        pipeline(Readable.from(body()), res, (error) => (outcome = error));
      });
      const client = await leaving(t, app.port);
      await until(() => response !== undefined, 'the handler');
      if (when === 'in the middle') await until(() => told.body !== '', 'the first bytes');
      client.destroy();
      await until(() => response?.socket?.destroyed !== false, 'the server has noticed');
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual([closed, response?.destroyed], [0, false]);
      proceed();
      await until(() => told.events.includes('end {}'), 'the whole answer');
      assert.equal(told.error, undefined);
      assert.equal(told.body.length, 100_005 + (when === 'in the middle' ? 6 : 0));
      await until(() => closed === 1, 'close');
      assert.equal(response?.destroyed, true);
      await until(() => outcome !== 'none', 'the end of the pipeline');
    });

  test('and a handler that is silent then: it ends after a while', async (t) => {
    const timers: { milliseconds: number; callback: () => void; stopped: boolean }[] = [];
    const { told, interceptor } = observing(keeping);
    let response: Response | undefined;
    let closed = false;
    const app = await appOf(t, wrapping(interceptor), (_req, res) => {
      response = res;
      res.on('close', () => (closed = true));
      res.write('abc');
    });
    const client = await leaving(t, app.port);
    await until(() => told.body !== '', 'the first bytes');
    t.after(
      useClock({
        after(milliseconds, callback) {
          const timer = { milliseconds, callback, stopped: false };
          timers.push(timer);
          return () => (timer.stopped = true);
        },
      }),
    );
    client.destroy();
    await until(() => timers.length === 1, 'the timer');
    assert.equal(timers[0]?.milliseconds, silenceWithoutClient);
    response?.write('d');
    assert.deepEqual(
      timers.map(({ stopped }) => stopped),
      [true, false],
    );
    assert.equal(closed, false);
    timers[1]?.callback();
    assert.equal(told.error?.code, 'ERR_SEKISHO_IDLE_TIMEOUT');
    await until(() => closed, 'close');
  });
});

describe('backpressure', () => {
  test('a slow client holds the handler up', async (t) => {
    let written = 0;
    let drains = 0;
    let pauses = 0;
    const { interceptor } = observing({
      onRequestStart(handler, controller, context) {
        const pause = controller.pause.bind(controller);
        controller.pause = () => {
          pauses++;
          pause();
        };
        handler.onRequestStart?.(controller, context);
      },
    });
    const chunk = Buffer.alloc(64 * 1024);
    const pieces = 400;
    const app = await appOf(t, wrapping(interceptor), (_req, res) => {
      res.setHeader('Content-Length', chunk.length * pieces);
      res.on('drain', () => {
        drains++;
        go();
      });
      function go(): void {
        while (written < pieces) {
          written++;
          if (!res.write(chunk)) return;
        }
        if (!res.writableEnded) res.end();
      }
      go();
    });
    const client = connect(app.port, '127.0.0.1');
    t.after(() => client.destroy());
    client.pause();
    client.write(get);
    await until(() => pauses > 0, 'a pause');
    let before = -1;
    await until(async () => {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return before === written;
    }, 'the handler stands still');
    assert.ok(written < pieces, `${written} of ${pieces} chunks were taken`);
    let received = 0;
    client.on('data', (data: Buffer) => (received += data.length));
    client.resume();
    await until(() => received > chunk.length * pieces, 'the whole');
    assert.equal(written, pieces);
    assert.ok(drains > 0);
  });

  test('a handler that does not wait for drain is heard to the end', async (t) => {
    const { told, interceptor } = observing();
    const app = await appOf(t, wrapping(interceptor), (_req, res) => {
      for (let piece = 0; piece < 8; piece++) res.write('x'.repeat(50_000));
      setTimeout(() => res.end('end'), 20);
    });
    const answer = await fetch(app.url);
    assert.equal((await answer.text()).length, 400_003);
    assert.equal(told.body.length, 400_003);
  });

  test('a slow wrapper holds the handler up, chunk by chunk', async (t) => {
    let given = 0;
    let most = 0;
    let drains = 0;
    const { told, interceptor } = observing({
      onResponseData(handler, controller, chunk) {
        handler.onResponseData?.(controller, chunk);
        controller.pause();
        setTimeout(() => {
          controller.resume();
        }, 1);
      },
    });
    const app = await appOf(t, wrapping(interceptor), (_req, res) => {
      res.on('drain', () => drains++);
      res.on('pipe', (source: Readable) => {
        source.on('data', (data: string) => {
          given += data.length;
          most = Math.max(most, given - told.body.length);
        });
      });
      Readable.from(Array<string>(30).fill('x'.repeat(1000))).pipe(res);
    });
    const { text } = await exchangeRaw(app.port, get);
    assert.equal(text.match(/x{1000}/g)?.length, 30);
    assert.equal(told.body.length, 30_000);
    assert.ok(drains >= 28, String(drains));
    assert.ok(most <= 2000, String(most));
  });
});

describe("undici's own interceptors around a handler", () => {
  test('decompress', async (t) => {
    const app = await appOf(t, wrapping(interceptors.decompress()), (_req, res) => {
      res.set('Content-Encoding', 'gzip').send(gzipSync('hello '.repeat(500)));
    });
    const answer = await fetch(app.url);
    assert.equal(answer.headers.get('content-encoding'), null);
    assert.equal(await answer.text(), 'hello '.repeat(500));
  });

  test('responseError', async (t) => {
    const app = await appOf(t, wrapping(interceptors.responseError()), (_req, res) => {
      res.status(404).type('text').send('nobody');
    });
    const { text } = await exchangeRaw(app.port, get);
    assert.match(text, /^HTTP\/1\.1 500 [^]*ERR_SEKISHO_HOOK/);
  });

  test('dump', async (t) => {
    const app = await appOf(t, wrapping(interceptors.dump({ maxSize: 10 })), (_req, res) => {
      res.write('x'.repeat(100));
      res.end();
    });
    assert.equal((await exchangeRaw(app.port, get)).closed, true);
  });

  test('retry, to whom the app answers only once', async (t) => {
    const app = await appOf(
      t,
      wrapping(interceptors.retry({ minTimeout: 1, maxRetries: 2, statusCodes: [503] })),
      (_req, res) => void res.status(503).end('busy'),
    );
    const { text } = await exchangeRaw(app.port, get, { silence: 400 });
    assert.match(text, /^HTTP\/1\.1 50[03] /);
  });
});

test('an event stream reaches the client as it is written', async (t) => {
  let send: (text: string) => void = () => undefined;
  const app = await appOf(t, wrapping(plainly), (_req, res) => {
    res.set('Content-Type', 'text/event-stream').flushHeaders();
    send = (text) => void res.write(text);
  });
  const client = connect(app.port, '127.0.0.1');
  t.after(() => client.destroy());
  let text = '';
  client.on('data', (data: Buffer) => (text += data.toString()));
  client.write(get);
  await until(() => text.endsWith('\r\n\r\n'), 'the head');
  send('data: 1\n\n');
  await until(() => text.includes('data: 1'), 'the first event');
  send('data: 2\n\n');
  await until(() => text.includes('data: 2'), 'the second event');
});

test('fields of the request are hidden until there is an answer', async (t) => {
  const seen: unknown[] = [];
  let headers: unknown;
  const hiding: RequestHandler = (req, res, next) => {
    headers = req.headers;
    wrap(req, res, plainly);
    hideRequestFields(req, ['if-none-match']);
    hideRequestFields(req, ['x-a']);
    next();
  };
  const app = await appOf(t, hiding, (req, res) => {
    seen.push(req.get('if-none-match'), req.get('x-a'), req.get('host'), req.fresh);
    seen.push(req.rawHeaders.includes('If-None-Match'));
    res.set('ETag', '"e"').send('full');
    seen.push(req.headers === headers, req.get('If-None-Match'));
  });
  const { text } = await exchangeRaw(
    app.port,
    'GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nIf-None-Match: "e"\r\n\r\n',
  );
  assert.match(text, /^HTTP\/1\.1 200 [^]*full$/);
  assert.deepEqual(seen, [undefined, undefined, 'a', false, true, true, '"e"']);
});

test('upgrades are not wrapped, nor is what has been answered', async (t) => {
  const { told, interceptor } = observing();
  const app = await appOf(
    t,
    (req, res, next) => {
      if (req.path === '/upgrade') contextOf(req).upgrade = {} as never;
      else res.write('early ');
      next();
    },
    wrapping(interceptor),
    (_req, res) => void res.end('ok'),
  );
  assert.equal(await (await fetch(`${app.url}/upgrade`)).text(), 'ok');
  assert.equal(await (await fetch(`${app.url}/early`)).text(), 'early ok');
  assert.deepEqual(told.events, []);
});

describe('the record of a request that a wrapped handler has answered', () => {
  const records: readonly (readonly [
    what: string,
    handler: RequestHandler,
    expected: readonly [outcome: string, status: number, bytes: number],
  ])[] = [
    ['completed', (_req, res) => void res.status(201).send('hello'), ['completed', 201, 5]],
    [
      'truncated',
      (_req, res) => {
        res.setHeader('Content-Length', 9);
        res.write('abc');
        res.end();
      },
      ['upstream-aborted', 200, 3],
    ],
  ];
  for (const [what, handler, expected] of records)
    test(what, async (t) => {
      const published = transactions(t, '/x?y');
      const app = await appOf(t, wrapping(plainly), handler);
      await exchangeRaw(app.port, get);
      await until(() => published.length > 0, 'the record');
      const [record] = published;
      assert.deepEqual([record?.outcome, record?.status, record?.bytesSent], expected);
    });
});
