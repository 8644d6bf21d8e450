import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseHost } from '../../../lib/core/http/host.ts';

const label = 'a'.repeat(63);

for (const [value, hostname, port] of [
  ['example.com', 'example.com', undefined],
  ['Shop.EXAMPLE.com', 'shop.example.com', undefined],
  ['example.com.', 'example.com', undefined],
  ['example.com.:8080', 'example.com', 8080],
  ['localhost:1', 'localhost', 1],
  ['example.com:', 'example.com', undefined],
  ['example.com.:', 'example.com', undefined],
  ['[::1]:', '[::1]', undefined],
  ['a_b.example-1.com:65535', 'a_b.example-1.com', 65535],
  ['r3---sn.example.com', 'r3---sn.example.com', undefined],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example', undefined],
  ['127.0.0.1:80', '127.0.0.1', 80],
  ['255.249.199.0', '255.249.199.0', undefined],
  ['1.2.3.4.example', '1.2.3.4.example', undefined],
  ['[::1]', '[::1]', undefined],
  ['[::1]:443', '[::1]', 443],
  ['[2001:DB8:0:0::1]:8080', '[2001:db8::1]', 8080],
  ['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', undefined],
  [
    `${label}.${label}.${label}.${'a'.repeat(63)}`,
    `${label}.${label}.${label}.${label}`,
    undefined,
  ],
] as const) {
  test(`parseHost('${value.slice(0, 40)}') is ${hostname.slice(0, 40)} and ${port}`, () => {
    assert.deepEqual(parseHost(value), { hostname, port });
  });
}

for (const [value, why] of [
  ['', 'empty'],
  ['.', 'no name'],
  ['.example.com', 'empty label'],
  ['a..b', 'empty label'],
  ['example.com..', 'two trailing dots'],
  [':80', 'no name'],
  [':', 'no name'],
  ['a::', 'two colons'],
  ['a.:x', 'letters in the port'],
  ['a:0', 'port 0'],
  ['a:080', 'leading zero in the port'],
  ['a:65536', 'port too high'],
  ['a:100000', 'port too long'],
  ['a:8o', 'letters in the port'],
  ['a:80:80', 'two ports'],
  ['a:-1', 'sign in the port'],
  ['user@a', 'userinfo'],
  ['user:secret@a', 'userinfo'],
  ['a b', 'white space'],
  [' a', 'white space'],
  ['a ', 'white space'],
  ['a\t', 'white space'],
  ['a\r\nb', 'control bytes'],
  ['a\0', 'control bytes'],
  ['a\n', 'a line feed at the end'],
  ['a,b', 'a list'],
  ['a/b', 'path'],
  ['a\\b', 'backslash'],
  ['a?b', 'query'],
  ['a#b', 'fragment'],
  ['%61', 'escape'],
  ['bücher.example', 'not ASCII'],
  ['*.example.com', 'wildcard'],
  ['1.2.3', 'short IPv4'],
  ['1.2.3.4.5', 'long IPv4'],
  ['256.1.1.1', 'IPv4 part too high'],
  ['010.0.0.1', 'octal IPv4'],
  ['1.2.3.00', 'octal IPv4'],
  ['2130706433', 'IPv4 as one number'],
  ['0x7f.0.0.1', 'hex IPv4'],
  ['0x7f000001', 'hex IPv4'],
  ['127.0.0.0x1', 'hex IPv4'],
  ['::1', 'IPv6 without brackets'],
  ['[::1', 'open bracket'],
  ['[]', 'empty brackets'],
  ['[::1]x', 'text behind the bracket'],
  ['[1.2.3.4]', 'IPv4 in brackets'],
  ['[fe80::1%25eth0]', 'zone'],
  ['[fe80::1%eth0]', 'zone'],
  ['[1:2:3]', 'short IPv6'],
  ['[::1::2]', 'two gaps'],
  ['[v1.a]', 'future address'],
  [`${label}a.example`, 'label too long'],
  [`${`${label}.`.repeat(4)}com`, 'name too long'],
] as const) {
  test(`parseHost(${JSON.stringify(value).slice(0, 40)}) is malformed: ${why}`, () => {
    assert.equal(parseHost(value), undefined);
  });
}

test('fuzz: never throws, and what it reads it reads again alike and as a URL does', () => {
  const atom = fc.constantFrom(...'aZ09.-_:[]%@/\\, \0*'.split(''), '::', 'ff', '1.', '0x', 'é');
  fc.assert(
    fc.property(fc.array(atom, { maxLength: 12 }), (parts) => {
      const reading = parseHost(parts.join(''));
      if (reading === undefined) return;
      assert.deepEqual(parseHost(reading.hostname), { ...reading, port: undefined });
      assert.equal(new URL(`http://${reading.hostname}/`).hostname, reading.hostname);
    }),
    { numRuns: 5000 },
  );
});
