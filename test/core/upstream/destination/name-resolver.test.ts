import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { useClock } from '../../../../lib/core/clock.ts';
import {
  NameResolver,
  ResolutionError,
} from '../../../../lib/core/upstream/destination/name-resolver.ts';
import { dnsServer, type Zone } from '../dns-server.ts';

async function resolve(dns: NameResolver, hostname = 'example.test'): Promise<string[]> {
  return (await dns.resolve(hostname)).map(({ text }) => text);
}

async function resolver(t: TestContext, zone: Zone, timeout = 5000): Promise<NameResolver> {
  return new NameResolver({ lookup: undefined, timeout, servers: [await dnsServer(t, zone)] });
}

/** A name server that never says a word. */
async function silentServer(t: TestContext): Promise<string> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  return `127.0.0.1:${socket.address().port}`;
}

for (const [what, zone, expected] of [
  [
    'both families, IPv4 first',
    { a: ['192.0.2.1', '192.0.2.2'], aaaa: ['::1'] },
    ['192.0.2.1', '192.0.2.2', '::1'],
  ],
  ['IPv4 only', { a: ['192.0.2.1'] }, ['192.0.2.1']],
  ['IPv6 only', { aaaa: ['::1'] }, ['::1']],
  ['IPv4, while IPv6 hangs', { a: ['192.0.2.1'], aaaa: ['::1'], silent: ['aaaa'] }, ['192.0.2.1']],
] as const)
  test(`resolves ${what}`, async (t) => {
    const dns = await resolver(t, zone);
    assert.deepEqual(await resolve(dns), expected);
  });

for (const [what, zone] of [
  ['no records', {}],
  ['NXDOMAIN', { code: 3 }],
  ['SERVFAIL', { code: 2 }],
] as const)
  test(`${what} is a failure, and no time-out`, async (t) => {
    const dns = await resolver(t, zone);
    await assert.rejects(
      () => resolve(dns),
      (error) => error instanceof ResolutionError && !error.timedOut,
    );
  });

test('a server that hangs costs the time limit and no more', async (t) => {
  const servers = [await silentServer(t)];
  const dns = new NameResolver({ lookup: undefined, timeout: 50, servers });
  await assert.rejects(
    () => resolve(dns),
    (error) => error instanceof ResolutionError && error.timedOut,
  );
});

test('answers are remembered as long as they say, within bounds', async (t) => {
  let now = 0;
  t.after(useClock({ monotonic: () => now }));
  for (const [ttl, until] of [
    [30, 30],
    [0, 1],
    [86_400, 60],
  ] as const) {
    const zone: Zone = { a: ['192.0.2.1'], ttl };
    const dns = await resolver(t, zone);
    now = 1000;
    await dns.resolve('example.test');
    zone.a = ['192.0.2.2'];
    now += until * 1000 - 1;
    assert.ok(!(dns.resolve('example.test') instanceof Promise));
    assert.deepEqual(await resolve(dns), ['192.0.2.1']);
    now += 2;
    assert.deepEqual(await resolve(dns), ['192.0.2.2'], String(ttl));
  }
});

test('a failure is not remembered', async (t) => {
  const zone: Zone = { code: 2 };
  const dns = await resolver(t, zone);
  await assert.rejects(() => resolve(dns));
  delete zone.code;
  zone.a = ['192.0.2.1'];
  assert.deepEqual(await resolve(dns), ['192.0.2.1']);
});

test('a name that many ask for at the same time is asked once', async (t) => {
  const zone: Zone = { a: ['192.0.2.1'] };
  const dns = await resolver(t, zone);
  const answers = await Promise.all(Array.from({ length: 50 }, () => resolve(dns)));
  assert.ok(answers.every((answer) => answer.join() === '192.0.2.1'));
  assert.equal(zone.asked, 2);
});

test('a flood of names that hang is bounded, and over when they are', async () => {
  let release: (addresses: string[]) => void = () => undefined;
  const gate = new Promise<string[]>((resolve) => (release = resolve));
  const dns = new NameResolver({ lookup: () => gate, timeout: 5000 });
  const waiting = Array.from({ length: 1000 }, (_, index) => resolve(dns, `a${index}.test`));
  await assert.rejects(() => resolve(dns, 'one-more.test'), /too many names/);
  release(['192.0.2.1']);
  await Promise.all(waiting);
  assert.deepEqual(await resolve(dns, 'one-more.test'), ['192.0.2.1']);
});

test('what a lookup of the operator says is not remembered', async () => {
  let asked = 0;
  const dns = new NameResolver({
    lookup: (hostname) =>
      Promise.resolve([`192.0.2.${++asked}`, hostname.length === 12 ? '::1' : hostname]),
    timeout: 5000,
  });
  assert.deepEqual(await resolve(dns), ['192.0.2.1', '::1']);
  assert.deepEqual(await resolve(dns), ['192.0.2.2', '::1']);
});
