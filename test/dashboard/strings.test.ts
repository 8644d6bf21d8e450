import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { errorKinds } from '../../lib/core/error-codes.ts';
import { strings, type TextKey } from '../../lib/dashboard/strings.ts';

const files = globSync('lib/dashboard/page/*.{js,html}').map((file) => readFileSync(file, 'utf8'));
const keys = Object.keys(strings.en) as TextKey[];

for (const key of keys)
  test(`${key} has the same blanks in both languages`, () => {
    const blanks = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();
    assert.deepEqual(blanks(strings.ja[key]), blanks(strings.en[key]));
    assert.notEqual(strings.ja[key].trim(), '');
  });

test('every text that the page names is there', () => {
  const named = files.flatMap((text) =>
    [...text.matchAll(/data-(?:text|label)="(\w+)"|\bsay\(\s*'(\w+)'/g)].map(
      ([, one, other]) => one ?? other ?? '',
    ),
  );
  assert.ok(named.length > 50);
  assert.deepEqual(
    named.filter((key) => !keys.includes(key as TextKey)),
    [],
  );
});

test('codes of errors are no words of the page', () => {
  const codes = Object.keys(errorKinds).map((code) => code.replace('ERR_SEKISHO_', ''));
  assert.deepEqual(
    codes.filter((code) => keys.includes(code as TextKey)),
    [],
  );
});
