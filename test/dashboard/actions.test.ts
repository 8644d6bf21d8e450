import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import express from 'express';
import { authGate } from '../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { cache } from '../../lib/cache/index.ts';
import { upstream, type Upstream } from '../../lib/core/upstream/upstream.ts';
import { dashboard } from '../../lib/dashboard/index.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { listen } from '../support/servers.ts';
import { openStream } from './support.ts';

type Fields = Readonly<Record<string, string>>;

interface Desk {
  readonly url: string;
  readonly pool: Upstream;
  readonly token: string;
  readonly server: string;
  readonly entries: () => Promise<{ kind: string; what: string; subject: string; user?: string }[]>;
  readonly ask: (parameters: object, headers?: Fields) => Promise<Response>;
}

const basic = (name: string): string => `Basic ${Buffer.from(`${name}:x`).toString('base64')}`;

async function desk(t: TestContext): Promise<Desk> {
  let asked = 0;
  const site = await listen(t, (_req, res) => res.end(String(++asked)));
  const pool = upstream('images', [
    { url: site.url, weight: 3, backup: false },
    'http://127.0.0.1:1',
  ]);
  const pages = cache('1 minute');
  const page = dashboard({ public: true, actions: true, caches: { pages } });
  t.after(() => {
    page.close();
    pool.destroy();
  });
  const app = express();
  app.use((req, res, next) => {
    if (req.get('authorization') === undefined) next();
    else gate(req, res, next);
  });
  app.use('/ops', page);
  app.use(pages, balancedProxy(pool));
  app.use(errorPages());
  const { url, port } = await listen(t, app);
  const snapshot = async (): Promise<{ token: string; entries: [] }> =>
    (await openStream(t, port, '/ops/events')).events[0]!.data as { token: string; entries: [] };
  const { token } = await snapshot();
  return {
    url,
    pool,
    token,
    server: new URL(site.url).host,
    entries: async () => (await snapshot()).entries,
    ask: (parameters, headers = { 'x-sekisho-token': token, origin: url }) =>
      fetch(
        `${url}/ops/actions?${String(new URLSearchParams(parameters as Record<string, string>))}`,
        {
          method: 'POST',
          headers,
        },
      ),
  };
}
const gate = authGate({ basic: { authorizer: () => true } });

test('a server is drained and put to work again, with the weight it had', async (t) => {
  const { ask, pool, server, entries } = await desk(t);
  const move = { upstream: 'images', server };
  const drained = await ask({ action: 'drain', ...move });
  assert.equal(drained.status, 200);
  assert.deepEqual(await drained.json(), {});
  assert.equal(pool.servers[0]!.state, 'draining');
  assert.equal((await ask({ action: 'enable', ...move })).status, 200);
  assert.deepEqual([pool.servers[0]!.state, pool.servers[0]!.weight], ['unknown', 3]);
  assert.deepEqual(
    (await entries()).map(({ kind, what, subject }) => [kind, what, subject]),
    [
      ['action', 'drain', `images ${server}`],
      ['action', 'enable', `images ${server}`],
    ],
  );
});

for (const [target, left] of [
  ['', 0],
  ['/a', 1],
] as const)
  test(`a purge of ${target || 'everything'} leaves ${left}`, async (t) => {
    const { ask, url, pool } = await desk(t);
    void pool.drain('http://127.0.0.1:1');
    for (const path of ['/a/1', '/b']) await (await fetch(url + path)).text();
    const purged = await ask({ action: 'purge', cache: 'pages', target });
    assert.deepEqual(await purged.json(), { count: 2 - left });
    assert.equal(await (await fetch(`${url}/b`)).text(), left === 1 ? '2' : '3');
  });

for (const [name, parameters] of [
  ['no action', {}],
  ['an unknown action', { action: 'destroy' }],
  ['an unknown pool', { action: 'drain', upstream: 'shop', server: '127.0.0.1:1' }],
  ['no pool', { action: 'drain' }],
  ['an unknown server', { action: 'drain', upstream: 'images', server: '10.0.0.1:80' }],
  ['an unknown cache', { action: 'purge', cache: '__proto__' }],
  ['an endless target', { action: 'purge', cache: 'pages', target: 'x'.repeat(2000) }],
] as const)
  test(`${name} is a bad request`, async (t) => {
    assert.equal((await (await desk(t)).ask(parameters)).status, 400);
  });

for (const [name, fields] of [
  ['without a token', ({ url }: Desk) => ({ origin: url })],
  ['with another token', ({ url }: Desk) => ({ origin: url, 'x-sekisho-token': 'x'.repeat(43) })],
  [
    'with half a token',
    ({ url, token }: Desk) => ({ origin: url, 'x-sekisho-token': token.slice(1) }),
  ],
  ['without an origin', ({ token }: Desk) => ({ 'x-sekisho-token': token })],
  [
    'of another site',
    ({ token }: Desk) => ({ 'x-sekisho-token': token, origin: 'http://evil.example' }),
  ],
  ['of nowhere', ({ token }: Desk) => ({ 'x-sekisho-token': token, origin: 'null' })],
  [
    'of another port',
    ({ token }: Desk) => ({ 'x-sekisho-token': token, origin: 'http://127.0.0.1:1' }),
  ],
  [
    'that the browser says is cross-site',
    ({ token, url }: Desk) => ({
      'x-sekisho-token': token,
      origin: url,
      'sec-fetch-site': 'cross-site',
    }),
  ],
  [
    'that the browser says is of a sister site',
    ({ token, url }: Desk) => ({
      'x-sekisho-token': token,
      origin: url,
      'sec-fetch-site': 'same-site',
    }),
  ],
  [
    "with somebody else's token",
    ({ token, url }: Desk) => ({
      'x-sekisho-token': token,
      origin: url,
      authorization: basic('mallory'),
    }),
  ],
] as const)
  test(`an action ${name} is not done`, async (t) => {
    const one = await desk(t);
    const action = { action: 'drain', upstream: 'images', server: one.server };
    const answer = await one.ask(action, fields(one));
    assert.equal(answer.status, 403);
    assert.match(await answer.text(), /ERR_SEKISHO_FORGED_ACTION/);
    assert.equal(one.pool.servers[0]!.state, 'unknown');
  });

test('what the browser says of the site counts more than the names of hosts', async (t) => {
  const one = await desk(t);
  const answer = await one.ask(
    { action: 'drain', upstream: 'images', server: one.server },
    {
      'x-sekisho-token': one.token,
      origin: 'https://gateway.example',
      'sec-fetch-site': 'same-origin',
    },
  );
  assert.equal(answer.status, 200);
});

test('without actions: true there is no token and nothing to ask', async (t) => {
  const page = dashboard({ public: true });
  t.after(() => page.close());
  const { url, port } = await listen(t, express().use('/ops', page));
  const { events } = await openStream(t, port, '/ops/events');
  assert.equal((events[0]!.data as { token?: string }).token, undefined);
  assert.equal((await fetch(`${url}/ops/actions`, { method: 'POST' })).status, 404);
});
