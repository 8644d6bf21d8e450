import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeceptiveName } from '../../../lib/core/http/deceptive-name.ts';

for (const [name, expected] of [
  ['example.com', false],
  ['bücher.example', false],
  ['日本語カタカナabc.example', false],
  ['中文abc.example', false],
  ['한국어.example', false],
  ['пример.example', false],
  ['παράδειγμα.example', false],
  ['שלום-1.example', false],
  // Each label by itself: a Cyrillic name below a Latin one deceives nobody.
  ['пример.bücher.example', false],
  ['exаmple.com', true], // Cyrillic а
  ['gοοgle.example', true], // Greek ο
  ['www.аpple.example', true],
  ['日本人п.example', true],
  ['ꭰꭱ.example', true], // Cherokee: looks like Latin, is used by few
] as const)
  test(`${name} ${expected ? 'deceives' : 'is a name'}`, () => {
    assert.equal(isDeceptiveName(new URL(`http://${name}/`).hostname), expected);
  });

test('what is no punycode deceives', () => assert.equal(isDeceptiveName('xn--a.example'), true));
