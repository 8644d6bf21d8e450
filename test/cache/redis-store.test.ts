import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, suite, test, type TestContext } from 'node:test';
import { createClient, createClientPool, createCluster } from 'redis';
import { redisStore, type RedisStoreOptions } from '../../lib/cache/redis-store.ts';
import type { CacheStore } from '../../lib/cache/store.ts';
import { OptionsError } from '../../lib/core/errors.ts';
import { noRedis, startRedis, startRedisCluster } from '../support/redis.ts';
import { until } from '../support/servers.ts';
import { entry } from './records.ts';
import { testStore } from './store-contract.ts';

const redis = noRedis === false ? await startRedis({ after }) : undefined;
const cluster = noRedis === false ? await startRedisCluster({ after }) : undefined;
const url = redis?.url ?? '';

/** Long, for the machine may be busy; what happens when it is exceeded has tests of its own. */
const timeout = '20s';
const later = (): number => Date.now() + 60_000;
const ownPrefix = (): string => `sekisho:${randomBytes(6).toString('hex')}:`;

function openStore(t: TestContext, options: RedisStoreOptions): CacheStore {
  const store = redisStore({ prefix: ownPrefix(), timeout, ...options });
  t.after(() => store.close());
  return store;
}

const wallClock = {
  skip: noRedis,
  now: () => Date.now(),
  wait: (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds)),
};

testStore({
  ...wallClock,
  name: 'redisStore({ url })',
  open: (t) => Promise.resolve(openStore(t, { url })),
});
testStore({
  ...wallClock,
  name: 'redisStore({ client: createClient({ RESP: 2 }) })',
  open(t) {
    const client = createClient({ url, RESP: 2 });
    t.after(() => {
      client.destroy();
    });
    return Promise.resolve(openStore(t, { client }));
  },
});
testStore({
  ...wallClock,
  name: 'redisStore({ client: createClientPool() })',
  open(t) {
    const client = createClientPool({ url }, { minimum: 3 });
    t.after(() => {
      client.destroy();
    });
    return Promise.resolve(openStore(t, { client }));
  },
});
testStore({
  ...wallClock,
  name: 'redisStore({ client: createCluster() })',
  open(t) {
    const client = createCluster({ rootNodes: [{ url: cluster?.url ?? '' }] });
    t.after(() => {
      client.destroy();
    });
    return Promise.resolve(openStore(t, { client }));
  },
});

suite('what lies in Redis', { skip: noRedis }, () => {
  test('two stores of one prefix are one store: a clear in one is a clear of both', async (t) => {
    const prefix = ownPrefix();
    const [one, other] = [openStore(t, { url, prefix }), openStore(t, { url, prefix })] as const;
    await one.set('key', entry({ groups: ['g'] }), later());
    assert.deepEqual(await other.get('key'), entry({ groups: ['g'] }));
    const epoch = await one.epoch('new');
    assert.equal(await other.clear({ group: 'g' }), 1);
    assert.equal(await one.get('key'), undefined);
    await one.set('new', entry({ groups: ['g'] }), later(), epoch);
    assert.equal(await other.get('new'), undefined);
  });

  test('two prefixes are two stores, also when they look like patterns', async (t) => {
    const base = ownPrefix();
    const star = openStore(t, { url, prefix: `${base}*` });
    const plain = openStore(t, { url, prefix: `${base}x` });
    await star.set('key', entry(), later());
    await plain.set('key', entry({ status: 404 }), later());
    assert.equal((await star.stats()).entries, 1);
    assert.equal(await star.clear(), 1);
    assert.deepEqual(await plain.get('key'), entry({ status: 404 }));
  });

  test('everything expires by itself', async (t) => {
    const prefix = ownPrefix();
    const store = openStore(t, { url, prefix });
    const client = await redis!.client();
    await store.set('key', entry({ groups: ['g', 'h'] }), later());
    await store.delete('other');
    await store.clear({ prefix: '/none' });
    await store.lock?.('key', 60_000);
    const keys = await client.keys(`${prefix}*`);
    assert.equal(keys.length, 6, keys.join(' '));
    for (const key of keys) assert.ok((await client.pTTL(key)) > 0, key);
  });

  test('a group forgets what has expired, and lives as long as its last member', async (t) => {
    const prefix = ownPrefix();
    const store = openStore(t, { url, prefix });
    const client = await redis!.client();
    for (let index = 0; index < 20; index++)
      await store.set(`short ${index}`, entry({ groups: ['g'] }), Date.now() + 50);
    await store.set('long', entry({ groups: ['g'] }), Date.now() + 50_000);
    await store.set('middle', entry({ groups: ['g'] }), Date.now() + 20_000);
    assert.ok((await client.pTTL(`${prefix}group:g`)) > 40_000);
    // A second of grace.
    await until(async () => {
      await store.set('long', entry({ groups: ['g'] }), Date.now() + 50_000);
      return (await client.zCard(`${prefix}group:g`)) === 2;
    }, 'the expired members are gone');
  });

  const good = 'good';
  for (const [what, spoil] of [
    ['garbage', () => 'garbage'],
    ['nothing', () => ''],
    ['half of it', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['more than it', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')])],
    ['a changed byte', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.from('X')])],
  ] as const)
    test(`${what} in place of a record is a miss and is deleted`, async (t) => {
      const prefix = ownPrefix();
      const store = openStore(t, { url, prefix });
      const client = (await redis!.client()).withTypeMapping({ 36: Buffer });
      await store.set(good, entry(), later());
      const bytes = (await client.get(`${prefix}record:${good}`)) as unknown as Buffer;
      await client.set(`${prefix}record:bad`, spoil(bytes));
      assert.equal(await store.get('bad'), undefined);
      assert.equal(await client.exists(`${prefix}record:bad`), 0);
      assert.deepEqual(await store.get(good), entry());
      assert.equal((await store.index(10)).length, 1);
    });

  test("another version's record is a miss and is left alone", async (t) => {
    const prefix = ownPrefix();
    const store = openStore(t, { url, prefix });
    const client = (await redis!.client()).withTypeMapping({ 36: Buffer });
    await store.set('key', entry(), later());
    const bytes = (await client.get(`${prefix}record:key`)) as unknown as Buffer;
    bytes[4] = 99;
    await client.set(`${prefix}record:key`, bytes);
    assert.equal(await store.get('key'), undefined);
    assert.equal(await client.exists(`${prefix}record:key`), 1);
    assert.equal(await store.clear(), 1);
  });

  test('a key of another type is a miss and is overwritten', async (t) => {
    const prefix = ownPrefix();
    const store = openStore(t, { url, prefix });
    const client = await redis!.client();
    await client.rPush(`${prefix}record:key`, 'x');
    assert.equal(await store.get('key'), undefined);
    await store.set('key', entry(), later());
    assert.deepEqual(await store.get('key'), entry());
  });

  test('braces choose no slot: keys that share a tag lie apart', async (t) => {
    const prefix = ownPrefix();
    const store = openStore(t, { client: await cluster!.client(), prefix });
    const client = await cluster!.client();
    const slots = new Set<string>();
    for (let index = 0; index < 10; index++) {
      await store.set(`/a{x}${index}`, entry(), later());
      const [key] = await client.keys(`${prefix}record:*x}${index}`);
      slots.add(String(await client.sendCommand<number>(['CLUSTER', 'KEYSLOT', key ?? ''])));
    }
    assert.ok(slots.size > 5, [...slots].join(' '));
  });
});

suite('when Redis is slow or gone', { skip: noRedis }, () => {
  test('requests go on without, an operator is told; it comes back by itself', async (t) => {
    const server = await startRedis(t);
    const store = openStore(t, { url: server.url, timeout: '2s' });
    await store.set('key', entry(), later());
    assert.deepEqual(await store.get('key'), entry());

    await server.stop();
    await until(async () => (await store.get('key')) === undefined, 'get finds nothing');
    await store.set('key', entry(), later());
    assert.equal(await store.delete('key'), false);
    const first = await store.lock?.('key', 1000);
    const second = await store.lock?.('key', 1000);
    assert.ok(first && second, 'everybody gets the lock');
    first();
    for (const target of [{}, { group: 'g' }, { prefix: '/' }, { key: 'key' }])
      await assert.rejects(
        async () => store.clear(target),
        /^RedisUnavailable: not everything was cleared: redis:/,
      );
    await assert.rejects(async () => store.index(1), /^RedisUnavailable: /);
    await assert.rejects(async () => store.stats(), /^RedisUnavailable: /);
    const epoch = await store.epoch('key');

    await server.start();
    await until(async () => {
      await store.set('key', entry(), later());
      return (await store.get('key')) !== undefined;
    }, 'it comes back');
    await store.set('other', entry(), later(), epoch);
    assert.equal(
      await store.get('other'),
      undefined,
      'who could not ask for the epoch stores nothing',
    );
    assert.equal(await store.clear(), 1);
  });

  test('while it does not answer, get answers at once', async (t) => {
    const server = await startRedis(t);
    const store = openStore(t, { url: server.url, timeout: '2s' });
    await store.set('key', entry(), later());
    server.pause();
    t.after(() => {
      server.resume();
    });
    assert.equal(await store.get('key'), undefined);
    assert.equal(store.get('key'), undefined, 'not even a promise');
    server.resume();
    await until(async () => (await store.get('key')) !== undefined, 'it comes back');
  });

  test('a full Redis stores nothing and fails nobody; what it has can be read and cleared', async (t) => {
    const server = await startRedis(t);
    const client = await server.client();
    const store = openStore(t, { url: server.url });
    await store.set('key', entry({ groups: ['g'] }), later());
    const epoch = await store.epoch('new');
    await client.configSet({ maxmemory: '1', 'maxmemory-policy': 'noeviction' });
    await store.set('new', entry({ groups: ['g'] }), later(), epoch);
    assert.equal(await store.get('new'), undefined);
    assert.deepEqual(await store.get('key'), entry({ groups: ['g'] }));
    assert.equal(await store.clear({ group: 'g' }), 1);
    assert.equal(await store.get('key'), undefined);
  });

  test('a missing password: no answers, no crash, an operator is told', async (t) => {
    const server = await startRedis(t);
    const client = await server.client();
    await client.configSet('requirepass', 'secret');
    const warnings: string[] = [];
    const listen = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', listen);
    t.after(() => process.off('warning', listen));
    const store = openStore(t, { url: server.url.replace('//', '//:wrong@') });
    assert.equal(await store.get('key'), undefined);
    await until(() => warnings.some((text) => text.includes('WRONGPASS')), 'a warning');
    assert.doesNotMatch(warnings.join(), /wrong@|secret/);
    await assert.rejects(async () => store.clear(), /WRONGPASS|not connected/);
  });
});

suite('options', () => {
  for (const [options, message] of [
    [{}, /redisStore: neither client nor url is given; use one of them, such as url: 'redis:/],
    [{ url: 'redis://a', client: createClient() }, /both client and url are given/],
    [{ url: 'http://a' }, /url: 'http:\/\/a' is no URL of a Redis; use one such as/],
    [{ url: 'redis://' }, /is no URL of a Redis/],
    [{ url: 'me:secret@host' }, /url: '\*\*\*@host' is no URL/],
    [{ client: {} }, /client: an object is no client; use what createClient\(\)/],
    [{ url: 'redis://a', prefix: '' }, /prefix: '' is empty/],
    [{ url: 'redis://a', timeout: 'soon' }, /timeout: 'soon' is no duration/],
    [{ url: 'redis://a', pref: 'x' }, /unknown option 'pref'; did you mean 'prefix'/],
  ] as const)
    test(String(message), () => {
      assert.throws(
        () => redisStore(options as RedisStoreOptions),
        (error: Error) => {
          assert.ok(error instanceof OptionsError, String(error));
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /secret/);
          return true;
        },
      );
    });

  test('a store that nobody has used connects nowhere and closes', async () => {
    await redisStore({ url: 'redis://127.0.0.1:1' }).close();
  });
});
