import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import { securityHeaders } from '../../../lib/security-headers/index.ts';
import { exchangeRaw, listen, listenBytes, listenRaw, until } from '../../support/servers.ts';
import { appWith, parts, proxyTo, recording, transactions } from './forward-support.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

const badAnswers: readonly (readonly [what: string, bytes: string])[] = [
  ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'],
  ['a status of 099', 'HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n'],
  ['a status of 600', 'HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n'],
  ['a status of 999', 'HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n'],
  ['a control byte in the reason', 'HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n'],
  ['a NUL in a field', 'HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n'],
  ['a bare CR in a field', 'HTTP/1.1 200 OK\r\nX-A: a\rX-B: b\r\nContent-Length: 0\r\n\r\n'],
  ['a field without a colon', 'HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n'],
  ['an endless head', `HTTP/1.1 200 OK\r\n${'X-A: aaaaaaaaaaaaaaaa\r\n'.repeat(20_000)}`],
  ['one endless field', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(300_000)}`],
  [
    'Content-Length and Transfer-Encoding',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['two Content-Lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello'],
  ['a Content-Length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello'],
  ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello'],
  [
    'an unasked 101',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
  ],
  ['garbage', '\x16\x03\x01\x02\x00 this is no HTTP at all\r\n\r\n'],
  ['HTTP/0.9', '<html>hello</html>'],
  ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['half a head', 'HTTP/1.1 200 OK\r\nX-A: b\r\n'],
  ['nothing at all', ''],
];

for (const [what, bytes] of badAnswers)
  test(`a 502 and the proxy lives: ${what}`, async (t) => {
    const server = await listenBytes(t, bytes, { close: true });
    const good = await recording(t);
    const { port } = await appWith(t, (app) => {
      app.use('/bad', balancedProxy(server.url, { ejection: false }));
      app.use(balancedProxy(good.url));
    });
    const bad = 'GET /bad HTTP/1.1\r\nHost: a\r\n\r\n';
    const { text, closed } = await exchangeRaw(port, bad, { silence: 60 });
    assert.match(text, /^HTTP\/1\.1 502 /);
    assert.equal(closed, false, 'the client keeps its connection');
    assert.match((await exchangeRaw(port, get, { silence: 60 })).text, /^HTTP\/1\.1 200 /);
    assert.match((await exchangeRaw(port, bad, { silence: 60 })).text, /^HTTP\/1\.1 502 /);
  });

test('the client keeps its connection after an error: the next request on it is answered', async (t) => {
  const bad = await listenBytes(t, 'nonsense', { close: true });
  const good = await recording(t);
  const { port } = await appWith(t, (app) => {
    app.use('/bad', balancedProxy(bad.url));
    app.use(balancedProxy(good.url));
  });
  const { text } = await exchangeRaw(
    port,
    `POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello${get}`,
  );
  assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 502', 'HTTP/1.1 200']);
});

const brokenBodies: readonly (readonly [what: string, bytes: string, client: '1.0' | '1.1'])[] = (
  [
    [
      'a broken chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n',
    ],
    [
      'chunks that end early',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
    ],
    [
      'no last chunk line end',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n',
    ],
    ['a Content-Length not reached', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello'],
  ] as const
).flatMap(([what, bytes]) => [[what, bytes, '1.1'] as const, [what, bytes, '1.0'] as const]);

for (const [what, bytes, version] of brokenBodies)
  test(`never a clean end for an HTTP/${version} client: ${what}`, async (t) => {
    const published = transactions(t);
    const server = await listenRaw(t, (socket) => {
      socket.once('data', () => {
        const end = bytes.indexOf('hello') + 5;
        socket.write(bytes.slice(0, end));
        setTimeout(() => socket.end(bytes.slice(end)), 50);
      });
    });
    const { port } = await proxyTo(t, server.url);
    const client = connect(port, '127.0.0.1');
    let text = '';
    let reset = false;
    client.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    client.on('error', (error: NodeJS.ErrnoException) => (reset = error.code === 'ECONNRESET'));
    client.write(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`);
    await new Promise((resolve) => client.once('close', resolve));
    assert.match(text, /^HTTP\/1\.1 200 /);
    assert.match(text, /hello/);
    const { head, body } = parts(text);
    const chunked = /transfer-encoding: chunked/i.test(head);
    const length = /content-length: (\d+)/i.exec(head)?.[1];
    const looksWhole = chunked
      ? body.endsWith('0\r\n\r\n')
      : length === undefined
        ? !reset
        : body.length === Number(length);
    assert.equal(looksWhole, false, text);
    await until(() => published.length > 0, 'the transaction');
    assert.equal(published[0]?.outcome, 'upstream-aborted');
    assert.equal(published[0].error?.startsWith('ERR_SEKISHO_'), true);
  });

test('a body on HEAD is a 502, and not taken for the next answer', async (t) => {
  const server = await listenRaw(t, (socket) => {
    socket.on('data', (chunk: Buffer) => {
      const head = chunk.toString().startsWith('HEAD');
      socket.write(
        head
          ? 'HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
          : 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood',
      );
    });
  });
  const { port } = await proxyTo(t, server.url);
  const head = await exchangeRaw(port, 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match(head.text, /^HTTP\/1\.1 502 /);
  assert.equal(parts(head.text).body, '');
  assert.equal(parts((await exchangeRaw(port, get)).text).body, 'good');
});

const bodyless: readonly (readonly [
  what: string,
  method: string,
  answer: string,
  length: string | undefined,
])[] = [
  ['HEAD with a length', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n', '40'],
  ['HEAD without one', 'HEAD', 'HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n', undefined],
  ['HEAD of chunks', 'HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', undefined],
  ['204', 'GET', 'HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n', undefined],
  [
    '204 with Content-Length: 0',
    'GET',
    'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
    undefined,
  ],
  [
    '304 with a length',
    'GET',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 40\r\nETag: "x"\r\n\r\n',
    '40',
  ],
  ['304 without one', 'GET', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', undefined],
];

for (const [what, method, answer, length] of bodyless)
  test(`no body, and the connection goes on: ${what}`, async (t) => {
    const server = await listenRaw(t, (socket) => socket.on('data', () => socket.write(answer)));
    const { port } = await proxyTo(t, server.url);
    const one = `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`;
    const { text, closed } = await exchangeRaw(port, one + one);
    const [first = '', second = '', rest] = text.split(/(?<=\r\n\r\n)/);
    for (const head of [first, second]) {
      assert.match(head, /^HTTP\/1\.1 (?:200|204|304) /);
      assert.equal(/content-length: (\d+)/i.exec(head)?.[1], length);
      assert.doesNotMatch(head, /transfer-encoding/i);
    }
    assert.equal(rest, undefined);
    assert.equal(closed, false);
  });

test('206 and its Content-Range pass as they are, and so does the Range', async (t) => {
  const server = await recording(t, (_req, res) => {
    res.writeHead(206, { 'Content-Range': 'bytes 2-4/9', 'Content-Length': 3 }).end('cde');
  });
  const { port } = await proxyTo(t, server.url);
  const { text } = await exchangeRaw(
    port,
    'GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\nIf-Range: "x"\r\n\r\n',
  );
  assert.match(text, /^HTTP\/1\.1 206 Partial Content\r\n/);
  assert.match(text, /Content-Range: bytes 2-4\/9\r\n/);
  assert.equal(parts(text).body, 'cde');
  assert.equal(server.seen[0]?.get('range'), 'bytes=2-4');
  assert.equal(server.seen[0].get('if-range'), '"x"');
});

test('the head is sent before the first byte of the body: silent event streams live', async (t) => {
  const server = await listen(t, (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-L': 'caf\xe9' }).flushHeaders();
  });
  const { port } = await proxyTo(t, server.url);
  const { text, closed } = await exchangeRaw(port, get);
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(text, /\r\nTransfer-Encoding: chunked\r\n/i);
  assert.equal(closed, false);
});

test('an event stream is handed on event by event', async (t) => {
  let send: ((text: string) => void) | undefined;
  const server = await listen(t, (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    send = (text) => void res.write(text);
  });
  const { port } = await proxyTo(t, server.url);
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  let text = '';
  client.on('data', (chunk: Buffer) => (text += chunk.toString()));
  client.write(get);
  await until(() => send !== undefined, 'the request');
  for (const event of ['data: 1', 'data: 2']) {
    send?.(`${event}\n\n`);
    await until(() => text.includes(event), event);
  }
});

test('trailers pass to the client, but not those that frame, route or authenticate', async (t) => {
  const server = await listenBytes(
    t,
    'HTTP/1.1 200 OK\r\nTrailer: X-Sum, Set-Cookie, Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n' +
      'X-Sum: 1\r\nX-Sum: caf\xe9\r\nSet-Cookie: a=b\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n',
  );
  const { port } = await proxyTo(t, server.url);
  const { text } = await exchangeRaw(port, `GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n`);
  assert.match(text, /\r\nTrailer: X-Sum\r\n/i);
  assert.match(text, /0\r\nX-Sum: 1\r\nX-Sum: caf\xe9\r\n\r\n$/i);
});

test('trailers are no way to smuggle anything to an HTTP/1.0 client: they are left out', async (t) => {
  const server = await listenBytes(
    t,
    'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n',
  );
  const { port } = await proxyTo(t, server.url);
  const { text, closed } = await exchangeRaw(port, 'GET / HTTP/1.0\r\n\r\n');
  assert.equal(parts(text).body, 'hello');
  assert.doesNotMatch(text, /transfer-encoding|trailer|x-sum/i);
  assert.equal(closed, true);
});

test('interim answers pass, before the final one', async (t) => {
  const server = await listenBytes(
    t,
    'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-Early: 1\r\n\r\n' +
      'HTTP/1.1 102 Processing\r\n\r\n' +
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  );
  const { port } = await proxyTo(t, server.url);
  const { text } = await exchangeRaw(port, get);
  assert.match(text, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n/i);
  assert.match(text, /HTTP\/1\.1 200 OK\r\n/);
  if ('writeInformation' in (await import('node:http')).ServerResponse.prototype) {
    assert.match(text, /X-Early: 1\r\n/i);
    assert.match(text, /HTTP\/1\.1 102 Processing\r\n\r\n/);
  }
  assert.doesNotMatch(
    (await exchangeRaw(port, 'GET / HTTP/1.0\r\n\r\n')).text,
    /10[23]/,
    'HTTP/1.0 knows no interim answers',
  );
});

test('the fields of an answer: hop-by-hop and Connection-named ones stay, the rest goes as it came', async (t) => {
  const server = await listenBytes(
    t,
    'HTTP/1.1 200 F\xefne\r\nX-b: 1\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=99\r\n' +
      'Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Latin: caf\xe9\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nx-B: 2\r\n' +
      'Via: 1.0 inner\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 2\r\n\r\nok',
  );
  const { port } = await proxyTo(t, server.url);
  const { text } = await exchangeRaw(port, get);
  const { head } = parts(text);
  const [status, ...lines] = head.split('\r\n');
  assert.equal(status, 'HTTP/1.1 200 F\xefne');
  assert.deepEqual(lines, [
    'X-b: 1',
    'X-Latin: caf\xe9',
    'Set-Cookie: a=1',
    'Set-Cookie: b=2',
    'x-B: 2',
    'Date: Thu, 01 Jan 1970 00:00:00 GMT',
    'Via: 1.0 inner, 1.1 sekisho',
    'Content-Length: 2',
    'Connection: keep-alive',
    'Keep-Alive: timeout=5',
  ]);
});

test('what the app has set wins; Set-Cookie, Vary and Link are merged; stripped fields are gone', async (t) => {
  const server = await recording(t, (_req, res) => {
    res.setHeader('X-Frame-Options', 'ALLOW-FROM evil');
    res.setHeader('Set-Cookie', ['u=1', 'v=2']);
    res.setHeader('Vary', 'Accept').setHeader('Link', '</u>');
    res.setHeader('Server', 'secret/1.0').setHeader('X-Powered-By', 'PHP');
    res.end('ok');
  });
  const { port } = await appWith(t, (app) => {
    app.use(securityHeaders());
    app.use((_req, res, next) => {
      res.setHeader('Set-Cookie', 'app=1');
      res.setHeader('Vary', 'Origin').setHeader('Link', '</app>');
      next();
    });
    app.use(balancedProxy(server.url));
  });
  const { head } = parts((await exchangeRaw(port, get)).text);
  const all = (name: string): string[] =>
    head
      .split('\r\n')
      .flatMap((line) =>
        line.toLowerCase().startsWith(`${name}: `) ? [line.slice(name.length + 2)] : [],
      );
  assert.deepEqual(all('x-frame-options'), ['SAMEORIGIN']);
  assert.deepEqual(all('set-cookie').sort(), ['app=1', 'u=1', 'v=2']);
  assert.deepEqual(all('vary').sort(), ['Accept', 'Origin']);
  assert.deepEqual(all('link').sort(), ['</app>', '</u>']);
  assert.deepEqual(all('server'), []);
  assert.deepEqual(all('x-powered-by'), []);
});

for (const answer of [
  'HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n',
])
  test(`lengths the app had set do not survive: ${answer.split('\r\n')[1]!}`, async (t) => {
    const size = /30d40|200000/.test(answer) ? 200_000 : 9;
    const body = 'x'.repeat(size) + (answer.includes('chunked') ? '\r\n0\r\n\r\n' : '');
    const server = await listenBytes(t, answer + body);
    const { port } = await appWith(t, (app) => {
      app.use((_req, res, next) => {
        res.setHeader('Content-Length', '1');
        next();
      });
      app.use(balancedProxy(server.url));
    });
    const answered = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal((await answered.text()).length, size);
  });

test('an app that asks for Connection: close gets it', async (t) => {
  const server = await recording(t);
  const { port } = await appWith(t, (app) => {
    app.use((_req, res, next) => {
      res.setHeader('Connection', 'close');
      next();
    });
    app.use(balancedProxy(server.url));
  });
  const { text, closed } = await exchangeRaw(port, get);
  assert.equal(closed, true);
  assert.deepEqual(text.match(/\r\nConnection: .*/gi), ['\r\nConnection: close']);
});

test("the server's limit of requests per connection holds", async (t) => {
  const server = await recording(t);
  const { port, server: own } = await proxyTo(t, server.url);
  own.maxRequestsPerSocket = 2;
  const { text } = await exchangeRaw(port, get + get);
  assert.deepEqual(text.match(/\r\nConnection: .*/gi), [
    '\r\nConnection: keep-alive',
    '\r\nConnection: close',
  ]);
});

test('an HTTP/1.0 client that asks for keep-alive gets it only with a length', async (t) => {
  const server = await recording(t, (req, res) => {
    if (req.url === '/chunks') res.write('he');
    res.end('llo');
  });
  const { port } = await proxyTo(t, server.url);
  const ask = (path: string): string => `GET ${path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`;
  const kept = await exchangeRaw(port, ask('/'));
  assert.equal(kept.closed, false);
  assert.match(kept.text, /Content-Length: 3\r\n/);
  const closing = await exchangeRaw(port, ask('/chunks'));
  assert.equal(closing.closed, true);
  assert.doesNotMatch(closing.text, /chunked/);
  assert.equal(parts(closing.text).body, 'hello');
});

/** A server that writes 64 KiB pieces for as long as it may; `written` counts. */
async function flood(
  t: TestContext,
): Promise<{ url: string; written: () => number; closed: () => boolean }> {
  let written = 0;
  let closed = false;
  const piece = Buffer.alloc(64 * 1024, 'x');
  const server = await listen(t, (_req, res) => {
    res.on('close', () => (closed = true));
    const more = (): void => {
      if (closed) return;
      written += piece.length;
      if (written > 200e6) res.end();
      else if (res.write(piece)) setImmediate(more);
      else res.once('drain', more);
    };
    more();
  });
  return { url: server.url, written: () => written, closed: () => closed };
}

test('a client that does not read stops the server from sending, and the idle timeout does not run', async (t) => {
  const server = await flood(t);
  const { port } = await proxyTo(t, server.url, { timeouts: { idle: 1500 } });
  const client: Socket = connect(port, '127.0.0.1').pause();
  t.after(() => client.destroy());
  client.write(get);
  let before = -1;
  await until(async () => {
    if (server.written() > 0 && server.written() === before) return true;
    before = server.written();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    return false;
  }, 'the server stops');
  assert.ok(before < 60e6, `${before} bytes were buffered`);
  assert.equal(server.closed(), false, 'the idle timeout ran while the client was slow');
  client.resume();
  await until(() => server.written() > before + 1e6, 'it goes on');
  client.destroy();
  await until(() => server.closed(), 'the server hears of the abort');
});

test('a client that leaves while it waits cancels the request at the server', async (t) => {
  const published = transactions(t);
  let closed = false;
  let asked = false;
  const server = await listen(t, (_req, res) => {
    asked = true;
    res.on('close', () => (closed = true));
  });
  const { port } = await proxyTo(t, server.url);
  const client = connect(port, '127.0.0.1');
  client.write(get);
  await until(() => asked, 'the request');
  client.destroy();
  await until(() => closed, 'the server hears of it');
  await until(() => published.length > 0, 'the transaction');
  assert.equal(published.length, 1);
  assert.equal(published[0]?.outcome, 'client-aborted');
  assert.equal(published[0].error, 'ERR_SEKISHO_CLIENT_ABORTED');
  assert.equal(published[0].status, 499);
});

test('a small answer with a length leaves as one write', async (t) => {
  const server = await recording(t);
  const { url } = await proxyTo(t, server.url);
  const req = request(url).end();
  const [res] = (await once(req, 'response')) as [NodeJS.ReadableStream];
  const chunks: unknown[] = [];
  res.on('data', (chunk) => chunks.push(chunk));
  await once(res, 'end');
  assert.equal(chunks.length, 1);
});
