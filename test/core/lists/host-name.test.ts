import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAddress, plainHost } from '../../../lib/core/lists/host-name.ts';

for (const [host, expected] of [
  ['WWW.Example.COM', 'www.example.com'],
  ['example.com.', 'example.com'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['ＥＸＡＭＰＬＥ.com', 'example.com'],
  ['_dmarc.example.com', '_dmarc.example.com'],
  ['localhost', 'localhost'],
  ['1.2.3.4', '1.2.3.4'],
  ['0x7f.1', '127.0.0.1'],
  ['2130706433', '127.0.0.1'],
  ['010.0.0.1', '8.0.0.1'],
  ['１.２.３.４', '1.2.3.4'],
  ['[2001:DB8::0001]', '2001:db8::1'],
  ['2001:db8:0:0::1', '2001:db8::1'],
  ['::ffff:1.2.3.4', '::ffff:102:304'],
  ['3com.example', '3com.example'],
  ['a.1b', 'a.1b'],
  ['', undefined],
  ['.', undefined],
  ['a..b', undefined],
  ['a..', undefined],
  ['.a', undefined],
  ['1.2.3.4.5', undefined],
  ['a.b.256.1', undefined],
  ['fe80::1%eth0', undefined],
  ['[::1', undefined],
  ['a/b', undefined],
  ['user@a.example', undefined],
  ['a b', undefined],
  ['a\\b', undefined],
  ['a%2eb', undefined],
  ['ä/b', undefined],
  ['a.example:80', undefined],
  [`${'a'.repeat(64)}.example`, undefined],
  [`${'a.'.repeat(127)}a`, undefined],
] as const)
  test(`${JSON.stringify(host.slice(0, 40))} is ${String(expected)}`, () => {
    assert.equal(plainHost(host), expected);
    if (expected !== undefined) assert.equal(plainHost(expected), expected, 'its own spelling');
  });

for (const [host, expected] of [
  ['1.2.3.4', true],
  ['2001:db8::1', true],
  ['::a', true],
  ['a.example', false],
  ['a.example4', false],
] as const)
  test(`${host} is ${expected ? 'an' : 'no'} address`, () => {
    assert.equal(isAddress(host), expected);
  });

test('never throws, and is its own spelling', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary' }), fc.domain(), fc.ipV4Extended(), fc.ipV6()),
      (text) => {
        const host = plainHost(text);
        if (host !== undefined) assert.equal(plainHost(host), host);
      },
    ),
    { interruptAfterTimeLimit: 2000 },
  );
});
