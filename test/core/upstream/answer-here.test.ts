import assert from 'node:assert/strict';
import { test } from 'node:test';
import compression from 'compression';
import type { RequestHandler } from 'express';
import type { Dispatcher } from 'undici';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import type { Interceptor } from '../../../lib/core/context.ts';
import { asDirect } from '../../../lib/core/exchange/contract.ts';
import { answerHere } from '../../../lib/core/upstream/answer-here.ts';
import { exchangeRaw, until } from '../../support/servers.ts';
import { appOf, directly, later, plainly, wrapping } from '../local-support.ts';
import { parts, recording, transactions } from './forward-support.ts';

const get = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';

const controller: Dispatcher.DispatchController = {
  aborted: false,
  paused: false,
  reason: null,
  abort: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
};

const fields = ['X-Kept', '1', 'X-Outer', 'kept', 'Vary', 'Accept', 'Content-Length', '4'];

const dispatches: Readonly<Record<string, Dispatcher['dispatch']>> = {
  whole(_options, handler) {
    const direct = asDirect(handler);
    direct.onRequestStart?.(controller, null);
    if (direct.onDirectWhole !== undefined)
      direct.onDirectWhole(controller, 200, fields, 'OK', 'kept');
    else {
      direct.onDirectStart(controller, 200, fields, 'OK');
      direct.onDirectData(controller, Buffer.from('kept'));
      direct.onDirectEnd(controller, []);
    }
    return true;
  },
  'in pieces'(_options, handler) {
    const direct = asDirect(handler);
    direct.onRequestStart?.(controller, null);
    direct.onDirectStart(controller, 200, fields, 'OK');
    direct.onDirectData(controller, Buffer.from('ke'));
    setTimeout(() => {
      direct.onDirectData(controller, Buffer.from('pt'));
      direct.onDirectEnd(controller, []);
    }, 5);
    return true;
  },
};

function answering(dispatch: Dispatcher['dispatch'], overrides?: boolean): RequestHandler {
  return (req, res, next) => {
    const options = { origin: 'http://a', method: 'GET', path: req.originalUrl } as const;
    answerHere(req, res, next, {
      options,
      dispatch,
      ...(overrides === undefined ? {} : { overrides }),
    });
  };
}

const setting: RequestHandler = (_req, res, next) => {
  res.set({ 'X-Outer': 'outer', Vary: 'Origin' });
  next();
};

/** In lower case, but for the body. */
const upper: Interceptor = (dispatch) => (options, handler) =>
  dispatch(options, {
    onRequestStart: (one, context) => handler.onRequestStart?.(one, context),
    onResponseStart: (one, status, headers, message) =>
      handler.onResponseStart?.(one, status, headers, message),
    onResponseData: (one, chunk) =>
      handler.onResponseData?.(one, Buffer.from(chunk.toString().toUpperCase())),
    onResponseEnd: (one, trailers) => handler.onResponseEnd?.(one, trailers),
    onResponseError: (one, error) => handler.onResponseError?.(one, error),
  });

const around: Readonly<Record<string, readonly RequestHandler[]>> = {
  nothing: [setting],
  'a wrapper': [setting, wrapping(plainly)],
  'two wrappers': [setting, wrapping(plainly), wrapping(directly)],
  'a late wrapper': [setting, wrapping(later)],
  'a wrapper, and fields between': [wrapping(plainly), setting],
  'a wrapper, and functions between': [setting, wrapping(plainly), compression()],
};

for (const [what, outside] of Object.entries(around))
  for (const [how, dispatch] of Object.entries(dispatches))
    for (const overrides of [false, true])
      test(`${how}, inside of ${what}; ${overrides ? 'its fields win' : 'fields on the response win'}`, async (t) => {
        const published = transactions(t, '/x');
        const app = await appOf(t, ...outside, answering(dispatch, overrides));
        const { text } = await exchangeRaw(app.port, get + get);
        const [, first = '', second] = text.split('HTTP/1.1 200 OK\r\n');
        assert.equal(second?.replace(/Date: .*/, ''), first.replace(/Date: .*/, ''));
        const { head, body } = parts(first);
        assert.equal(body, 'kept');
        assert.match(head, /^X-Kept: 1\r\n/im);
        assert.match(head, overrides ? /^X-Outer: kept\r\n/im : /^X-Outer: outer\r\n/im);
        assert.doesNotMatch(head, overrides ? /outer$/m : /X-Outer: kept/i);
        assert.match(head, /^Vary: Origin\r\n[^]*^Vary: Accept/im);
        await until(() => published.length === 2, 'the records');
        assert.deepEqual(
          published.map(({ outcome, status, bytesSent }) => [outcome, status, bytesSent]),
          [
            ['completed', 200, 4],
            ['completed', 200, 4],
          ],
        );
      });

for (const between of [[], [setting]])
  test(`wrappers outside change it, ${between.length === 0 ? 'directly around' : 'with fields between'}`, async (t) => {
    for (const dispatch of Object.values(dispatches)) {
      const app = await appOf(t, wrapping(upper), ...between, answering(dispatch));
      assert.equal(await (await fetch(app.url)).text(), 'KEPT');
    }
  });

const failures: Readonly<Record<string, Dispatcher['dispatch']>> = {
  throws() {
    throw new Error('store');
  },
  'tells an error'(_options, handler) {
    handler.onResponseError?.(controller, new Error('store'));
    return true;
  },
};

for (const [what, dispatch] of Object.entries(failures))
  for (const [place, outside] of Object.entries(around).filter(([name]) => !name.includes('late')))
    test(`a dispatch that ${what}, inside of ${place}: an error page`, async (t) => {
      const app = await appOf(t, ...outside, answering(dispatch));
      const { text, closed } = await exchangeRaw(app.port, get);
      assert.match(text, /^HTTP\/1\.1 500 [^]*ERR_SEKISHO_HOOK/);
      assert.equal(closed, false);
    });

test('a forwarder inside of wrappers finds the response as it was', async (t) => {
  const own: unknown[] = [];
  const server = await recording(t);
  const proxy = balancedProxy(server.url, {
    on: {
      response(_response, _req, res) {
        own.push(Object.getOwnPropertyNames(res).filter((name) => name in Object.prototype));
        const native = Object.getPrototypeOf(res) as object;
        own.push(
          ['write', 'end', 'on', 'writeHead'].filter(
            (name) => Reflect.get(res, name) !== Reflect.get(native, name),
          ),
        );
        own.push(res.listenerCount('close'));
      },
    },
  });
  t.after(() => void proxy.close());
  const app = await appOf(t, wrapping(plainly), wrapping(directly), proxy);
  assert.equal(await (await fetch(app.url)).text(), 'ok');
  assert.deepEqual(own, [[], [], 1]);
});
