import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hashOf } from '../../../lib/core/lists/hash.ts';
import {
  appliesOf,
  findEntry,
  lineOf,
  TableBuilder,
  type TableMemory,
} from '../../../lib/core/lists/table.ts';

const seed = 77;

function find(table: TableMemory, host: string, path = ''): number {
  return findEntry(table, hashOf(seed, host, path), host, 0, path, path.length);
}

test('finds what was put in, with its line, and nothing else, also beyond what was expected', () => {
  const builder = new TableBuilder(seed, { entries: 1, bytes: 10 });
  for (let line = 1; line <= 70_000; line++)
    builder.add(`h${line}.example`, line % 3 === 0 ? `/p${line}` : '', 1, line);
  const table = builder.finish();
  assert.equal(table.count, 70_000);
  for (let line = 1; line <= 70_000; line++) {
    const path = line % 3 === 0 ? `/p${line}` : '';
    assert.equal(lineOf(table, find(table, `h${line}.example`, path)), line);
    assert.equal(find(table, `x${line}.example`, path), -1);
    assert.equal(find(table, `h${line}.example`, `${path}x`), -1);
  }
});

test('what is added again applies to more, and keeps its line', () => {
  const builder = new TableBuilder(seed, { entries: 2, bytes: 20 });
  builder.add('a.example', '', 1, 5);
  builder.add('a.example', '', 2, 6);
  const table = builder.finish();
  const entry = find(table, 'a.example');
  assert.deepEqual([table.count, appliesOf(table, entry), lineOf(table, entry)], [1, 3, 5]);
});

test('a line number of more than two bytes survives', () => {
  const builder = new TableBuilder(seed, { entries: 1, bytes: 20 });
  builder.add('a.example', '', 1, 19_999_999);
  const table = builder.finish();
  assert.equal(lineOf(table, find(table, 'a.example')), 19_999_999);
});

test('threads can share it', () => {
  const { tags, slots, entries } = new TableBuilder(seed, { entries: 1, bytes: 1 }).finish();
  for (const { buffer } of [tags, slots, entries]) assert.ok(buffer instanceof SharedArrayBuffer);
});

test('says what a Set says, for any names', () => {
  const name = fc.string({
    unit: fc.constantFrom('a', 'b', '.', '-', '0'),
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(
      fc.array(name, { maxLength: 60 }),
      fc.array(name, { maxLength: 60 }),
      (put, asked) => {
        const builder = new TableBuilder(seed, { entries: 4, bytes: 4 });
        for (const [index, each] of put.entries()) builder.add(each, '', 1, index + 1);
        const table = builder.finish();
        const set = new Set(put);
        assert.equal(table.count, set.size);
        for (const each of [...asked, ...put]) {
          const entry = find(table, each);
          assert.equal(entry !== -1, set.has(each));
          if (entry !== -1) assert.equal(lineOf(table, entry), put.indexOf(each) + 1);
        }
      },
    ),
    { interruptAfterTimeLimit: 2000 },
  );
});
