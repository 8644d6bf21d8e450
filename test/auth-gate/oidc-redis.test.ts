import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { CookieJar, startProvider } from '../support/oidc-provider.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { until } from '../support/servers.ts';
import { gateway, json, laterClock, secret } from './oidc-support.ts';

const skip = noRedis;
const hub = await startProvider({ after });
const redis = skip === false ? await startRedis({ after }) : undefined;
const store = { url: redis?.url ?? '', timeout: '5s' };
const sameOrigin = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate' };

test(
  'the cookie is a random number, and the Redis has nothing that could be read',
  { skip },
  async (t) => {
    const { url, jar } = await gateway(t, hub, { session: { store } });
    await jar.visit(url);
    const cookie = jar.of(url).get('sekisho-session')!;
    assert.match(cookie, /^1\.[\w-]{43}$/);
    const client = await redis!.client();
    const keys = await client.keys('*');
    assert.ok(keys.length >= 3);
    for (const key of keys) {
      assert.match(key, /^sekisho:session:(?:id|sub|sid|bare):[\w-]{43}$/);
      assert.ok((await client.pTTL(key)) > 0, key);
      if (key.includes(':id:')) assert.match((await client.get(key))!, /^eyJ[\w-]+\.\.[\w.-]+$/);
      assert.ok(!key.includes(cookie.slice(2)));
    }
    for (const wrong of ['1.', `1.${'A'.repeat(43)}`, `1.*`, `1.${'A'.repeat(5000)}`]) {
      const stranger = new CookieJar();
      stranger.of(url).set('sekisho-session', wrong);
      assert.equal((await stranger.ask(url)).status, 302);
    }
  },
);

test('processes share sessions, their refreshment and their end', { skip }, async (t) => {
  const clock = laterClock(t);
  const one = await gateway(t, hub, { session: { store } });
  // With another list of secrets they share nothing in memory, as two processes would not.
  const like = { clientId: one.clientId, clientSecret: 'the secret of the gateway, long enough' };
  const session = { store, secret: [secret, 'an old secret that nothing was sealed with'] };
  const two = await gateway(t, hub, { session, like });
  const { jar } = one;
  await jar.visit(one.url);
  jar.cookies.set(two.url, jar.of(one.url));
  assert.equal(json(await jar.ask(two.url)).user, 'mia');
  hub.grants.length = 0;
  clock.pass(601_000);
  const pages = await Promise.all([one.url, two.url, one.url, two.url].map((url) => jar.ask(url)));
  assert.deepEqual(
    pages.map((page) => json(page).user),
    ['mia', 'mia', 'mia', 'mia'],
  );
  assert.deepEqual(hub.grants, ['refresh_token']);
  const copy = new CookieJar();
  copy.cookies.set(two.url, new Map(jar.of(one.url)));
  await jar.ask(`${one.url}/oauth2/logout`, { headers: sameOrigin });
  assert.equal((await copy.ask(two.url)).status, 302);
});

test('a logout at the provider is heard by one process and counts for all', { skip }, async (t) => {
  const one = await gateway(t, hub, { session: { store } });
  const other = await gateway(t, hub, { session: { store } });
  const { jar } = one;
  await jar.visit(one.url);
  await jar.visit(other.url);
  const copy = jar.of(one.url).get('sekisho-session')!;
  const left = await jar.ask(`${other.url}/oauth2/logout`, { headers: sameOrigin });
  await jar.visit(left.headers.get('location')!);
  const again = new CookieJar();
  await until(async () => {
    again.of(one.url).set('sekisho-session', copy);
    return (await again.ask(one.url, { headers: { accept: '*/*' } })).status === 401;
  }, 'the session is gone');
});

test(
  'without its Redis nobody gets in: 503, and all is well when it is back',
  { skip },
  async (t) => {
    const own = await startRedis(t);
    const { url, jar } = await gateway(t, hub, {
      session: { store: { url: own.url, timeout: '10s' } },
    });
    await jar.visit(url);
    await own.stop();
    const page = await jar.ask(url);
    assert.equal(page.status, 503);
    assert.equal(json(page).code, 'ERR_SEKISHO_AUTH_UNAVAILABLE');
    await own.start();
    // What it had is lost with it.
    await until(async () => (await jar.ask(url)).status === 302, 'it is asked again');
  },
);
