import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test, type TestContext } from 'node:test';
import { createAuthority, type Authority, type Certificate } from '../../support/certificates.ts';
import { exchangeRaw, listen, until } from '../../support/servers.ts';
import { parts, proxyTo } from './forward-support.ts';

let authority: Authority;
let certificate: Certificate;
before(async () => {
  authority = await createAuthority();
  certificate = await authority.issue('localhost', '127.0.0.1');
});

/** A server that speaks HTTP/2 and nothing else. */
async function http2Server(
  t: TestContext,
  listener: (req: Http2ServerRequest, res: Http2ServerResponse) => void,
): Promise<{ url: string }> {
  const server = createSecureServer({ ...certificate, allowHTTP1: false }, listener);
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => void sessions.add(session));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { url: `https://localhost:${(server.address() as AddressInfo).port}` };
}

function options(): { http2: true; tls: { ca: string } } {
  return { http2: true, tls: { ca: authority.cert } };
}

const get = 'GET /x?y HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nTE: trailers\r\nConnection: TE\r\n\r\n';

test('http2: GET, with the fields of the way and repeated fields both ways', async (t) => {
  let seen: Http2ServerRequest | undefined;
  const server = await http2Server(t, (req, res) => {
    seen = req;
    res.setHeader('Set-Cookie', ['a=1', 'b=2']);
    res.end('ok');
  });
  const { port } = await proxyTo(t, server.url, options());
  const { text } = await exchangeRaw(port, get + get);
  assert.equal(text.split('HTTP/1.1 200 ').length, 3);
  assert.match(text, /set-cookie: a=1\r\nset-cookie: b=2\r\n/i);
  assert.doesNotMatch(text, /:status/);
  assert.equal(parts(text).body.includes('ok'), true);
  assert.equal(seen?.httpVersion, '2.0');
  assert.equal(seen.url, '/x?y');
  assert.equal(seen.headers['x-a'], '1');
  assert.equal(seen.headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(seen.headers[':authority'], server.url.slice('https://'.length));
  assert.equal(seen.headers.connection, undefined);
});

for (const method of ['POST', 'PUT'])
  test(`http2: ${method} streams, with and without a length`, async (t) => {
    const server = await http2Server(t, (req, res) => void req.pipe(res));
    const { port } = await proxyTo(t, server.url, options());
    const body = 'x'.repeat(200_000);
    for (const [head, sent] of [
      [`Content-Length: ${body.length}`, body],
      ['Transfer-Encoding: chunked', `30d40\r\n${body}\r\n0\r\n\r\n`],
    ] as const) {
      const { text } = await exchangeRaw(
        port,
        `${method} / HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n${sent}`,
      );
      assert.match(text, /^HTTP\/1\.1 200 /);
      assert.equal(text.match(/x/g)!.length >= body.length, true);
    }
  });

test('http2: HEAD, 204 and 304 have no body', async (t) => {
  const server = await http2Server(t, (req, res) => {
    res.writeHead(req.url === '/204' ? 204 : req.url === '/304' ? 304 : 200).end();
  });
  const { port } = await proxyTo(t, server.url, options());
  for (const [method, path] of [
    ['HEAD', '/'],
    ['GET', '/204'],
    ['GET', '/304'],
  ] as const) {
    const one = `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const { text, closed } = await exchangeRaw(port, one + one);
    assert.equal(text.match(/HTTP\/1\.1 [23]/g)?.length, 2);
    assert.equal(closed, false);
  }
});

test('http2: an answer with trailers is complete', async (t) => {
  const server = await http2Server(t, (_req, res) => {
    (res as unknown as { setTrailer(name: string, value: string): void }).setTrailer('x-sum', '1');
    res.write('hello');
    res.end();
  });
  const { port } = await proxyTo(t, server.url, options());
  assert.match((await exchangeRaw(port, get)).text, /5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n$/i);
});

test('http2: a stream that is reset before the answer is a 502, one in the middle cuts the client off', async (t) => {
  const server = await http2Server(t, (req, res) => {
    if (req.url === '/middle') {
      res.write('hello');
      setTimeout(() => res.stream.close(2), 50);
    } else if (req.url === '/before') res.stream.close(2);
    else res.end('ok');
  });
  const { port } = await proxyTo(t, server.url, { ...options(), ejection: false });
  const ask = (path: string): Promise<{ text: string; closed: boolean }> =>
    exchangeRaw(port, `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx`);
  assert.match((await ask('/before')).text, /^HTTP\/1\.1 502 /);
  const middle = await ask('/middle');
  assert.equal(middle.closed, true);
  assert.equal(middle.text.endsWith('0\r\n\r\n'), false);
  assert.match((await ask('/good')).text, /^HTTP\/1\.1 200 /);
});

test('http2: a server that does not answer in time is a 504', async (t) => {
  const server = await http2Server(t, () => undefined);
  const { port } = await proxyTo(t, server.url, { ...options(), timeouts: { headers: 300 } });
  const { text } = await exchangeRaw(port, get);
  assert.match(text, /^HTTP\/1\.1 504 [^]*ERR_SEKISHO_HEADERS_TIMEOUT/);
});

test('http2: a server that speaks only HTTP/1.1 is spoken to so', async (t) => {
  const server = createHttpsServer(certificate, (_req, res) => res.end('one'));
  const { port: upstreamPort } = await listen(t, server);
  const { port } = await proxyTo(t, `https://localhost:${upstreamPort}`, options());
  assert.match((await exchangeRaw(port, get)).text, /^HTTP\/1\.1 200 [^]*one$/);
});

for (const http2 of [false, true])
  test(`a certificate nobody vouches for is a 502${http2 ? ', http2' : ''}`, async (t) => {
    const { url } = await http2Server(t, (_req, res) => res.end());
    const { port } = await proxyTo(t, [url, 'http://127.0.0.1:9'], {
      http2,
      balance: 'first',
      retries: { attempts: 1 },
    });
    const { text } = await exchangeRaw(port, get);
    assert.match(text, /^HTTP\/1\.1 502 [^]*ERR_SEKISHO_TLS/);
  });

test('https with a given authority', async (t) => {
  const server = createHttpsServer(certificate, (_req, res) => res.end('secure'));
  const { port: upstreamPort } = await listen(t, server);
  const { port } = await proxyTo(t, `https://localhost:${upstreamPort}`, {
    tls: { ca: authority.cert },
  });
  assert.match((await exchangeRaw(port, get)).text, /secure$/);
});

test('a unix socket', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-'));
  const path = join(folder, 'app.sock');
  const server = createHttpServer((req, res) => res.end(`unix ${req.headers.host ?? ''}`));
  server.listen(path);
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const { port } = await proxyTo(t, `unix:${path}`);
  assert.match((await exchangeRaw(port, get)).text, /unix localhost$/);
});

test('http2: a client that leaves in the middle of its upload closes the stream, not the session', async (t) => {
  let asked = false;
  let aborted = false;
  const server = await http2Server(t, (req, res) => {
    asked = true;
    req.on('aborted', () => (aborted = true)).resume();
    if (req.url === '/good') res.end('ok');
  });
  const { port } = await proxyTo(t, server.url, options());
  const client = connect(port, '127.0.0.1');
  client.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhello');
  await until(() => asked, 'the server is asked');
  client.destroy();
  await until(() => aborted, 'the server hears of it');
  const { text } = await exchangeRaw(port, 'GET /good HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match(text, /^HTTP\/1\.1 200 /);
});
