import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BearerOptions } from '../../lib/auth-gate/bearer-options.ts';
import { createAuthority } from '../support/certificates.ts';
import { bearer, makeKey, startGate, tokenOf } from './issuer-support.ts';
import { createPrivateKey } from 'node:crypto';

const keys = ['RS256', 'ES256', 'EdDSA'].map((alg) => makeKey('k', alg));

for (const key of keys) {
  const pem = String(key.publicKey.export({ format: 'pem', type: 'spki' }));
  const set = JSON.stringify({ keys: [key.jwk] });
  const forms: Record<string, string | undefined> = {
    PEM: undefined,
    'PEM file': pem,
    'set file': set,
  };
  for (const [form, content] of Object.entries(forms))
    test(`${key.alg} as ${form}: its tokens pass, others are refused`, async (t) => {
      let jwks: BearerOptions['jwks'] = pem;
      if (content !== undefined) {
        const folder = await mkdtemp(join(tmpdir(), 'sekisho-'));
        t.after(() => rm(folder, { recursive: true }));
        jwks = join(folder, 'keys');
        await writeFile(jwks, content);
      }
      const { ask } = await startGate(t, bearer({ jwks }));
      assert.equal((await ask(`Bearer ${await tokenOf(key)}`)).status, 200);
      for (const other of [...keys, makeKey('k', key.alg)])
        if (other !== key) assert.equal((await ask(`Bearer ${await tokenOf(other)}`)).status, 401);
    });
}

test('PEM has no key id: it checks tokens that name one', async (t) => {
  const [key] = keys;
  const pem = String(key!.publicKey.export({ format: 'pem', type: 'spki' }));
  const { ask } = await startGate(t, bearer({ jwks: pem }));
  assert.equal((await ask(`Bearer ${await tokenOf(key!, {}, { kid: 'any' })}`)).status, 200);
  assert.equal((await ask(`Bearer ${await tokenOf(key!, {}, { kid: undefined })}`)).status, 200);
});

test('a certificate is as good as its key', async (t) => {
  const { cert, key } = await (await createAuthority()).issue('login.example');
  const { ask } = await startGate(t, bearer({ jwks: cert }));
  const signer = { ...makeKey('k'), privateKey: createPrivateKey(key) };
  assert.equal((await ask(`Bearer ${await tokenOf(signer)}`)).status, 200);
  assert.equal((await ask(`Bearer ${await tokenOf(makeKey('k'))}`)).status, 401);
});

test('keys of an unknown kind in a set are passed over (RFC 7517 §5)', async (t) => {
  const [key] = keys;
  const unknown = { kty: 'XYZ', kid: 'x' };
  const { ask } = await startGate(t, bearer({ jwks: { keys: [unknown, key!.jwk] } }));
  assert.equal((await ask(`Bearer ${await tokenOf(key!)}`)).status, 200);
});
