import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { splice, type Splice, type SpliceEnd } from '../../../lib/core/upstream/splice.ts';
import type { SpliceOptions } from '../../../lib/core/upstream/splice.ts';
import { socketOwners, trackSocket } from '../../../lib/core/taken-sockets.ts';
import { until } from '../../support/servers.ts';
import { standStill } from './pool-support.ts';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly splice: Splice;
  readonly end: Promise<SpliceEnd>;
  readonly inner: { readonly client: Socket; readonly upstream: Socket };
}

async function socketPair(t: TestContext, receiveBuffer?: number): Promise<[Socket, Socket]> {
  const listener = createServer({ allowHalfOpen: true, highWaterMark: receiveBuffer });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [far] = (await once(listener, 'connection')) as [Socket];
  listener.close();
  for (const socket of [near, far]) {
    socket.on('error', () => undefined);
    t.after(() => socket.destroy());
  }
  return [near, far];
}

/** A client, a server, and the two sockets between them spliced. */
async function pair(t: TestContext, options: SpliceOptions = {}): Promise<Pair> {
  const [client, innerClient] = await socketPair(t);
  const [upstream, server] = await socketPair(t);
  let spliced!: Splice;
  const end = new Promise<SpliceEnd>((resolve) => {
    spliced = splice(innerClient, upstream, { onEnd: resolve, ...options });
  });
  return { client, server, splice: spliced, end, inner: { client: innerClient, upstream } };
}

function gather(socket: Socket): { text: string; ended: boolean } {
  const got = { text: '', ended: false };
  socket.on('data', (chunk: Buffer) => (got.text += chunk.toString('latin1')));
  socket.on('end', () => (got.ended = true));
  return got;
}

test('a chunk for which onBytes says false is not written, also of the head', async (t) => {
  let left = 10;
  const { client, server } = await pair(t, {
    clientHead: Buffer.from('early '),
    onBytes: (direction, bytes) => direction === 'sent' || (left -= bytes) >= 0,
  });
  const toServer = gather(server);
  const toClient = gather(client);
  client.write('too much');
  server.write('answer');
  await until(() => toClient.text === 'answer', 'the other direction');
  client.end();
  await until(() => toServer.ended, 'the end');
  assert.equal(toServer.text, 'early ');
});

test('bytes go both ways, heads first, and a FIN each way ends the pair', async (t) => {
  const told: [string, number][] = [];
  const { client, server, end } = await pair(t, {
    clientHead: Buffer.from('early '),
    upstreamHead: Buffer.from('welcome '),
    onBytes: (direction, bytes) => told.push([direction, bytes]),
  });
  const [toClient, toServer] = [gather(client), gather(server)];
  client.end('request');
  await until(() => toServer.ended, 'the FIN at the server');
  assert.equal(toServer.text, 'early request');
  server.write('answer ');
  await until(() => toClient.text.includes('answer'), 'an answer after the FIN');
  server.end('to the end');
  assert.deepEqual(await end, {
    reason: 'completed',
    error: undefined,
    bytesReceived: 13,
    bytesSent: 25,
  });
  await until(() => toClient.ended, 'the FIN at the client');
  assert.equal(toClient.text, 'welcome answer to the end');
  assert.equal(
    told.filter(([direction]) => direction === 'sent').reduce((sum, [, bytes]) => sum + bytes, 0),
    25,
  );
});

test('a server that ends first still gets what the client sends', async (t) => {
  const { client, server, end } = await pair(t);
  const [toClient, toServer] = [gather(client), gather(server)];
  server.end();
  await until(() => toClient.ended, 'the FIN at the client');
  client.end('last words');
  assert.equal((await end).reason, 'completed');
  await until(() => toServer.text === 'last words', 'the last words at the server');
});

test('a client that does not read stops the server, and nothing is lost', async (t) => {
  const { client, server, inner } = await pair(t);
  const chunk = Buffer.alloc(1 << 20, 'x');
  const total = 40 * chunk.length;
  let written = 0;
  const write = (): void => {
    while (written < total) {
      written += chunk.length;
      if (!server.write(chunk)) return;
    }
    server.end();
  };
  server.on('drain', write);
  write();
  await until(() => inner.client.writableNeedDrain && inner.upstream.isPaused(), 'backpressure');
  assert.ok(inner.client.writableLength < 1 << 20, 'little is held');
  assert.ok(written < total, 'the server waits');
  let got = 0;
  client.on('data', (part: Buffer) => (got += part.length));
  await once(client, 'end');
  assert.equal(got, total);
});

for (const side of ['client', 'server'] as const) {
  test(`a reset of the ${side} resets the other side`, async (t) => {
    const sockets = await pair(t);
    const other = side === 'client' ? sockets.server : sockets.client;
    const failed = once(other, 'error');
    other.resume();
    sockets[side].resetAndDestroy();
    const { reason, error } = await sockets.end;
    assert.equal(reason, side === 'client' ? 'client-aborted' : 'upstream-aborted');
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET');
    const [failure] = (await failed) as [NodeJS.ErrnoException];
    assert.equal(failure.code, 'ECONNRESET');
    assert.equal(other.readableEnded, false);
  });
}

test('a side that has had its FIN is not reset when the pair ends before its time', async (t) => {
  const { client, server, splice: spliced } = await pair(t);
  const toClient = gather(client);
  let failure: Error | undefined;
  client.on('error', (error) => (failure = error));
  server.end('the whole answer');
  await until(() => toClient.ended, 'the FIN at the client');
  spliced.destroy();
  await once(server, 'error');
  client.end();
  await once(client, 'close');
  assert.equal(toClient.text, 'the whole answer');
  assert.equal(failure, undefined);
});

test('an end before its time is a reset to both: destroy()', async (t) => {
  const { client, server, splice: spliced } = await pair(t);
  const failures = Promise.all([once(client, 'error'), once(server, 'error')]);
  client.resume();
  server.resume();
  spliced.destroy();
  for (const [failure] of await failures)
    assert.equal((failure as NodeJS.ErrnoException).code, 'ECONNRESET');
});

test('a silent pair ends after the idle time, a busy one lives on', async (t) => {
  const time = standStill(t);
  const { client, server, end } = await pair(t, { idle: 150 });
  const toServer = gather(server);
  let reason: string | undefined;
  void end.then((result) => (reason = result.reason));
  for (let turn = 1; turn <= 8; turn += 1) {
    client.write('x');
    await until(() => toServer.text.length === turn, 'it arrives');
    time.advance(140);
    await new Promise(setImmediate);
    assert.equal(reason, undefined);
  }
  time.advance(10);
  assert.equal((await end).reason, 'idle');
});

test('a half-closed pair does not stay for ever', async (t) => {
  const { client, server, end } = await pair(t, { halfClose: 50 });
  server.resume();
  client.end();
  assert.equal((await end).reason, 'half-closed');
});

test('a side that is gone before the splice ends the pair', async (t) => {
  for (const gone of [0, 1]) {
    const [, client] = await socketPair(t);
    const [upstream] = await socketPair(t);
    const dead = [client, upstream][gone]!;
    dead.destroy();
    await once(dead, 'close');
    const end = await new Promise<SpliceEnd>((resolve) => {
      splice(client, upstream, { onEnd: resolve });
    });
    assert.equal(end.reason, gone === 0 ? 'client-aborted' : 'upstream-aborted');
    assert.ok(client.destroyed && upstream.destroyed);
  }
});

test('a FIN read before the splice is passed on', async (t) => {
  const [client, inner] = await socketPair(t);
  const [upstream, server] = await socketPair(t);
  inner.allowHalfOpen = true;
  client.end();
  inner.resume();
  await once(inner, 'end');
  splice(inner, upstream);
  server.resume();
  await once(server, 'end');
});

test('close() without frames ends both sides, destroy() at once', async (t) => {
  const first = await pair(t);
  const [toClient, toServer] = [gather(first.client), gather(first.server)];
  first.splice.close();
  await until(() => toClient.ended && toServer.ended, 'both FINs');
  first.client.end();
  first.server.end();
  assert.equal((await first.end).reason, 'closed');

  const second = await pair(t);
  second.splice.destroy();
  assert.equal((await second.end).reason, 'closed');
});

test('the splice owns the tracked socket', async (t) => {
  const server = {};
  const [, client] = await socketPair(t);
  const [upstream] = await socketPair(t);
  trackSocket(server, client);
  const spliced = splice(client, upstream);
  assert.deepEqual(socketOwners(server), [spliced]);
  spliced.destroy();
  await until(() => socketOwners(server).length === 0, 'the socket to be forgotten');
});

/** A ws client and a ws server with a splice between them, the handshake passing through as bytes. */
async function webSockets(
  t: TestContext,
): Promise<{ client: WebSocket; server: WebSocket; splice: () => Splice }> {
  const upstream = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: true });
  await once(upstream, 'listening');
  const proxy = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    client.terminate();
    for (const socket of upstream.clients) socket.terminate();
    upstream.close();
    proxy.close();
  });
  let spliced: Splice | undefined;
  proxy.on('connection', (inner: Socket) => {
    const { port } = upstream.address() as AddressInfo;
    const outer = connect({ port, host: '127.0.0.1' });
    inner.once('data', (request: Buffer) => {
      inner.pause();
      outer.write(request);
      outer.once('data', (answer: Buffer) => {
        outer.pause();
        const end = answer.indexOf('\r\n\r\n') + 4;
        inner.write(answer.subarray(0, end));
        spliced = splice(inner, outer, { webSocket: true, upstreamHead: answer.subarray(end) });
      });
    });
    inner.resume();
  });
  const client = new WebSocket(`ws://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  const connected = once(upstream, 'connection') as Promise<[WebSocket]>;
  await once(client, 'open');
  const [server] = await connected;
  client.on('error', () => undefined);
  server.on('error', () => undefined);
  return { client, server, splice: () => spliced! };
}

function closeCode(socket: WebSocket): Promise<number> {
  return once(socket, 'close').then(([code]) => code as number);
}

test('close() says 1001 to both ends of an idle WebSocket', async (t) => {
  const { client, server, splice: spliced } = await webSockets(t);
  client.send('hello');
  await once(server, 'message');
  const codes = Promise.all([closeCode(client), closeCode(server)]);
  spliced().close();
  assert.deepEqual(await codes, [1001, 1001]);
});

test('close() amid a large message waits for its end', async (t) => {
  const { client, server, splice: spliced } = await webSockets(t);
  const messages: number[] = [];
  client.on('message', (data: Buffer) => messages.push(data.length));
  // Backpressure from a client that does not read keeps the splice within the frame.
  client.pause();
  server.send(Buffer.alloc(30 << 20), { compress: false });
  server.send('never seen');
  await until(() => spliced().bytesSent > 100_000, 'the message to be under way');
  const code = closeCode(client);
  spliced().close();
  client.resume();
  assert.equal(await code, 1001);
  assert.deepEqual(messages, [30 << 20]);
});

test('a Close of the client itself passes as it is', async (t) => {
  const { client, server, splice: spliced } = await webSockets(t);
  const codes = Promise.all([closeCode(server), closeCode(client)]);
  client.close(4000);
  await until(() => spliced().bytesReceived > 0, 'the Close frame');
  spliced().close();
  assert.equal((await codes)[0], 4000);
});
