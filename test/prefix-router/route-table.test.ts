import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readKey } from '../../lib/prefix-router/key.ts';
import { RouteTable } from '../../lib/prefix-router/route-table.ts';

function tableOf(keys: readonly string[]): RouteTable<string> {
  const table = new RouteTable<string>();
  for (const name of keys) {
    const key = readKey(name);
    assert.ok(typeof key !== 'string', name);
    assert.equal(table.add(key, name), undefined);
  }
  return table;
}

/** How many look-ups in maps a request costs. */
function lookups(t: { mock: typeof test.mock }, work: () => unknown): number {
  const get = t.mock.method(Map.prototype, 'get');
  work();
  const count = get.mock.callCount();
  get.mock.restore();
  return count;
}

for (const path of ['/app-3/x/y/z', '/none', '/', `/app-3${'/x'.repeat(2000)}`]) {
  test(`${path.slice(0, 20)} costs as many look-ups among 10,000 routes as among 10`, (t) => {
    const keys = Array.from({ length: 10_000 }, (_, index) => `/app-${index}`);
    const few = tableOf(keys.slice(0, 10));
    const many = tableOf(keys);
    const expected = lookups(t, () => few.find(path));
    assert.ok(expected <= 1);
    assert.equal(
      lookups(t, () => many.find(path)),
      expected,
    );
  });
}

test('10,000 hosts cost as many look-ups as 10', (t) => {
  const keys = Array.from({ length: 10_000 }, (_, index) => `*.app-${index}.test/`);
  const few = tableOf(keys.slice(0, 10));
  const many = tableOf(keys);
  const find = (table: RouteTable<string>) =>
    table.find('/x', table.hostRoutes('a.b.app-3.test', 80));
  assert.equal(find(many), '*.app-3.test/');
  assert.equal(
    lookups(t, () => find(many)),
    lookups(t, () => find(few)),
  );
});

test('a route that is there already is told, and stays', () => {
  const table = tableOf(['/blog']);
  assert.equal(table.add({ host: undefined, prefix: '/blog' }, 'other'), '/blog');
  assert.equal(table.find('/blog'), '/blog');
});

test('names of Object.prototype are no routes', () => {
  const table = tableOf(['/a']);
  for (const path of ['/__proto__', '/constructor', '/toString'])
    assert.equal(table.find(path), undefined);
});
