import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longestDelta, parseDelta } from '../../../lib/core/http/delta-seconds.ts';

for (const [text, expected] of [
  ['0', 0],
  ['60', 60_000],
  ['0060', 60_000],
  ['2147483647', 2_147_483_647_000],
  ['2147483648', longestDelta],
  ['2147483649', longestDelta],
  ['9'.repeat(400), longestDelta],
  ['', undefined],
  [' 60', undefined],
  ['+60', undefined],
  ['-60', undefined],
  ['60.0', undefined],
  ['6e1', undefined],
  ['0x60', undefined],
  ['60s', undefined],
  ['"60"', undefined],
  ['٦', undefined],
] as const)
  test(`RFC 9111 §1.2.2: ${JSON.stringify(text.slice(0, 20))} (${text.length} characters) is ${String(expected)} ms`, () => {
    assert.equal(parseDelta(text), expected);
  });
