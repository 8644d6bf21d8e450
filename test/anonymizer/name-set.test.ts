import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NameSet } from '../../lib/anonymizer/name-set.ts';

const names = new NameSet(['Via', 'X-Corp-*']);

for (const [name, expected] of [
  ['via', true],
  ['x-corp-', true],
  ['x-corp-user', true],
  ['x-corp', false],
  ['via2', false],
  ['', false],
  ['constructor', false],
] as const)
  test(`'${name}' is ${expected ? '' : 'not '}among Via and X-Corp-*`, () => {
    assert.equal(names.has(name), expected);
  });
