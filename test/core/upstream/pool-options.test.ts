import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OptionsError } from '../../../lib/core/errors.ts';
import { parseOptions } from '../../../lib/core/options.ts';
import { poolSchema } from '../../../lib/core/upstream/pool-options.ts';

const parse = (options: unknown) => parseOptions('upstream', poolSchema, options);

const defaults = {
  balance: 'power-of-two',
  ejection: {
    consecutiveFailures: 5,
    failureRate: 0.5,
    minRequests: 10,
    window: 10_000,
    slowness: 20,
    baseTime: 5000,
    maxTime: 300_000,
    maxEjected: 0.5,
  },
  panicThreshold: 0.5,
  slowStart: 0,
  retries: { attempts: 2, budget: 0.2, statuses: [], backoff: 0, maxReplay: 65_536 },
  timeouts: { connect: 2000, headers: 30_000, idle: 60_000 },
  connections: { perServer: Infinity, queue: 1024, queueTimeout: 5000 },
  http2: false,
};

for (const [what, options] of [
  ['{}', {}],
  [
    'undefined members',
    {
      balance: undefined,
      healthCheck: undefined,
      ejection: undefined,
      sticky: undefined,
      retries: undefined,
      timeouts: undefined,
      connections: undefined,
      tls: undefined,
      discover: undefined,
    },
  ],
  ['empty groups', { retries: {}, timeouts: {}, connections: {}, ejection: {} }],
  ['ejection: true', { ejection: true }],
] as const)
  test(`defaults: ${what}`, () => {
    assert.deepEqual(
      JSON.parse(JSON.stringify(parse(options))),
      JSON.parse(JSON.stringify(defaults)),
    );
  });

test('switches that turn off', () => {
  const parsed = parse({ ejection: false, sticky: false });
  assert.equal(parsed.ejection, undefined);
  assert.equal(parsed.sticky, undefined);
});

test('a health check by its path alone has all other defaults', () => {
  const whole = {
    path: '/health',
    interval: 5000,
    timeout: 2000,
    rise: 2,
    fall: 3,
    status: [200, 399],
    method: 'GET',
    headers: {},
  };
  assert.deepEqual(parse({ healthCheck: '/health' }).healthCheck, whole);
  assert.deepEqual(parse({ healthCheck: { path: '/health' } }).healthCheck, whole);
  assert.deepEqual(
    parse({ healthCheck: { path: '/', status: 204 } }).healthCheck?.status,
    [204, 204],
  );
});

test('discovery by a function has an interval, too', () => {
  const discover = parse({ discover: () => ['http://a'] }).discover;
  assert.equal(discover?.interval, 30_000);
});

for (const [options, message] of [
  [{ balence: 'first' }, /unknown option 'balence'; did you mean 'balance'\?/],
  [{ balance: 'round-robbin' }, /balance: 'round-robbin'.*did you mean 'round-robin'\?/],
  [{ healthCheck: 'health' }, /healthCheck: 'health' is no path; use one that begins with a slash/],
  [{ healthCheck: { path: '/a b' } }, /healthCheck.path: '\/a b' is no path/],
  [
    { healthCheck: { path: '/', intervall: 5 } },
    /healthCheck: unknown option 'intervall'; did you mean 'interval'\?/,
  ],
  [{ healthCheck: { path: '/', interval: '5' } }, /healthCheck.interval: '5' is no duration/],
  [
    { healthCheck: { path: '/', interval: 0 } },
    /healthCheck.interval: 0 ms is too short; use at least 10 ms/,
  ],
  [
    { healthCheck: { path: '/', status: [399, 200] } },
    /healthCheck.status: '399, 200' is an empty range/,
  ],
  [{ healthCheck: { path: '/', rise: 0 } }, /healthCheck.rise: 0 is not allowed/],
  [
    { healthCheck: { path: '/', headers: { 'a b': 'c' } } },
    /healthCheck.headers: 'a b' is no field name/,
  ],
  [
    { healthCheck: { path: '/', headers: { a: 'b\r\nc: d' } } },
    /is no value for a; take the control characters out/,
  ],
  [
    { ejection: { failureRate: 2 } },
    /ejection.failureRate: 2 is not allowed; use a number from 0.01 to 1/,
  ],
  [{ ejection: { baseTime: -1 } }, /ejection.baseTime: -1 is no duration/],
  [{ ejection: { consecutive: 1 } }, /ejection: unknown option 'consecutive'/],
  [{ panicThreshold: 50 }, /panicThreshold: 50 is not allowed; use a number from 0 to 1/],
  [{ slowStart: '10' }, /slowStart: '10' is no duration/],
  [{ sticky: 'yes' }, /sticky: 'yes' is not allowed; use/],
  [
    { retries: { attempts: 0 } },
    /retries.attempts: 0 is not allowed; use a whole number from 1 to 10/,
  ],
  [{ retries: { statuses: [200] } }, /retries.statuses.0: 200 is not allowed/],
  [{ retries: { maxReplay: '64' } }, /retries.maxReplay: '64' is no size/],
  [{ timeouts: { headers: -5 } }, /timeouts.headers: -5 is no duration/],
  [{ timeouts: { connect: 0 } }, /timeouts.connect: 0 ms is too short; use at least 1 ms/],
  [{ timeouts: { headers: '30' } }, /timeouts.headers: '30' is no duration; use milliseconds/],
  [{ connections: { perServer: 0 } }, /connections.perServer: 0 is not allowed/],
  [{ connections: { queue: -1 } }, /connections.queue: -1 is not allowed/],
  [{ tls: { ca: '/etc/ca.pem' } }, /tls.ca: the value given is no PEM; pass the contents/],
  [{ tls: { cert: '-----BEGIN CERTIFICATE-----' } }, /tls: an object has only one of cert and key/],
  [
    { tls: { rejectUnauthorised: false } },
    /tls: unknown option 'rejectUnauthorised'; did you mean 'rejectUnauthorized'\?/,
  ],
  [{ discover: { dns: 'mx', name: 'a' } }, /discover.dns/],
  [{ discover: { dns: 'a', name: 'http://a' } }, /discover.name: 'http:\/\/a' is no DNS name/],
  [
    { discover: { dns: 'a', name: 'a', servers: ['localhost'] } },
    /discover.servers.0: 'localhost' is no DNS server/,
  ],
  [{ http2: 'yes' }, /http2: 'yes' is not allowed; use a boolean/],
] as [object, RegExp][])
  test(`refused: ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => parse(options),
      (error) => {
        assert.ok(error instanceof OptionsError);
        assert.match(error.message, message);
        return true;
      },
    );
  });
