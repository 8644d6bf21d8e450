import assert from 'node:assert/strict';
import { test } from 'node:test';
import compression from 'compression';
import type { Express, RequestHandler } from 'express';
import session from 'express-session';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import type { ForwarderOptions } from '../../../lib/core/upstream/forward.ts';
import { exchangeRaw, listenRaw, until } from '../../support/servers.ts';
import { appWith, parts, recording } from './forward-support.ts';

/** As on-headers does: a function of its own in the place of `res.writeHead`. */
const overridden: RequestHandler = (_req, res, next) => {
  const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => typeof res;
  res.writeHead = ((...args: unknown[]) => writeHead(...args)) as typeof res.writeHead;
  next();
};

const cases: readonly (readonly [
  what: string,
  request: string,
  answer: string,
  setup?: ((app: Express) => void) | undefined,
  options?: ForwarderOptions,
])[] = [
  ['a plain answer', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['an empty one', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['no reason', 'GET', 'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok'],
  ['no reason and no space', 'GET', 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok'],
  ['a latin1 reason', 'GET', 'HTTP/1.1 200 F\xefn\xe9\r\nContent-Length: 2\r\n\r\nok'],
  [
    'a latin1 field',
    'GET',
    'HTTP/1.1 200 OK\r\nX-A: caf\xe9 \x80\xff\r\nContent-Length: 0\r\n\r\n',
  ],
  [
    'a latin1 field and UTF-8 body',
    'GET',
    'HTTP/1.1 200 OK\r\nX-A: \xe9\r\nContent-Length: 4\r\n\r\n\xc3\xa9\xff\0',
  ],
  ['an empty field', 'GET', 'HTTP/1.1 200 OK\r\nX-A:\r\nContent-Length: 0\r\n\r\n'],
  ['a status of its own', 'GET', 'HTTP/1.1 418 Teapot\r\nContent-Length: 2\r\n\r\nno'],
  [
    'several Set-Cookie',
    'GET',
    'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok',
  ],
  [
    'Date of the server',
    'GET',
    'HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 2\r\n\r\nok',
  ],
  ['HEAD with a length', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n'],
  ['HEAD without one', 'HEAD', 'HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n'],
  ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
  [
    '304 with a length',
    'GET',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 20\r\nETag: "x"\r\n\r\n',
  ],
  ['304 without one', 'GET', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'],
  ['POST', 'POST', 'HTTP/1.1 201 Created\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nok'],
  [
    'chunks',
    'GET',
    'HTTP/1.1 200 OK\r\nX-A: \xe9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ],
  ['until the end of the connection', 'GET', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok'],
  [
    'fields of the app',
    'GET',
    'HTTP/1.1 200 OK\r\nX-Own: server\r\nX-Two: 2\r\nVary: a\r\nSet-Cookie: u=1\r\nContent-Length: 2\r\n\r\nok',
    (app) =>
      app.use((_req, res, next) => {
        res.setHeader('X-Own', 'app \xe9').setHeader('Set-Cookie', ['a=1', 'b=2']);
        res.setHeader('X-Number', 5).setHeader('Vary', 'b');
        next();
      }),
  ],
  [
    'no Date wanted',
    'GET',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    (app) =>
      app.use((_req, res, next) => {
        res.sendDate = false;
        next();
      }),
  ],
  [
    'lengths and framing of the app',
    'GET',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    (app) =>
      app.use((_req, res, next) => {
        res.setHeader('Content-Length', 99);
        next();
      }),
  ],
  [
    'on.response makes it a 204',
    'GET',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    undefined,
    { on: { response: (response) => void (response.status = 204) } },
  ],
  [
    'on.response makes it a 304',
    'GET',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    undefined,
    { on: { response: (response) => void (response.status = 304) } },
  ],
  [
    'on.response makes a 204 a 200',
    'GET',
    'HTTP/1.1 204 No Content\r\n\r\n',
    undefined,
    { on: { response: (response) => void (response.status = 200) } },
  ],
  [
    'headers.response',
    'GET',
    'HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B: 2\r\nContent-Length: 2\r\n\r\nok',
    undefined,
    { headers: { response: { 'x-a': null, 'X-B': ['3', '4\xe9'] } } },
  ],
];

for (const [what, method, answer, setup, options] of cases)
  test(`both ways of writing give the same bytes: ${what}`, async (t) => {
    const server = await listenRaw(t, (socket) =>
      socket.on('data', () => {
        socket.write(answer, 'latin1');
        if (answer.includes('Connection: close')) socket.end();
      }),
    );
    const [plain, public_] = await Promise.all(
      [undefined, overridden].map(async (handler) => {
        const { port } = await appWith(t, (app) => {
          setup?.(app);
          if (handler !== undefined) app.use(handler);
          app.use(balancedProxy(server.url, options));
        });
        const length = method === 'POST' ? 'Content-Length: 0\r\n' : '';
        const one = `${method} / HTTP/1.1\r\nHost: a\r\n${length}\r\n`;
        const { text, closed } = await exchangeRaw(port, one + one);
        return { answers: normal(text), closed };
      }),
    );
    assert.deepEqual(plain, public_);
    assert.equal(plain?.closed, false);
    assert.equal(plain.answers.length, 2, 'the connection goes on after the first answer');
  });

/** The answers in a text, the lines of each head in alphabetical order. */
function normal(text: string): string[][] {
  return text
    .replace(/\r\nDate: \w{3}, \d\d \w{3} 20.*/g, '\r\nDate: now')
    .split(/(?=HTTP\/1\.1 \d)/)
    .map((answer) => {
      const { head, body } = parts(answer);
      const [status = '', ...lines] = head.split('\r\n');
      return [status, ...lines.sort(), body];
    });
}

test('a logger finds what it looks for when the answer is finished', async (t) => {
  const server = await recording(t, (_req, res) => {
    res.setHeader('X-A', 'b').setHeader('Content-Length', 2).end('ok');
  });
  const seen: unknown[] = [];
  const { port } = await appWith(t, (app) => {
    app.use((_req, res, next) => {
      res.once('finish', () =>
        seen.push(res.statusCode, res.getHeader('content-length'), res.getHeader('x-a')),
      );
      next();
    });
    app.use(balancedProxy(server.url));
  });
  await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', { silence: 30 });
  assert.deepEqual(seen, [200, '2', 'b']);
});

test('a listener for close learns the status', async (t) => {
  const server = await recording(t, (_req, res) => {
    res.statusCode = 203;
    res.end('ok');
  });
  const seen: unknown[] = [];
  const { port } = await appWith(t, (app) => {
    app.use((_req, res, next) => {
      res.once('close', () => seen.push(res.statusCode, res.headersSent, res.writableFinished));
      next();
    });
    app.use(balancedProxy(server.url));
  });
  await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', { silence: 30 });
  await until(() => seen.length > 0, 'close');
  assert.deepEqual(seen, [203, true, true]);
});

for (const size of [2000, 300_000])
  test(`compression in front compresses ${size} bytes of the server`, async (t) => {
    const text = 'compress me '.repeat(size / 12);
    const server = await recording(t, (_req, res) => {
      res.setHeader('Content-Type', 'text/plain').setHeader('Content-Length', text.length);
      res.end(text);
    });
    const { url } = await appWith(t, (app) => {
      app.use(compression());
      app.use(balancedProxy(server.url));
    });
    const answer = await fetch(url, { headers: { 'Accept-Encoding': 'gzip' } });
    assert.equal(answer.headers.get('content-encoding'), 'gzip');
    assert.equal(answer.headers.get('content-length'), null);
    assert.equal(answer.headers.get('vary'), 'Accept-Encoding');
    assert.equal(await answer.text(), text);
  });

test('a session in front sets its cookie beside those of the server', async (t) => {
  const server = await recording(t, (_req, res) => {
    res.setHeader('Set-Cookie', ['u=1', 'v=2']).end('ok');
  });
  const { url } = await appWith(t, (app) => {
    app.use(session({ secret: 'x', resave: false, saveUninitialized: true }));
    app.use(balancedProxy(server.url));
  });
  const answer = await fetch(url);
  assert.equal(await answer.text(), 'ok');
  const cookies = answer.headers.getSetCookie().map((cookie) => cookie.split('=')[0]);
  assert.deepEqual(cookies.sort(), ['connect.sid', 'u', 'v']);
});
