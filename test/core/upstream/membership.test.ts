import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Membership } from '../../../lib/core/upstream/membership.ts';
import { serverKey, type ServerDefinition } from '../../../lib/core/upstream/server.ts';

const define = (port: number, more: Partial<ServerDefinition> = {}): ServerDefinition => ({
  url: new URL(`http://127.0.0.1:${port}`),
  weight: 1,
  backup: false,
  maxConnections: Infinity,
  ...more,
});

/** A membership whose transports note what is done to them; opening port 13 fails. */
function open() {
  const log: string[] = [];
  const closing = new Map<string, PromiseWithResolvers<void>>();
  const members = new Membership(({ url: { port } }) => {
    if (port === '13') throw new Error('port 13');
    log.push(`open ${port}`);
    return {
      dispatch: () => true,
      close: () => {
        log.push(`close ${port}`);
        const closed: PromiseWithResolvers<void> = Promise.withResolvers();
        closing.set(port, closed);
        if (port !== '7') closed.resolve();
        return closed.promise;
      },
      destroy: () => void log.push(`destroy ${port}`),
    };
  }, 20);
  const settle = () => new Promise(setImmediate);
  return { log, members, closing, settle };
}

const ports = (members: Membership): string => members.servers.map(({ url }) => url.port).join(' ');

for (const [what, next, servers, log] of [
  ['adds', [1, 2, 3], '1 2 3', ['open 3']],
  ['removes', [2], '2', ['close 1']],
  ['exchanges', [3, 2], '3 2', ['open 3', 'close 1']],
  ['reorders', [2, 1], '2 1', []],
  ['empties', [], '', ['close 1', 'close 2']],
] as [string, number[], string, string[]][])
  test(`a replacement ${what}; what stays is the same server`, async () => {
    const { members, log: seen, settle } = open();
    members.replace([define(1), define(2)], false);
    const before = members.servers;
    seen.length = 0;
    const { opened, removed } = members.replace(
      next.map((port) => define(port)),
      false,
    );
    await settle();
    assert.equal(ports(members), servers);
    assert.deepEqual(seen, log);
    assert.deepEqual(
      opened
        .map(({ url }) => `open ${url.port}`)
        .concat(removed.map(({ url }) => `close ${url.port}`)),
      log,
    );
    for (const server of before)
      assert.equal(members.servers.includes(server), next.includes(Number(server.url.port)));
    assert.ok(removed.every(({ draining }) => draining));
  });

test('one that cannot be opened leaves all as it was', () => {
  const { members, log } = open();
  members.replace([define(1)], false);
  const before = members.servers;
  assert.throws(() => members.replace([define(1, { weight: 9 }), define(2), define(13)], false), {
    message: 'port 13',
  });
  assert.equal(members.servers, before);
  assert.equal(before[0]!.weight, 1);
  assert.equal(members.find(serverKey(define(2))), undefined);
  assert.deepEqual(log, ['open 1', 'open 2', 'destroy 2']);
});

for (const keepDraining of [true, false])
  test(`weight, role and limit follow the definition; draining ${keepDraining ? 'lasts' : 'ends'}`, () => {
    const { members } = open();
    members.replace([define(1)], false);
    const [server] = members.servers;
    assert.equal(server!.maxConnections, 20, 'that of the pool');
    server!.draining = true;
    members.replace([define(1, { weight: 3, backup: true, maxConnections: 5 })], keepDraining);
    const { weight, backup, maxConnections, draining } = server!;
    assert.deepEqual([weight, backup, maxConnections, draining], [3, true, 5, keepDraining]);
  });

test('two names at one address are two servers', () => {
  const { members } = open();
  members.replace([define(1, { host: 'a' }), define(1, { host: 'b' }), define(1)], false);
  assert.equal(members.servers.length, 3);
  for (const [index, host] of ['a', 'b', undefined].entries())
    assert.equal(members.find(serverKey(define(1, { host }))), members.servers[index]);
});

test('everybody who waits for a server hears of its last request, once', async () => {
  const { members, settle } = open();
  members.replace([define(1)], false);
  const [server] = members.servers;
  await members.whenIdle(server!);
  server!.inflight = 1;
  let heard = 0;
  for (let time = 0; time < 2; time++) void members.whenIdle(server!).then(() => heard++);
  await settle();
  assert.equal(heard, 0);
  server!.inflight = 0;
  members.idle(server!);
  members.idle(server!);
  await settle();
  assert.equal(heard, 2);
});

test('close waits for servers removed earlier: for their requests, then their connections', async () => {
  const { members, log, closing, settle } = open();
  members.replace([define(7), define(2)], false);
  const [leaving] = members.servers;
  leaving!.inflight = 1;
  members.replace([define(2)], false);
  let done = false;
  const closed = members.close().then(() => (done = true));
  await settle();
  assert.deepEqual([done, log.slice(2)], [false, ['close 2']]);
  leaving!.inflight = 0;
  members.idle(leaving!);
  await settle();
  assert.deepEqual([done, log.slice(2)], [false, ['close 2', 'close 7']]);
  closing.get('7')!.resolve();
  await closed;
});

test('a removed server that cannot close does not stop the others', async () => {
  const { members, closing, settle } = open();
  members.replace([define(7), define(2)], false);
  members.replace([define(2)], false);
  await settle();
  closing.get('7')!.reject(new Error('destroyed meanwhile'));
  await members.close();
});

test('destroy reaches those that are leaving, and no others', async () => {
  const { members, log, settle } = open();
  members.replace([define(1), define(2), define(3)], false);
  members.servers[0]!.inflight = 1;
  members.replace([define(3)], false);
  await settle();
  members.destroy();
  assert.deepEqual(log.slice(3), ['close 2', 'destroy 3', 'destroy 1']);
});
