import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { openTransport } from '../../../lib/core/upstream/transport.ts';
import { createAuthority } from '../../support/certificates.ts';

interface Received {
  readonly bytes: number;
  readonly trailers: Readonly<Record<string, unknown>> | undefined;
  readonly code: string | undefined;
}

/** Asks over HTTP/2 for an answer with trailers; `onData` is called with each piece. */
async function receive(
  t: TestContext,
  answer: (stream: ServerHttp2Stream) => void,
  onData: (controller: Dispatcher.DispatchController) => void,
): Promise<Received> {
  const authority = await createAuthority();
  const server = createSecureServer(await authority.issue('localhost', '127.0.0.1'));
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.once('wantTrailers', () => {
      stream.sendTrailers({ 'x-sum': '1' });
    });
    answer(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  const timeouts = { connect: 5000, headers: 5000, idle: 5000 };
  const tls = { ca: authority.cert };
  const transport = openTransport(new URL(origin), { timeouts, tls, http2: true });
  t.after(() => {
    transport.destroy();
    server.close();
  });
  let bytes = 0;
  return new Promise((resolve) => {
    transport.dispatch(
      { origin, method: 'GET', path: '/', headers: ['Host', 'localhost'] },
      {
        onRequestStart: () => undefined,
        onResponseData(controller, chunk) {
          bytes += chunk.length;
          onData(controller);
        },
        onResponseEnd(_controller, trailers) {
          resolve({ bytes, trailers, code: undefined });
        },
        onResponseError(_controller, error) {
          resolve({ bytes, trailers: undefined, code: (error as { code?: string }).code });
        },
      },
    );
  });
}

test('the trailers of an answer are handed on', async (t) => {
  const received = await receive(
    t,
    (stream) => {
      stream.write('hello');
      setTimeout(() => stream.end(' world'), 50);
    },
    () => undefined,
  );
  assert.equal(received.bytes, 11);
  assert.deepEqual(Object.entries(received.trailers ?? {}), [['x-sum', '1']]);
});

test('an answer whose trailers come while it is paused never looks complete without its body', async (t) => {
  const rest = 60_000;
  let paused = false;
  const received = await receive(
    t,
    (stream) => {
      stream.write('hello');
      setTimeout(() => stream.end(Buffer.alloc(rest)), 50);
    },
    (controller) => {
      if (paused) return;
      paused = true;
      controller.pause();
      void pause(300).then(() => {
        controller.resume();
      });
    },
  );
  if (received.code === undefined) assert.equal(received.bytes, 5 + rest);
  else assert.equal(received.code, 'ERR_SEKISHO_TRUNCATED');
});
