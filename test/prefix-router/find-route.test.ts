import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { findRoute } from '../../lib/prefix-router/find-route.ts';
import { readKey, type RouteKey } from '../../lib/prefix-router/key.ts';
import { RouteTable } from '../../lib/prefix-router/route-table.ts';

interface Named {
  readonly key: RouteKey;
  readonly name: string;
}

function tableOf(names: readonly string[]): RouteTable<Named> {
  const table = new RouteTable<Named>();
  for (const name of names) {
    const key = readKey(name);
    assert.ok(typeof key !== 'string');
    table.add(key, { key, name });
  }
  return table;
}

/** Ways in which servers in the wild read a path, each on its own. */
const habits: Record<string, (path: string) => string> = {
  'decodes once': (path) => decode(path),
  'decodes twice': (path) => decode(decode(path)),
  'decodes all but slashes': (path) =>
    path.replace(/%(?!2f)([\da-f]{2})/gi, (_, hex: string) => byte(hex)),
  'takes %2e for a dot': (path) => path.replace(/%2e/gi, '.'),
  'collapses slashes': (path) => path.replace(/\/{2,}/g, '/'),
  'takes backslashes for slashes': (path) => path.replaceAll('\\', '/'),
  'takes parameters off': (path) => path.replace(/;[^/]*/g, ''),
  'drops single dots': (path) => path.replace(/\/(?:\.(?:\/|$))+/g, '/'),
  'ends at a NUL': (path) => path.replace(/\0.*$/s, ''),
  'ends at a question mark': (path) => path.replace(/\?.*$/s, ''),
  'ends at a hash': (path) => path.replace(/#.*$/s, ''),
  'resolves dots (RFC 3986)': (path) => removeDots(path),
  'normalizes as a file system does': (path) => posix.normalize(path),
};

function decode(path: string): string {
  return path.replace(/%([\da-f]{2})/gi, (_, hex: string) => byte(hex));
}

function byte(hex: string): string {
  return String.fromCharCode(parseInt(hex, 16));
}

function removeDots(path: string): string {
  const kept: string[] = [];
  const parts = path.split('/').slice(1);
  for (const part of parts) {
    if (part === '..') kept.pop();
    else if (part !== '.') kept.push(part);
  }
  return `/${kept.join('/')}`;
}

const names = ['/', '/a', '/a/b', '/a/b/a/b', '/b', '/b/a', '/b/b/b'];
const table = tableOf(names);

const atom = fc.constantFrom(
  ...[
    'a',
    'b',
    'c',
    'a',
    'b',
    '/',
    '/',
    '/',
    '//',
    '/../',
    '/./',
    '..',
    '.',
    '%2e',
    '%2E%2e',
    '%2f',
  ],
  ...[
    '%252f',
    '%61',
    '%62',
    '%2561',
    '\\',
    '%5c',
    ';',
    ';x=1',
    '%3b',
    '%00',
    '%3f',
    '%23',
    '#',
    '%',
  ],
);
const path = fc.array(atom, { maxLength: 14 }).map((parts) => `/${parts.join('')}`);
const habit = fc.constantFrom(...Object.keys(habits));

test('fuzz: whatever a server does with a path that passes, it ends at the route it came by', () => {
  let passed = 0;
  fc.assert(
    fc.property(path, fc.uniqueArray(habit, { maxLength: 6 }), (target, applied) => {
      const route = findRoute(table, target, table.hostRoutes(undefined, 0));
      if (route === 'ambiguous' || route === undefined) return;
      passed++;
      const read = applied.reduce((text, name) => habits[name]!(text), target);
      assert.equal(table.find(read)?.name, route.name, `${target} read as ${read}`);
    }),
    { numRuns: 60_000 },
  );
  assert.ok(passed > 5000, `only ${passed} paths passed`);
});

test('fuzz: what is left behind the prefix does not climb out of the target’s own path', () => {
  fc.assert(
    fc.property(path, fc.uniqueArray(habit, { maxLength: 6 }), (target, applied) => {
      const route = findRoute(table, target, table.hostRoutes(undefined, 0));
      if (route === 'ambiguous' || route === undefined) return;
      const sent = `/own/path${target.slice(route.key.prefix.length)}`;
      const read = applied.reduce((text, name) => habits[name]!(text), sent);
      assert.match(removeDots(read.replace(/\/{2,}/g, '/')), /^\/own\/path/, sent);
    }),
    { numRuns: 30_000 },
  );
});

test('fuzz: plain paths take the longest prefix by segment', () => {
  const segment = fc.constantFrom('a', 'b', 'ab', '');
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
      const plain = `/${segments.filter((text) => text !== '').join('/')}`;
      const expected = names
        .filter((name) => name === '/' || `${plain}/`.startsWith(`${name}/`))
        .sort((a, b) => b.length - a.length)[0];
      const route = findRoute(table, plain, table.hostRoutes(undefined, 0));
      assert.equal(route === 'ambiguous' ? route : route?.name, expected);
    }),
  );
});
