import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { OptionsError } from '../../lib/core/errors.ts';
import {
  count,
  duration,
  func,
  oneOf,
  parseOptions,
  quote,
  ratio,
  schemaOf,
  size,
} from '../../lib/core/options.ts';

function problemsOf(schema: z.ZodType, options: unknown): readonly string[] {
  try {
    parseOptions('probe', schema, options);
  } catch (error) {
    assert.ok(error instanceof OptionsError, String(error));
    return error.problems;
  }
  throw new Error('was accepted');
}

for (const [value, milliseconds] of [
  [0, 0],
  [1500, 1500],
  [0.5, 0.5],
  ['5s', 5000],
  [' 5 s ', 5000],
  ['1.5h', 5_400_000],
  ['10 minutes', 600_000],
  ['500MS', 500],
  ['1 day', 86_400_000],
] as const)
  test(`duration ${JSON.stringify(value)} is ${String(milliseconds)} ms`, () => {
    assert.equal(parseOptions('probe', duration(), value), milliseconds);
  });

for (const value of [
  -1,
  NaN,
  Infinity,
  '5',
  '',
  's',
  '-5s',
  '5 parsecs',
  '5s 3s',
  '1e3s',
  `${'0'.repeat(200)}s`,
  null,
  undefined,
  {},
  [],
  true,
  5n,
])
  test(`duration refuses ${typeof value} ${quote(value)} with value and remedy`, () => {
    const [problem = '', ...others] = problemsOf(z.strictObject({ wait: duration() }), {
      wait: value,
    });
    assert.deepEqual(others, []);
    assert.ok(problem.startsWith(`wait: ${quote(value)} is no duration; use`), problem);
    assert.match(problem, /'5s' or '10 minutes'/);
  });

for (const [value, bytes] of [
  [0, 0],
  [10.9, 10],
  ['64kb', 65_536],
  ['5 MB', 5_242_880],
  ['0.5kb', 512],
  ['7b', 7],
  ['1gb', 1_073_741_824],
] as const)
  test(`size ${JSON.stringify(value)} is ${String(bytes)} bytes`, () => {
    assert.equal(parseOptions('probe', size(), value), bytes);
  });

for (const value of [-1, NaN, Infinity, '5', '', 'kb', '-5kb', '5 kib', '5kb!', null, {}, true])
  test(`size refuses ${typeof value} ${quote(value)} with value and remedy`, () => {
    const [problem = ''] = problemsOf(z.strictObject({ max: size() }), { max: value });
    assert.ok(problem.startsWith(`max: ${quote(value)} is no size; use`), problem);
    assert.match(problem, /'64kb' or '5mb'/);
  });

for (const [field, value, problem] of [
  [count(1), 0, '0 is not allowed; use a whole number from 1 on'],
  [count(0, 5), 6, '6 is not allowed; use a whole number from 0 to 5'],
  [count(0, 5), 1.5, '1.5 is not allowed; use a whole number from 0 to 5'],
  [count(0, 5), '3', "'3' is not allowed; use a whole number from 0 to 5"],
  [count(0), Infinity, 'Infinity is not allowed; use a whole number from 0 on'],
  [count(0), 2 ** 53, '9007199254740992 is not allowed; use a whole number from 0 on'],
  [ratio(0, 1), 1.1, '1.1 is not allowed; use a number from 0 to 1'],
  [ratio(0, 1), NaN, 'NaN is not allowed; use a number from 0 to 1'],
  [ratio(0, 1), '0.5', "'0.5' is not allowed; use a number from 0 to 1"],
  [
    oneOf(['first', 'ip-hash']),
    'iphash',
    "'iphash' is not allowed; use one of 'first', 'ip-hash'; did you mean 'ip-hash'?",
  ],
  [oneOf(['first', 'ip-hash']), 'random', "'random' is not allowed; use one of 'first', 'ip-hash'"],
  [oneOf([403, 404]), '403', "'403' is not allowed; use one of 403, 404"],
  [func(), 'x', "'x' is not a function; pass one"],
] as const)
  test(problem, () => {
    assert.deepEqual(problemsOf(z.strictObject({ it: field }), { it: value }), [`it: ${problem}`]);
  });

test('values at the ends of a range are inside', () => {
  for (const value of [1, 5]) assert.equal(parseOptions('probe', count(1, 5), value), value);
  for (const value of [0, 1]) assert.equal(parseOptions('probe', ratio(0, 1), value), value);
});

interface ProbeOptions {
  readonly timeout?: number | string;
  readonly retries?: number;
  readonly nested?: { readonly interval?: number | string };
  readonly servers?: readonly (string | { url: string; weight?: number })[];
  readonly sticky?: true | { cookie?: string };
}

const schema = schemaOf<ProbeOptions>()({
  timeout: duration().default(100),
  retries: count(0).optional(),
  nested: z.strictObject({ interval: duration().optional() }).optional(),
  servers: z
    .array(z.union([z.string(), z.strictObject({ url: z.string(), weight: count(1).optional() })]))
    .optional(),
  sticky: z.union([z.literal(true), z.strictObject({ cookie: z.string().optional() })]).optional(),
});

for (const [options, problems] of [
  [{ timout: 1 }, ["unknown option 'timout'; did you mean 'timeout'?"]],
  [{ TimeOut: 1 }, ["unknown option 'TimeOut'; did you mean 'timeout'?"]],
  [{ zz: 1 }, ["unknown option 'zz'; known are timeout, retries, nested, servers, sticky"]],
  [{ nested: { intervall: 1 } }, ["nested: unknown option 'intervall'; did you mean 'interval'?"]],
  [{ nested: null }, ['nested: null is not allowed; use an object']],
  [
    { servers: [{ url: 'a', wieght: 1 }] },
    ["servers.0: unknown option 'wieght'; did you mean 'weight'?"],
  ],
  [
    { servers: ['a', { url: 'a', weight: 0 }] },
    ['servers.1.weight: 0 is not allowed; use a whole number from 1 on'],
  ],
  [{ servers: [5] }, ['servers.0: 5 is not allowed; use a string or an object']],
  [{ servers: 'a' }, ["servers: 'a' is not allowed; use an array"]],
  [{ sticky: false }, ['sticky: false is not allowed; use true or an object']],
  [{ sticky: { cokie: 'a' } }, ["sticky: unknown option 'cokie'; did you mean 'cookie'?"]],
  [
    { constructor: 1 },
    ["unknown option 'constructor'; known are timeout, retries, nested, servers, sticky"],
  ],
  [
    JSON.parse('{"__proto__":1}'),
    ["unknown option '__proto__'; known are timeout, retries, nested, servers, sticky"],
  ],
  [null, ['null is not allowed; use an object']],
  [undefined, ['undefined is not allowed; use an object']],
  [[], ['an array is not allowed; use an object']],
] as const)
  test(`${JSON.stringify(options)}: ${problems[0]}`, () => {
    assert.deepEqual(problemsOf(schema, options), problems);
  });

test('all problems are told at once, with the name of the middleware', () => {
  assert.throws(
    () => parseOptions('probe', schema, { timeout: '5', retries: -1, nested: { x: 1 }, sticki: 1 }),
    (error) =>
      error instanceof OptionsError &&
      error.message.startsWith('probe: 4 problems in the options\n  - ') &&
      error.problems.length === 4,
  );
});

for (const options of [{}, { timeout: undefined }, { timeout: undefined, servers: undefined }])
  test(`undefined is as good as absent: ${Object.keys(options).join() || 'no key'}`, () => {
    assert.equal(parseOptions('probe', schema, options).timeout, 100);
  });

test('what is parsed is a copy', () => {
  const options = Object.freeze({ timeout: '5s', servers: Object.freeze(['a']) });
  const parsed = parseOptions('probe', schema, options);
  assert.equal(parsed.timeout, 5000);
  assert.deepEqual(options, { timeout: '5s', servers: ['a'] });
  assert.notEqual(parsed.servers, options.servers);
});

for (const [value, shown] of [
  ['http://user:pa55@host/', "'http://***@host/'"],
  ['http://user:pa/55@host', "'http://***@host'"],
  ['http://user:p@55@host', "'http://***@host'"],
  ['//user:pa55@host', "'//***@host'"],
  ['user:pa55@host:80', "'***@host:80'"],
  ['redis://:pa55@host', "'redis://***@host'"],
  ['a@example.com', "'a@example.com'"],
  ['a\r\nb\u001b[2J', "'a b [2J'"],
  ['x'.repeat(200), `'${'x'.repeat(77)}…'`],
  [null, 'null'],
  [undefined, 'undefined'],
  [Symbol('s'), 'Symbol(s)'],
  [() => 1, 'function (anonymous)'],
  [parseOptions, 'function parseOptions'],
  [[1], 'an array'],
  [{ password: 'pa55' }, 'an object'],
] as const)
  test(`a message quotes a ${typeof value} as ${shown.slice(0, 30)}`, () => {
    assert.equal(quote(value), shown);
  });
