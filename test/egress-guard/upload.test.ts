import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import express from 'express';
import { balancedProxy, type BalancedProxyOptions } from '../../lib/balanced-proxy/index.ts';
import {
  egressGuard,
  type EgressAlert,
  type EgressGuardOptions,
} from '../../lib/egress-guard/index.ts';
import { listenRaw, until } from '../support/servers.ts';
import { localAuthority } from '../support/tls.ts';
import { ask, behind } from './support.ts';

const secret = 'AKIAIOSFODNN7EXAMPLE';

async function gateway(
  t: TestContext,
  proxy: BalancedProxyOptions,
  options: EgressGuardOptions,
): Promise<{ port: number; alerts: EgressAlert[] }> {
  const alerts: EgressAlert[] = [];
  const app = express().set('env', 'test');
  app.use(
    egressGuard({
      onAlert: (alert) => alerts.push(alert),
      ...options,
      inspection: { timeBudget: '60s', ...options.inspection },
    }),
    balancedProxy(proxy),
  );
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, alerts };
}

for (const mode of ['block', 'monitor'] as const)
  test(`${mode}: uploads to an HTTP/2 server`, async (t) => {
    const { ca, local } = await localAuthority();
    const received: { bytes: Buffer }[] = [];
    const server = createSecureServer(local, (req, res) => {
      const seen = { bytes: Buffer.alloc(0) };
      received.push(seen);
      req.on('error', () => undefined);
      req.on('data', (chunk: Buffer) => (seen.bytes = Buffer.concat([seen.bytes, chunk])));
      req.on('end', () => {
        res.end(`HTTP/${req.httpVersion}`);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const target = `https://localhost:${(server.address() as AddressInfo).port}`;
    const { port, alerts } = await gateway(
      t,
      { target, http2: true, tls: { ca: ca.cert } },
      { mode },
    );
    const long = Buffer.from(Array.from({ length: 1 << 20 }, (_, index) => (index * 31) & 0xff));
    const body = Array.from({ length: 16 }, (_, index) =>
      long.subarray(index << 16, (index + 1) << 16),
    );
    const fine = await ask(port, '/', { method: 'POST', body });
    assert.deepEqual([fine.status, fine.text], [200, 'HTTP/2.0']);
    assert.ok(received[0]?.bytes.equals(long));
    const late = await ask(port, '/', { method: 'POST', body: [...body, ` ${secret} `] });
    assert.equal(late.status, mode === 'block' ? 403 : 200);
    assert.equal(alerts[0]?.rule, 'secret');
    if (mode === 'monitor') return;
    assert.ok((received[1]?.bytes.length ?? 0) < long.length);
    assert.ok(received.every(({ bytes }) => !bytes.includes(secret)));
    const small = await ask(port, '/', { method: 'POST', body: [`note ${secret} `] });
    assert.equal(small.status, 403);
    assert.equal((await ask(port, '/', { method: 'POST', body: ['fine'] })).status, 200);
  });

test('a body that is sent a second time, to another server, is whole, and counted once', async (t) => {
  const { url: bad } = await listenRaw(t, (socket) => {
    socket.on('data', (chunk) => {
      if (String(chunk).includes('end')) socket.destroy();
    });
  });
  const good = await behind(t);
  for (const mode of ['block', 'monitor'] as const) {
    const { port, alerts } = await gateway(
      t,
      { target: [bad, good.url], balance: 'first' },
      { mode, volume: { windows: [{ window: '1h', cap: '50kb' }] } },
    );
    const body = ['x'.repeat(20_000), 'y'.repeat(15_000), 'the end'];
    const { status } = await ask(port, '/', { method: 'PUT', body });
    assert.equal(status, 200);
    assert.equal(String(good.received.at(-1)?.bytes), body.join(''));
    assert.deepEqual(alerts, []);
  }
});

test('a body that is found out is not tried elsewhere, and no fault of the server', async (t) => {
  const servers = [await behind(t), await behind(t)];
  const { port } = await gateway(
    t,
    {
      target: servers.map(({ url }) => url),
      balance: 'round-robin',
      ejection: { consecutiveFailures: 1, maxEjected: 1 },
    },
    { mode: 'block' },
  );
  for (let count = 0; count < 6; count++)
    assert.equal((await ask(port, '/', { method: 'PUT', body: [`a ${secret} b`] })).status, 403);
  for (let count = 0; count < 4; count++) assert.equal((await ask(port, '/')).status, 200);
  const seen = servers.flatMap(({ received }) => received);
  assert.ok(seen.length <= 10, `${seen.length} requests`);
  assert.ok(servers.every(({ received }) => received.some(({ complete }) => complete)));
});

test('a client that leaves in the middle of its upload leaves nothing behind', async (t) => {
  const server = await behind(t);
  const { port } = await gateway(t, { target: server.url }, { mode: 'block' });
  const leaving = new AbortController();
  const body = (async function* () {
    yield Buffer.alloc(200_000);
    await until(() => server.received.length === 1, 'it has begun');
    leaving.abort();
    yield Buffer.alloc(100);
  })();
  await assert.rejects(
    fetch(`http://127.0.0.1:${port}/`, {
      ...{ method: 'POST', body, duplex: 'half', signal: leaving.signal },
    }),
  );
  await until(() => server.received[0]?.aborted === true, 'the server hears of it');
  assert.equal((await ask(port, '/')).status, 200);
});
