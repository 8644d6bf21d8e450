import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { test, type TestContext } from 'node:test';
import type { BearerOptions } from '../../lib/auth-gate/bearer-options.ts';
import { listen, until } from '../support/servers.ts';
import {
  bearer,
  makeKey,
  startGate,
  startIssuer,
  stillClock,
  tokenOf,
  type Answer,
  type Issuer,
  type TestKey,
} from './issuer-support.ts';

const [first, second] = [makeKey('k1'), makeKey('k2', 'RS256')];

interface Setup {
  readonly issuer: Issuer;
  readonly ask: (key: TestKey, claims?: Record<string, unknown>) => Promise<Answer>;
}

/** Every token is verified anew, so that each asks for its key. */
async function start(t: TestContext, options: Partial<BearerOptions> = {}): Promise<Setup> {
  const issuer = await startIssuer(t, first);
  const gate = await startGate(t, bearer({ jwks: issuer.jwks, cache: false, ...options }));
  return {
    issuer,
    ask: async (key, claims) => gate.ask(`Bearer ${await tokenOf(key, claims)}`),
  };
}

test('keys are fetched when first needed, and once for many', async (t) => {
  const { issuer, ask } = await start(t);
  assert.equal(issuer.fetches, 0);
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(first)));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(issuer.fetches, 1);
});

test('a key that is rotated in is fetched when a token first names it', async (t) => {
  const clock = stillClock(t);
  const { issuer, ask } = await start(t);
  assert.equal((await ask(first)).status, 200);
  issuer.keys = [first.jwk, second.jwk];
  clock.pass(31_000);
  assert.equal((await ask(second)).status, 200);
  assert.equal(issuer.fetches, 2);
});

test('tokens that name unknown keys cannot make it fetch more than once per cooldown', async (t) => {
  const clock = stillClock(t);
  const { issuer, ask } = await start(t, { remote: { cooldown: '1m' } });
  await ask(first);
  for (let index = 0; index < 10; index++)
    assert.equal((await ask(makeKey(`made-up-${index}`))).status, 401);
  assert.equal(issuer.fetches, 1);
  clock.pass(61_000);
  await Promise.all(Array.from({ length: 10 }, (_, index) => ask(makeKey(`more-${index}`))));
  assert.equal(issuer.fetches, 2);
});

test('old keys are fetched anew in the background, and withdrawn ones count no more', async (t) => {
  const clock = stillClock(t);
  const later = { exp: Math.floor(Date.now() / 1000) + 100_000 };
  const { issuer, ask } = await start(t, { remote: { maxAge: '10m' } });
  await ask(first, later);
  issuer.keys = [second.jwk];
  clock.pass(601_000);
  assert.equal((await ask(first, later)).status, 200);
  await until(async () => (await ask(first, later)).status === 401, 'the withdrawn key is refused');
  assert.equal((await ask(second, later)).status, 200);
  assert.equal(issuer.fetches, 2);
});

const sick: Record<string, (issuer: Issuer) => void> = {
  'is down': ({ server }) => {
    server.closeAllConnections();
    server.close();
  },
  'answers 500': (issuer) => (issuer.answer = (_req, res) => res.writeHead(500).end('{"keys":[]}')),
  'answers 404': (issuer) => (issuer.answer = (_req, res) => res.writeHead(404).end()),
  'redirects elsewhere': (issuer) =>
    (issuer.answer = (_req, res) => res.writeHead(302, { location: issuer.jwks }).end()),
  'answers garbage': (issuer) => (issuer.answer = (_req, res) => res.end('\0<html>')),
  'answers JSON that is no key set': (issuer) => (issuer.answer = (_req, res) => res.end('[1]')),
  'answers null': (issuer) => (issuer.answer = (_req, res) => res.end('null')),
  'answers more than it should': (issuer) =>
    (issuer.answer = (_req, res) =>
      res.end(JSON.stringify({ keys: [first.jwk], filler: 'x'.repeat(300_000) }))),
  'never answers': (issuer) => (issuer.answer = () => undefined),
  'never ends': (issuer) => (issuer.answer = (_req, res) => res.write('{"keys":')),
  'breaks off': (issuer) =>
    (issuer.answer = (_req, res) => {
      res.writeHead(200, { 'content-length': 100 }).write('{"keys":');
      setTimeout(() => res.destroy(), 20);
    }),
};

for (const [what, harm] of Object.entries(sick)) {
  test(`the issuer ${what}: 503, never a pass`, async (t) => {
    const { issuer, ask } = await start(t, { remote: { timeout: 300 } });
    harm(issuer);
    const { status, text, challenge } = await ask(first);
    assert.deepEqual([status, challenge], [503, null]);
    assert.match(text, /^ERR_SEKISHO_AUTH_UNAVAILABLE: bearer: /);
    assert.match(text, new RegExp(issuer.jwks), 'an operator is told where');
  });

  test(`the issuer ${what} later: the keys fetched before are used for as long as stated`, async (t) => {
    const clock = stillClock(t);
    const remote = { maxAge: '10m', staleFor: '1h', timeout: 5000 } as const;
    const { issuer, ask } = await start(t, { remote });
    assert.equal((await ask(first)).status, 200);
    harm(issuer);
    clock.pass(3_000_000);
    const later = { exp: Math.floor(Date.now() / 1000) + 100_000 };
    assert.equal((await ask(first, later)).status, 200);
    if (what.startsWith('never')) return;
    // A key that is not among them may have been rotated in.
    await until(async () => (await ask(second, later)).status === 503, 'unknown keys are 503');
    clock.pass(1_300_000);
    assert.equal((await ask(first, later)).status, 503);
  });
}

test('an issuer that comes back is noticed soon, and not asked all the time before', async (t) => {
  const clock = stillClock(t);
  const { issuer, ask } = await start(t);
  sick['answers 500']!(issuer);
  for (let time = 0; time < 10; time++) assert.equal((await ask(first)).status, 503);
  assert.equal(issuer.fetches, 1);
  clock.pass(1000);
  assert.equal((await ask(first)).status, 503);
  assert.equal(issuer.fetches, 2);
  issuer.answer = undefined;
  clock.pass(1000);
  assert.equal((await ask(first)).status, 503);
  clock.pass(1000);
  assert.equal((await ask(first)).status, 200);
  assert.equal(issuer.fetches, 3);
});

test('secrets and private keys in a published set are not used', async (t) => {
  const { issuer, ask } = await start(t);
  issuer.keys = [{ kty: 'oct', kid: 'k1', alg: 'HS256', k: 'AAAA' }];
  assert.equal((await ask(first)).status, 401);
});

interface Metadata {
  readonly url: string;
  asked: string[];
}

async function startDiscovery(
  t: TestContext,
  pages: (url: string) => Record<string, unknown>,
): Promise<Metadata> {
  const asked: string[] = [];
  const { url } = await listen(t, (req, res) => {
    asked.push(req.url ?? '');
    const page = pages(url)[req.url ?? ''];
    res.writeHead(page === undefined ? 404 : 200).end(JSON.stringify(page));
  });
  return { url, asked };
}

const keySet = { keys: [first.jwk] };
const discoveries: readonly (readonly [
  what: string,
  path: string,
  pages: (url: string) => Record<string, unknown>,
  status: number,
])[] = [
  [
    'OpenID Connect Discovery',
    '',
    (url) => ({
      '/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/keys` },
      '/keys': keySet,
    }),
    200,
  ],
  [
    'OpenID Connect Discovery, an issuer with a path and a slash at its end',
    '/realms/a/',
    (url) => ({
      '/realms/a/.well-known/openid-configuration': {
        issuer: `${url}/realms/a/`,
        jwks_uri: `${url}/keys`,
      },
      '/keys': keySet,
    }),
    200,
  ],
  [
    'RFC 8414, an issuer with a path',
    '/a',
    (url) => ({
      '/.well-known/oauth-authorization-server/a': { issuer: `${url}/a`, jwks_uri: `${url}/keys` },
      '/keys': keySet,
    }),
    200,
  ],
  [
    'metadata of another issuer',
    '',
    (url) => ({
      '/.well-known/openid-configuration': { issuer: `${url}/b`, jwks_uri: `${url}/keys` },
      '/keys': keySet,
    }),
    503,
  ],
  [
    'metadata without keys',
    '',
    (url) => ({ '/.well-known/openid-configuration': { issuer: url }, '/keys': keySet }),
    503,
  ],
  [
    'keys in a file',
    '',
    (url) => ({
      '/.well-known/openid-configuration': { issuer: url, jwks_uri: 'file:///etc/passwd' },
    }),
    503,
  ],
  ['no metadata', '', () => ({ '/keys': keySet }), 503],
  ['metadata that is null', '', () => ({ '/.well-known/openid-configuration': null }), 503],
];

for (const [what, path, pages, status] of discoveries)
  test(`the keys are found by the issuer's metadata: ${what}: ${status}`, async (t) => {
    const { url, asked } = await startDiscovery(t, pages);
    const issuer = url + path;
    const gate = await startGate(t, bearer({ issuer, cache: false }));
    assert.deepEqual(asked, [], 'not before they are needed');
    for (let time = 0; time < 2; time++) {
      const answer = await gate.ask(`Bearer ${await tokenOf(first, { iss: issuer })}`);
      assert.equal(answer.status, status, answer.text);
    }
    assert.ok(asked.length <= 3, `asked once: ${asked.join(' ')}`);
  });

test('where the keys are is asked anew when they have moved', async (t) => {
  const clock = stillClock(t);
  let keys = '/old';
  const { url } = await startDiscovery(t, (own) => ({
    '/.well-known/openid-configuration': { issuer: own, jwks_uri: own + keys },
    [keys]: keySet,
  }));
  const gate = await startGate(t, bearer({ issuer: url, cache: false }));
  const ask = async (): Promise<number> =>
    (
      await gate.ask(
        `Bearer ${await tokenOf(first, { iss: url, exp: Math.floor(Date.now() / 1000) + 1e5 })}`,
      )
    ).status;
  assert.equal(await ask(), 200);
  keys = '/new';
  clock.pass(4_300_000);
  // The first attempt finds that the old place is empty, the next one asks where to look.
  assert.equal(await ask(), 503);
  clock.pass(1000);
  assert.equal(await ask(), 200);
});

for (const [jwks, warned] of [
  ['http://login.plain.example/jwks', true],
  ['https://login.plain.example/jwks', false],
  ['http://127.0.0.1/jwks', false],
  ['http://[::1]/jwks', false],
] as const)
  test(`keys from ${jwks}: ${warned ? 'a warning' : 'no warning'} at construction`, (t) => {
    const codes: unknown[] = [];
    const listener = (message: unknown): unknown => codes.push((message as { code: string }).code);
    subscribe('sekisho:warning', listener);
    t.after(() => unsubscribe('sekisho:warning', listener));
    bearer({ jwks });
    assert.deepEqual(codes, warned ? ['SEKISHO_JWKS_PLAIN'] : []);
  });
