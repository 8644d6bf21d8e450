import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ageField, currentAge, initialAge, parseAge } from '../../lib/core/http/age.ts';
import { parseCacheControl, type CacheControl } from '../../lib/core/http/cache-control.ts';
import { parseHttpDate } from '../../lib/core/http/http-date.ts';
import { requestDirectives } from '../../lib/core/http/request-directives.ts';
import { judgeReuse, mayUseOnError } from '../../lib/core/http/reuse.ts';
import {
  judgeStoring,
  type IgnorableWord,
  type StoringPolicy,
  type StoringRequest,
} from '../../lib/core/http/storing.ts';
import type { Validity } from '../../lib/core/http/validity.ts';

const received = Date.UTC(2025, 0, 1);
const runs = { numRuns: 1000 };

const latin1 = fc
  .uint8Array({ maxLength: 24 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));

const seconds = fc.oneof(
  fc.nat(200).map(String),
  fc.constantFrom('0', '-1', '1.5', '', '"60"', 'x', '99999999999999', '60 60', '"60'),
);
const directive = fc.oneof(
  fc.constantFrom(
    ...['no-store', 'private', 'no-cache', 'public', 'must-revalidate', 'proxy-revalidate'],
    ...['must-understand', 'immutable', 'only-if-cached', 'max-stale', 'max-age', 's-maxage'],
    ...['no-cache="set-cookie"', 'private="x-a, x-b"', 'private="x', 'x="no-store, "', 'NO-STORE;'],
    ...['public=1', 'private = x', '"', '=', '\\', ' ', 'constructor', '__proto__=1'],
  ),
  fc
    .tuple(
      fc.constantFrom(
        ...['max-age', 's-maxage', 'max-stale', 'min-fresh', 'Max-Age'],
        ...['stale-while-revalidate', 'stale-if-error'],
      ),
      seconds,
    )
    .map(([name, value]) => `${name}=${value}`),
  latin1,
);
const soup = fc
  .array(directive, { maxLength: 5 })
  .chain((directives) => fc.constantFrom(', ', ',', ' , ,').map((comma) => directives.join(comma)));

const date = fc.oneof(
  fc
    .integer({ min: -200, max: 200 })
    .map((offset) => new Date(received + offset * 1000).toUTCString()),
  fc.constantFrom('0', '', 'Sun Nov  6 08:49:37 1994', 'Sunday, 06-Nov-94 08:49:37 GMT'),
  latin1,
);
const field = fc.oneof(
  fc.tuple(fc.constantFrom('Cache-Control', 'cache-control', 'CDN-Cache-Control'), soup),
  fc.tuple(fc.constantFrom('Expires', 'Date', 'Last-Modified'), date),
  fc.tuple(fc.constant('Age'), fc.oneof(seconds, latin1)),
  fc.tuple(fc.constant('ETag'), fc.constantFrom('"a"', 'W/"a"', 'a')),
  fc.tuple(fc.constant('Vary'), fc.constantFrom('*', 'a, *', 'Accept', ', ,')),
  fc.tuple(fc.constant('Set-Cookie'), fc.constant('a=b')),
  fc.tuple(latin1, latin1),
);
const fields = fc.array(field, { maxLength: 5 }).map((pairs) => pairs.flat());
const status = fc.oneof(
  fc.constant(200),
  fc.constantFrom(203, 204, 299, 301, 302, 401, 404, 500, 502, 100, 206, 304, 412, 0),
);

const maybeTime = fc.option(fc.nat(100_000), { nil: undefined });
const words: readonly IgnorableWord[] = [
  ...(['no-store', 'private', 'no-cache', 'freshness'] as const),
  ...(['must-revalidate', 'set-cookie'] as const),
];
const policy: fc.Arbitrary<StoringPolicy> = fc
  .record({
    ttl: maybeTime,
    staleWhileRevalidate: maybeTime,
    staleIfError: maybeTime,
    keepForValidation: maybeTime,
    heuristics: fc.constantFrom(false as const, { share: 0.1, most: 1e6 }),
    negativeTtl: fc.constantFrom(undefined, { 404: 5000, 502: 1000 }),
    ignore: fc.subarray([...words]),
  })
  .map((given) =>
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  );
const obedient = policy.map((given) => ({ ...given, ignore: [] }));

const directives: fc.Arbitrary<CacheControl | undefined> = fc.option(
  soup.map((line) => parseCacheControl([line])),
  { nil: undefined },
);
const request: fc.Arbitrary<StoringRequest> = fc.record({
  method: fc.constant('GET'),
  directives: fc.constant(undefined),
  credentials: fc.boolean(),
  cookies: fc.boolean(),
});
const times = fc
  .integer({ min: -1000, max: 100_000 })
  .map((delay) => ({ requested: received - delay, received }));

const span = fc.nat(100_000);
const validity: fc.Arbitrary<Validity> = fc.record({
  received: fc.constant(received),
  initialAge: span,
  lifetime: span,
  staleWhileRevalidate: span,
  staleIfError: span,
  alwaysValidate: fc.boolean(),
  neverStale: fc.boolean(),
  assumed: fc.boolean(),
});

function assertSound(numbers: readonly number[]): void {
  for (const number of numbers)
    assert.ok(number >= 0 && Number.isFinite(number), `${number} is no time`);
}

test('nothing that either side sends throws, and every time is a finite one', () => {
  fc.assert(
    fc.property(
      fields,
      fields,
      status,
      policy,
      request,
      times,
      (asked, said, code, rules, who, when) => {
        const all = { ...who, directives: requestDirectives(asked) };
        const judged = judgeStoring(all, { status: code, fields: said }, rules, when);
        if (!judged.store) return;
        const { initialAge: age, lifetime, staleIfError, staleWhileRevalidate } = judged.validity;
        assertSound([age, lifetime, staleIfError, staleWhileRevalidate, judged.keepFor]);
        assert.ok(judged.keepFor > 0);
        judgeReuse(judged.validity, all.directives, when.received);
      },
    ),
    runs,
  );
});

test('directives never yield a negative or boundless time', () => {
  fc.assert(
    fc.property(fc.array(soup, { maxLength: 3 }), (lines) => {
      const { maxAge, sMaxAge, maxStale, minFresh, ...rest } = parseCacheControl(lines);
      const { staleIfError, staleWhileRevalidate } = rest;
      const said = [maxAge, sMaxAge, maxStale, minFresh, staleIfError, staleWhileRevalidate];
      assertSound(said.filter((time) => time !== undefined));
    }),
    runs,
  );
});

test('the age is never negative, whatever the clocks do', () => {
  const moment = fc.integer({ min: -1e15, max: 1e15 });
  const line = fc.option(fc.oneof(seconds, latin1), { nil: undefined });
  fc.assert(
    fc.property(line, date, moment, moment, moment, (age, dated, requested, arrived, now) => {
      const first = initialAge(parseAge(age), parseHttpDate(dated, received), {
        requested,
        received: arrived,
      });
      const stored = { received: arrived, initialAge: first } as Validity;
      assertSound([first, currentAge(stored, now), ageField(stored, now)]);
    }),
    runs,
  );
});

test('an answer with private or no-store is not stored unless that is overridden', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('private', 'no-store', 'Private', 'NO-STORE', 'no-store=x', 'private='),
      soup,
      fields,
      status,
      obedient,
      request,
      times,
      (word, others, more, code, rules, who, when) => {
        const kept = more.filter((_, index) => !/^cdn-/i.test(more[index - (index % 2)] as string));
        const said = ['Cache-Control', word, 'Cache-Control', others, ...kept];
        const judged = judgeStoring(who, { status: code, fields: said }, rules, when);
        // must-understand undoes a no-store, and nothing else does (RFC 9111 §5.2.2.3).
        const undone =
          /no-store/i.test(word) && said.some((value) => /must-understand/i.test(value));
        assert.ok(!judged.store || undone);
      },
    ),
    runs,
  );
});

test('what a request with credentials or cookies brought is not stored against the word of the origin', () => {
  fc.assert(
    fc.property(fc.constantFrom('private', 'no-store'), policy, times, (word, rules, when) => {
      for (const who of [
        { credentials: true, cookies: false },
        { credentials: false, cookies: true },
      ]) {
        const said = ['Cache-Control', `public, s-maxage=60, ${word}`, 'ETag', '"a"'];
        const all = { ...who, method: 'GET', directives: undefined };
        assert.ok(!judgeStoring(all, { status: 200, fields: said }, rules, when).store);
      }
    }),
    { numRuns: 100 },
  );
});

test('credentials and cookies never make an answer storable, nor longer fresh', () => {
  fc.assert(
    fc.property(fields, status, obedient, request, times, (said, code, rules, who, when) => {
      const answer = { status: code, fields: said };
      const personal = judgeStoring(who, answer, rules, when);
      const anonymous = { ...who, credentials: false, cookies: false };
      const common = judgeStoring(anonymous, answer, rules, when);
      if (!personal.store) return;
      assert.ok(common.store);
      assert.ok(personal.validity.lifetime <= common.validity.lifetime);
    }),
    runs,
  );
});

test('a stricter directive never makes an answer storable, nor longer fresh', () => {
  const stricter = fc.constantFrom(
    ...['no-store', 'private', 'no-cache', 'must-revalidate', 'proxy-revalidate'],
    ...['max-age=0', 'max-age=50', 'max-age=x', 'max-age', 'stale-if-error=0'],
  );
  fc.assert(
    fc.property(
      stricter,
      soup,
      fields,
      status,
      policy,
      request,
      times,
      (word, base, more, code, rules, who, when) => {
        // Beside credentials must-revalidate permits storing (RFC 9111 §3.5).
        const asker = word === 'must-revalidate' ? { ...who, credentials: false } : who;
        const said = ['Cache-Control', 'max-age=100', ...more];
        const judge = (line: string): ReturnType<typeof judgeStoring> =>
          judgeStoring(
            asker,
            { status: code, fields: ['Cache-Control', line, ...said] },
            rules,
            when,
          );
        const before = judge(base);
        // In a line of its own: no quote of the soup may swallow it.
        said.push('Cache-Control', word);
        const after = judge(base);
        if (!after.store) return;
        assert.ok(before.store);
        assert.ok(after.validity.lifetime <= before.validity.lifetime);
        assert.ok(after.validity.staleIfError <= before.validity.staleIfError);
        assert.ok(after.keepFor <= before.keepFor);
      },
    ),
    runs,
  );
});

test('what may not be used now may not be used later', () => {
  const rank = { fresh: 0, 'stale-while-revalidate': 1, 'stale-allowed': 1, validate: 2 };
  fc.assert(
    fc.property(validity, directives, span, span, (stored, asked, first, more) => {
      const now = received + first;
      const later = now + more;
      const before = rank[judgeReuse(stored, asked, now).kind];
      assert.ok(before <= rank[judgeReuse(stored, asked, later).kind]);
      for (const disconnected of [true, false])
        assert.ok(
          mayUseOnError(stored, asked, now, disconnected) ||
            !mayUseOnError(stored, asked, later, disconnected),
        );
    }),
    runs,
  );
});

test('no request makes a stale answer usable that the origin wants validated', () => {
  fc.assert(
    fc.property(validity, directives, span, (stored, asked, after) => {
      const strict = { ...stored, neverStale: true };
      const now = received + stored.lifetime + after;
      assert.equal(judgeReuse(strict, asked, now).kind, 'validate');
      assert.equal(mayUseOnError(strict, asked, now, true), false);
    }),
    runs,
  );
});
