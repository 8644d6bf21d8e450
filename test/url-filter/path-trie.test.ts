import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  matchesSegment,
  readPathPattern,
  type PathPattern,
} from '../../lib/url-filter/path-pattern.ts';
import { PathTrie } from '../../lib/url-filter/path-trie.ts';

function patternOf(text: string): PathPattern {
  const patterns = readPathPattern(text);
  assert.ok(typeof patterns !== 'string', text);
  return patterns[0]!;
}

function trieOf(texts: readonly string[], below: boolean): PathTrie<string> {
  const trie = new PathTrie<string>();
  for (const text of texts) {
    const pattern = patternOf(text);
    trie.add(pattern, text, below || pattern.literal);
  }
  return trie;
}

const any = (): boolean => true;

for (const [pattern, path, below, exact] of [
  ['/*.php', '/a.php', true, true],
  ['/*.php', '/a.php/', true, true],
  ['/*.php', '/a.php/x', true, false],
  ['/*', '/a', true, true],
  ['/*', '/', false, false],
  ['/*', '/a/b', true, false],
  ['/a*', '/a', true, true],
  ['/a*c', '/abc', true, true],
  ['/a*c', '/ac', true, true],
  ['/ab*bc', '/abc', false, false],
  ['/*b*', '/abc', true, true],
  ['/*b*b*', '/abc', false, false],
  ['/a/**', '/a', true, true],
  ['/a/**', '/a/b/c', true, true],
  ['/a/**/b', '/a/b', true, true],
  ['/a/**/b', '/a/x/y/b', true, true],
  ['/a/**/b', '/a/x/y/b/z', true, false],
  ['/**/a/**/b', '/x/a/b', true, true],
  ['/**/**/a', '/a', true, true],
  ['/a/b', '/a//b', true, true],
  ['/a/b', '/a/b/c', true, true],
] as const)
  test(`${pattern} and ${path}: ${below} with what is below, else ${exact}`, () => {
    assert.equal(trieOf([pattern], true).find(path, any) !== undefined, below);
    assert.equal(trieOf([pattern], false).find(path, any) !== undefined, exact);
  });

test('a value that is not accepted does not hide another', () => {
  const trie = trieOf(['/a', '/a/b', '/**/c'], true);
  assert.equal(trie.find('/a/b/c', any), '/a');
  assert.equal(
    trie.find('/a/b/c', (value) => value !== '/a'),
    '/a/b',
  );
  assert.equal(
    trie.find('/a/b/c', (value) => value === '/**/c'),
    '/**/c',
  );
  assert.equal(
    trie.find('/a/b', (value) => value === '/**/c'),
    undefined,
  );
});

/** A glob as a regular expression: what the trie has to agree with. */
function reference(text: string, below: boolean): RegExp {
  const { segments, literal } = patternOf(text);
  const source = segments.map((segment) => {
    if (segment === '**') return '(?:/[^/]+)*';
    return typeof segment === 'string'
      ? `/${escape(segment)}`
      : `/(?=[^/])${segment.pieces.map(escape).join('[^/]*')}`;
  });
  return new RegExp(`^${source.join('')}${below || literal ? '(?:/.*)?' : ''}$`);
}
function escape(text: string): string {
  return text.replace(/[.*]/g, '\\$&');
}

const segment = fc.constantFrom('a', 'b', 'ab', 'a.b', '*', 'a*', '*b', 'a*b', '**', 'aab');
const glob = fc
  .array(segment, { minLength: 1, maxLength: 5 })
  .map((parts) => `/${parts.join('/')}`);
const path = fc
  .array(fc.constantFrom('a', 'b', 'ab', 'a.b', 'aab', 'abab'), { maxLength: 6 })
  .map((parts) => `/${parts.join('/')}`);

test('fuzz: finds what regular expressions of the same globs find', () => {
  fc.assert(
    fc.property(fc.array(glob, { maxLength: 5 }), path, fc.boolean(), (globs, asked, below) => {
      const expected = globs.filter((text) =>
        reference(text, below).test(asked.replace(/^\/$/, '')),
      );
      const trie = trieOf(globs, below);
      for (const text of globs)
        assert.equal(
          trie.find(asked, (value) => value === text) !== undefined,
          expected.includes(text),
          `${text} and ${asked}`,
        );
    }),
    { numRuns: 3000 },
  );
});

test('10,000 patterns are no 10,000 tests', () => {
  const trie = new PathTrie<number>();
  for (let number = 0; number < 10_000; number++)
    trie.add(patternOf(`/deny/${number}/**/x`), number, true);
  let asked = 0;
  const count = (): boolean => {
    asked++;
    return true;
  };
  assert.equal(trie.find('/deny/7777/a/x', count), 7777);
  assert.equal(trie.find('/other/7777/a/x', count), undefined);
  assert.equal(asked, 1);
});

test('a segment is matched in one pass', () => {
  const glob = { pieces: ['', ...Array<string>(50).fill('aa'), 'b'] };
  assert.equal(matchesSegment(glob, 'a'.repeat(100_000)), false);
});
