/** What every store of the cache must do: each store's tests run this suite against it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, test, type TestContext } from 'node:test';
import { bytesOf } from '../../lib/cache/body.ts';
import type { CacheRecord } from '../../lib/cache/entry.ts';
import type { CacheStore, ClearTarget } from '../../lib/cache/store.ts';
import { OptionsError } from '../../lib/core/errors.ts';
import { until } from '../support/servers.ts';
import { entry, varyRecord } from './records.ts';

export interface Contestant {
  readonly name: string;
  readonly skip?: string | false;
  /** An empty store. */
  readonly open: (t: TestContext) => Promise<CacheStore>;
  /** The wall clock the store goes by. */
  readonly now: () => number;
  /** Lets so many milliseconds pass. */
  readonly wait: (milliseconds: number) => Promise<void>;
}

const minute = 60_000;

export function testStore({ name, skip = false, open, now, wait }: Contestant): void {
  const soon = (): number => now() + minute;

  suite(`${name}: the contract of stores`, { skip }, () => {
    test('nothing is there at first', async (t) => {
      const store = await open(t);
      assert.equal(await store.get('a'), undefined);
      assert.equal(await store.delete('a'), false);
      assert.equal(await store.clear(), 0);
      assert.deepEqual(await store.index(10), []);
      const { entries, bytes } = await store.stats();
      assert.deepEqual([entries, bytes], [0, 0]);
    });

    const binary = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const records: Record<string, CacheRecord> = {
      'a plain answer': entry(),
      'an answer without a body': entry({
        status: 204,
        message: '',
        fields: [],
        body: Buffer.alloc(0),
      }),
      'a binary body': entry({ body: binary }),
      'a body that is a text': entry({ body: binary.toString('latin1') }),
      'a body of 3 MiB': entry({ body: randomBytes(3 * 1024 * 1024) }),
      'fields in latin1, empty ones, the same twice': entry({
        fields: [
          'X-Name',
          'caf\xe9 \xff\x80',
          'X-Empty',
          '',
          'Set-Cookie',
          'a=1',
          'Set-Cookie',
          'b=2',
        ],
      }),
      trailers: entry({ trailers: ['Digest', 'sha-256=…'.replace('…', 'x')] }),
      'a URL beyond ASCII, groups with spaces and braces': entry({
        url: 'https://shop.example/käse/🧀?q={x}',
        groups: ['a b', '{c}', 'ünicode', ''],
      }),
      'validity with all it can have': entry({
        validity: {
          received: 1_712_345_678_901.5,
          initialAge: 17,
          lifetime: 0,
          staleWhileRevalidate: 30_000,
          staleIfError: 86_400_000,
          alwaysValidate: true,
          neverStale: true,
          assumed: false,
        },
      }),
      'a vary record': varyRecord({ groups: ['g'] }),
    };
    for (const [what, record] of Object.entries(records))
      test(`gives back ${what}`, async (t) => {
        const store = await open(t);
        await store.set('key', record, soon());
        assert.deepEqual(asBytes(await store.get('key')), asBytes(record));
        assert.equal(await store.get('Key'), undefined);
      });

    for (const key of [
      'GET https://shop.example/a?b=1#c',
      'with spaces\nand lines',
      'käse 🧀',
      '{tag}rest',
      '{}rest',
      'x'.repeat(8000),
      '*',
      '[a-z]?\\',
    ])
      test(`a key may be ${JSON.stringify(key.slice(0, 40))}`, async (t) => {
        const store = await open(t);
        await store.set(key, entry(), soon());
        await store.set(`${key}!`, entry(), soon());
        assert.deepEqual(await store.get(key), entry());
        const keys = (await store.index(10)).map((line) => line.key);
        assert.deepEqual(keys.sort(), [key, `${key}!`].sort());
        assert.equal(await store.clear({ key }), 1);
        assert.equal(await store.get(key), undefined);
        assert.deepEqual(await store.get(`${key}!`), entry());
      });

    test('the last record set stands', async (t) => {
      const store = await open(t);
      await store.set('key', entry({ body: Buffer.alloc(5000), groups: ['old', 'both'] }), soon());
      const last = entry({ body: Buffer.from('new'), groups: ['new', 'both'] });
      await store.set('key', last, soon());
      assert.deepEqual(await store.get('key'), last);
      assert.equal((await store.stats()).entries, 1);
      assert.equal(await store.clear({ group: 'old' }), 0);
      assert.deepEqual(await store.get('key'), last);
      assert.equal(await store.clear({ group: 'both' }), 1);
      assert.equal(await store.get('key'), undefined);
    });

    test('delete says whether there was one', async (t) => {
      const store = await open(t);
      await store.set('key', entry(), soon());
      assert.equal(await store.delete('key'), true);
      assert.equal(await store.delete('key'), false);
      assert.equal(await store.get('key'), undefined);
    });

    test('what has expired is gone, from the index, too', async (t) => {
      const store = await open(t);
      await store.set('short', entry({ groups: ['g'] }), now() + 2000);
      await store.set('long', entry(), soon());
      assert.notEqual(await store.get('short'), undefined);
      await wait(2100);
      assert.deepEqual(
        (await store.index(10)).map(({ key }) => key),
        ['long'],
      );
      assert.equal(await store.get('short'), undefined);
      assert.notEqual(await store.get('long'), undefined);
    });

    test('what comes expired only takes the place of what was there', async (t) => {
      const store = await open(t);
      await store.set('key', entry(), soon());
      await store.set('key', entry({ body: Buffer.from('late') }), now() - 1);
      assert.equal(await store.get('key'), undefined);
    });

    test('what is far off may be', async (t) => {
      const store = await open(t);
      for (const expires of [now() + 3e12, Infinity]) {
        await store.set('key', entry({ groups: ['g'] }), expires);
        assert.notEqual(await store.get('key'), undefined);
        assert.equal(await store.clear({ group: 'g' }), 1);
      }
    });

    const urls = [
      'https://shop.example/blog',
      'https://shop.example/blog/',
      'https://shop.example/blog/a',
      'https://shop.example/blog?page=2',
      'https://shop.example/blogger',
      'https://other.example/blog/a',
      'http://shop.example:8080/blog',
      'https://shop.example/käse/1',
    ];
    const clears: readonly [string, ClearTarget, number[]][] = [
      ['everything', {}, [0, 1, 2, 3, 4, 5, 6, 7]],
      ['a path of all hosts', { prefix: '/blog' }, [0, 1, 2, 3, 5, 6]],
      ['a path with a slash', { prefix: '/blog/' }, [0, 1, 2, 3, 5, 6]],
      ['a path of one host', { prefix: 'HTTPS://Shop.example:443/blog' }, [0, 1, 2, 3]],
      ['a host', { prefix: 'https://shop.example' }, [0, 1, 2, 3, 4, 7]],
      ['a host with its port', { prefix: 'http://shop.example:8080/' }, [6]],
      ['a query', { prefix: '/blog?page=2' }, [3]],
      ['half a segment', { prefix: '/blo' }, []],
      ['beyond ASCII', { prefix: '/käse' }, [7]],
      ['the root', { prefix: '/' }, [0, 1, 2, 3, 4, 5, 6, 7]],
      ['a group', { group: 'even' }, [0, 2, 4, 6]],
      ['no such group', { group: 'eve' }, []],
      ['a group under a path', { group: 'even', prefix: 'https://shop.example/blog' }, [0, 2]],
      ['a key', { key: 'key 3' }, [3]],
      ['no such key', { key: 'key' }, []],
      ['a key that is not in the group', { key: 'key 3', group: 'even' }, []],
      ['a key that is', { key: 'key 2', group: 'even' }, [2]],
    ];
    for (const [what, target, gone] of clears)
      test(`clear: ${what} (${JSON.stringify(target)})`, async (t) => {
        const store = await open(t);
        for (const [index, url] of urls.entries())
          await store.set(
            `key ${index}`,
            entry({ url, groups: [index % 2 === 0 ? 'even' : 'odd', 'all'] }),
            soon(),
          );
        assert.equal(await store.clear(target), gone.length);
        for (const index of urls.keys())
          assert.equal(
            (await store.get(`key ${index}`)) === undefined,
            gone.includes(index),
            urls[index],
          );
        assert.equal((await store.stats()).entries, urls.length - gone.length);
      });

    for (const prefix of ['blog', '', 'shop.example/blog'])
      test(`clear: a prefix '${prefix}' is refused`, async (t) => {
        const store = await open(t);
        await assert.rejects(async () => store.clear({ prefix }), OptionsError);
      });

    test('a label longer than what is read at once', async (t) => {
      const store = await open(t);
      const url = `https://shop.example/a?${'x'.repeat(5000)}`;
      const groups = Array.from({ length: 200 }, (_, index) => `group number ${index}`);
      await store.set('key', entry({ url, groups }), soon());
      assert.deepEqual((await store.index(1))[0]?.url, url);
      assert.equal(await store.clear({ prefix: '/b' }), 0);
      assert.equal(await store.clear({ group: 'group number 199', prefix: '/a' }), 1);
    });

    test('the index tells key, url, groups, size and time; no more lines than asked for', async (t) => {
      const store = await open(t);
      const expires = soon();
      for (let index = 0; index < 25; index++)
        await store.set(
          `key ${index}`,
          entry({
            url: `https://shop.example/${index}`,
            groups: [`g${index}`],
            body: Buffer.alloc(1000),
          }),
          expires,
        );
      assert.equal((await store.index(10)).length, 10);
      assert.equal((await store.index(0)).length, 0);
      const lines = await store.index(100);
      assert.equal(lines.length, 25);
      const line = lines.find(({ key }) => key === 'key 7');
      assert.equal(line?.url, 'https://shop.example/7');
      assert.deepEqual(line.groups, ['g7']);
      assert.ok(line.size > 1000 && line.size < 5000, String(line.size));
      assert.ok(Math.abs(line.expires - expires) < 5000, String(line.expires - expires));
      const { entries, bytes } = await store.stats();
      assert.equal(entries, 25);
      assert.equal(
        bytes,
        lines.reduce((sum, { size }) => sum + size, 0),
      );
    });

    test('many variants and a group of many', async (t) => {
      const store = await open(t);
      const count = 700;
      const keys = Array.from({ length: count }, (_, index) => `GET /a ${index}`);
      await Promise.all(
        keys
          .slice(0, 300)
          .map(async (key) => store.set(key, entry({ groups: ['a', key] }), soon())),
      );
      for (const key of keys.slice(300))
        await store.set(key, entry({ groups: ['a', key] }), soon());
      assert.equal((await store.stats()).entries, count);
      assert.equal((await store.index(count * 2)).length, count);
      assert.equal(await store.clear({ group: 'GET /a 5' }), 1);
      assert.equal(await store.clear({ group: 'a' }), count - 1);
      assert.equal((await store.stats()).entries, 0);
    });

    const invalidations: Record<string, (store: CacheStore) => unknown> = {
      'a clear of everything': (store) => store.clear(),
      'a clear of its group': (store) => store.clear({ group: 'g' }),
      'a clear of its prefix': (store) => store.clear({ prefix: '/' }),
      'a clear of its key': (store) => store.clear({ key: 'key' }),
      'its deletion': (store) => store.delete('key'),
    };
    for (const [what, invalidate] of Object.entries(invalidations))
      test(`an answer asked for before ${what} is not stored after it`, async (t) => {
        const store = await open(t);
        const epoch = await store.epoch('key');
        await invalidate(store);
        await store.set('key', entry({ groups: ['g'] }), soon(), epoch);
        assert.equal(await store.get('key'), undefined);
        await store.set('key', entry({ groups: ['g'] }), soon(), await store.epoch('key'));
        assert.notEqual(await store.get('key'), undefined);
      });

    test("another key's deletion does not matter, nor what was deleted before", async (t) => {
      const store = await open(t);
      await store.delete('key');
      await store.clear();
      const epoch = await store.epoch('key');
      await store.delete('other');
      await store.set('key', entry(), soon(), epoch);
      assert.notEqual(await store.get('key'), undefined);
    });

    test('sets and clears of a group at once: what stays can be cleared, none outlives a clear after it', async (t) => {
      const store = await open(t);
      for (let round = 0; round < 20; round++) {
        const epoch = await store.epoch('x');
        const sets = Array.from({ length: 10 }, async (_, index) => {
          await store.set(`key ${index}`, entry({ groups: ['g'] }), soon(), epoch);
        });
        const clear = (async () => store.clear({ group: 'g' }))();
        await Promise.all([...sets, clear]);
        const left = (await store.stats()).entries;
        assert.equal(await store.clear({ group: 'g' }), left);
        assert.equal((await store.stats()).entries, 0);
      }
    });

    test('a record that was read stays as it was when it is overwritten and cleared', async (t) => {
      const store = await open(t);
      await store.set('key', entry({ body: Buffer.from('first') }), soon());
      const record = await store.get('key');
      await store.set('key', entry({ body: Buffer.from('other') }), soon());
      await store.clear();
      assert.deepEqual(record, entry({ body: Buffer.from('first') }));
    });

    test('one has the lock until it lets go, or its time is up', async (t) => {
      const store = await open(t);
      if (store.lock === undefined) return;
      const release = await store.lock('key', minute);
      assert.ok(release);
      assert.equal(await store.lock('key', minute), undefined);
      assert.ok(await store.lock('other', minute));
      release();
      // Over several connections the next may be quicker than the one who lets go.
      let short: (() => void) | undefined;
      await until(
        async () => (short = await store.lock?.('key', 100)) !== undefined,
        'the lock is free',
      );
      await wait(200);
      const next = await store.lock('key', minute);
      assert.ok(next);
      // Whose time is up does not take it from the next.
      short?.();
      assert.equal(await store.lock('key', minute), undefined);
    });
  });
}

/** Whether a body is bytes or the text of these is the store's business. */
function asBytes(record: CacheRecord | undefined): CacheRecord | undefined {
  return record?.kind === 'answer' ? { ...record, body: bytesOf(record.body) } : record;
}
