import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { test, type TestContext } from 'node:test';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import createError from 'http-errors';
import { contextOf } from '../../lib/core/context.ts';
import { errorCodes, OptionsError, ProxyError, type ErrorCode } from '../../lib/core/errors.ts';
import { errorPages, type ErrorPagesOptions, type Problem } from '../../lib/error-pages/index.ts';
import { securityHeaders } from '../../lib/security-headers/index.ts';
import { exchangeRaw, listen, until } from '../support/servers.ts';

const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

interface Answer {
  status: number;
  phrase: string;
  headers: IncomingHttpHeaders;
  body: string;
}

async function ask(
  url: string,
  {
    accept,
    method = 'GET',
    body,
  }: { accept?: string | undefined; method?: string; body?: string } = {},
): Promise<Answer> {
  const headers = {
    ...(accept !== undefined && { accept }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  const req = request(url, { method, headers }).end(body);
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk as Buffer);
  return {
    status: res.statusCode ?? 0,
    phrase: res.statusMessage ?? '',
    headers: res.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

/** An app whose every request fails with this error, after `prepare` has had its say. */
function failing(
  error: unknown,
  options?: ErrorPagesOptions,
  prepare: (res: Response, req: Request) => void = () => undefined,
): Express {
  const app = express();
  app.use((req: Request, res: Response, next: NextFunction) => {
    prepare(res, req);
    next(error);
  });
  app.use(errorPages(options));
  return app;
}

async function fail(
  t: TestContext,
  error: unknown,
  options?: ErrorPagesOptions,
  how: Parameters<typeof ask>[1] = {},
): Promise<Answer> {
  return ask((await listen(t, failing(error, options))).url, how);
}

const problemIn = (answer: Answer): Problem => JSON.parse(answer.body) as Problem;

for (const [name, options] of [
  ['no argument', undefined],
  ['{}', {}],
  ['undefined members', { pages: undefined, format: undefined }],
  ['an undefined page', { pages: { 502: undefined } }],
] as const)
  test(`answers with problem details: ${name}`, async (t) => {
    const error = new ProxyError('ERR_SEKISHO_CONNECT_REFUSED', {
      detail: 'connect ECONNREFUSED 10.1.2.3:8080',
      server: '10.1.2.3:8080',
      cause: new Error('internal.example /srv/app'),
    });
    const answer = await fail(t, error, options as ErrorPagesOptions);
    const { requestId, ...problem } = problemIn(answer);
    assert.equal(answer.status, 502);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.deepEqual(problem, {
      type: 'about:blank',
      title: 'Bad Gateway',
      status: 502,
      detail: 'The server could not be reached',
      code: 'ERR_SEKISHO_CONNECT_REFUSED',
    });
    assert.match(requestId, /^[\da-f]{32}$/);
    assert.equal(answer.headers['x-request-id'], requestId);
    assert.equal(answer.headers['proxy-status'], 'sekisho; error=connection_refused');
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.equal(answer.headers.vary, 'Accept');
    assert.equal(answer.headers['content-length'], String(Buffer.byteLength(answer.body)));
  });

for (const [accept, expected] of [
  [undefined, 'json'],
  ['', 'json'],
  ['*/*', 'json'],
  [browser, 'html'],
  ['text/html', 'html'],
  ['TEXT/HTML', 'html'],
  ['text/html;level=1', 'json'],
  ['text/*', 'html'],
  ['text/html, */*', 'html'],
  ['text/html;q=0.5, */*', 'json'],
  ['text/html;q=0, */*', 'json'],
  ['text/html;q=0', 'json'],
  ['application/json', 'json'],
  ['application/problem+json', 'json'],
  ['application/*', 'json'],
  ['application/json, text/html', 'json'],
  ['text/html, application/json', 'html'],
  ['text/html, application/json;q=0.9', 'html'],
  ['application/json;q=0.9, text/html;q=0.8', 'json'],
  ['image/avif,image/webp,*/*;q=0.8', 'json'],
  ['image/png', 'json'],
  [';;,,q=', 'json'],
  ['text/html'.repeat(500), 'json'],
] as const)
  test(`Accept ${String(accept).slice(0, 60)}: ${expected}`, async (t) => {
    const { headers } = await fail(t, new Error('x'), {}, { accept });
    const type = expected === 'html' ? 'text/html; charset=utf-8' : 'application/problem+json';
    assert.equal(headers['content-type'], type);
  });

for (const [format, accept, type] of [
  ['html', 'application/json', 'text/html; charset=utf-8'],
  ['json', browser, 'application/problem+json'],
] as const)
  test(`format '${format}' does not look at Accept`, async (t) => {
    const { headers } = await fail(t, new Error('x'), { format }, { accept });
    assert.equal(headers['content-type'], type);
    assert.equal(headers.vary, undefined);
  });

for (const accept of [browser, 'application/json'])
  test(`HEAD has the fields of GET and no body: ${accept.slice(0, 20)}`, async (t) => {
    const { url } = await listen(t, failing(new ProxyError('ERR_SEKISHO_NO_SERVER')));
    const [get, head] = [await ask(url, { accept }), await ask(url, { accept, method: 'HEAD' })];
    assert.equal(head.body, '');
    for (const field of ['content-length', 'content-type', 'cache-control', 'proxy-status'])
      assert.equal(head.headers[field], get.headers[field], field);
    assert.equal(head.status, 503);
  });

test('the page has a language, one main heading, the id, and names what happened', async (t) => {
  const answer = await fail(
    t,
    new ProxyError('ERR_SEKISHO_HEADERS_TIMEOUT'),
    {},
    { accept: browser },
  );
  const id = String(answer.headers['x-request-id']);
  assert.match(answer.body, /^<!doctype html>\n<html lang="en">/);
  assert.match(answer.body, /<title>504 Gateway Timeout<\/title>/);
  assert.match(answer.body, /<meta name="viewport"/);
  assert.equal(answer.body.match(/<main>/g)?.length, 1);
  assert.equal(answer.body.match(/<h1>/g)?.length, 1);
  assert.match(answer.body, /<p>The server did not answer in time<\/p>/);
  assert.ok(answer.body.includes(id));
  assert.match(answer.body, /prefers-color-scheme:dark/);
  assert.doesNotMatch(answer.body, /<script|<link|<img|url\(|https?:/);
  assert.match(
    String(answer.headers['content-security-policy']),
    /^default-src 'none'; style-src 'sha256-/,
  );
});

test("the page's own policy allows exactly its style", async (t) => {
  const answer = await fail(t, new Error('x'), {}, { accept: browser });
  const style = /<style>([^]*?)<\/style>/.exec(answer.body)?.[1] ?? '';
  const hash = createHash('sha256').update(style).digest('base64');
  assert.ok(String(answer.headers['content-security-policy']).includes(`'sha256-${hash}'`));
  assert.doesNotMatch(answer.body, / style=/);
});

test("helmet's policy stays and allows the page's style", async (t) => {
  const app = express();
  app.use(securityHeaders());
  app.use((_req, _res, next) => {
    next(new Error('x'));
  });
  app.use(errorPages());
  const answer = await ask((await listen(t, app)).url, { accept: browser });
  assert.match(
    String(answer.headers['content-security-policy']),
    /style-src 'self' https: 'unsafe-inline'/,
  );
  assert.match(String(answer.headers['strict-transport-security']), /max-age/);
});

for (const [what, error, status, detail] of [
  ['an Error', new Error('db at 10.0.0.1 /srv/x'), 500, undefined],
  ['a string', 'db at 10.0.0.1', 500, undefined],
  ['a number', 404, 500, undefined],
  ['an object', { message: 'inside' }, 500, undefined],
  ['an object without prototype', Object.create(null) as unknown, 500, undefined],
  ['err.status', Object.assign(new Error('inside'), { status: 404 }), 404, undefined],
  ['err.statusCode', Object.assign(new Error('inside'), { statusCode: 413 }), 413, undefined],
  [
    'a status that is no error',
    Object.assign(new Error('inside'), { status: 200 }),
    500,
    undefined,
  ],
  ['a status out of range', Object.assign(new Error('inside'), { status: 1000 }), 500, undefined],
  ['a status in words', Object.assign(new Error('inside'), { status: '404' }), 500, undefined],
  ['a fraction', Object.assign(new Error('inside'), { status: 404.5 }), 500, undefined],
  ['http-errors 404', createError(404, 'No such shop'), 404, 'No such shop'],
  ['http-errors 503', createError(503, 'db at 10.0.0.1'), 503, undefined],
  [
    'http-errors 503 exposed',
    createError(503, 'Closed on Sundays', { expose: true }),
    503,
    'Closed on Sundays',
  ],
  ['an unregistered status', createError(499, 'x', { expose: false }), 499, undefined],
  [
    'an exposed TypeError',
    Object.assign(new TypeError('inside'), { status: 400, expose: true }),
    400,
    undefined,
  ],
  ['a message of several lines', createError(400, 'a\r\n\u0007b'), 400, 'a b'],
  ['an endless message', createError(400, 'a'.repeat(9999)), 400, 'a'.repeat(300)],
] as const)
  test(`${what}: ${String(status)}, ${detail === undefined ? 'nothing' : 'the message'} shown`, async (t) => {
    const answer = await fail(t, error);
    assert.equal(answer.status, status);
    const problem = problemIn(answer);
    assert.equal(problem.status, status);
    assert.equal(problem.detail, detail);
    assert.equal(problem.code, undefined);
    assert.ok(problem.title.length > 4);
    assert.equal(answer.headers['proxy-status'], undefined);
    if (detail === undefined) assert.doesNotMatch(answer.body, /inside|10\.0|srv/);
  });

test('the status the chain had set counts when the error brings none, its phrase does not', async (t) => {
  const app = failing(new Error('x'), {}, (res) => {
    res.status(409).statusMessage = 'My Words';
  });
  const answer = await ask((await listen(t, app)).url);
  assert.deepEqual([answer.status, answer.phrase], [409, 'Conflict']);
});

for (const code of errorCodes)
  test(`${code} tells nothing of the inside, in either form`, async (t) => {
    const secret = 'shop-7.internal:8443';
    const error = new ProxyError(code, {
      detail: `user:pa55 ${secret}`,
      server: secret,
      cause: Object.assign(new Error(`connect ${secret}`), { stack: 'at /srv/app/lib/x.ts:1' }),
    });
    const { url } = await listen(t, failing(error));
    for (const accept of [browser, 'application/json']) {
      const answer = await ask(`${url}/my-path?my-query=1`, { accept });
      assert.equal(answer.status, error.status);
      const all = JSON.stringify(answer);
      assert.doesNotMatch(all, /shop-7|pa55|\/srv|x\.ts|my-path|my-query/);
      assert.equal(answer.headers['proxy-status'], `sekisho; error=${error.proxyStatus}`);
    }
  });

const attack = '<script>alert(1)</script>"\'&<img src=x onerror=y>';

for (const [what, how] of [
  ['path', { method: 'GET' }],
  ['body', { method: 'POST', body: `{"a": ${attack}` }],
] as const)
  test(`nothing of the request's ${what} is reflected`, async (t) => {
    const app = express();
    app.use(express.json());
    app.get('/:id', (_req, _res, next) => next(createError(404)));
    app.use(errorPages());
    const { url } = await listen(t, app);
    for (const accept of [browser, 'application/json']) {
      const answer = await ask(
        `${url}/${encodeURIComponent(attack)}?${encodeURIComponent(attack)}`,
        { accept, ...how },
      );
      assert.ok([400, 404].includes(answer.status));
      assert.doesNotMatch(answer.body, /alert|onerror/);
    }
  });

test("an undecodable path is the router's 400, without its message", async (t) => {
  const app = express();
  app.get('/:id', (_req, res) => {
    res.end();
  });
  app.use(errorPages());
  const answer = await ask(`${(await listen(t, app)).url}/%zz`);
  assert.equal(answer.status, 400);
  assert.doesNotMatch(answer.body, /zz/);
});

test('a shown message is escaped, in both forms', async (t) => {
  const { url } = await listen(t, failing(createError(400, attack)));
  const page = await ask(url, { accept: browser });
  assert.doesNotMatch(page.body, /<script|<img/);
  assert.match(page.body, /&lt;script&gt;alert\(1\)&lt;\/script&gt;&quot;&#39;&amp;/);
  const json = await ask(url);
  assert.doesNotMatch(json.body, /[<>&]/);
  assert.equal(problemIn(json).detail, attack);
});

test('fields of the failed answer go, those of the chain stay', async (t) => {
  const gone = [
    'Content-Encoding',
    'Content-Range',
    'ETag',
    'Last-Modified',
    'Expires',
    'Content-Disposition',
    'Content-Language',
    'Age',
    'Accept-Ranges',
    'Location',
    'Trailer',
    'CDN-Cache-Control',
  ];
  const app = failing(new ProxyError('ERR_SEKISHO_TRUNCATED'), {}, (res) => {
    for (const name of gone) res.setHeader(name, 'x');
    res.set({
      'Cache-Control': 'public, max-age=60',
      'Content-Length': '5',
      'Content-Type': 'image/png',
    });
    res.set({
      'Set-Cookie': ['a=1', 'b=2'],
      'Content-Security-Policy': "default-src 'self'",
      Vary: 'Origin',
    });
  });
  const { headers } = await ask((await listen(t, app)).url);
  for (const name of gone) assert.equal(headers[name.toLowerCase()], undefined, name);
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['content-type'], 'application/problem+json');
  assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2']);
  assert.equal(headers['content-security-policy'], "default-src 'self'");
  assert.equal(headers.vary, 'Origin, Accept');
});

for (const [what, error, field, value] of [
  [
    'a ProxyError',
    new ProxyError('ERR_SEKISHO_NO_SERVER', { headers: { 'Retry-After': '5' } }),
    'retry-after',
    '5',
  ],
  ['http-errors', createError(405, { headers: { Allow: 'GET' } }), 'allow', 'GET'],
  [
    'http-errors 5xx, a number',
    createError(503, { headers: { 'Retry-After': 7 } }),
    'retry-after',
    '7',
  ],
  [
    "a client library's error",
    Object.assign(new Error('x'), { status: 502, headers: { 'x-inside': '1' } }),
    'x-inside',
    undefined,
  ],
  ['framing', createError(400, { headers: { 'Content-Length': '1' } }), 'x-none', undefined],
  [
    'caching',
    createError(404, { headers: { 'cache-control': 'public' } }),
    'cache-control',
    'no-store',
  ],
  [
    'a value unfit for the wire',
    createError(400, { headers: { 'X-A': 'a\r\nSet-Cookie: x' } }),
    'x-a',
    undefined,
  ],
  ['a name unfit for the wire', createError(400, { headers: { 'X A': 'a' } }), 'x a', undefined],
  ['headers that are null', createError(400, { headers: null }), 'x-none', undefined],
] as const)
  test(`err.headers of ${what}: ${field} is ${String(value)}`, async (t) => {
    const answer = await fail(t, error);
    assert.equal(answer.headers[field], value);
    assert.equal(answer.headers['content-length'], String(Buffer.byteLength(answer.body)));
    assert.equal(answer.headers['set-cookie'], undefined);
  });

for (const [code, closes] of [
  ['ERR_SEKISHO_BAD_FRAMING', true],
  ['ERR_SEKISHO_BAD_HOST', true],
  ['ERR_SEKISHO_BAD_REQUEST', true],
  ['ERR_SEKISHO_CLIENT_TIMEOUT', true],
  ['ERR_SEKISHO_SHUTTING_DOWN', true],
  ['ERR_SEKISHO_BAD_PATH', false],
  ['ERR_SEKISHO_CONNECT_REFUSED', false],
] as const satisfies [ErrorCode, boolean][])
  test(`${code} ${closes ? 'closes' : 'keeps'} the connection`, async (t) => {
    const { port } = await listen(t, failing(new ProxyError(code)));
    const { text, closed } = await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(closed, closes);
    assert.equal(/^connection: close\r$/im.test(text), closes);
  });

test('a request body left half read does not block the next request', async (t) => {
  const app = express();
  app.post('/', (req, _res, next) => {
    req.once('data', () => {
      req.pause();
      next(createError(413));
    });
  });
  app.use(errorPages());
  const { port } = await listen(t, app);
  const body = 'x'.repeat(300_000);
  const { text } = await exchangeRaw(
    port,
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${String(body.length)}\r\n\r\n${body}GET / HTTP/1.1\r\nHost: a\r\n\r\n`,
  );
  assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 413', 'HTTP/1.1 404']);
});

test('after the head the connection is cut: no clean end, no second answer', async (t) => {
  const { port } = await listen(
    t,
    failing(new ProxyError('ERR_SEKISHO_TRUNCATED'), {}, (res) => {
      res.write('part');
    }),
  );
  const { text, closed } = await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.ok(closed);
  assert.doesNotMatch(text, /0\r\n\r\n|problem/);
});

test('an answer that was already ended is left alone', async (t) => {
  const { port } = await listen(
    t,
    failing(new Error('late'), {}, (res) => {
      res.end('whole');
    }),
  );
  const { text, closed } = await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match(text, /200 OK[^]*whole$/);
  assert.equal(closed, false);
});

test('a client that has gone is no problem', async (t) => {
  const app = express();
  let asked = false;
  let handled = false;
  app.use((_req: Request, res: Response, next: NextFunction) => {
    asked = true;
    res.once('close', () => {
      next(new ProxyError('ERR_SEKISHO_CLIENT_ABORTED'));
      handled = true;
    });
  });
  app.use(errorPages());
  const { url } = await listen(t, app);
  const req = request(url)
    .on('error', () => undefined)
    .end();
  await until(() => asked, 'the request');
  req.destroy();
  await until(() => handled, 'the abort');
});

test('the record of the request gets the id and the code', async (t) => {
  let seen: { id: string; error: unknown } | undefined;
  const app = failing(new ProxyError('ERR_SEKISHO_DNS'), {}, (res, req) => {
    res.once('finish', () => {
      const { id, transaction } = contextOf(req);
      seen = { id, error: transaction.error };
    });
  });
  const answer = await ask((await listen(t, app)).url);
  await until(() => seen !== undefined, 'the end of the request');
  assert.deepEqual(seen, { id: problemIn(answer).requestId, error: 'ERR_SEKISHO_DNS' });
});

for (const [status, expected] of [
  [503, 'exact'],
  [500, 'class'],
  [404, 'other'],
] as const)
  test(`of several pages the most exact one is sent: ${String(status)}`, async (t) => {
    const pages = { 503: 'exact', '5xx': 'class', default: 'other' };
    const answer = await fail(t, createError(status), { pages }, { accept: browser });
    assert.deepEqual([answer.status, answer.body], [status, expected]);
    assert.equal(answer.headers['content-security-policy'], undefined);
    assert.equal(answer.headers['cache-control'], 'no-store');
  });

test('a page in a string has its gaps filled, escaped; all else in braces stays', async (t) => {
  const pages = { '4xx': 'body{color:red} {status} {title} {detail} {code}| {requestId} {other}' };
  const answer = await fail(t, createError(404, '<b>$&'), { pages }, { accept: browser });
  const id = String(answer.headers['x-request-id']);
  assert.equal(answer.body, `body{color:red} 404 Not Found &lt;b&gt;$&amp; | ${id} {other}`);
});

test('a page function gets the problem, the request and the error', async (t) => {
  const error = new ProxyError('ERR_SEKISHO_NO_SERVER');
  const answer = await fail(
    t,
    error,
    {
      pages: {
        503: (problem, req, cause) =>
          `é ${problem.code ?? ''} ${req.method} ${String(cause === error)}`,
      },
    },
    { accept: browser },
  );
  assert.equal(answer.body, 'é ERR_SEKISHO_NO_SERVER GET true');
  assert.equal(answer.headers['content-length'], String(Buffer.byteLength(answer.body)));
});

for (const [what, page, warns] of [
  [
    'throws',
    () => {
      throw new Error('oops');
    },
    true,
  ],
  ['returns a promise', () => Promise.resolve('x'), true],
  ['returns undefined', () => undefined, false],
] as const)
  test(`a page function that ${what}: the built-in page, ${warns ? 'one warning' : 'no warning'}`, async (t) => {
    const warnings: Error[] = [];
    const listener = (warning: Error): void => void warnings.push(warning);
    process.on('warning', listener);
    t.after(() => process.off('warning', listener));
    const { url } = await listen(
      t,
      failing(createError(503), { pages: { 503: page as () => string } }),
    );
    for (let time = 0; time < 2; time++) {
      const answer = await ask(url, { accept: browser });
      assert.equal(answer.status, 503);
      assert.match(answer.body, /<h1>Service Unavailable<\/h1>/);
      assert.doesNotMatch(answer.body, /oops/);
    }
    const ours = warnings.filter(({ message }) =>
      message.startsWith('errorPages: pages.503 failed'),
    );
    assert.equal(ours.length, warns ? 1 : 0);
  });

test('problem details come in spite of pages', async (t) => {
  const answer = await fail(t, createError(503), { pages: { 503: 'page' } });
  assert.equal(problemIn(answer).status, 503);
});

test('an earlier error handler that passes on, a later one that is not asked', async (t) => {
  const order: string[] = [];
  const app = express();
  app.get('/', () => {
    throw createError(418);
  });
  app.use((error: unknown, _req: Request, _res: Response, next: NextFunction) => {
    order.push('before');
    next(error);
  });
  app.use(errorPages());
  app.use((error: unknown, _req: Request, _res: Response, next: NextFunction) => {
    order.push('after');
    next(error);
  });
  const answer = await ask((await listen(t, app)).url);
  assert.equal(answer.status, 418);
  assert.deepEqual(order, ['before']);
});

test('a rejected async handler is answered, requests without error pass', async (t) => {
  const app = express();
  app.get('/bad', async () => Promise.reject(new Error('inside')));
  app.use(errorPages());
  app.get('/good', (_req, res) => {
    res.send('good');
  });
  const { url } = await listen(t, createServer(app));
  assert.equal((await ask(`${url}/bad`)).status, 500);
  assert.equal((await ask(`${url}/good`)).body, 'good');
});

for (const [options, problem] of [
  [
    { pages: { 200: 'x' } },
    /pages: '200' is no error status; use one such as 503, '4xx', '5xx' or 'default'/,
  ],
  [{ pages: { '6xx': 'x' } }, /pages: '6xx' is no error status/],
  [{ pages: { 503: 5 } }, /pages.503: 5 is no page; use a string of HTML or a function/],
  [{ pages: 'x' }, /pages: 'x' is not allowed/],
  [{ page: {} }, /unknown option 'page'; did you mean 'pages'\?/],
  [{ format: 'xml' }, /format: 'xml' is not allowed; use one of 'negotiate', 'html', 'json'/],
  [null, /null is not allowed; use an object/],
] as const)
  test(`refuses ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => errorPages(options as unknown as ErrorPagesOptions),
      (error) =>
        error instanceof OptionsError &&
        problem.test(error.message) &&
        error.message.startsWith('errorPages: '),
    );
  });

test('is a named and tagged error handler', () => {
  const handler = errorPages();
  assert.equal(handler.name, 'errorPages');
  assert.equal(handler.length, 4);
  assert.ok(Symbol.for('sekisho.middleware') in handler);
});
