import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { apr1 } from '../../lib/auth-gate/apr1.ts';
import { htpasswdInstalled } from './htpasswd-command.ts';

// Made by htpasswd -m and openssl passwd -apr1.
for (const [password, expected] of [
  ['päss wörd', '$apr1$vkK4u4I8$yCHY9cdnwQ9n4ADh04.Qc1'],
  ['', '$apr1$h5uO0KF.$CI8sqZ57biC76Sp/Vd6Qe0'],
  ['a-password-longer-than-sixteen-bytes', '$apr1$Z3DmRudk$kim7fOT4E3tzC4HveAodX.'],
  ['hello', '$apr1$abcdefgh$cy3DSYyOwfhsyu7QOMQzd.'],
] as const)
  test(`apr1 of ${JSON.stringify(password)} is what htpasswd makes of it`, () => {
    assert.equal(apr1(password, expected.split('$')[2]!), expected);
  });

test('apr1 of passwords of each length is what the installed htpasswd makes', (t) => {
  if (!htpasswdInstalled(t)) return;
  for (let length = 1; length <= 64; length += 3) {
    const password = 'aB3$ü~'.repeat(12).slice(0, length);
    const { stdout } = spawnSync('htpasswd', ['-nbm', 'user', password], { encoding: 'utf8' });
    const made = stdout.trim().slice('user:'.length);
    assert.equal(apr1(password, made.split('$')[2]!), made, password);
  }
});
