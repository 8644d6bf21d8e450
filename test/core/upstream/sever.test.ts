import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import test, { type TestContext } from 'node:test';
import { sever } from '../../../lib/core/upstream/sever.ts';
import { until } from '../../support/servers.ts';
import { localAuthority } from '../../support/tls.ts';

interface Case {
  readonly name: string;
  open(t: TestContext): Promise<[near: Socket, far: Socket]>;
  /** What the far side hears. */
  readonly error: string | undefined;
}

const cases: readonly Case[] = [
  {
    name: 'TCP is reset',
    error: 'ECONNRESET',
    open: async (t) => {
      const server = createServer().listen(0, '127.0.0.1');
      t.after(() => server.close());
      await once(server, 'listening');
      const far = connect((server.address() as { port: number }).port, '127.0.0.1');
      const [near] = (await once(server, 'connection')) as [Socket];
      return [near, far];
    },
  },
  {
    name: 'a pipe is closed',
    error: undefined,
    open: async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'sekisho-'));
      const server = createServer().listen(join(folder, 'socket'));
      t.after(() => {
        server.close();
        rmSync(folder, { recursive: true, force: true });
      });
      await once(server, 'listening');
      const far = connect(join(folder, 'socket'));
      const [near] = (await once(server, 'connection')) as [Socket];
      return [near, far];
    },
  },
  {
    name: 'TLS is closed',
    error: undefined,
    open: async (t) => {
      const { local } = await localAuthority();
      const server = createTlsServer(local).listen(0, '127.0.0.1');
      t.after(() => server.close());
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      const far = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
      const [near] = (await once(server, 'secureConnection')) as [Socket];
      return [near, far];
    },
  },
];

for (const { name, error, ...scene } of cases)
  test(`${name}, at once and for good`, async (t) => {
    const [near, far] = await scene.open(t);
    let heard: string | undefined;
    far.on('error', (failure: NodeJS.ErrnoException) => (heard = failure.code)).resume();
    near.on('error', () => undefined);
    sever(near);
    assert.equal(near.destroyed, true);
    sever(near);
    await until(() => far.closed, 'the end of the other side');
    assert.equal(heard, error);
  });

test('any other stream is destroyed', () => {
  const stream = new PassThrough();
  sever(stream);
  assert.equal(stream.destroyed, true);
});
