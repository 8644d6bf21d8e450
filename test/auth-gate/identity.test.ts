import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import express from 'express';
import fc from 'fast-check';
import { createLocalJWKSet, createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { OptionsError } from '../../lib/core/errors.ts';
import type { AuthenticatedUser } from '../../lib/core/context.ts';
import { fieldKind } from '../../lib/core/http/field-kinds.ts';
import { parseOptions, schemaOf } from '../../lib/core/options.ts';
import { fieldList, fieldText } from '../../lib/auth-gate/identity-encoding.ts';
import {
  identityField,
  type AssertionOptions,
  type IdentityHeadersOptions,
} from '../../lib/auth-gate/identity-options.ts';
import { createIdentity, type Identity } from '../../lib/auth-gate/identity.ts';
import { FieldList } from '../../lib/core/http/fields.ts';
import { listen } from '../support/servers.ts';
import { stillClock } from './issuer-support.ts';

const schema = schemaOf<{ identityHeaders: unknown }>()({ identityHeaders: identityField() });

function identity(identityHeaders: boolean | IdentityHeadersOptions | undefined): Identity {
  return createIdentity(
    parseOptions('authGate', schema, { identityHeaders }).identityHeaders,
    false,
  );
}

function user(more: Partial<AuthenticatedUser> = {}): AuthenticatedUser {
  const { name = 'mia', email = 'mia@example.com', groups = ['staff', 'ops'] } = more;
  return {
    name,
    email: 'email' in more ? more.email : email,
    groups,
    scheme: 'bearer',
    claims: {},
  };
}

const said = (who: Identity, whom = user()): FieldList => new FieldList(who.fieldsFor(whom));

for (const options of [true, {}, { user: undefined, assertion: undefined }] as const)
  test(`who the user is, by ${JSON.stringify(options)}`, () => {
    const fields = said(identity(options));
    assert.equal(fields.get('x-forwarded-user'), 'mia');
    assert.equal(fields.get('x-forwarded-email'), 'mia@example.com');
    assert.equal(fields.get('x-forwarded-groups'), 'staff,ops');
    assert.match(fields.get('x-sekisho-assertion') ?? '', /^[\w-]+\.[\w-]+\.[\w-]+$/);
  });

for (const options of [undefined, false] as const)
  test(`nothing is said by ${String(options)}`, () => {
    assert.deepEqual(identity(options).fieldsFor(user()), []);
  });

test('fields of other names, or left out', () => {
  const fields = identity({ user: 'X-Me', email: false, groups: 'X-My-Groups', assertion: false });
  assert.deepEqual(fields.fieldsFor(user()), ['X-Me', 'mia', 'X-My-Groups', 'staff,ops']);
});

test('what there is not is not said', () => {
  const fields = identity({ assertion: false }).fieldsFor(user({ email: undefined, groups: [] }));
  assert.deepEqual(fields, ['X-Forwarded-User', 'mia']);
});

test('names of an operator are reserved for the whole process, in any spelling', () => {
  assert.equal(fieldKind('X-Reserved-By-Test'), 'pass');
  identity({ user: 'X-Reserved_by-Test' });
  for (const name of ['x-reserved-by-test', 'X_RESERVED_BY_TEST', 'X.Reserved.By-Test'])
    assert.equal(fieldKind(name), 'identity', name);
});

const encodings: readonly (readonly [name: string, text: string])[] = [
  ['mia', 'mia'],
  ['Mia Muster', 'Mia Muster'],
  [' admin', '%20admin'],
  ['admin  ', 'admin%20%20'],
  ['Müller', 'M%C3%BCller'],
  ['花子', '%E8%8A%B1%E5%AD%90'],
  ['🙂', '%F0%9F%99%82'],
  ['a\r\nX-Admin: 1', 'a%0D%0AX-Admin: 1'],
  ['a\0b\tc', 'a%00b%09c'],
  ['100%', '100%25'],
  ['%0d%0a', '%250d%250a'],
  ['\ud800', '%EF%BF%BD'],
  ['DOMAIN\\mia', 'DOMAIN\\mia'],
];

for (const [name, text] of encodings)
  test(`the name ${JSON.stringify(name)} is sent as ${text}`, () => {
    assert.equal(
      said(identity({ assertion: false }), user({ name })).get('x-forwarded-user'),
      text,
    );
  });

test('any name, and any list of names, comes back by decoding', () => {
  const names = fc.string({ unit: 'binary', minLength: 1 }).map((name) => name.toWellFormed());
  fc.assert(
    fc.property(fc.array(names), (list) => {
      const text = fieldList(list);
      assert.match(text, /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/);
      const back = text === '' ? [] : text.split(',').map(decodeURIComponent);
      assert.deepEqual(back, list);
      for (const name of list) assert.equal(decodeURIComponent(fieldText(name)), name);
    }),
    { numRuns: 300 },
  );
});

interface Verifier {
  readonly url: string;
  readonly verify: (token: string, audience?: string) => Promise<Record<string, unknown>>;
}

/** A server behind: it fetches the keys from the route and checks with them. */
async function published(t: TestContext, who: Identity): Promise<Verifier> {
  const app = express();
  app.get('/.well-known/sekisho-jwks.json', who.jwks);
  const { url } = await listen(t, app);
  const keys = createRemoteJWKSet(new URL(`${url}/.well-known/sekisho-jwks.json`));
  return {
    url: `${url}/.well-known/sekisho-jwks.json`,
    async verify(token, audience) {
      const options = { issuer: 'sekisho', ...(audience === undefined ? {} : { audience }) };
      return (await jwtVerify(token, keys, options)).payload;
    },
  };
}

const assertionOf = (who: Identity, whom = user()): string =>
  said(who, whom).get('x-sekisho-assertion') ?? '';

const pems: Record<string, () => string> = {
  ES256: () => pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  ES384: () => pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
  ES512: () => pemOf(generateKeyPairSync('ec', { namedCurve: 'P-521' })),
  EdDSA: () => pemOf(generateKeyPairSync('ed25519')),
  RS256: () => pemOf(generateKeyPairSync('rsa', { modulusLength: 2048 })),
};

function pemOf({ privateKey }: ReturnType<typeof generateKeyPairSync>): string {
  return String(privateKey.export({ format: 'pem', type: 'pkcs8' }));
}

const signers: readonly (readonly [what: string, options: AssertionOptions, alg: string])[] = [
  ['a key of its own', {}, 'ES256'],
  [
    'a key of its own, all undefined',
    { key: undefined, algorithm: undefined, rotation: undefined, header: undefined },
    'ES256',
  ],
  ['an Ed25519 key of its own', { algorithm: 'EdDSA' }, 'EdDSA'],
  ...Object.entries(pems).map(([alg, pem]) => [`a given ${alg} key`, { key: pem() }, alg] as const),
];

for (const [what, assertion, alg] of signers)
  test(`an assertion signed with ${what} is checked by the published keys`, async (t) => {
    const who = identity({ assertion: { ...assertion, audience: ['shop', 'blog'] } });
    const { verify } = await published(t, who);
    const token = assertionOf(who, user({ name: ' Müller\r\n' }));
    const { iat, exp, ...claims } = await verify(token, 'shop');
    assert.equal(Number(exp) - Number(iat), 60);
    assert.deepEqual(claims, {
      iss: 'sekisho',
      sub: ' Müller\r\n',
      aud: ['shop', 'blog'],
      email: 'mia@example.com',
      groups: ['staff', 'ops'],
    });
    assert.equal(decodeProtectedHeader(token).alg, alg);
    await assert.rejects(verify(token, 'another'));
    await assert.rejects(verify(token.replace(/\..*\./, '.e30.')));
  });

test('the published keys are public, and answered to GET and HEAD only', async (t) => {
  const { url } = await published(t, identity(true));
  const response = await fetch(url);
  assert.equal(response.headers.get('content-type'), 'application/jwk-set+json');
  assert.equal(response.headers.get('cache-control'), 'public, max-age=300');
  const { keys } = (await response.json()) as { keys: Record<string, string>[] };
  assert.equal(keys.length, 2);
  for (const key of keys)
    assert.deepEqual(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  assert.equal((await fetch(url, { method: 'HEAD' })).status, 200);
  assert.equal((await fetch(url, { method: 'POST' })).status, 404);
});

test('without assertions the set of keys is empty', async (t) => {
  for (const options of [undefined, { assertion: false }] as const) {
    const { url } = await published(t, identity(options));
    assert.deepEqual(await (await fetch(url)).json(), { keys: [] });
  }
});

test('an assertion is used for half of its life, per user', (t) => {
  const clock = stillClock(t);
  const who = identity(true);
  const token = assertionOf(who);
  clock.pass(29_000);
  assert.equal(assertionOf(who), token);
  const others = [{ name: 'max' }, { email: 'x@y' }, { groups: ['staff,ops'] }, { groups: [] }];
  for (const other of others) assert.notEqual(assertionOf(who, user(other)), token);
  clock.pass(1500);
  assert.notEqual(assertionOf(who), token);
});

test('a key is published before it signs, and after it has', async (t) => {
  const clock = stillClock(t);
  const who = identity({ assertion: { rotation: '1h' } });
  const { url } = await published(t, who);
  const keySet = async () =>
    (await (await fetch(url)).json()) as Parameters<typeof createLocalJWKSet>[0];
  const idOf = (token: string) => decodeProtectedHeader(token).kid;
  const before = assertionOf(who);
  const early = await keySet();
  clock.pass(3_600_000);
  const after = assertionOf(who);
  assert.notEqual(idOf(before), idOf(after));
  const late = await keySet();
  const anyTime = { currentDate: new Date() };
  for (const set of [early, late])
    for (const token of [before, after])
      await jwtVerify(token, createLocalJWKSet(set), {
        ...anyTime,
        clockTolerance: 4000,
      });
  clock.pass(3_600_000);
  assert.ok(!(await keySet()).keys.some(({ kid }) => kid === idOf(before)));
});

test('processes with one key have one key id; a key that has been replaced is still published', async (t) => {
  const [next, old] = [pems.ES256!(), pems.RS256!()];
  const folder = await mkdtemp(join(tmpdir(), 'sekisho-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'key.pem');
  await writeFile(file, old);
  const before = assertionOf(identity({ assertion: { key: file } }));
  const who = identity({ assertion: { key: [next, file] } });
  const { verify } = await published(t, who);
  assert.equal((await verify(before)).sub, 'mia');
  assert.equal((await verify(assertionOf(who))).sub, 'mia');
  const same = identity({ assertion: { key: next } });
  assert.equal((await verify(assertionOf(same))).sub, 'mia');
});

test('a JWK is a key, too', async (t) => {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const who = identity({ assertion: { key: jwk as never } });
  const { verify } = await published(t, who);
  assert.equal((await verify(assertionOf(who))).sub, 'mia');
});

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicPem = String(publicKey.export({ format: 'pem', type: 'spki' }));
const encrypted = String(
  privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }),
);
const assertion = (options: unknown): IdentityHeadersOptions => ({ assertion: options as never });

const wrong: readonly (readonly [what: string, options: unknown, message: RegExp])[] = [
  ['a text', 'yes', /identityHeaders: 'yes' is not allowed/],
  ['no field name', { user: 'X User' }, /user: 'X User' is no field name/],
  ['a field name that breaks out', { user: 'X\r\nY' }, /user: 'X Y' is no field name/],
  ['a field of the connection', { user: 'Connection' }, /user: 'Connection' has a meaning/],
  ['a field of credentials', { user: 'Authorization' }, /'Authorization' has a meaning/],
  ['Cookie', { email: 'cookie' }, /email: 'cookie' has a meaning/],
  ['Host', { groups: 'Host' }, /groups: 'Host' has a meaning/],
  ['X-Forwarded-For', { user: 'X-Forwarded-For' }, /has a meaning/],
  ['X_Forwarded_For', { user: 'X_Forwarded_For' }, /has a meaning/],
  ['the same name twice', { user: 'X-Me', email: 'x-me' }, /'x-me' is used twice/],
  ['an unknown field', { groupz: 'X-G' }, /unknown option 'groupz'; did you mean 'groups'/],
  ['a key that is a number', assertion({ key: 7 }), /assertion.key: a value of type number/],
  [
    'a key that is not there',
    assertion({ key: '/nowhere/key.pem' }),
    /file \/nowhere\/key.pem cannot be read \(ENOENT\)/,
  ],
  ['a public key', assertion({ key: publicPem }), /assertion.key: is no private key/],
  ['a public JWK', assertion({ key: publicKey.export({ format: 'jwk' }) }), /is no private key/],
  ['an encrypted key', assertion({ key: encrypted }), /without passphrase/],
  [
    'a weak RSA key',
    assertion({ key: pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 })) }),
    /of a kind that is not used \(rsa\)/,
  ],
  [
    'a key for another purpose',
    assertion({ key: pemOf(generateKeyPairSync('x25519')) }),
    /not used \(x25519\)/,
  ],
  [
    'a curve nobody has',
    assertion({ key: pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' })) }),
    /not used \(ec\)/,
  ],
  [
    'an old key that is none',
    assertion({ key: [pems.ES256!(), '-----BEGIN nonsense'] }),
    /member that is no key/,
  ],
  ['no keys', assertion({ key: [] }), /a value of type undefined/],
  [
    'an algorithm for a given key',
    assertion({ key: pems.ES256!(), algorithm: 'EdDSA' }),
    /algorithm: is for keys that the process makes/,
  ],
  [
    'a rotation for a given key',
    assertion({ key: pems.ES256!(), rotation: '1h' }),
    /rotation: is for keys that/,
  ],
  ['HS256', assertion({ algorithm: 'HS256' }), /algorithm: 'HS256' is not allowed/],
  ['a life too short', assertion({ lifetime: '1s' }), /lifetime: of 1000 ms is too short/],
  ['a rotation too fast', assertion({ rotation: '1m' }), /rotation: of 60000 ms is too short/],
  ['an empty issuer', assertion({ issuer: '' }), /issuer: '' is empty/],
];

for (const [what, options, message] of wrong)
  test(`refused at construction: ${what}`, () => {
    assert.throws(
      () => identity(options as never),
      (error) => {
        assert.ok(error instanceof OptionsError, String(error));
        assert.match(error.message, message);
        assert.ok(!error.message.includes('BEGIN') && !error.message.includes('"d"'), 'no key');
        return true;
      },
    );
  });

test('a name that cannot be used as the field of another cannot be reserved by mistake', () => {
  assert.throws(() => identity({ user: 'User-Agent' }), OptionsError);
  assert.equal(fieldKind('User-Agent'), 'pass');
});
