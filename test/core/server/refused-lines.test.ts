import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { constants } from 'node:http2';
import test, { type TestContext } from 'node:test';
import express, { Router, type Express, type RequestHandler } from 'express';
import { accessLog, type AccessLogOptions } from '../../../lib/access-log/index.ts';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import { attach } from '../../../lib/core/server/attach.ts';
import { serve } from '../../../lib/core/server/serve.ts';
import { socketOwners } from '../../../lib/core/taken-sockets.ts';
import type { Transaction } from '../../../lib/core/transaction.ts';
import { forwardProxy } from '../../../lib/forward-proxy/index.ts';
import { metrics } from '../../../lib/metrics/index.ts';
import { frameClient, request } from '../../support/http2-frames.ts';
import { tellsOfBrokenSessions } from '../../support/node-releases.ts';
import { exchangeRaw, listen, turns, until } from '../../support/servers.ts';
import { ask2, http2Client, serveTls } from '../../support/tls.ts';
import { rawClient } from '../../support/upgrades.ts';

interface Kept {
  readonly log: RequestHandler;
  readonly lines: string[];
}

function keeping(options: AccessLogOptions): Kept {
  const lines: string[] = [];
  return { lines, log: accessLog({ ...options, stream: { write: (line) => lines.push(line) } }) };
}

async function serving(t: TestContext, app: Express, given?: Server): Promise<number> {
  const { server, port } = await listen(t, given ?? app);
  attach(server, app);
  t.after(() => {
    for (const owner of socketOwners(server)) owner.destroy();
  });
  return port;
}

function keepRecords(t: TestContext): Transaction[] {
  const records: Transaction[] = [];
  const keep = (record: unknown): void => void records.push(record as Transaction);
  subscribe('sekisho:transaction', keep);
  t.after(() => unsubscribe('sekisho:transaction', keep));
  return records;
}

/** Whoever would write a second line does so soon. */
async function only(lines: readonly unknown[]): Promise<void> {
  await until(() => lines.length > 0, 'a line');
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.equal(lines.length, 1, lines.map(String).join(''));
}

const absolute = (target: string): string =>
  `GET ${target} HTTP/1.1\r\nHost: other.example\r\n\r\n`;
const connects = (target: string, more = ''): string =>
  `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${more}\r\n`;
const long = 'x'.repeat(100_000);

const refused: readonly {
  readonly name: string;
  readonly bytes: string;
  readonly status: number;
  /** In the combined line. */
  readonly request: string;
}[] = [
  {
    name: 'no URL',
    bytes: absolute('x.example/a'),
    status: 400,
    request: 'GET x.example/a HTTP/1.1',
  },
  {
    name: 'userinfo',
    bytes: absolute('http://u:hidden@other.example/'),
    status: 400,
    request: 'GET http://***@other.example/ HTTP/1.1',
  },
  {
    name: 'userinfo with slashes',
    bytes: absolute('http://u:hid/den@other.example/'),
    status: 400,
    request: 'GET http://***@other.example/ HTTP/1.1',
  },
  {
    name: 'a port out of range',
    bytes: absolute('http://other.example:65536/'),
    status: 400,
    request: 'GET http://other.example:65536/ HTTP/1.1',
  },
  {
    name: 'CONNECT without a port',
    bytes: connects('other.example'),
    status: 400,
    request: 'CONNECT other.example HTTP/1.1',
  },
  {
    name: 'CONNECT with userinfo',
    bytes: connects('u:hidden@other.example:443'),
    status: 400,
    request: 'CONNECT ***@other.example:443 HTTP/1.1',
  },
  {
    name: 'CONNECT with a body',
    bytes: connects('other.example:443', 'Content-Length: 3\r\n'),
    status: 400,
    request: 'CONNECT other.example:443 HTTP/1.1',
  },
  { name: 'no Host', bytes: 'GET /a HTTP/1.1\r\n\r\n', status: 400, request: 'GET /a HTTP/1.1' },
  { name: 'no HTTP', bytes: 'hello\r\n\r\n', status: 400, request: '-' },
  { name: 'a TLS handshake', bytes: '\x16\x03\x01\x02\0\x01\0\x01\xfc', status: 400, request: '-' },
  {
    name: 'two lengths',
    bytes: 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    status: 400,
    request: 'POST /a HTTP/1.1',
  },
  {
    name: 'a control byte in the target',
    bytes: 'GET http://u:hidden\x01@a/ HTTP/1.1\r\nHost: a\r\n\r\n',
    status: 400,
    request: '-',
  },
  {
    name: 'fields without an end',
    bytes: `GET /a?token=secret HTTP/1.1\r\nHost: a\r\nX: ${long}`,
    status: 431,
    request: 'GET /a?token=*** HTTP/1.1',
  },
  {
    name: 'a target of 100 KB',
    bytes: absolute(`/${long}`),
    status: 414,
    request: `GET /${'x'.repeat(2047)}... HTTP/1.1`,
  },
  {
    name: 'a target of 20 KB',
    bytes: absolute(`http://u:hidden@other.example/${long.slice(0, 20_000)}`),
    status: 414,
    request: `GET http://***@other.example/${'x'.repeat(2023)}... HTTP/1.1`,
  },
  {
    name: 'userinfo of 100 KB',
    bytes: absolute(`http://u:hidden${long}@other.example/`),
    status: 414,
    request: 'GET http://***@ HTTP/1.1',
  },
];

for (const { name, bytes, status, request } of refused)
  test(`what the door refuses has one line in every log, one count, one record: ${name}`, async (t) => {
    const records = keepRecords(t);
    const combined = keeping({});
    const common = keeping({ format: 'common' });
    const json = keeping({ format: 'json' });
    const pino = keeping({ format: 'json', fields: { own: (req) => typeof req.get('host') } });
    const custom = keeping({
      format: (record, req, res) =>
        `${record.target} ${req.originalUrl} ${req.path} ${res.statusCode}`,
      skip: (req) => req.get('x-skip') === 'yes' || req.path === '/skipped',
    });
    const meter = metrics({ process: false });
    t.after(() => meter.close());
    let called = false;
    const app = express().use(combined.log, common.log, json.log, pino.log);
    app.use(Router().use(custom.log), meter, () => void (called = true));
    const { text } = await exchangeRaw(await serving(t, app), bytes, { silence: 100 });

    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(text, /\r\nconnection: close\r\n/i);
    assert.match(text, /\r\ncontent-type: application\/problem\+json\r\n/i);
    assert.equal(text.match(/HTTP\/1\.1 /g)?.length, 1);
    const id = /\r\nx-request-id: (\S+)\r\n/i.exec(text)?.[1];
    const problem = JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as Record<string, unknown>;
    assert.deepEqual([problem.status, problem.requestId], [status, id]);

    for (const { lines } of [combined, common, json, pino, custom]) {
      await only(lines);
      assert.doesNotMatch(lines[0] ?? '', /hid/);
    }
    await only(records);
    assert.doesNotMatch(records[0]?.target ?? '', /hid.*@/);
    assert.ok(combined.lines[0]?.includes(` "${request}" ${status} `), combined.lines[0]);
    const entry = JSON.parse(json.lines[0] ?? '') as Record<string, unknown>;
    assert.deepEqual(
      [entry.status, entry.outcome, entry.client, entry.id, entry.protocol],
      [status, 'refused', '127.0.0.1', id, '1.1'],
    );
    assert.equal((JSON.parse(pino.lines[0] ?? '') as { own?: unknown }).own !== undefined, true);
    assert.match(
      await meter.registry.metrics(),
      new RegExp(`requests_total\\{[^}]*status="${status}"[^}]*\\} 1\\n`),
    );
    assert.equal(called, false);
  });

test('a head that does not come in time has one line', async (t) => {
  const { log, lines } = keeping({});
  const app = express().use(log);
  const server = createServer(
    { headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 20 },
    app,
  );
  const { text } = await exchangeRaw(await serving(t, app, server), 'GET / HTTP/1.1\r\n');
  assert.match(text, /^HTTP\/1\.1 408 [^]*did not arrive in time/);
  await only(lines);
  assert.match(lines[0] ?? '', / "-" 408 /);
});

test('a request that breaks in the middle has one line, its own', async (t) => {
  const { log, lines } = keeping({});
  const records = keepRecords(t);
  const app = express().use(log);
  app.post('/read', (req) => void req.resume().on('error', () => undefined));
  const head = 'POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
  const { text } = await exchangeRaw(await serving(t, app), `${head}zz\r\n`);
  assert.match(text, /^HTTP\/1\.1 400 /);
  await only(lines);
  await only(records);
  assert.match(lines[0] ?? '', / "POST \/read HTTP\/1\.1" 400 /);
});

for (const way of ['end', 'destroy'] as const)
  for (const path of ['/read', '/proxied'])
    test(`who ends the connection in the middle of a body has left (${path}, ${way})`, async (t) => {
      const { log, lines } = keeping({ format: 'json' });
      let got = 0;
      const count = (req: IncomingMessage): void =>
        void req.on('data', (chunk: Buffer) => (got += chunk.length)).on('error', () => undefined);
      const upstream = await listen(t, (req) => {
        count(req);
      });
      const app = express().use(log).post('/read', count);
      app.use('/proxied', balancedProxy(upstream.url));
      const { socket } = await rawClient(
        await serving(t, app),
        `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc`,
      );
      await until(() => got === 3, 'the beginning of the body');
      socket[way]();
      await only(lines);
      const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
      assert.deepEqual(
        [line.status, line.outcome, line.abortedBy, line.stage, line.error, line.bytesReceived],
        [400, 'client-aborted', 'client', 'request', 'ERR_SEKISHO_CLIENT_ABORTED', 3],
      );
    });

for (const [name, broken, line] of [
  ['no HTTP', 'hello\r\n\r\n', '"-" 400'],
  [
    'a request',
    'POST /second HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n',
    '"POST /second HTTP/1.1" 400',
  ],
] as const)
  test(`what comes broken behind a request is answered after it: ${name}`, async (t) => {
    const { log, lines } = keeping({});
    const app = express().use(log);
    app.get('/slow', (_req, res) => void setTimeout(() => res.send('first'), 60));
    const bytes = 'GET /slow HTTP/1.1\r\nHost: a\r\n\r\n' + broken;
    const { text } = await exchangeRaw(await serving(t, app), bytes);
    assert.match(text, /^HTTP\/1\.1 200 [^]*firstHTTP\/1\.1 400 /);
    await until(() => lines.length === 2, 'two lines');
    assert.ok(lines.join('').includes(` ${line} `), lines.join(''));
  });

test('a log has the refusals of the server that its app is on, and of no other', async (t) => {
  const [mine, other, elsewhere] = [keeping({}), keeping({}), keeping({})];
  const port = await serving(t, express().use(mine.log).use('/api', elsewhere.log));
  const otherPort = await serving(t, express().use(other.log));
  await exchangeRaw(port, absolute('x.example/mine'));
  await exchangeRaw(otherPort, 'hello\r\n\r\n');
  await only(mine.lines);
  await only(other.lines);
  assert.match(mine.lines[0] ?? '', /x\.example\/mine/);
  assert.match(other.lines[0] ?? '', / "-" 400 /);
  assert.deepEqual(elsewhere.lines, []);
});

test('an app that is none of Express is served as before', async (t) => {
  const records = keepRecords(t);
  const { server, port } = await listen(t, (_req, res) => void res.end('here'));
  attach(server);
  assert.match((await exchangeRaw(port, absolute('x.example'))).text, /^HTTP\/1\.1 400 /);
  await only(records);
  assert.match((await exchangeRaw(port, absolute('/'))).text, /here/);
});

test('a server that demands no Host goes on without', async (t) => {
  const app = express().use((_req, res) => void res.send('here'));
  const port = await serving(t, app, createServer({ requireHostHeader: false }, app));
  assert.match((await exchangeRaw(port, 'GET / HTTP/1.1\r\n\r\n')).text, /here/);
});

test("an expectation that nobody can meet is a 417 with one line; the user's own listener goes before", async (t) => {
  const { log, lines } = keeping({});
  const records = keepRecords(t);
  const app = express().use(log);
  const bytes = 'GET /a HTTP/1.1\r\nHost: a\r\nExpect: the-impossible\r\n\r\n';
  assert.match((await exchangeRaw(await serving(t, app), bytes)).text, /^HTTP\/1\.1 417 /);
  await only(lines);
  await only(records);
  assert.match(lines[0] ?? '', / "GET \/a HTTP\/1\.1" 417 /);
  const server = createServer(app).on('checkExpectation', (_req, res) => void res.end('own'));
  assert.match((await exchangeRaw(await serving(t, app, server), bytes)).text, /200 [^]*own/);
});

test('a request beyond the number for one connection is a 503 with one line, also a pipelined one', async (t) => {
  const { log, lines } = keeping({});
  const app = express().use(log, (_req, res) => void setImmediate(() => res.send('here')));
  const server = createServer(app);
  server.maxRequestsPerSocket = 1;
  const one = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const { text } = await exchangeRaw(await serving(t, app, server), one('/a') + one('/b'));
  assert.match(text, /^HTTP\/1\.1 200 [^]*hereHTTP\/1\.1 503 /);
  await until(() => lines.length === 2, 'two lines');
  const all = lines.join('');
  assert.match(all, / "GET \/a HTTP\/1\.1" 200 /);
  assert.match(all, / "GET \/b HTTP\/1\.1" 503 /);
});

test('what is refused over HTTP/2 has one line', async (t) => {
  const { log, lines } = keeping({});
  let called = 0;
  const app = express().use(log, (_req, res) => {
    called++;
    res.end();
  });
  const serving = await serveTls(t, app);
  const client = await frameClient(t, serving);
  let stream = 1;
  for (const [fields, line] of [
    [
      [':method', 'CONNECT', ':authority', 'evil.example:443'],
      '"CONNECT evil.example:443 HTTP/2.0" 405',
    ],
    [request('/a', 'host', 'evil.example'), '"GET /a HTTP/2.0" 400'],
  ] as const) {
    lines.length = 0;
    client.headers(stream, [...fields]);
    await only(lines);
    assert.ok(lines[0]?.includes(` ${line} `), lines[0]);
    stream += 2;
  }
  // A frame that is too large: the session is over.
  lines.length = 0;
  client.send('DATA', 0, 1, Buffer.alloc(40_000));
  if (tellsOfBrokenSessions) {
    await until(() => client.closed, 'the end of the connection');
    await only(lines);
    assert.match(lines[0] ?? '', / "-" 400 /);
  } else {
    await client.sees('GOAWAY');
    await turns();
    assert.deepEqual(lines, []);
  }
  assert.equal(called, 0);
});

test('an HTTP/2 connection that breaks, or ends as it should, has no line', async (t) => {
  const { log, lines } = keeping({});
  const serving = await serveTls(t, express().use(log));
  const broken = await frameClient(t, serving);
  broken.socket.destroy();
  const polite = http2Client(t, serving);
  await once(polite, 'remoteSettings');
  polite.goaway(constants.NGHTTP2_INTERNAL_ERROR);
  polite.destroy();
  await ask2(http2Client(t, serving), '/last');
  await only(lines);
  assert.match(lines[0] ?? '', /last/);
});

test('who asks the listener of redirectFrom for no host has one line', async (t) => {
  const { log, lines } = keeping({});
  const { redirectUrl } = await serveTls(t, express().use(log), { redirectFrom: 0 });
  const bytes = 'GET /a HTTP/1.1\r\nHost: a b\r\n\r\n';
  const { text } = await exchangeRaw(Number(new URL(redirectUrl ?? '').port), bytes);
  assert.match(text, /^HTTP\/1\.1 400 /);
  await only(lines);
  assert.match(lines[0] ?? '', / "GET \/a HTTP\/1\.1" 400 /);
});

for (const where of ['in front', 'inside of a tunnel'] as const)
  test(`a client that is slow with its request is not waited for until Node looks by itself: ${where}`, async (t) => {
    const { log, lines } = keeping({});
    const proxy = forwardProxy({
      connectPorts: [80],
      allow: ['a.example'],
      allowPrivate: ['a.example'],
      lookup: () => Promise.resolve(['127.0.0.1']),
    });
    const app = express().use(log, proxy);
    const { url, close } = await serve(app, {
      host: '127.0.0.1',
      timeouts: { headers: 2000, request: 3000 },
      gracePeriod: 0,
    });
    t.after(close);
    const client = await rawClient(
      Number(new URL(url).port),
      where === 'in front'
        ? 'GET / HTTP/1.1\r\nX-'
        : 'CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n',
    );
    if (where !== 'in front') {
      await client.sees('Established');
      client.socket.write('GET / HTTP/1.1\r\nX-');
    }
    // Node looks after 30 s.
    await until(() => client.text.includes(' 408 '), 'the refusal', 20_000);
    await until(() => lines.some((line) => line.includes(' "-" 408 ')), 'its line');
    client.socket.destroy();
  });
