import assert from 'node:assert/strict';
import { test } from 'node:test';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { OptionsError } from '../../lib/core/errors.ts';
import { middlewareTag, type MiddlewareInfo } from '../../lib/core/middleware.ts';
import { upstream } from '../../lib/core/upstream/upstream.ts';
import { exchangeRaw, until } from '../support/servers.ts';
import { appWith, proxyTo, recording } from '../core/upstream/forward-support.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const target = 'http://127.0.0.1:1';

const wrong: readonly (readonly [what: string, args: unknown[], message: RegExp])[] = [
  [
    'no target',
    [],
    /undefined is no server.*use a URL such as|no server given; name at least one/s,
  ],
  ['an object without target', [{}], /target: undefined is no server; use a URL such as/],
  ['null', [null], /null is no server|target/],
  ['a number', [8080], /8080 is no server; use a URL such as 'http:\/\/127\.0\.0\.1:8080'/],
  ['no URL', ['nonsense here'], /'nonsense here' is no URL; use one such as/],
  [
    'host and port alone',
    ['localhost:8080'],
    /'localhost:8080' has no scheme; did you mean 'http:\/\/localhost:8080'/,
  ],
  [
    'another scheme',
    ['ftp://a'],
    /'ftp:\/\/a' has a scheme that is not spoken here; use http:, https: or unix:/,
  ],
  ['a password', ['http://u:p4ss@a'], /has a user or password in it; take it out/],
  ['a query', ['http://a/?x'], /has a query/],
  ['an empty list', [[]], /no server given; name at least one/],
  ['a server twice', [[target, target]], /is named twice; name it once/],
  [
    'a wrong weight',
    [[{ url: target, weight: -1 }]],
    /weight: -1 is not allowed; use a number from/,
  ],
  [
    'an unknown member of a server',
    [[{ url: target, wieght: 1 }]],
    /unknown option 'wieght'; did you mean 'weight'\?/,
  ],
  [
    'an unknown option',
    [target, { chnageOrigin: true }],
    /unknown option 'chnageOrigin'; did you mean 'changeOrigin'\?/,
  ],
  [
    "an option of http-proxy-middleware's",
    [target, { onProxyReq: () => undefined }],
    /unknown option 'onProxyReq'/,
  ],
  [
    'an unknown hook',
    [target, { on: { proxyReq: () => undefined } }],
    /on: unknown option 'proxyReq'/,
  ],
  [
    'a hook that is none',
    [target, { on: { error: 'x' } }],
    /on\.error: 'x' is not a function; pass one/,
  ],
  [
    'a negative duration',
    [target, { timeouts: { headers: -1 } }],
    /timeouts\.headers: -1 is no duration; use milliseconds/,
  ],
  [
    'a duration without a unit',
    [target, { timeouts: { connect: '5' } }],
    /timeouts\.connect: '5' is no duration/,
  ],
  [
    'no time at all',
    [target, { timeouts: { total: 0 } }],
    /timeouts\.total: .*too short; use at least 1 ms/,
  ],
  [
    'a wrong balance',
    [target, { balance: 'round-robbin' }],
    /balance: .*did you mean 'round-robin'/,
  ],
  [
    'too many attempts',
    [target, { retries: { attempts: 99 } }],
    /retries\.attempts: 99 is not allowed; use a whole number from 1 to 10/,
  ],
  [
    'a status that is none',
    [target, { retries: { statuses: [99] } }],
    /retries\.statuses\.0: 99 is not allowed/,
  ],
  [
    'a size without a unit',
    [target, { retries: { maxReplay: '64' } }],
    /retries\.maxReplay: '64' is no size/,
  ],
  [
    'changeOrigin as text',
    [target, { changeOrigin: 'yes' }],
    /changeOrigin: 'yes' is not allowed; use a boolean/,
  ],
  [
    'a pathRewrite that is no expression',
    [target, { pathRewrite: { '(': '' } }],
    /pathRewrite.*'\(' is no regular expression; use one such as/,
  ],
  ['a pathRewrite that is neither', [target, { pathRewrite: 5 }], /pathRewrite: /],
  [
    'a field name that is none',
    [target, { headers: { request: { 'X Y': '1' } } }],
    /headers\.request\.X Y: 'X Y' is no field name; use a token/,
  ],
  [
    'a field of the connection',
    [target, { headers: { request: { 'Transfer-Encoding': 'x' } } }],
    /'Transfer-Encoding' belongs to the connection; leave it to the proxy/,
  ],
  [
    'a field value with a line end',
    [target, { headers: { response: { 'X-A': 'a\r\nb' } } }],
    /has bytes no field may have/,
  ],
  [
    'a field value beyond latin1',
    [target, { headers: { request: { 'X-A': '日本' } } }],
    /has bytes no field may have/,
  ],
  [
    'a wrong forwarded',
    [target, { forwarded: true }],
    /forwarded: true is not allowed; use one of 'x', 'rfc7239', 'both', false/,
  ],
  [
    'a via with spaces',
    [target, { via: 'my proxy' }],
    /via: 'my proxy' is no pseudonym; use a token/,
  ],
  [
    'a fallthrough that is no status',
    [target, { fallthrough: [42] }],
    /fallthrough\.0: 42 is not allowed/,
  ],
  [
    'a fallthrough that is no list',
    [target, { fallthrough: 404 }],
    /fallthrough: 404 is not allowed; use an array/,
  ],
  [
    'options twice',
    [{ target, changeOrigin: true }, { ws: false }],
    /options are given twice; put everything into one object/,
  ],
  [
    'options of the pool beside an upstream()',
    [upstream('images', target), { balance: 'first' }],
    /balance: belongs to the pool; set it in upstream\('images', servers, \{ balance \}\)/,
  ],
  ['sticky that is a word', [target, { sticky: 'yes' }], /sticky: /],
  ['a certificate without a key', [target, { tls: { cert: '-----BEGIN X' } }], /tls/],
];

for (const [what, args, message] of wrong)
  test(`an OptionsError at once: ${what}`, () => {
    assert.throws(
      () => (balancedProxy as (...all: unknown[]) => unknown)(...args),
      (error: unknown) => {
        assert.ok(error instanceof OptionsError, String(error));
        assert.equal(error.code, 'ERR_SEKISHO_OPTIONS');
        assert.match(error.message, /^balancedProxy/);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /p4ss/);
        return true;
      },
    );
  });

test('all problems are told at once', () => {
  assert.throws(
    () => balancedProxy(target, { changeOrigin: 1, timeouts: { idle: -5 }, wss: true } as never),
    (error: unknown) => error instanceof OptionsError && error.problems.length === 3,
  );
});

for (const [what, args] of [
  ['no options', [target]],
  ['empty options', [target, {}]],
  ['undefined options', [target, { changeOrigin: undefined, on: undefined, timeouts: undefined }]],
  ['one object', [{ target }]],
  ['one object with undefined', [{ target, headers: undefined, retries: { attempts: undefined } }]],
] as const)
  test(`the same middleware: ${what}`, async (t) => {
    const server = await recording(t);
    const own = JSON.parse(JSON.stringify(args).replaceAll(target, server.url)) as [never];
    const { port } = await proxyTo(t, ...own);
    assert.match((await exchangeRaw(port, get)).text, /^HTTP\/1\.1 200 /);
    assert.equal(server.seen[0]?.get('host'), server.url.slice(7));
  });

test('it is a named function of three parameters, tagged as a forwarder', () => {
  const proxy = balancedProxy(target);
  assert.equal(proxy.name, 'balancedProxy');
  assert.equal(proxy.length, 3);
  const info = (proxy as unknown as Record<symbol, MiddlewareInfo>)[middlewareTag];
  assert.equal(info?.kind, 'forwarder');
  assert.equal(info.name, 'balancedProxy');
});

test("nothing of the caller's is mutated", async (t) => {
  const server = await recording(t);
  const options = Object.freeze({
    target: Object.freeze([Object.freeze({ url: server.url })]),
    headers: Object.freeze({ request: Object.freeze({ 'X-A': '1' }) }),
  });
  let before: unknown;
  let after: unknown;
  const { port } = await appWith(t, (app) => {
    app.use('/m', (req, res, next) => {
      const shot = (): unknown => [req.url, { ...req.headers }, [...req.rawHeaders], req.method];
      before = shot();
      res.once('finish', () => (after = shot()));
      next();
    });
    app.use('/m', balancedProxy(options));
  });
  await exchangeRaw(port, 'GET /m/x HTTP/1.1\r\nHost: a\r\nX-A: 2\r\nConnection: X-A\r\n\r\n');
  assert.equal(server.seen[0]?.get('x-a'), '1');
  assert.deepEqual(after, before);
});

test('requests are balanced over all servers', async (t) => {
  const servers = await Promise.all([1, 2, 3].map(() => recording(t)));
  const { url } = await proxyTo(
    t,
    servers.map((server) => server.url),
    { balance: 'round-robin' },
  );
  for (let index = 0; index < 9; index++) await (await fetch(url)).text();
  assert.deepEqual(
    servers.map(({ seen }) => seen.length),
    [3, 3, 3],
  );
});

test("a sticky client stays where its cookie says, and the app's own cookies survive", async (t) => {
  const servers = await Promise.all([1, 2].map(() => recording(t)));
  const { url } = await appWith(t, (app) => {
    app.use((_req, res, next) => {
      res.cookie('own', '1');
      next();
    });
    app.use(
      balancedProxy(
        servers.map((server) => server.url),
        { balance: 'round-robin', sticky: true },
      ),
    );
  });
  const first = await fetch(url);
  const cookies = first.headers.getSetCookie();
  assert.equal(cookies.length, 2);
  const cookie = cookies.find((one) => one.startsWith('sekisho='))!.split(';')[0]!;
  for (let index = 0; index < 4; index++) {
    const answer = await fetch(url, { headers: { cookie } });
    assert.equal(answer.headers.getSetCookie().length, 1, 'no new cookie for who has one');
  }
  assert.deepEqual(servers.map(({ seen }) => seen.length).sort(), [0, 5]);
});

test('close() lets requests in flight finish, and refuses new ones with 503', async (t) => {
  let answer = (): void => undefined;
  const server = await recording(t, (_req, res) => void (answer = () => res.end('late')));
  const proxy = balancedProxy(server.url);
  const { url } = await appWith(t, (app) => app.use(proxy));
  const inFlight = fetch(url);
  await until(() => server.seen.length === 1, 'the server is asked');
  const closed = proxy.close();
  assert.equal((await fetch(url)).status, 503);
  answer();
  assert.equal(await (await inFlight).text(), 'late');
  await closed;
});
