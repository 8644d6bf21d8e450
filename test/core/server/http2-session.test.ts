import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { promisify } from 'node:util';
import test, { type TestContext } from 'node:test';
import express from 'express';
import { balancedProxy } from 'sekisho';
import { useClock } from '../../../lib/core/clock.ts';
import {
  endHeaders,
  endStream,
  frameClient,
  frameTypes,
  hpack,
  request,
} from '../../support/http2-frames.ts';
import { tellsOfBrokenSessions } from '../../support/node-releases.ts';
import { listen, turns, until } from '../../support/servers.ts';
import { answerOf, ask2, http2Client, serveTls } from '../../support/tls.ts';
import { rawClient } from '../../support/upgrades.ts';

const app = express().set('env', 'test');
app.get('/', (_req, res) => void res.send('hello'));

/** Intervals that run when the test says so, and a clock that stands where it says. */
function fakeTime(t: TestContext): { pass(milliseconds: number): void } {
  const started = performance.now();
  let passed = 0;
  const sweeps = new Set<() => void>();
  t.after(
    useClock({
      monotonic: () => started + passed,
      every(_milliseconds, callback) {
        sweeps.add(callback);
        return () => sweeps.delete(callback);
      },
    }),
  );
  return {
    pass(milliseconds) {
      passed += milliseconds;
      for (const sweep of sweeps) sweep();
    },
  };
}

test('a connection without requests ends with GOAWAY when it has been idle for keepAlive', async (t) => {
  const time = fakeTime(t);
  const client = await frameClient(t, await serveTls(t, app, { timeouts: { keepAlive: '60s' } }));
  client.headers(1, request('/'));
  await client.sees('DATA', 1);
  await until(
    () => client.frames.some(({ flags, stream }) => stream === 1 && (flags & endStream) > 0),
    'the end of the answer',
  );
  await turns();
  time.pass(59_000);
  await turns();
  assert.equal(client.closed, false);
  time.pass(1000);
  await client.sees('GOAWAY');
  await until(() => client.closed, 'the end of the connection');
});

test('pings do not keep a connection without requests', async (t) => {
  const time = fakeTime(t);
  const client = await frameClient(t, await serveTls(t, app, { timeouts: { headers: '20s' } }));
  client.send('PING', 0, 0, Buffer.alloc(8));
  await client.sees('PING');
  time.pass(20_000);
  await until(() => client.closed, 'the end of the connection');
});

test('a request whose body does not come in time is a 408, its neighbours go on', async (t) => {
  const time = fakeTime(t);
  const waiting = express();
  waiting.post('/', (req) => void req.on('error', () => undefined).resume());
  let answer: (() => void) | undefined;
  waiting.get('/slow', (_req, res) => void (answer = () => res.send('slow')));
  const client = http2Client(t, await serveTls(t, waiting, { timeouts: { request: '10s' } }));
  const stream = client.request({ ':method': 'POST', ':path': '/' });
  stream.write('half');
  const slow = ask2(client, '/slow');
  await until(() => answer !== undefined, 'the slow request');
  const answered = answerOf(stream);
  await until(() => {
    time.pass(10_000);
    return stream.closed || stream.readableEnded;
  }, 'the answer');
  stream.end();
  assert.equal((await answered).status, 408);
  answer!();
  assert.equal((await slow).text, 'slow');
});

test('streams in flight finish after close(), the client hears GOAWAY, then all is over', async (t) => {
  const slow = express();
  let answer: (() => void) | undefined;
  slow.get('/slow', (_req, res) => {
    res.write('begun ');
    answer = () => res.end('and finished');
  });
  const serving = await serveTls(t, slow, { gracePeriod: '1m' });
  const client = http2Client(t, serving);
  const idle = http2Client(t, serving);
  await once(idle, 'connect');
  const answered = ask2(client, '/slow');
  await until(() => answer !== undefined, 'the request');
  const goaway = Promise.all([once(client, 'goaway'), once(idle, 'close')]);
  const closed = serving.close();
  await goaway;
  answer!();
  const { text, reset } = await answered;
  assert.deepEqual([text, reset], ['begun and finished', 0]);
  await closed;
});

test('what is in flight after the grace period is cut off, and not taken for whole', async (t) => {
  let reached = false;
  const stuck = express().get('/', (_req, res) => void ((reached = true), res.write('half')));
  const serving = await serveTls(t, stuck, { gracePeriod: 50 });
  const client = await frameClient(t, serving);
  client.headers(1, request('/'));
  await until(() => reached, 'the request');
  await client.sees('DATA', 1);
  await serving.close();
  await until(() => client.closed, 'the end of the connection');
  assert.ok(
    client.frames.every(({ type, flags }) => type !== frameTypes.DATA || (flags & endStream) === 0),
  );
});

test('keep-alive connections over HTTP/1.1 and TLS are told to close, too', async (t) => {
  let answer: (() => void) | undefined;
  const slow = express().get('/', (_req, res) => void (answer = () => res.send('slow')));
  const serving = await serveTls(t, slow, { gracePeriod: '1m' });
  const { tlsClient } = await import('../../support/tls.ts');
  const socket = await tlsClient(t, serving.port, { ca: serving.ca });
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += String(chunk)));
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => answer !== undefined, 'the request');
  const closed = serving.close();
  answer!();
  await closed;
  assert.match(text, /\r\nConnection: close\r\n[^]*slow$/);
});

const floods: {
  name: string;
  flood: (client: Awaited<ReturnType<typeof frameClient>>) => Promise<void> | void;
}[] = [
  {
    name: 'streams opened and reset (CVE-2023-44487)',
    async flood(client) {
      for (let id = 1; id < 200_000 && !client.closed; id += 2) {
        client.headers(id, request('/'));
        client.send('RST_STREAM', 0, id, Buffer.from([0, 0, 0, 8]));
        if (id % 1000 === 1) await new Promise(setImmediate);
      }
    },
  },
  {
    name: 'CONTINUATION frames without end',
    async flood(client) {
      client.send('HEADERS', 0, 1, hpack(request('/')));
      for (let count = 0; count < 20_000 && !client.closed; count++) {
        client.send('CONTINUATION', 0, 1, hpack(['x-a', 'b'.repeat(1000)]));
        if (count % 100 === 0) await new Promise(setImmediate);
      }
    },
  },
  {
    name: 'pings whose answers are not read',
    async flood(client) {
      client.socket.pause();
      for (let count = 0; count < 200_000 && !client.socket.destroyed; count++) {
        client.send('PING', 0, 0, Buffer.alloc(8));
        if (count % 1000 === 0) await new Promise(setImmediate);
      }
      client.socket.resume();
    },
  },
  {
    name: 'settings without end',
    async flood(client) {
      client.socket.pause();
      for (let count = 0; count < 200_000 && !client.socket.destroyed; count++) {
        client.send('SETTINGS', 0, 0, Buffer.from([0, 3, 0, 0, 0, 1]));
        if (count % 1000 === 0) await new Promise(setImmediate);
      }
      client.socket.resume();
    },
  },
  {
    name: 'frames that are none',
    flood: (client) => void client.socket.write(Buffer.alloc(100_000, 0xff)),
  },
];

for (const { name, flood } of floods)
  test(`a flood ends its own connection only: ${name}`, async (t) => {
    const time = fakeTime(t);
    const serving = await serveTls(t, app);
    const client = await frameClient(t, serving);
    await flood(client);
    await until(() => {
      // The limit of idle connections.
      if (!tellsOfBrokenSessions) time.pass(60_000);
      return client.closed;
    }, 'the end of the connection');
    assert.equal((await ask2(http2Client(t, serving), '/')).text, 'hello');
  });

test('who breaks the protocol loses what is in flight, whether node tells of it or not', async (t) => {
  const time = fakeTime(t);
  let reached = false;
  let ended = false;
  const slow = express().get('/', (_req, res) => {
    reached = true;
    res.on('close', () => (ended = true));
  });
  const client = await frameClient(t, await serveTls(t, slow));
  client.headers(1, request('/'));
  await until(() => reached, 'the request');
  client.send('DATA', 0, 0, Buffer.alloc(40_000));
  await until(() => {
    if (!tellsOfBrokenSessions) time.pass(60_000);
    return client.closed && ended;
  }, 'the end of the connection');
});

test('a client that waits for an answer and does not answer a PING for a minute is gone', async (t) => {
  const time = fakeTime(t);
  let reached = false;
  let ended = false;
  const slow = express().get('/', (_req, res) => {
    reached = true;
    res.on('close', () => (ended = true));
  });
  const client = await frameClient(t, await serveTls(t, slow));
  client.headers(1, request('/'));
  await until(() => reached, 'the request');
  await client.sees('SETTINGS');
  await turns();
  time.pass(0);
  time.pass(59_000);
  await turns();
  assert.ok(client.frames.every(({ type }) => type !== frameTypes.PING));
  time.pass(2000);
  await client.sees('PING');
  time.pass(59_000);
  await turns();
  assert.equal(ended, false);
  time.pass(2000);
  await until(() => client.closed && ended, 'the end of the connection');
});

async function roundTrip(client: ClientHttp2Session): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    client.ping((error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

test('a client that waits for an answer and answers PINGs may wait for long', async (t) => {
  const time = fakeTime(t);
  let answer: (() => void) | undefined;
  const slow = express().get('/', (_req, res) => void (answer = () => res.send('slow')));
  const client = http2Client(t, await serveTls(t, slow));
  const answered = ask2(client, '/');
  await until(() => answer !== undefined, 'the request');
  for (let round = 1; round <= 5; round++) {
    // Then all is read that the client had to say, its answers to what came before included.
    await roundTrip(client);
    await roundTrip(client);
    time.pass(0);
    const asked = once(client, 'ping');
    time.pass(61_000);
    await asked;
  }
  answer!();
  assert.equal((await answered).text, 'slow');
});

test('more streams than allowed are refused, the others answered', async (t) => {
  const answers: (() => void)[] = [];
  const slow = express().get('/', (_req, res) => void answers.push(() => res.send('slow')));
  const client = await frameClient(t, await serveTls(t, slow));
  for (let id = 1; id <= 2 * 129; id += 2) client.headers(id, request('/'));
  const { payload } = await client.sees('RST_STREAM');
  assert.equal(payload.readUInt32BE(), 7, 'REFUSED_STREAM');
  await until(() => answers.length === 128, 'the others');
  for (const answer of answers) answer();
  await client.sees('DATA', 255);
});

for (const [name, fields] of [
  ['too long', ['x-a', 'b'.repeat(20_000)]],
  ['too many', Array.from({ length: 400 }, (_, at) => (at % 2 === 0 ? `x-${at}` : 'b'))],
] as const)
  test(`fields that are ${name} are refused`, async (t) => {
    let reached = false;
    const seeing = express().use((_req, res) => void ((reached = true), res.end()));
    const client = await frameClient(t, await serveTls(t, seeing));
    const block = hpack(request('/', ...fields));
    client.send('HEADERS', endStream, 1, block.subarray(0, 10_000));
    client.send('CONTINUATION', endHeaders, 1, block.subarray(10_000));
    await until(
      () =>
        client.closed ||
        client.frames.some(({ type, stream }) => stream === 1 || type === frameTypes.GOAWAY),
      'the refusal',
    );
    assert.equal(reached, false);
  });

test('HTTP/1.1 clients of a TLS server get nothing of HTTP/2', async (t) => {
  const { url, close } = await (
    await import('../../../lib/core/server/serve.ts')
  ).serve(app, { host: '127.0.0.1', gracePeriod: 0 });
  t.after(() => close());
  const client = await rawClient(Number(new URL(url).port), 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  await until(() => client.closed, 'the end of the connection');
  assert.match(client.text, /^HTTP\/1\.1 400 /);
});

const noLoad = spawnSync('h2load', ['--version']).error !== undefined;

test('h2load: thousands of streams through a proxy, none fails', async (t) => {
  if (noLoad) {
    assert.notEqual(process.env.CI, 'true', 'h2load is missing: install nghttp2-client');
    t.skip('h2load is missing: install nghttp2-client');
    return;
  }
  const { url } = await listen(t, (_req, res) => void res.end('x'.repeat(1000)));
  const serving = await serveTls(t, express().use(balancedProxy(url)));
  const { stdout } = await promisify(execFile)('h2load', [
    '-n',
    '3000',
    '-c',
    '8',
    '-m',
    '50',
    serving.url,
  ]);
  assert.match(stdout, /3000 succeeded, 0 failed, 0 errored, 0 timeout/);
  assert.match(stdout, /status codes: 3000 2xx/);
});
