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
  // All letters of one script, and each of them looks Latin.
  ['xn--80ak6aa92e.com', true], // аррӏе
  ['аррӏе.com.', true],
  ['www.аррӏе.co.uk', true],
  ['аррӏе.com.example', true],
  ['еріс.com', true],
  ['раураӏ.com', true],
  ['раураӏ-24.com', true],
  ['ѕкуре.com', true],
  ['ёріс.com', true], // accents do not make another word of it
  ['ορνχ.com', true],
  ['օոսհ.com', true],
  ['ɡoogle.com', true],
  ['ᴏracle.com', true],
  // Words with a letter that is only theirs.
  ['которые.com', false],
  ['пример.com', false],
  ['почта.com', false],
  ['москва.com', false],
  ['ελλάδα.com', false],
  ['հայաստան.com', false],
  ['bücher.com', false],
  ['ıstanbul.com', false],
  // At home nobody takes a word for a Latin one.
  ['сок.рф', false],
  ['ухо.укр', false],
  ['аррӏе.ru', false],
  ['хор.бг', false],
  ['сок.bg', false],
  ['сок.gr', true],
  ['και.gr', false],
  ['και.ελ', false],
  ['και.com', true],
  ['ոսոհ.հայ', false],
] as const)
  test(`${name} ${expected ? 'deceives' : 'is a name'}`, () => {
    assert.equal(isDeceptiveName(new URL(`http://${name}/`).hostname), expected);
  });

test('what is no punycode deceives', () => assert.equal(isDeceptiveName('xn--a.example'), true));
