import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Request } from 'express';
import { authorization, type Rules } from '../../lib/auth-gate/authorization.ts';
import type { AuthenticatedUser } from '../../lib/core/context.ts';

const user: AuthenticatedUser = {
  name: 'alice',
  scheme: 'oidc',
  groups: ['staff', 'ops'],
  claims: {
    department: 'it',
    roles: ['reader', 'writer'],
    level: 3,
    scope: 'openid orders:read',
    verified: true,
    title: 'it lead',
  },
};
const request = {} as unknown as Request;

for (const [rules, expected] of [
  [{ groups: ['ops'] }, true],
  [{ groups: ['admin', 'staff'] }, true],
  [{ groups: ['admin'] }, false],
  [{ groups: ['op'] }, false],
  [{ claims: { department: 'it' } }, true],
  [{ claims: { department: ['hr', 'it'] } }, true],
  [{ claims: { department: 'hr' } }, false],
  [{ claims: { roles: 'writer' } }, true],
  [{ claims: { roles: ['admin', 'reader'] } }, true],
  [{ claims: { roles: 'admin' } }, false],
  [{ claims: { level: 3 } }, true],
  [{ claims: { level: '3' } }, false],
  [{ claims: { verified: true } }, true],
  [{ claims: { scope: 'orders:read' } }, true],
  [{ claims: { scope: 'orders' } }, false],
  [{ claims: { title: 'it' } }, false],
  [{ claims: { constructor: 'x' } }, false],
  [{ claims: { absent: 'x' } }, false],
  [{ claims: {} }, true],
  [{ claims: { department: 'it', level: 4 } }, false],
  [{ claims: { department: 'it' }, groups: ['ops'], allow: () => true }, true],
  [{ claims: { department: 'it' }, groups: ['admin'], allow: () => true }, false],
  [{ groups: ['ops'], allow: () => false }, false],
] as [Rules, boolean][])
  test(`${JSON.stringify(rules)}${rules.allow === undefined ? '' : ' and allow'}: ${expected}`, async () => {
    assert.equal(await authorization(rules)?.(user, request), expected);
  });

test('no rules are no question', () => {
  assert.equal(authorization({}), undefined);
});

test('allow is not asked about who fails the other rules', async () => {
  const ask = authorization({ groups: ['admin'], allow: () => assert.fail('asked') });
  assert.equal(await ask?.(user, request), false);
});
