import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Request } from 'express';
import fc from 'fast-check';
import { z } from 'zod';
import { OptionsError } from '../../../../lib/core/errors.ts';
import { parseOptions } from '../../../../lib/core/options.ts';
import {
  balanceField,
  createBalancer,
  type BalanceOption,
} from '../../../../lib/core/upstream/balancing/index.ts';
import { candidates, requestOf } from './candidates.ts';

const hash = (req: Request): string => req.path;
const options: readonly BalanceOption[] = [
  'power-of-two',
  'round-robin',
  'least-connections',
  'least-time',
  'first',
  'ip-hash',
  { hash },
];
const schema = z.strictObject({ balance: balanceField() });
const request = requestOf({ ip: '192.0.2.1', path: '/a' });

const state = fc.record({
  weight: fc.oneof(
    fc.integer({ min: 0, max: 256 }),
    fc.double({ min: 0.001, max: 1, noNaN: true }),
  ),
  share: fc.double({ min: 0.01, max: 1, noNaN: true }),
  inflight: fc.nat(10_000),
  latency: fc.option(fc.double({ min: 0, max: 60_000, noNaN: true }), { nil: undefined }),
});

for (const option of options) {
  const name = typeof option === 'string' ? option : '{ hash }';

  test(`${name}: is accepted as the balance option`, () => {
    assert.deepEqual(parseOptions('upstream', schema, { balance: option }).balance, option);
  });

  test(`${name}: a pick is always one of the candidates, whatever they are and however they change`, () => {
    const balancer = createBalancer(option);
    fc.assert(
      fc.property(fc.array(state, { minLength: 1, maxLength: 12 }), (states) => {
        const servers = candidates(...(states as never[]));
        for (let length = servers.length; length > 0; length--) {
          const left = servers.slice(0, length);
          assert.ok(left.includes(balancer.pick(left, request)));
          assert.ok(servers.includes(balancer.pick(servers, request)));
        }
      }),
    );
  });

  test(`${name}: every server of equal ones gets requests, unless the policy is to bind`, () => {
    const balancer = createBalancer(option);
    const servers = candidates({}, {}, {}, {});
    const picked = new Set(Array.from({ length: 400 }, () => balancer.pick(servers, request)));
    const binds = option === 'first' || option === 'ip-hash' || typeof option === 'object';
    assert.equal(picked.size, binds ? 1 : 4);
  });

  test(`${name}: says so when it is asked without candidates`, () => {
    assert.throws(() => createBalancer(option).pick([], request), {
      name: 'RangeError',
      message: /without candidates/,
    });
  });
}

for (const [balance, message] of [
  [
    'round-robbin',
    "balance: 'round-robbin' is not allowed; use one of 'power-of-two', 'round-robin', 'least-connections', 'least-time', 'first', 'ip-hash'; did you mean 'round-robin'?",
  ],
  [
    7,
    "balance: 7 is not allowed; use one of 'power-of-two', 'round-robin', 'least-connections', 'least-time', 'first', 'ip-hash'",
  ],
  [{ hash: 'path' }, "balance.hash: 'path' is not a function; pass one"],
  [{ hash, seed: 1 }, "balance: unknown option 'seed'; known are hash"],
] as const)
  test(`the balance option refuses ${JSON.stringify(balance)}`, () => {
    assert.throws(
      () => parseOptions('upstream', schema, { balance }),
      (error) => {
        assert.ok(error instanceof OptionsError);
        assert.deepEqual(error.problems, [message]);
        return true;
      },
    );
  });
