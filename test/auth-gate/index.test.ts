import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import express, { type Request, type Response } from 'express';
import { WebSocket } from 'ws';
import { once } from 'node:events';
import { authGate, type AuthGateOptions } from '../../lib/auth-gate/index.ts';
import { contextOf } from '../../lib/core/context.ts';
import { OptionsError } from '../../lib/core/errors.ts';
import { middlewareTag, type MiddlewareInfo } from '../../lib/core/middleware.ts';
import { attach } from '../../lib/core/server/attach.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { exchangeRaw, listen } from '../support/servers.ts';
import { echo } from '../support/upgrades.ts';
import { basic, gated, heard } from './support.ts';

const users = { alice: 'wonderland', bob: 'builder' };
const secret = 'a secret of at least thirty-two bytes';
const bearer = { issuer: 'https://issuer.example', audience: 'shop', secret } as const;

test('no credentials: 401, a challenge, and nothing to be stored', async (t) => {
  const { ask } = await gated(t, { basic: { users } });
  const answer = await ask();
  assert.equal(answer.status, 401);
  assert.equal(answer.headers.get('www-authenticate'), 'Basic realm="Restricted", charset="UTF-8"');
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const { code, verdict, logged } = (await answer.json()) as Record<string, unknown>;
  assert.deepEqual(
    { code, verdict, logged },
    { code: 'ERR_SEKISHO_AUTH_REQUIRED', verdict: 'absent', logged: undefined },
  );
});

test('the right ones: req.auth without the password, the record, and credentials consumed', async (t) => {
  const { ask } = await gated(t, { basic: { users } });
  const answer = await ask(basic('alice', 'wonderland'));
  assert.equal(answer.status, 200);
  const text = await answer.text();
  assert.ok(!text.includes('wonderland'));
  const seen = JSON.parse(text) as Record<string, unknown>;
  assert.deepEqual(seen.auth, {
    user: 'alice',
    name: 'alice',
    scheme: 'basic',
    groups: [],
    claims: {},
  });
  assert.deepEqual(seen.user, { name: 'alice', scheme: 'basic', groups: [], claims: {} });
  assert.deepEqual(seen.consumed, ['authorization']);
  assert.equal(seen.verdict, 'passed');
  assert.equal(seen.logged, 'alice');
  assert.equal(answer.headers.get('www-authenticate'), null);
});

test('forwardCredentials leaves them to the servers behind', async (t) => {
  const { ask } = await gated(t, { basic: { users }, forwardCredentials: true });
  const seen = (await (await ask(basic('alice', 'wonderland'))).json()) as { consumed: string[] };
  assert.deepEqual(seen.consumed, []);
});

for (const [what, authorization] of [
  ['a wrong password', basic('alice', 'wonderlant')],
  ['no password', basic('alice', '')],
  ['the password and more', basic('alice', 'wonderland!')],
  ['an unknown user', basic('mallory', 'wonderland')],
  ["another user's password", basic('alice', 'builder')],
  ['a name of Object.prototype', basic('constructor', 'wonderland')],
  ['__proto__', basic('__proto__', '')],
] as const)
  test(`${what}: 401, and nobody is logged as the user`, async (t) => {
    const { ask } = await gated(t, { basic: { users } });
    const answer = await ask(authorization);
    assert.equal(answer.status, 401);
    assert.ok(answer.headers.has('www-authenticate'));
    const { verdict, logged, detail } = (await answer.json()) as Record<string, unknown>;
    assert.deepEqual({ verdict, logged }, { verdict: 'refused', logged: undefined });
    assert.equal(detail, 'wrong name or password');
  });

test('several schemes: the one with credentials decides, and a refusal offers all, a line each', async (t) => {
  const { ask, port } = await gated(t, { basic: { users }, bearer });
  assert.equal((await ask(basic('bob', 'builder'))).status, 200);
  assert.equal((await ask('Bearer a.b.c')).status, 401);
  const { text } = await exchangeRaw(
    port,
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  );
  const lines = text.split('\r\n').filter((line) => /^www-authenticate:/i.test(line));
  assert.deepEqual(
    lines.map((line) => line.split(' ').slice(1, 3).join(' ')),
    ['Basic realm="Restricted",', 'Bearer realm="Restricted"'],
  );
});

test('a scheme nobody offers is no credentials', async (t) => {
  const { ask } = await gated(t, { basic: { users } });
  const answer = await ask('Negotiate abcdef');
  assert.equal(answer.status, 401);
  assert.equal(((await answer.json()) as { verdict: string }).verdict, 'absent');
});

test('a client of the forward proxy: 407, Proxy-Authenticate, and Authorization is not ours', async (t) => {
  const { port } = await gated(t, { basic: { users } }, (app) => {
    app.use((req, _res, next) => {
      contextOf(req).proxied = true;
      next();
    });
  });
  const ask = async (fields: string): Promise<string> =>
    (
      await exchangeRaw(port, `GET / HTTP/1.1\r\nHost: a\r\n${fields}Connection: close\r\n\r\n`)
    ).text.toLowerCase();
  const right = basic('alice', 'wonderland');
  for (const fields of ['', `Authorization: ${right}\r\n`]) {
    const text = await ask(fields);
    assert.match(text, /^http\/1\.1 407 /);
    assert.match(text, /\r\nproxy-authenticate: basic realm="restricted"/);
    assert.doesNotMatch(text, /www-authenticate/);
    assert.match(text, /err_sekisho_proxy_auth_required/);
  }
  const passed = await ask(`Authorization: Basic eDp5\r\nProxy-Authorization: ${right}\r\n`);
  assert.match(passed, /^http\/1\.1 200 /);
  assert.match(passed, /"consumed":\["proxy-authorization"\]/);
});

test('Proxy-Authorization proves nothing to a server that is no proxy', async (t) => {
  const { port } = await gated(t, { basic: { users } });
  const { text } = await exchangeRaw(
    port,
    `GET / HTTP/1.1\r\nHost: a\r\nProxy-Authorization: ${basic('alice', 'wonderland')}\r\nX-Forwarded-User: alice\r\nConnection: close\r\n\r\n`,
  );
  assert.match(text, /^HTTP\/1\.1 401 /);
});

for (const [what, rule, status] of [
  ['allow says yes', { allow: () => true }, 200],
  ['allow says yes later', { allow: () => Promise.resolve(true) }, 200],
  ['allow says no', { allow: () => false }, 403],
  ['allow says no later', { allow: () => Promise.resolve(false) }, 403],
  [
    'allow throws',
    {
      allow: () => {
        throw new Error('database at 10.0.0.7 is down');
      },
    },
    500,
  ],
  ['allow rejects', { allow: () => Promise.reject(new Error('10.0.0.7 is down')) }, 500],
  ['allow returns something else', { allow: () => 'alice' as never }, 500],
  ['allow resolves to something else', { allow: () => Promise.resolve({}) as never }, 500],
  ['allow returns nothing', { allow: (() => undefined) as never }, 500],
  ['a group the user is not in', { groups: ['admin'] }, 403],
  ['a claim the user does not have', { claims: { department: 'it' } }, 403],
] satisfies [string, Partial<AuthGateOptions>, number][])
  test(`authorization: ${what} is ${status}, without a challenge`, async (t) => {
    const { ask } = await gated(t, { basic: { users }, ...rule });
    const answer = await ask(basic('alice', 'wonderland'));
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get('www-authenticate'), null);
    const { code, logged } = (await answer.json()) as Record<string, unknown>;
    assert.equal(logged, 'alice');
    if (status === 403) assert.equal(code, 'ERR_SEKISHO_AUTH_DENIED');
    if (status === 500) assert.equal(code, 'ERR_SEKISHO_HOOK');
    // Whoever has not proved himself is not told what he would be allowed.
    assert.equal((await ask(basic('alice', 'wrong'))).status, 401);
  });

test('allow is given the user and the request', async (t) => {
  const { url } = await gated(t, {
    basic: { users },
    allow: (user, req) => req.path === `/${user.name}`,
  });
  const headers = { authorization: basic('alice', 'wonderland') };
  assert.equal((await fetch(`${url}/alice`, { headers })).status, 200);
  assert.equal((await fetch(`${url}/bob`, { headers })).status, 403);
});

for (const [what, rule, authorization, verdict, reason] of [
  ['no credentials', {}, undefined, 'dry-run:absent', 'no credentials'],
  ['wrong ones', {}, basic('alice', 'no'), 'dry-run:refused', 'wrong name or password'],
  [
    'a denied user',
    { allow: () => false },
    basic('alice', 'wonderland'),
    'dry-run:denied',
    'not allowed',
  ],
  [
    'a rule that fails',
    { allow: (() => undefined) as never },
    basic('alice', 'wonderland'),
    'dry-run:failed',
    'authGate: TypeError: allow returned undefined, not true or false',
  ],
  ['the right ones', {}, basic('alice', 'wonderland'), 'passed', undefined],
] satisfies [string, Partial<AuthGateOptions>, string | undefined, string, string | undefined][])
  test(`dryRun lets ${what} pass and says what would have been: ${verdict}`, async (t) => {
    const events = heard(t, 'sekisho:auth');
    const { ask } = await gated(t, { basic: { users }, dryRun: true, ...rule });
    const answer = await ask(authorization);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('www-authenticate'), null);
    assert.equal(answer.headers.get('cache-control'), null);
    const seen = (await answer.json()) as Record<string, unknown>;
    assert.equal(seen.verdict, verdict);
    assert.equal(seen.reason, reason);
    const told = events.map(({ outcome, dryRun }) => ({ outcome, dryRun }));
    assert.deepEqual(
      told,
      verdict === 'passed' ? [] : [{ outcome: verdict.slice(8), dryRun: true }],
    );
  });

test('dryRun sets req.auth only for who has proved himself', async (t) => {
  const { ask } = await gated(t, { basic: { users }, dryRun: true });
  const refused = (await (await ask(basic('alice', 'no'))).json()) as Record<string, unknown>;
  assert.equal(refused.auth, undefined);
  assert.deepEqual(refused.consumed, []);
  const right = (await (await ask(basic('alice', 'wonderland'))).json()) as { auth: object };
  assert.ok('user' in right.auth);
});

test('a refusal is published once, with everything but the secret', async (t) => {
  const events = heard(t, 'sekisho:auth');
  const { url } = await gated(t, { basic: { users } });
  await fetch(`${url}/admin?token=s3cret`, {
    headers: { authorization: basic('alice', 'p4ssword') },
  });
  assert.equal(events.length, 1);
  const { requestId, client, ...event } = events[0]!;
  assert.match(requestId, /^[\da-f]{32}$/);
  assert.match(client ?? '', /127\.0\.0\.1$/);
  assert.deepEqual(event, {
    outcome: 'refused',
    reason: 'wrong name or password',
    dryRun: false,
    scheme: 'basic',
    name: 'alice',
    method: 'GET',
    path: '/admin',
  });
});

for (const [preflight, fields, status] of [
  ['gate', { Origin: 'https://a.example', 'Access-Control-Request-Method': 'PUT' }, 401],
  [undefined, { Origin: 'https://a.example', 'Access-Control-Request-Method': 'PUT' }, 401],
  ['pass', { Origin: 'https://a.example', 'Access-Control-Request-Method': 'PUT' }, 200],
  ['pass', { Origin: 'https://a.example' }, 401],
  ['pass', { 'Access-Control-Request-Method': 'PUT' }, 401],
  ['pass', {}, 401],
] as const)
  test(`preflight ${String(preflight)}: OPTIONS with ${Object.keys(fields).join(' and ') || 'nothing'} is ${status}`, async (t) => {
    const { port } = await gated(t, { basic: { users }, ...(preflight && { preflight }) });
    const ask = async (method: string, more = ''): Promise<number> => {
      const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
      const { text } = await exchangeRaw(
        port,
        `${method} / HTTP/1.1\r\nHost: a\r\n${lines.join('')}${more || '\r\n'}`,
      );
      return Number(text.slice(9, 12));
    };
    assert.equal(await ask('OPTIONS'), status);
    // No other method, and nothing with a body, gets by as one.
    assert.equal(await ask('GET'), 401);
    assert.equal(await ask('OPTIONS', 'Content-Length: 3\r\n\r\nabc'), 401);
  });

test('nested gates judge each for itself', async (t) => {
  const app = express();
  app.use(
    authGate({ basic: { users } }),
    authGate({ basic: { users: { alice: 'wonderland' } } }),
    (req: Request, res: Response) => {
      res.send(req.auth?.user);
    },
  );
  const { url } = await listen(t, app);
  const ask = (name: string, password: string): Promise<globalThis.Response> =>
    fetch(url, { headers: { authorization: basic(name, password) } });
  assert.equal(await (await ask('alice', 'wonderland')).text(), 'alice');
  assert.equal((await ask('bob', 'builder')).status, 401);
});

test('whatever stands in Authorization, it is a 401 and never a crash', async (t) => {
  const { ask } = await gated(t, {
    basic: { users },
    bearer,
    lockout: { addressAttempts: 100_000 },
  });
  const scheme = fc.constantFrom('Basic ', 'basic ', 'Bearer ', 'Basic', 'Digest ', '');
  await fc.assert(
    fc.asyncProperty(
      scheme,
      fc.array(fc.integer({ min: 0x20, max: 0xff })),
      async (start, codes) => {
        const value = start + String.fromCharCode(...codes.filter((code) => code !== 0x7f));
        assert.equal((await ask(value)).status, 401);
      },
    ),
    { numRuns: 150 },
  );
});

test('errorPages makes its page of the refusal, and keeps the challenge', async (t) => {
  const app = express();
  app.use(authGate({ basic: { users }, allow: ({ name }) => name === 'alice' }), errorPages());
  const { url } = await listen(t, app);
  const problem = await fetch(url, { headers: { authorization: basic('mallory', 's3cret') } });
  assert.equal(problem.status, 401);
  assert.match(problem.headers.get('www-authenticate') ?? '', /^Basic /);
  assert.equal(problem.headers.get('content-type'), 'application/problem+json');
  const text = await problem.text();
  assert.match(text, /"code":"ERR_SEKISHO_AUTH_REQUIRED"/);
  assert.doesNotMatch(text, /mallory|s3cret|wrong/);
  const page = await fetch(url, {
    headers: { accept: 'text/html', authorization: basic('bob', 'builder') },
  });
  assert.equal(page.status, 403);
  assert.match(await page.text(), /This user is not allowed here/);
});

test("Express' own error handler keeps the challenge, too, and shows no stack", async (t) => {
  const app = express();
  app.use(authGate({ basic: { users } }));
  const { url } = await listen(t, app);
  const answer = await fetch(url);
  assert.equal(answer.status, 401);
  assert.ok(answer.headers.has('www-authenticate'));
  assert.doesNotMatch(await answer.text(), /\.ts|node_modules| at /);
});

test('upgrades: a refusal is a real answer, and who may gets his connection', async (t) => {
  const app = express();
  app.use(authGate({ basic: { users } }), echo);
  const { server, url } = await listen(t, app);
  attach(server, app);
  const open = async (headers: Record<string, string>): Promise<unknown> => {
    const socket = new WebSocket(url.replace('http', 'ws'), { headers });
    t.after(() => socket.terminate());
    const [response] = (await Promise.race([
      once(socket, 'unexpected-response').then(([, response]: unknown[]) => [response]),
      once(socket, 'upgrade'),
      once(socket, 'error').then(([error]: unknown[]) => [error]),
    ])) as [{ statusCode?: number; headers?: Record<string, string> }];
    return response.headers?.['www-authenticate'] ?? 'no challenge';
  };
  assert.match(String(await open({})), /^Basic /);
  const { text } = await exchangeRaw(
    Number(new URL(url).port),
    `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\nAuthorization: ${basic('bob', 'builder')}\r\n\r\n`,
  );
  assert.match(text, /^HTTP\/1\.1 101 /);
});

for (const [what, options, problem] of [
  ['nothing', undefined, /use an object/],
  ['no scheme', {}, /with no scheme lets nobody in; add 'basic', 'bearer', 'oidc' or 'forward'/],
  [
    'oidc beside forward',
    {
      oidc: {
        issuer: 'https://login.example.com',
        clientId: 'gate',
        clientSecret: 'a secret',
        session: { secret: 'x'.repeat(32) },
      },
      forward: { url: 'https://auth.example.com' },
    },
    /'forward' beside oidc.*mount one of them/,
  ],
  ['an unknown option', { basic: { users }, dryrun: true }, /did you mean 'dryRun'\?/],
  ['no groups', { basic: { users }, groups: [] }, /groups: \[\] would let nobody in/],
  ['an unknown preflight', { basic: { users }, preflight: 'skip' }, /preflight: 'skip' is not/],
  ['allow that is no function', { basic: { users }, allow: true }, /allow: true is not a function/],
  ['a claim of null', { basic: { users }, claims: { a: null } }, /claims\.a: null is not allowed/],
  ['lockout of nothing', { basic: { users }, lockout: { attempts: 0 } }, /lockout\.attempts: 0/],
  [
    'lockout whose max is less than base',
    { basic: { users }, lockout: { base: '1m', max: '1s' } },
    /lockout: 1000 of 'max' is less than 'base'/,
  ],
] as const)
  test(`${what} is an error at construction`, () => {
    assert.throws(
      () => authGate(options as never),
      (error: unknown) => error instanceof OptionsError && problem.test(error.message),
    );
  });

test('is a named gate, whose tag tells no secret', (t) => {
  const gate = authGate({ basic: { users } });
  t.after(() => gate.close());
  const info = (gate as unknown as Record<symbol, MiddlewareInfo>)[middlewareTag]!;
  assert.equal(info.kind, 'gate');
  assert.equal(info.name, 'authGate');
  assert.doesNotMatch(JSON.stringify(info), /wonderland/);
});

test('undefined members are as good as none', async (t) => {
  const { ask } = await gated(t, {
    basic: { users, realm: undefined, challenge: undefined, file: undefined },
    bearer: undefined,
    allow: undefined,
    lockout: undefined,
    dryRun: undefined,
    preflight: undefined,
    identityHeaders: undefined,
  } as unknown as AuthGateOptions);
  assert.equal((await ask(basic('alice', 'wonderland'))).status, 200);
  assert.equal((await ask()).status, 401);
});
