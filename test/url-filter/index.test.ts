import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import { middlewareTag, type MiddlewareInfo } from '../../lib/core/middleware.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { urlFilter, type UrlFilterOptions } from '../../lib/url-filter/index.ts';
import { exchangeRaw, listen } from '../support/servers.ts';
import { answerError, answerPassed, askRaw, filtered, heard, problemsOf } from './support.ts';

for (const [name, options] of [
  ['no argument', undefined],
  ['{}', {}],
  [
    'undefined members',
    { allow: undefined, deny: undefined, lists: undefined, groups: undefined, page: undefined },
  ],
] as const)
  test(`lets everything pass: ${name}`, async (t) => {
    const { ask } = await filtered(t, options as UrlFilterOptions);
    const answer = await ask('/any/path?x=%2F..%2F');
    assert.equal(answer.status, 200);
    assert.equal(answer.json.url, '/any/path?x=%2F..%2F');
    assert.equal(answer.json.filter, 'allowed');
  });

for (const [deny, target, passes] of [
  ['/admin', '/admin', false],
  ['/admin', '/admin/', false],
  ['/admin', '/admin/users?x', false],
  ['/admin', '/admin?x', false],
  ['/admin', '/administrator', true],
  ['/admin', '/', true],
  ['/admin', '/x/admin', true],
  ['/admin', '/Admin', false],
  ['/admin/', '/admin', false],
  ['/a/b', '/a', true],
  ['/a/b', '/a/b/c', false],
  ['/', '/whatever', false],
  ['/**/*.php', '/index.php', false],
  ['/**/*.php', '/a/b/c.php?x', false],
  ['/**/*.php', '/a/b.php/path-info', false],
  ['/**/*.php', '/a/b.phpx', true],
  ['/**/*.php', '/php', true],
  ['/*/secret', '/a/secret', false],
  ['/*/secret', '/secret', true],
  ['/*/secret', '/a/b/secret', true],
  ['/**/secret', '/secret', false],
  ['/**/secret', '/a/b/secret/c', false],
  ['/api/**', '/api', false],
  ['/api/**/raw', '/api/raw', false],
  ['/api/**/raw', '/api/a/b/raw', false],
  ['/api/**/raw', '/api/a/b', true],
  ['/**/*.{bak,old}', '/x/site.old', false],
  ['/**/*.{bak,old}', '/x/site.new', true],
  ['/backup-*-full', '/backup-2026-full', false],
  ['/backup-*-full', '/backup-full', true],
  ['/a b', '/a%20b', false],
  ['/a%20b', '/a%20b/c', false],
  ['/café', '/caf%C3%A9', false],
  ['/café', '/caf%c3%a9/x', false],
  [/\.env$/, '/deep/.env', false],
  [/\.env$/, '/deep/.env?x=.env', false],
  [/\.env$/, '/deep/.envy', true],
  [/^\/caf.$/u, '/caf%C3%A9', false],
  [/^\/x/g, '/xyz', false],
  [{ path: /\/\d{4}$/ }, '/id/1234', false],
  [{ path: ['/a', '/b'] }, '/b/c', false],
  ['site.example', '/', false],
  ['example', '/', false, 'host'],
  ['*.site.example', '/', true],
  ['other.example', '/', true],
  ['site.example/a', '/a/b', false],
  ['site.example/a', '/b', true],
  ['other.example/a', '/a', true],
  [{ host: 'site.example', path: '/a' }, '/a', false],
  [{ host: 'site.example', path: '/a' }, '/b', true],
  [{ host: /^s[a-z]+\.example$/ }, '/b', false],
  [{ host: ['other.example', 'site.example'], method: 'GET' }, '/b', false],
  [{ method: 'post' }, '/b', true],
  [{ method: ['GET', 'POST'], path: '/b' }, '/b', false],
  [{ port: 1 }, '/b', true],
] as const)
  test(`deny ${JSON.stringify(deny instanceof RegExp ? String(deny) : deny)}: ${target} ${passes ? 'passes' : 'is refused'}`, async (t) => {
    const pattern = deny === 'example' ? { host: deny } : deny;
    const { ask } = await filtered(t, { deny: [pattern] });
    // A caller's /g RegExp has a memory of its own.
    for (let time = 1; time <= 2; time++) {
      const answer = await ask(target);
      assert.equal(answer.status, passes ? 200 : 403);
      assert.equal(answer.json.code, passes ? undefined : 'ERR_SEKISHO_URL_DENIED');
      assert.equal(answer.json.filter, passes ? 'allowed' : 'denied');
    }
  });

test('a port is the one the request came in on', async (t) => {
  const app = express();
  const { port } = await listen(t, app);
  app.use(urlFilter({ deny: [{ port }] }));
  app.use(answerPassed);
  app.use(answerError);
  assert.equal((await askRaw(port, '/', { host: 'site.example:1' })).status, 403);
});

for (const [options, target, method, status] of [
  [{ allow: ['/public'] }, '/public/a', 'GET', 200],
  [{ allow: ['/public'] }, '/private', 'GET', 403],
  [{ allow: ['/**/*.png'] }, '/a.png', 'GET', 200],
  [{ allow: ['/**/*.png'] }, '/a.png/more', 'GET', 403],
  [{ allow: ['/public'], deny: ['/public/secret'] }, '/public/secret/x', 'GET', 403],
  [{ deny: ['/admin'], allow: ['/admin/health'] }, '/admin/health', 'GET', 403],
  [{ deny: ['/admin'], exceptions: ['/admin/health'] }, '/admin/health', 'GET', 200],
  [{ deny: ['/admin'], exceptions: ['/admin/health'] }, '/admin/x', 'GET', 403],
  [{ allow: ['/a'], exceptions: ['/b'], methods: ['POST'] }, '/b', 'GET', 200],
  [{ deny: ['/admin'], grey: ['/admin'] }, '/admin', 'GET', 403],
  [{ methods: ['GET'] }, '/', 'GET', 200],
  [{ methods: ['GET'] }, '/', 'HEAD', 200],
  [{ methods: ['get', 'post'] }, '/', 'POST', 200],
  [{ methods: ['GET'] }, '/', 'DELETE', 403],
  [{ methods: ['GET'], allow: ['/a'] }, '/a', 'PUT', 403],
  [{ deny: [{ method: 'GET', path: '/a' }] }, '/a', 'HEAD', 403],
  [{ status: 404, deny: ['/a'] }, '/a', 'GET', 404],
  [{ status: 410, deny: ['/a'] }, '/a', 'GET', 410],
] as const)
  test(`${JSON.stringify(options)}: ${method} ${target} is answered ${status}`, async (t) => {
    const { ask } = await filtered(t, options);
    assert.equal((await ask(target, { method })).status, status);
  });

for (const [options, target, rule] of [
  [{ deny: ['/a', '/b'] }, '/b/c', 'deny: /b'],
  [{ deny: [/x$/i] }, '/x', 'deny: /x$/i'],
  [
    { deny: [{ host: ['site.example'], path: '/a', method: 'GET' }] },
    '/a',
    'deny: host site.example path /a method GET, HEAD',
  ],
  [{ allow: ['/a'] }, '/b', 'allow: none of it'],
  [{ methods: ['POST'] }, '/b', 'methods: not GET'],
  [{ groups: [{ name: 'all', deny: ['/b'] }] }, '/b', 'all: deny: /b'],
] as const)
  test(`the record says ${rule}`, async (t) => {
    const { ask } = await filtered(t, options);
    const { json } = await ask(target);
    assert.deepEqual([json.rule, json.detail], [rule, rule]);
  });

test('what passes as an exception says so', async (t) => {
  const { ask } = await filtered(t, { deny: ['/'], exceptions: ['/ok'] });
  const { json } = await ask('/ok');
  assert.deepEqual([json.filter, json.rule], ['exception', 'exceptions: /ok']);
});

test('status 404 tells nobody that there is a filter', async (t) => {
  const app = express();
  app.use(urlFilter({ deny: ['/secret'], status: 404 }));
  app.use(errorPages());
  const { port } = await listen(t, app);
  for (const accept of ['text/html', 'application/json']) {
    const { status, text } = await askRaw(port, '/secret', { fields: [`Accept: ${accept}`] });
    assert.equal(status, 404);
    assert.doesNotMatch(text, /blocked|by policy|denied|sekisho/i);
    assert.match(text, /Not Found/);
  }
});

test('dryRun lets everything pass as it is, and reports', async (t) => {
  const seen = heard(t, 'sekisho:filter');
  const { ask } = await filtered(t, { deny: ['/admin'], dryRun: true });
  for (const [target, verdict, rule] of [
    ['/admin?secret', 'dry-run:denied', 'deny: /admin'],
    ['/admin%2Fx', 'dry-run:malformed', 'encoded-slash'],
    ['//admin', 'dry-run:denied', 'deny: /admin'],
    ['/shop', 'allowed', undefined],
  ] as const) {
    const { status, json } = await ask(target);
    assert.deepEqual([status, json.url, json.filter, json.rule], [200, target, verdict, rule]);
  }
  assert.deepEqual(
    seen.map(({ outcome, dryRun, target }) => ({ outcome, dryRun, target })),
    [
      { outcome: 'denied', dryRun: true, target: 'site.example/admin' },
      { outcome: 'malformed', dryRun: true, target: 'site.example/admin%2Fx' },
      { outcome: 'denied', dryRun: true, target: 'site.example//admin' },
    ],
  );
});

test('an event for each refusal, without the query', async (t) => {
  const seen = heard(t, 'sekisho:filter');
  const { ask } = await filtered(t, { deny: ['/admin'], exceptions: ['/ok'] });
  for (const target of ['/ok', '/fine', '/admin/x?token=secret']) await ask(target);
  assert.equal(seen.length, 1);
  const [event] = seen;
  assert.match(event!.requestId, /^[\da-f]{32}$/);
  assert.deepEqual(
    { ...event, requestId: '' },
    {
      outcome: 'denied',
      rule: 'deny: /admin',
      category: undefined,
      dryRun: false,
      client: '127.0.0.1',
      user: undefined,
      method: 'GET',
      target: 'site.example/admin/x',
      requestId: '',
    },
  );
});

test('of two filters the one that had something to say is in the record', async (t) => {
  const { ask } = await filtered(t, {}, (app) =>
    app.use(urlFilter({ deny: ['/admin'], dryRun: true })),
  );
  assert.equal((await ask('/admin')).json.filter, 'dry-run:denied');
});

test('under a mount path patterns are of what is below it, as in Express', async (t) => {
  const app = express();
  app.use('/shop', urlFilter({ deny: ['/admin'] }));
  app.use(answerPassed);
  app.use(answerError);
  const { port } = await listen(t, app);
  for (const [target, status, url] of [
    ['/shop/admin', 403, undefined],
    ['/admin', 200, '/admin'],
    ['/shop', 200, '/shop'],
    ['/shop?x=//', 200, '/shop?x=//'],
    ['/shop//basket?x', 200, '/shop/basket?x'],
    ['/shop/%7Ebasket', 200, '/shop/~basket'],
    ['/shop//admin', 403, undefined],
    ['/shop/../admin', 400, undefined],
  ] as const) {
    const answer = await askRaw(port, target);
    assert.deepEqual([target, answer.status, answer.json.url], [target, status, url]);
  }
});

for (const [options, problem] of [
  [{ deny: ['admin'] }, /^deny\.0: 'admin' is neither a path nor a domain; write '\/admin'/],
  [{ deny: ['*.php'] }, /^deny\.0: '\*\.php' .*; write '\/\*\*\/\*\.php' for files/],
  [{ deny: ['https://a.example/x'] }, /is a URL; write 'a\.example\/x', without the scheme/],
  [{ deny: ['10.0.0.0/8'] }, /'10\.0\.0\.0\/8' is a network/],
  [{ deny: ['fd00::/8'] }, /is a network/],
  [{ deny: ['//a'] }, /is not written as paths are compared; write '\/a'/],
  [{ deny: ['/a/../b'] }, /write '\/b'/],
  [{ deny: ['/%61'] }, /write '\/a'/],
  [{ deny: ['/a%zz'] }, /'\/a%zz' is not written as paths are compared; write '\/a%25zz'/],
  [{ deny: ['/a//b%25z'] }, /write '\/a\/b%25z'/],
  [{ deny: ['/a#b'] }, /write '\/a%23b'/],
  [{ deny: ['/a\0b'] }, /has a control character; only a RegExp can match one/],
  [{ deny: ['/a%0Ab'] }, /has a control character/],
  [{ deny: ['/a?b=c'] }, /has a '\?'; patterns are of paths, without a query/],
  [{ deny: ['/[ab]'] }, /has a '\[' or '\]'/],
  [{ deny: ['/a{b'] }, /has a '\{' or '\}' alone/],
  [{ deny: ['/a**b'] }, /has '\*\*' beside something else/],
  [{ deny: [`/${'{a,b,c}'.repeat(5)}`] }, /stands for more than 100 patterns/],
  [{ deny: ['ads*.example.com'] }, /has a '\*' inside; .* use \{ host: \/RegExp\/ \}/],
  [{ deny: ['exa mple.com'] }, /is no host; use 'example\.com'/],
  [{ deny: ['a.example:99999'] }, /is no host/],
  [{ deny: ['*.127.0.0.1'] }, /is an address, which has no subdomains/],
  [{ deny: [5] }, /^deny\.0: 5 is not allowed; use a string or a RegExp or an object/],
  [{ deny: '/x' }, /^deny: '\/x' is not allowed; use an array/],
  [{ deny: [{}] }, /states nothing to match/],
  [{ deny: [{ hots: 'a.example' }] }, /unknown option 'hots'; did you mean 'host'\?/],
  [{ deny: [{ path: 'admin' }] }, /^deny\.0\.path: 'admin' does not start with a slash/],
  [{ deny: [{ port: 70_000 }] }, /^deny\.0\.port: 70000 is not allowed/],
  [{ deny: [{ method: 'PSOT' }] }, /'PSOT' is no method; .* did you mean 'POST'\?/],
  [{ deny: [/(a)\1/] }, /\/\(a\)\\1\/ has the backreference/],
  [{ deny: [{ category: 'ads' }] }, /^deny\.0\.category: 'ads' is the category of no list/],
  [{ allow: [] }, /^allow: \[\] would refuse everything/],
  [{ methods: [] }, /^methods: \[\] would refuse everything/],
  [{ lists: [{ file: '/no/such/file', category: 'x' }] }, /^lists\.0\.file: '\/no\/such\/file'/],
  [{ groups: [{ users: ['a'] }] }, /^groups\.0\.name: /],
  [
    { groups: [{ name: 'a' }, { name: 'b' }, { name: 'a', deny: ['/x'] }] },
    /^groups\.2\.name: 'a' is the name of groups\.0, too; give each its own, for the log$/,
  ],
  [{ caseSensitive: 'no' }, /^caseSensitive: 'no' is not allowed/],
  [{ groups: [{ name: 'a', networks: ['10.0.0.0/99'] }] }, /'10\.0\.0\.0\/99' is no network/],
  [{ groups: [{ name: 'a', user: ['a'] }] }, /unknown option 'user'; did you mean 'users'\?/],
  [{ normalize: { allow: ['encoded-slahs'] } }, /did you mean 'encoded-slash'\?/],
  [{ status: 402 }, /^status: 402 is not allowed; use one of 403, 404, 410/],
  [{ dryrun: true }, /unknown option 'dryrun'; did you mean 'dryRun'\?/],
  [{ page: 7 }, /^page: 7 is no page/],
  [{ page: { titel: 'x' } }, /unknown option 'titel'; did you mean 'title'\?/],
  [{ page: { lang: 'English!' } }, /'English!' is no language/],
] as const)
  test(`options ${JSON.stringify(options)} are refused`, () => {
    assert.match(problemsOf(options).join('\n'), problem);
  });

for (const spelling of ['/a%zz', '/a#b', '/a//%25', '/%2561;v=1', '/ü/../%é'])
  test(`what is to be written for ${spelling} can be`, () => {
    const [problem = ''] = problemsOf({ deny: [spelling] });
    const [, remedy = ''] = /; write '(.*)'$/.exec(problem) ?? [];
    assert.notEqual(remedy, '', problem);
    assert.deepEqual(problemsOf({ deny: [remedy] }), []);
  });

test('all problems at once', () => {
  assert.equal(problemsOf({ deny: ['admin', '//x'], status: 402, methods: ['GTE'] }).length, 4);
});

test('the caller keeps his options as they are', () => {
  const deep = Object.freeze({ host: 'a.example' });
  const options = Object.freeze({
    deny: Object.freeze([deep, '/x']),
    methods: Object.freeze(['get']),
  });
  urlFilter(options).close();
  assert.deepEqual(options, { deny: [{ host: 'a.example' }, '/x'], methods: ['get'] });
});

test('is a named gate', () => {
  const filter = urlFilter({ dryRun: true });
  const { kind, name, options } = (filter as never as Record<symbol, MiddlewareInfo>)[
    middlewareTag
  ]!;
  assert.deepEqual([kind, name, filter.name], ['gate', 'urlFilter', 'urlFilter']);
  assert.deepEqual(options, { normalize: true, dryRun: true });
});

test('the connection lives on after the refusal of an upload', async (t) => {
  const { port } = await filtered(t, { deny: ['/no'] });
  const post =
    'POST /no HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nContent-Length: 5\r\n\r\nhello';
  const get = 'GET /yes HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  const { text } = await exchangeRaw(port, post + get);
  assert.deepEqual(
    [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status),
    ['403', '200'],
  );
});
