import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldKind, reserveIdentityField } from '../../../lib/core/http/field-kinds.ts';

const kinds: readonly (readonly [name: string, kind: string])[] = [
  ['Accept', 'pass'],
  ['x-custom', 'pass'],
  ['X_Custom', 'pass'],
  ['Authorization', 'pass'],
  ['Trailer', 'pass'],
  ['HOST', 'host'],
  [':authority', 'host'],
  ['connection', 'connection'],
  ['Content-Length', 'content-length'],
  ['Transfer-Encoding', 'transfer-encoding'],
  ['TE', 'te'],
  ['X-Forwarded-For', 'x-forwarded-for'],
  ['X_Forwarded_For', 'drop'],
  ['x-forwarded_proto', 'drop'],
  ['Content_Length', 'drop'],
  ['X.Forwarded.For', 'drop'],
  ['X-Forwarded+For', 'drop'],
  ['Content.Length', 'drop'],
  ['X-Real_IP', 'drop'],
  ['Remote-User', 'identity'],
  ['REMOTE_USER', 'identity'],
  ['X.Forwarded.User', 'identity'],
  ["x-forwarded'user", 'identity'],
  ['X-Sekisho-Assertion', 'identity'],
  ['X-Forwarded-Users', 'pass'],
  ['Proxy', 'drop'],
  ['Keep-Alive', 'drop'],
  [':path', 'drop'],
  ['__proto__', 'pass'],
  ['constructor', 'pass'],
];

for (const [name, kind] of kinds)
  test(`${name} is ${kind}, when seen again, too`, () => {
    assert.equal(fieldKind(name), kind);
    assert.equal(fieldKind(name), kind);
  });

test('names that clients make up do not change the kinds of others', () => {
  for (let index = 0; index < 5000; index++) assert.equal(fieldKind(`X-${index}`), 'pass');
  for (const [name, kind] of kinds) assert.equal(fieldKind(name), kind);
  assert.equal(fieldKind('x-FORWARDED-for'), 'x-forwarded-for');
});

test('a reserved name says who the user is from then on, in any spelling; others stay what they are', () => {
  assert.equal(fieldKind('X-Field-Kinds-Test'), 'pass');
  assert.equal(fieldKind('x.field_kinds-TEST'), 'pass');
  reserveIdentityField('X_Field-Kinds-Test');
  for (const name of ['X-Field-Kinds-Test', 'x.field_kinds-TEST', 'X_FIELD_KINDS_TEST'])
    assert.equal(fieldKind(name), 'identity');
  for (const [name, kind] of kinds) assert.equal(fieldKind(name), kind);
});
