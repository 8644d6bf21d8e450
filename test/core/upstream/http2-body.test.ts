import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createServer } from 'node:tls';
import { createAuthority } from '../../support/certificates.ts';
import {
  endStream,
  frameTypes,
  preface,
  readFrames,
  type Frame,
} from '../../support/http2-frames.ts';
import { until } from '../../support/servers.ts';
import { proxyTo } from './forward-support.ts';

/** An HTTP/2 server that takes requests and never answers, and a client that has sent it a half of one. */
async function halfSent(
  t: TestContext,
  head: string,
  options: object = {},
): Promise<{ client: Socket; frames: readonly Frame[] }> {
  const authority = await createAuthority();
  const certificate = await authority.issue('localhost', '127.0.0.1');
  const frames: Frame[] = [];
  const server = createServer({ ...certificate, ALPNProtocols: ['h2'] }, (socket) => {
    socket.on('error', () => undefined);
    t.after(() => socket.destroy());
    readFrames(socket, frames, preface.length);
    const settings = Buffer.from([0, 0, 0, frameTypes.SETTINGS, 0, 0, 0, 0, 0]);
    const acknowledged = Buffer.from([0, 0, 0, frameTypes.SETTINGS, 1, 0, 0, 0, 0]);
    socket.write(Buffer.concat([settings, acknowledged]));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = await proxyTo(t, `https://localhost:${(server.address() as AddressInfo).port}`, {
    http2: true,
    tls: { ca: authority.cert },
    retries: { attempts: 1 },
    ...options,
  });
  const client = connect(port, '127.0.0.1').on('error', () => undefined);
  t.after(() => client.destroy());
  client.resume().write(`POST / HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n5\r\nhello\r\n`);
  await until(() => frames.some(({ type }) => type === frameTypes.DATA), 'a half of the body');
  return { client, frames };
}

/** Waits for the end of the stream. */
async function ending(frames: readonly Frame[]): Promise<{ complete: boolean }> {
  await until(() => frames.some(({ type }) => type === frameTypes.RST_STREAM), 'the reset');
  return {
    complete: frames.some(({ type, flags }) => type === frameTypes.DATA && flags & endStream),
  };
}

for (const head of ['Transfer-Encoding: chunked', 'Content-Length: 100'])
  test(`${head}: a client that leaves in the middle leaves no complete request`, async (t) => {
    const { client, frames } = await halfSent(t, head);
    client.destroy();
    assert.deepEqual(await ending(frames), { complete: false });
  });

test('a request that is given up in the middle does not look complete', async (t) => {
  const { frames } = await halfSent(t, 'Transfer-Encoding: chunked', {
    timeouts: { total: '500ms' },
  });
  assert.deepEqual(await ending(frames), { complete: false });
});
