import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { escapeLine, escapeText, escapeWord, jsonText } from '../../lib/access-log/escape.ts';

const rows: Readonly<Record<string, [text: string, escaped: string]>> = {
  'plain text stays': ['curl/8.5 (x; y)', 'curl/8.5 (x; y)'],
  'a quote': ['a"b', 'a\\x22b'],
  'a backslash': ['a\\b', 'a\\x5Cb'],
  'a new line': ['a\r\nb', 'a\\x0D\\x0Ab'],
  'a colour of a terminal': ['\x1b[31mred', '\\x1B[31mred'],
  'the C1 form of that': ['\x9b31m', '\\x9B31m'],
  'bytes beyond ASCII': ['\xc3\xa9', '\\xC3\\xA9'],
  'a character beyond bytes': ['関', '\\xE9\\x96\\xA2'],
};

for (const [name, [text, escaped]] of Object.entries(rows))
  test(`escapes as nginx does: ${name}`, () => {
    assert.equal(escapeText(text), escaped);
  });

test('a word has no spaces', () => {
  assert.equal(escapeWord('a [b] c'), 'a\\x20[b]\\x20c');
});

test('whatever it is, the result is printable ASCII without quotes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.match(escapeText(text), /^[\x20\x21\x23-\x7e]*$/);
      assert.doesNotMatch(escapeWord(text), / /);
    }),
  );
});

test('a line of somebody else’s stays one, and cannot move a terminal', () => {
  assert.equal(escapeLine('a "b" é 関\n\x1b[2J\u202e'), 'a "b" é 関\\x0A\\x1B[2J\\xE2\\x80\\xAE');
});

test('JSON texts are read back as they were, and are safe for terminals', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const json = jsonText(text);
      assert.equal(JSON.parse(json), text.toWellFormed() === text ? text : JSON.parse(json));
      // eslint-disable-next-line no-control-regex -- these are the ones
      assert.doesNotMatch(json, /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
    }),
  );
});
