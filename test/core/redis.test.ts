import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { after, suite, test, type TestContext } from 'node:test';
import { createClient, createCluster, createSentinel } from 'redis';
import { useClock } from '../../lib/core/clock.ts';
import { Redis, RedisUnavailable, type RedisInit } from '../../lib/core/redis.ts';
import { noRedis, startRedis, startRedisCluster, startSentinel } from '../support/redis.ts';
import { listenRaw, until } from '../support/servers.ts';

const server = noRedis === false ? await startRedis({ after }) : undefined;
const url = server?.url ?? '';
let prefixes = 0;

function open(t: TestContext, init: Partial<RedisInit>): Redis {
  const prefix = `test ${String(prefixes++)}:`;
  const redis = new Redis({ prefix, timeout: 10_000, without: 'the test goes on', ...init });
  t.after(() => {
    redis.close();
  });
  return redis;
}

function warnings(t: TestContext): string[] {
  const seen: string[] = [];
  const listen = (warning: Error & { code?: string }): void => {
    if (warning.code === 'SEKISHO_REDIS') seen.push(warning.message);
  };
  process.on('warning', listen);
  t.after(() => process.off('warning', listen));
  return seen;
}

suite('plain commands', { skip: noRedis }, () => {
  test('get, set, delete: any bytes', async (t) => {
    const redis = open(t, { url });
    const bytes = Buffer.from([0, 255, 13, 10, 128]);
    assert.equal(await redis.get('a'), undefined);
    await redis.set('a', bytes, 60_000);
    assert.deepEqual(await redis.get('a'), bytes);
    assert.equal(await redis.delete('a'), true);
    assert.equal(await redis.delete('a'), false);
    await redis.set('a', '', 60_000);
    assert.deepEqual(await redis.get('a'), Buffer.alloc(0));
  });

  test('what is set expires, after a millisecond at the least and ten years at the most', async (t) => {
    const redis = open(t, { url });
    await redis.set('a', 'x', 0.1);
    await until(async () => (await redis.get('a')) === undefined, 'it expires');
    await redis.set('a', 'x', Infinity);
    assert.ok(Number(await redis.run('a', ['PTTL', null])) > 1e11);
  });

  test('setIfAbsent, compareAndDelete', async (t) => {
    const redis = open(t, { url });
    assert.equal(await redis.setIfAbsent('a', 'mine', 60_000), true);
    assert.equal(await redis.setIfAbsent('a', 'yours', 60_000), false);
    assert.equal(await redis.compareAndDelete('a', 'yours'), false);
    assert.equal(await redis.compareAndDelete('a', 'mine'), true);
    assert.equal(await redis.get('a'), undefined);
  });

  test('a count begins anew after its time, counted from its first', async (t) => {
    const redis = open(t, { url });
    assert.equal(await redis.increment('a', 60_000), 1);
    assert.equal(await redis.increment('a', 90_000), 2);
    const ttl = Number(await redis.run('a', ['PTTL', null]));
    assert.ok(ttl > 0 && ttl <= 60_000, String(ttl));
    await redis.increment('b', 1);
    await until(async () => (await redis.increment('b', 1)) === 1, 'it begins anew');
  });

  test('evaluate: a script with its key and arguments', async (t) => {
    const redis = open(t, { url });
    const reply = await redis.evaluate('return {KEYS[1], ARGV[1], 7}', 'a', ['x']);
    assert.match(String(reply), /^test \d+:a,x,7$/);
  });

  test('scan: every key with this start, without the prefix, and no other', async (t) => {
    const redis = open(t, { url, prefix: 'odd*[a]?\\:' });
    const wanted = Array.from({ length: 1200 }, (_, index) => `a:${index}`);
    await Promise.all(
      [...wanted, 'b:1', 'a'].slice(0, 600).map((key) => redis.set(key, 'x', 60_000)),
    );
    await Promise.all([...wanted, 'b:1', 'a'].slice(600).map((key) => redis.set(key, 'x', 60_000)));
    const found = new Set<string>();
    for await (const { keys, send } of redis.scan('a:', 10_000)) {
      for (const key of keys) found.add(key);
      assert.equal(await send(['EXISTS', redis.fullKey(keys[0] as string)]), 1);
    }
    assert.deepEqual([...found].sort(), wanted.sort());
  });

  test('an error reply comes as it is, and is no outage', async (t) => {
    const redis = open(t, { url });
    await redis.set('a', 'x', 60_000);
    await assert.rejects(redis.run('a', ['LPUSH', null, 'x']), /^\w*Error: WRONGTYPE/);
    assert.equal(redis.available, true);
    assert.deepEqual(await redis.get('a'), Buffer.from('x'));
  });

  test('by a unix socket', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'sekisho-redis-'));
    t.after(() => {
      rmSync(directory, { recursive: true, force: true });
    });
    await startRedis(t, '--unixsocket', join(directory, 'redis.sock'));
    const redis = open(t, { url: `unix://${directory}/redis.sock` });
    await redis.set('a', 'x', 60_000);
    assert.deepEqual(await redis.get('a'), Buffer.from('x'));
  });
});

suite("the caller's client", { skip: noRedis }, () => {
  test('is connected when it is not, and not closed', async (t) => {
    const client = createClient({ url });
    t.after(() => {
      client.destroy();
    });
    const redis = open(t, { client });
    assert.equal(client.isOpen, false);
    await redis.set('a', 'x', 60_000);
    assert.equal(client.listenerCount('error'), 1);
    redis.close();
    assert.equal(client.isReady, true);
    assert.equal(client.listenerCount('error'), 0);
    assert.equal(await client.ping(), 'PONG');
    await assert.rejects(redis.get('a'), RedisUnavailable);
  });

  test('is waited for when somebody is connecting it', async (t) => {
    const client = createClient({ url });
    t.after(() => {
      client.destroy();
    });
    const redis = open(t, { client });
    const connecting = client.connect();
    await redis.set('a', 'x', 60_000);
    await connecting;
  });

  test('its errors do not end the process, though nobody else listens', async (t) => {
    const own = await startRedis(t);
    const client = createClient({ url: own.url });
    t.after(() => {
      client.destroy();
    });
    const redis = open(t, { client });
    await redis.set('a', 'x', 60_000);
    await own.stop();
    await until(() => !redis.available, 'it notices');
    await own.start();
    await until(
      async () => (await redis.get('a').catch(() => 'gone')) === undefined,
      'it comes back',
    );
  });

  test('a cluster that could not be reached at first is tried again', async (t) => {
    const own = await startRedisCluster(t);
    own.pause();
    await own.stop();
    const client = createCluster({ rootNodes: [{ url: own.url }] });
    t.after(() => {
      client.destroy();
    });
    const redis = open(t, { client });
    await assert.rejects(redis.get('a'), RedisUnavailable);
    await own.start();
    await until(
      async () => (await redis.get('a').catch(() => 'gone')) === undefined,
      'it comes back',
    );
  });
});

test('by way of a sentinel', { skip: noRedis }, async (t) => {
  const own = await startRedis(t);
  const { port } = await startSentinel(t, own);
  const client = createSentinel({
    name: 'main',
    sentinelRootNodes: [{ host: '127.0.0.1', port }],
  });
  t.after(() => client.close());
  const redis = open(t, { client });
  await redis.set('a', 'x', 60_000);
  assert.deepEqual(await redis.get('a'), Buffer.from('x'));
  for await (const { keys } of redis.scan('', 10_000)) assert.deepEqual(keys, ['a']);
});

suite('outages', { skip: noRedis }, () => {
  test('nobody there: commands fail at once, one warning without the password', async (t) => {
    const seen = warnings(t);
    const own = await startRedis(t);
    await own.stop();
    const redis = open(t, { url: own.url.replace('//', '//user:pass%2Fword@') });
    await assert.rejects(redis.get('a'), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'ERR_SEKISHO_REDIS');
      assert.match(error.message, /^redis:\/\/127\.0\.0\.1:\d+ does not answer \(ECONNREFUSED\)$/);
      return true;
    });
    for (let index = 0; index < 10; index++) await assert.rejects(redis.get('a'), RedisUnavailable);
    assert.equal(redis.available, false);
    await until(() => seen.length > 0, 'a warning');
    assert.deepEqual(
      seen.map((text) => text.replace(/:\d+ /, ' ')),
      ['redis://127.0.0.1 does not answer (ECONNREFUSED): the test goes on'],
    );
  });

  test('there is one client of our own, however often it was tried', async (t) => {
    let now = 0;
    t.after(useClock({ monotonic: () => performance.now() + now }));
    let sockets = 0;
    const { port } = await listenRaw(t, (socket) => {
      sockets++;
      socket.on('close', () => sockets--).on('data', () => socket.write('-LOADING wait\r\n'));
    });
    const redis = open(t, { url: `redis://127.0.0.1:${port}` });
    for (let index = 0; index < 5; index++) {
      await assert.rejects(redis.get('a'), RedisUnavailable);
      now += 1500;
      assert.ok(sockets <= 2, String(sockets));
    }
    redis.close();
    await until(() => sockets === 0, 'closed');
  });

  test('not a Redis: an answer that is none, then silence', async (t) => {
    const { port } = await listenRaw(t, (socket) =>
      socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    const redis = open(t, { url: `redis://127.0.0.1:${port}`, timeout: 200 });
    await assert.rejects(redis.get('a'), RedisUnavailable);
  });

  test('slow: the wait is the time limit, and a late answer does not count as back', async (t) => {
    const seen = warnings(t);
    const own = await startRedis(t);
    const redis = open(t, { url: own.url, timeout: 1000 });
    await redis.set('a', 'x', 60_000, 20_000);
    own.pause();
    await assert.rejects(redis.get('a'), /did not answer within 1000 ms/);
    assert.equal(redis.available, false);
    await assert.rejects(redis.get('a'), /is gone/);
    own.resume();
    await until(
      async () => (await redis.get('a').catch(() => undefined)) !== undefined,
      'it comes back',
    );
    await until(() => seen.length >= 2, 'both warnings');
    assert.match(seen[0] as string, /is too slow: the test goes on$/);
    assert.match(seen[1] as string, /answers again$/);
  });

  test('a slow start is no outage', async (t) => {
    const seen = warnings(t);
    const opened = Promise.withResolvers<undefined>();
    const { port } = await listenRaw(t, (socket) => {
      const upstream = connect(server!.port, '127.0.0.1').on('error', () => undefined);
      opened.promise.then(
        () => socket.pipe(upstream).pipe(socket),
        () => undefined,
      );
    });
    const redis = open(t, { url: `redis://127.0.0.1:${port}` });
    for (let index = 0; index < 3; index++)
      await assert.rejects(redis.run('a', ['GET', null], 50), /did not answer within 50 ms/);
    const waiting = redis.get('a');
    opened.resolve(undefined);
    assert.equal(await waiting, undefined);
    assert.deepEqual(seen, []);
  });

  test('a connection that went silent is given up for a new one', async (t) => {
    let now = 0;
    t.after(useClock({ monotonic: () => performance.now() + now }));
    let silent = false;
    let connections = 0;
    const { port } = await listenRaw(t, (socket) => {
      const upstream = connect(server!.port, '127.0.0.1').on('error', () => undefined);
      const first = connections++ === 0;
      socket.on('data', (bytes: Buffer) => {
        if (!first || !silent) upstream.write(bytes);
      });
      upstream.on('data', (bytes: Buffer) => socket.write(bytes));
      socket.on('close', () => upstream.destroy());
    });
    const redis = open(t, { url: `redis://127.0.0.1:${port}`, timeout: 300 });
    await redis.set('a', 'x', 60_000, 20_000);
    silent = true;
    await assert.rejects(redis.get('a'), RedisUnavailable);
    assert.equal(connections, 1);
    now += 6000;
    await assert.rejects(redis.get('a'), RedisUnavailable);
    await until(async () => {
      now += 1000;
      return redis.get('a').then(
        () => true,
        () => false,
      );
    }, 'another connection');
    assert.notEqual(connections, 1);
  });

  test('no more than a thousand commands wait, nor 64 MiB', async (t) => {
    const own = await startRedis(t);
    const redis = open(t, { url: own.url, timeout: 60_000 });
    await redis.set('a', 'x', 60_000);
    own.pause();
    const waiting = Array.from({ length: 1000 }, () => redis.get('a'));
    await assert.rejects(redis.get('a'), /has too many commands waiting/);
    own.resume();
    await Promise.all(waiting);
    assert.ok(await redis.get('a'));
    own.pause();
    const large = Buffer.alloc(40 * 1024 * 1024);
    const first = redis.set('b', large, 60_000);
    await assert.rejects(redis.set('c', large, 60_000), /has too many commands waiting/);
    own.resume();
    await first;
    assert.equal(redis.available, true);
  });

  test('closed: everything that waits fails, and so does what comes', async (t) => {
    const own = await startRedis(t);
    const redis = open(t, { url: own.url });
    await redis.set('a', 'x', 60_000);
    own.pause();
    const waiting = redis.get('a');
    redis.close();
    await assert.rejects(waiting, RedisUnavailable);
    await assert.rejects(redis.get('a'), RedisUnavailable);
    await assert.rejects(redis.operate('a', ['GET', null], 1000), /was closed/);
    assert.equal(redis.available, false);
    own.resume();
  });

  test('closed while it connects', async (t) => {
    const { port } = await listenRaw(t, () => undefined);
    const redis = open(t, { url: `redis://127.0.0.1:${port}`, timeout: 100 });
    const waiting = redis.get('a');
    redis.close();
    await assert.rejects(waiting, RedisUnavailable);
  });
});

test('a connection keeps no process alive', { skip: noRedis }, () => {
  const module = new URL('../../lib/core/redis.ts', import.meta.url).href;
  const script = `const { Redis } = await import(${JSON.stringify(module)});
    const redis = new Redis({ url: ${JSON.stringify(url)}, prefix: 'x', timeout: 20000, without: '' });
    const wait = setTimeout(() => {}, 20000); await redis.set('a', 'x', 1000); clearTimeout(wait); console.log('set');`;
  const { stdout, status } = spawnSync(
    process.execPath,
    ['--input-type=module', '--conditions=sekisho-source', '-e', script],
    { timeout: 120_000, encoding: 'utf8' },
  );
  assert.deepEqual([stdout.trim(), status], ['set', 0]);
});
