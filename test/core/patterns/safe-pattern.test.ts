import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { useClock } from '../../../lib/core/clock.ts';
import { OptionsError } from '../../../lib/core/errors.ts';
import { parseOptions, schemaOf } from '../../../lib/core/options.ts';
import { patternField, safePattern } from '../../../lib/core/patterns/safe-pattern.ts';

const long = 'a'.repeat(50_000);

for (const [pattern, text, expected] of [
  [/^(a+)+$/, `${long}!`, false],
  [/^(a+)+$/, long, true],
  [/^(a|a)*$/, `${long}!`, false],
  [/^(a|aa)+$/, `${long}!`, false],
  [/(a*)*b/, long, false],
  [/(.*)*x/, long, false],
  [/a*a*a*a*b/, long, false],
  [/.*.*=.*/, long, false],
  [/\s+$/, `${' '.repeat(50_000)}x`, false],
  [/^(([a-z])+.)+[A-Z]([a-z])+$/, long, false],
  [/(?:a?){30}a{30}b/, long, false],
  [/^(?:\w+\s?)*$/, `${'a '.repeat(25_000)}!`, false],
  [/([a-zA-Z0-9._-]+)+@x\.example/, long, false],
  [/(?:.{0,100}){0,9}=z/, long, false],
  [/^.*(?:foo|bar)?.*baz$/s, long, false],
] as const)
  // Backtracking would take hours; these end, or the whole run is cut.
  test(`${String(pattern)} on ${text.length} characters ends`, () => {
    const safe = safePattern(pattern);
    assert.equal(safe.test(text), expected);
    assert.equal(safe.matches(text, 3).length > 0, expected);
  });

for (const [pattern, yes, no] of [
  [/\.php$/, '/a.php', '/a.php5'],
  [/^\/admin(?:\/|$)/, '/admin/x', '/administrator'],
  [/ADMIN.*x/i, 'an admin page x', 'a user page x'],
  ['wp-(?:login|admin)', '/wp-login.php', '/wp-content'],
  [/^a.*b$/s, 'a\nb', 'a\nc'],
  [/x*a.b/, 'a-b', 'a\nb'],
  [/x*^b/m, 'a\nb', 'ab'],
  [/x*a$/m, 'a\r\nb', 'ab'],
  [/x*a$/, 'bba', 'a\n'],
  [/x*\s[^\s]/, '\u00a0b', 'ab'],
  [/x*[\d.-]+[^a-z]q/, '1.2-3 q', '1.2-3aq'],
  [/x*\u{1F600}$/u, '\u{1F600}', '\u{1F601}'],
  [/x*\uD83D\uDE00$/, '\u{1F600}', '\u{1F601}'],
  [/x*\p{L}\P{L}$/u, 'ä1', 'ää'],
  [/x*\p{Script=Greek}$/u, 'α', 'a'],
  // eslint-disable-next-line no-empty-character-class -- which matches nothing
  [/x*[]]|b/, 'b', ']'],
  [/x*[^]b/, '\nb', 'b'],
  [/x*\x41\cA\0$/, 'A\x01\0', 'A\x01'],
  [/x*{b}$/, '{b}', 'b'],
  [/x*[a-\d]$/, '-', 'b'],
  [/x*[b-]$/, '-', 'c'],
  [/x*[\b]$/, '\b', 'b'],
  [/x*\bfoo\B/, 'foot', 'foo'],
  [/x*(?<name>q)+$/, 'qq', 'r'],
  [/x*q{2}r{1,}s{0,1}?$/, 'qqrr', 'qr'],
  [/x*[^\W_]$/i, 'a', '_'],
  [/(?<!\d)\d{13,16}(?!\d)/, 'n 4111111111111111.', '41111111111111111'],
] as const)
  test(`${String(pattern)} matches ${JSON.stringify(yes)} and not ${JSON.stringify(no)}, as RegExp says`, () => {
    const safe = safePattern(pattern);
    assert.deepEqual(
      [new RegExp(pattern).test(yes), new RegExp(pattern).test(no)],
      [true, false],
      'the test itself',
    );
    assert.deepEqual([safe.test(yes), safe.test(no)], [true, false]);
  });

for (const [pattern, problem] of [
  [/(a)*\1/, /\/\(a\)\*\\1\/ has the backreference or octal escape \\1; write out/],
  [/(?<x>a)\k<x>/, /backreference \\k/],
  [/.*(?=b)/, /has a lookahead, .* use two patterns, or limits/],
  [/.*(?<!b)c/, /has a lookbehind/],
  [/a{2000}/, /repeats 2000 times; not more than 1000/],
  [
    /(?:(?:.{100}){100}){100}/,
    /is beyond what RE2 can do \(.*invalid repeat count.*\); repeat less often or split it/,
  ],
  [
    /.*(?:[ab].{900}){1}.*(?:[ab].{990})(?:[ab].{900})/,
    /is too large \(\d+ instructions, at most 2000\)/,
  ],
  ['(', /is no regular expression: .*Unterminated group/],
  ['a'.repeat(5000), /is longer than 4096 characters; split it/],
  ['('.repeat(200) + ')'.repeat(200), /more than 100 levels/],
  [/[\p{L}--a]/v, /has flag v; use u/],
  [/\p{Emoji}+x/u, /has \\p\{Emoji\}; only general categories/],
] as const)
  test(`${String(pattern).slice(0, 30)} is refused: ${String(problem)}`, () => {
    assert.throws(
      () => safePattern(pattern, 'urlFilter'),
      (error: Error) => error instanceof OptionsError && problem.test(error.message),
    );
  });

test('flags g and y say where to begin, and are left out: no state lives on', () => {
  for (const pattern of [/a/g, /a/y, /b*a/g]) {
    const safe = safePattern(pattern);
    assert.deepEqual(
      [safe.flags, safe.test('ba'), safe.test('ba'), safe.test('ba')],
      ['', true, true, true],
    );
    assert.equal(pattern.lastIndex, 0);
  }
});

for (const [pattern, expected] of [
  [
    /\d{4}/,
    [
      { index: 2, text: '4111' },
      { index: 7, text: '2222' },
      { index: 12, text: '3333' },
    ],
  ],
  [
    /[a-z]*\d+/,
    [
      { index: 0, text: 'ab4111' },
      { index: 7, text: '2222' },
      { index: 12, text: '3333' },
    ],
  ],
  [/q*/, []],
  [/z?/, []],
] as const)
  test(`matches of ${String(pattern)} with their positions, empty ones left out`, () => {
    const safe = safePattern(pattern);
    assert.deepEqual(safe.matches('ab4111 2222 3333'), expected);
    assert.deepEqual(safe.matches('ab4111 2222 3333', 1), expected.slice(0, 1));
  });

test('a search whose every match needs a look at all of the rest ends after a while', (t) => {
  let now = 0;
  t.after(useClock({ monotonic: () => (now += 50) }));
  assert.equal(safePattern(/a(?:.*x)?/).matches(long).length < 10, true);
});

test('patternField: a RegExp or a source; what is wrong is said with the pattern', () => {
  const schema = schemaOf<{ pattern: RegExp | string }>()({ pattern: patternField() });
  assert.equal(parseOptions('x', schema, { pattern: /a+$/i }).pattern.test('BA'), true);
  assert.equal(parseOptions('x', schema, { pattern: 'a+$' }).pattern.test('ba'), true);
  assert.throws(
    () => parseOptions('x', schema, { pattern: 7 }),
    /pattern: 7 is no pattern; use a RegExp/,
  );
  assert.throws(
    () => parseOptions('x', schema, { pattern: /(a)\1/ }),
    /pattern: \/\(a\)\\1\/ has the backreference/,
  );
});

const atoms = [
  'a',
  'b',
  '.',
  '\\d',
  '\\s',
  '\\w',
  '\\W',
  '[ab1]',
  '[^a]',
  '[^\\s\\d]',
  '\\b',
  '^',
  '$',
  '-',
  'é',
];
const quantifiers = ['', '', '', '*', '+', '?', '*?', '+?', '{2}', '{1,3}', '{0,2}?', '{2,}'];
const pattern = fc.letrec<{ node: string; piece: string }>((tie) => ({
  piece: fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .constantFrom(...atoms)
        .chain((atom) =>
          fc
            .constantFrom(...(/^(?:\\b|\^|\$)$/.test(atom) ? [''] : quantifiers))
            .map((sign) => atom + sign),
        ),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(tie('node'), fc.constantFrom(...quantifiers))
        .map(([node, sign]) => `(?:${node})${sign}`),
    },
    { weight: 1, arbitrary: fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(${a}|${b})`) },
  ),
  node: fc.array(tie('piece'), { minLength: 0, maxLength: 4 }).map((pieces) => pieces.join('')),
}));
const text = fc
  .array(fc.constantFrom('a', 'b', '1', ' ', '-', '_', 'A', '\n', 'é', '\u00a0'), { maxLength: 12 })
  .map((all) => all.join(''));

for (const flags of ['', 'i', 's', 'm', 'u'])
  test(
    `says what RegExp says, with flags '${flags}', for any pattern on short texts`,
    { timeout: 20_000 },
    () => {
      fc.assert(
        fc.property(pattern.node, text, (source, subject) => {
          const native = new RegExp(source, flags);
          const safe = safePattern(native);
          assert.equal(
            safe.test(subject),
            native.test(subject),
            `${source} on ${JSON.stringify(subject)}`,
          );
          // Where a group that may be empty repeats, the engines differ in how far a match reaches, not in whether.
          if (/\)[*+?{]/.test(source)) return;
          const expected = [...subject.matchAll(new RegExp(source, `g${flags}`))].filter(
            ([match]) => match !== '',
          );
          assert.deepEqual(
            safe.matches(subject),
            expected.map(({ 0: match, index }) => ({ index, text: match })),
          );
        }),
        { numRuns: 2000, interruptAfterTimeLimit: 2000 },
      );
    },
  );
