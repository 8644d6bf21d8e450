import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { connect as connectTls } from 'node:tls';
import test, { type TestContext } from 'node:test';
import type { RequestHandler } from 'express';
import { authGate } from '../../lib/auth-gate/index.ts';
import { exchangeRaw, listen, listenBytes, listenRaw, until } from '../support/servers.ts';
import { localAuthority } from '../support/tls.ts';
import { rawClient } from '../support/upgrades.ts';
import { answerWithQuestion, questionIn, startProxy, startSite, type Scene } from './support.ts';

const ask = (target: string, method = 'GET'): string => {
  const host = /^(?:http:\/\/)?([^/]*)/.exec(target)?.[1] ?? '';
  return `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
};

/** A proxy with users, and one in front of it that has a login there. Only the former can resolve names. */
async function chain(
  t: TestContext,
  ports: number[],
  password = 'p:w',
): Promise<{ parent: Scene; child: Scene; seen: string[] }> {
  const gate = authGate({ basic: { users: { branch: 'p:w' } } });
  t.after(() => gate.close());
  const seen: string[] = [];
  const log: RequestHandler = (req, _res, next) => {
    seen.push(`${req.method} ${req.originalUrl} via ${req.get('via') ?? ''}`);
    next();
  };
  const parent = await startProxy(
    t,
    { ports, connectPorts: ports, pseudonym: 'parent' },
    { before: [log, gate] },
  );
  const child = await startProxy(t, {
    ports: [80, ...ports],
    connectPorts: [443, ...ports],
    lookup: undefined as never,
    pseudonym: 'child',
    upstreamProxy: `http://branch:${encodeURIComponent(password)}@127.0.0.1:${parent.port}`,
  });
  return { parent, child, seen };
}

test('requests and tunnels go through the parent, with its credentials, which the site never sees', async (t) => {
  const site = await startSite(t);
  const { local } = await localAuthority();
  const secure = await listen(t, createServer(local, answerWithQuestion));
  const { child, seen } = await chain(t, [site.port, secure.port]);

  const target = `http://site.test:${site.port}/a?b`;
  const { text } = await exchangeRaw(child.port, ask(target));
  const { url, headers } = questionIn(text);
  assert.deepEqual(
    [url, headers.host, headers.via],
    ['/a?b', `site.test:${site.port}`, '1.1 child, 1.1 parent'],
  );
  assert.doesNotMatch(JSON.stringify(headers), /proxy-|branch/);

  const authority = `site.test:${secure.port}`;
  const client = await rawClient(child.port, ask(authority, 'CONNECT'));
  await client.sees('200 Connection Established\r\n\r\n');
  const tls = connectTls({
    socket: client.socket,
    servername: 'site.test',
    rejectUnauthorized: false,
  });
  tls.write('GET /secret HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n');
  const [bytes] = (await once(tls, 'data')) as [Buffer];
  assert.match(bytes.toString(), /"url":"\/secret"/);
  tls.destroy();
  assert.deepEqual(seen, [`GET ${target} via 1.1 child`, `CONNECT ${authority} via 1.1 child`]);
  await until(() => child.records.some(({ sni }) => sni === 'site.test'), 'the record');
});

test('what the parent says to us is not said to the client: wrong credentials there are a 502 here', async (t) => {
  const site = await startSite(t);
  const { child } = await chain(t, [site.port], 'wrong');
  const target = `site.test:${site.port}`;
  const answer = (await exchangeRaw(child.port, ask(`http://${target}/`))).text;
  assert.match(answer, /^HTTP\/1\.1 502 [^]*ERR_SEKISHO_UPSTREAM_PROTOCOL/);
  assert.doesNotMatch(answer, /proxy-authenticate|407/i);
});

for (const body of ['', 'who are you?', 'long '.repeat(20_000)])
  test(`a 407 of the parent with ${body.length} bytes of body is a failure like any other`, async (t) => {
    const parent = await listenBytes(
      t,
      `HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm="parent"\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const s = await startProxy(t, { upstreamProxy: parent.url });
    const { text } = await exchangeRaw(s.port, ask('http://site.test/'));
    assert.match(text, /^HTTP\/1\.1 502 [^]*ERR_SEKISHO_UPSTREAM_PROTOCOL/);
    assert.doesNotMatch(text, /who are you|long|parent|407/i);
    await until(() => s.records.length === 1, 'a record');
    assert.equal(s.records[0]?.error, 'ERR_SEKISHO_UPSTREAM_PROTOCOL');
  });

test('OPTIONS of a URL without a path stays what it is; only the last proxy makes it *', async (t) => {
  const site = await startSite(t);
  const { child, seen } = await chain(t, [site.port]);
  const target = `http://site.test:${site.port}`;
  const { text } = await exchangeRaw(child.port, ask(target, 'OPTIONS'));
  assert.equal(questionIn(text).url, '*');
  assert.deepEqual(seen, [`OPTIONS ${target} via 1.1 child`]);
});

const broken: readonly [name: string, answer: string, close: boolean, status: number][] = [
  ['refuses', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n', false, 502],
  [
    'wants other credentials',
    'HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n',
    false,
    502,
  ],
  ['speaks no HTTP', 'SSH-2.0-x\r\n\r\n', true, 502],
  ['hangs up', '', true, 502],
  ['says nothing', '', false, 504],
  ['never ends its head', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(40_000)}`, false, 502],
];

for (const [name, answer, close, status] of broken)
  test(`a parent that ${name} is a ${status}`, async (t) => {
    const parent =
      answer === ''
        ? await listenRaw(t, (socket) => {
            if (close) socket.end();
          })
        : await listenBytes(t, answer, { close });
    const s = await startProxy(t, { upstreamProxy: parent.url, timeouts: { connect: 1500 } });
    const { text } = await exchangeRaw(s.port, ask('site.test:443', 'CONNECT'));
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
    await until(() => s.proxy.tunnels === 0, 'nothing open');
  });

test('what comes with the answer of the parent is the first of the tunnel', async (t) => {
  const parent = await listenBytes(t, 'HTTP/1.1 200 OK\r\n\r\n220 ready');
  const s = await startProxy(t, { upstreamProxy: parent.url });
  const client = await rawClient(s.port, ask('site.test:443', 'CONNECT'));
  await client.sees('Established\r\n\r\n220 ready');
  client.socket.destroy();
});

test('the policy still holds: addresses, names and lists are judged here', async (t) => {
  let reached = 0;
  const parent = await listenRaw(t, () => {
    reached++;
  });
  const s = await startProxy(t, {
    upstreamProxy: parent.url,
    lookup: undefined as never,
    allowPrivate: [],
    deny: ['evil.example.org'],
  });
  for (const target of [
    'http://169.254.169.254/',
    'http://localhost/',
    'http://10.0.0.1/',
    'http://a.evil.example.org/',
    'http://example.com:81/',
  ])
    assert.match((await exchangeRaw(s.port, ask(target))).text, /^HTTP\/1\.1 403 /, target);
  assert.equal(reached, 0);
});
