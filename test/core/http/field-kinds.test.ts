import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldKind } from '../../../lib/core/http/field-kinds.ts';

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
  ['Remote-User', 'drop'],
  ['REMOTE_USER', 'drop'],
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
