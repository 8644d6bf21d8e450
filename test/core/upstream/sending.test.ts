import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { Dispatcher } from 'undici';
import { Transaction } from '../../../lib/core/transaction.ts';
import type { ProxyError } from '../../../lib/core/errors.ts';
import type { PoolOptions } from '../../../lib/core/upstream/pool-options.ts';
import type { Pool } from '../../../lib/core/upstream/pool.ts';
import { Sending, type Sender } from '../../../lib/core/upstream/sending.ts';
import type { Server } from '../../../lib/core/upstream/server.ts';
import { listenRaw } from '../../support/servers.ts';
import { poolOf, request, standStill } from './pool-support.ts';

const controller: Dispatcher.DispatchController = {
  aborted: false,
  paused: false,
  reason: null,
  abort: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
};

/** A delivery that notes what it is told. */
class Told implements Sender {
  readonly pool: Pool;
  readonly method = 'GET';
  readonly body = undefined;
  readonly tried: readonly Server[] = [];
  readonly paused = false;
  answeredBy: Server | undefined;
  readonly said: unknown[] = [];
  failure: ProxyError | undefined;

  constructor(pool: Pool) {
    this.pool = pool;
  }

  onHead(status: number): void {
    this.said.push(`head ${status}`);
  }

  onWhole(status: number): void {
    this.said.push(`whole ${status}`);
  }

  onData(chunk: Buffer): boolean {
    this.said.push(`data ${chunk.length}`);
    return true;
  }

  onEnd(): void {
    this.said.push('end');
  }

  onUpgrade(): void {
    this.said.push('upgrade');
  }

  onDiscarded(status: number): void {
    this.said.push(`discarded ${status}`);
  }

  onFailure(error: ProxyError, answering: boolean): void {
    this.failure = error;
    this.said.push(answering ? 'failure after the head' : 'failure');
  }
}

function sendingTo(
  t: Parameters<typeof poolOf>[0],
  url = 'http://127.0.0.1:1',
  options: PoolOptions = {},
) {
  const pool = poolOf(t, [url], options);
  const told = new Told(pool);
  const transaction = new Transaction('GET', '/');
  const server = pool.acquire(request(), []) as Server;
  return { told, transaction, server, sending: new Sending(told, server, transaction) };
}

const ask = (path: string, headers: NonNullable<Dispatcher.DispatchOptions['headers']>) =>
  ({ path, method: 'GET', headers }) as const;

for (const [what, base, path, expected] of [
  ['no base path', '', '/a?b', '/a?b'],
  ['a base path', '/base', '/a?b', '/base/a?b'],
  ['a base path with a slash at its end', '/base/', '/a', '/base/a'],
  ['the asterisk of OPTIONS', '/base', '*', '*'],
] as const)
  test(`the path for a server with ${what}`, (t) => {
    const { sending } = sendingTo(t, `http://127.0.0.1:1${base}`);
    const { path: sent, origin } = sending.address(ask(path, []), undefined);
    assert.equal(sent, expected);
    assert.equal(origin, 'http://127.0.0.1:1');
  });

for (const [what, headers, host, expected] of [
  [
    'the server’s own',
    ['Host', 'shop.example', 'A', '1'],
    undefined,
    ['Host', '127.0.0.1:1', 'A', '1'],
  ],
  ['a given one', ['Host', 'shop.example', 'A', '1'], 'b.example', ['Host', 'b.example', 'A', '1']],
  ['added where there is none', ['A', '1'], undefined, ['Host', '127.0.0.1:1', 'A', '1']],
  [
    'the only one, whoever added others',
    ['A', '1', 'host', 'x', 'HOST', 'y'],
    undefined,
    ['Host', '127.0.0.1:1', 'A', '1'],
  ],
  [
    'in front of the fields of an object',
    { a: ['1', '2'], host: 'x' },
    undefined,
    ['Host', '127.0.0.1:1', 'a', '1', 'a', '2'],
  ],
  [
    'no value that is called so',
    ['A', 'host', 'Hoss', 'b'],
    undefined,
    ['Host', '127.0.0.1:1', 'A', 'host', 'Hoss', 'b'],
  ],
] as [string, string[] | Record<string, string | string[]>, string | undefined, string[]][])
  test(`the Host field is ${what}`, (t) => {
    const { sending } = sendingTo(t);
    const before = structuredClone(headers);
    assert.deepEqual(sending.address(ask('/', headers), host).headers, expected);
    assert.deepEqual(headers, before, 'the next attempt needs them as they were');
  });

test('the record and the pool learn of an answer', (t) => {
  const time = standStill(t);
  const pool = poolOf(t, ['http://127.0.0.1:1', 'http://127.0.0.1:2'], { balance: 'first' });
  const transaction = new Transaction('GET', '/');
  time.advance(5);
  const server = pool.acquire(request(), []) as Server;
  const told = new Told(pool);
  const first = new Sending(told, server, transaction);
  time.advance(30);
  first.onDirectWhole(controller, 503, [], '', '');
  first.release();
  const other = pool.acquire(request(), [server]) as Server;
  const second = new Sending(told, other, transaction);
  time.advance(7);
  second.onDirectWhole(controller, 200, [], '', '');
  second.release();
  assert.equal(transaction.attempts, 2);
  assert.equal(transaction.server, '127.0.0.1:2');
  assert.equal(transaction.queued, 5, 'until the first server was there');
  assert.equal(transaction.firstByte, 42);
  assert.deepEqual([server.latency, other.latency], [30, 7]);
  assert.deepEqual([server.inflight, other.inflight], [0, 0]);
  assert.equal(told.answeredBy, other);
});

test('a failure is named, with its server, and is evidence', (t) => {
  const { sending, server, told } = sendingTo(t);
  const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  sending.onResponseError(undefined, cause);
  assert.equal(told.failure?.code, 'ERR_SEKISHO_CONNECT_REFUSED');
  assert.equal(told.failure.server, '127.0.0.1:1');
  assert.equal(server.ejected, 'unreachable');
  assert.equal(server.inflight, 1, 'until it is released');
});

test('the delivery is told what counts, and nothing after the release', (t) => {
  const { sending, told } = sendingTo(t);
  sending.onDirectStart(controller, 103, [], '');
  sending.onDirectStart(controller, 200, [], '');
  sending.onDirectData(controller, Buffer.from('abc'));
  sending.onResponseError(controller, new Error('gone'));
  sending.release();
  sending.onDirectData(controller, Buffer.from('late'));
  sending.onDirectEnd(controller, []);
  sending.onResponseError(controller, new Error('late'));
  assert.deepEqual(told.said, ['head 103', 'head 200', 'data 3', 'failure after the head']);
});

test('nothing of an answer that is thrown away is told but that it was', (t) => {
  const retries = { attempts: 2, statuses: [503] };
  const { sending, told } = sendingTo(t, undefined, { retries });
  const aborted: Error[] = [];
  const aborting = { ...controller, abort: (reason: Error) => void aborted.push(reason) };
  sending.onDirectStart(aborting, 503, [], '');
  sending.onDirectData(aborting, Buffer.from('abc'));
  assert.equal(aborted.length, 1);
  sending.onResponseError(aborting, aborted[0] as Error);
  assert.deepEqual(told.said, ['discarded 503']);
});

for (const open of [true, false])
  test(`a server is busy as long as a socket that was ${open ? 'open' : 'closed'} is open`, async (t) => {
    const peer = await listenRaw(t, () => undefined);
    const socket = connect(peer.port, '127.0.0.1');
    await once(socket, 'connect');
    if (!open) {
      socket.destroy();
      await once(socket, 'close');
    }
    const { sending, server } = sendingTo(t);
    sending.releaseWith(socket);
    assert.equal(server.inflight, open ? 1 : 0);
    if (!open) return;
    socket.destroy();
    await once(socket, 'close');
    assert.equal(server.inflight, 0);
  });
