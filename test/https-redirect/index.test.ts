import assert from 'node:assert/strict';
import { request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import express, { type Express, type Request, type Response, type NextFunction } from 'express';
import { OptionsError, type ProxyError } from '../../lib/core/errors.ts';
import { httpsRedirect, type HttpsRedirectOptions } from '../../lib/https-redirect/index.ts';
import { exchangeRaw, listen } from '../support/servers.ts';

interface Answer {
  status: number;
  location: string | undefined;
  text: string;
}

async function start(
  t: TestContext,
  options?: HttpsRedirectOptions,
  prepare: (app: Express) => void = () => undefined,
): Promise<number> {
  const app = express();
  prepare(app);
  app.use(httpsRedirect(options));
  app.use((_req: Request, res: Response) => {
    res.send('passed');
  });
  app.use((error: ProxyError, _req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) next(error);
    else res.status(error.status).send(error.code);
  });
  return (await listen(t, app)).port;
}

async function raw(port: number, head: string): Promise<Answer> {
  const { text } = await exchangeRaw(port, `${head}\r\nConnection: close\r\n\r\n`);
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]),
    location: /^location: (.*)\r$/im.exec(text)?.[1],
    text,
  };
}

const get = (target: string, host = 'example.com'): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}`;

for (const [name, options] of [
  ['no argument', undefined],
  ['{}', {}],
  [
    'undefined members',
    { status: undefined, host: undefined, port: undefined, hosts: undefined, exempt: undefined },
  ],
  ['undefined exemptions', { exempt: { loopback: undefined, acme: undefined } }],
] as const)
  test(`redirects with 308 to the same URL: ${name}`, async (t) => {
    const port = await start(t, options as HttpsRedirectOptions);
    const answer = await raw(port, get('/a/b?c=d&e'));
    assert.equal(answer.status, 308);
    assert.equal(answer.location, 'https://example.com/a/b?c=d&e');
    assert.match(answer.text, /\r\ncontent-length: 0\r\n/i);
  });

for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'])
  test(`redirects ${method}`, async (t) => {
    const port = await start(t);
    const answer = await raw(
      port,
      `${method} /x HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0`,
    );
    assert.deepEqual([answer.status, answer.location], [308, 'https://example.com/x']);
  });

for (const status of [301, 302, 307, 308] as const)
  test(`status ${String(status)} on demand`, async (t) => {
    const port = await start(t, { status });
    assert.equal((await raw(port, get('/'))).status, status);
  });

for (const [target, path] of [
  ['/', '/'],
  ['//evil.example/x', '//evil.example/x'],
  ['/\\evil.example', '/\\evil.example'],
  ['/a%2Fb/../c;d?', '/a%2Fb/../c;d?'],
  ['/%0d%0aSet-Cookie:x', '/%0d%0aSet-Cookie:x'],
  ['/caf%C3%A9#x', '/caf%C3%A9#x'],
  [`/${'q'.repeat(8000)}`, `/${'q'.repeat(8000)}`],
  ['http://example.com/abs?x', '/abs?x'],
  ['http://EXAMPLE.com:80', '/'],
  ['http://example.com?x', '/?x'],
] as const)
  test(`target ${target.slice(0, 40)} keeps its bytes`, async (t) => {
    const port = await start(t);
    const answer = await raw(port, get(target));
    assert.deepEqual([answer.status, answer.location], [308, `https://example.com${path}`]);
  });

for (const [host, expected] of [
  ['example.com:8080', 'example.com'],
  ['EXAMPLE.com', 'example.com'],
  ['127.0.0.1:3000', '127.0.0.1'],
  ['[::1]:3000', '[::1]'],
] as const)
  test(`Host ${host} becomes ${expected}`, async (t) => {
    const port = await start(t);
    assert.equal((await raw(port, get('/x', host))).location, `https://${expected}/x`);
  });

for (const host of [
  '',
  'a b',
  'user@evil.example',
  'evil.example/x',
  'evil.example\\x',
  'evil.example#',
  'evil.example?x',
  'a.example,b.example',
  'example.com:99999',
  'example.com:x',
  '[::1',
  '[:::1]',
  '1.2.3.999',
  '%65xample.com',
  'ex<script>',
  `${'a'.repeat(300)}.com`,
])
  test(`refuses Host '${host.slice(0, 30)}'`, async (t) => {
    const port = await start(t);
    const answer = await raw(port, get('/', host));
    assert.equal(answer.status, 400);
    assert.equal(answer.location, undefined);
    assert.match(answer.text, /ERR_SEKISHO_BAD_HOST/);
  });

for (const [what, head, code] of [
  ['no Host', 'GET / HTTP/1.0', 'BAD_HOST'],
  ['two Hosts', `${get('/')}\r\nHost: evil.example`, 'BAD_HOST'],
  ['a target of another host', get('http://evil.example/'), 'BAD_HOST'],
  ['a target with userinfo', get('http://example.com@evil.example/'), 'BAD_HOST'],
  ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: example.com', 'BAD_REQUEST'],
] as const)
  test(`refuses ${what}`, async (t) => {
    const port = await start(t);
    const answer = await raw(port, head);
    assert.equal(answer.status, 400);
    assert.match(answer.text, new RegExp(`ERR_SEKISHO_${code}`));
  });

for (const [name, options, host, expected] of [
  ['pinned host', { host: 'www.example.com' }, 'a.example', 'https://www.example.com/x'],
  ['pinned host, malformed Host', { host: 'www.example.com' }, 'a b', 'https://www.example.com/x'],
  ['port', { port: 8443 }, 'a.example:8080', 'https://a.example:8443/x'],
  ['port 443', { port: 443 }, 'a.example', 'https://a.example/x'],
  ['IPv6 host and port', { host: '[::1]', port: 8443 }, 'a.example', 'https://[::1]:8443/x'],
  ['listed host', { hosts: ['Example.COM.'] }, 'example.com.', 'https://example.com/x'],
  ['listed wildcard', { hosts: ['*.example.com'] }, 'a.b.example.com', 'https://a.b.example.com/x'],
  ['unlisted host', { hosts: ['example.com'] }, 'evil.example', undefined],
  ['apex below a wildcard', { hosts: ['*.example.com'] }, 'example.com', undefined],
  ['suffix without a dot', { hosts: ['*.example.com'] }, 'evilexample.com', undefined],
  [
    'unlisted host, pinned',
    { host: 'example.com', hosts: ['example.com'] },
    'evil.example',
    undefined,
  ],
] as const)
  test(`${name}: ${expected ?? 'refused'}`, async (t) => {
    const port = await start(t, options);
    const answer = await raw(port, get('/x', host));
    assert.deepEqual(
      [answer.status, answer.location],
      [expected === undefined ? 400 : 308, expected],
    );
  });

for (const [name, trust, fields, passes] of [
  ['untrusted https', false, 'X-Forwarded-Proto: https', false],
  ['trusted https', 'loopback', 'X-Forwarded-Proto: https', true],
  ['trusted wss', 'loopback', 'X-Forwarded-Proto: wss', true],
  ['trusted http', 'loopback', 'X-Forwarded-Proto: http', false],
  ['trusted list, client first', 'loopback', 'X-Forwarded-Proto: http, https', false],
  ['trust in somebody else', '10.0.0.1', 'X-Forwarded-Proto: https', false],
] as const)
  test(`X-Forwarded-Proto, ${name}: ${passes ? 'passes' : 'redirects'}`, async (t) => {
    const port = await start(t, {}, (app) => app.set('trust proxy', trust));
    const answer = await raw(port, `${get('/')}\r\n${fields}`);
    assert.equal(answer.status, passes ? 200 : 308);
  });

for (const [trust, expected] of [
  ['loopback', 'https://public.example/x'],
  [false, 'https://example.com/x'],
] as const)
  test(`X-Forwarded-Host with trust proxy ${String(trust)}: ${expected}`, async (t) => {
    const port = await start(t, {}, (app) => app.set('trust proxy', trust));
    const answer = await raw(port, `${get('/x')}\r\nX-Forwarded-Host: public.example`);
    assert.equal(answer.location, expected);
  });

const challenge = '/.well-known/acme-challenge/Aa0_-token';
for (const [name, exempt, head, passes] of [
  ['ACME not asked for', {}, get(challenge), false],
  ['ACME', { acme: true }, get(challenge), true],
  ['ACME by HEAD', { acme: true }, `HEAD ${challenge} HTTP/1.1\r\nHost: example.com`, true],
  [
    'ACME by POST',
    { acme: true },
    `POST ${challenge} HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0`,
    false,
  ],
  ['ACME without token', { acme: true }, get('/.well-known/acme-challenge/'), false],
  ['ACME with dots', { acme: true }, get('/.well-known/acme-challenge/../../admin'), false],
  [
    'ACME with an encoded slash',
    { acme: true },
    get('/.well-known/acme-challenge/..%2Fadmin'),
    false,
  ],
  ['ACME with a query', { acme: true }, get(`${challenge}?x`), false],
  ['ACME, another path', { acme: true }, get('/admin'), false],
  ['loopback not asked for', {}, get('/'), false],
  ['loopback', { loopback: true }, get('/'), true],
  [
    'loopback through a proxy',
    { loopback: true },
    `${get('/')}\r\nX-Forwarded-For: 203.0.113.9`,
    false,
  ],
  [
    'loopback claimed through a proxy',
    { loopback: true },
    `${get('/')}\r\nX-Forwarded-For: 127.0.0.1`,
    false,
  ],
  ['loopback, Forwarded', { loopback: true }, `${get('/')}\r\nForwarded: for=203.0.113.9`, false],
  ['loopback, Via', { loopback: true }, `${get('/')}\r\nVia: 1.1 front`, false],
] as const)
  test(`exempt: ${name}: ${passes ? 'passes' : 'redirects'}`, async (t) => {
    const port = await start(t, { exempt });
    assert.equal((await raw(port, head)).status, passes ? 200 : 308);
  });

test('the whole path counts where it is mounted below one', async (t) => {
  const app = express();
  app.use('/shop', httpsRedirect());
  const { port } = await listen(t, app);
  assert.equal((await raw(port, get('/shop/cart?x'))).location, 'https://example.com/shop/cart?x');
});

test('HSTS set before it does not go out on plain HTTP', async (t) => {
  const port = await start(t, {}, (app) =>
    app.use((_req, res, next) => {
      res.set('Strict-Transport-Security', 'max-age=1').set('X-Kept', '1');
      next();
    }),
  );
  const { text } = await raw(port, get('/'));
  assert.doesNotMatch(text, /strict-transport/i);
  assert.match(text, /x-kept: 1/i);
});

test('the connection lives on after the redirect of a POST', async (t) => {
  const port = await start(t);
  const post = 'POST /a HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello';
  const { text } = await exchangeRaw(port, `${post}${get('/b')}\r\nConnection: close\r\n\r\n`);
  assert.deepEqual(
    [...text.matchAll(/^location: (.*)\r$/gim)].map(([, location]) => location),
    ['https://example.com/a', 'https://example.com/b'],
  );
});

test('a Node client sees a plain answer', async (t) => {
  const port = await start(t);
  const req = request({
    port,
    host: '127.0.0.1',
    path: '/x',
    headers: { host: 'example.com' },
  }).end();
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  res.resume();
  assert.equal(res.statusCode, 308);
});

for (const [options, problem] of [
  [{ status: 303 }, /status: 303 is not allowed; use one of 301, 302, 307, 308/],
  [
    { host: 'https://example.com' },
    /host: 'https:\/\/example.com' is no host name; use one such as 'www.example.com'/,
  ],
  [{ host: 'example.com:8443' }, /host: 'example.com:8443' is no host name/],
  [{ host: '*.example.com' }, /host: '\*.example.com' is no host name/],
  [{ host: 5 }, /host: 5 is not allowed; use a string/],
  [{ hosts: [] }, /hosts: \[\] is empty/],
  [{ hosts: ['ok.example', 'a/b'] }, /hosts.1: 'a\/b' is no host name/],
  [{ port: 0 }, /port: 0 is not allowed; use a whole number from 1 to 65535/],
  [{ port: '443' }, /port: '443' is not allowed/],
  [{ exempt: true }, /exempt: true is not allowed; use an object/],
  [{ exempt: { acme: 'yes' } }, /exempt.acme: 'yes' is not allowed; use true or false/],
  [{ exempt: { loopbak: true } }, /exempt: unknown option 'loopbak'; did you mean 'loopback'\?/],
  [{ stauts: 301 }, /unknown option 'stauts'; did you mean 'status'\?/],
  [null, /null is not allowed; use an object/],
] as const)
  test(`refuses the options ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => httpsRedirect(options as unknown as HttpsRedirectOptions),
      (error) =>
        error instanceof OptionsError &&
        problem.test(error.message) &&
        error.message.startsWith('httpsRedirect: '),
    );
  });

test('is a named, tagged gate', () => {
  const handler = httpsRedirect();
  assert.equal(handler.name, 'httpsRedirect');
  const tag = (handler as unknown as Record<symbol, { kind: string }>)[
    Symbol.for('sekisho.middleware')
  ];
  assert.equal(tag?.kind, 'gate');
});
