import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storingRefusals } from '../../../lib/core/http/storing-refusals.ts';

test('each reason is a word of its own and says what it means', () => {
  for (const [reason, meaning] of Object.entries(storingRefusals)) {
    assert.match(reason, /^[a-z]+(?:-[a-z]+)*$/);
    assert.match(meaning, /^.{20,}$/);
  }
  assert.equal(new Set(Object.values(storingRefusals)).size, Object.keys(storingRefusals).length);
});
