import assert from 'node:assert/strict';
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import test, { type TestContext } from 'node:test';
import express, { type Express, type RequestHandler } from 'express';
import { accessLog } from '../../lib/access-log/index.ts';
import { audit } from '../../lib/audit/index.ts';
import { authGate } from '../../lib/auth-gate/index.ts';
import { cache } from '../../lib/cache/index.ts';
import { useClock } from '../../lib/core/clock.ts';
import { publish } from '../../lib/core/events.ts';
import { middlewareTag, type MiddlewareInfo } from '../../lib/core/middleware.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { dashboard, type DashboardOptions } from '../../lib/dashboard/index.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { securityHeaders } from '../../lib/security-headers/index.ts';
import { attach } from '../../lib/core/server/attach.ts';
import type { Transaction } from '../../lib/core/transaction.ts';
import { ask2, http2Client, serveTls } from '../support/tls.ts';
import { upgradeRequest } from '../support/upgrades.ts';
import { exchangeRaw, listen, until, type Listening } from '../support/servers.ts';
import { openStream, record } from './support.ts';

async function mounted(
  t: TestContext,
  options: DashboardOptions = {},
  ...before: readonly RequestHandler[]
): Promise<Listening> {
  const page = dashboard(options);
  t.after(() => page.close());
  const app = express();
  app.use(securityHeaders());
  app.use('/ops', ...before, page);
  app.use((_req, res) => void res.send('the app'));
  app.use(errorPages());
  return listen(t, app);
}

const open = { public: true };

for (const [options, message] of [
  [{ publik: true }, /unknown option 'publik'; did you mean 'public'\?/],
  [{ public: 'yes' }, /public: 'yes' is not allowed; use true or false/],
  [{ actions: 1 }, /actions: 1 is not allowed; use true or false/],
  [{ title: '' }, /title: '' is not allowed; use a text of at most 100 characters/],
  [{ title: 7 }, /title: 7 is not allowed/],
  [{ history: '10' }, /history: '10' is no duration/],
  [{ history: '10s' }, /history: .* is not allowed; use one minute to one hour/],
  [{ history: '2 hours' }, /history: .* is not allowed; use one minute to one hour/],
  [{ locale: 'fr' }, /locale: 'fr' is not allowed; use one of 'en', 'ja'/],
  [
    { upstreams: ['http://a:1'] },
    /upstreams\.0: 'http:\/\/a:1' is no pool; pass what upstream\(\) gave/,
  ],
  [{ caches: { pages: '10 minutes' } }, /caches\.pages: '10 minutes' is no cache/],
  [{ audit: {} }, /audit: an object is not a function/],
] as const)
  test(`refuses ${JSON.stringify(options)}`, () => {
    assert.throws(() => dashboard(options as never), { code: 'ERR_SEKISHO_OPTIONS', message });
  });

test('is an observer by its tag', () => {
  const page = dashboard({ actions: true });
  page.close();
  const { kind, name, options } = Reflect.get(page, middlewareTag) as MiddlewareInfo;
  assert.deepEqual(
    [kind, name, options],
    ['observer', 'dashboard', { public: false, actions: true }],
  );
});

const gate = authGate({
  basic: { authorizer: (name, password) => name === 'mia' && password === 'wonderland' },
});
const mia = `Basic ${Buffer.from('mia:wonderland').toString('base64')}`;

for (const path of ['/ops/', '/ops', '/ops/page.css', '/ops/main.js', '/ops/events'])
  test(`${path} is refused where no gate is before it`, async (t) => {
    const { url } = await mounted(t);
    const answer = await fetch(url + path, { redirect: 'manual' });
    assert.equal(answer.status, 403);
    const text = await answer.text();
    assert.match(text, /ERR_SEKISHO_UNGUARDED/);
    assert.doesNotMatch(text, /authGate|public/, 'the remedy is for the operator');
  });

test('the operator is told why', async (t) => {
  // The same warning comes at most once a minute, and tests before this one have had it.
  t.after(useClock({ monotonic: () => performance.now() + 3_600_000 }));
  const { url } = await mounted(t);
  const told: string[] = [];
  const listener = ({ message }: Error): unknown => told.push(message);
  process.on('warning', listener);
  t.after(() => process.off('warning', listener));
  await fetch(`${url}/ops/`);
  await until(() => told.length > 0, 'a warning');
  assert.match(told[0]!, /no gate before it.*authGate\(\).*public: true/);
});

test('a gate before it lets in whom it knows', async (t) => {
  const { url } = await mounted(t, {}, gate);
  assert.equal((await fetch(`${url}/ops/`)).status, 401);
  const answer = await fetch(`${url}/ops/`, { headers: { authorization: mia } });
  assert.equal(answer.status, 200);
});

test('a gate that only reports is none', async (t) => {
  const dry = authGate({ basic: { authorizer: () => false }, dryRun: true });
  const { url } = await mounted(t, {}, dry);
  assert.equal((await fetch(`${url}/ops/`)).status, 403);
});

test("public: true leaves it to the app's own login", async (t) => {
  const { url } = await mounted(t, open, (req, res, next) => {
    if (req.get('cookie') === 'session=good') next();
    else res.sendStatus(401);
  });
  assert.equal((await fetch(`${url}/ops/`)).status, 401);
  const answer = await fetch(`${url}/ops/`, { headers: { cookie: 'session=good' } });
  assert.equal(answer.status, 200);
});

test('the page may do nothing but what it came with', async (t) => {
  const { url } = await mounted(t, open);
  const { headers } = await fetch(`${url}/ops/`);
  const policy = headers.get('content-security-policy') ?? '';
  for (const directive of [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ])
    assert.ok(policy.includes(directive), directive);
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.equal(headers.get('x-frame-options'), 'DENY');
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
});

test('no script and no style stands in the page, and nothing comes from elsewhere', async (t) => {
  const { url } = await mounted(t, open);
  const html = await (await fetch(`${url}/ops/`)).text();
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|https?:|\{\w+\}/);
  const assets = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path = '']) => path);
  const scripts = new Set(assets);
  for (const path of scripts) {
    const answer = await fetch(`${url}/ops/${path}`);
    assert.equal(answer.status, 200, path);
    if (!path.endsWith('.js')) continue;
    const type = answer.headers.get('content-type');
    assert.equal(type, 'text/javascript; charset=utf-8');
    for (const [, next = ''] of (await answer.text()).matchAll(/^import .*'\.\/(.+)';$/gm))
      scripts.add(next);
  }
  assert.ok(scripts.has('uplot.js') && scripts.has('uplot.css') && scripts.has('strings.js'));
});

test('an asset that has not changed is not sent again', async (t) => {
  const { url, port } = await mounted(t, open);
  const first = await fetch(`${url}/ops/page.css`);
  const tag = first.headers.get('etag') ?? '';
  assert.match(first.headers.get('cache-control') ?? '', /private, no-cache/);
  // fetch() would add `Cache-Control: no-cache` to a condition of our own.
  const condition = `GET /ops/page.css HTTP/1.1\r\nHost: a\r\nIf-None-Match: ${tag}\r\n\r\n`;
  assert.match((await exchangeRaw(port, condition)).text, /^HTTP\/1.1 304 /);
  const head = await fetch(`${url}/ops/page.css`, { method: 'HEAD' });
  assert.equal(head.headers.get('content-length'), String((await first.text()).length));
});

for (const [target, location] of [
  ['/ops', './ops/'],
  ['/ops?a=b', './ops/'],
] as const)
  test(`${target} leads to ${location}, wherever a proxy in front has put it`, async (t) => {
    const { url } = await mounted(t, open);
    const answer = await fetch(url + target, { redirect: 'manual' });
    assert.equal(answer.status, 308);
    assert.equal(answer.headers.get('location'), location);
  });

test('a path that looks like another host leads nowhere', async (t) => {
  const app = express();
  const page = dashboard(open);
  t.after(() => page.close());
  app.use('/:anything', page);
  const { port } = await listen(t, app);
  const { text } = await exchangeRaw(port, 'GET /evil.example HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match(text, /^Location: \.\/evil\.example\/\r$/m);
});

for (const [name, accept, options, expected] of [
  ['asks for nothing', undefined, {}, 'en'],
  ['asks for Japanese', 'ja-JP,ja;q=0.9,en;q=0.5', {}, 'ja'],
  ['asks for French', 'fr', {}, 'en'],
  ['asks for English first', 'en,ja;q=0.5', {}, 'en'],
  ['asks for English where the operator chose', 'en', { locale: 'ja' }, 'ja'],
] as const)
  test(`a browser that ${name} gets ${expected}`, async (t) => {
    const { url } = await mounted(t, { ...open, ...options });
    const answer = await fetch(`${url}/ops/`, {
      headers: accept === undefined ? {} : { 'accept-language': accept },
    });
    assert.equal(answer.headers.get('content-language'), expected);
    assert.match(answer.headers.get('vary') ?? '', /Accept-Language/);
    const html = await answer.text();
    assert.ok(html.includes(`<html lang="${expected}">`));
    assert.ok(html.includes(expected === 'ja' ? '>プール</h2>' : '>Pools</h2>'));
  });

test('a title is text', async (t) => {
  const { url } = await mounted(t, { ...open, title: '<b>"$&" & \'us\'</b>' });
  const html = await (await fetch(`${url}/ops/`)).text();
  assert.ok(
    html.includes('<title>&lt;b&gt;&quot;$&amp;&quot; &amp; &#39;us&#39;&lt;/b&gt;</title>'),
  );
});

for (const [method, path] of [
  ['GET', '/ops/nothing'],
  ['GET', '/ops/page.html'],
  ['GET', '/ops/..%2fsite.ts'],
  ['GET', '/ops/strings.d.ts'],
  ['POST', '/ops/'],
  ['POST', '/ops/actions'],
  ['DELETE', '/ops/main.js'],
] as const)
  test(`${method} ${path} is none of its business`, async (t) => {
    const { url } = await mounted(t, open);
    const answer = await fetch(url + path, { method });
    assert.equal(await answer.text(), 'the app');
  });

/** What becomes of requests, as it is told, but those for the page: tests before this one may have left some. */
function recorded(t: TestContext): string[] {
  const ended: string[] = [];
  const listener = (event: unknown): void => {
    const { method, target, status, outcome } = event as Transaction;
    if (target.startsWith('/ops')) return;
    ended.push(`${method} ${target} ${status} ${outcome ?? ''}`);
  };
  subscribe('sekisho:transaction', listener);
  t.after(() => unsubscribe('sekisho:transaction', listener));
  return ended;
}

async function counted(t: TestContext, page: RequestHandler): Promise<() => Promise<number>> {
  let ahead = 0;
  t.after(useClock({ monotonic: () => performance.now() + ahead }));
  const { port } = await listen(t, express().use(page));
  return async () => {
    ahead += 2000;
    const { slices } = (await openStream(t, port)).events[0]!.data as {
      slices: { requests: number }[];
    };
    return slices.reduce((sum, { requests }) => sum + requests, 0);
  };
}

const inParts: Readonly<Record<string, (app: Express, page: RequestHandler) => unknown>> = {
  'in the app': (app, page) => app.use('/ops', page),
  'in a route': (app, page) => app.get('/ops/{*rest}', page),
  'in a router of a router': (app, page) =>
    app.use('/a', express.Router().use('/b', express.Router().use(page))),
};

for (const [where, mount] of Object.entries(inParts))
  test(`what the app's own handlers answer is counted without any other observer, mounted ${where}`, async (t) => {
    const page = dashboard(open);
    t.after(() => page.close());
    const ended = recorded(t);
    const app = express();
    app.get('/own', (_req, res) => void res.send('the app'));
    app.use(
      '/sub',
      express().get('/own', (_req, res) => void res.status(404).end()),
    );
    app.get('/cut', (_req, res) => void res.destroy());
    mount(app, page);
    const { url } = await listen(t, app);
    const other = await listen(
      t,
      express().use((_req, res) => void res.end('not ours')),
    );
    const site = await listen(t, (_req, res) => res.end('hello'));
    app.use(balancedProxy(site.url));
    await (await fetch(`${other.url}/own`)).text();
    for (const path of ['/own', '/sub/own', '/proxied']) await (await fetch(url + path)).text();
    await assert.rejects(fetch(`${url}/cut`));
    await until(() => ended.length >= 4, 'all have ended');
    assert.deepEqual(ended.toSorted(), [
      'GET /cut 444 failed',
      'GET /own 200 completed',
      'GET /proxied 200 completed',
      'GET /sub/own 404 completed',
    ]);
    assert.equal(await (await counted(t, page))(), 4);
  });

test('beside other observers nothing is counted twice', async (t) => {
  const ended = recorded(t);
  const page = dashboard(open);
  t.after(() => page.close());
  const lines: string[] = [];
  const app = express().use(accessLog({ stream: { write: (line) => lines.push(line) } }), page);
  app.get('/own', (_req, res) => void res.send('the app'));
  const { url } = await listen(t, app);
  for (let turn = 0; turn < 3; turn++) await (await fetch(`${url}/own`)).text();
  await until(() => lines.length === 3, 'lines');
  assert.equal(ended.length, 3);
});

test('mounted in an app within an app, it counts from when it is asked for', async (t) => {
  const ended = recorded(t);
  const page = dashboard(open);
  t.after(() => page.close());
  const app = express().use('/inner', express().use('/ops', page));
  app.get('/own', (_req, res) => void res.send('the app'));
  const { url } = await listen(t, app);
  await (await fetch(`${url}/own`)).text();
  await (await fetch(`${url}/inner/ops/`)).text();
  await (await fetch(`${url}/own`)).text();
  await until(() => ended.includes('GET /own 200 completed'), 'a record');
  assert.equal(ended.filter((one) => one.includes('/own')).length, 1);
});

test('over HTTP/2 and for refused upgrades, too', async (t) => {
  const ended = recorded(t);
  const page = dashboard(open);
  t.after(() => page.close());
  const app = express().use('/ops', page);
  app.use((_req, res) => void res.status(418).end());
  await ask2(http2Client(t, await serveTls(t, app)), '/over-2');
  const plain = await listen(t, app);
  attach(plain.server, app);
  await exchangeRaw(plain.port, upgradeRequest('/socket'));
  await until(() => ended.length === 2, 'records');
  assert.deepEqual(ended, ['GET /over-2 418 completed', 'GET /socket 418 completed']);
});

test('its own requests are not counted, those of others are', async (t) => {
  let ahead = 0;
  t.after(useClock({ monotonic: () => performance.now() + ahead }));
  const site = await listen(t, (_req, res) => res.end('hello'));
  const page = dashboard(open);
  t.after(() => page.close());
  const app = express();
  const recorded: string[] = [];
  // With it requests to handlers of the app have records, too: the page's own among them.
  app.use(accessLog({ stream: { write: (line: string) => recorded.push(line) } }));
  app.use('/ops', page);
  app.get('/own', (_req, res) => void res.send('the app'));
  app.use(balancedProxy(site.url));
  const { url, port } = await listen(t, app);
  for (const path of ['/ops/', '/ops/main.js', '/a', '/own'])
    await (await fetch(url + path)).text();
  await until(() => recorded.length === 4, 'all have ended');
  ahead = 2000;
  const { events } = await openStream(t, port, '/ops/events');
  const { slices } = events[0]!.data as { slices: { requests: number }[] };
  assert.equal(
    slices.reduce((sum, { requests }) => sum + requests, 0),
    2,
  );
});

test('close() stops watching', () => {
  const channels = [
    'http.server.request.start',
    'sekisho:transaction',
    'sekisho:auth',
    'sekisho:retry',
    'sekisho:health',
  ];
  const watched = (): boolean[] => channels.map((name) => channel(name).hasSubscribers);
  const page = dashboard();
  assert.deepEqual(new Set(watched()), new Set([true]));
  page.close();
  assert.deepEqual(new Set(watched()), new Set([false]));
});

test('an event that cannot be read does no harm', (t) => {
  const page = dashboard();
  t.after(() => page.close());
  publish('sekisho:transaction', record({ error: 'ERR_SEKISHO_OF_THE_FUTURE' as never }));
  publish('sekisho:auth', {} as never);
});

test('the chain of the whole app is read', async (t) => {
  const page = dashboard(open);
  t.after(() => page.close());
  const inner = express().use('/ops', page);
  const app = express().use('/inner', inner);
  app.use('/other', cache('1 minute'), gate, balancedProxy('http://127.0.0.1:1'));
  const { port } = await listen(t, app);
  interface Told {
    readonly chain?: { chain: { name: string; path: string }[]; findings: { rule: string }[] };
  }
  const told = async (): Promise<Told> =>
    (await openStream(t, port, '/inner/ops/events')).events[0]!.data as Told;
  await until(async () => (await told()).chain !== undefined, 'audit is loaded');
  const { chain } = await told();
  assert.ok(
    chain!.chain.some(({ name, path }) => name === 'dashboard' && path === '/inner/ops'),
    JSON.stringify(chain),
  );
  assert.ok(
    chain!.findings.some(({ rule }) => rule.includes('cache')),
    JSON.stringify(chain),
  );
});

test('audit has the options it is given', async (t) => {
  const page = dashboard({
    ...open,
    audit: (app) => audit(app, { known: { ours: 'gate' } }),
  });
  t.after(() => page.close());
  const app = express().use(function ours(_req, _res, next) {
    next();
  }, page);
  const { port } = await listen(t, app);
  const { events } = await openStream(t, port);
  const { chain } = events[0]!.data as { chain: { chain: { name: string; role: string }[] } };
  assert.equal(chain.chain.find(({ name }) => name === 'ours')?.role, 'gate');
});

test('audit: false shows no chain', async (t) => {
  const page = dashboard({ ...open, audit: false });
  t.after(() => page.close());
  const { port } = await listen(t, express().use(page));
  const { events } = await openStream(t, port);
  assert.equal((events[0]!.data as { chain?: unknown }).chain, undefined);
});

test('a chain that cannot be read leaves the rest of the page as it is', async (t) => {
  const page = dashboard({
    ...open,
    audit: () => {
      throw new Error('no');
    },
  });
  t.after(() => page.close());
  const { port } = await listen(t, express().use(page));
  const { events } = await openStream(t, port);
  assert.equal((events[0]!.data as { chain?: unknown }).chain, undefined);
});
