import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import test, { type TestContext } from 'node:test';
import type { RequestHandler } from 'express';
import { contextOf } from '../../lib/core/context.ts';
import type { EgressGuardOptions } from '../../lib/egress-guard/index.ts';
import { listenRaw, until } from '../support/servers.ts';
import { ask, behind, guarded, openPort, openTunnel, type Guarded } from './support.ts';

/** Of Amazon's documentation. */
const secret = 'AKIAIOSFODNN7EXAMPLE';

async function proxied(
  t: TestContext,
  options: EgressGuardOptions,
  ...before: RequestHandler[]
): Promise<Guarded & { web: Awaited<ReturnType<typeof behind>> }> {
  const web = await behind(t);
  openPort(web.port);
  const ports = { destinations: { ports: [web.port], ...options.destinations } };
  return { ...(await guarded(t, { ...options, ...ports }, undefined, ...before)), web };
}

test('forward proxy: a secret in a body does not leave, and the record says what was seen', async (t) => {
  const { port, web, alerts, transactions } = await proxied(t, { mode: 'block' });
  const url = `http://paste.example:${web.port}/new`;
  const refused = await ask(port, url, { method: 'POST', body: [`note ${secret} `] });
  assert.equal(refused.status, 403);
  assert.equal(
    web.received.some(({ complete }) => complete),
    false,
  );
  assert.equal(alerts[0]?.destination, 'paste.example');
  assert.equal((await ask(port, url, { method: 'POST', body: ['all is well'] })).status, 200);
  await until(() => transactions.length === 2, 'the records');
  assert.deepEqual(
    transactions.map(({ egress, inspection }) => [egress, inspection]),
    [
      ['blocked', 'content'],
      ['passed', 'content'],
    ],
  );
});

test('a tunnel is cut when it comes to the cap, and the next one is not opened', async (t) => {
  const got: number[] = [];
  const { port: far } = await listenRaw(t, (socket) => {
    socket.on('data', (chunk) => got.push(chunk.length));
  });
  openPort(far, 'tunnel');
  const { port, alerts, transactions } = await guarded(t, {
    mode: 'block',
    volume: { windows: [{ window: '1h', cap: '1mb' }] },
    destinations: { ports: [far] },
  });
  const { socket, status, closed } = await openTunnel(port, `files.example:${far}`);
  assert.equal(status, 200);
  const block = Buffer.alloc(64 * 1024, 'x');
  const write = (): void => {
    while (!socket.destroyed && socket.write(block));
    if (!socket.destroyed) socket.once('drain', write);
  };
  write();
  await closed;
  const sent = got.reduce((sum, bytes) => sum + bytes, 0);
  assert.ok(sent <= 1 << 20, `${sent} bytes came`);
  assert.equal(alerts[0]?.rule, 'volume-cap');
  assert.equal(alerts[0].blocked, true);
  assert.equal((await openTunnel(port, `www.files.example:${far}`)).status, 403);
  assert.equal((await openTunnel(port, `other.example:${far}`)).status, 200);
  await until(() => transactions.some(({ egress }) => egress === 'cut'), 'the record');
  const record = transactions.find(({ egress }) => egress === 'cut');
  assert.equal(record?.inspection, 'metadata');
  assert.deepEqual(record.egressRules, ['volume-cap']);
});

for (const together of [true, false])
  test(`twenty tunnels share one cap, their bytes ${together ? 'in one write with' : 'after'} the CONNECT`, async (t) => {
    const cap = 200 * 1024;
    let got = 0;
    const { port: far } = await listenRaw(t, (socket) => {
      socket.on('data', (chunk) => (got += chunk.length));
    });
    openPort(far, 'tunnel');
    const { port } = await guarded(t, {
      mode: 'block',
      volume: { windows: [{ window: '1h', cap: '200kb' }], novelty: 1 },
      destinations: { ports: [far] },
    });
    const block = Buffer.alloc(300_000, 'x');
    const authority = `files.example:${far}`;
    const sendAll = async (): Promise<void> => {
      const { socket, closed, status } = await openTunnel(port, authority);
      if (status === 200) socket.write(block);
      else socket.destroy();
      await closed;
    };
    const sendAtOnce = async (): Promise<void> => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined).resume();
      const head = `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
      socket.write(Buffer.concat([Buffer.from(head), block]));
      // A cut is a reset.
      await new Promise((resolve) => socket.once('close', resolve));
    };
    await Promise.all(Array.from({ length: 20 }, together ? sendAtOnce : sendAll));
    assert.ok(got <= cap, `${got} bytes came`);
    assert.ok(got > 0, 'nothing came');
  });

test('monitor: a tunnel over the cap goes on', async (t) => {
  let got = 0;
  const { port: far } = await listenRaw(t, (socket) => {
    socket.on('data', (chunk) => (got += chunk.length));
  });
  openPort(far, 'tunnel');
  const { port, alerts } = await guarded(t, {
    volume: { windows: [{ window: '1h', cap: '100kb' }] },
    destinations: { ports: [far] },
  });
  const { socket } = await openTunnel(port, `files.example:${far}`);
  socket.write(Buffer.alloc(300_000));
  await until(() => got === 300_000, 'all comes');
  assert.deepEqual(
    alerts.map(({ rule, blocked, evidence }) => [rule, blocked, evidence.wouldBlock]),
    [['volume-cap', false, true]],
  );
});

test('a server name that is not the one asked for is told of, and one on a list cuts the tunnel', async (t) => {
  const { port: far } = await listenRaw(t, () => undefined);
  openPort(far, 'tunnel');
  const { port, alerts } = await guarded(t, {
    mode: 'block',
    destinations: { ports: [far], deny: ['bad.example'] },
  });
  /** @returns what tells whether the tunnel has been closed */
  const hello = async (servername: string): Promise<{ closed: Promise<void> }> => {
    const { socket, closed, status } = await openTunnel(port, `front.example:${far}`);
    assert.equal(status, 200);
    connectTls({ socket, servername }).on('error', () => undefined);
    return { closed };
  };
  await hello('front.example');
  await hello('behind.example');
  await until(() => alerts.length === 1, 'the alert');
  assert.equal(alerts[0]?.rule, 'server-name');
  assert.equal(alerts[0].evidence.serverName, 'behind.example');
  const { closed } = await hello('www.bad.example');
  await closed;
  assert.deepEqual(
    alerts.slice(1).map(({ rule, blocked }) => [rule, blocked]),
    [['listed-destination', true]],
  );
});

test('destinations: lists, raw addresses and unusual ports', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-egress-'));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  const file = join(directory, 'bad.hosts');
  writeFileSync(file, '0.0.0.0 malware.example\n');
  const { port, web, guard, alerts } = await proxied(t, {
    mode: 'block',
    destinations: { lists: [{ file, category: 'malware' }], ports: [80], deny: ['drop.example'] },
  });
  await guard.ready;
  const status = async (host: string): Promise<number> =>
    (await ask(port, `http://${host}:${web.port}/`)).status;
  assert.equal(await status('malware.example'), 403);
  assert.equal(await status('www.drop.example'), 403);
  assert.equal(await status('127.0.0.1'), 200);
  const told = alerts.map(({ rule, destination, evidence }) => [rule, destination, evidence]);
  assert.deepEqual(told, [
    ['listed-destination', 'malware.example', { list: `${file}:1`, category: 'malware' }],
    ['unusual-port', 'malware.example', { port: web.port }],
    ['listed-destination', 'www.drop.example', { list: 'destinations.deny' }],
    ['unusual-port', 'www.drop.example', { port: web.port }],
    ['raw-ip', '127.0.0.1', { address: '127.0.0.1' }],
    ['unusual-port', '127.0.0.1', { port: web.port }],
  ]);
  assert.equal((await openTunnel(port, 'malware.example:443')).status, 403);
});

test('a list that has not been read yet holds requests until it has', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-egress-'));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  const file = join(directory, 'bad.txt');
  writeFileSync(
    file,
    Array.from({ length: 50_000 }, (_, index) => `host${index}.bad.example`).join('\n'),
  );
  const { port, web } = await proxied(t, {
    mode: 'block',
    destinations: { lists: [{ file, category: 'bad' }] },
  });
  assert.equal((await ask(port, `http://host7.bad.example:${web.port}/`)).status, 403);
});

test('a client that tries a refused CONNECT six times is told of once', async (t) => {
  const { port, alerts } = await guarded(t, {
    mode: 'block',
    destinations: { deny: ['drop.example'] },
  });
  for (let attempt = 0; attempt < 6; attempt++)
    assert.equal((await openTunnel(port, 'drop.example:443')).status, 403);
  assert.equal(alerts.length, 1);
});

test('users are counted by name, whatever their addresses are', async (t) => {
  const login: RequestHandler = (req, _res, next) => {
    const name = String(req.headers['x-test-user']);
    contextOf(req).user = { name, scheme: 'basic', groups: [], claims: {} };
    next();
  };
  const { port, web, alerts } = await proxied(
    t,
    { mode: 'block', volume: { windows: [{ window: '1h', cap: '10kb' }] } },
    login,
  );
  const send = async (user: string): Promise<number> => {
    const headers = { 'x-test-user': user };
    const url = `http://files.example:${web.port}/`;
    return (await ask(port, url, { method: 'POST', headers, body: ['x'.repeat(6000)] })).status;
  };
  assert.deepEqual([await send('alice'), await send('bob')], [200, 200]);
  assert.deepEqual([await send('alice'), await send('bob')], [403, 403]);
  assert.deepEqual(
    alerts.map(({ user }) => user),
    ['alice', 'bob'],
  );
});

test('to allowed domains anything may go, but no secrets', async (t) => {
  const { port, web, alerts } = await proxied(t, {
    mode: 'block',
    volume: { windows: [{ window: '1h', cap: '10kb' }] },
    destinations: { allow: ['backup.example'] },
  });
  const send = async (body: string): Promise<number> =>
    (await ask(port, `http://eu.backup.example:${web.port}/`, { method: 'PUT', body: [body] }))
      .status;
  assert.equal(await send('x'.repeat(50_000)), 200);
  assert.deepEqual(alerts, []);
  assert.equal(await send(`x ${secret} x`), 403);
});
