import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import type { Server } from '../../../lib/core/upstream/server.ts';
import type { ServerDefinition } from '../../../lib/core/upstream/server.ts';
import { ProxyError } from '../../../lib/core/errors.ts';
import { listen, until } from '../../support/servers.ts';
import { answer, ask, fail, poolOf, request, standStill, takers } from './pool-support.ts';

const two = ['http://127.0.0.1:1', 'http://127.0.0.1:2'];
const three = [...two, 'http://127.0.0.1:3'];
const names = ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'];

function refusal(code: string, retryAfter?: string) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof ProxyError);
    assert.equal(error.code, code);
    assert.equal(error.headers['Retry-After'], retryAfter);
    return true;
  };
}

test('acquire is synchronous and counts what is in flight', (t) => {
  const pool = poolOf(t, two, { balance: 'first' });
  const server = pool.acquire(request(), []);
  assert.ok(!(server instanceof Promise));
  assert.equal(server.inflight, 1);
  pool.release(server);
  assert.equal(server.inflight, 0);
});

test('real requests go to all servers', async (t) => {
  const upstreams = await Promise.all([
    listen(t, (_req, res) => res.end('a')),
    listen(t, (_req, res) => res.writeHead(201).end('b')),
  ]);
  const pool = poolOf(
    t,
    upstreams.map(({ url }) => url),
    { balance: 'round-robin' },
  );
  const statuses = [await ask(pool), await ask(pool)].map(({ status }) => status);
  assert.deepEqual(statuses.sort(), [200, 201]);
  assert.ok(pool.servers.every(({ latency, inflight }) => latency !== undefined && inflight === 0));
});

test('servers that were tried are left out while there is another', (t) => {
  const pool = poolOf(t, two, { balance: 'first' });
  const [one, other] = pool.servers as [Server, Server];
  assert.equal(pool.acquire(request(), [one]), other);
  assert.equal(pool.acquire(request(), [one, other]), one);
});

test('a retry finds a backup when all primaries were tried', (t) => {
  const pool = poolOf(t, [two[0]!, { url: two[1]!, backup: true }]);
  const [primary, backup] = pool.servers as [Server, Server];
  assert.equal(pool.acquire(request(), []), primary);
  assert.equal(pool.acquire(request(), [primary]), backup);
});

test('a pool of no server answers at once', (t) => {
  assert.throws(() => poolOf(t, []).acquire(request(), []), refusal('ERR_SEKISHO_NO_SERVER', '1'));
});

for (const [interval, retryAfter] of [
  ['100ms', '1'],
  ['5s', '5'],
  [5001, '6'],
] as const)
  test(`all down: Retry-After is ${retryAfter} at a check interval of ${interval}`, async (t) => {
    const pool = poolOf(t, ['http://127.0.0.1:9'], { healthCheck: { path: '/', interval } });
    await until(() => pool.servers[0]!.health === 'down', 'the first check');
    assert.throws(() => pool.acquire(request(), []), refusal('ERR_SEKISHO_NO_SERVER', retryAfter));
  });

test('a full server is skipped, and when all are full a request waits its turn', async (t) => {
  const pool = poolOf(t, [{ url: two[0]!, maxConnections: 1 }, two[1]!], {
    balance: 'first',
    connections: { perServer: 2 },
  });
  const [one, other] = pool.servers as [Server, Server];
  const taken = [0, 1, 2].map(() => pool.acquire(request(), []) as Server);
  assert.deepEqual(taken, [one, other, other]);
  const first = pool.acquire(request(), []);
  const second = pool.acquire(request(), []);
  assert.ok(first instanceof Promise && second instanceof Promise);
  pool.release(other);
  assert.equal(await first, other);
  pool.release(one);
  assert.equal(await second, one);
});

test('nobody overtakes those who wait', async (t) => {
  const pool = poolOf(t, [two[0]!], { connections: { perServer: 1 } });
  const server = pool.acquire(request(), []) as Server;
  const order: string[] = [];
  const waiting = ['a', 'b', 'c'].map(async (name) => {
    const got = await pool.acquire(request(), []);
    order.push(name);
    pool.release(got);
  });
  pool.release(server);
  await Promise.all(waiting);
  assert.deepEqual(order, ['a', 'b', 'c']);
  assert.equal(server.inflight, 0);
});

test('the queue is bounded', async (t) => {
  const pool = poolOf(t, [two[0]!], { connections: { perServer: 1, queue: 1 } });
  const server = pool.acquire(request(), []) as Server;
  const waiting = pool.acquire(request(), []);
  assert.throws(() => pool.acquire(request(), []), refusal('ERR_SEKISHO_QUEUE_FULL', '1'));
  pool.release(server);
  assert.equal(await waiting, server);
});

test('nobody waits for ever', async (t) => {
  const time = standStill(t);
  const pool = poolOf(t, [two[0]!], { connections: { perServer: 1, queueTimeout: '3s' } });
  const server = pool.acquire(request(), []) as Server;
  const waiting = assert.rejects(
    pool.acquire(request(), []) as Promise<Server>,
    refusal('ERR_SEKISHO_QUEUE_TIMEOUT', '1'),
  );
  time.advance(3000);
  await waiting;
  pool.release(server);
  assert.equal(server.inflight, 0);
});

test('a client that goes away gives up its turn', async (t) => {
  const pool = poolOf(t, [two[0]!], { connections: { perServer: 1 } });
  const server = pool.acquire(request(), []) as Server;
  const client = new EventEmitter();
  const gone = assert.rejects(
    pool.acquire(request(), [], client) as Promise<Server>,
    refusal('ERR_SEKISHO_CLIENT_ABORTED'),
  );
  const next = pool.acquire(request(), []);
  client.emit('close');
  await gone;
  assert.equal(client.listenerCount('close'), 0);
  pool.release(server);
  assert.equal(await next, server);
});

test('one that takes a place from the queue leaves no listener behind', async (t) => {
  const pool = poolOf(t, [two[0]!], { connections: { perServer: 1 } });
  const server = pool.acquire(request(), []) as Server;
  const client = new EventEmitter();
  const waiting = pool.acquire(request(), [], client);
  pool.release(server);
  await waiting;
  assert.equal(client.listenerCount('close'), 0);
});

test('backups come in only when no primary is usable', (t) => {
  const pool = poolOf(t, [...two, { url: three[2]!, backup: true }]);
  assert.deepEqual(takers(pool), names.slice(0, 2));
  fail(pool, pool.servers[0]!, 'ERR_SEKISHO_CONNECT_REFUSED');
  assert.deepEqual(takers(pool), [names[1]]);
  fail(pool, pool.servers[1]!, 'ERR_SEKISHO_CONNECT_REFUSED');
  assert.deepEqual(takers(pool), [names[2]]);
  answer(pool, pool.servers[0]!);
  assert.deepEqual(takers(pool), [names[0]]);
});

test('when nobody can be reached one is tried nevertheless, and a retry on it is refused', (t) => {
  const pool = poolOf(t, [two[0]!]);
  const server = pool.acquire(request(), []) as Server;
  fail(pool, server, 'ERR_SEKISHO_CONNECT_REFUSED');
  assert.throws(() => pool.acquire(request(), [server]), refusal('ERR_SEKISHO_NO_SERVER', '1'));
  assert.equal(pool.acquire(request(), []), server);
  answer(pool, server);
  assert.equal(server.state, 'unknown');
});

test('a connect failure becomes a 503 when no server can be reached', (t) => {
  const pool = poolOf(t, two);
  const refused = new ProxyError('ERR_SEKISHO_CONNECT_REFUSED');
  fail(pool, pool.servers[0]!, 'ERR_SEKISHO_CONNECT_REFUSED');
  assert.equal(pool.outcome(refused), refused);
  fail(pool, pool.servers[1]!, 'ERR_SEKISHO_CONNECT_REFUSED');
  assert.equal(pool.outcome(refused).code, 'ERR_SEKISHO_NO_SERVER');
  const reset = new ProxyError('ERR_SEKISHO_UPSTREAM_RESET');
  assert.equal(pool.outcome(reset), reset);
});

test('while connects time out only one request at a time tries', (t) => {
  const pool = poolOf(t, [two[0]!]);
  const server = pool.servers[0]!;
  fail(pool, server, 'ERR_SEKISHO_CONNECT_TIMEOUT');
  fail(pool, server, 'ERR_SEKISHO_CONNECT_TIMEOUT');
  assert.equal(server.state, 'ejected');
  assert.equal(pool.acquire(request(), []), server);
  assert.throws(() => pool.acquire(request(), []), refusal('ERR_SEKISHO_NO_SERVER', '1'));
});

test('a client keeps its server', (t) => {
  const pool = poolOf(t, three, { sticky: true });
  const server = pool.acquire(request(), []) as Server;
  const cookie = pool.stickyCookie(request(), server)!.split(';')[0]!;
  const bound = request({ cookie });
  for (let time = 0; time < 20; time++) assert.equal(pool.acquire(bound, []), server);
  assert.equal(pool.stickyCookie(bound, server), undefined);
  fail(pool, server, 'ERR_SEKISHO_CONNECT_REFUSED');
  const other = pool.acquire(bound, []) as Server;
  assert.notEqual(other, server);
  assert.match(pool.stickyCookie(bound, other)!, /^sekisho=/);
});

test('a client whose server is out is refused where the operator wants that', (t) => {
  const pool = poolOf(t, three, { sticky: { onFailure: 'reject' } });
  const server = pool.acquire(request(), []) as Server;
  const bound = request({ cookie: pool.stickyCookie(request(), server)!.split(';')[0]! });
  fail(pool, server, 'ERR_SEKISHO_CONNECT_REFUSED');
  assert.throws(() => pool.acquire(bound, []), refusal('ERR_SEKISHO_STICKY_LOST', '1'));
});

test('a client waits for its server when that is full; others need not', async (t) => {
  const pool = poolOf(t, two, { sticky: true, connections: { perServer: 1 } });
  const server = pool.acquire(request(), []) as Server;
  const bound = request({ cookie: pool.stickyCookie(request(), server)!.split(';')[0]! });
  const waiting = pool.acquire(bound, []);
  assert.ok(waiting instanceof Promise);
  const other = pool.acquire(request(), []) as Server;
  assert.notEqual(other, server);
  pool.release(other);
  pool.release(server);
  assert.equal(await waiting, server);
});

test('a server that answers nothing while the others do gets nothing new', (t) => {
  const time = standStill(t);
  const pool = poolOf(t, three, { balance: 'round-robin' });
  const [hung] = pool.servers as [Server];
  let stuck = 0;
  for (let round = 0; round < 300; round++) {
    const server = pool.acquire(request(), []) as Server;
    time.advance(3);
    if (server === hung) stuck++;
    else {
      answer(pool, server, 200, 3);
      pool.release(server);
    }
  }
  assert.ok(stuck >= 3 && stuck < 12, `${stuck} requests stuck`);
  assert.equal(hung.state, 'unknown', 'it is no ejection');
  // The headers timeout is the proof.
  fail(pool, hung, 'ERR_SEKISHO_HEADERS_TIMEOUT');
  assert.equal(hung.state, 'ejected');
});

test('an answer ends the silence', (t) => {
  const time = standStill(t);
  const pool = poolOf(t, two, { balance: 'round-robin' });
  const [slow, quick] = pool.servers as [Server, Server];
  for (let round = 0; round < 100; round++) {
    const server = pool.acquire(request(), []) as Server;
    time.advance(3);
    if (server === quick) {
      answer(pool, quick, 200, 3);
      pool.release(quick);
    }
  }
  assert.deepEqual(takers(pool), [quick.name]);
  answer(pool, slow, 200, 300);
  assert.deepEqual(takers(pool), names.slice(0, 2));
});

test('silence of all servers is nobody’s in particular', (t) => {
  const time = standStill(t);
  const pool = poolOf(t, two, { balance: 'round-robin' });
  for (let round = 0; round < 20; round++) void pool.acquire(request(), []);
  time.advance(10_000);
  const taken = new Set([0, 1, 2, 3].map(() => pool.acquire(request(), [])));
  assert.equal(taken.size, 2);
});

test('replace keeps what stays, opens what is new and lets the rest finish', async (t) => {
  const pool = poolOf(t, two, { balance: 'first' });
  const [one, other] = pool.servers as [Server, Server];
  void pool.acquire(request(), []);
  const definition = (url: string, weight = 1): ServerDefinition => ({
    url: new URL(url),
    weight,
    backup: false,
    maxConnections: Infinity,
  });
  let closed = false;
  const { transport } = one;
  const close = transport.close.bind(transport);
  transport.close = () => {
    closed = true;
    return close();
  };
  pool.replace([definition(two[1]!, 5), definition(three[2]!)]);
  assert.equal(pool.servers[0], other);
  assert.equal(other.weight, 5);
  assert.deepEqual(takers(pool), [names[1]]);
  await new Promise(setImmediate);
  assert.equal(closed, false, 'a request is still in flight');
  pool.release(one);
  await until(() => closed, 'the connections are closed');
});

test('a bad change leaves everything as it was', (t) => {
  const pool = poolOf(t, two);
  const before = pool.servers;
  assert.throws(() =>
    pool.replace([
      { url: new URL(three[2]!), weight: 1, backup: false, maxConnections: Infinity },
      { url: undefined as never, weight: 1, backup: false, maxConnections: Infinity },
    ]),
  );
  assert.equal(pool.servers, before);
  assert.deepEqual(takers(pool), names.slice(0, 2));
});

test('a server added later starts slowly, those of the start do not', (t) => {
  const time = standStill(t);
  const pool = poolOf(t, [two[0]!], { slowStart: '10s' });
  assert.equal(pool.servers[0]!.share, 1);
  pool.replace(
    two.map((url) => ({ url: new URL(url), weight: 1, backup: false, maxConnections: Infinity })),
  );
  const added = pool.servers[1]!;
  assert.equal(added.share, 0.1);
  time.advance(5000);
  assert.ok(Math.abs(added.share - 0.55) < 0.05, `${added.share} after half the time`);
  time.advance(5000);
  assert.equal(added.share, 1);
  assert.equal(pool.servers[0]!.share, 1);
});

test('close lets requests finish and takes no new ones', async (t) => {
  const pool = poolOf(t, two, { connections: { perServer: 1 } });
  const taken = [pool.acquire(request(), []), pool.acquire(request(), [])] as Server[];
  const waiting = assert.rejects(
    pool.acquire(request(), []) as Promise<Server>,
    refusal('ERR_SEKISHO_SHUTTING_DOWN'),
  );
  let done = false;
  const closing = pool.close().then(() => (done = true));
  await waiting;
  assert.throws(() => pool.acquire(request(), []), refusal('ERR_SEKISHO_SHUTTING_DOWN'));
  assert.equal(done, false);
  for (const server of taken) pool.release(server);
  await closing;
});

test('close waits for a server removed earlier that still finishes something', async (t) => {
  const pool = poolOf(t, two, { balance: 'first' });
  const server = pool.acquire(request(), []) as Server;
  pool.replace([{ url: new URL(two[1]!), weight: 1, backup: false, maxConnections: Infinity }]);
  let done = false;
  const closing = pool.close().then(() => (done = true));
  await new Promise(setImmediate);
  assert.equal(done, false);
  pool.release(server);
  await closing;
});

test('draining gives a server nothing new', async (t) => {
  const pool = poolOf(t, two, { balance: 'first' });
  const server = pool.acquire(request(), []) as Server;
  let done = false;
  const drained = pool.drain(server).then(() => (done = true));
  assert.deepEqual(takers(pool), [names[1]]);
  assert.equal(server.state, 'draining');
  await new Promise(setImmediate);
  assert.equal(done, false);
  pool.release(server);
  await drained;
  pool.resume(server);
  assert.deepEqual(takers(pool), [names[0]]);
});
