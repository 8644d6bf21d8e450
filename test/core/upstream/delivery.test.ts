import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { useClock } from '../../../lib/core/clock.ts';
import type { ForwarderOptions } from '../../../lib/core/upstream/forward.ts';
import { exchangeRaw, listen, listenRaw, until } from '../../support/servers.ts';
import { proxyTo, recording, transactions } from './forward-support.ts';

/** The URL of a port where nobody listens. */
async function nobody(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

/** Reads a request and resets the connection; counts. */
async function resetting(t: TestContext): Promise<{ url: string; count: () => number }> {
  let count = 0;
  const { url } = await listenRaw(t, (socket) => {
    socket.once('data', () => {
      count++;
      socket.resetAndDestroy();
    });
  });
  return { url, count: () => count };
}

function send(method: string, body = ''): string {
  const length = body === '' && method === 'GET' ? '' : `Content-Length: ${body.length}\r\n`;
  return `${method} / HTTP/1.1\r\nHost: a\r\n${length}\r\n${body}`;
}

const first = { balance: 'first' } as const;

for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
  test(`a refused connection: ${method} goes to another server, with its body`, async (t) => {
    const good = await recording(t);
    const { port } = await proxyTo(t, [await nobody(), good.url], first);
    const { text } = await exchangeRaw(port, send(method, method === 'GET' ? '' : 'hello'));
    assert.match(text, /^HTTP\/1\.1 200 /);
    assert.equal(good.seen.length, 1);
    assert.equal(good.seen[0]?.body, method === 'GET' ? '' : 'hello');
  });

const afterReset: readonly (readonly [method: string, body: string, status: number])[] = [
  ['GET', '', 200],
  ['HEAD', '', 200],
  ['OPTIONS', '', 200],
  ['DELETE', '', 200],
  ['PUT', 'hello', 200],
  ['POST', 'hello', 502],
  ['POST', '', 502],
  ['PATCH', 'hello', 502],
  ['LOCK', '', 502],
];

for (const [method, body, status] of afterReset)
  test(`reset after the request was read: ${method} with ${body.length} bytes is a ${status}`, async (t) => {
    const bad = await resetting(t);
    const good = await recording(t);
    const { port } = await proxyTo(t, [bad.url, good.url], first);
    const { text } = await exchangeRaw(port, send(method, body));
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.equal(bad.count(), 1, 'the bad server is asked once');
    assert.equal(good.seen.length, status === 200 ? 1 : 0);
    if (status === 200) assert.equal(good.seen[0]?.body, body);
  });

for (const [size, status] of [
  [1000, 200],
  [5000, 502],
] as const)
  test(`a PUT of ${size} bytes with maxReplay 2kb, reset: ${status}`, async (t) => {
    const bad = await resetting(t);
    const good = await recording(t);
    const { port } = await proxyTo(t, [bad.url, good.url], {
      ...first,
      retries: { maxReplay: '2kb' },
    });
    const { text } = await exchangeRaw(port, send('PUT', 'x'.repeat(size)));
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.deepEqual(
      good.seen.map(({ body }) => body.length),
      status === 200 ? [size] : [],
    );
  });

test('a chunked PUT is replayed with its trailers', async (t) => {
  const bad = await resetting(t);
  const good = await recording(t);
  const { port } = await proxyTo(t, [bad.url, good.url], first);
  await exchangeRaw(
    port,
    'PUT / HTTP/1.1\r\nHost: a\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n',
  );
  assert.equal(good.seen[0]?.body, 'abc');
  assert.deepEqual(good.seen[0].trailers, ['X-Sum', '7']);
});

const statuses: readonly (readonly [
  what: string,
  method: string,
  answer: (req: IncomingMessage, res: ServerResponse) => void,
  options: ForwarderOptions['retries'],
  status: number,
])[] = [
  ['503 is an answer by default', 'GET', (_q, res) => res.writeHead(503).end(), {}, 503],
  ['503 retried', 'GET', (_q, res) => res.writeHead(503).end(), { statuses: [503] }, 200],
  [
    '503 in chunks retried',
    'GET',
    (_q, res) => {
      res.writeHead(503).write('sor');
      setTimeout(() => res.end('ry'), 30);
    },
    { statuses: [503] },
    200,
  ],
  ['another status', 'GET', (_q, res) => res.writeHead(500).end(), { statuses: [503] }, 500],
  ['a POST is not', 'POST', (_q, res) => res.writeHead(503).end(), { statuses: [503] }, 503],
  ['a PUT is', 'PUT', (_q, res) => res.writeHead(503).end(), { statuses: [503] }, 200],
  [
    'with Retry-After another server is asked',
    'GET',
    (_q, res) => res.writeHead(503, { 'Retry-After': '1' }).end(),
    { statuses: [503] },
    200,
  ],
  [
    'one attempt is no retry',
    'GET',
    (_q, res) => res.writeHead(503).end(),
    { statuses: [503], attempts: 1 },
    503,
  ],
];

for (const [what, method, answer, retries, status] of statuses)
  test(`retries.statuses: ${what}`, async (t) => {
    const bad = await listen(t, (req, res) => {
      req.resume();
      answer(req, res);
    });
    const good = await recording(t);
    const { port } = await proxyTo(t, [bad.url, good.url], { ...first, retries });
    const { text } = await exchangeRaw(port, send(method, method === 'GET' ? '' : 'hello'));
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
    if (status === 200 && method === 'PUT') assert.equal(good.seen[0]?.body, 'hello');
  });

test('a lone server that says Retry-After is left alone', async (t) => {
  let count = 0;
  const server = await listen(t, (_req, res) => {
    count++;
    res.writeHead(503, { 'Retry-After': '9' }).end();
  });
  const { port } = await proxyTo(t, server.url, { retries: { statuses: [503], attempts: 5 } });
  const { text } = await exchangeRaw(port, send('GET'));
  assert.match(text, /^HTTP\/1\.1 503 [^]*Retry-After: 9\r\n/i);
  assert.equal(count, 1);
});

test('the budget bounds retries: all answering 503 costs little more than one request each', async (t) => {
  let count = 0;
  const servers = await Promise.all(
    [1, 2, 3].map(() =>
      listen(t, (_req, res) => {
        count++;
        res.writeHead(503).end();
      }),
    ),
  );
  const urls = servers.map(({ url }) => url);
  const { port } = await proxyTo(t, urls, {
    ejection: false,
    retries: { statuses: [503], attempts: 3, budget: 0 },
  });
  for (let index = 0; index < 60; index++) await exchangeRaw(port, send('GET'), { silence: 0 });
  assert.ok(count < 60 + 30, `${count} requests for 60`);
});

test('backoff waits, doubling, with jitter', async (t) => {
  const waits: number[] = [];
  t.after(
    useClock({
      random: () => 0.5,
      after: (milliseconds, callback) => {
        waits.push(milliseconds);
        const timer = setTimeout(callback, 1);
        return () => clearTimeout(timer);
      },
    }),
  );
  const bad = await Promise.all([resetting(t), resetting(t), resetting(t)]);
  const urls = bad.map(({ url }) => url);
  const { port } = await proxyTo(t, urls, {
    ejection: false,
    retries: { attempts: 3, backoff: '1s', budget: 1 },
  });
  await exchangeRaw(port, send('GET'));
  assert.deepEqual(
    waits.filter((wait) => wait === 500 || wait === 1000),
    [500, 1000],
  );
});

test('each retry is published', async (t) => {
  const published: unknown[] = [];
  const listener = (event: unknown): void => void published.push(event);
  subscribe('sekisho:retry', listener);
  t.after(() => unsubscribe('sekisho:retry', listener));
  const bad = await resetting(t);
  const good = await recording(t);
  const { port } = await proxyTo(t, [bad.url, good.url], first);
  await exchangeRaw(port, send('GET'));
  assert.equal(published.length, 1);
  const [event] = published as { server: string; attempt: number; reason: string }[];
  assert.equal(event?.server, bad.url.slice('http://'.length));
  assert.equal(event.attempt, 1);
  assert.equal(event.reason, 'ERR_SEKISHO_UPSTREAM_RESET');
});

const timeouts: readonly (readonly [
  what: string,
  options: ForwarderOptions,
  answer: (req: IncomingMessage, res: ServerResponse) => void,
  code: string,
])[] = [
  [
    'no head within timeouts.headers',
    { timeouts: { headers: 100 }, retries: { attempts: 1 } },
    () => undefined,
    'ERR_SEKISHO_HEADERS_TIMEOUT',
  ],
  [
    'not done within timeouts.total',
    { timeouts: { total: 100 } },
    () => undefined,
    'ERR_SEKISHO_TOTAL_TIMEOUT',
  ],
  [
    'no place within connections.queueTimeout',
    { connections: { perServer: 1, queueTimeout: 100 } },
    () => undefined,
    'ERR_SEKISHO_QUEUE_TIMEOUT',
  ],
  [
    'no place in the queue',
    { connections: { perServer: 1, queue: 0 } },
    () => undefined,
    'ERR_SEKISHO_QUEUE_FULL',
  ],
];

for (const [what, options, answer, code] of timeouts)
  test(`${what}: ${code}`, async (t) => {
    let asked = 0;
    const server = await listen(t, (req, res) => {
      asked++;
      answer(req, res);
    });
    const { port, url } = await proxyTo(t, server.url, options);
    if (code.includes('QUEUE')) {
      void fetch(`${url}/first`).catch(() => undefined);
      await until(() => asked === 1, 'the first has the only place');
    }
    const { text, closed } = await exchangeRaw(port, send('GET'), { silence: 40 });
    assert.match(text, code.includes('QUEUE') ? /^HTTP\/1\.1 503 / : /^HTTP\/1\.1 504 /);
    assert.match(text, new RegExp(code));
    if (code.includes('QUEUE')) assert.match(text, /Retry-After: \d+\r\n/i);
    assert.equal(closed, false);
  });

for (const [what, timeout] of [
  ['idle', { idle: 300 }],
  ['total', { total: 1500 }],
] as const)
  test(`timeouts.${what} in the middle of an answer cuts the client off`, async (t) => {
    const published = transactions(t);
    const server = await listen(t, (_req, res) => {
      res.write('hello');
    });
    const { port } = await proxyTo(t, server.url, { timeouts: timeout });
    const { text, closed } = await exchangeRaw(port, send('GET'), { silence: 15_000 });
    assert.match(text, /hello/);
    assert.equal(closed, true);
    assert.equal(text.endsWith('0\r\n\r\n'), false);
    await until(() => published.length > 0, 'the transaction');
    assert.equal(published[0]?.outcome, 'upstream-aborted');
    assert.equal(published[0].error, `ERR_SEKISHO_${what.toUpperCase()}_TIMEOUT`);
  });

test('no server at all: 503 with Retry-After, at once', async (t) => {
  const { port } = await proxyTo(t, [await nobody(), await nobody()]);
  const { text } = await exchangeRaw(port, send('GET'));
  assert.match(text, /^HTTP\/1\.1 503 [^]*Retry-After: \d+\r\n/i);
});

test('a POST is never executed twice, whatever the servers do', async (t) => {
  const executed = new Map<string, number>();
  const servers = await Promise.all(
    [0, 1, 2].map(() =>
      listen(t, (req, res) => {
        const id = String(req.url);
        executed.set(id, (executed.get(id) ?? 0) + 1);
        req.resume();
        const n = Number(id.slice(1));
        if (n % 5 === 0) req.socket.destroy();
        else if (n % 5 === 1) res.writeHead(503).end();
        else if (n % 5 === 2) req.socket.end('garbage\r\n\r\n');
        else if (n % 5 === 3) res.writeHead(200, { Connection: 'close' }).end('ok');
        else res.end('ok');
      }),
    ),
  );
  const { url } = await proxyTo(
    t,
    servers.map((server) => server.url),
    { ejection: false, retries: { statuses: [502, 503], attempts: 3, budget: 1 } },
  );
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, n) => {
      const answer = await fetch(`${url}/${n}`, { method: 'POST', body: 'x' });
      await answer.text();
      return answer.status;
    }),
  );
  assert.deepEqual(
    [...executed.values()].filter((count) => count > 1),
    [],
  );
  assert.equal(executed.size, 100);
  assert.deepEqual([...new Set(answers)].sort(), [200, 502, 503]);
});

const outcomes: readonly (readonly [
  what: string,
  server: (t: TestContext) => Promise<string[]>,
  request: string,
  expected: Record<string, unknown>,
])[] = [
  [
    'completed',
    async (t) => [(await recording(t)).url],
    send('POST', 'hello'),
    {
      outcome: 'completed',
      status: 200,
      attempts: 1,
      bytesReceived: 5,
      bytesSent: 2,
      error: undefined,
    },
  ],
  [
    'completed at the second attempt',
    async (t) => [(await resetting(t)).url, (await recording(t)).url],
    send('GET'),
    { outcome: 'completed', status: 200, attempts: 2, bytesSent: 2, error: undefined },
  ],
  [
    'failed',
    async (t) => [(await resetting(t)).url],
    send('POST', 'hello'),
    { outcome: 'failed', status: 502, attempts: 1, error: 'ERR_SEKISHO_UPSTREAM_RESET' },
  ],
  [
    'refused',
    async (t) => [(await recording(t)).url],
    'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    { outcome: 'refused', status: 400, attempts: 0, error: 'ERR_SEKISHO_BAD_HOST' },
  ],
];

for (const [what, servers, request, expected] of outcomes)
  test(`one transaction: ${what}`, async (t) => {
    const published = transactions(t);
    const { port } = await proxyTo(t, await servers(t), first);
    await exchangeRaw(port, request);
    await until(() => published.length > 0, 'the transaction');
    assert.equal(published.length, 1);
    const [transaction] = published;
    for (const [key, value] of Object.entries(expected))
      assert.equal(transaction?.[key as 'status'], value, key);
    assert.equal(transaction?.client, '127.0.0.1');
    assert.equal(typeof transaction.total, 'number');
  });
