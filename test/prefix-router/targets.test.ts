import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import express from 'express';
import { OptionsError } from '../../lib/core/errors.ts';
import { upstream } from '../../lib/core/upstream/upstream.ts';
import { prefixRouter, type PrefixRouter } from '../../lib/prefix-router/index.ts';
import { exchangeRaw, listen } from '../support/servers.ts';

/** An upstream that tells its name, the target it was asked for, and one field. */
async function echo(t: TestContext, name: string): Promise<string> {
  const { url } = await listen(t, (req, res) => {
    res.end(`${name} ${req.url} ${String(req.headers['x-forwarded-prefix'] ?? '-')}`);
  });
  return url;
}

async function gateway(
  t: TestContext,
  router: PrefixRouter,
  mount = '/',
): Promise<(target: string) => Promise<string>> {
  t.after(() => router.close());
  const { port } = await listen(t, express().use(mount, router));
  return async (target) => {
    const { text } = await exchangeRaw(
      port,
      `GET ${target} HTTP/1.1\r\nHost: any.test\r\nConnection: close\r\n\r\n`,
    );
    return (
      /(?:^|\n)([a-z]+ \S+ \S+)\r?\n?/.exec(text.slice(text.indexOf('\r\n\r\n') + 4))?.[1] ?? text
    );
  };
}

for (const [target, answer] of [
  ['/blog', 'blog / /blog'],
  ['/blog/', 'blog / /blog'],
  ['/blog?q', 'blog /?q /blog'],
  ['/blog/x/?q=%2F', 'blog /x/?q=%2F /blog'],
  ['/blog/a%2Fb.png', 'blog /a%2Fb.png /blog'],
  ['/blog/a/../b', 'blog /a/../b /blog'],
  ['/own/x', 'own /base/x /own'],
  ['/own', 'own /base/ /own'],
  ['/blog/deep/x', 'deep /x /blog/deep'],
  ['/list/x', 'own /x /list'],
  ['/pool/x', 'deep /x /pool'],
  ['/chosen/x', 'blog /x /chosen'],
  ['/other/x', 'root /other/x -'],
] as const) {
  test(`GET ${target} → ${answer}`, async (t) => {
    const [blog, own, deep, root] = await Promise.all(
      ['blog', 'own', 'deep', 'root'].map((name) => echo(t, name)),
    );
    const pool = upstream('pool', [deep!]);
    t.after(() => pool.close());
    const router = prefixRouter({
      '/': root!,
      '/blog': new URL(blog!),
      '/blog/deep': { target: deep! },
      '/own': `${own!}/base`,
      '/list': [{ url: own!, weight: 2 }],
      '/pool': pool,
      '/chosen': { target: () => blog! },
    });
    const get = await gateway(t, router);
    assert.equal(await get(target), answer);
  });
}

test('under a mount, the prefix is all that was taken off', async (t) => {
  const router = prefixRouter({ '/blog': await echo(t, 'blog'), '/': await echo(t, 'root') });
  const get = await gateway(t, router, '/api');
  assert.equal(await get('/api/blog/x'), 'blog /x /api/blog');
  assert.equal(await get('/api/x'), 'root /x /api');
});

test('options of a route win over the shared ones', async (t) => {
  const target = await echo(t, 'kept');
  const router = prefixRouter(
    { '/a': target, '/b': { target, keepPrefix: false }, '/c': { target, keepPrefix: undefined } },
    { keepPrefix: true },
  );
  const get = await gateway(t, router);
  assert.match(await get('/a/x'), /^kept \/a\/x /);
  assert.match(await get('/b/x'), /^kept \/x /);
  assert.match(await get('/c/x'), /^kept \/c\/x /);
});

test('wrong targets and options are told with their keys, all at once', () => {
  assert.throws(
    () =>
      prefixRouter({
        '/a': 'localhost:3000',
        '/b': { target: 'http://a.test', retires: 2 } as never,
        '/c': [],
        '/d': 7 as never,
      }),
    (error) => {
      assert.ok(error instanceof OptionsError);
      for (const [key, words] of [
        ['/a', "'http://localhost:3000'"],
        ['/b', "did you mean 'retries'?"],
        ['/c', 'at least one'],
        ['/d', '7'],
      ] as const)
        assert.ok(
          error.problems.some(
            (problem) => problem.startsWith(`'${key}'`) && problem.includes(words),
          ),
          `${key} ${words} in ${error.message}`,
        );
      return true;
    },
  );
});

test('wrong shared options are told once, however many routes there are', () => {
  const routes = { '/a': 'http://a.test', '/b': 'http://b.test', '/c': 'http://c.test' };
  assert.throws(
    () => prefixRouter(routes, { retires: 2 } as never),
    (error) => {
      assert.ok(error instanceof OptionsError);
      assert.deepEqual(error.problems, [
        "shared: unknown option 'retires'; did you mean 'retries'?",
      ]);
      return true;
    },
  );
});

for (const shared of [null, 'x', []]) {
  test(`shared options given as ${JSON.stringify(shared)} are refused`, () => {
    assert.throws(
      () => prefixRouter({ '/a': 'http://a.test' }, shared as never),
      (error) =>
        error instanceof OptionsError && error.problems[0]?.startsWith('shared: ') === true,
    );
  });
}

test('shared pool options leave an upstream() alone; its own route may not have them', async (t) => {
  const pool = upstream('pool', [await echo(t, 'pool')]);
  t.after(() => pool.close());
  const get = await gateway(t, prefixRouter({ '/a': pool }, { retries: { attempts: 1 } }));
  assert.equal(await get('/a/x'), 'pool /x /a');
  assert.throws(
    () => prefixRouter({ '/a': { target: pool, retries: { attempts: 1 } } }),
    (error) => error instanceof OptionsError && error.message.includes("'/a': retries: belongs to"),
  );
});

test('what the caller gave is not changed', async (t) => {
  const shared = Object.freeze({ keepPrefix: true });
  const value = Object.freeze({ target: await echo(t, 'kept'), keepPrefix: false });
  const get = await gateway(t, prefixRouter(Object.freeze({ '/a': value }), shared));
  assert.equal(await get('/a/x'), 'kept /x /a');
});

test('a route’s answer that falls through goes on to the next handler of the app', async (t) => {
  const { url } = await listen(t, (_req, res) => void res.writeHead(404).end());
  const router = prefixRouter({ '/a': { target: url, fallthrough: [404] } });
  t.after(() => router.close());
  const app = express().use(router);
  app.use((req, res) => void res.send(`next ${req.baseUrl}|${req.url}`));
  const gate = await listen(t, app);
  assert.equal(await (await fetch(`${gate.url}/a/x?y`)).text(), 'next |/a/x?y');
});
