/** Verdicts that are kept: for whom, for how long, and which never. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { authGate, type ForwardOptions } from '../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { recording, type Recording } from '../core/upstream/forward-support.ts';
import { attachedApp, openSocket, socketServer } from '../core/upstream/upgrade-support.ts';
import { asking } from './forward-support.ts';
import { basic, stillClock } from './support.ts';

interface Setup {
  readonly auth: Recording;
  readonly behind: Recording;
  /** @returns the status */
  readonly ask: (
    headers?: Record<string, string>,
    init?: RequestInit & { path?: string },
  ) => Promise<number>;
}

/** Lets pass who has the cookie `in`; logs in, with a cookie, who has `new`. */
async function setup(
  t: TestContext,
  cache: ForwardOptions['cache'],
  more: Partial<ForwardOptions> = {},
): Promise<Setup> {
  const auth = await recording(t, (_req, res, { get }) => {
    const cookie = get('cookie') ?? '';
    const key = get('x-api-key') ?? '';
    if (cookie === 'new') res.setHeader('Set-Cookie', 'fresh=1');
    if (cookie === '500') res.statusCode = 500;
    else if (cookie === '302') res.statusCode = 302;
    else if (cookie === 'banned') res.statusCode = 403;
    else if (!['in', 'new'].includes(cookie) && key !== 'k') res.statusCode = 401;
    res.setHeader('Remote-User', `user-${cookie}`);
    res.end('x'.repeat(cookie === 'banned' ? 20_000 : 2));
  });
  const { url, behind } = await asking(t, auth.url, {
    copyHeaders: ['Remote-User'],
    cache,
    ...more,
  });
  return {
    auth,
    behind,
    ask: async (headers = {}, { path = '/', ...init } = {}) =>
      (await fetch(url + path, { headers, redirect: 'manual', ...init })).status,
  };
}

const member = { cookie: 'in' };

test('a pass is kept for its time, with the fields that go on', async (t) => {
  const still = stillClock(t);
  const { auth, behind, ask } = await setup(t, '10s');
  for (let index = 0; index < 3; index++) assert.equal(await ask(member), 200);
  assert.equal(auth.seen.length, 1);
  assert.deepEqual(
    behind.seen.map(({ get }) => get('remote-user')),
    Array(3).fill('user-in'),
  );
  still.pass(9_999);
  await ask(member);
  assert.equal(auth.seen.length, 1);
  still.pass(1);
  await ask(member);
  assert.equal(auth.seen.length, 2);
});

test('nothing is kept unless that is asked for', async (t) => {
  for (const cache of [undefined, false, 0] as const) {
    const { auth, ask } = await setup(t, cache);
    await ask(member);
    await ask(member);
    assert.equal(auth.seen.length, 2);
  }
});

for (const [what, headers, init] of [
  ['another cookie', { cookie: 'out' }, {}],
  ['no cookie', {}, {}],
  ['another URI', member, { path: '/other' }],
  ['another query', member, { path: '/?a' }],
  ['another method', member, { method: 'POST' }],
  ['an Authorization', { ...member, authorization: basic('a', 'b') }, {}],
  ['any other field', { ...member, 'x-any': '1' }, {}],
  ['a value that runs into the next field', { cookie: 'in","x-a","b' }, {}],
] as const)
  test(`the verdict is not that of a request with ${what}`, async (t) => {
    const { auth, ask } = await setup(t, '10s');
    await ask(member);
    await ask(headers, init);
    assert.equal(auth.seen.length, 2);
  });

test('by: only these fields count', async (t) => {
  const { auth, ask } = await setup(t, { ttl: '10s', by: ['Cookie', 'X-Forwarded-Method'] });
  await ask(member);
  assert.equal(await ask({ ...member, 'x-any': '1' }, { path: '/other' }), 200);
  assert.equal(auth.seen.length, 1);
  await ask(member, { method: 'DELETE' });
  assert.equal(await ask({ cookie: 'out' }), 401);
  assert.equal(auth.seen.length, 3);
});

test('requestHeaders: what the auth server does not get cannot count', async (t) => {
  const { auth, ask } = await setup(t, '10s', { requestHeaders: ['X-Api-Key'] });
  assert.equal(await ask({ 'x-api-key': 'k' }), 200);
  assert.equal(await ask({ 'x-api-key': 'k', 'x-any': '1', cookie: 'out' }), 200);
  assert.equal(auth.seen.length, 1);
  assert.equal(await ask({}), 401);
});

for (const cookie of ['new', '500', '302', 'out', 'banned'])
  test(`never kept: ${cookie}`, async (t) => {
    const { auth, ask } = await setup(t, '10s');
    const first = await ask({ cookie });
    assert.equal(await ask({ cookie }), first);
    assert.equal(auth.seen.length, 2);
  });

test('refusals: 401 and 403 are kept when that is asked for, and small', async (t) => {
  const { auth, ask } = await setup(t, { ttl: '10s', refusals: true });
  assert.deepEqual([await ask({ cookie: 'out' }), await ask({ cookie: 'out' })], [401, 401]);
  assert.equal(auth.seen.length, 1);
  for (const [cookie, status, more] of [
    ['banned', 403, 2],
    ['302', 302, 2],
    ['500', 502, 2],
    ['new', 200, 2],
  ] as const) {
    const before: number = auth.seen.length;
    assert.deepEqual([await ask({ cookie }), await ask({ cookie })], [status, status]);
    assert.equal(auth.seen.length - before, more, cookie);
  }
});

test('maxEntries: the oldest makes room', async (t) => {
  const { auth, ask } = await setup(t, { ttl: '10s', maxEntries: 2 });
  for (const path of ['/1', '/2', '/3', '/2', '/3']) await ask(member, { path });
  assert.equal(auth.seen.length, 3);
  await ask(member, { path: '/1' });
  assert.equal(auth.seen.length, 4);
});

test('WebSockets share the verdict, though each has a key of its own', async (t) => {
  const auth = await recording(t);
  const sockets = await socketServer(t);
  const { ws } = await attachedApp(t, (app) => {
    const gate = authGate({ forward: { url: auth.url, cache: '10s' } });
    const proxy = balancedProxy(sockets.url);
    t.after(() => {
      gate.close();
      void proxy.close();
    });
    app.use(gate, proxy);
  });
  for (let index = 0; index < 2; index++) {
    const { ask } = await openSocket(t, ws);
    assert.equal(String(await ask('hello')), 'hello');
  }
  assert.equal(auth.seen.length, 1);
});
