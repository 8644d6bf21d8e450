/** The gate in front of an auth service that is a process of its own, with logins, Basic and WebSockets. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { WebSocket, type ClientOptions } from 'ws';
import { authGate, type AuthGateOptions, type ForwardOptions } from '../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { contextOf } from '../../lib/core/context.ts';
import { recording, type Recording } from '../core/upstream/forward-support.ts';
import { attachedApp, openSocket, socketServer } from '../core/upstream/upgrade-support.ts';
import { runExample } from '../support/example.ts';
import { basic, heard } from './support.ts';

const copyHeaders = ['Remote-User', 'X-Tenant'];

interface Gateway {
  readonly url: string;
  readonly ws: string;
  readonly behind: Recording;
  readonly verdicts: (string | undefined)[];
  readonly stop: () => Promise<unknown>;
}

async function gateway(
  t: TestContext,
  scheme: 'session' | 'basic',
  more: Partial<AuthGateOptions> = {},
  forward: Partial<ForwardOptions> = {},
): Promise<Gateway> {
  const service = await runExample(t, 'test/auth-gate/forward-service.ts');
  const behind = await recording(t);
  const sockets = await socketServer(t);
  const verdicts: (string | undefined)[] = [];
  const { url, ws } = await attachedApp(t, (app) => {
    const gate = authGate({
      forward: { url: `${service.url}/${scheme}/verify`, copyHeaders, ...forward },
      ...more,
    });
    const proxies = [service.url, sockets.url, behind.url].map((to) =>
      balancedProxy(to, { keepPrefix: true }),
    );
    t.after(() => {
      gate.close();
      for (const proxy of proxies) void proxy.close();
    });
    const [login, echo, site] = proxies as [
      (typeof proxies)[0],
      (typeof proxies)[0],
      (typeof proxies)[0],
    ];
    app.use('/session', login);
    app.use((req, res, next) => {
      res.on('close', () => verdicts.push(contextOf(req).transaction.auth));
      next();
    });
    app.use(gate);
    app.use('/echo', echo);
    app.use(site);
  });
  return { url, ws, behind, verdicts, stop: () => service.end('SIGKILL') };
}

async function login(url: string, rd = '/page?x=1'): Promise<{ cookie: string; to: string }> {
  const answer = await fetch(`${url}/session/login?rd=${rd}`, {
    method: 'POST',
    body: new URLSearchParams({ user: 'alice', password: 'wonderland' }),
    redirect: 'manual',
  });
  assert.equal(answer.status, 303);
  const [cookie = ''] = answer.headers.getSetCookie()[0]!.split(';', 1);
  return { cookie, to: answer.headers.get('location')! };
}

test('login, passage, logout, as a browser goes', async (t) => {
  const { url, behind } = await gateway(t, 'session');
  const html = { accept: 'text/html' };
  const sent = await fetch(`${url}/page?x=1`, { headers: html, redirect: 'manual' });
  assert.equal(sent.status, 302);
  assert.equal(sent.headers.get('location'), '/session/login?rd=/page?x=1');
  assert.equal(sent.headers.get('cache-control'), 'no-store');
  assert.equal(behind.seen.length, 0);

  const { cookie, to } = await login(url);
  const page = await fetch(`${url}${to}`, {
    headers: { ...html, cookie, 'remote-user': 'root', 'x-tenant': 'evil' },
  });
  assert.equal(page.status, 200);
  assert.match(page.headers.getSetCookie()[0]!, /^connect\.sid=/, 'the session rolls on');
  const [seen] = behind.seen;
  assert.deepEqual(
    [seen!.url, seen!.all('remote-user'), seen!.all('x-tenant'), seen!.get('cookie')],
    ['/page?x=1', ['alice'], ['acme'], cookie],
  );

  const forbidden = await fetch(`${url}/forbidden`, { headers: { cookie } });
  assert.equal(forbidden.status, 403);
  assert.equal(await forbidden.text(), 'not for you');

  await fetch(`${url}/session/logout`, { method: 'POST', headers: { cookie } });
  const after = await fetch(`${url}/page`, { headers: { ...html, cookie }, redirect: 'manual' });
  assert.equal(after.status, 302);
  assert.equal(behind.seen.length, 1);
});

test('an API client gets what the service has for it, a POST its body through', async (t) => {
  const { url, behind } = await gateway(t, 'session', {}, { cookies: ['connect.sid'] });
  const headers = { accept: 'application/json' };
  const refused = await fetch(`${url}/api`, { method: 'POST', headers, body: 'x'.repeat(100_000) });
  assert.equal(refused.status, 401);
  assert.deepEqual(await refused.json(), { error: 'login first' });
  const { cookie } = await login(url);
  const posted = await fetch(`${url}/api`, {
    method: 'POST',
    headers: { ...headers, cookie: `${cookie}; own=1` },
    body: 'the body',
  });
  assert.equal(posted.status, 200);
  assert.equal(behind.seen[0]!.body, 'the body');
  assert.equal(behind.seen[0]!.get('cookie'), 'own=1', 'the session stays here');
});

test('Basic: the service challenges, judges and names; identityHeaders and allow go by that', async (t) => {
  const { url, behind } = await gateway(t, 'basic', {
    identityHeaders: { assertion: false },
    allow: (user, req) => user.name === 'alice' && req.method === 'GET',
  });
  const asked = await fetch(url);
  assert.equal(asked.status, 401);
  assert.equal(asked.headers.get('www-authenticate'), 'Basic realm="service"');
  assert.equal((await fetch(url, { headers: { authorization: basic('alice', 'x') } })).status, 401);
  const headers = { authorization: basic('alice', 'wonderland'), 'x-forwarded-user': 'root' };
  assert.equal((await fetch(url, { headers })).status, 200);
  assert.deepEqual(behind.seen[0]!.all('x-forwarded-user'), ['alice']);
  assert.equal(behind.seen[0]!.get('authorization'), undefined, 'it stays here');
  assert.equal((await fetch(url, { headers, method: 'DELETE' })).status, 403);
});

test('Basic with lockout: guesses are counted though the service judges them', async (t) => {
  const { url } = await gateway(t, 'basic', { lockout: { attempts: 3 } });
  const ask = async (password: string): Promise<number> =>
    (await fetch(url, { headers: { authorization: basic('alice', password) } })).status;
  assert.equal((await fetch(url)).status, 401);
  assert.deepEqual([await ask('a'), await ask('b'), await ask('c')], [401, 401, 401]);
  assert.equal(await ask('wonderland'), 429);
});

test('a dryRun reports what the service would have refused, and answers nothing', async (t) => {
  const { url, verdicts, behind } = await gateway(t, 'session', { dryRun: true });
  const events = heard(t, 'sekisho:auth');
  const html = { accept: 'text/html' };
  const { cookie } = await login(url);
  assert.equal((await fetch(url, { headers: html })).status, 200);
  assert.equal((await fetch(url, { headers: { accept: 'text/plain' } })).status, 200);
  assert.equal((await fetch(`${url}/forbidden`, { headers: { cookie } })).status, 200);
  assert.equal((await fetch(url, { headers: { cookie } })).status, 200);
  assert.deepEqual(verdicts, ['dry-run:absent', 'dry-run:absent', 'dry-run:denied', 'passed']);
  assert.equal(events.length, 3);
  assert.deepEqual(
    behind.seen.map((seen) => seen.get('remote-user')),
    [undefined, undefined, undefined, undefined],
  );
});

test('WebSockets: refused by a real answer, or through with the user named', async (t) => {
  const { url, ws, stop } = await gateway(t, 'session');
  const refused = await upgradeRefused(`${ws}/echo`, { headers: { accept: 'text/plain' } });
  assert.equal(refused.status, 401);
  assert.equal(refused.text, '{"error":"login first"}');
  const redirected = await upgradeRefused(`${ws}/echo`, { headers: { accept: 'text/html' } });
  assert.equal(redirected.status, 302);
  assert.equal(redirected.headers.location, '/session/login?rd=/echo');

  const { cookie } = await login(url);
  const { ask, answer } = await openSocket(t, `${ws}/echo`, { headers: { cookie } });
  assert.equal(String(await ask('hello')), 'hello');
  assert.match(answer.headers['set-cookie']![0]!, /^connect\.sid=/);

  await stop();
  assert.equal((await upgradeRefused(`${ws}/echo`, { headers: { cookie } })).status, 503);
  assert.equal(String(await ask('still there')), 'still there');
});

test('the service is killed: 503, and never a pass', async (t) => {
  const { url, behind, stop } = await gateway(t, 'session');
  const { cookie } = await login(url);
  assert.equal((await fetch(url, { headers: { cookie } })).status, 200);
  await stop();
  for (let index = 0; index < 3; index++) {
    const answer = await fetch(url, { headers: { cookie } });
    assert.equal(answer.status, 503);
    assert.match(await answer.text(), /^ERR_SEKISHO_AUTH_UNAVAILABLE/);
  }
  assert.equal(behind.seen.length, 1);
});

async function upgradeRefused(
  url: string,
  options: ClientOptions,
): Promise<{ status: number; headers: IncomingMessage['headers']; text: string }> {
  const socket = new WebSocket(url, options);
  socket.on('error', () => undefined);
  const [, answer] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  const body = await text(answer);
  return { status: answer.statusCode!, headers: answer.headers, text: body };
}
