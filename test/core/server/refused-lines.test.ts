import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import test, { type TestContext } from 'node:test';
import express, { Router, type Express, type RequestHandler } from 'express';
import { accessLog, type AccessLogOptions } from '../../../lib/access-log/index.ts';
import { attach } from '../../../lib/core/server/attach.ts';
import { socketOwners } from '../../../lib/core/taken-sockets.ts';
import type { Transaction } from '../../../lib/core/transaction.ts';
import { metrics } from '../../../lib/metrics/index.ts';
import { exchangeRaw, listen, until } from '../../support/servers.ts';

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
