import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Request, Response } from 'express';
import { attemptsWith, attemptsWithout } from '../../lib/auth-gate/attempt.ts';
import { judgeBy, type Decision } from '../../lib/auth-gate/judge.ts';
import { lockoutField } from '../../lib/auth-gate/lockout-options.ts';
import { Lockout } from '../../lib/auth-gate/lockout.ts';
import type { Scheme, Verdict } from '../../lib/auth-gate/scheme.ts';
import { ProxyError } from '../../lib/core/errors.ts';

const user = { name: 'alice', scheme: 'basic', groups: [], claims: {} } as const;
const req = { ip: '192.0.2.1' } as unknown as Request;
const res = {} as unknown as Response;

function scheme(verdict: Verdict, more: Partial<Scheme> = {}): Scheme & { asked: number } {
  return {
    name: 'basic',
    asked: 0,
    authenticate() {
      this.asked++;
      return verdict;
    },
    challenge: () => undefined,
    ...more,
  };
}

const later = (verdict: Verdict): Partial<Scheme> => ({
  authenticate: () => Promise.resolve(verdict),
});

const absent: Verdict = { kind: 'absent' };
const right: Verdict = { kind: 'user', user };
const wrong: Verdict = { kind: 'refused', reason: 'wrong', name: 'alice' };
const down: Verdict = {
  kind: 'failed',
  error: new ProxyError('ERR_SEKISHO_AUTH_UNAVAILABLE', { detail: 'the auth server is down' }),
};

for (const [what, schemes, outcome] of [
  ['nobody has credentials', [scheme(absent), scheme(absent)], 'absent'],
  ['the second has', [scheme(absent), scheme(right)], 'passed'],
  [
    'the second has, both later',
    [scheme(absent, later(absent)), scheme(right, later(right))],
    'passed',
  ],
  ['wrong at the first, right at the second', [scheme(wrong), scheme(right)], 'refused'],
  ['the first is down', [scheme(down), scheme(right)], 'failed'],
  ['answered', [scheme({ kind: 'answered' }), scheme(right)], 'answered'],
  ['nobody, and one begins', [scheme(absent, { begin: () => true })], 'answered'],
  [
    'nobody, and the second begins',
    [
      scheme(absent, { begin: () => Promise.resolve(false) }),
      scheme(absent, { begin: () => true }),
    ],
    'answered',
  ],
  ['nobody, and none begins', [scheme(absent, { begin: () => false })], 'absent'],
  ['wrong, and one would begin', [scheme(wrong, { begin: () => assert.fail() })], 'refused'],
] satisfies [string, (Scheme & { asked: number })[], Decision['outcome']][])
  test(`${what}: ${outcome}`, async () => {
    const decision = await judgeBy(schemes, attemptsWithout(false), undefined)(req, res);
    assert.equal(decision.outcome, outcome);
    if (outcome === 'refused' || outcome === 'failed') assert.equal(schemes[1]?.asked ?? 0, 0);
  });

for (const [what, schemes, reason] of [
  ['no credentials', [scheme(absent), scheme(absent)], 'no credentials'],
  ['some that count as none', [scheme({ ...absent, reason: 'over' }), scheme(absent)], 'over'],
  [
    'some that count as none, and one begins',
    [scheme({ ...absent, reason: 'over' }, { begin: () => true })],
    'over',
  ],
] satisfies [string, Scheme[], string][])
  test(`the log hears of ${what}: ${reason}`, async () => {
    const decision = await judgeBy(schemes, attemptsWithout(false), undefined)(req, res);
    assert.equal(decision.reason, reason);
  });

test('dryRun begins nothing', async () => {
  const beginning = scheme(absent, { begin: () => assert.fail('begun') });
  const decision = await judgeBy([beginning], attemptsWithout(true), undefined)(req, res);
  assert.equal(decision.outcome, 'absent');
});

test('lockout counts what a scheme has not put under guard, save what is no guess', async () => {
  const policy = lockoutField().parse({ attempts: 2 })!;
  for (const [verdict, expected] of [
    [wrong, ['refused', 'refused', 'locked']],
    [{ ...wrong, counts: false }, ['refused', 'refused', 'refused']],
    [down, ['failed', 'failed', 'failed']],
  ] as [Verdict, string[]][]) {
    const judge = judgeBy([scheme(verdict)], attemptsWith(new Lockout(policy), false), undefined);
    const outcomes: string[] = [];
    for (let time = 1; time <= 3; time++) outcomes.push((await judge(req, res)).outcome);
    assert.deepEqual(outcomes, expected);
  }
});
