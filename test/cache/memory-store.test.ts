import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { Entry } from '../../lib/cache/entry.ts';
import {
  memoryStore,
  type MemoryStore,
  type MemoryStoreOptions,
} from '../../lib/cache/memory-store.ts';
import { useClock } from '../../lib/core/clock.ts';
import { OptionsError } from '../../lib/core/errors.ts';
import type { Memory } from '../bench/cache-store.ts';
import { entry, varyRecord } from './records.ts';
import { testStore } from './store-contract.ts';

let time = 1_700_000_000_000;

testStore({
  name: 'memoryStore',
  open(t) {
    t.after(useClock({ now: () => time }));
    return Promise.resolve(memoryStore());
  },
  now: () => time,
  wait(milliseconds) {
    time += milliseconds;
    return Promise.resolve();
  },
});

const later = 2e12;
const keys = (store: MemoryStore): string[] =>
  store
    .index(1e6)
    .map(({ key }) => key)
    .sort();
const body = (size: number): Entry => entry({ body: Buffer.alloc(size) });

test('answers without promises', async () => {
  const store = memoryStore();
  store.set('a', entry(), later);
  assert.deepEqual(store.get('a'), entry());
  const results = [store.epoch(), store.delete('a'), store.clear(), store.index(1), store.stats()];
  for (const result of results as unknown[]) assert.equal(result instanceof Promise, false);
  await store.close();
});

suite('bounds', () => {
  test('by size: the least recently used make room', () => {
    const store = memoryStore({ maxSize: '100kb' });
    for (const key of ['a', 'b', 'c']) store.set(key, body(30_000), later);
    store.get('a');
    store.set('d', body(30_000), later);
    assert.deepEqual(keys(store), ['a', 'c', 'd']);
    assert.ok(store.stats().bytes <= 100 * 1024);
    assert.equal(store.stats().maxSize, 100 * 1024);
  });

  test('by entries', () => {
    const store = memoryStore({ maxEntries: 2 });
    for (const key of ['a', 'b', 'b', 'c']) store.set(key, entry({ groups: ['g'] }), later);
    assert.deepEqual(keys(store), ['b', 'c']);
    assert.equal(store.clear({ group: 'g' }), 2);
  });

  test('what is larger than all is not kept, nor what it would have replaced', () => {
    const store = memoryStore({ maxSize: '10kb' });
    store.set('a', body(10), later);
    store.set('b', body(10), later);
    store.set('a', body(10 * 1024), later);
    assert.deepEqual(keys(store), ['b']);
  });

  for (const [what, record] of [
    ['fields', entry({ fields: ['x-long', 'x'.repeat(5000)] })],
    ['trailers', entry({ trailers: ['x-long', 'x'.repeat(5000)] })],
    ['the URL', entry({ url: `https://a/${'x'.repeat(5000)}` })],
    ['groups', entry({ groups: ['x'.repeat(5000)] })],
    ['many fields', entry({ fields: Array.from({ length: 150 }, () => 'x') })],
    ['the names of a vary record', varyRecord({ names: ['x'.repeat(5000)] })],
  ] as const)
    test(`${what} count`, () => {
      const store = memoryStore();
      store.set('a', record, later);
      assert.ok(store.stats().bytes > 5000, String(store.stats().bytes));
    });

  test('a long key counts, and every entry for its objects', () => {
    const store = memoryStore();
    store.set('k'.repeat(5000), entry({ fields: [], body: Buffer.alloc(0) }), later);
    assert.ok(store.stats().bytes > 5500);
  });

  test('groups are forgotten with their records: by eviction, expiry, overwriting, deletion', (t) => {
    t.after(useClock({ now: () => time }));
    const store = memoryStore({ maxEntries: 1000 });
    for (let index = 0; index < 5000; index++)
      store.set(`key ${index}`, entry({ groups: [`g${index}`, 'all'] }), time + 1000);
    assert.equal(store.clear({ group: 'g17' }), 0);
    assert.equal(store.clear({ group: 'g4999' }), 1);
    assert.equal(store.clear({ group: 'all' }), 999);
    assert.equal(store.stats().bytes, 0);
  });
});

test('any sequence of operations leaves what a plain map would have, and the size of that', (t) => {
  t.after(useClock({ now: () => time }));
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const groups = fc.subarray(['g', 'h', 'i']);
  const operation = fc.oneof(
    fc.record({
      kind: fc.constant('set' as const),
      key,
      groups,
      size: fc.nat(300),
      ttl: fc.integer({ min: -5, max: 50 }),
    }),
    fc.record({ kind: fc.constant('delete' as const), key }),
    fc.record({ kind: fc.constant('get' as const), key }),
    fc.record({ kind: fc.constant('group' as const), group: fc.constantFrom('g', 'h', 'i') }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const store = memoryStore();
      const model = new Map<string, { groups: string[]; size: number; expires: number }>();
      for (const each of operations) {
        if (each.kind === 'set') {
          const expires = time + each.ttl;
          store.set(
            each.key,
            entry({ groups: each.groups, body: Buffer.alloc(each.size) }),
            expires,
          );
          if (expires > time) model.set(each.key, { ...each, expires });
          else model.delete(each.key);
        } else if (each.kind === 'delete') {
          store.delete(each.key);
          model.delete(each.key);
        } else if (each.kind === 'group') {
          store.clear({ group: each.group });
          for (const [name, { groups: own }] of model)
            if (own.includes(each.group)) model.delete(name);
        } else if (each.kind === 'wait') time += each.ms;
        else {
          const expected = model.get(each.key);
          const found = store.get(each.key) as Entry | undefined;
          assert.equal(
            found?.body.length,
            expected && expected.expires > time ? expected.size : undefined,
          );
        }
      }
      const living = [...model].filter(([, { expires }]) => expires > time);
      assert.deepEqual(keys(store), living.map(([name]) => name).sort());
      store.clear();
      assert.deepEqual([store.stats().entries, store.stats().bytes], [0, 0]);
    }),
    { numRuns: 300 },
  );
});

suite('memory that a stored body holds', () => {
  for (const [what, given] of [
    ['cut from a large buffer', Buffer.alloc(65_536).subarray(100, 400)],
    ["from Node's pool", Buffer.from('a few bytes')],
    ['half of its buffer', Buffer.alloc(100_000).subarray(50_000)],
  ] as const)
    test(`a body ${what} is copied`, () => {
      const store = memoryStore();
      store.set('a', entry({ body: given }), later);
      const stored = store.get('a') as Entry;
      assert.deepEqual(stored.body, given);
      assert.equal(stored.body.buffer.byteLength, given.length);
    });

  test('a body that is a text stays one', () => {
    const store = memoryStore();
    store.set('a', entry({ body: 'caf\xe9' }), later);
    assert.equal((store.get('a') as Entry).body, 'caf\xe9');
  });

  test("texts take a part of V8's heap at the most, whatever the store may have", () => {
    const source = `
      const { memoryStore } = await import(process.argv[1]);
      const { entry } = await import(process.argv[2]);
      const store = memoryStore({ maxSize: '200mb' });
      for (let number = 0; number < 12_000; number++)
        store.set(String(number), entry({ body: Buffer.alloc(16_000, number).toString('latin1') }), 2e12);
      const kinds = new Set();
      for (let number = 0; number < 12_000; number++) kinds.add(typeof store.get(String(number))?.body);
      console.log([...kinds].sort().join());`;
    const file = (path: string): string => new URL(path, import.meta.url).href;
    const kinds = execFileSync(
      process.execPath,
      [
        ...['--conditions=sekisho-source', '--max-old-space-size=64', '--input-type=module'],
        ...['--eval', source, file('../../lib/cache/index.ts'), file('./records.ts')],
      ],
      { encoding: 'utf8', timeout: 60_000, stdio: ['ignore', 'pipe', 'ignore'] },
    );
    assert.equal(kinds.trim(), 'object,string', 'the process has lived, and has both kinds');
  });

  test('a body that has its buffer for itself is not copied', () => {
    const store = memoryStore();
    const given = Buffer.allocUnsafeSlow(10_000).fill('x');
    store.set('a', entry({ body: given }), later);
    assert.equal((store.get('a') as Entry).body, given);
  });
});

test('more deletions than are remembered: rather not stored than stale', () => {
  const store = memoryStore();
  const epoch = store.epoch();
  store.delete('key');
  for (let index = 0; index < 20_000; index++) store.delete(`other ${index}`);
  store.set('key', entry(), later, epoch);
  assert.equal(store.get('key'), undefined);
  store.set('key', entry(), later, store.epoch());
  assert.notEqual(store.get('key'), undefined);
});

test('100,000 entries of 1 KiB take what the store counts, within a tenth', () => {
  const bench = fileURLToPath(new URL('../bench/cache-store.ts', import.meta.url));
  const args = ['--conditions=sekisho-source', bench, 'memory', '100000'];
  const { entries, counted, heapAndBodies } = JSON.parse(
    execFileSync(process.execPath, args, { encoding: 'utf8' }),
  ) as Memory;
  assert.ok(entries > 99_000 && entries < 101_000, String(entries));
  assert.ok(
    heapAndBodies < counted * 1.1 && heapAndBodies > counted * 0.8,
    `${heapAndBodies} of ${counted}`,
  );
});

suite('options', () => {
  for (const [options, message] of [
    [{ maxSize: 'large' }, /memoryStore: maxSize: 'large' is no size; use bytes/],
    [{ maxSize: 0 }, /maxSize: 0 keeps nothing; use a size such as '256mb'/],
    [{ maxEntries: 0 }, /maxEntries: 0 is not allowed; use a whole number from 1 on/],
    [{ maxsize: 1 }, /unknown option 'maxsize'; did you mean 'maxSize'/],
  ] as const)
    test(JSON.stringify(options), () => {
      assert.throws(
        () => memoryStore(options as MemoryStoreOptions),
        (error: Error) => {
          assert.ok(error instanceof OptionsError);
          assert.match(error.message, message);
          return true;
        },
      );
    });

  for (const options of [undefined, {}, { maxSize: undefined }] as MemoryStoreOptions[])
    test(`256 MiB by default: ${JSON.stringify(options)}`, () => {
      assert.equal(memoryStore(options).stats().maxSize, 256 * 1024 * 1024);
    });
});
