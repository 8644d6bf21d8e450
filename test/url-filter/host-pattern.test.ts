import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDomain } from '../../lib/url-filter/host-pattern.ts';
import type { UrlFilterOptions } from '../../lib/url-filter/index.ts';
import { filtered } from './support.ts';

for (const [text, name, apex, port] of [
  ['example.com', 'example.com', true, undefined],
  ['.example.com', 'example.com', true, undefined],
  ['*.example.com', 'example.com', false, undefined],
  ['EXAMPLE.com.', 'example.com', true, undefined],
  ['example.com:8080', 'example.com', true, 8080],
  ['bücher.example', 'xn--bcher-kva.example', true, undefined],
  ['*.BÜCHER.example', 'xn--bcher-kva.example', false, undefined],
  ['ｅxample.com', 'example.com', true, undefined],
  ['127.0.0.1', '127.0.0.1', true, undefined],
  ['0x7f.1', '127.0.0.1', true, undefined],
  ['2130706433', '127.0.0.1', true, undefined],
  ['[::1]', '::1', true, undefined],
  ['::1', '::1', true, undefined],
  ['[0:0::1]:443', '::1', true, 443],
  ['_dmarc.example.com', '_dmarc.example.com', true, undefined],
  ['localhost', 'localhost', true, undefined],
] as const)
  test(`${text} is ${name}`, () => {
    assert.deepEqual(readDomain(text), { name, apex, port });
  });

for (const text of [
  '',
  '*',
  '*.',
  '.',
  'a b',
  'a@b',
  'a/b',
  'a\\b',
  'a%2eb',
  'a..b',
  'a:0',
  'a:x',
  '[::1',
  '1.2.3.999',
  '[fe80::1%eth0]',
  '.127.0.0.1',
  '-*-.example',
])
  test(`'${text}' is no host pattern`, () => {
    assert.equal(typeof readDomain(text), 'string');
  });

const deny = (host: string): UrlFilterOptions => ({ deny: [{ host }] });

for (const [pattern, host, status] of [
  ['example.com', 'example.com', 403],
  ['example.com', 'EXAMPLE.COM', 403],
  ['example.com', 'example.com.', 403],
  ['example.com', 'example.com:8080', 403],
  ['example.com', 'a.b.example.com', 403],
  ['example.com', 'notexample.com', 200],
  ['example.com', 'example.com.evil.example', 200],
  ['*.example.com', 'example.com', 200],
  ['*.example.com', 'a.example.com', 403],
  ['bücher.example', 'xn--bcher-kva.example', 403],
  ['bücher.example', 'www.XN--BCHER-KVA.example', 403],
  ['bücher.example', 'b\xfccher.example', 400],
  ['[::1]', '[0:0:0:0:0:0:0:1]:80', 403],
  ['127.0.0.1', '127.0.0.1', 403],
  ['127.0.0.1', '0x7f.1', 400],
  ['127.0.0.1', '2130706433', 400],
  ['0.0.1', '127.0.0.1', 200],
  ['example.com', 'example%2ecom', 400],
  ['example.com', 'user@example.com', 400],
  ['example.com', 'example.com,other.example', 400],
  ['example.com', '[::1', 400],
  ['example.com', '', 400],
] as const)
  test(`deny ${pattern}: Host '${host}' is answered ${status}`, async (t) => {
    const { ask } = await filtered(t, deny(pattern));
    const { status: answered, json } = await ask('/', { host });
    assert.equal(answered, status);
    if (status === 400) assert.equal(json.code, 'ERR_SEKISHO_BAD_HOST');
  });

test('a malformed Host is nobody’s business where no rule is about hosts', async (t) => {
  const { ask } = await filtered(t, { deny: ['/a'] });
  assert.equal((await ask('/', { host: 'a b' })).status, 200);
});

test('two Hosts are refused, whichever is first', async (t) => {
  const { ask } = await filtered(t, deny('evil.example'));
  for (const [host, other] of [
    ['good.example', 'evil.example'],
    ['evil.example', 'good.example'],
  ] as const) {
    const { status, json } = await ask('/', { host, fields: [`Host: ${other}`] });
    assert.deepEqual([status, json.code], [400, 'ERR_SEKISHO_BAD_HOST']);
  }
});

for (const [trust, status] of [
  [false, 200],
  ['loopback', 403],
] as const)
  test(`X-Forwarded-Host with trust proxy ${trust}`, async (t) => {
    const { ask } = await filtered(t, deny('evil.example'), (app) => app.set('trust proxy', trust));
    const fields = ['X-Forwarded-Host: evil.example'];
    assert.equal((await ask('/', { host: 'good.example', fields })).status, status);
    // Nor does it take a denied host out of the filter's sight.
    const back = await ask('/', {
      host: 'evil.example',
      fields: ['X-Forwarded-Host: good.example'],
    });
    assert.equal(back.status, trust === false ? 403 : 200);
  });
