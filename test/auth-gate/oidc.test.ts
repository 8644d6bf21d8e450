import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { CookieJar, startProvider } from '../support/oidc-provider.ts';
import { WebSocket } from 'ws';
import { attach } from '../../lib/core/server/attach.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { exchangeRaw, listen, until } from '../support/servers.ts';
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

test('the second application behind the gateway needs no login, nor does the second gateway', async (t) => {
  const { url, jar } = await gateway(t, hub);
  await jar.visit(`${url}/wiki/`);
  assert.equal(json(await jar.ask(`${url}/shop/`)).user, 'mia');
  // Another gateway, with another client: the provider knows the user, and asks for nothing but consent.
  const other = await gateway(t, hub);
  const page = await jar.visit(`${other.url}/`, 'nobody asks');
  assert.equal(json(page).user, 'mia');
});

test('two gates with the same options share one login', async (t) => {
  const { url, jar, clientId } = await gateway(t, hub);
  await jar.visit(`${url}/`);
  const like = { clientId, clientSecret: 'whatever' };
  const second = await gateway(t, hub, { like });
  jar.cookies.set(second.url, jar.of(url));
  assert.equal(json(await jar.ask(second.url)).user, 'mia');
});

test('cookies of the gate stay with it, those of the application go on', async (t) => {
  const seen: (string | undefined)[] = [];
  const backend = await listen(t, (req, res) => {
    seen.push(req.headers.cookie);
    res.setHeader('Set-Cookie', 'cart=2');
    res.end('ok');
  });
  const { url, jar, gate } = await gateway(t, hub, {
    prepare: (app) =>
      app.use('/app', (req, res, next) => gate(req, res, next), balancedProxy(backend.url)),
  });
  await jar.visit(`${url}/app/`);
  jar.of(url).set('cart', '1');
  jar.of(url).set('sekisho-session.7', 'planted');
  jar.of(url).set('sekisho-sessions', 'not ours');
  await jar.ask(`${url}/app/`);
  assert.equal(seen.at(-1), 'cart=1; sekisho-sessions=not ours');
});

for (const [what, headers, method] of [
  ['a program', { accept: '*/*' }, 'GET'],
  ['an API client', { accept: 'application/json' }, 'GET'],
  ['a script of a page', { accept: 'text/html', 'sec-fetch-mode': 'cors' }, 'GET'],
  ['XMLHttpRequest', { accept: 'text/html', 'x-requested-with': 'XMLHttpRequest' }, 'GET'],
  ['a prefetch', { accept: 'text/html', 'sec-purpose': 'prefetch' }, 'GET'],
  ['a form', { accept: 'text/html', 'sec-fetch-mode': 'navigate' }, 'POST'],
] as const)
  test(`${what} without a session gets 401, not a redirect`, async (t) => {
    const { url, jar } = await gateway(t, hub);
    const page = await jar.ask(url, { method, headers });
    assert.equal(page.status, 401);
    assert.equal(json(page).code, 'ERR_SEKISHO_AUTH_REQUIRED');
    assert.equal(page.headers.get('set-cookie'), null);
  });

test('a WebSocket without a session gets 401, and one with it passes', async (t) => {
  const { url, jar, server } = await gateway(t, hub);
  attach(server);
  const status = async (): Promise<number> =>
    new Promise((resolve, reject) => {
      const cookie = [...jar.of(url)].map(([name, value]) => `${name}=${value}`).join('; ');
      const headers = { accept: 'text/html', ...(cookie !== '' && { cookie }) };
      const socket = new WebSocket(url.replace('http', 'ws'), { headers });
      socket.on('unexpected-response', (_req, res) => resolve(res.statusCode ?? 0));
      socket.on('error', reject);
    });
  assert.equal(await status(), 401);
  await jar.visit(url);
  // Behind the gate is nothing that takes upgrades: it answers as to any request.
  assert.equal(await status(), 200);
});

test('basic is asked first, and the login page comes when there are no credentials', async (t) => {
  const { url, jar } = await gateway(t, hub, { gate: { basic: { users: { bob: 'builder' } } } });
  const authorization = `Basic ${Buffer.from('bob:builder').toString('base64')}`;
  assert.equal(json(await jar.ask(url, { headers: { authorization } })).user, 'bob');
  const refused = await jar.ask(url, { headers: { accept: '*/*' } });
  assert.match(refused.headers.get('www-authenticate')!, /^Basic /);
  assert.equal(json(await jar.visit(url)).user, 'mia');
});

test('who may not gets 403, and is not sent to the login again', async (t) => {
  const { url, jar } = await gateway(t, hub, { gate: { groups: ['admins'] } });
  const page = await jar.visit(url);
  assert.equal(page.status, 403);
  assert.equal(json(page).code, 'ERR_SEKISHO_AUTH_DENIED');
});

test('dryRun neither redirects nor answers', async (t) => {
  const { url, jar } = await gateway(t, hub, { gate: { dryRun: true } });
  for (const path of ['/', '/oauth2/callback?state=x', '/oauth2/logout'])
    assert.equal(json(await jar.ask(url + path)).verdict, 'dry-run:absent');
});

test('several tabs log in at once; of many the oldest logins are forgotten', async (t) => {
  const { url, jar } = await gateway(t, hub);
  const begun: string[] = [];
  for (let tab = 0; tab < 8; tab++)
    begun.push((await jar.ask(`${url}/tab${tab}`)).headers.get('location')!);
  const tickets = [...jar.of(url).keys()].filter((name) => name.includes('.login.'));
  assert.equal(tickets.length, 5);
  assert.equal(json(await jar.visit(begun[7]!)).page, '/tab7');
  assert.equal(json(await jar.visit(begun[6]!)).page, '/tab6');
});

test('a login gives the browser another session, and the one before is over', async (t) => {
  const { url, jar } = await gateway(t, hub);
  const begun = await jar.ask(`${url}/again`);
  await jar.visit(url);
  const planted = jar.of(url).get('sekisho-session')!;
  await jar.visit(begun.headers.get('location')!);
  assert.notEqual(jar.of(url).get('sekisho-session'), planted);
  const thief = new CookieJar();
  thief.of(url).set('sekisho-session', planted);
  assert.equal((await thief.ask(url)).status, 302);
});

test('a state counts once, in the browser it was made for, and for a quarter of an hour', async (t) => {
  const clock = laterClock(t);
  const { url, jar } = await gateway(t, hub);
  const callbackOf = async (path: string): Promise<string> => {
    let page = await jar.ask(url + path);
    for (;;) {
      const location = new URL(page.headers.get('location')!, page.url).href;
      if (location.startsWith(`${url}/oauth2/callback`)) return location;
      page = await jar.ask(location);
    }
  };
  await jar.visit(url);
  jar.of(url).clear();
  const callback = await callbackOf('/one');
  const stranger = new CookieJar();
  const foreign = await stranger.ask(callback);
  assert.equal(foreign.status, 400);
  assert.equal(json(foreign).code, 'ERR_SEKISHO_LOGIN_FAILED');
  assert.equal((await jar.ask(callback)).status, 302);
  const replayed = await jar.ask(callback);
  assert.equal(replayed.status, 400);
  jar.of(url).clear();
  const late = await callbackOf('/two');
  clock.pass(16 * 60_000);
  assert.equal((await jar.ask(late)).status, 400);
});

for (const [what, query, status, code] of [
  ['no state', '', 400, 'ERR_SEKISHO_LOGIN_FAILED'],
  ['two states', '?code=x&state=STATE&state=STATE', 400, 'ERR_SEKISHO_LOGIN_FAILED'],
  [
    'another issuer',
    '?code=x&state=STATE&iss=https%3A%2F%2Fevil.example',
    400,
    'ERR_SEKISHO_LOGIN_FAILED',
  ],
  ['no issuer', '?code=x&state=STATE', 400, 'ERR_SEKISHO_LOGIN_FAILED'],
  ['no code', '?state=STATE&iss=ISS', 400, 'ERR_SEKISHO_LOGIN_FAILED'],
  ['two codes', '?code=x&code=y&state=STATE&iss=ISS', 400, 'ERR_SEKISHO_LOGIN_FAILED'],
  ['an invented code', '?code=x&state=STATE&iss=ISS', 400, 'ERR_SEKISHO_LOGIN_FAILED'],
  ['access_denied', '?error=access_denied&state=STATE&iss=ISS', 403, 'ERR_SEKISHO_AUTH_DENIED'],
  [
    'access_denied of a stranger',
    '?error=access_denied&state=x&iss=ISS',
    400,
    'ERR_SEKISHO_LOGIN_FAILED',
  ],
  ['server_error', '?error=server_error&state=STATE&iss=ISS', 503, 'ERR_SEKISHO_AUTH_UNAVAILABLE'],
  ['login_required', '?error=login_required&state=STATE&iss=ISS', 400, 'ERR_SEKISHO_LOGIN_FAILED'],
  [
    'an error with line breaks',
    '?error=a%0d%0ab&state=STATE&iss=ISS',
    400,
    'ERR_SEKISHO_LOGIN_FAILED',
  ],
] as const)
  test(`a callback with ${what} is ${status}, without a session and without a redirect`, async (t) => {
    const { url, jar } = await gateway(t, hub);
    const begun = new URL((await jar.ask(url)).headers.get('location')!);
    const filled = query
      .replaceAll('STATE', begun.searchParams.get('state')!)
      .replace('ISS', encodeURIComponent(hub.issuer));
    const page = await jar.ask(`${url}/oauth2/callback${filled}`);
    assert.equal(page.status, status);
    assert.equal(json(page).code, code);
    assert.doesNotMatch(page.text, /[\r\n]|code=/);
    assert.equal(jar.of(url).get('sekisho-session'), undefined);
    assert.equal(page.headers.get('location'), null);
  });

test('the user who says no at the provider gets 403', async (t) => {
  const { url, jar } = await gateway(t, hub);
  let page = await jar.ask(url);
  while (page.headers.get('location') !== null)
    page = await jar.ask(new URL(page.headers.get('location')!, page.url).href);
  const [, abort = ''] = /href="([^"]*abort)"/.exec(page.text) ?? [];
  page = await jar.visit(new URL(abort, page.url).href);
  assert.equal(page.status, 403);
  assert.equal(json(page).code, 'ERR_SEKISHO_AUTH_DENIED');
});

test('a user whose name is no name is refused, and no field is injected', async (t) => {
  const { url, jar } = await gateway(t, hub, { gate: { identityHeaders: true } });
  hub.claims.preferred_username = 'mia\r\nX-Forwarded-User: root';
  t.after(() => delete hub.claims.preferred_username);
  const page = await jar.visit(url);
  assert.equal(page.status, 403);
  assert.equal(jar.of(url).get('sekisho-session'), undefined);
});

for (const [target, expected] of [
  ['//evil.example/x', '/'],
  ['/\\\\evil.example', '/'],
  ['/%2f%2fevil.example', '/'],
  ['/%5cevil.example', '/'],
  ['/a%0d%0aSet-Cookie:x=1', '/'],
  ['/fine/%2e?to=//evil.example', '/fine/%2e?to=//evil.example'],
] as const)
  test(`after a login for ${target} the way goes to ${expected}`, async (t) => {
    const { port, url, jar } = await gateway(t, hub);
    const begun = await raw(port, target);
    const [, cookie = ''] = /set-cookie: ([^;]+)/i.exec(begun) ?? [];
    const [, location = ''] = /location: (\S+)/i.exec(begun) ?? [];
    jar.of(url).set(cookie.slice(0, cookie.indexOf('=')), cookie.slice(cookie.indexOf('=') + 1));
    await jar.visit(url);
    let page = await jar.ask(location);
    for (let step = 0; step < 9 && !page.url.includes('/oauth2/callback'); step++)
      page = await jar.ask(new URL(page.headers.get('location')!, page.url).href);
    assert.equal(page.status, 302);
    assert.equal(page.headers.get('location'), expected);
  });

test('tokens are refreshed when they expire, once for all requests, and rotated ones are kept', async (t) => {
  const clock = laterClock(t);
  const { url, jar } = await gateway(t, hub);
  await jar.visit(url);
  const first = jar.of(url).get('sekisho-session');
  hub.grants.length = 0;
  clock.pass(601_000);
  hub.claims.groups = ['admins'];
  t.after(() => (hub.claims.groups = ['staff']));
  const old = new CookieJar();
  old.cookies.set(url, new Map(jar.of(url)));
  const pages = await Promise.all(Array.from({ length: 8 }, () => jar.ask(url)));
  for (const page of pages) {
    assert.deepEqual((json(page).auth as { groups: string[] }).groups, ['admins']);
    assert.equal(page.headers.get('cache-control'), 'no-store');
  }
  assert.deepEqual(hub.grants, ['refresh_token']);
  assert.notEqual(jar.of(url).get('sekisho-session'), first);
  // Who still has the cookie of before gets what it brought.
  assert.equal(json(await old.ask(url)).user, 'mia');
  assert.deepEqual(hub.grants, ['refresh_token']);
  clock.pass(601_000);
  assert.equal(json(await jar.ask(url)).user, 'mia');
  assert.deepEqual(hub.grants, ['refresh_token', 'refresh_token']);
});

test('when the provider does not refresh them the user logs in anew', async (t) => {
  const clock = laterClock(t);
  const { url, jar } = await gateway(t, hub);
  await jar.visit(url);
  t.mock.method(hub.provider.RefreshToken, 'find', () => Promise.resolve(undefined));
  clock.pass(601_000);
  assert.equal((await jar.ask(url, { headers: { accept: '*/*' } })).status, 401);
  assert.equal(jar.of(url).get('sekisho-session'), undefined);
  assert.equal(json(await jar.visit(url)).user, 'mia');
});

test('a session ends after idle time, prolonged by requests, and at the latest after maxAge', async (t) => {
  const clock = laterClock(t);
  const session = { idle: '10 minutes', maxAge: '25 minutes' };
  const { url, jar } = await gateway(t, hub, { session });
  await jar.visit(url);
  const alive = async (): Promise<boolean> =>
    (await jar.ask(url, { headers: { accept: '*/*' } })).status === 200;
  clock.pass(9 * 60_000);
  assert.ok(await alive());
  clock.pass(9 * 60_000);
  assert.ok(await alive());
  clock.pass(6 * 60_000);
  assert.ok(await alive());
  clock.pass(2 * 60_000);
  assert.ok(!(await alive()), 'maxAge');
  await jar.visit(url);
  clock.pass(10 * 60_000);
  assert.ok(!(await alive()), 'idle');
});

test('while the provider is down nobody logs in, and who is logged in stays so', async (t) => {
  const clock = laterClock(t);
  const own = await startProvider(t);
  const { url, jar } = await gateway(t, own);
  await jar.visit(url);
  own.server.closeAllConnections();
  own.server.close();
  await until(() => !own.server.listening, 'the provider is gone');
  assert.equal(json(await jar.ask(url)).user, 'mia');
  clock.pass(601_000);
  assert.equal(json(await jar.ask(url)).user, 'mia');

  const fresh = await gateway(t, own);
  for (const attempt of [1, 2]) {
    const page = await fresh.jar.ask(fresh.url);
    assert.equal(page.status, 503, `attempt ${attempt}`);
    assert.equal(json(page).code, 'ERR_SEKISHO_AUTH_UNAVAILABLE');
  }
  own.server.listen(Number(new URL(own.issuer).port), '127.0.0.1');
  await until(() => own.server.listening, 'it is back');
  clock.pass(60_000);
  assert.equal((await fresh.jar.ask(fresh.url)).status, 302);
});

test('without TLS, and not on this machine, nobody can log in', async (t) => {
  const { port } = await gateway(t, hub);
  assert.match(await raw(port, '/', 'www.example.com'), /^HTTP\/1.1 503 /);
  assert.match(await raw(port, '/', 'www.example.com/x'), /^HTTP\/1.1 400 /);
});

test('behind a TLS offloader cookies are Secure and __Host-', async (t) => {
  const { port, clientId } = await gateway(t, hub, {
    prepare: (app) => app.set('trust proxy', true),
  });
  const head = await raw(port, '/', 'www.example.com', 'X-Forwarded-Proto: https\r\n');
  assert.match(
    head,
    /set-cookie: __Host-sekisho-session\.login\.[^\r]*; Path=\/; [^\r]*HttpOnly; SameSite=Lax; Secure\r/i,
  );
  assert.ok(head.includes(encodeURIComponent('https://www.example.com/oauth2/callback')));
  assert.ok(head.includes(clientId));
});

test('with baseUrl the Host that a client sends has no say', async (t) => {
  const { port } = await gateway(t, hub, { oidc: { baseUrl: 'https://www.example.com' } });
  const head = await raw(port, '/', 'evil.example');
  assert.ok(head.includes(encodeURIComponent('https://www.example.com/oauth2/callback')));
  assert.doesNotMatch(head, /evil/);
});

/** A request as no client library would send it. */
async function raw(
  port: number,
  target: string,
  host = `127.0.0.1:${port}`,
  more = '',
): Promise<string> {
  const request = `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/html\r\n${more}Connection: close\r\n\r\n`;
  return (await exchangeRaw(port, request)).text;
}
