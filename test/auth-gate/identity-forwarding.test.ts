/** Who the user is, from the gate to the servers behind; and that nobody else can say it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import type { Express, Request, Response } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import { WebSocket } from 'ws';
import { authGate, type AuthGate, type AuthGateOptions } from '../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { contextOf } from '../../lib/core/context.ts';
import { attach } from '../../lib/core/server/attach.ts';
import { upstream } from '../../lib/core/upstream/upstream.ts';
import { prefixRouter } from '../../lib/prefix-router/index.ts';
import {
  appWith,
  recording,
  showErrors,
  type Recording,
  type Seen,
} from '../core/upstream/forward-support.ts';
import { attachedApp, openSocket, socketServer } from '../core/upstream/upgrade-support.ts';
import { exchangeRaw, listen, until } from '../support/servers.ts';
import { goodClaims, makeKey, tokenOf } from './issuer-support.ts';

const key = makeKey('k1');
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

function gate(options: Partial<AuthGateOptions> = {}): AuthGate {
  const { iss: issuer, aud: audience } = goodClaims;
  return authGate({
    bearer: { issuer, audience, jwks: { keys: [key.jwk] } },
    identityHeaders: true,
    ...options,
  });
}

/** A gate of another mount, whose name for the user is everybody's from now on. */
gate({ identityHeaders: { user: 'X-Custom-Who' } });

const mia = (): Promise<string> => tokenOf(key, { email: 'mia@x.example', groups: ['ops', 'a,b'] });

/** The three ways to the servers behind. */
const ways: Record<string, (t: TestContext, app: Express, url: string) => void> = {
  balancedProxy(t, app, url) {
    const proxy = balancedProxy(url);
    t.after(() => void proxy.close());
    app.use(proxy);
  },
  prefixRouter(t, app, url) {
    const router = prefixRouter({ '/': url });
    t.after(() => void router.close());
    app.use(router);
  },
  'upstream.hpm() spread': (t, app, url) => {
    const pool = upstream('p', [url]);
    t.after(() => pool.destroy());
    app.use(createProxyMiddleware({ ...pool.hpm(), logger: silent }));
  },
  'upstream.hpm() under plugins': (t, app, url) => {
    const pool = upstream('p', [url]);
    t.after(() => pool.destroy());
    app.use(
      createProxyMiddleware({
        target: 'http://127.0.0.1:9',
        plugins: [pool.hpm()],
        logger: silent,
      }),
    );
  },
  'upstream.hpm() following redirects': (t, app, url) => {
    const pool = upstream('p', [url]);
    t.after(() => pool.destroy());
    app.use(createProxyMiddleware({ ...pool.hpm(), followRedirects: true, logger: silent }));
  },
};

interface Setup {
  readonly server: Recording;
  /** Sends these lines besides Host, and gets what the server behind has seen. */
  readonly send: (lines: string, method?: string) => Promise<Seen>;
}

async function start(
  t: TestContext,
  way: keyof typeof ways,
  before: (app: Express) => void = () => undefined,
): Promise<Setup> {
  const server = await recording(t);
  const { port } = await appWith(t, (app) => {
    before(app);
    ways[way]!(t, app, server.url);
    app.use(showErrors);
  });
  return {
    server,
    async send(lines, method = 'GET') {
      const { text } = await exchangeRaw(port, `${method} / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
      const seen = server.seen.at(-1);
      assert.ok(seen !== undefined, `nothing came: ${text}`);
      return seen;
    },
  };
}

const forged = [
  'X-Forwarded-User: root',
  'x-forwarded-user: admin',
  'X_Forwarded_User: root',
  'X.Forwarded.User: root',
  'X-FORWARDED_EMAIL: root@x',
  'X-Forwarded-Groups: wheel',
  'X-Sekisho-Assertion: eyJ.eyJ.AA',
  'X_Sekisho_Assertion: eyJ.eyJ.AA',
  'Remote-User: root',
  'X-Auth-Request-User: root',
  'X-Custom-Who: root',
  'x_custom_who: root',
  'X-Kept: 1',
].map((line) => `${line}\r\n`);
const allForged = forged.join('');

const folded = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '-');
/** Everything a server behind could take for the user. */
function identities({ fields }: Seen): string[] {
  const found: string[] = [];
  for (let index = 0; index < fields.length; index += 2)
    if (
      /user|email|groups|assertion|who/.test(folded(fields[index]!)) &&
      folded(fields[index]!) !== 'user-agent'
    )
      found.push(`${fields[index]!.toLowerCase()}: ${fields[index + 1]!}`);
  return found;
}

for (const way of Object.keys(ways)) {
  test(`${way}: the user is told, the client's own copies and credentials are not`, async (t) => {
    let told: AuthGate | undefined;
    const { send } = await start(t, way, (app) => app.use((told = gate())));
    const seen = await send(
      `${allForged}Authorization: Bearer ${await mia()}\r\nConnection: X-Forwarded-User, X-Sekisho-Assertion, x-forwarded-groups\r\n`,
    );
    const [assertion, ...fields] = identities(seen).toSorted((a, b) => b.length - a.length);
    assert.deepEqual(fields.toSorted(), [
      'x-forwarded-email: mia@x.example',
      'x-forwarded-groups: ops,a%2Cb',
      'x-forwarded-user: mia',
    ]);
    assert.ok(!/forwarded|sekisho/i.test(seen.get('connection') ?? ''));
    assert.equal(seen.get('x-kept'), '1');
    assert.equal(seen.get('authorization'), undefined);
    const token = assertion?.replace('x-sekisho-assertion: ', '') ?? '';
    const { url } = await listen(
      t,
      (req, res) => void told?.jwks(req as Request, res as Response, () => undefined),
    );
    const keys = (await (await fetch(url)).json()) as JSONWebKeySet;
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys), { issuer: 'sekisho' });
    assert.equal(payload.sub, 'mia');
    assert.deepEqual(payload.groups, ['ops', 'a,b']);
  });

  test(`${way}: on a route without gate a client can say nothing, whatever names gates use`, async (t) => {
    const { send } = await start(t, way);
    const seen = await send(`${allForged}Authorization: Bearer x\r\nCookie: a=1; b=2\r\n`);
    assert.deepEqual(identities(seen), []);
    assert.equal(seen.get('x-kept'), '1');
    assert.equal(seen.get('authorization'), 'Bearer x');
    assert.equal(seen.get('cookie'), 'a=1; b=2');
  });

  test(`${way}: nor with Expect: 100-continue`, async (t) => {
    const { send } = await start(t, way);
    const seen = await send(`${allForged}Expect: 100-continue\r\nContent-Length: 0\r\n`, 'POST');
    assert.deepEqual(identities(seen), []);
  });

  test(`${way}: nor under a gate that only reports, or that tells nobody`, async (t) => {
    for (const options of [{ dryRun: true }, { identityHeaders: false, dryRun: true }]) {
      const { send } = await start(t, way, (app) => app.use(gate(options)));
      assert.deepEqual(identities(await send(allForged)), []);
      assert.deepEqual(identities(await send(`${allForged}Authorization: Bearer a.b.c\r\n`)), []);
    }
  });

  test(`${way}: credentials go on when that is asked for`, async (t) => {
    const { send } = await start(t, way, (app) => app.use(gate({ forwardCredentials: true })));
    const token = await mia();
    const seen = await send(`Authorization: Bearer ${token}\r\n`);
    assert.equal(seen.get('authorization'), `Bearer ${token}`);
    assert.equal(seen.get('x-forwarded-user'), 'mia');
  });

  test(`${way}: the cookies of a gate stay here, the others go on byte for byte`, async (t) => {
    const { send } = await start(t, way, (app) =>
      app.use((req, _res, next) => {
        for (const name of ['__Host-s', '__Host-s.1']) contextOf(req).consumeCookies.add(name);
        next();
      }),
    );
    const seen = await send('Cookie: a=1;  b="x y"; __Host-s=x;__Host-s.1=y; __Host-s2=z;c\r\n');
    assert.equal(seen.get('cookie'), 'a=1;  b="x y"; __Host-s2=z;c');
    assert.equal((await send('Cookie: __Host-s=x\r\n')).get('cookie'), undefined);
  });
}

test('handlers of the app itself see the request as it came, and req.auth', async (t) => {
  const { url } = await appWith(t, (app) => {
    app.use(gate());
    app.use((req, res) => {
      const { headers, auth } = req as Request & { auth?: { name?: string; user?: string } };
      res.json([headers['x-forwarded-user'], headers.authorization, auth !== undefined]);
    });
  });
  const authorization = `Bearer ${await mia()}`;
  const response = await fetch(url, { headers: { authorization, 'x-forwarded-user': 'root' } });
  assert.deepEqual(await response.json(), ['root', authorization, true]);
});

test('after http-proxy-middleware has copied them, the headers are what they were', async (t) => {
  const server = await recording(t);
  const pool = upstream('p', [server.url]);
  t.after(() => pool.destroy());
  const kept: unknown[] = [];
  const { url } = await appWith(t, (app) => {
    app.use((req, res, next) => {
      res.on('finish', () => kept.push(req.headers['x-forwarded-user'], req.headers.authorization));
      next();
    });
    app.use(gate());
    app.use(createProxyMiddleware({ ...pool.hpm(), logger: silent }));
  });
  const authorization = `Bearer ${await mia()}`;
  await fetch(url, { headers: { authorization, 'x-forwarded-user': 'root' } });
  await until(() => kept.length > 0, 'the answer is finished');
  assert.deepEqual(kept, ['root', authorization]);
});

test('a redirect that http-proxy-middleware follows tells nobody who the user is', async (t) => {
  const elsewhere = await recording(t);
  const server = await recording(t, (_req, res) =>
    res.writeHead(302, { location: elsewhere.url }).end(),
  );
  const pool = upstream('p', [server.url]);
  t.after(() => pool.destroy());
  const { url } = await appWith(t, (app) => {
    app.use(gate());
    app.use(createProxyMiddleware({ ...pool.hpm(), followRedirects: true, logger: silent }));
  });
  const authorization = `Bearer ${await mia()}`;
  const headers = { authorization, 'x-forwarded-user': 'root', x_forwarded_user: 'root' };
  assert.equal((await fetch(url, { headers })).status, 200);
  assert.equal(server.seen[0]?.get('x-forwarded-user'), 'mia');
  assert.deepEqual(identities(elsewhere.seen[0]!), []);
});

test('each attempt tells it', async (t) => {
  const sick = await recording(t, (_req, res) => res.writeHead(503).end());
  const well = await recording(t);
  const { url } = await appWith(t, (app) => {
    app.use(gate());
    const proxy = balancedProxy([sick.url, well.url], {
      balance: 'first',
      retries: { statuses: [503] },
    });
    t.after(() => void proxy.close());
    app.use(proxy);
  });
  const headers = { authorization: `Bearer ${await mia()}`, 'x-forwarded-user': 'root' };
  assert.equal((await fetch(url, { headers })).status, 200);
  for (const { seen } of [sick, well]) assert.deepEqual(seen[0]?.all('x-forwarded-user'), ['mia']);
});

test('the web at large is not told when we are the forward proxy of a client', async (t) => {
  const { send } = await start(t, 'balancedProxy', (app) =>
    app.use((req, _res, next) => {
      contextOf(req).identity = ['X-Forwarded-User', 'mia'];
      contextOf(req).proxied = true;
      next();
    }),
  );
  assert.deepEqual(identities(await send('X-Forwarded-User: root\r\n')), []);
});

test('a body that comes with trailers cannot tell it either', async (t) => {
  const { send } = await start(t, 'balancedProxy');
  const names = [
    'X-Forwarded-User',
    'X_Forwarded_User',
    'Remote-User',
    'X-Custom-Who',
    'X-Sekisho-Assertion',
  ];
  const seen = await send(
    `Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\n${names.map((name) => `${name}: root\r\n`).join('')}X-Sum: 1\r\n`,
    'POST',
  );
  assert.deepEqual(seen.trailers, ['X-Sum', '1']);
});

for (const way of ['balancedProxy', 'prefixRouter'])
  test(`a WebSocket through ${way}: the server is told the user, and not by the client`, async (t) => {
    const server = await socketServer(t);
    const { ws } = await attachedApp(t, (app) => {
      app.use(gate());
      ways[way]!(t, app, server.url);
    });
    const headers = {
      authorization: `Bearer ${await mia()}`,
      'x-forwarded-user': 'root',
      x_forwarded_user: 'root',
    };
    const { ask } = await openSocket(t, ws, { headers });
    assert.equal(String(await ask('hi')), 'hi');
    const [seen] = server.seen;
    assert.equal(seen?.headers['x-forwarded-user'], 'mia');
    assert.equal(seen.headers.x_forwarded_user, undefined);
    assert.equal(seen.headers.authorization, undefined);
    const refused = new WebSocket(ws);
    const [error] = (await once(refused, 'error')) as [Error];
    assert.match(error.message, /401/);
  });

test('a WebSocket through upstream.hpm(): the same, with gate and without', async (t) => {
  const server = await socketServer(t);
  const pool = upstream('p', [server.url]);
  t.after(() => pool.destroy());
  const headers = { authorization: `Bearer ${await mia()}`, 'x-forwarded-user': 'root' };
  for (const [gated, name, authorization] of [
    [true, 'mia', undefined],
    [false, undefined, headers.authorization],
  ] as const) {
    const proxy = createProxyMiddleware({ ...pool.hpm(), logger: silent });
    const app = await appWith(t, (own) => {
      if (gated) own.use(gate());
      own.use((req, res, next) => {
        if (req.headers.upgrade === undefined) void proxy(req, res, next);
        else next();
      });
    });
    attach(app.server);
    app.server.on('upgrade', proxy.upgrade as never);
    const { ask } = await openSocket(t, app.url.replace('http', 'ws'), { headers });
    assert.equal(String(await ask('hi')), 'hi');
    assert.equal(server.seen.at(-1)?.headers['x-forwarded-user'], name);
    assert.equal(server.seen.at(-1)?.headers.authorization, authorization);
  }
});
