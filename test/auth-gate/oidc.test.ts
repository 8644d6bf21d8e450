import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { CookieJar, startProvider } from '../support/oidc-provider.ts';
import { gateway, json, laterClock } from './oidc-support.ts';

const hub = await startProvider({ after });

test('a browser logs in, comes back to the page it asked for, and stays logged in', async (t) => {
  const { url, jar } = await gateway(t, hub);
  const asked = await jar.ask(`${url}/wiki/page?id=1&x=%20y`);
  assert.equal(asked.status, 302);
  assert.equal(asked.headers.get('cache-control'), 'no-store');
  const to = new URL(asked.headers.get('location')!);
  assert.equal(to.origin, hub.issuer);
  const { state, nonce, ...said } = Object.fromEntries(to.searchParams);
  assert.match(state!, /^[\w-]{43}$/);
  assert.match(nonce!, /^[\w-]{43}$/);
  assert.match(said.code_challenge!, /^[\w-]{43}$/);
  assert.equal(said.code_challenge_method, 'S256');
  assert.equal(said.response_type, 'code');
  assert.equal(said.redirect_uri, `${url}/oauth2/callback`);
  assert.equal(said.scope, 'openid profile email');

  const page = json(await jar.visit(`${url}/wiki/page?id=1&x=%20y`));
  assert.equal(page.page, '/wiki/page?id=1&x=%20y');
  assert.equal(page.user, 'mia');
  const { email, groups, scheme } = page.auth as Record<string, unknown>;
  assert.deepEqual(
    { email, groups, scheme },
    { email: 'mia@example.com', groups: ['staff'], scheme: 'oidc' },
  );
  const again = await jar.ask(`${url}/shop/`, { headers: { accept: '*/*' } });
  assert.equal(json(again).user, 'mia');
  assert.equal(again.headers.get('set-cookie'), null);
});
