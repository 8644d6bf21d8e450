import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStoredPassword, scryptParts } from '../../lib/auth-gate/stored-password.ts';
import { hashes } from './support.ts';

const argon2 = (parameters: string): string =>
  `$argon2id$v=19$${parameters}$c2l4dGVlbmJ5dGVzYWx0IQ$ApEm4GBjpb+J4tdYzoOP2pV84Wl3DnAszh22kYZkS80`;
const scrypt = (parameters: string): string =>
  `$scrypt$${parameters}$c2l4dGVlbmJ5dGVzYWx0IQ$kTFwuB3svNMPFoQKEJtQ/And0wc3HMjz2qoygYVXg+A`;
const bcrypt = (start: string): string => start + hashes.bcrypt.slice(7);

for (const [text, expected] of [
  ...Object.entries(hashes).map(([kind, hash]) => [hash, kind] as const),
  ['wonderland', 'plain'],
  ['$ecret', 'plain'],
  ['{curly', 'plain'],
  ['', /empty/],
  [bcrypt('$2y$03$'), /cost outside/],
  [bcrypt('$2y$18$'), /cost outside/],
  [bcrypt('$2x$05$'), /malformed bcrypt/],
  [hashes.bcrypt.slice(0, -1), /malformed bcrypt/],
  [`${hashes.bcrypt}.`, /malformed bcrypt/],
  [hashes.apr1.slice(0, -1), /malformed apr1/],
  ['$apr1$123456789$yCHY9cdnwQ9n4ADh04.Qc1', /malformed apr1/],
  [hashes.sha1.slice(0, -1), /malformed \{SHA\}/],
  [argon2('m=1048577,t=1,p=1'), /not allowed/],
  [argon2('m=7,t=1,p=1'), /not allowed/],
  [argon2('m=256,t=0,p=1'), /not allowed/],
  [argon2('m=256,t=1'), /malformed argon2/],
  [hashes.argon2.replace('v=19', 'v=16'), /malformed argon2/],
  [scrypt('ln=20,r=16,p=1'), /not allowed/],
  [scrypt('ln=0,r=8,p=1'), /not allowed/],
  [scrypt('ln=10,r=8'), /malformed scrypt/],
  ['$1$abc$def', /not supported/],
  ['$6$abc$def', /not supported/],
  ['{SSHA}abc', /not supported/],
  ['{PLAIN}abc', /not supported/],
] as const)
  test(`${text.slice(0, 28)} is ${String(expected)}`, () => {
    const stored = parseStoredPassword(text);
    if (typeof expected === 'string') assert.deepEqual(stored, { kind: expected, text });
    else {
      assert.ok('problem' in stored, JSON.stringify(stored));
      assert.match(stored.problem, expected);
    }
  });

test('the parameters of scrypt', () => {
  const { salt, hash, options } = scryptParts(hashes.scrypt);
  assert.equal(String(salt), 'sixteenbytesalt!');
  assert.equal(hash.length, 32);
  assert.deepEqual({ ...options, maxmem: 0 }, { N: 1024, r: 8, p: 1, maxmem: 0 });
});
