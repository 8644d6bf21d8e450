import assert from 'node:assert/strict';
import test from 'node:test';
import { memoised, remembering } from '../../../lib/core/http/memo.ts';

function counted(): { calls: string[]; compute: (text: string) => string | undefined } {
  const calls: string[] = [];
  return {
    calls,
    compute(text) {
      calls.push(text);
      return text === 'none' ? undefined : text.toUpperCase();
    },
  };
}

test('what was computed once is remembered, up to so many texts', () => {
  const { calls, compute } = counted();
  const upper = memoised(compute);
  for (let index = 0; index < 512; index++) upper(`text ${index}`);
  assert.equal(upper('text 0'), 'TEXT 0');
  assert.equal(calls.length, 512);
  assert.equal(upper('one more'), 'ONE MORE');
  assert.equal(upper('one more'), 'ONE MORE');
  assert.equal(calls.length, 514);
  upper.forget();
  assert.equal(upper('text 0'), 'TEXT 0');
  assert.equal(calls.length, 515);
});

test('what recurs for a while is remembered, and when there is much of it, it begins anew', () => {
  const { calls, compute } = counted();
  const upper = remembering(compute, 2);
  for (const text of ['a', 'a', 'b', 'b', 'a', 'c', 'c', 'a'])
    assert.equal(upper(text), text.toUpperCase());
  assert.deepEqual(calls, ['a', 'b', 'c', 'a']);
});

test('long texts and those without a result are computed each time, and right', () => {
  const { calls, compute } = counted();
  const upper = remembering(compute);
  const long = 'x'.repeat(300);
  for (const text of [long, long, 'none', 'none'])
    assert.equal(upper(text), text === 'none' ? undefined : long.toUpperCase());
  assert.equal(calls.length, 4);
});
