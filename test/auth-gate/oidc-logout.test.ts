import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { urlencoded } from 'express';
import { CookieJar, startProvider } from '../support/oidc-provider.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { until } from '../support/servers.ts';
import { forgingIssuer } from './oidc-issuer.ts';
import { gateway, json, type Gateway } from './oidc-support.ts';

const hub = await startProvider({ after });
const redis = noRedis === false ? await startRedis({ after }) : undefined;
const sameOrigin = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate' };

const isIn = async ({ url }: Gateway, jar: CookieJar): Promise<boolean> =>
  (await jar.ask(url, { headers: { accept: '*/*' } })).status === 200;

test('a link on a page of ours logs out here and at the provider, and leads back', async (t) => {
  const gw = await gateway(t, hub, { oidc: { postLogoutRedirect: '/bye' } });
  const { url, jar } = gw;
  await jar.visit(url);
  const copy = new CookieJar();
  copy.cookies.set(url, new Map(jar.of(url)));
  const left = await jar.ask(`${url}/oauth2/logout`, { headers: sameOrigin });
  assert.equal(left.status, 302);
  assert.equal(left.headers.get('cache-control'), 'no-store');
  const to = new URL(left.headers.get('location')!);
  assert.equal(to.origin, hub.issuer);
  assert.equal(to.searchParams.get('post_logout_redirect_uri'), `${url}/bye`);
  assert.match(to.searchParams.get('id_token_hint')!, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assert.equal((await jar.visit(to.href)).text, 'goodbye');
  assert.ok(!(await isIn(gw, jar)));
  assert.ok(!(await isIn(gw, copy)), 'a copy of the cookie is worth nothing');
  // The provider asks who it is: somebody else may log in now.
  assert.equal(json(await jar.visit(url, 'bob')).user, 'bob');
});

test('a form leads to the provider by a page, which no policy of the form holds back', async (t) => {
  const gw = await gateway(t, hub);
  await gw.jar.visit(gw.url);
  const page = await gw.jar.ask(`${gw.url}/oauth2/logout`, {
    form: {},
    headers: { ...sameOrigin, origin: gw.url },
  });
  assert.equal(page.status, 200);
  assert.match(
    page.text,
    new RegExp(`http-equiv="refresh" content="0;url=${hub.issuer}/session/end`),
  );
  assert.ok(!(await isIn(gw, gw.jar)));
});

for (const [what, options] of [
  [
    'a link on a page of another site',
    { headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' } },
  ],
  [
    'a link on a page of a sibling',
    { headers: { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate' } },
  ],
  [
    'an image on a page of ours',
    { headers: { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'no-cors' } },
  ],
  ['a browser that does not say from where', {}],
  ['a form of another site', { form: {}, headers: { 'sec-fetch-site': 'cross-site' } }],
  ['a form of another origin', { form: {}, headers: { origin: 'http://evil.example' } }],
] as const)
  test(`${what} does not log anybody out: it asks`, async (t) => {
    const gw = await gateway(t, hub);
    await gw.jar.visit(gw.url);
    const page = await gw.jar.ask(`${gw.url}/oauth2/logout`, options);
    assert.equal(page.status, 200);
    assert.match(page.text, /<form method="post" action="\/oauth2\/logout">/);
    assert.match(page.headers.get('content-security-policy')!, /frame-ancestors 'none'/);
    assert.ok(await isIn(gw, gw.jar));
  });

test('logout without a session, or with a provider that has none, says so', async (t) => {
  const { url, jar } = await gateway(t, hub);
  const page = await jar.ask(`${url}/oauth2/logout`, { headers: sameOrigin });
  assert.match(page.text, /Logged out/);
  assert.equal((await jar.ask(`${url}/oauth2/logout`, { method: 'DELETE' })).status, 405);
});

test('a logout at the provider ends the sessions of all gateways (back-channel)', async (t) => {
  const one = await gateway(t, hub);
  const two = await gateway(t, hub, { prepare: (app) => app.use(urlencoded()) });
  const jar = new CookieJar();
  await jar.visit(one.url);
  await jar.visit(two.url);
  const other = new CookieJar();
  await other.visit(two.url, 'bob');
  const left = await jar.ask(`${one.url}/oauth2/logout`, { headers: sameOrigin });
  assert.ok(await isIn(two, jar));
  await jar.visit(left.headers.get('location')!);
  await until(async () => !(await isIn(two, jar)), 'the second gateway has heard of it');
  assert.ok(await isIn(two, other), 'others stay logged in');
  await jar.visit(two.url, 'mia');
  assert.ok(await isIn(two, jar), 'a new login counts');
});

test('a logout token counts once, and only when it is one', async (t) => {
  const issuer = await forgingIssuer(t);
  const gw = await gateway(t, issuer);
  const { url, jar, clientId } = gw;
  const tell = async (token?: string): Promise<number> => {
    const page = await jar.ask(`${url}/oauth2/backchannel-logout`, {
      form: token === undefined ? {} : { logout_token: token },
      headers: {},
    });
    assert.equal(page.headers.get('cache-control'), 'no-store');
    return page.status;
  };
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
  const good = { aud: clientId, sub: 'mia', jti: 'one', events, sid: undefined };
  const past = Math.floor(Date.now() / 1000) - 3600;
  const typ = { typ: 'logout+jwt' };
  await jar.visit(url);
  for (const [what, claims, header] of [
    ['another issuer', { ...good, iss: 'http://127.0.0.1:1' }],
    ['for another client', { ...good, aud: 'somebody' }],
    ['old', { ...good, iat: past, exp: past + 7200 }],
    ['expired', { ...good, exp: past }],
    ['without events', { ...good, events: undefined }],
    ['of another event', { ...good, events: { other: {} } }],
    ['with a nonce', { ...good, nonce: 'x' }],
    ['without jti', { ...good, jti: undefined }],
    ['about nobody', { ...good, sub: undefined }],
    ['of another type', good, { typ: 'at+jwt' }],
    ['not signed', good, { alg: 'none' }],
  ] as const) {
    const { alg, ...rest } = { ...typ, ...header } as Record<string, string>;
    const token = await issuer.sign(claims, rest, alg);
    assert.equal(await tell(token), 400, what);
    assert.ok(await isIn(gw, jar), what);
  }
  assert.equal(await tell(), 400);
  assert.equal(await tell('x'.repeat(300_000)), 400);
  assert.equal(await tell(await issuer.sign({ ...good, sub: 'bob', jti: 'two' }, typ)), 200);
  assert.ok(await isIn(gw, jar));
  const token = await issuer.sign(good, typ);
  assert.equal(await tell(token), 200);
  assert.ok(!(await isIn(gw, jar)));
  assert.equal(await tell(token), 400, 'again');
  assert.equal((await jar.ask(`${url}/oauth2/backchannel-logout`)).status, 405);
});

for (const [what, sid, told, ended] of [
  ['a session of this name', 'one', { sid: 'one', sub: 'mia' }, true],
  ['a session of another name', 'one', { sid: 'two', sub: 'mia' }, false],
  ['a user', 'one', { sub: 'mia' }, true],
  ['a session, when we were not told its name', undefined, { sid: 'one', sub: 'mia' }, true],
  ['a session of another user', undefined, { sid: 'one', sub: 'bob' }, false],
] as const)
  for (const store of ['cookie', 'redis'] as const)
    test(
      `a logout token about ${what} ends ${ended ? 'it' : 'nothing'} (${store})`,
      {
        skip: store === 'redis' && noRedis,
      },
      async (t) => {
        const issuer = await forgingIssuer(t);
        issuer.wrong = { claims: { sid } };
        const session =
          redis === undefined || store === 'cookie'
            ? {}
            : { store: { url: redis.url, timeout: '5s' } };
        const gw = await gateway(t, issuer, { session });
        await gw.jar.visit(gw.url);
        const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
        const claims = { aud: gw.clientId, jti: what, events, ...told };
        const token = await issuer.sign(claims, { typ: 'logout+jwt' });
        const form = { logout_token: token };
        const answer = await gw.jar.ask(`${gw.url}/oauth2/backchannel-logout`, { form });
        assert.equal(answer.status, 200);
        assert.equal(await isIn(gw, gw.jar), !ended);
      },
    );
