import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import express, { type Request, type Response } from 'express';
import { SignJWT } from 'jose';
import { contextOf } from '../../lib/core/context.ts';
import { OptionsError } from '../../lib/core/errors.ts';
import type { BearerOptions } from '../../lib/auth-gate/bearer-options.ts';
import { exchangeRaw, listen } from '../support/servers.ts';
import {
  attempt,
  bearer,
  goodClaims,
  makeKey,
  startGate,
  stillClock,
  tokenOf,
  type TestKey,
} from './issuer-support.ts';

const key = makeKey('k1');
const stranger = makeKey('k1');
const other = makeKey('k9');
const set = { keys: [key.jwk] };
const now = (): number => Math.floor(Date.now() / 1000);

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const claims = (): object => ({ ...goodClaims, exp: now() + 300 });

for (const alg of ['RS256', 'RS512', 'PS256', 'PS384', 'ES256', 'ES384', 'ES512', 'EdDSA'])
  test(`a token signed with ${alg} is taken`, async (t) => {
    const signer = makeKey('a', alg);
    const { ask } = await startGate(t, bearer({ jwks: { keys: [signer.jwk] } }));
    assert.deepEqual(await ask(`Bearer ${await tokenOf(signer)}`), {
      status: 200,
      challenge: null,
      text: 'mia',
    });
  });

test('the name of the scheme is read without case', async (t) => {
  const { ask } = await startGate(t, bearer({ jwks: set }));
  assert.equal((await ask(`bEARER ${await tokenOf(key)}`)).status, 200);
});

/** What is sent as Authorization, and what the log is told. */
const hostile: readonly (readonly [
  what: string,
  send: () => string | Promise<string>,
  reason: RegExp,
])[] = [
  ['expired', () => tokenOf(key, { exp: now() - 60 }), /expired/],
  ['not valid yet', () => tokenOf(key, { nbf: now() + 60 }), /nbf/],
  ['without exp', () => tokenOf(key, { exp: undefined }), /exp is missing/],
  ['with exp that is text', () => tokenOf(key, { exp: 'tomorrow' }), /exp/],
  ['of another issuer', () => tokenOf(key, { iss: 'https://evil.example' }), /iss is wrong/],
  ['of the issuer with a slash more', () => tokenOf(key, { iss: `${goodClaims.iss}/` }), /iss/],
  ['of the issuer in capitals', () => tokenOf(key, { iss: goodClaims.iss.toUpperCase() }), /iss/],
  ['without issuer', () => tokenOf(key, { iss: undefined }), /iss is missing/],
  ['for another audience', () => tokenOf(key, { aud: 'https://shop.example' }), /aud is wrong/],
  ['for several others', () => tokenOf(key, { aud: ['a', 'b'] }), /aud is wrong/],
  ['for nobody', () => tokenOf(key, { aud: undefined }), /aud is missing/],
  ['signed by another key of the same id', () => tokenOf(stranger), /signature/],
  ['signed by a key nobody knows', () => tokenOf(other), /key of the token/],
  ['that names a key nobody knows', () => tokenOf(key, {}, { kid: '../../etc/passwd' }), /key of/],
  ['that brings its own key', () => tokenOf(stranger, {}, { jwk: stranger.jwk }), /signature/],
  [
    'that says where its key is',
    () => tokenOf(stranger, {}, { jku: 'http://127.0.0.1:1/jwks' }),
    /signature/,
  ],
  ['alg none', () => `${encode({ alg: 'none' })}.${encode(claims())}.`, /way that is not taken/],
  ['alg None', () => `${encode({ alg: 'None' })}.${encode(claims())}.`, /not taken/],
  [
    'alg none with a key id',
    () => `${encode({ alg: 'none', kid: 'k1' })}.${encode(claims())}.AAAA`,
    /not taken/,
  ],
  [
    'HMAC made with the public key as its secret',
    () => {
      const data = `${encode({ alg: 'HS256', kid: 'k1' })}.${encode(claims())}`;
      const pem = key.publicKey.export({ format: 'pem', type: 'spki' });
      return `${data}.${createHmac('sha256', pem).update(data).digest('base64url')}`;
    },
    /not taken/,
  ],
  [
    'with other claims than were signed',
    () => altered((parts) => (parts[1] = encode(claims()))),
    /signature/,
  ],
  [
    'with another header than was signed',
    () => altered((parts) => (parts[0] = encode({ alg: 'ES256', kid: 'k1', x: 1 }))),
    /signature/,
  ],
  [
    'with a bit of its signature turned',
    () =>
      altered(
        (parts) => (parts[2] = `${parts[2]!.startsWith('A') ? 'B' : 'A'}${parts[2]!.slice(1)}`),
      ),
    /signature/,
  ],
  ['without signature', () => altered((parts) => (parts[2] = '')), /signature/],
  [
    'with a critical field nobody knows',
    () => signed({ alg: 'ES256', kid: 'k1', crit: ['x'], x: 1 }, JSON.stringify(claims())),
    /malformed|not taken/,
  ],
  [
    'with an unencoded payload',
    () => signed({ alg: 'ES256', kid: 'k1', crit: ['b64'], b64: false }, 'abc'),
    /malformed|signature/,
  ],
  ['with two algorithms', () => signed({ alg: ['ES256', 'none'], kid: 'k1' }, '{}'), /malformed/],
  ['of two parts', () => 'a.b', /malformed/],
  ['of five parts (encrypted)', () => 'a.b.c.d.e', /malformed/],
  ['of one word', () => 'secret', /malformed/],
  ['with a header that is no JSON', () => 'YQ.YQ.YQ', /malformed/],
  ...['', 'null', '[]', '"mia"', '7', '{"exp":', '\0'].map(
    (text) =>
      [
        `with the claims ${JSON.stringify(text)}, well signed`,
        () => signed({ alg: 'ES256', kid: 'k1' }, text),
        /malformed/,
      ] as const,
  ),
  ['with a header that is a list', () => `${encode([])}.${encode(claims())}.AAAA`, /malformed/],
  ['longer than 8 KiB', () => tokenOf(key, { filler: 'x'.repeat(8192) }), /too long/],
  [
    'with a line break in the name',
    () => tokenOf(key, { preferred_username: 'mia\r\nX-Admin: 1' }),
    /no usable name/,
  ],
  [
    'with a null byte in the name',
    () => tokenOf(key, { preferred_username: 'mia\0' }),
    /no usable name/,
  ],
  [
    'with a name as long as a book',
    () => tokenOf(key, { preferred_username: 'm'.repeat(300) }),
    /no usable name/,
  ],
  [
    'without any name',
    () => tokenOf(key, { preferred_username: undefined, sub: undefined }),
    /no usable name/,
  ],
  [
    'with names that are no text',
    () => tokenOf(key, { preferred_username: { a: 1 }, sub: undefined }),
    /no usable name/,
  ],
];

/** What jose would not sign. */
function signed(header: object, payload: string): string {
  const data = `${encode(header)}.${Buffer.from(payload).toString('base64url')}`;
  const signer = { key: key.privateKey, dsaEncoding: 'ieee-p1363' } as const;
  return `${data}.${sign('sha256', Buffer.from(data), signer).toString('base64url')}`;
}

async function altered(change: (parts: string[]) => void): Promise<string> {
  const parts = (await tokenOf(key)).split('.');
  change(parts);
  return parts.join('.');
}

for (const [what, send, reason] of hostile)
  test(`refused with 401: a token ${what}`, async (t) => {
    const { ask } = await startGate(t, bearer({ jwks: set }));
    const token = await send();
    const { status, challenge, text } = await ask(`Bearer ${token}`);
    assert.equal(status, 401, text);
    assert.match(text, reason);
    const description = what === 'expired' ? 'The token has expired' : 'The token is not accepted';
    assert.equal(
      challenge,
      `Bearer realm="Restricted", error="invalid_token", error_description="${description}"`,
    );
    assert.ok(!text.includes(token), 'no token in what is logged');
  });

for (const [what, authorization] of [
  ['no token', 'Bearer'],
  ['nothing but spaces', 'Bearer    '],
  ['two tokens', 'Bearer a.b.c d.e.f'],
  ['a list', 'Bearer a.b.c, Bearer d.e.f'],
] as const)
  test(`refused as an invalid request: ${what}`, async (t) => {
    const { port } = await startGate(t, bearer({ jwks: set }));
    const { text } = await exchangeRaw(
      port,
      `GET / HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`,
    );
    assert.match(text, /^HTTP\/1\.1 401 /);
    assert.match(text, /error="invalid_request"/);
  });

test('two Authorization fields are refused, though the first is good', async (t) => {
  const { port } = await startGate(t, bearer({ jwks: set }));
  const token = await tokenOf(key);
  const { text } = await exchangeRaw(
    port,
    `GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nAuthorization: Bearer x\r\nConnection: close\r\n\r\n`,
  );
  assert.match(text, /^HTTP\/1\.1 401 /);
  assert.match(text, /error="invalid_request"/);
});

for (const [what, authorization] of [
  ['no credentials', undefined],
  ['credentials of another scheme', 'Basic bWlhOng='],
  ['a scheme of a similar name', 'Bearertoken a.b.c'],
] as const)
  test(`a challenge without error (RFC 6750 §3.1) for ${what}`, async (t) => {
    const { ask } = await startGate(t, bearer({ jwks: set, realm: 'the "API"', scope: 'read' }));
    const { status, challenge } = await ask(authorization);
    assert.equal(status, 401);
    assert.equal(challenge, 'Bearer realm="the \\"API\\"", scope="read"');
  });

const variants: readonly (readonly [
  what: string,
  options: Partial<BearerOptions>,
  change: Record<string, unknown>,
  status: number,
])[] = [
  ['one of several issuers', { issuer: ['https://a.example', goodClaims.iss] }, {}, 200],
  ['one of several audiences', { audience: ['a', goodClaims.aud] }, {}, 200],
  ['a token for several audiences', {}, { aud: ['a', goodClaims.aud] }, 200],
  ['any audience', { audience: false }, { aud: undefined }, 200],
  ['a token expired within the tolerance', { clockTolerance: '10m' }, { exp: now() - 30 }, 200],
  ['a token expired beyond the tolerance', { clockTolerance: '10s' }, { exp: now() - 30 }, 401],
  ['a token old enough', { maxTokenAge: '10m' }, { iat: now() - 300 }, 200],
  ['a token too old', { maxTokenAge: '1m' }, { iat: now() - 300 }, 401],
  ['a token of no age', { maxTokenAge: '1m' }, { iat: undefined }, 401],
  ['a token that never expires, when that may be', { requiredClaims: [] }, { exp: undefined }, 200],
  ['a required claim', { requiredClaims: ['exp', 'tenant'] }, { tenant: 't' }, 200],
  ['a missing claim', { requiredClaims: ['exp', 'tenant'] }, {}, 401],
  ['a list of algorithms', { algorithms: ['ES256'] }, {}, 200],
  ['an algorithm not listed', { algorithms: ['RS256'] }, {}, 401],
  ['a longer token, when that may be', { maxSize: '12kb' }, { x: 'y'.repeat(6500) }, 200],
];

for (const [what, options, change, status] of variants)
  test(`${what}: ${status}`, async (t) => {
    const { ask } = await startGate(t, bearer({ jwks: set, ...options }));
    assert.equal((await ask(`Bearer ${await tokenOf(key, change)}`)).status, status);
  });

for (const [typ, status] of [
  ['at+jwt', 200],
  ['application/at+jwt', 200],
  ['JWT', 401],
  [undefined, 401],
] as const)
  test(`typ at+jwt is asked for, the token says ${String(typ)}: ${status}`, async (t) => {
    const { ask } = await startGate(t, bearer({ jwks: set, typ: 'at+jwt' }));
    const token = await tokenOf(key, {}, typ === undefined ? {} : { typ });
    assert.equal((await ask(`Bearer ${token}`)).status, status);
  });

const scopes: readonly (readonly [given: Record<string, unknown>, status: number])[] = [
  [{ scope: 'write read other' }, 200],
  [{ scp: ['read', 'write'] }, 200],
  [{ scp: 'read write' }, 200],
  [{ scope: 'read' }, 403],
  [{ scope: 'readwrite' }, 403],
  [{ scope: 'READ WRITE' }, 403],
  [{}, 403],
];

for (const [given, status] of scopes)
  test(`scopes read and write are needed, given is ${JSON.stringify(given)}: ${status}`, async (t) => {
    const { ask } = await startGate(t, bearer({ jwks: set, scope: ['read', 'write'] }));
    const token = await tokenOf(key, given);
    // The second time from memory.
    for (let time = 0; time < 2; time++) {
      const answer = await ask(`Bearer ${token}`);
      assert.equal(answer.status, status);
      if (status !== 403) continue;
      assert.match(answer.text, /^ERR_SEKISHO_AUTH_DENIED/);
      assert.equal(
        answer.challenge,
        'Bearer realm="Restricted", scope="read write", error="insufficient_scope", error_description="The token does not have the scopes that are needed"',
      );
    }
  });

const secret = '0123456789abcdef0123456789abcdef';
const signedWith = (bytes: string, alg = 'HS256'): Promise<string> =>
  new SignJWT({ ...goodClaims, exp: now() + 60 })
    .setProtectedHeader({ alg })
    .sign(new TextEncoder().encode(bytes));

test('a shared secret checks HS256, and nothing that is signed otherwise', async (t) => {
  const { ask } = await startGate(t, bearer({ secret }));
  assert.equal((await ask(`Bearer ${await signedWith(secret)}`)).status, 200);
  assert.equal((await ask(`Bearer ${await signedWith(secret.replace('0', '1'))}`)).status, 401);
  assert.equal((await ask(`Bearer ${await signedWith(secret.repeat(2), 'HS512')}`)).status, 401);
  assert.equal((await ask(`Bearer ${await tokenOf(key)}`)).status, 401);
});

test('two keys without id: the one that fits is found', async (t) => {
  const [a, b] = [makeKey('x'), makeKey('x')];
  const [first, second] = [a, b].map(({ jwk }) => ({ ...jwk, kid: undefined }) as never);
  const { ask } = await startGate(t, bearer({ jwks: { keys: [first as never, second as never] } }));
  const withoutId = (signer: TestKey): Promise<string> => tokenOf(signer, {}, { kid: undefined });
  for (const signer of [a, b])
    assert.equal((await ask(`Bearer ${await withoutId(signer)}`)).status, 200);
  assert.equal((await ask(`Bearer ${await withoutId(other)}`)).status, 401);
});

test('a token that was verified is taken from memory, until it expires', async (t) => {
  const clock = stillClock(t);
  const scheme = bearer({ jwks: set, clockTolerance: 0, cache: '1h' });
  const { ask } = await startGate(t, scheme);
  const token = await tokenOf(key, { exp: now() + 120 });
  assert.equal((await ask(`Bearer ${token}`)).status, 200);
  clock.pass(100_000);
  assert.equal((await ask(`Bearer ${token}`)).status, 200);
  clock.pass(60_000);
  assert.equal((await ask(`Bearer ${token}`)).status, 401);
});

test('a verdict from memory comes without a promise; with cache: false there is none', async (t) => {
  for (const [cache, immediate] of [
    ['5m', true],
    [false, false],
    [0, false],
  ] as const) {
    const scheme = bearer({ jwks: set, cache });
    const token = await tokenOf(key);
    const sync: boolean[] = [];
    const app = express();
    app.use(async (req: Request, res: Response) => {
      const verdict = scheme.authenticate(req, res, attempt);
      sync.push(!(verdict instanceof Promise));
      res.send((await verdict).kind);
    });
    const { url } = await listen(t, app);
    const headers = { authorization: `Bearer ${token}` };
    for (let time = 0; time < 2; time++)
      assert.equal(await (await fetch(url, { headers })).text(), 'user');
    assert.deepEqual(sync, [false, immediate]);
  }
});

test('credentials that were right are consumed; as a forward proxy those for the proxy', async (t) => {
  const scheme = bearer({ jwks: set });
  const token = await tokenOf(key);
  const app = express();
  app.use(async (req: Request, res: Response) => {
    contextOf(req).proxied = req.path === '/proxied';
    const { kind } = await scheme.authenticate(req, res, attempt);
    res.json([kind, ...(contextOf(req).consumed ?? [])]);
  });
  const { url } = await listen(t, app);
  const ask = async (path: string, headers: Record<string, string>): Promise<unknown> =>
    (await fetch(url + path, { headers })).json();
  const authorization = `Bearer ${token}`;
  assert.deepEqual(await ask('/', { authorization }), ['user', 'authorization']);
  assert.deepEqual(await ask('/', { authorization: 'Bearer a.b.c' }), ['refused']);
  assert.deepEqual(await ask('/proxied', { authorization }), ['absent']);
  assert.deepEqual(await ask('/proxied', { 'proxy-authorization': authorization }), [
    'user',
    'proxy-authorization',
  ]);
});

test('what a handler is given cannot be changed for the next one', async (t) => {
  const scheme = bearer({ jwks: set });
  const app = express();
  app.use(async (req: Request, res: Response) => {
    const verdict = await scheme.authenticate(req, res, attempt);
    assert.ok(verdict.kind === 'user');
    const { user } = verdict;
    res.json(
      [user, user.groups, user.claims, user.claims.deep].map((part) => Object.isFrozen(part)),
    );
  });
  const { url } = await listen(t, app);
  const authorization = `Bearer ${await tokenOf(key, { groups: ['a'], deep: { b: [] } })}`;
  const response = await fetch(url, { headers: { authorization } });
  assert.deepEqual(await response.json(), [true, true, true, true]);
});

const wrong: readonly (readonly [
  what: string,
  options: Partial<BearerOptions>,
  message: RegExp,
])[] = [
  ['no issuer', { issuer: undefined as never }, /issuer: undefined is not allowed/],
  ['an empty list of issuers', { issuer: [] }, /issuer: \[\] is empty/],
  ['no audience', { audience: undefined as never }, /audience: undefined .*or (?:say )?false/],
  ['audience true', { audience: true as never }, /audience: true is not allowed/],
  ['alg none', { algorithms: ['none' as never] }, /algorithms.0: 'none' is not allowed/],
  ['HMAC with keys', { algorithms: ['HS256'] }, /'HS256' needs the option secret/],
  ['RSA with a secret', { jwks: undefined, secret, algorithms: ['RS256'] }, /'RS256' needs jwks/],
  [
    'a short secret',
    { jwks: undefined, secret: 'short-and-secret' },
    /secret: of 16 bytes is too short/,
  ],
  [
    'a secret too short for HS512',
    { jwks: undefined, secret, algorithms: ['HS512'] },
    /at least 64/,
  ],
  ['a secret and keys', { secret }, /besides jwks/],
  ['no algorithm', { algorithms: [] }, /algorithms: \[\] is empty/],
  ['keys that are a number', { jwks: 7 as never }, /jwks: 7 is not allowed/],
  ['an empty set', { jwks: { keys: [] } }, /bearer.jwks: it has no key/],
  ['no set at all', { jwks: { keyz: [] } as never }, /bearer.jwks: it is no JWK set/],
  [
    'a private key in the set',
    { jwks: { keys: [{ ...key.jwk, d: 'AAAA' }] } },
    /keys.0 is a private/,
  ],
  ['a secret in the set', { jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }, /is a shared secret/],
  ['a key cut short', { jwks: { keys: [{ ...key.jwk, x: 'AA' }] } }, /keys.0 is malformed/],
  ['a weak RSA key', { jwks: weakRsa() }, /RSA key of 1024 bits/],
  [
    'a file that is not there',
    { jwks: '/nowhere/jwks.json' },
    /file \/nowhere\/jwks.json cannot be read \(ENOENT\)/,
  ],
  [
    'a file that is something else',
    { jwks: import.meta.filename },
    /cannot be used: it is no PEM|neither PEM nor JSON/,
  ],
  ['a private key as PEM', { jwks: pem(key) }, /it is a private key/],
  [
    'a broken PEM',
    { jwks: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----' },
    /no PEM of a/,
  ],
  ['a URL with a password', { jwks: 'https://u:pw@login.example/jwks' }, /has a user or password/],
  ['a URL of another kind', { jwks: new URL('ftp://login.example/jwks') }, /ftp: is no protocol/],
  [
    'several issuers and no keys',
    { jwks: undefined, issuer: ['https://a', 'https://b'] },
    /with several issuers/,
  ],
  ['an issuer that is no URL and no keys', { jwks: undefined, issuer: 'me' }, /'me' is no URL/],
  ['a duration without unit', { clockTolerance: '5' }, /clockTolerance: '5' is no duration/],
  ['a scope with a quote', { scope: 'a"b' }, /is no scope/],
  ['no scope in it', { scope: ' ' }, /is no scope/],
  ['a realm that breaks out', { realm: 'a\r\nb' }, /is no realm/],
  ['an unknown option', { jwkz: 1 } as never, /unknown option 'jwkz'; did you mean 'jwks'/],
];

function pem({ privateKey }: TestKey): string {
  return String(privateKey.export({ format: 'pem', type: 'pkcs8' }));
}

function weakRsa(): BearerOptions['jwks'] {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  return { keys: [publicKey.export({ format: 'jwk' })] };
}

for (const [what, options, message] of wrong)
  test(`refused at construction: ${what}`, () => {
    assert.throws(
      () => bearer({ jwks: set, ...options }),
      (error) => {
        assert.ok(error instanceof OptionsError);
        assert.match(error.message, message);
        assert.ok(
          !error.message.includes(secret) && !error.message.includes('short-and'),
          'no secret',
        );
        assert.ok(!error.message.includes('BEGIN'), 'no key');
        return true;
      },
    );
  });
