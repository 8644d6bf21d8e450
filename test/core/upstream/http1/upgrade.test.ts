import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import type { Http1Client } from '../../../../lib/core/upstream/http1/client.ts';
import { listenRaw, until } from '../../../support/servers.ts';
import { ask, code, openClient, start } from './ask.ts';

interface Upgraded {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly socket: Duplex;
}

function upgrade(client: Http1Client): Promise<Upgraded> {
  return new Promise((resolve, reject) => {
    client.dispatch(
      { method: 'GET', path: '/', headers: ['Host', 'a'], upgrade: 'echo' },
      {
        onRequestUpgrade(_controller, status, headers, socket) {
          resolve({ status, headers, socket });
        },
        onResponseError(_controller, error) {
          reject(error);
        },
      },
    );
  });
}

const switching =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';

describe('101', () => {
  for (const [name, first, then] of [
    ['alone', switching, ''],
    ['with bytes behind it', `${switching}greeting`, ''],
    ['in two pieces', switching.slice(0, 30), `${switching.slice(30)}greeting`],
  ] as const)
    test(name, async (t) => {
      let peer: Socket | undefined;
      const { url } = await listenRaw(t, (socket) => {
        peer = socket;
        socket.once('data', () => {
          socket.write(first);
          setTimeout(() => then !== '' && socket.write(then), 50);
          socket.on('data', (chunk: Buffer) => socket.write(chunk));
        });
      });
      const client = openClient(t, url, { idle: 100 });
      const { status, headers, socket } = await upgrade(client);
      assert.deepEqual([status, headers.upgrade], [101, 'echo']);
      const greeting = name === 'alone' ? '' : 'greeting';
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString())).resume();
      socket.write('ping');
      await until(() => text === `${greeting}ping`, 'the echo came back');
      // The client has let go of it: neither its timeouts nor its end touch the socket.
      await client.close();
      client.destroy();
      await new Promise((resolve) => setTimeout(resolve, 300));
      socket.write('!');
      await until(() => text === `${greeting}ping!`, 'it still works');
      const ended = once(socket, 'end');
      peer?.end();
      await ended;
      socket.destroy();
    });

  test('a handler without onRequestUpgrade: error, and no socket is left', async (t) => {
    let peer: Socket | undefined;
    const { url } = await listenRaw(t, (socket) => {
      peer = socket;
      socket.once('data', () => socket.write(switching));
    });
    await assert.rejects(start(openClient(t, url), { upgrade: 'echo' }).answer, TypeError);
    await until(() => peer?.destroyed === true, 'closed');
  });
});

test('a refusal is an ordinary answer', async (t) => {
  const { url } = await listenRaw(t, (socket) => {
    socket.on('data', () => socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'));
  });
  const client = openClient(t, url);
  for (let index = 0; index < 2; index++) {
    const { status, body } = await ask(client, '/', { upgrade: 'echo' });
    assert.deepEqual([status, body.toString()], [403, 'no']);
  }
  assert.equal((await ask(client)).status, 403);
});

test('101 to a request that did not ask', async (t) => {
  const { url } = await listenRaw(t, (socket) => {
    socket.on('data', () => socket.write(switching));
  });
  await assert.rejects(ask(openClient(t, url)), code('ERR_SEKISHO_UPSTREAM_PROTOCOL'));
});
