import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  forwarded,
  forwardedElement,
  parseForwarded,
  plainAddress,
  xForwardedFor,
  xForwardedPort,
  xForwardedPrefix,
  type ForwardedElement,
} from '../../../lib/core/http/forwarded.ts';

for (const [element, field] of [
  [{}, ''],
  [{ for: '192.0.2.60' }, 'for=192.0.2.60'],
  [{ for: '192.0.2.43:47011' }, 'for="192.0.2.43:47011"'],
  [{ for: '2001:db8:cafe::17' }, 'for="[2001:db8:cafe::17]"'],
  [{ for: '[2001:db8:cafe::17]' }, 'for="[2001:db8:cafe::17]"'],
  [{ for: '[2001:db8:cafe::17]:4711' }, 'for="[2001:db8:cafe::17]:4711"'],
  [{ for: '::ffff:192.0.2.60' }, 'for=192.0.2.60'],
  [{ for: 'fe80::1%eth0' }, 'for="[fe80::1]"'],
  [{ for: '_SEVKISEK' }, 'for=_SEVKISEK'],
  [{ for: '_gazonk:_p' }, 'for="_gazonk:_p"'],
  [{ for: 'unknown' }, 'for=unknown'],
  [{ for: 'evil",for=1.1.1.1' }, 'for=unknown'],
  [{ for: '1.1.1.1\r\nX: y' }, 'for=unknown'],
  [{ for: '' }, 'for=unknown'],
  [{ host: 'example.com' }, 'host=example.com'],
  [{ host: 'example.com:8080' }, 'host="example.com:8080"'],
  [{ host: '[::1]:8080' }, 'host="[::1]:8080"'],
  [{ host: 'a";proto=https' }, ''],
  [{ proto: 'ht;tp' }, ''],
  [
    { proto: 'https', host: 'a', by: '203.0.113.43', for: '192.0.2.60' },
    'for=192.0.2.60;by=203.0.113.43;host=a;proto=https',
  ],
] satisfies [ForwardedElement, string][]) {
  test(`forwardedElement(${JSON.stringify(element)}) is '${field}'`, () => {
    assert.equal(forwardedElement(element), field);
  });
}

for (const [field, elements] of [
  ['for=192.0.2.43', [{ for: '192.0.2.43' }]],
  ['For="[2001:db8:cafe::17]:4711"', [{ for: '[2001:db8:cafe::17]:4711' }]],
  [
    'for=192.0.2.60;proto=http;by=203.0.113.43',
    [{ for: '192.0.2.60', by: '203.0.113.43', proto: 'http' }],
  ],
  ['for=192.0.2.43, for=198.51.100.17', [{ for: '192.0.2.43' }, { for: '198.51.100.17' }]],
  ['for=a ;  host=b\t,\tfor=c', [{ for: 'a', host: 'b' }, { for: 'c' }]],
  ['for="a\\"b"', [{ for: 'a"b' }]],
  ['for=a;secret=b', [{ for: 'a' }]],
  ['', undefined],
  ['for', undefined],
  ['for=', undefined],
  ['for=a;', undefined],
  ['for=a,', undefined],
  ['for=[::1]', undefined],
  ['for=a;for=b', undefined],
  ['for="a', undefined],
  ['for="a"b', undefined],
  ['for = a', undefined],
  ['for=a\r\nb=c', undefined],
] as const) {
  test(`parseForwarded(${JSON.stringify(field)}) is ${JSON.stringify(elements)}`, () => {
    assert.deepEqual(parseForwarded(field), elements);
  });
}

test('fuzz: nothing in an element can add a parameter or another element', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom('a";proto="x', '1.2.3.4, for=5.6.7.8', '\\"', '_a', '10.0.0.1', '::1', 'a:80'),
  );
  const element = fc.record({ for: text, by: text, host: text, proto: text });
  fc.assert(
    fc.property(element, fc.option(fc.constant('for=192.0.2.1')), (given, previous) => {
      const elements = parseForwarded(forwarded(previous ?? undefined, given));
      assert.equal(elements?.length, previous === null ? 1 : 2);
      const own = elements.at(-1)!;
      for (const name of ['host', 'proto'] as const)
        if (own[name] !== undefined) assert.equal(own[name], given[name]);
    }),
    { numRuns: 3000 },
  );
});

for (const [previous, address, field] of [
  [undefined, '192.0.2.1', '192.0.2.1'],
  ['', '192.0.2.1', '192.0.2.1'],
  ['10.0.0.1', '::ffff:192.0.2.1', '10.0.0.1, 192.0.2.1'],
  ['10.0.0.1, 10.0.0.2', '2001:db8::1', '10.0.0.1, 10.0.0.2, 2001:db8::1'],
] as const) {
  test(`X-Forwarded-For behind '${previous}' with ${address} is '${field}'`, () => {
    assert.equal(xForwardedFor(previous, address), field);
  });
}

for (const [host, proto, port] of [
  ['a:8080', 'http', '8080'],
  ['[::1]:8443', 'https', '8443'],
  ['a', 'http', '80'],
  ['a', 'https', '443'],
  [undefined, 'https', '443'],
  ['a:no', 'http', '80'],
] as const) {
  test(`X-Forwarded-Port of ${proto}://${host} is ${port}`, () => {
    assert.equal(xForwardedPort(host, proto), port);
  });
}

for (const [previous, prefix, field] of [
  [undefined, '/blog', '/blog'],
  [undefined, '', ''],
  [undefined, '/', ''],
  ['/outer', '/blog', '/outer/blog'],
  ['/outer/', '/blog', '/outer/blog'],
] as const) {
  test(`X-Forwarded-Prefix behind '${previous}' with '${prefix}' is '${field}'`, () => {
    assert.equal(xForwardedPrefix(previous, prefix), field);
  });
}

for (const [address, plain] of [
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::1', '::1'],
] as const) {
  test(`plainAddress('${address}') is ${plain}`, () => {
    assert.equal(plainAddress(address), plain);
  });
}
