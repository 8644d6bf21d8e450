import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { readBlocks } from '../../../lib/core/lists/read-lines.ts';
import { fileOf } from './support.ts';

function blocks(t: TestContext, text: string, most = 1e9): string[] {
  const descriptor = openSync(fileOf(t, text), 'r');
  try {
    return [...readBlocks(descriptor, most)];
  } finally {
    closeSync(descriptor);
  }
}

for (const [what, text] of [
  ['nothing', ''],
  ['one line without end', 'a'],
  ['short lines over many blocks', 'line of a list\n'.repeat(100_000)],
  ['lines of several bytes per character', 'bücher.example 日本\n'.repeat(50_000)],
  ['a last line without end', `${'line\n'.repeat(60_000)}last`],
] as const)
  test(`${what}: the blocks together are the file, each of whole lines`, (t) => {
    const all = blocks(t, text);
    assert.equal(all.join('') === text, true);
    for (const block of all.slice(0, -1)) assert.ok(block.endsWith('\n'));
  });

test('of a line that is longer than a block a part is left, and the lines around it are whole', (t) => {
  const text = blocks(t, `first\n${'x'.repeat(2_000_000)}\nlast\n`).join('');
  const [first, long, last] = text.split('\n');
  assert.deepEqual([first, last], ['first', 'last']);
  assert.match(long ?? '', /^x{8000,300000}$/);
});

test('more bytes than allowed throw', (t) => {
  assert.throws(() => blocks(t, 'a\n'.repeat(1_000_000), 1024 * 1024), /it is larger than 1 MB/);
});
