import assert from 'node:assert/strict';
import { test } from 'node:test';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import type { ForwarderOptions } from '../../../lib/core/upstream/forward.ts';
import { exchangeRaw } from '../../support/servers.ts';
import { appWith, parts, proxyTo, recording, showErrors } from './forward-support.ts';

const targets = [
  '/',
  '/?',
  '/a?',
  '/a?b',
  '/a%2Fb%2fc',
  '//a//b/',
  '/a/../b/./c/..',
  '/..;/x',
  '/a;v=1;w/b',
  '/%2e%2E/%61',
  '/a\\b',
  '/a"b<c>{d}|e^f`',
  "/'()*+,;=:@!$&~",
  '/%',
  '/%zz%u0041',
  '/a?b=c?d=e&&=;#'.replace('#', ''),
  '/?q=%00%0d%0a',
  `/${'p'.repeat(2000)}?${'q'.repeat(8192)}`,
];

for (const target of targets)
  test(`byte for byte to the server: ${target.slice(0, 40)}`, async (t) => {
    const server = await recording(t);
    const { port } = await proxyTo(t, server.url);
    await exchangeRaw(port, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.deepEqual(
      server.seen.map(({ url }) => url),
      [target],
    );
  });

const refused = ['/a#b', '/caf\xc3\xa9', '/a\x7fb', '/a\x01b', '/a b', 'a/b', '*', 'ftp://a/b', ''];

for (const target of refused)
  test(`refused with 400: GET ${JSON.stringify(target)}`, async (t) => {
    const server = await recording(t);
    const { port } = await proxyTo(t, server.url);
    const { text, closed } = await exchangeRaw(port, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.match(text, /^HTTP\/1\.1 400 /);
    assert.equal(closed, true);
    assert.equal(server.seen.length, 0);
  });

const mounts: readonly (readonly [
  mount: string,
  base: string,
  options: ForwarderOptions,
  target: string,
  expected: string,
])[] = [
  ['/blog', '', {}, '/blog', '/'],
  ['/blog', '', {}, '/blog/', '/'],
  ['/blog', '', {}, '/blog?x=1', '/?x=1'],
  ['/blog', '', {}, '/blog?', '/?'],
  ['/blog', '', {}, '/blog/a%2Fb//c/../d?', '/a%2Fb//c/../d?'],
  ['/blog', '', {}, '/blog//a', '//a'],
  ['/blog', '/base', {}, '/blog/a', '/base/a'],
  ['/blog', '/base/', {}, '/blog/a', '/base/a'],
  ['/blog', '/base', {}, '/blog', '/base/'],
  ['/blog', '', { keepPrefix: true }, '/blog', '/blog'],
  ['/blog', '', { keepPrefix: true }, '/blog/', '/blog/'],
  ['/blog', '', { keepPrefix: true }, '/blog?x', '/blog?x'],
  ['/blog', '/base', { keepPrefix: true }, '/blog/a?', '/base/blog/a?'],
  ['/', '', { pathRewrite: { '^/old/': '/new/' } }, '/old/a?b', '/new/a?b'],
  ['/', '', { pathRewrite: { '^/old/': '/new/' } }, '/older/a', '/older/a'],
  ['/', '', { pathRewrite: { '^/a': '/1', '^/ab': '/2' } }, '/abc', '/1bc'],
  ['/', '', { pathRewrite: { '^/api': '' } }, '/api', '/'],
  ['/', '', { pathRewrite: { '^/api': '' } }, '/api?x', '/?x'],
  ['/', '', { pathRewrite: { '^/(\\w+)/(\\w+)': '/$2/$1' } }, '/a/b/c', '/b/a/c'],
  ['/m', '/base', { pathRewrite: (path) => `/f${path}` }, '/m/a', '/base/f/a'],
  [
    '/m',
    '',
    { keepPrefix: true, pathRewrite: (path, req) => `${path}${req.method}` },
    '/m/a',
    '/m/aGET',
  ],
];

for (const [mount, base, options, target, expected] of mounts)
  test(`at ${mount} to ${base || '/'} with ${JSON.stringify(options)}: ${target} is ${expected}`, async (t) => {
    const server = await recording(t);
    const { port } = await appWith(t, (app) => {
      app.use(mount, balancedProxy(server.url + base, options));
    });
    await exchangeRaw(port, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal(server.seen[0]?.url, expected);
  });

const badResults: readonly unknown[] = [
  undefined,
  null,
  '',
  'relative',
  'http://elsewhere/',
  '/a b',
  '/a#b',
  '/a\r\nX: y',
  Promise.resolve('/late'),
];

for (const result of badResults)
  test(`a pathRewrite that gives ${result === undefined ? 'undefined' : JSON.stringify(result)} is a named 500`, async (t) => {
    const server = await recording(t);
    const { port } = await proxyTo(t, server.url, { pathRewrite: () => result as string });
    const { text } = await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.match(text, /^HTTP\/1\.1 500 /);
    assert.match(text, /ERR_SEKISHO_TARGET: pathRewrite gave/);
    assert.equal(server.seen.length, 0);
  });

test('a pathRewrite that throws is a named 500, and the connection goes on', async (t) => {
  const server = await recording(t);
  const { port } = await proxyTo(t, server.url, {
    pathRewrite: (path) => {
      if (path === '/bad') throw new Error('no such path');
      return path;
    },
  });
  const one = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const { text } = await exchangeRaw(port, one('/bad') + one('/good'));
  assert.match(text, /ERR_SEKISHO_TARGET: pathRewrite failed/);
  assert.match(text, /HTTP\/1\.1 200 OK/);
});

const absolute: readonly (readonly [target: string, host: string, expected: string])[] = [
  ['http://a/x?y', 'a', '/x?y'],
  ['http://a', 'a', '/'],
  ['http://a?y', 'a', '/?y'],
  ['HTTP://A:80/x', 'a', '/x'],
  ['https://a:443/x', 'a:443', '/x'],
  ['http://[::1]:81/', '[::1]:81', '/'],
];

for (const [target, host, expected] of absolute)
  test(`absolute-form: ${target} is ${expected} of ${host}`, async (t) => {
    const server = await recording(t);
    const { port } = await proxyTo(t, server.url);
    await exchangeRaw(port, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.equal(server.seen[0]?.url, expected);
  });

test('absolute-form below a mount loses the mount path, too', async (t) => {
  const server = await recording(t);
  const { port } = await appWith(t, (app) => app.use('/blog', balancedProxy(server.url)));
  for (const path of ['/blog/x', '/blog', '/blog?y'])
    await exchangeRaw(port, `GET http://a${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  assert.deepEqual(
    server.seen.map(({ url }) => url),
    ['/x', '/', '/?y'],
  );
});

for (const base of ['', '/base'])
  test(`OPTIONS * stays * for a server at ${base || '/'}`, async (t) => {
    const server = await recording(t);
    const { port } = await proxyTo(t, server.url + base);
    const { text } = await exchangeRaw(port, 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.match(text, /^HTTP\/1\.1 200 /);
    assert.equal(parts(text).body, 'ok');
    assert.equal(server.seen[0]?.url, '*');
  });

test('the path that Express took off is never guessed: a sibling of the mount is not forwarded', async (t) => {
  const server = await recording(t);
  const { port } = await appWith(t, (app) => {
    app.use('/blog', balancedProxy(server.url));
    app.use(showErrors);
  });
  for (const target of ['/blogs', '//blog/x', '/blo%67x', '/./blog/x']) {
    const { text } = await exchangeRaw(port, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.match(text, /^HTTP\/1\.1 404 /);
  }
  assert.equal(server.seen.length, 0);
});
