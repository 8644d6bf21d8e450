import assert from 'node:assert/strict';
import { test } from 'node:test';
import { userOf, type ClaimNames } from '../../lib/auth-gate/bearer-user.ts';

const names: readonly (readonly [
  what: string,
  claims: Record<string, unknown>,
  nameClaim: string[] | undefined,
  name: string | undefined,
])[] = [
  ['preferred_username', { preferred_username: 'mia', email: 'm@x', sub: '1' }, undefined, 'mia'],
  ['email', { email: 'm@x', sub: '1' }, undefined, 'm@x'],
  ['no unverified email', { email: 'm@x', email_verified: false, sub: '1' }, undefined, '1'],
  [
    'no email unverified in words',
    { email: 'm@x', email_verified: 'false', sub: '1' },
    undefined,
    '1',
  ],
  ['sub', { preferred_username: '', sub: '1' }, undefined, '1'],
  ['client_id', { client_id: 'robot' }, undefined, 'robot'],
  ['nothing', {}, undefined, undefined],
  ['the claim asked for', { preferred_username: 'mia', sub: '1' }, ['sub'], '1'],
  ['the first there is', { upn: 'mia@x' }, ['unique_name', 'upn'], 'mia@x'],
  ['a nested claim', { user: { login: 'mia' } }, ['user.login'], 'mia'],
  ['a claim of which there is only another', { sub: '1' }, ['upn'], undefined],
  ['nothing of the prototype', { sub: '1' }, ['constructor.name'], undefined],
  ['Unicode', { preferred_username: 'Müller 花' }, undefined, 'Müller 花'],
  ['a next-line control', { preferred_username: 'a\u0085b' }, undefined, undefined],
  ['a line separator', { preferred_username: 'a\u2028b' }, undefined, undefined],
];

for (const [what, claims, nameClaim, name] of names)
  test(`the name: ${what}`, () => {
    assert.equal(userOf(claims, { nameClaim, groupsClaim: 'groups' })?.name, name);
  });

const groups: readonly (readonly [
  what: string,
  claims: Record<string, unknown>,
  groupsClaim: ClaimNames['groupsClaim'],
  expected: readonly string[],
])[] = [
  ['a list', { groups: ['a', 'b c'] }, 'groups', ['a', 'b c']],
  ['a string is one group', { groups: 'Domain Admins' }, 'groups', ['Domain Admins']],
  ['none', {}, 'groups', []],
  ['what is no text is left out', { groups: ['a', 1, null, '', { b: 1 }] }, 'groups', ['a']],
  ['nested', { realm_access: { roles: ['a'] } }, 'realm_access.roles', ['a']],
  ['a name with dots', { 'https://x.example/roles': ['a'] }, 'https://x.example/roles', ['a']],
  ['scopes', { scope: 'read write' }, 'scope', ['read', 'write']],
  ['nothing of the prototype', {}, '__proto__.constructor', []],
  ['a path through text', { a: 'text' }, 'a.length', []],
];

for (const [what, claims, groupsClaim, expected] of groups)
  test(`the groups: ${what}`, () => {
    assert.deepEqual(userOf({ sub: '1', ...claims }, { groupsClaim })?.groups, expected);
  });

test('an unverified email is none', () => {
  const claims = { sub: '1', email: 'm@x', email_verified: false };
  assert.equal(userOf(claims, { groupsClaim: 'groups' })?.email, undefined);
  assert.equal(
    userOf({ ...claims, email_verified: true }, { groupsClaim: 'groups' })?.email,
    'm@x',
  );
});
