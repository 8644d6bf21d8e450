import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { prefixRouter, type Routes } from '../../lib/prefix-router/index.ts';
import { ProxyError } from '../../lib/core/errors.ts';
import { middlewareTag, type MiddlewareInfo } from '../../lib/core/middleware.ts';
import { exchangeRaw, listen } from '../support/servers.ts';

/** A route that answers with its name and what it sees of the request. */
function named(name: string): RequestHandler {
  return (req, res) => void res.send(`${name} ${req.baseUrl}|${req.url}`);
}

function namedRoutes(...keys: string[]): Routes {
  return Object.fromEntries(keys.map((key) => [key, named(key)]));
}

const toCode: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (error instanceof ProxyError) res.status(error.status).send(error.code);
  else next(error);
};

/** An app with the router, and an answer that tells that the router has passed the request on. */
async function gateway(
  t: TestContext,
  router: RequestHandler,
  { mount = '/', trust = false }: { mount?: string; trust?: boolean } = {},
): Promise<(target: string, ...fields: string[]) => Promise<string>> {
  const app = express().set('trust proxy', trust).use(mount, router);
  app.use((req, res) => void res.send(`passed ${req.baseUrl}|${req.url}`));
  app.use(toCode);
  const { port } = await listen(t, app);
  return async (target, ...fields) => {
    const host = fields.some((field) => /^host:/i.test(field)) ? [] : ['Host: any.test'];
    const head = [`GET ${target} HTTP/1.1`, ...host, ...fields, 'Connection: close'];
    const { text } = await exchangeRaw(port, `${head.join('\r\n')}\r\n\r\n`);
    return text.slice(text.indexOf('\r\n\r\n') + 4);
  };
}

const badPath = 'ERR_SEKISHO_BAD_PATH';
const badHost = 'ERR_SEKISHO_BAD_HOST';
const site = namedRoutes('/', '/blog', '/blog/admin', '/admin', '/image/', '/stat', '/deep/er/one');

for (const [target, answer] of [
  ['/blog', '/blog /blog|/'],
  ['/blog/', '/blog /blog|/'],
  ['/blog/x/y?a=b', '/blog /blog|/x/y?a=b'],
  ['/blog?', '/blog /blog|/?'],
  ['/blog?a=/../admin', '/blog /blog|/?a=/../admin'],
  ['/image', '/image/ /image|/'],
  ['/image/x', '/image/ /image|/x'],
  ['/stat/x', '/stat /stat|/x'],
  ['/status', '/ |/status'],
  ['/sta', '/ |/sta'],
  ['/Blog/x', '/ |/Blog/x'],
  ['/blog/admin/x', '/blog/admin /blog/admin|/x'],
  ['/blog/administrator', '/blog /blog|/administrator'],
  ['/deep/er', '/ |/deep/er'],
  ['/deep/er/one', '/deep/er/one /deep/er/one|/'],
  ['/', '/ |/'],
  ['/?x', '/ |/?x'],
  ['/x/blog', '/ |/x/blog'],
  // Peculiar below the prefix, with one route in all readings: passed byte for byte.
  ['/image/a%2Fb.png', '/image/ /image|/a%2Fb.png'],
  ['/image/a%252Fb.png', '/image/ /image|/a%252Fb.png'],
  ['/blog/a/../b', '/blog /blog|/a/../b'],
  ['/blog//x', '/blog /blog|//x'],
  ['/blog/./x', '/blog /blog|/./x'],
  ['/blog/x;v=1', '/blog /blog|/x;v=1'],
  ['/blog/C%23', '/blog /blog|/C%23'],
  ['/blog/%61%20%zz', '/blog /blog|/%61%20%zz'],
  ['/blog/caf%C3%A9/.well-known', '/blog /blog|/caf%C3%A9/.well-known'],
  ['/x//y', '/ |/x//y'],
  // Disguises of a prefix.
  ['/%62log/x', badPath],
  ['/%2562log/x', badPath],
  ['//admin/x', badPath],
  ['/./admin/x', badPath],
  ['/a/../admin/x', badPath],
  ['/blog/../admin/x', badPath],
  ['/blog/%2e%2e/admin', badPath],
  ['/blog/..%2fadmin', badPath],
  ['/blog/..;/admin', badPath],
  ['/%2e/admin/x', badPath],
  ['/admin%2Fx', badPath],
  ['/admin;v=1/x', badPath],
  ['/admin%3bv=1/x', badPath],
  ['/admin\\x', badPath],
  ['/admin%5cx', badPath],
  ['/admin%00', badPath],
  ['/admin%00/x', badPath],
  ['/admin%3fx', badPath],
  ['/admin%23x', badPath],
  ['/admin%c0%afx', badPath],
  ['/blog//admin', badPath],
  ['/blog/./admin', badPath],
  ['/blog/%61dmin', badPath],
  ['/blog/x%2fy/../admin', badPath],
  ['/blog/x%2fy/../../admin', badPath],
  ['/blog/a//../../admin', badPath],
  // Same route, but out of the prefix and back: the target's own path would be left.
  ['/blog/../blog/x', badPath],
  ['/../x', badPath],
] as const) {
  test(`GET ${target} → ${answer}`, async (t) => {
    const get = await gateway(t, prefixRouter(site));
    assert.equal(await get(target), answer);
  });
}

for (const [target, answer] of [
  ['/other', 'passed |/other'],
  ['/blo', 'passed |/blo'],
  ['/', 'passed |/'],
  ['/other//x/%61', 'passed |/other//x/%61'],
  ['/%62log', badPath],
] as const) {
  test(`GET ${target} with the only route '/blog' → ${answer}`, async (t) => {
    const get = await gateway(t, prefixRouter(namedRoutes('/blog')));
    assert.equal(await get(target), answer);
  });
}

for (const [target, answer] of [
  ['/api/blog/x', '/blog /api/blog|/x'],
  ['/api/blog', '/blog /api/blog|/'],
  ['/api', 'passed |/api'],
  ['/api/other?x', 'passed |/api/other?x'],
  ['/blog', 'passed |/blog'],
  ['/api/../blog', badPath],
] as const) {
  test(`under app.use('/api'): GET ${target} → ${answer}`, async (t) => {
    const get = await gateway(t, prefixRouter(namedRoutes('/blog')), { mount: '/api' });
    assert.equal(await get(target), answer);
  });
}

const hosts = namedRoutes(
  ...[
    '/',
    '/any',
    'shop.example.com/',
    'Shop.example.com:8443/',
    'plain.example/x',
    'port.test:80/',
  ],
  ...[
    '*.example.com/x',
    '*.example.com/x/y',
    '*.deep.example.com/x',
    '[::1]/',
    '*.example.com:81/',
  ],
);

for (const [host, target, answer] of [
  ['shop.example.com', '/any', 'shop.example.com/ |/any'],
  ['SHOP.example.COM.', '/', 'shop.example.com/ |/'],
  ['shop.example.com:3000', '/', 'shop.example.com/ |/'],
  ['shop.example.com:8443', '/', 'Shop.example.com:8443/ |/'],
  ['port.test', '/', 'port.test:80/ |/'],
  ['port.test:80', '/', 'port.test:80/ |/'],
  ['port.test:81', '/', '/ |/'],
  ['www.example.com', '/x/1', '*.example.com/x /x|/1'],
  ['a.b.example.com', '/x/y/1', '*.example.com/x/y /x/y|/1'],
  ['www.example.com:81', '/z', '*.example.com:81/ |/z'],
  ['a.deep.example.com', '/x/y', '*.deep.example.com/x /x|/y'],
  ['deep.example.com', '/x/y', '*.example.com/x/y /x/y|/'],
  ['shop.example.com', '/x', 'shop.example.com/ |/x'],
  ['example.com', '/x', '/ |/x'],
  ['badexample.com', '/x', '/ |/x'],
  ['www.example.com', '/any', '/any /any|/'],
  ['plain.example', '/any/1', '/any /any|/1'],
  ['plain.example', '/x', 'plain.example/x /x|/'],
  ['[0:0::1]:80', '/', '[::1]/ |/'],
  ['www.example.com', '/%78', badPath],
  ['other.test', '/%78', '/ |/%78'],
  ['a b', '/', badHost],
  ['user@shop.example.com', '/', badHost],
  ['shop.example.com,evil.test', '/', badHost],
  ['shop.example.com:99999', '/', badHost],
  ['', '/', '/ |/'],
] as const) {
  test(`Host '${host}', GET ${target} → ${answer}`, async (t) => {
    const get = await gateway(t, prefixRouter(hosts));
    assert.equal(await get(target, `Host: ${host}`), answer);
  });
}

test('two Host fields are refused where hosts matter', async (t) => {
  const get = await gateway(t, prefixRouter(hosts));
  assert.equal(await get('/', 'Host: shop.example.com', 'host: other.test'), badHost);
});

for (const [trust, answer] of [
  [false, '/ |/'],
  [true, 'shop.example.com/ |/'],
] as const) {
  test(`X-Forwarded-Host with trust proxy ${trust} → ${answer}`, async (t) => {
    const get = await gateway(t, prefixRouter(hosts), { trust });
    assert.equal(await get('/', 'X-Forwarded-Host: shop.example.com'), answer);
  });
}

test('a strange Host is nobody’s business without host keys', async (t) => {
  const get = await gateway(t, prefixRouter(namedRoutes('/')));
  assert.equal(await get('/', 'Host: a b'), '/ |/');
});

for (const target of ['*', 'http://any.test/blog']) {
  test(`OPTIONS ${target} is passed on`, async (t) => {
    const app = express().use(prefixRouter(namedRoutes('/', '/blog')));
    app.use((_req, res) => void res.send('passed'));
    const { port } = await listen(t, app);
    const { text } = await exchangeRaw(
      port,
      `OPTIONS ${target} HTTP/1.1\r\nHost: any.test\r\nConnection: close\r\n\r\n`,
    );
    assert.match(text, /^HTTP\/1\.1 200 [^]*passed$/);
  });
}

test('10,000 routes: each reaches its own', async (t) => {
  const keys = Array.from({ length: 10_000 }, (_, index) => `/team-${index % 100}/app-${index}`);
  const get = await gateway(t, prefixRouter(namedRoutes(...keys)));
  for (const index of [0, 1, 4999, 9999]) {
    const key = `/team-${index % 100}/app-${index}`;
    assert.equal(await get(`${key}/x`), `${key} ${key}|/x`);
  }
  assert.equal(await get('/team-1/app-2'), 'passed |/team-1/app-2');
});

test('an audit finds its kind and its routes', () => {
  const router = prefixRouter({ ...namedRoutes('/a', 'b.test/') });
  const tagged = router as unknown as Record<symbol, MiddlewareInfo>;
  const { forwards, ...info } = tagged[middlewareTag]!;
  assert.deepEqual(info, {
    kind: 'forwarder',
    name: 'prefixRouter',
    options: [
      { key: '/a', kind: 'handler' },
      { key: 'b.test/', kind: 'handler' },
    ],
  });
  assert.deepEqual(forwards?.ways, []);
});

test('the routes object may change afterwards without effect', async (t) => {
  const routes: Record<string, RequestHandler> = { '/a': named('first') };
  const get = await gateway(t, prefixRouter(routes));
  routes['/a'] = named('second');
  assert.equal(await get('/a'), 'first /a|/');
});
