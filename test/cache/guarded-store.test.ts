import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GuardedStore } from '../../lib/cache/guarded-store.ts';
import { memoryStore, type CacheStore } from '../../lib/cache/index.ts';

describe('what the set() of a store of somebody’s own gives back', () => {
  for (const [what, given, waits] of [
    ['nothing', undefined, false],
    ['a Map, as its own set() does', new Map(), false],
    ['true', true, false],
    ['null', null, false],
    ['a promise', Promise.resolve(), true],
    ['something with then()', { then: settle }, true],
  ] as const)
    test(`${what}: ${waits ? 'it takes time' : 'it is done'}`, async () => {
      const store = Object.assign(memoryStore(), { set: () => given }) as unknown as CacheStore;
      const record = { kind: 'vary', names: [], generation: '', url: '', groups: [] } as const;
      const kept: unknown = new GuardedStore(store).set('key', record, Infinity);
      assert.equal(kept instanceof Promise, waits);
      assert.equal(await kept, undefined);
    });
});

function settle(done: () => void): void {
  done();
}
