import assert from 'node:assert/strict';
import test from 'node:test';
import { authGate } from '../../lib/auth-gate/index.ts';
import type { OptionsError } from '../../lib/core/errors.ts';
import { secret } from './oidc-support.ts';

const good = {
  issuer: 'https://login.example.com',
  clientId: 'gateway',
  clientSecret: 'whatever',
  session: { secret },
};

test('the options in the documentation are taken, and nothing is connected to', () => {
  for (const oidc of [
    good,
    { ...good, clientSecret: false, baseUrl: 'https://www.example.com' },
    { ...good, issuer: 'http://localhost:9000/realms/one', allowInsecure: true },
    {
      ...good,
      session: { secret: [secret, `${secret} too`], store: { url: 'redis://localhost' } },
    },
  ] as const)
    authGate({ oidc }).close();
});

for (const [what, wrong, message] of [
  [
    'no issuer',
    { issuer: undefined },
    /oidc\.issuer: undefined is not allowed; use the provider's URL/,
  ],
  [
    'an issuer that is no URL',
    { issuer: 'login.example.com' },
    /'login.example.com' is no URL of a provider/,
  ],
  [
    'an issuer without TLS',
    { issuer: 'http://login.example.com', allowInsecure: true },
    /without TLS.*use https/,
  ],
  [
    'a local one, not allowed',
    { issuer: 'http://localhost:9000' },
    /allowInsecure: true for development/,
  ],
  [
    'no secret of the client',
    { clientSecret: undefined },
    /oidc\.clientSecret: a value of type undefined.*or false/,
  ],
  ['no secret of sessions', { session: {} }, /session\.secret: has to be a string of at least 32/],
  [
    'a short secret',
    { session: { secret: 'short and secret' } },
    /session\.secret: has to be a string of at least 32/,
  ],
  ['no secrets', { session: { secret: [] } }, /session\.secret: has to be/],
  [
    'a cookie with a prefix',
    { session: { secret, cookie: '__Host-x' } },
    /without '__Host-' in front/,
  ],
  ['a cookie with a blank', { session: { secret, cookie: 'a b' } }, /is no name of a cookie/],
  [
    'times without a unit',
    { session: { secret, idle: '30' } },
    /session\.idle: '30' is no duration/,
  ],
  ['a store without address', { session: { secret, store: {} } }, /neither client nor url/],
  ['a scope without openid', { scope: 'email' }, /'email' has no 'openid'/],
  ['a relative path', { redirectPath: 'callback' }, /redirectPath: 'callback' is no path/],
  ['a path with dots', { logoutPath: '/a/../b' }, /logoutPath: '\/a\/\.\.\/b' is no path/],
  ['the same path twice', { logoutPath: '/oauth2/callback' }, /are not all different/],
  ['a base with a path', { baseUrl: 'https://www.example.com/x' }, /is no origin/],
  [
    'a base without TLS',
    { baseUrl: 'http://www.example.com' },
    /cookies of a session are not safe/,
  ],
  ['a way out that is none', { postLogoutRedirect: '//evil.example' }, /neither a path such as/],
  [
    'a parameter of ours',
    { authorizationParameters: { state: '1' } },
    /'state' is set by authGate/,
  ],
  ['an unknown option', { redirectURI: '/x' }, /unknown option 'redirectURI'/],
] as const)
  test(`oidc with ${what} is an error that says so, without secrets`, () => {
    assert.throws(
      () => authGate({ oidc: { ...good, ...wrong } as never }),
      (error: OptionsError) => {
        assert.equal(error.code, 'ERR_SEKISHO_OPTIONS');
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /short and secret|whatever/);
        return true;
      },
    );
  });
