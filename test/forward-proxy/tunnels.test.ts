import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createServer as createTlsServer } from 'node:tls';
import test, { type TestContext } from 'node:test';
import type { RequestHandler } from 'express';
import { WebSocket, WebSocketServer } from 'ws';
import { authGate } from '../../lib/auth-gate/index.ts';
import { contextOf, type TunnelGuard } from '../../lib/core/context.ts';
import type { ForwardProxyOptions } from '../../lib/forward-proxy/index.ts';
import { listen, listenRaw, turns, until } from '../support/servers.ts';
import { localAuthority } from '../support/tls.ts';
import { rawClient, type RawClient } from '../support/upgrades.ts';
import { answerWithQuestion, startProxy, startSite, type Scene } from './support.ts';

/** A server that gives back what it gets, and its FIN only after the client's. */
async function echoServer(t: TestContext): Promise<{ port: number; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const { port } = await listenRaw(t, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.pipe(socket);
  });
  return { port, sockets };
}

const connects = (port: number, host = 'site.test', more = ''): string =>
  `CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n${more}\r\n`;

async function open(scene: Scene, port: number, host?: string, more?: string): Promise<RawClient> {
  const client = await rawClient(scene.port, connects(port, host, more));
  await client.sees('\r\n\r\n');
  assert.equal(client.text, 'HTTP/1.1 200 Connection Established\r\n\r\n');
  return client;
}

async function scene(
  t: TestContext,
  port: number,
  options: ForwardProxyOptions = {},
  before: RequestHandler[] = [],
): Promise<Scene> {
  return startProxy(t, { connectPorts: [port], ...options }, { before });
}

test('a tunnel carries bytes both ways, is counted, and closes when both sides have', async (t) => {
  const site = await echoServer(t);
  const s = await scene(t, site.port);
  const client = await open(s, site.port);
  assert.equal(s.proxy.tunnels, 1);
  client.socket.write('hello');
  await client.sees('\r\n\r\nhello');
  client.socket.end('bye');
  await until(() => client.closed, 'the end');
  assert.match(client.text, /hellobye$/);
  await until(() => s.records.length === 1, 'a record');
  const [record] = s.records;
  assert.deepEqual(
    [record?.method, record?.target, record?.destination, record?.status, record?.outcome],
    ['CONNECT', `site.test:${site.port}`, `site.test:${site.port}`, 200, 'completed'],
  );
  assert.deepEqual(
    [record?.bytesReceived, record?.bytesSent, record?.inspection],
    [8, 8, 'metadata'],
  );
  await until(() => s.proxy.tunnels === 0, 'no tunnel');
  assert.deepEqual(
    s.tunnels.map(({ open: count, end, destination }) => [count, end, destination]),
    [
      [1, undefined, `site.test:${site.port}`],
      [0, 'completed', `site.test:${site.port}`],
    ],
  );
});

test('what a client sends with its CONNECT is not lost, nor what a server says first', async (t) => {
  const site = await listenRaw(t, (socket) => {
    socket.write('220 ready\r\n');
    socket.pipe(socket);
  });
  const s = await scene(t, site.port);
  const client = await rawClient(s.port, `${connects(site.port)}early`);
  await client.sees('early');
  assert.match(client.text, /220 ready/);
  client.socket.end();
  await until(() => client.closed, 'the end');
});

test('a half-closed tunnel carries the rest of the answer', async (t) => {
  const site = await listenRaw(t, (socket) => {
    socket.allowHalfOpen = true;
    socket.on('end', () => setTimeout(() => socket.end('the answer'), 20)).resume();
  });
  const s = await scene(t, site.port);
  const client = await open(s, site.port);
  client.socket.end('the question');
  await client.sees('the answer');
  await until(() => client.closed, 'the end');
});

const failing: readonly [
  name: string,
  status: number,
  code: string,
  options: (port: number) => ForwardProxyOptions,
][] = [
  [
    'a server that refuses',
    502,
    'CONNECT_REFUSED',
    () => ({ lookup: () => Promise.resolve(['127.0.0.2']) }),
  ],
  ['a name without addresses', 502, 'DNS', () => ({ lookup: () => Promise.resolve([]) })],
  [
    'a port that is not listed',
    403,
    'DESTINATION_DENIED',
    (port) => ({ connectPorts: [port + 1] }),
  ],
];

for (const [name, status, code, options] of failing)
  test(`a tunnel that cannot be has a real answer: ${name}`, async (t) => {
    const site = await listen(t, answerWithQuestion);
    const s = await scene(t, site.port, options(site.port));
    const client = await rawClient(s.port, connects(site.port));
    await client.sees('}');
    assert.match(
      client.text,
      new RegExp(`^HTTP/1\\.1 ${status} [^]*application/problem\\+json[^]*ERR_SEKISHO_${code}`),
    );
    await until(
      () => s.records.length === 1 && s.proxy.tunnels === 0,
      'a record, and nothing open',
    );
    client.socket.destroy();
  });

test('the next address is tried when the first does not answer', async (t) => {
  const site = await echoServer(t);
  const s = await scene(t, site.port, {
    lookup: () => Promise.resolve(['127.0.0.2', '127.0.0.1']),
  });
  const client = await open(s, site.port);
  client.socket.destroy();
});

test('limits: of one user, of all, and a tunnel that ends makes room', async (t) => {
  const site = await echoServer(t);
  const gate = authGate({ basic: { users: { alice: 'a', bob: 'b' } } });
  t.after(() => gate.close());
  const s = await scene(t, site.port, { tunnel: { maxPerUser: 2, maxTotal: 3 } }, [gate]);
  const as = (user: string): string =>
    `Proxy-Authorization: Basic ${Buffer.from(`${user}:${user[0]!}`).toString('base64')}\r\n`;
  const [first] = [
    await open(s, site.port, 'site.test', as('alice')),
    await open(s, site.port, 'site.test', as('alice')),
  ];
  const refusal = async (user: string): Promise<string> => {
    const client = await rawClient(s.port, connects(site.port, 'site.test', as(user)));
    await client.sees('}');
    client.socket.destroy();
    return client.text;
  };
  assert.match(
    await refusal('alice'),
    /^HTTP\/1\.1 429 [^]*retry-after: 5[^]*ERR_SEKISHO_TUNNEL_LIMIT/i,
  );
  await open(s, site.port, 'site.test', as('bob'));
  assert.match(await refusal('bob'), /^HTTP\/1\.1 429 /);
  first.socket.destroy();
  await until(() => s.proxy.tunnels === 2, 'room');
  await open(s, site.port, 'site.test', as('bob'));
});

for (const [name, tunnel, end, where] of [
  ['idle', { idle: 60 }, 'idle'],
  ['longest duration', { maxDuration: 60 }, 'duration'],
  ['idle', { idle: 60 }, 'idle', 'at a port of plain HTTP'],
  ['longest duration', { maxDuration: 60 }, 'duration', 'at a port of plain HTTP'],
  ['idle', { idle: 60, sni: 'require-match' }, 'idle', 'where a name is demanded'],
  ['longest duration', { maxDuration: 60, idle: 0, sni: 'require-match' }, 'duration', 'there'],
] as const)
  test(`a silent tunnel ${where ?? ''} is closed after its ${name}`, async (t) => {
    const site = await echoServer(t);
    const ports = where === 'at a port of plain HTTP' ? [site.port] : [80];
    const s = await scene(t, site.port, { tunnel, ports });
    const client = await open(s, site.port);
    await until(() => client.closed && site.sockets.size === 0, 'the end of both');
    const ends = (): unknown[] =>
      s.tunnels
        .filter(({ destination }) => destination === `site.test:${site.port}`)
        .map((event) => event.end);
    await until(() => ends().length === 2, 'the event');
    assert.deepEqual(ends(), [undefined, end]);
    await until(() => s.records.length > 0, 'a record');
    const [record] = s.records;
    assert.deepEqual(
      [record?.status, record?.outcome, record?.error],
      [200, 'completed', undefined],
    );
  });

for (const leaves of ['by a FIN', 'by a reset'])
  test(`a client that says nothing at a port of plain HTTP and leaves ${leaves} was denied nothing`, async (t) => {
    const site = await echoServer(t);
    const s = await scene(t, site.port, { ports: [site.port] });
    const client = await open(s, site.port);
    if (leaves === 'by a FIN') client.socket.end();
    else client.socket.resetAndDestroy();
    await until(() => s.records.length === 1 && s.proxy.tunnels === 0, 'the end');
    const [record] = s.records;
    assert.deepEqual(
      [record?.status, record?.outcome, record?.error],
      [200, 'client-aborted', 'ERR_SEKISHO_CLIENT_ABORTED'],
    );
    assert.equal(s.tunnels.at(-1)?.end, 'client-aborted');
    assert.equal(site.sockets.size, 0);
  });

test('the longest duration counts from the 200 on, HTTP inside of it, too', async (t) => {
  const site = await startSite(t);
  const s = await scene(t, site.port, { ports: [site.port], tunnel: { maxDuration: 300 } });
  const client = await open(s, site.port);
  client.socket.write(`GET /one HTTP/1.1\r\nHost: site.test:${site.port}\r\n\r\n`);
  await client.sees('"url":"/one"');
  await until(() => client.closed && s.proxy.tunnels === 0, 'the end');
  await until(() => s.tunnels.at(-1)?.end === 'duration', 'the event');
});

for (const [who, other] of [
  ['site', 'client'],
  ['client', 'site'],
] as const)
  test(`a reset by the ${who} is one for the ${other}`, async (t) => {
    const ends: Record<string, Socket> = {};
    const failures: Record<string, string | undefined> = {};
    const site = await listenRaw(t, (socket) => {
      ends.site = socket;
      socket.once('data', () => socket.write('half of '));
    });
    const s = await scene(t, site.port);
    const client = await open(s, site.port);
    ends.client = client.socket;
    client.socket.write('all?');
    await client.sees('half of');
    for (const name of [who, other])
      ends[name]!.on('error', (error: NodeJS.ErrnoException) => (failures[name] = error.code)).on(
        'end',
        () => (failures[name] ??= 'a clean end'),
      );
    ends[who]!.resetAndDestroy();
    await until(() => failures[other] !== undefined, 'the end of the other side');
    assert.equal(failures[other], 'ECONNRESET');
    await until(() => s.records.length === 1, 'a record');
    assert.equal(s.records[0]?.outcome, who === 'site' ? 'upstream-aborted' : 'client-aborted');
  });

test('a client that leaves while its tunnel is being made leaves nothing behind', async (t) => {
  let answer: ((addresses: string[]) => void) | undefined;
  const site = await echoServer(t);
  const s = await scene(t, site.port, {
    lookup: () => new Promise((resolve) => (answer = resolve)),
  });
  const client = await rawClient(s.port, connects(site.port));
  await until(() => answer !== undefined, 'the lookup');
  client.socket.destroy();
  await until(() => s.records.length === 1, 'a record');
  assert.equal(s.records[0]?.outcome, 'client-aborted');
  answer?.(['127.0.0.1']);
  await turns();
  assert.equal(s.proxy.tunnels, 0);
  assert.equal(site.sockets.size, 0);
});

test('backpressure: a server that does not read stops the client, and nothing piles up', async (t) => {
  let held: Socket | undefined;
  const site = await listenRaw(t, (socket) => (held = socket.pause()));
  const s = await scene(t, site.port);
  const client = await open(s, site.port);
  const chunk = Buffer.alloc(256 * 1024);
  let written = 0;
  // Until nobody takes any more: the buffers of the system and of the proxy are full.
  for (let taken = true; taken && written < 400; written++)
    if (!client.socket.write(chunk))
      taken = await Promise.race([
        once(client.socket, 'drain').then(() => true),
        new Promise<false>((resolve) => setTimeout(resolve, 250, false)),
      ]);
  assert.ok(written < 400, `${written} chunks were taken`);
  let got = 0;
  held!.on('data', (bytes: Buffer) => (got += bytes.length)).resume();
  client.socket.end();
  await until(() => got === written * chunk.length, 'all of it');
});

for (const reader of ['quick', 'slow'])
  test(`every byte arrives, in order, at a ${reader} client`, async (t) => {
    const sent = randomBytes(12_000_000);
    const site = await listenRaw(t, (socket) => {
      socket.once('data', () => {
        // In pieces of every size.
        for (let at = 0, size = 1; at < sent.length; at += size, size = (size * 7) % 100_003)
          socket.write(sent.subarray(at, at + size));
        socket.end();
      });
    });
    const s = await scene(t, site.port);
    const client = await open(s, site.port);
    client.socket.removeAllListeners('data');
    const hash = createHash('sha256');
    let bytes = 0;
    client.socket.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      bytes += chunk.length;
      if (reader === 'quick' || Math.random() > 0.05) return;
      client.socket.pause();
      setTimeout(() => client.socket.resume(), 2);
    });
    client.socket.write('go');
    await until(() => bytes === sent.length && client.closed, `${bytes} bytes`);
    assert.equal(hash.digest('hex'), createHash('sha256').update(sent).digest('hex'));
    client.socket.end();
    await until(() => s.records.some(({ bytesSent }) => bytesSent === sent.length), 'the count');
  });

test('the server name is noted, when it comes in pieces, too', async (t) => {
  const { local } = await localAuthority();
  const server = createTlsServer(local, (socket) => socket.end('secret'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  const { port } = server.address() as { port: number };
  const s = await scene(t, port);
  for (const pieces of [false, true]) {
    const client = await open(s, port);
    client.socket.removeAllListeners('data');
    if (pieces) {
      // One byte at a time, so that each is read by itself.
      const write = client.socket.write.bind(client.socket);
      client.socket.write = (bytes: Buffer, ...rest: unknown[]) => {
        for (let at = 0; at < Math.min(200, bytes.length); at++) write(bytes.subarray(at, at + 1));
        return (write as (...args: unknown[]) => boolean)(bytes.subarray(200), ...rest);
      };
      client.socket.setNoDelay(true);
    }
    const tls = connectTls({
      socket: client.socket,
      servername: 'Site.Test',
      rejectUnauthorized: false,
    });
    const [bytes] = (await once(tls, 'data')) as [Buffer];
    assert.equal(bytes.toString(), 'secret');
    tls.destroy();
  }
  await until(() => s.records.length === 2, 'two records');
  assert.deepEqual(
    s.records.map(({ sni }) => sni),
    ['site.test', 'site.test'],
  );
});

for (const [name, words, passes] of [
  ['the same name', 'site.test', true],
  ['another name', 'evil.test', false],
  ['no name', undefined, false],
  ['no TLS', 'GET / HTTP/1.1\r\n\r\n', false],
] as const)
  test(`sni: 'require-match' lets no byte pass before it is known: ${name}`, async (t) => {
    let heard = 0;
    const site = await listenRaw(t, (socket) => {
      socket.on('data', (bytes: Buffer) => {
        heard += bytes.length;
        socket.end();
      });
    });
    const s = await scene(t, site.port, { tunnel: { sni: 'require-match' } });
    const client = await open(s, site.port);
    if (name === 'no TLS') client.socket.write(words);
    else
      connectTls({
        socket: client.socket,
        ...(words === undefined ? {} : { servername: words }),
      }).on('error', () => undefined);
    await until(() => client.closed || heard > 0, 'a decision');
    assert.equal(heard > 0, passes);
    await until(() => s.records.length === 1, 'a record');
    assert.equal(s.records[0]?.sni, passes || name === 'another name' ? words : undefined);
    assert.equal(s.records[0]?.outcome === 'failed', !passes);
  });

test('guards see bytes and names, and cut', async (t) => {
  const site = await echoServer(t);
  const seen: unknown[] = [];
  let ended = 0;
  let limit = 100;
  const guard: TunnelGuard = {
    onBytes(direction, bytes) {
      seen.push([direction, bytes]);
      limit -= bytes;
      return limit > 0;
    },
    onServerName(name) {
      seen.push(['name', name]);
      return true;
    },
    onEnd() {
      ended++;
    },
  };
  const gate: RequestHandler = (req, _res, next) => {
    (contextOf(req).tunnelGuards ??= []).push(guard);
    next();
  };
  const s = await scene(t, site.port, {}, [gate]);
  const client = await open(s, site.port);
  client.socket.write('hello');
  await client.sees('hello');
  assert.deepEqual(seen, [
    ['name', undefined],
    ['received', 5],
    ['sent', 5],
  ]);
  client.socket.write('x'.repeat(100));
  await until(() => client.closed && ended === 1, 'the cut');
  await until(() => site.sockets.size === 0, 'the other side');
  await until(() => s.records.length > 0 && s.tunnels.length > 1, 'what is told');
  assert.deepEqual([s.records[0]?.outcome, s.tunnels[1]?.end], ['failed', 'cut']);
});

test('a guard that throws cuts', async (t) => {
  const site = await echoServer(t);
  const gate: RequestHandler = (req, _res, next) => {
    contextOf(req).tunnelGuards = [
      {
        onBytes: () => {
          throw new Error('broken');
        },
      },
    ];
    next();
  };
  const s = await scene(t, site.port, {}, [gate]);
  const client = await open(s, site.port);
  client.socket.write('hello');
  await until(() => client.closed && s.proxy.tunnels === 0, 'the cut');
});

test('plain HTTP in a tunnel goes through the chain, for the destination of the tunnel', async (t) => {
  const site = await startSite(t);
  const seen: string[] = [];
  const log: RequestHandler = (req, _res, next) => {
    seen.push(`${req.method} ${contextOf(req).destination?.href ?? ''}`);
    next();
  };
  const gate = authGate({ basic: { users: { alice: 'a' } } });
  t.after(() => gate.close());
  const s = await scene(t, site.port, { ports: [site.port] }, [log, gate]);
  const credentials = `Proxy-Authorization: Basic ${Buffer.from('alice:a').toString('base64')}\r\n`;
  const client = await open(s, site.port, 'site.test', credentials);
  const host = `site.test:${site.port}`;
  const request = (line: string, to = host): string =>
    `${line} HTTP/1.1\r\nHost: ${to}\r\nProxy-Authorization: Basic forged\r\n\r\n`;
  client.socket.write('G');
  await new Promise((resolve) => setTimeout(resolve, 20));
  client.socket.write(request('GET /one').slice(1));
  await client.sees('"url":"/one"');
  client.socket.write(request('GET /two'));
  await client.sees('"url":"/two"');
  assert.doesNotMatch(client.text, /proxy-auth|forged/i);
  assert.deepEqual(seen, [`CONNECT ${host}`, `GET http://${host}/one`, `GET http://${host}/two`]);
  client.socket.write(request('GET /three', 'evil.test'));
  await client.sees('HTTP/1.1 400');
  await until(() => client.closed && s.proxy.tunnels === 0, 'the end');
  assert.equal(seen.length, 3);
});

for (const [name, words] of [
  ['absolute-form of another site', 'GET http://evil.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n'],
  ['no Host', 'GET / HTTP/1.0\r\n\r\n'],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['a tunnel within the tunnel', 'CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n'],
  ['another protocol', 'SSH-2.0-OpenSSH_9\r\n'],
  ['another protocol in capitals', 'HELO\r\n'],
  ['binary', '\x00\x01\x02'],
] as const)
  test(`a tunnel at a port of plain HTTP is no way around: ${name}`, async (t) => {
    let asked = 0;
    const site = await startSite(t, (_req, res) => (asked++, void res.end()));
    const s = await scene(t, site.port, { ports: [site.port] });
    const client = await open(s, site.port);
    client.socket.write(Buffer.from(words, 'latin1'));
    await until(() => client.closed, 'the end');
    assert.doesNotMatch(client.text.slice(12), /HTTP\/1\.1 [23]/);
    assert.equal(asked, 0);
    await until(() => s.proxy.tunnels === 0, 'nothing open');
  });

test('TLS in a tunnel at a port of plain HTTP is a tunnel', async (t) => {
  const { local } = await localAuthority();
  const server = createTlsServer(local, (socket) => socket.end('secret'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  const { port } = server.address() as { port: number };
  const s = await scene(t, port, { ports: [port] });
  const client = await open(s, port);
  const tls = connectTls({
    socket: client.socket,
    servername: 'site.test',
    rejectUnauthorized: false,
  });
  const [bytes] = (await once(tls, 'data')) as [Buffer];
  assert.equal(bytes.toString(), 'secret');
  tls.destroy();
});

for (const way of ['absolute-form', 'a tunnel at a port of plain HTTP'])
  test(`WebSocket by ${way}`, async (t) => {
    const site = await startSite(t);
    new WebSocketServer({ server: site.server }).on('connection', (socket) =>
      socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`)),
    );
    const guarded: number[] = [];
    const gate: RequestHandler = (req, _res, next) => {
      if (contextOf(req).destination?.form === 'http')
        contextOf(req).tunnelGuards = [{ onBytes: (_direction, bytes) => guarded.push(bytes) > 0 }];
      next();
    };
    const s = await scene(t, site.port, { ports: [site.port] }, [gate]);
    const socket = connectTcp(s.port, '127.0.0.1');
    if (way !== 'absolute-form') {
      socket.write(connects(site.port));
      await once(socket, 'data');
    }
    const url = `ws://site.test:${site.port}/chat`;
    const webSocket = new WebSocket(url, {
      createConnection: () => socket,
      ...(way === 'absolute-form' && {
        // The target as it goes to a proxy.
        finishRequest: (request: { path: string; end(): void }) => {
          request.path = url;
          request.end();
        },
      }),
    });
    await once(webSocket, 'open');
    webSocket.send('hello');
    const [data] = (await once(webSocket, 'message')) as [Buffer];
    assert.equal(data.toString(), 'echo hello');
    assert.ok(guarded.length >= 2);
    webSocket.close();
    await until(() => s.records.some(({ status }) => status === 101), 'a record of the WebSocket');
  });

test('close() of the server ends tunnels after the grace period, and nothing is left', async (t) => {
  const site = await echoServer(t);
  const s = await startProxy(t, { connectPorts: [site.port] }, { gracePeriod: 50 });
  const clients = [await open(s, site.port), await open(s, site.port)];
  await s.serving.close();
  await until(() => clients.every(({ closed }) => closed), 'the end of the clients');
  await until(() => site.sockets.size === 0 && s.proxy.tunnels === 0, 'nothing left');
});

test('many tunnels, in waves, end with nothing open', async (t) => {
  const site = await echoServer(t);
  const s = await scene(t, site.port, { tunnel: { maxPerUser: 1000 } });
  for (let wave = 0; wave < 8; wave++) {
    const clients = await Promise.all(
      Array.from({ length: 250 }, async (_, at) => {
        const client = await rawClient(s.port, `${connects(site.port)}hello ${at}`);
        await client.sees(`hello ${at}`);
        return client;
      }),
    );
    // Orderly, by reset, and with bytes on the way.
    for (const [at, { socket }] of clients.entries())
      if (at % 3 === 0) socket.end();
      else if (at % 3 === 1) socket.resetAndDestroy();
      else socket.end(Buffer.alloc(100_000));
    for (const { socket } of clients) socket.resume();
    await until(() => s.proxy.tunnels === 0, `the end of wave ${wave}`);
  }
  await until(() => site.sockets.size === 0, 'no socket at the site');
  await until(() => s.records.length === 2000, '2000 records');
  const connections = await new Promise((resolve) =>
    s.serving.server.getConnections((_, count) => resolve(count)),
  );
  assert.equal(connections, 0);
});

test('a client that half-closes right after its CONNECT gets nothing and leaves nothing', async (t) => {
  const site = await echoServer(t);
  const s = await scene(t, site.port, { lookup: () => new Promise(() => undefined) });
  const client = await rawClient(s.port, connects(site.port));
  client.socket.end();
  await until(() => client.closed && s.records.length === 1, 'the end');
  assert.deepEqual([s.records[0]?.status, s.records[0]?.outcome], [499, 'client-aborted']);
  assert.equal(s.proxy.tunnels, 0);
});

test('close() of the server does not wait for idle HTTP inside of a tunnel', async (t) => {
  const site = await startSite(t);
  const s = await startProxy(
    t,
    { ports: [site.port], connectPorts: [site.port] },
    { gracePeriod: 60_000 },
  );
  const client = await open(s, site.port);
  client.socket.write(`GET / HTTP/1.1\r\nHost: site.test:${site.port}\r\n\r\n`);
  await client.sees('"url":"/"');
  await s.serving.close();
  await until(() => client.closed && s.proxy.tunnels === 0, 'the end');
});

test('inside of a tunnel OPTIONS * is for the server of the tunnel', async (t) => {
  const site = await startSite(t);
  const s = await scene(t, site.port, { ports: [site.port] });
  const client = await open(s, site.port);
  const ask = (line: string, host: string): void =>
    void client.socket.write(`${line} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  ask('OPTIONS *', `site.test:${site.port}`);
  await client.sees('"method":"OPTIONS","url":"*"');
  ask('GET *', `site.test:${site.port}`);
  await client.sees('400 Bad Request');
});
