import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import { createProxyMiddleware, type Options } from 'http-proxy-middleware';
import { audit, explain } from '../../lib/audit/index.ts';
import { authGate } from '../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { forwardProxy } from '../../lib/forward-proxy/index.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { prefixRouter } from '../../lib/prefix-router/index.ts';
import { listen } from '../support/servers.ts';

function named(): string {
  throw new Error('called');
}

function build(images: readonly string[] = ['http://a.example:1', 'http://b.example/base/']) {
  const app = express();
  app.use('/admin', authGate({ basic: { users: { alice: 'secret' } } }));
  app.use(
    prefixRouter({
      '/image': images,
      '/blog': { target: 'http://cms.example', keepPrefix: true },
      '/old': { target: 'http://cms.example', pathRewrite: { '^/x/': '/y/' } },
      '/made': { target: 'http://cms.example', pathRewrite: named },
      'shop.example/': 'http://shop.example:8080',
      '/own': (_req, res) => void res.send('own'),
    }),
  );
  app.post('/form', named as never);
  app.use('/deep/er', balancedProxy('http://deep.example/api'));
  app.use('/chosen', balancedProxy(named));
  app.use(errorPages());
  return app;
}

for (const [request, forwarder, urls] of [
  [
    'GET /image/a.png',
    '#2 prefixRouter at /',
    ['http://a.example:1/a.png', 'http://b.example/base/a.png'],
  ],
  ['/image', '#2 prefixRouter at /', ['http://a.example:1/', 'http://b.example/base/']],
  [
    'GET /image/a%20b?x=1&y',
    '#2 prefixRouter at /',
    ['http://a.example:1/a%20b?x=1&y', 'http://b.example/base/a%20b?x=1&y'],
  ],
  ['POST /blog/post/1', '#2 prefixRouter at /', ['http://cms.example/blog/post/1']],
  ['GET /old/x/1', '#2 prefixRouter at /', ['http://cms.example/y/1']],
  [
    'GET /made/x',
    '#2 prefixRouter at /',
    ['http://cms.example/x (then function pathRewrite named)'],
  ],
  ['GET http://shop.example/cart', '#2 prefixRouter at /', ['http://shop.example:8080/cart']],
  ['GET /own/x', '#2 prefixRouter at /', ["(handler of '/own')"]],
  ['GET /deep/er/x?y', '#5 balancedProxy at /deep/er', ['http://deep.example/api/x?y']],
  ['GET /chosen/x', '#6 balancedProxy at /chosen', ['(function target named)/x']],
  ['GET /nothing', undefined, []],
] as const)
  test(`${request} → ${urls.join(' or ') || 'no forwarder'}`, () => {
    const explanation = explain(build(), request);
    assert.equal(explanation.forwarder, forwarder);
    assert.deepEqual(explanation.urls, urls);
    assert.equal(explanation.refused, undefined);
  });

test('the layers are those that the request would meet', () => {
  const names = (request: string): string[] =>
    explain(build(), request).layers.map(({ name }) => name);
  assert.deepEqual(names('GET /admin/x'), ['authGate', 'prefixRouter']);
  assert.deepEqual(names('POST /form'), ['prefixRouter', 'named']);
  assert.deepEqual(names('GET /form'), ['prefixRouter']);
});

test('a path that would be refused says why', () => {
  const { refused, urls } = explain(build(), 'GET /x/../image/a');
  assert.match(refused ?? '', /^ERR_SEKISHO_BAD_PATH/);
  assert.deepEqual(urls, []);
});

test('what is explained is what happens', async (t) => {
  const upstream = await listen(
    t,
    (req, res) => void res.end(`${req.method ?? ''} ${req.url ?? ''}`),
  );
  const app = build([`${upstream.url}/base`]);
  const gateway = await listen(t, app);
  for (const path of ['/image/a.png?x=%2F', '/image', '/image/a//b;c']) {
    const [url] = explain(app, `GET ${path}`).urls;
    const answer = await fetch(gateway.url + path);
    assert.equal(await answer.text(), `GET ${url?.slice(upstream.url.length) ?? ''}`);
  }
});

test('a router that a route leads to says more, and the mount path is kept as it was sent', () => {
  const app = express();
  app.use(
    prefixRouter({ '/in': express.Router().use('/api', balancedProxy('http://in.example')) }),
  );
  app.use('/keep', balancedProxy({ target: 'http://keep.example/t', keepPrefix: true }));
  assert.deepEqual(explain(app, 'GET /in/api/x').urls, ['http://in.example/x']);
  assert.deepEqual(explain(app, 'GET /in/other').urls, ["(handler of '/in')"]);
  for (const path of ['/keep', '/keep/', '/keep?x=1', '/keep/a'])
    assert.deepEqual(explain(app, `GET ${path}`).urls, [`http://keep.example/t${path}`]);
});

for (const request of ['', 'GET', 'GET image', 'get /a', 'GET /a b', 'CONNECT /a', 'CONNECT a'])
  test(`${JSON.stringify(request)} is no request`, () => {
    assert.throws(() => explain(build(), request), {
      code: 'ERR_SEKISHO_OPTIONS',
      message: /request: .* is none; write a method and a path/,
    });
  });

test('something other than text is no request', () => {
  assert.throws(() => explain(build(), 1 as never), { code: 'ERR_SEKISHO_OPTIONS' });
});

for (const [request, forwarder, urls, path] of [
  ['GET http://other.example/x?y', '#5 forwardProxy at /', ['http://other.example/x?y'], undefined],
  ['GET http://shop.example/x', '#3 prefixRouter at /', ['http://shop.example:8080/x'], '/x'],
  ['CONNECT other.example:443', '#5 forwardProxy at /', ['other.example:443'], undefined],
  ['GET /nothing', undefined, [], '/nothing'],
] as const)
  test(`with a forward proxy: ${request}`, () => {
    const app = express()
      .use('/area', named as never)
      .get('/route', named as never)
      .use(prefixRouter({ 'shop.example/': 'http://shop.example:8080' }))
      .use('/area', balancedProxy('http://area.example'))
      .use(forwardProxy({ allow: ['other.example'] }));
    const explanation = explain(app, request);
    assert.equal(explanation.forwarder, forwarder);
    assert.deepEqual(explanation.urls, urls);
    assert.equal(explanation.path, path ?? urls[0]);
    assert.ok(explanation.layers.every(({ path: mount }) => mount === '/'));
  });

test('without one nobody takes a tunnel', () => {
  const { layers, forwarder, path } = explain(build(), 'CONNECT other.example:443');
  assert.equal(forwarder, undefined);
  assert.equal(path, 'other.example:443');
  assert.deepEqual(
    layers.map(({ name }) => name),
    ['prefixRouter'],
  );
});

test('it prints', () => {
  let text = '';
  explain(build(), 'GET /deep/er/x').print((part) => (text += part));
  assert.match(text, /^GET \/deep\/er\/x\n {2}#2 prefixRouter at \/ \(forwarder\)\n/);
  assert.match(text, /#5 balancedProxy at \/deep\/er → http:\/\/deep\.example\/api\/x\n$/);
  assert.ok(audit(build()).chain.length === 7);
});

const their: Readonly<Record<string, Options>> = {
  'http://a:1': {},
  'http://b:1/base/': { pathFilter: ['/x', '/y'] },
  'http://c:1': { pathFilter: '/rewritten', pathRewrite: { '^/rewritten': '' } },
  'http://d:1': { pathFilter: (path) => path === '/asked' },
  'http://e:1': { pathFilter: ['/x/**', '!/x/own'] },
};

for (const [line, target, forwarder, urls] of [
  [
    'GET /x/1?q=1',
    'http://b:1/base/',
    '#1 http-proxy-middleware at /',
    ['http://b:1/base/x/1?q=1'],
  ],
  ['GET /z', 'http://b:1/base/', undefined, []],
  ['GET /rewritten/1', 'http://c:1', '#1 http-proxy-middleware at /', []],
  ['GET /z', 'http://a:1', '#1 http-proxy-middleware at /', ['http://a:1/z']],
  ['GET /z', 'http://d:1', '#1 http-proxy-middleware at /', []],
  ['GET /x/1', 'http://e:1', '#1 http-proxy-middleware at /', []],
  ['GET /z', 'http://e:1', undefined, []],
] as const)
  test(`http-proxy-middleware to ${target}: ${line} is ${urls[0] ?? forwarder ?? 'not taken'}`, () => {
    const app = express().use(createProxyMiddleware({ target, ...their[target] }));
    const found = explain(app, line);
    assert.deepEqual([found.forwarder, found.urls], [forwarder, urls]);
  });
