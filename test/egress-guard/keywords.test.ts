import assert from 'node:assert/strict';
import test from 'node:test';
import { KeywordSearch } from '../../lib/egress-guard/keyword-search.ts';
import { keywordPatterns } from '../../lib/egress-guard/keywords.ts';

const patterns = keywordPatterns(['card number', '個人番号']);
const shiftJis = Buffer.from([0x8c, 0xc2, 0x90, 0x6c, 0x94, 0xd4, 0x8d, 0x86]);
const eucJp = Buffer.from([0xb8, 0xc4, 0xbf, 0xcd, 0xc8, 0xd6, 0xb9, 0xe6]);

for (const [what, bytes, expected] of [
  ['in any case', Buffer.from('Card Number'), true],
  ['with an underscore', Buffer.from('card_number'), true],
  ['in one word', Buffer.from('"cardNumber":'), true],
  ['as part of a word', Buffer.from('discard numbers'), false],
  ['in UTF-8', Buffer.from('個人番号'), true],
  ['in Shift_JIS', shiftJis, true],
  ['in EUC-JP', eucJp, true],
  ['escaped in JSON', Buffer.from('\\u500b\\u4eba\\u756a\\u53f7'), true],
  ['escaped in JSON, in capitals', Buffer.from('\\u500B\\u4EBA\\u756A\\u53F7'), true],
  ['not at all', Buffer.from('番号'), false],
] as const)
  test(`a keyword ${what}: ${expected}`, () => {
    assert.equal(
      patterns.some((pattern) => bytes.toString('latin1').search(pattern) !== -1),
      expected,
    );
  });

for (const [gap, expected] of [
  ['あ'.repeat(285), true],
  ['.'.repeat(285), true],
  ['あ'.repeat(301), false],
  ['.'.repeat(301), false],
] as const)
  test(`300 characters are near, of whatever bytes: ${gap.length} of ${gap[0]!} in between`, () => {
    const text = Buffer.from(`${gap}1234${gap}card number`).toString('latin1');
    const at = text.indexOf('1234');
    assert.equal(new KeywordSearch(patterns).isNear(text, at, at + 4), expected);
  });
