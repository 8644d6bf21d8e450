import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { digitGroups, digitsOf, type DigitGroup } from '../../lib/egress-guard/digit-groups.ts';

function look(text: string, from = 0, to?: number): string[] {
  const bytes = Buffer.from(text);
  const latin1 = bytes.toString('latin1');
  return digitGroups(bytes, from, to ?? bytes.length).map(
    (group) => `${group.start}: ${partsOf(group, latin1).join(' ')}`,
  );
}

function partsOf(first: DigitGroup, text: string): string[] {
  const parts: string[] = [];
  for (let group: DigitGroup | undefined = first; group !== undefined; group = group.next)
    parts.push(digitsOf(text, group, 1));
  return parts;
}

for (const [what, text, expected] of [
  ['in one group', 'x123456789012,', ['1: 123456789012']],
  ['in groups', '1234 5678-9012', ['0: 1234 5678 9012', '5: 5678 9012', '10: 9012']],
  ['of full width', '１２３４－５６７８', ['0: 1234 5678', '15: 5678']],
  ['one in front', '7-0000-1205', ['0: 7 0000 1205', '2: 0000 1205', '7: 1205']],
  ['three behind', '4444-333', ['0: 4444 333']],
  ['two in front', '12-3456', ['3: 3456']],
  ['two gaps', '1234--5678', ['0: 1234', '6: 5678']],
  ['too few', '123 4567890 12', []],
  ['too many', '1'.repeat(20), []],
  ['with decimals', '123456789012.5 1.234567890123', []],
  ['at the end of a sentence', 'It is 123456789012.', ['6: 123456789012']],
] as const)
  test(`digits ${what}: ${expected.length} groups`, () => {
    assert.deepEqual(look(text), expected);
  });

test('what begins before the part, or behind it, is for others', () => {
  assert.deepEqual(look('1234 5678 9012 3456', 5, 10), ['5: 5678 9012 3456']);
  assert.deepEqual(look('123456789012345678', 3), []);
});

const digit = '(?:\\d|[０-９])';
const gap = '[ +\\-‐-―\u3000－]';

/** As a pattern says it. */
function expected(text: string, sizes: readonly number[]): string[] {
  const form = sizes.map((size) => `${digit}{${size}}`).join(gap);
  const pattern = new RegExp(
    `(?<!${digit})(?<!\\d\\.(?=\\d))(?=(${form})(?!${digit}|\\.\\d))`,
    'g',
  );
  return [...text.matchAll(pattern)].map((match) =>
    (match[1] as string)
      .replace(/[０-９]/g, (wide) => String(wide.charCodeAt(0) - 0xff10))
      .replace(/\D/g, ''),
  );
}

test('groups of all forms are those that a pattern finds', () => {
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.stringMatching(/^\d{4}$/) },
    { weight: 2, arbitrary: fc.stringMatching(/^\d{1,20}$/) },
    { weight: 2, arbitrary: fc.stringMatching(/^[０-９]{1,4}$/) },
    { weight: 6, arbitrary: fc.constantFrom(' ', '-', '－', '\u3000') },
    { weight: 1, arbitrary: fc.constantFrom('.', 'a', ',', '\n', '名', '\u{1f600}') },
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
      const text = pieces.join('');
      const bytes = Buffer.from(text);
      const latin1 = bytes.toString('latin1');
      const groups = digitGroups(bytes, 0, bytes.length);
      for (const sizes of [[12], [19], [4, 4, 4], [1, 4, 4, 4], [4, 4, 4, 4, 3], [4, 6, 5]]) {
        const found: string[] = [];
        for (const first of groups) {
          let group: DigitGroup | undefined = first;
          const fits = sizes.every((size) => {
            const is = group?.size === size;
            group = group?.next;
            return is;
          });
          if (fits) found.push(digitsOf(latin1, first, sizes.length));
        }
        assert.deepEqual(found, expected(text, sizes), `${sizes.join()} in ${text}`);
      }
    }),
    { numRuns: 2000 },
  );
});
