import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import test from 'node:test';
import { ProxyError } from '../../../lib/core/errors.ts';
import { dialAny, type DialOrder } from '../../../lib/core/upstream/tunnel-dial.ts';
import { takeFrom } from '../../../lib/core/upstream/tunnel-source.ts';
import { listenRaw, until } from '../../support/servers.ts';

function order(port: number, more: Partial<DialOrder> = {}): DialOrder {
  const { signal } = new AbortController();
  return { server: 'site.test', addresses: ['127.0.0.1'], port, timeout: 2000, signal, ...more };
}

async function failureOf(promise: Promise<Socket>): Promise<string> {
  try {
    (await promise).destroy();
    return 'connected';
  } catch (error) {
    return error instanceof ProxyError ? `${error.code} ${String(error.server)}` : String(error);
  }
}

test('connects to the first address that answers', async (t) => {
  const { port } = await listenRaw(t, () => undefined);
  const socket = await dialAny(order(port, { addresses: ['127.0.0.2', '127.0.0.3', '127.0.0.1'] }));
  assert.equal(socket.remoteAddress, '127.0.0.1');
  socket.destroy();
});

test('fails when no address does, by the name of the server', async (t) => {
  const { port } = await listenRaw(t, () => undefined);
  const addresses = ['127.0.0.2', '127.0.0.3'];
  assert.equal(
    await failureOf(dialAny(order(port, { addresses }))),
    'ERR_SEKISHO_CONNECT_REFUSED site.test',
  );
});

test('fails when nobody has answered in time', async () => {
  // Documentation addresses (RFC 5737) answer nobody; where the network says so at once, that is a failure, too.
  const failure = await failureOf(dialAny(order(443, { addresses: ['192.0.2.254'], timeout: 60 })));
  assert.match(failure, /^ERR_SEKISHO_CONNECT_(?:TIMEOUT|REFUSED) site\.test$/);
});

test('is given up when nobody wants it any more, before and while it is tried', async (t) => {
  const { port } = await listenRaw(t, () => undefined);
  const early = AbortSignal.abort();
  assert.match(
    await failureOf(dialAny(order(port, { signal: early }))),
    /^ERR_SEKISHO_CLIENT_ABORTED/,
  );
  const controller = new AbortController();
  const dial = dialAny(order(port, { signal: controller.signal }));
  controller.abort();
  assert.match(await failureOf(dial), /^ERR_SEKISHO_CLIENT_ABORTED/);
});

test('what comes before somebody takes it is a stream, and then memory that is used again', async (t) => {
  let peer: Socket | undefined;
  const { port } = await listenRaw(t, (socket) => (peer = socket));
  const socket = await dialAny(order(port));
  t.after(() => socket.destroy());
  await until(() => peer !== undefined, 'the peer');
  peer!.write('before');
  const [first] = (await once(socket, 'data')) as [Buffer];
  assert.equal(first.toString(), 'before');
  const seen: { text: string; memory: ArrayBufferLike }[] = [];
  assert.ok(
    takeFrom(socket, (bytes) => {
      seen.push({ text: bytes.toString(), memory: bytes.buffer });
      return seen.length !== 2;
    }),
  );
  for (const text of ['one', 'two', 'three']) {
    peer!.write(text);
    await until(() => seen.at(-1)?.text === text, text);
  }
  assert.equal(seen[0]?.memory, seen[1]?.memory);
  assert.notEqual(seen[1]?.memory, seen[2]?.memory);
  assert.equal(first.toString(), 'before');
  peer!.end();
  await once(socket, 'end');
});

test('a paused socket is not read, and loses nothing', async (t) => {
  let peer: Socket | undefined;
  const { port } = await listenRaw(t, (socket) => (peer = socket));
  const socket = await dialAny(order(port));
  t.after(() => socket.destroy());
  await until(() => peer !== undefined, 'the peer');
  peer!.write(Buffer.alloc(300_000, 'x'));
  peer!.end();
  await new Promise((resolve) => setTimeout(resolve, 50));
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  await once(socket, 'end');
  assert.equal(bytes, 300_000);
});
