import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cacheStatus } from '../../lib/core/http/cache-status.ts';
import { cacheTags } from '../../lib/core/http/cache-tags.ts';
import {
  concernsOrigin,
  judgeConditions,
  validators,
  withoutConditions,
} from '../../lib/core/http/conditional.ts';
import { entityTagOf, parseEntityTags } from '../../lib/core/http/etag.ts';
import { fieldLines } from '../../lib/core/http/field-lines.ts';
import { invalidated } from '../../lib/core/http/invalidation.ts';
import { notModifiedFields } from '../../lib/core/http/not-modified.ts';
import { parseList } from '../../lib/core/http/parse-structured-field.ts';
import { canonicalPreferences } from '../../lib/core/http/preferences.ts';
import { partialFields, rangeOf, readRange } from '../../lib/core/http/ranges.ts';
import { matches304, refreshed, refreshedByHead } from '../../lib/core/http/refresh.ts';
import { storedFields } from '../../lib/core/http/stored-fields.ts';
import { variantOf, varyNames } from '../../lib/core/http/vary.ts';

const now = Date.UTC(2026, 0, 1);
const date = 'Sun, 06 Nov 1994 08:49:37 GMT';

/** What these fields are made of, so that garbage comes close to what is meant. */
const scrap = fc.constantFrom(
  ...['"', '\\', ',', ';', '=', '-', '*', '/', ' ', '\t', '\n', '\u0000', '\u00e9', '\ud800'],
  ...[
    'W/',
    '"a"',
    'W/"a"',
    'bytes=',
    '0-',
    '-5',
    '9',
    '99999999999999999999',
    'q=0.5',
    'q=0',
    'gzip',
    'de',
    date,
  ],
  ...['vary', 'close', 'date', 'http://', '//', 'a.example', '__proto__'],
);
const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.array(scrap, { maxLength: 8 }).map((parts) => parts.join('')),
);
const name = fc.oneof(
  fc.constantFrom(
    ...[
      'ETag',
      'Last-Modified',
      'Date',
      'Vary',
      'Connection',
      'Age',
      'Content-Length',
      'Set-Cookie',
    ],
    ...['If-None-Match', 'if-modified-since', 'If-Range', 'Range', 'Location', 'Content-Location'],
    ...[
      'Accept',
      'Accept-Encoding',
      'Accept-Language',
      'Cookie',
      'Cache-Tag',
      'Surrogate-Key',
      'X',
    ],
  ),
  value,
);
const fields = fc.array(fc.tuple(name, value), { maxLength: 8 }).map((pairs) => pairs.flat());
const method = fc.oneof(fc.constantFrom('GET', 'HEAD', 'POST', 'PUT'), value);
const status = fc.oneof(fc.constantFrom(200, 206, 404), fc.integer());
const size = fc.oneof(fc.nat(20), fc.nat(), fc.constant(undefined));

test('nothing throws, whatever either side sends, and no fields are changed', () => {
  fc.assert(
    fc.property(
      fields,
      fields,
      method,
      status,
      size,
      value,
      (asked, stored, verb, code, length, text) => {
        const before = JSON.stringify([asked, stored]);
        const request = { method: verb, fields: asked };
        const answer = { status: code, fields: stored };
        const results: unknown[] = [
          judgeConditions(request, answer, now),
          concernsOrigin(asked),
          validators(stored, now),
          withoutConditions(asked),
          notModifiedFields(stored),
          rangeOf(request, answer, length, now),
          refreshed(stored, asked, now),
          matches304(stored, asked, now),
          refreshedByHead(stored, length ?? 0, asked, now),
          invalidated(verb, text, answer),
          storedFields(stored, [text], now),
          cacheTags(stored),
          parseEntityTags(text) ?? '',
          variantOf([text, ...[varyNames(stored)].flat()], asked),
        ];
        assert.ok(!results.includes(undefined));
        assert.equal(JSON.stringify([asked, stored]), before);
      },
    ),
    { numRuns: 2000 },
  );
});

const tagCharacter = fc
  .integer({ min: 0x21, max: 0xff })
  .filter((code) => code !== 0x22 && code !== 0x7f);
const opaque = fc
  .array(tagCharacter, { maxLength: 6 })
  .map((codes) => `"${String.fromCharCode(...codes)}"`);
const tag = fc.tuple(fc.constantFrom('', 'W/'), opaque).map((parts) => parts.join(''));
const gap = fc.constantFrom('', ' ', '\t', '  ');
const separator = fc
  .tuple(gap, fc.constantFrom(',', ',,', ', ,'), gap)
  .map((parts) => parts.join(''));

test('a client that has the stored answer, by its tag, is told so', () => {
  fc.assert(
    fc.property(
      opaque,
      fc.constantFrom('', 'W/'),
      fc.constantFrom('', 'W/'),
      fc.array(fc.tuple(tag, separator), { maxLength: 3 }),
      fc.array(fc.tuple(separator, tag), { maxLength: 3 }),
      fc.constantFrom('GET', 'HEAD'),
      value,
      (text, strength, asked, front, behind, verb, since) => {
        const list = `${front.flat().join('')}${asked}${text}${behind.flat().join('')}`;
        const request = ['If-None-Match', list, 'If-Modified-Since', since];
        const stored = ['ETag', `${strength}${text}`];
        assert.equal(
          judgeConditions({ method: verb, fields: request }, { status: 200, fields: stored }, now),
          'not-modified',
        );
      },
    ),
    { numRuns: 2000 },
  );
});

test('a client that has other answers gets this one', () => {
  fc.assert(
    fc.property(opaque, fc.array(tag, { minLength: 1, maxLength: 5 }), (stored, tags) => {
      const others = tags.filter((other) => other.replace(/^W\//, '') !== stored);
      fc.pre(others.length > 0);
      const request = { method: 'GET', fields: ['If-None-Match', others.join(', ')] };
      assert.deepEqual(parseEntityTags(others.join(', ')), others);
      const judged = judgeConditions(request, { status: 200, fields: ['ETag', stored] }, now);
      assert.equal(judged, 'proceed');
    }),
    { numRuns: 1000 },
  );
});

test('what an answer is validated with is what it has', () => {
  fc.assert(
    fc.property(fields, (stored) => {
      const asked = validators(stored, now);
      for (const line of fieldLines(asked, 'if-none-match'))
        assert.equal(line, entityTagOf(stored));
      if (asked.length === 0) return;
      const answer = { status: 200, fields: stored };
      assert.equal(judgeConditions({ method: 'GET', fields: asked }, answer, now), 'not-modified');
    }),
    { numRuns: 1000 },
  );
});

const position = fc.oneof(fc.nat(30).map(String), fc.constant(''), fc.constant('9'.repeat(30)));
const rangeLike = fc
  .array(fc.tuple(position, fc.constantFrom('-', '-', '-', ''), position), {
    minLength: 1,
    maxLength: 4,
  })
  .map((specs) => `bytes=${specs.map((parts) => parts.join('')).join(',')}`);

test('a range lies within the body', () => {
  fc.assert(
    fc.property(fc.oneof(rangeLike, value), fc.nat(25), (range, length) => {
      const read = readRange([range], length);
      if (read.kind !== 'one') return;
      assert.ok(Number.isInteger(read.first) && Number.isInteger(read.last));
      assert.ok(read.first >= 0 && read.first <= read.last && read.last < length, range);
      const [stated] = fieldLines(
        partialFields([], read.first, read.last, length),
        'content-length',
      );
      assert.equal(Number(stated), read.last - read.first + 1);
    }),
    { numRuns: 3000 },
  );
});

test('a range read before the length is known is the one read afterwards', () => {
  fc.assert(
    fc.property(rangeLike, (range) => {
      const early = readRange([range], undefined);
      assert.notEqual(early.kind, 'unsatisfiable');
      if (early.kind === 'one') assert.deepEqual(readRange([range], early.last + 1), early);
    }),
    { numRuns: 1000 },
  );
});

interface Preference {
  readonly range: string;
  readonly weight: number;
}

/** Lists such as clients send; a range comes once. */
const preferences = fc.uniqueArray(
  fc.record({
    range: fc.constantFrom('gzip', 'br', 'zstd', 'identity', '*'),
    weight: fc.constantFrom(0, 1, 10, 500, 510, 999, 1000),
  }),
  { selector: ({ range }) => range, maxLength: 4 },
);
/** One of the many ways to write the same list in the same order. */
const style = fc.record({
  upper: fc.boolean(),
  digits: fc.constantFrom(0, 3),
  before: gap,
  after: gap,
  comma: separator,
  stated: fc.boolean(),
});
type Style = typeof style extends fc.Arbitrary<infer Value> ? Value : never;

function written(
  list: readonly Preference[],
  { upper, digits, before, after, comma, stated }: Style,
): string {
  const members = list.map(({ range, weight }) => {
    const name = upper ? range.toUpperCase() : range;
    if (weight === 1000 && !stated) return name;
    const q = digits === 3 ? (weight / 1000).toFixed(3) : String(weight / 1000);
    return `${name}${before};${after}${upper ? 'Q' : 'q'}=${q}`;
  });
  return members.join(comma);
}

function variant(field: string, text: string): string {
  return variantOf([field], [field, text]);
}

/** What the list says, told without a single line of the code under test. */
function meaning(field: string, list: readonly Preference[]): string {
  const byWeight = list.toSorted((one, other) => other.weight - one.weight);
  if (field === 'accept-language') return JSON.stringify(byWeight);
  const anything = list.some(({ range }) => range === '*');
  const accepted = list.filter(
    ({ range, weight }) => weight > 0 || anything || range === 'identity',
  );
  return JSON.stringify(accepted.map(({ range, weight }) => `${range} ${weight}`).sort());
}

for (const field of ['accept-encoding', 'accept-language'])
  test(`${field}: values share a variant when they mean the same, and only then`, () => {
    fc.assert(
      fc.property(
        preferences,
        preferences,
        fc.boolean(),
        style,
        style,
        (one, two, same, left, right) => {
          const other = same ? one.toReversed() : two;
          assert.equal(variant(field, written(one, left)), variant(field, written(one, right)));
          assert.equal(
            variant(field, written(one, left)) === variant(field, written(other, right)),
            meaning(field, one) === meaning(field, other),
          );
        },
      ),
      { numRuns: 2000 },
    );
  });

test('normalising what is normalised changes nothing', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('accept', 'accept-charset', 'accept-encoding', 'accept-language'),
      fc.oneof(
        value,
        fc.tuple(preferences, style).map((parts) => written(...parts)),
      ),
      (field, text) => {
        const canonical = canonicalPreferences(field, text);
        if (canonical === undefined) return;
        assert.equal(canonicalPreferences(field, canonical), canonical);
      },
    ),
    { numRuns: 2000 },
  );
});

/** No blank and no comma: nothing a cache may normalise. */
const plain = fc
  .array(fc.constantFrom('a', 'A', '"', '[', ']', '\\', 'null', '\n', '\u00e9'), { maxLength: 4 })
  .map((parts) => parts.join(''));
const slot = fc.option(plain, { nil: undefined });

test('values that nothing may be changed in share a variant only when they are equal', () => {
  fc.assert(
    fc.property(fc.tuple(slot, slot, slot), fc.tuple(slot, slot, slot), (one, other) => {
      const names = ['x-a', 'x-b', 'x-c'];
      const variants = [one, other].map((values) =>
        variantOf(
          names,
          names.flatMap((field, at) => (values[at] === undefined ? [] : [field, values[at]])),
        ),
      );
      assert.equal(variants[0] === variants[1], JSON.stringify(one) === JSON.stringify(other));
      assert.deepEqual(
        JSON.parse(variants[0] as string),
        names.map((field, at) => [field, one[at] ?? null]),
      );
    }),
    { numRuns: 2000 },
  );
});

test('a variant is short, and does not depend on other fields or their order', () => {
  fc.assert(
    fc.property(
      fields,
      fc.array(name, { maxLength: 3 }),
      fc.string({ maxLength: 300, size: 'max' }),
      (asked, names, long) => {
        const lower = names.map((one) => one.toLowerCase());
        const request = [...asked, 'X-Long', long];
        const once = variantOf([...lower, 'x-long'], request);
        assert.ok(once.length <= 200);
        assert.equal(variantOf([...lower, 'x-long'], ['X-Other', '1', ...request]), once);
      },
    ),
    { numRuns: 1000 },
  );
});

test('a refresh is done once, and brings no cookies', () => {
  fc.assert(
    fc.property(fields, fields, (answer, from304) => {
      const stored = storedFields(answer, [], now);
      assert.deepEqual(storedFields(stored, [], now), stored);
      const fresh = refreshed(stored, from304, now);
      assert.deepEqual(fieldLines(fresh, 'set-cookie'), fieldLines(stored, 'set-cookie'));
      assert.deepEqual(fieldLines(fresh, 'content-length'), fieldLines(stored, 'content-length'));
      assert.deepEqual(refreshed(fresh, from304, now).toSorted(), fresh.toSorted());
      assert.equal(matches304(stored, stored, now), true);
    }),
    { numRuns: 1000 },
  );
});

const reference = fc.oneof(
  value,
  fc
    .tuple(
      fc.constantFrom('', '/', '//', '\\', '/\\', 'http:', 'http://', 'https://a.example', '@'),
      value,
    )
    .map((parts) => parts.join('')),
  fc.webUrl(),
);

test('nothing is invalidated at another origin', () => {
  fc.assert(
    fc.property(method, status, reference, reference, (verb, code, location, content) => {
      const answer = { status: code, fields: ['Location', location, 'Content-Location', content] };
      const target = 'http://a.example/x';
      const urls = invalidated(verb, target, answer);
      assert.ok(urls.length <= 3);
      for (const url of urls) assert.ok(url.startsWith('http://a.example/'), url);
      assert.equal(urls.length === 0 || urls[0] === target, true);
    }),
    { numRuns: 2000 },
  );
});

test('a member of Cache-Status is one, whatever it tells', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 300 }),
      value,
      value,
      fc.oneof(fc.double(), fc.integer()),
      (key, detail, cache, ttl) => {
        const member = cacheStatus({ key, detail, ttl }, cache);
        assert.match(member, /^[\x20-\x7e]*$/);
        const members = parseList(`origin; hit, ${member}`) ?? [];
        assert.equal(members.length, 2, member);
        assert.equal(members[1]?.parameters.get('key')?.kind, 'string');
        assert.equal(members[1].parameters.get('hit')?.value, true);
      },
    ),
    { numRuns: 1000 },
  );
});
