import assert from 'node:assert/strict';
import { test } from 'node:test';
import bcrypt from 'bcryptjs';
import type { BasicOptions } from '../../lib/auth-gate/index.ts';
import { authGate } from '../../lib/auth-gate/index.ts';
import { OptionsError } from '../../lib/core/errors.ts';
import { exchangeRaw } from '../support/servers.ts';
import { basic, gated, hashes, heard, passwords, stillClock } from './support.ts';

for (const kind of Object.keys(hashes) as (keyof typeof hashes)[])
  test(`a value hashed by ${kind} lets the password in and nothing else`, async (t) => {
    const { ask } = await gated(t, { basic: { users: { alice: hashes[kind] } } });
    assert.equal((await ask(basic('alice', passwords[kind]))).status, 200);
    // Once more: by now it is remembered.
    assert.equal((await ask(basic('alice', passwords[kind]))).status, 200);
    for (const wrong of [`${passwords[kind]}x`, passwords[kind].slice(1), '', hashes[kind]])
      assert.equal((await ask(basic('alice', wrong))).status, 401, wrong);
    assert.equal((await ask(basic('mallory', passwords[kind]))).status, 401);
  });

for (const prefix of ['$2a$', '$2b$', '$2y$'])
  test(`bcrypt ${prefix} of another implementation, and only its first 72 bytes`, async (t) => {
    const long = 'é'.repeat(36);
    const users = { alice: bcrypt.hashSync(long, 4).replace(/^\$2.\$/, prefix) };
    const { ask } = await gated(t, { basic: { users } });
    assert.equal((await ask(basic('alice', long))).status, 200);
    assert.equal((await ask(basic('alice', `${long}more`))).status, 200);
    assert.equal((await ask(basic('alice', long.slice(1)))).status, 401);
  });

for (const [what, field, reason] of [
  ['nothing after the scheme', 'Basic', 'nothing after Basic'],
  ['blanks after the scheme', 'Basic   ', 'nothing after Basic'],
  ['no base64', 'Basic YWxpY2U6d29u!GVybGFuZA==', 'no base64'],
  ['two words', 'Basic YWxpY2U6 d29uZGVybGFuZA==', 'no base64'],
  ['base64url', 'Basic YWxpY2U6_-8=', 'no base64'],
  ['no padding', 'Basic YWxpY2U6d29uZGVybGFuZA', 'no canonical base64'],
  ['bits that decoding drops', 'Basic YWxpY2U6d29uZGVybGFuZB==', 'no canonical base64'],
  ['no colon', `Basic ${Buffer.from('alice').toString('base64')}`, 'no colon'],
  ['a newline in the name', basic('al\nice', 'wonderland'), 'control characters'],
  ['CR LF in the password', basic('alice', 'a\r\nSet-Cookie: a=b'), 'control characters'],
  ['NUL', basic('alice\0', 'wonderland'), 'control characters'],
  ['a C1 control', basic('alice\u0085', 'wonderland'), 'control characters'],
  ['Latin-1', `Basic ${Buffer.from('alice:w\xf6', 'latin1').toString('base64')}`, 'no UTF-8'],
  ['a password beyond all measure', basic('alice', 'x'.repeat(5000)), 'longer than'],
  [
    'two fields',
    `${basic('alice', 'wonderland')}\r\nAuthorization: ${basic('bob', 'x')}`,
    'more than one field of credentials',
  ],
] as const)
  test(`${what}: 401, and the log says why without saying what`, async (t) => {
    const events = heard(t, 'sekisho:auth');
    const { port } = await gated(t, { basic: { users: { alice: 'wonderland' } } });
    const { text } = await exchangeRaw(
      port,
      `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: ${field}\r\n\r\n`,
    );
    assert.match(text, /^HTTP\/1\.1 401 /);
    assert.match(text, /\r\nwww-authenticate: Basic /i);
    assert.deepEqual(
      events.map(({ outcome }) => outcome),
      ['refused'],
    );
    assert.ok(events[0]!.reason.startsWith(`malformed credentials: ${reason}`), events[0]!.reason);
  });

for (const [what, authorization] of [
  ['lower case', basic('alice', 'wonderland').replace('Basic', 'basic')],
  ['upper case', basic('alice', 'wonderland').replace('Basic', 'BASIC')],
  ['several blanks', basic('alice', 'wonderland').replace(' ', '   ')],
] as const)
  test(`the scheme in ${what} is Basic, too`, async (t) => {
    const { ask } = await gated(t, { basic: { users: { alice: 'wonderland' } } });
    assert.equal((await ask(authorization)).status, 200);
  });

for (const [name, password] of [
  ['jürgen', 'pässwörd'],
  ['李', '密码 🔑'],
  ['a b', 'c:d:e'],
  ["o'hara@example.com", '"\\'],
])
  test(`UTF-8 in names and passwords: ${name}`, async (t) => {
    const { ask } = await gated(t, { basic: { users: { [name!]: password! } } });
    const answer = await ask(basic(name!, password!));
    assert.equal(answer.status, 200);
    assert.equal(((await answer.json()) as { auth: { user: string } }).auth.user, name);
  });

for (const [realm, expected] of [
  ['Staff only', 'Basic realm="Staff only", charset="UTF-8"'],
  ['say "friend" \\', 'Basic realm="say \\"friend\\" \\\\", charset="UTF-8"'],
  [(req: { path: string }) => `for ${req.path}`, 'Basic realm="for /", charset="UTF-8"'],
  [() => 'a\r\nSet-Cookie: b', 'Basic realm="a??Set-Cookie: b", charset="UTF-8"'],
  [() => '関所', 'Basic realm="??", charset="UTF-8"'],
  [() => undefined, 'Basic realm="Restricted", charset="UTF-8"'],
  [
    () => {
      throw new Error('no realm');
    },
    'Basic realm="Restricted", charset="UTF-8"',
  ],
] satisfies [BasicOptions['realm'], string][])
  test(`realm ${String(realm)}`, async (t) => {
    const { ask } = await gated(t, { basic: { users: { a: 'b' }, realm } });
    assert.equal((await ask()).headers.get('www-authenticate'), expected);
  });

test('challenge: false keeps browsers from asking', async (t) => {
  const { ask } = await gated(t, { basic: { users: { a: 'b' }, challenge: false } });
  const answer = await ask();
  assert.equal(answer.status, 401);
  assert.equal(answer.headers.get('www-authenticate'), null);
});

for (const [what, unauthorizedResponse, type, body] of [
  ['a string', 'Who are you?', 'text/html; charset=utf-8', 'Who are you?'],
  ['an object', { error: 'who' }, 'application/json; charset=utf-8', '{"error":"who"}'],
  [
    'a function',
    (req: { path: string }, refused?: { name?: string; reason: string }) =>
      `${req.path} ${refused?.name ?? 'nobody'}`,
    'text/html; charset=utf-8',
    '/ alice',
  ],
] as const)
  test(`unauthorizedResponse: ${what}`, async (t) => {
    const { ask } = await gated(t, { basic: { users: { alice: 'b' }, unauthorizedResponse } });
    const answer = await ask(basic('alice', 'wrong'));
    assert.equal(answer.status, 401);
    assert.ok(answer.headers.has('www-authenticate'));
    assert.equal(answer.headers.get('content-type'), type);
    assert.equal(await answer.text(), body);
  });

for (const [what, unauthorizedResponse] of [
  ['throws', () => assert.fail('10.0.0.7')],
  ['has nothing to say', () => undefined],
] as const)
  test(`unauthorizedResponse that ${what} leaves the 401 to the error handlers`, async (t) => {
    const { ask } = await gated(t, { basic: { users: { alice: 'b' }, unauthorizedResponse } });
    const answer = await ask();
    assert.equal(answer.status, 401);
    assert.match(await answer.text(), /ERR_SEKISHO_AUTH_REQUIRED/);
  });

for (const [what, options, status] of [
  ['true', { authorizer: () => true }, 200],
  ['1, as bitwise and gives', { authorizer: () => 1 }, 200],
  ['false', { authorizer: () => false }, 401],
  ['nothing', { authorizer: () => undefined }, 401],
  ['a promise of true', { authorizer: () => Promise.resolve(true) }, 200],
  ['a promise of false', { authorizer: () => Promise.resolve(false) }, 401],
  ['an error', { authorizer: () => assert.fail('db') }, 500],
  ['a rejection', { authorizer: () => Promise.reject(new Error('db')) }, 500],
  [
    'true by callback',
    { authorizeAsync: true, authorizer: (_n, _p, done) => setImmediate(done, null, true) },
    200,
  ],
  [
    'true by callback, at once',
    { authorizeAsync: true, authorizer: (_n, _p, done) => done(undefined, true) },
    200,
  ],
  ['no by callback', { authorizeAsync: true, authorizer: (_n, _p, done) => done(null) }, 401],
  [
    'an error by callback',
    { authorizeAsync: true, authorizer: (_n, _p, done) => done(new Error('db')) },
    500,
  ],
  [
    'two calls back',
    {
      authorizeAsync: true,
      authorizer(_n, _p, done) {
        done(null, false);
        done(null, true);
      },
    },
    401,
  ],
  [
    'a throw before it calls back',
    { authorizeAsync: true, authorizer: () => assert.fail('db') },
    500,
  ],
  [
    'a rejection before it calls back',
    { authorizeAsync: true, authorizer: () => Promise.reject(new Error('db')) },
    500,
  ],
] satisfies [string, BasicOptions, number][])
  test(`an authorizer that gives ${what}: ${status}`, async (t) => {
    const { ask } = await gated(t, { basic: options });
    const answer = await ask(basic('alice', 'wonderland'));
    assert.equal(answer.status, status);
    if (status === 500) assert.match(await answer.text(), /"ERR_SEKISHO_HOOK"/);
  });

test('an authorizer that calls back without authorizeAsync lets nobody in, and is told of', async (t) => {
  const warnings = heard(t, 'sekisho:warning');
  const { ask } = await gated(t, {
    basic: { authorizer: (_name, _password, done) => done(null, true) },
  });
  assert.equal((await ask(basic('alice', 'wonderland'))).status, 401);
  assert.match(warnings[0]!.message, /add authorizeAsync: true/);
});

test('an authorizer that never decides is given up after half a minute', async (t) => {
  const clock = stillClock(t);
  let asked = false as boolean;
  const { ask } = await gated(t, {
    basic: {
      authorizeAsync: true,
      authorizer() {
        asked = true;
      },
    },
  });
  const answer = ask(basic('alice', 'wonderland'));
  while (!asked) await new Promise((resolve) => setTimeout(resolve, 5));
  clock.pass(30_001);
  assert.equal((await answer).status, 503);
});

test('an authorizer is given name and password, and no password is empty', async (t) => {
  const seen: string[][] = [];
  const { ask } = await gated(t, {
    basic: { authorizer: (name, password) => void seen.push([name, password]) },
  });
  await ask(basic('', 'token'));
  await ask(basic('key', ''));
  await ask(basic('a', 'b:c'));
  assert.deepEqual(seen, [
    ['', 'token'],
    ['key', ''],
    ['a', 'b:c'],
  ]);
});

for (const [what, options, problem] of [
  ['nobody', {}, /basic: an object does not say who may log in/],
  ['no users', { users: {} }, /users: an object has no users/],
  ['users that are a list', { users: ['alice'] }, /users: a list is not allowed; use \{ name/],
  [
    'a password that is no string',
    { users: { alice: undefined } },
    /users\.alice: .*type undefined/,
  ],
  ['an empty password', { users: { alice: '' } }, /users\.alice: the value is empty/],
  ['an empty name', { users: { '': 'secret' } }, /users\.: .*no client can send/],
  ['a name with a colon', { users: { 'a:b': 'secret' } }, /users\.a:b: .*no client can send/],
  ['a password with a newline', { users: { a: 'secret\n' } }, /users\.a: .*control characters/],
  ['half a bcrypt hash', { users: { a: '$2y$05$secret' } }, /users\.a: .*malformed bcrypt/],
  ['half an argon2 hash', { users: { a: '$argon2id$secret' } }, /users\.a: .*malformed argon2/],
  ['a scrypt hash without salt', { users: { a: '$scrypt$ln=1$secret' } }, /malformed scrypt/],
  ['SHA-crypt', { users: { a: '$6$secret$abc' } }, /users\.a: .*not supported/],
  ['{SSHA}', { users: { a: '{SSHA}secret' } }, /users\.a: .*not supported/],
  ['authorizer and users', { authorizer: () => true, users: { a: 'secret' } }, /decides alone/],
  [
    'authorizeAsync alone',
    { authorizeAsync: true, users: { a: 'secret' } },
    /is for an 'authorizer'/,
  ],
  ['a realm with a newline', { users: { a: 'secret' }, realm: 'a\nb' }, /realm: .*printable ASCII/],
  [
    'a file that is not there',
    { file: '/nowhere/htpasswd' },
    /basic\.file: '\/nowhere\/htpasswd'.*ENOENT/,
  ],
  ['a misspelt option', { user: { a: 'secret' } }, /unknown option 'user'; did you mean 'users'/],
] as const)
  test(`${what} is an error at construction that shows no secret`, () => {
    assert.throws(
      () => authGate({ basic: options as never }),
      (error: unknown) => {
        assert.ok(error instanceof OptionsError, String(error));
        assert.match(error.message, problem);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  });
