import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import basicAuth from 'express-basic-auth';
import session from 'express-session';
import express from 'express';
import { WebSocket, WebSocketServer } from 'ws';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import { attach } from '../../../lib/core/server/attach.ts';
import { serve } from '../../../lib/core/server/serve.ts';
import { upstream } from '../../../lib/core/upstream/upstream.ts';
import { prefixRouter } from '../../../lib/prefix-router/index.ts';
import { securityHeaders } from '../../../lib/security-headers/index.ts';
import { createAuthority } from '../../support/certificates.ts';
import { listen, listenBytes, listenRaw, until } from '../../support/servers.ts';
import { rawClient, upgradeRequest } from '../../support/upgrades.ts';
import { parts, transactions } from './forward-support.ts';
import {
  attachedApp,
  attachedProxy,
  headServer,
  logIn,
  openSocket,
  requireLogin,
  socketServer,
  switching,
  upgradingClient,
} from './upgrade-support.ts';

test('the first request of all may be an upgrade', async (t) => {
  const server = await socketServer(t);
  const { ws } = await attachedProxy(t, server.url);
  const { ask } = await openSocket(t, ws);
  assert.equal(String(await ask('hello')), 'hello');
});

test('mount paths and prefixes are taken off, and X-Forwarded-* says so', async (t) => {
  const server = await socketServer(t);
  const { ws, port } = await attachedApp(t, (app) => {
    app.use('/mounted', balancedProxy(server.url));
    app.use('/kept', balancedProxy(server.url, { keepPrefix: true }));
    app.use('/api', prefixRouter({ '/chat': `${server.url}/base` }));
  });
  const table = [
    ['/mounted/room?a=1', '/room?a=1', '/mounted'],
    ['/mounted', '/', '/mounted'],
    ['/kept/room', '/kept/room', undefined],
    ['/api/chat/%2F/x', '/base/%2F/x', '/api/chat'],
  ] as const;
  for (const [path, url, prefix] of table) {
    await openSocket(t, ws + path, { headers: { 'X-Forwarded-For': '6.6.6.6' } });
    const req = server.seen.at(-1);
    assert.equal(req?.url, url, path);
    assert.equal(req.headers['x-forwarded-prefix'], prefix, path);
    assert.equal(req.headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(req.headers['x-forwarded-host'], `127.0.0.1:${port}`);
    assert.equal(req.headers['x-forwarded-proto'], 'http');
    assert.equal(req.headers.via, '1.1 sekisho');
    assert.equal(req.headers.host, `127.0.0.1:${server.port}`);
  }
});

test('a gate answers 401 over HTTP, and the server hears nothing', async (t) => {
  const server = await socketServer(t);
  const { ws, port } = await attachedApp(t, (app) => {
    app.use(basicAuth({ users: { a: 'b' }, challenge: true }));
    app.use(balancedProxy(server.url));
  });
  const client = await upgradingClient(t, port);
  await until(() => client.closed, 'the end');
  assert.match(client.text, /^HTTP\/1\.1 401 Unauthorized\r\n[^]*WWW-Authenticate: Basic/i);
  const connections = await new Promise((resolve) => {
    server.server.getConnections((_error, count) => {
      resolve(count);
    });
  });
  assert.equal(connections, 0);
  const { ask } = await openSocket(t, ws, {
    headers: { authorization: `Basic ${btoa('a:b')}` },
  });
  assert.equal(String(await ask('let in')), 'let in');
});

test('a session of before is seen by the upgrade', async (t) => {
  const server = await socketServer(t);
  const { ws, url } = await attachedApp(t, (app) => {
    requireLogin(app);
    app.use(balancedProxy(server.url));
  });
  await assert.rejects(openSocket(t, ws), /Unexpected server response: 401/);
  const cookie = await logIn(url);
  const { ask } = await openSocket(t, ws, { headers: { cookie } });
  assert.equal(String(await ask('in')), 'in');
  assert.equal(server.seen.length, 1);
});

test('subprotocol and extensions are between client and server', async (t) => {
  const server = await socketServer(t, {
    perMessageDeflate: { threshold: 0 },
    handleProtocols: (offered) => (offered.has('v2') ? 'v2' : false),
  });
  const { ws } = await attachedProxy(t, server.url);
  const { socket, ask } = await openSocket(t, ws, {
    protocols: ['v1', 'v2'],
    perMessageDeflate: { threshold: 0 },
  });
  assert.equal(socket.protocol, 'v2');
  assert.match(socket.extensions, /permessage-deflate/);
  const message = 'squeezed '.repeat(10_000);
  assert.equal(String(await ask(message)), message);
});

for (const [what, answer, status, wanted] of [
  [
    '403 with a body',
    'HTTP/1.1 403 Go Away\r\nX-Why: because\r\nContent-Length: 6\r\n\r\nno way',
    'HTTP/1.1 403 Go Away',
    /X-Why: because\r\n[^]*no way$/i,
  ],
  [
    '404 in chunks',
    'HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnone\r\n0\r\n\r\n',
    'HTTP/1.1 404 Not Found',
    /\r\n\r\n4\r\nnone\r\n0\r\n\r\n$/,
  ],
  [
    'a redirect',
    'HTTP/1.1 307 Temporary Redirect\r\nLocation: /else?where\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 307 Temporary Redirect',
    /Location: \/else\?where\r\n/i,
  ],
  [
    '426 with the protocol to use',
    'HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 426 Upgrade Required',
    /Sec-WebSocket-Version: 13\r\n/i,
  ],
] as const)
  test(`what the server says in place of 101 is the answer: ${what}`, async (t) => {
    const server = await listenBytes(t, answer);
    const pool = upstream('chat', [server.url]);
    const { port } = await attachedProxy(t, pool);
    const client = await upgradingClient(t, port);
    await until(() => client.closed, 'the end');
    assert.equal(client.text.split('\r\n')[0], status);
    assert.match(client.text, wanted);
    assert.equal(pool.servers[0]?.inflight, 0);
    await pool.close();
  });

test('bytes right behind the heads of request and answer arrive, in order', async (t) => {
  const server = await headServer(t, (socket, _head, early) => {
    socket.write(switching() + 'welcome ');
    if (early !== '') socket.write(early);
    socket.pipe(socket);
  });
  const { port } = await attachedProxy(t, server.url);
  const client = await upgradingClient(t, port, '/', '', 'early ');
  await client.sees('welcome early ');
  client.socket.write('late');
  await client.sees('welcome early late');
});

test('big messages arrive byte for byte, both ways and at the same time', async (t) => {
  const server = await socketServer(t, { maxPayload: 0 });
  const { ws } = await attachedProxy(t, server.url);
  const messages = [randomBytes(8_000_000), randomBytes(70_000), randomBytes(1_000_000)];
  const { socket } = await openSocket(t, ws, { maxPayload: 0 });
  const got: Buffer[] = [];
  socket.on('message', (data: Buffer) => got.push(data));
  for (const message of messages) socket.send(message);
  await until(() => got.length === messages.length, 'all echoes');
  assert.ok(messages.every((message, index) => got[index]?.equals(message)));
});

for (const slow of ['client', 'server'] as const)
  test(`a ${slow} that does not read stops the other side`, async (t) => {
    let far: Socket | undefined;
    const server = await headServer(t, (socket) => {
      socket.write(switching());
      far = socket;
    });
    const { port } = await attachedProxy(t, server.url);
    const client = await upgradingClient(t, port);
    await client.sees('101');
    await until(() => far !== undefined, 'the server');
    const near = client.socket;
    const [from, to] = slow === 'client' ? [far!, near] : [near, far!];
    to.pause();
    const chunk = Buffer.alloc(65_536, 'x');
    // What the kernel's buffers on the way take is a few MB; without backpressure all of it would go.
    const limit = 400;
    let sent = 0;
    for (; sent < limit; sent++) if (!from.write(chunk) && !(await drained(from))) break;
    assert.ok(sent < limit, `stopped after ${sent} chunks`);
    let got = 0;
    to.on('data', (data: Buffer) => (got += data.length)).resume();
    await until(() => got >= (sent + 1) * chunk.length, 'the rest, once it reads');
  });

async function drained(socket: Socket): Promise<boolean> {
  return Promise.race([once(socket, 'drain').then(() => true), pause(300, false)]);
}

for (const side of ['client', 'server'] as const)
  for (const way of ['destroy', 'resetAndDestroy'] as const)
    test(`${way} of the ${side} ends the other, and the place is free again`, async (t) => {
      let far: Socket | undefined;
      const server = await headServer(t, (socket) => {
        socket.write(switching());
        far = socket.resume();
      });
      const pool = upstream('chat', [server.url]);
      const path = `/${side}/${way}`;
      const records = transactions(t, path);
      const { port } = await attachedProxy(t, pool);
      const client = await upgradingClient(t, port, path);
      await client.sees('101');
      assert.equal(pool.servers[0]?.inflight, 1);
      const near = client.socket;
      const [leaving, left] = side === 'client' ? [near, far!] : [far!, near];
      leaving[way]();
      await until(() => left.destroyed || left.readableEnded, 'the end of the other');
      if (side === 'server') near.end();
      await until(() => pool.servers[0]?.inflight === 0, 'nothing in flight');
      await until(() => records.length === 1, 'the record');
      if (way === 'resetAndDestroy')
        assert.equal(
          records[0]?.outcome,
          side === 'client' ? 'client-aborted' : 'upstream-aborted',
        );
      await pool.close();
    });

test('half-close goes through: who has finished sending still gets the answer', async (t) => {
  const server = await headServer(t, (socket) => {
    socket.allowHalfOpen = true;
    socket.write(switching());
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('end', () => setTimeout(() => socket.end(`got ${text}`), 50));
  });
  const pool = upstream('chat', [server.url]);
  const { port } = await attachedProxy(t, pool);
  const client = await upgradingClient(t, port);
  await client.sees('101');
  client.socket.end('question');
  await client.sees('got question');
  await until(() => client.closed, 'the end');
  await until(() => pool.servers[0]?.inflight === 0, 'nothing in flight');
  await pool.close();
});

async function deadUrl(): Promise<string> {
  const server = express().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

test('no server: a 503 over HTTP, with Retry-After', async (t) => {
  const { port } = await attachedProxy(t, await deadUrl());
  const client = await upgradingClient(t, port);
  await until(() => client.closed, 'the end');
  assert.match(client.text, /^HTTP\/1\.1 503 /);
  assert.match(client.text, /\r\nRetry-After: \d+\r\n/i);
});

test('when a server refuses the connection the next one is asked', async (t) => {
  const server = await socketServer(t);
  const { ws } = await attachedProxy(t, [await deadUrl(), server.url], { balance: 'first' });
  const { ask } = await openSocket(t, ws);
  assert.equal(String(await ask('hello')), 'hello');
});

test('a server that never answers: 504 after timeouts.headers', async (t) => {
  const server = await listenRaw(t, (socket) => void socket.resume());
  const pool = upstream('chat', [server.url], {
    timeouts: { headers: 100 },
    retries: { attempts: 1 },
  });
  const { port } = await attachedProxy(t, pool);
  const client = await upgradingClient(t, port);
  await until(() => client.closed, 'the end');
  assert.match(client.text, /^HTTP\/1\.1 504 [^]*ERR_SEKISHO_HEADERS_TIMEOUT/);
  assert.equal(pool.servers[0]?.inflight, 0);
  await pool.close();
});

for (const [what, answer] of [
  ['no HTTP at all', 'SSH-2.0-x\r\n\r\n'],
  ['a field with a control byte', 'HTTP/1.1 101 X\r\nUpgrade: echo\r\nX: \x01\r\n\r\n'],
  ['a status out of range', 'HTTP/1.1 099 X\r\n\r\n'],
] as const)
  test(`an answer that breaks HTTP is a 502: ${what}`, async (t) => {
    const server = await listenBytes(t, answer);
    const { port } = await attachedProxy(t, server.url, { retries: { attempts: 1 } });
    const client = await upgradingClient(t, port);
    await until(() => client.closed, 'the end');
    assert.match(client.text, /^HTTP\/1\.1 502 [^]*ERR_SEKISHO_UPSTREAM_PROTOCOL/);
  });

test('a client that leaves while the server thinks takes its request with it', async (t) => {
  let far: Socket | undefined;
  const server = await headServer(t, (socket) => void (far = socket));
  const pool = upstream('chat', [server.url]);
  const records = transactions(t, '/leaves');
  const { port } = await attachedProxy(t, pool);
  const client = await upgradingClient(t, port, '/leaves');
  await until(() => far !== undefined, 'the request');
  client.socket.destroy();
  await until(() => far?.destroyed === true, 'the end at the server');
  assert.equal(pool.servers[0]?.inflight, 0);
  await until(() => records.length > 0, 'the record');
  assert.deepEqual(
    records.map(({ outcome, status }) => [outcome, status]),
    [['client-aborted', 499]],
  );
  await pool.close();
});

test('what the app has answered meanwhile stays, and a late 101 harms nobody', async (t) => {
  let far: Socket | undefined;
  const server = await headServer(t, (socket) => void (far = socket));
  const records = transactions(t, '/late');
  const { port } = await attachedApp(t, (app) => {
    app.use((_req, res, next) => {
      setTimeout(() => {
        res.status(503).write('too slow');
        far?.write(switching());
        setTimeout(() => res.end(', sorry'), 50);
      }, 50);
      next();
    });
    app.use(balancedProxy(server.url));
  });
  const client = await upgradingClient(t, port, '/late');
  await until(() => client.closed, 'the end');
  assert.match(client.text, /^HTTP\/1\.1 503 [^]*too slow[^]*, sorry/);
  await until(() => far?.destroyed === true, 'the end at the server');
  await until(() => records.length === 1, 'the record');
  assert.equal(records[0]?.status, 503);
});

test('ws: false answers 501 and asks no server', async (t) => {
  const server = await socketServer(t);
  const { port } = await attachedProxy(t, server.url, { ws: false });
  const client = await upgradingClient(t, port);
  await until(() => client.closed, 'the end');
  assert.match(client.text, /^HTTP\/1\.1 501 [^]*ERR_SEKISHO_UPGRADE_REFUSED/);
  assert.equal(server.seen.length, 0);
});

for (const protocol of ['web socket', 'echo/', '/1', 'echo,,x', 'echo;q=1', '"echo"'])
  test(`an Upgrade field that names no protocol is a 400: ${protocol}`, async (t) => {
    const server = await socketServer(t);
    const { port } = await attachedProxy(t, server.url);
    const client = await rawClient(port, upgradeRequest('/', '', protocol));
    await until(() => client.closed, 'the end');
    assert.match(client.text, /^HTTP\/1\.1 400 [^]*ERR_SEKISHO_BAD_REQUEST/);
    assert.equal(server.seen.length, 0);
  });

test('several offered protocols go on as they are, and the choice comes back', async (t) => {
  const heads: string[] = [];
  const server = await headServer(t, (socket, head) => {
    heads.push(head);
    socket.write(switching('', 'echo/2'));
  });
  const { port } = await attachedProxy(t, server.url);
  const client = await rawClient(port, upgradeRequest('/', '', 'chat, echo/2'));
  t.after(() => client.socket.destroy());
  await client.sees('\r\nUpgrade: echo/2\r\n');
  assert.match(heads[0] ?? '', /\r\nConnection: Upgrade\r\nUpgrade: chat, echo\/2$/);
});

test('headers.request, on.request, headers.response and on.response apply', async (t) => {
  const heads: string[] = [];
  const server = await headServer(t, (socket, head) => {
    heads.push(head);
    socket.write(switching('X-Inside: secret\r\n'));
  });
  const { port } = await attachedProxy(t, server.url, {
    headers: {
      request: { 'X-Added': 'yes', 'X-Taken': null },
      response: { 'X-Inside': null, 'X-Out': '1' },
    },
    on: {
      request: (draft) => {
        draft.path = '/changed';
        draft.headers.set('X-Hook', draft.server);
      },
      response: (draft) => {
        draft.headers.set('X-Status', String(draft.status));
      },
    },
  });
  const client = await upgradingClient(t, port, '/', 'X-Taken: 1\r\n');
  await client.sees('\r\n\r\n');
  assert.match(heads[0] ?? '', /^GET \/changed HTTP/);
  assert.match(heads[0] ?? '', /\r\nX-Added: yes\r\n/);
  assert.match(heads[0] ?? '', new RegExp(`\r\nX-Hook: 127.0.0.1:${server.port}\r\n`));
  assert.doesNotMatch(heads[0] ?? '', /X-Taken/);
  assert.match(client.text, /^HTTP\/1\.1 101 [^]*X-Out: 1\r\n[^]*X-Status: 101\r\n/);
  assert.doesNotMatch(client.text, /X-Inside/);
});

for (const [what, response] of [
  [
    'throws',
    () => {
      throw new Error('hook');
    },
  ],
  ['makes another status of a 101', (draft: { status: number }) => void (draft.status = 403)],
] as const)
  test(`on.response that ${what} is a 500, and the server's socket ends`, async (t) => {
    let far: Socket | undefined;
    const server = await headServer(t, (socket) => {
      far = socket;
      socket.resume().write(switching());
    });
    const { port } = await attachedProxy(t, server.url, { on: { response } });
    const client = await upgradingClient(t, port);
    await until(() => client.closed, 'the end');
    assert.match(client.text, /^HTTP\/1\.1 500 [^]*ERR_SEKISHO_HOOK/);
    await until(() => far?.destroyed === true, 'the end at the server');
  });

test('the 101 has what the app has set, cookies of both, and nothing securityHeaders strips', async (t) => {
  const server = await headServer(t, (socket) =>
    socket.write(
      switching('Set-Cookie: theirs=1\r\nX-Powered-By: them\r\nX-Frame-Options: theirs\r\n'),
    ),
  );
  const { port } = await attachedApp(t, (app) => {
    app.use(securityHeaders());
    app.use((_req, res, next) => {
      res.cookie('ours', '1').cookie('more', '2').set('Connection', 'close');
      next();
    });
    app.use(balancedProxy(server.url));
  });
  const client = await upgradingClient(t, port);
  await client.sees('\r\n\r\n');
  const { head } = parts(client.text);
  assert.deepEqual(head.match(/(?<=set-cookie: )\w+/gi)?.sort(), ['more', 'ours', 'theirs']);
  assert.doesNotMatch(head, /x-powered-by/i);
  assert.deepEqual(head.match(/(?<=x-frame-options: ).*/gi), ['SAMEORIGIN']);
  assert.deepEqual(head.match(/(?<=connection: ).*/gi), ['Upgrade']);
});

test('who waits for the head of the answer, as sessions do, has a say in the 101, too', async (t) => {
  const server = await socketServer(t);
  let logged: [boolean, number] | undefined;
  const { ws } = await attachedApp(t, (app) => {
    app.use((_req, res, next) => {
      res.once('close', () => (logged = [res.headersSent, res.statusCode]));
      next();
    });
    app.use(session({ secret: 's', resave: false, saveUninitialized: true, rolling: true }));
    app.use(balancedProxy(server.url));
  });
  const { answer, ask, socket } = await openSocket(t, ws);
  assert.match(answer.headers['set-cookie']?.join() ?? '', /^connect\.sid=/);
  assert.equal(String(await ask('hello')), 'hello');
  socket.close();
  await until(() => logged !== undefined, 'the end as a logger hears of it');
  assert.deepEqual(logged, [true, 101]);
});

test('a sticky client is bound by its upgrade, and its next one goes to the same server', async (t) => {
  const servers = await Promise.all([socketServer(t), socketServer(t)]);
  const { ws } = await attachedProxy(
    t,
    servers.map(({ url }) => url),
    { sticky: true, balance: 'round-robin' },
  );
  const { answer } = await openSocket(t, ws);
  const cookie = answer.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  assert.match(cookie, /^sekisho=/);
  for (let index = 0; index < 3; index++) await openSocket(t, ws, { headers: { cookie } });
  assert.deepEqual(servers.map(({ seen }) => seen.length).sort(), [0, 4]);
});

test('paths the proxy has nothing for are left to a ws listener beside it', async (t) => {
  const server = await socketServer(t);
  const { ws, server: front } = await attachedApp(t, (app) => {
    app.use('/chat', balancedProxy(server.url));
  });
  const beside = new WebSocketServer({ server: front, path: '/own' });
  t.after(() => {
    for (const client of beside.clients) client.terminate();
  });
  beside.on('connection', (client) => {
    client.on('message', () => {
      client.send('own');
    });
  });
  const proxied = await openSocket(t, `${ws}/chat/own`);
  assert.equal(String(await proxied.ask('proxied')), 'proxied');
  const own = await openSocket(t, `${ws}/own`);
  assert.equal(String(await own.ask('x')), 'own');
  assert.equal(server.seen.length, 1);
});

test('a fallthrough leaves an upgrade to the next handler', async (t) => {
  const none = await listenBytes(t, 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
  const server = await socketServer(t);
  const { ws } = await attachedApp(t, (app) => {
    app.use(balancedProxy(none.url, { fallthrough: [404] }));
    app.use(balancedProxy(server.url));
  });
  const { ask } = await openSocket(t, ws);
  assert.equal(String(await ask('second')), 'second');
});

test('least-connections counts open sockets', async (t) => {
  const servers = await Promise.all([socketServer(t), socketServer(t)]);
  const pool = upstream(
    'chat',
    servers.map(({ url }) => url),
    { balance: 'least-connections' },
  );
  t.after(() => void pool.close());
  const { ws } = await attachedProxy(t, pool);
  const inflight = (): number[] => pool.servers.map((server) => server.inflight);
  for (let index = 0; index < 6; index++) await openSocket(t, ws);
  assert.deepEqual(inflight(), [3, 3]);
  for (const client of servers[0].sockets.clients) client.close();
  await until(() => inflight()[0] === 0, 'the first is free');
  for (let index = 0; index < 3; index++) await openSocket(t, ws);
  assert.deepEqual(inflight(), [3, 3]);
});

test('the record is published when the sockets end, with its bytes', async (t) => {
  const records = transactions(t, '/room');
  const server = await headServer(t, (socket) => {
    socket.allowHalfOpen = true;
    socket.write(switching() + 'welcome');
    socket.on('end', () => socket.end()).resume();
  });
  const { port } = await attachedProxy(t, server.url);
  const client = await upgradingClient(t, port, '/room', '', 'hello');
  await client.sees('welcome');
  assert.equal(records.length, 0);
  client.socket.end(' you');
  await until(() => records.length === 1, 'the record');
  const { status, outcome, bytesReceived, bytesSent, attempts, server: name } = records[0]!;
  assert.deepEqual(
    { status, outcome, bytesReceived, bytesSent, attempts, name },
    {
      status: 101,
      outcome: 'completed',
      bytesReceived: 9,
      bytesSent: 7,
      attempts: 1,
      name: `127.0.0.1:${server.port}`,
    },
  );
});

for (const http2 of [false, true])
  test(`an https server${http2 ? ', with http2 for the rest,' : ''} is spoken to by wss`, async (t) => {
    const authority = await createAuthority();
    const server = createHttpsServer(await authority.issue('127.0.0.1'));
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => {
      socket.on('message', (data) => {
        socket.send(data as Buffer);
      });
    });
    const { port } = await listen(t, server);
    t.after(() => {
      for (const socket of sockets.clients) socket.terminate();
    });
    const url = `https://127.0.0.1:${port}`;
    const { ws } = await attachedProxy(t, url, { tls: { ca: authority.cert }, http2 });
    const { ask } = await openSocket(t, ws);
    const message = randomBytes(300_000);
    assert.ok((await ask(message)).equals(message));
    const unknown = await attachedProxy(t, url, { http2 });
    await assert.rejects(openSocket(t, unknown.ws), /Unexpected server response: 50[23]/);
  });

test('clients of an https server come by wss, and the server behind it is told so', async (t) => {
  const authority = await createAuthority();
  const server = await socketServer(t);
  const app = express().use(balancedProxy(server.url));
  const front = createHttpsServer(await authority.issue('127.0.0.1'), app);
  const { port } = await listen(t, front);
  attach(front);
  const { ask } = await openSocket(t, `wss://127.0.0.1:${port}`, { ca: authority.cert });
  const message = randomBytes(300_000);
  assert.ok((await ask(message)).equals(message));
  assert.equal(server.seen[0]?.headers['x-forwarded-proto'], 'https');
});

test('a server that drains says 1001 to both sides once the grace period is over', async (t) => {
  const server = await socketServer(t);
  const app = express().use(balancedProxy(server.url));
  const { url, close } = await serve(app, { host: '127.0.0.1', gracePeriod: 2000 });
  const { ask, socket, closed } = await openSocket(t, url.replace('http', 'ws'));
  const far = [...server.sockets.clients][0];
  const farClosed = new Promise<number>((resolve) => far?.once('close', resolve));
  await ask('hello');
  const drained = close();
  assert.equal(String(await ask('still here')), 'still here');
  assert.equal(socket.readyState, WebSocket.OPEN);
  assert.deepEqual([await closed, await farClosed], [1001, 1001]);
  await drained;
});
