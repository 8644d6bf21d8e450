import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import test from 'node:test';
import express from 'express';
import { OptionsError } from '../../lib/core/errors.ts';
import { serve } from '../../lib/core/server/serve.ts';
import { proxyPac, type ProxyPacOptions } from '../../lib/forward-proxy/index.ts';
import { exchangeRaw, listen } from '../support/servers.ts';

async function scriptOf(t: test.TestContext, options: ProxyPacOptions): Promise<string> {
  const { url } = await listen(t, express().get('/proxy.pac', proxyPac(options)));
  const answer = await fetch(`${url}/proxy.pac`);
  assert.equal(answer.headers.get('content-type'), 'application/x-ns-proxy-autoconfig');
  return answer.text();
}

/** As a browser runs it, with the functions that browsers give it. */
function run(script: string, url: string): string {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const number = (address: string): number =>
    address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return runInNewContext(`${script};FindProxyForURL(url, host)`, {
    url,
    host,
    isPlainHostName: (name: string) => !name.includes('.'),
    isInNet: (address: string, base: string, mask: string) =>
      (number(address) & number(mask)) >>> 0 === number(base),
    dnsResolve: () => assert.fail('no browser should be stopped by DNS'),
  }) as string;
}

const proxy = 'http://proxy.example:3128';
const way = 'PROXY proxy.example:3128';

const cases: readonly [options: Partial<ProxyPacOptions>, url: string, way: string][] = [
  [{}, 'http://www.example.com/', way],
  [{}, 'https://www.example.com/', way],
  [{}, 'http://localhost:3000/', 'DIRECT'],
  [{}, 'http://a.localhost/', 'DIRECT'],
  [{}, 'http://127.0.0.53/', 'DIRECT'],
  [{}, 'http://intranet/', 'DIRECT'],
  [{}, 'http://[2001:db8::1]/', way],
  [{ directPlainNames: false }, 'http://intranet/', way],
  [{ direct: ['example.com'] }, 'http://example.com/', 'DIRECT'],
  [{ direct: ['example.com'] }, 'http://WWW.Example.com./', 'DIRECT'],
  [{ direct: ['example.com'] }, 'http://badexample.com/', way],
  [{ direct: ['*.example.com'] }, 'http://example.com/', way],
  [{ direct: ['*.example.com'] }, 'http://a.example.com/', 'DIRECT'],
  [{ direct: ['10.0.0.0/8'] }, 'http://10.1.2.3/', 'DIRECT'],
  [{ direct: ['10.0.0.0/8'] }, 'http://11.1.2.3/', way],
  [{ direct: ['192.0.2.7'] }, 'http://192.0.2.7/', 'DIRECT'],
  [{ direct: ['192.0.2.7'] }, 'http://192.0.2.8/', way],
  [{ direct: ['0.0.0.0/0'] }, 'http://192.0.2.8/', 'DIRECT'],
  [{ direct: ['bücher.example'] }, 'http://bücher.example/', 'DIRECT'],
  [
    { proxy: [proxy, 'https://second.example'] },
    'http://a.example/',
    `${way}; HTTPS second.example:443`,
  ],
  [{ fallBackToDirect: true }, 'http://a.example/', `${way}; DIRECT`],
  [{ proxy: 'http://[2001:db8::1]:3128' }, 'http://a.example/', 'PROXY [2001:db8::1]:3128'],
];

for (const [options, url, expected] of cases)
  test(`proxyPac(${JSON.stringify(options)}): ${url} by ${expected}`, async (t) => {
    assert.equal(run(await scriptOf(t, { proxy, ...options }), url), expected);
  });

const wrong: readonly [options: object, message: RegExp][] = [
  [{}, /proxy: /],
  [{ proxy: 'proxy.example:3128' }, /'proxy\.example:3128' is no proxy/],
  [{ proxy: 'http://a:b@proxy.example' }, /has credentials/],
  [{ proxy: 'http://proxy.example/"; alert(1)' }, /more than host and port/],
  [{ proxy: [] }, /empty/],
  [{ proxy, direct: ['a"b'] }, /is no destination/],
  [{ proxy, direct: ['2001:db8::/32'] }, /is IPv6/],
  [{ proxy, directs: [] }, /did you mean 'direct'/],
];

for (const [options, message] of wrong)
  test(`proxyPac refuses ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => proxyPac(options as ProxyPacOptions),
      (error) => error instanceof OptionsError && message.test(error.message),
    );
  });

test('it is a local route: other methods and requests for elsewhere pass', async (t) => {
  const app = express().use(proxyPac({ proxy }), (_req, res) => void res.status(410).end());
  const { url, close } = await serve(app, { host: '127.0.0.1', gracePeriod: 0 });
  t.after(close);
  const port = Number(new URL(url).port);
  const ask = async (line: string): Promise<string> =>
    (await exchangeRaw(port, `${line} HTTP/1.1\r\nHost: a\r\n\r\n`)).text;
  assert.match(await ask('POST /'), /^HTTP\/1\.1 410 /);
  assert.match(await ask('GET http://a/proxy.pac'), /^HTTP\/1\.1 410 /);
  assert.match(await ask('HEAD /'), /^HTTP\/1\.1 200 [^]*max-age=3600/);
});
