import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addressClass,
  embeddedAddresses,
  isWithin,
  parseAddress,
  parseNetwork,
  type Address,
} from '../../../lib/core/http/address.ts';

function read(text: string): Address {
  const address = parseAddress(text);
  assert.ok(address, text);
  return address;
}

for (const [text, expected] of [
  ['192.0.2.1', '192.0.2.1'],
  ['0.0.0.0', '0.0.0.0'],
  ['2001:DB8:0:0::1', '2001:db8::1'],
  ['::', '::'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['0:0:0:0:0:FFFF:C000:201', '192.0.2.1'],
  ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
] as const)
  test(`the address ${text} is ${expected}`, () => assert.equal(read(text).text, expected));

for (const text of [
  '',
  '1.2.3',
  '1.2.3.4.5',
  '256.0.0.1',
  '01.2.3.4',
  '1.2.3.4 ',
  '0x7f.0.0.1',
  '2130706433',
  'example.com',
  '[::1]',
  'fe80::1%eth0',
  '::1/128',
  ':::',
  '1:2:3',
  '::1]/@[::',
  `${'0'.repeat(60)}::1`,
])
  test(`'${text}' is no address`, () => assert.equal(parseAddress(text), undefined));

for (const [text, kind] of [
  ['1.1.1.1', 'public'],
  ['9.255.255.255', 'public'],
  ['11.0.0.0', 'public'],
  ['100.63.255.255', 'public'],
  ['100.64.0.0', 'shared'],
  ['100.100.100.200', 'metadata'],
  ['100.127.255.255', 'shared'],
  ['100.128.0.0', 'public'],
  ['126.255.255.255', 'public'],
  ['127.0.0.0', 'loopback'],
  ['128.0.0.0', 'public'],
  ['168.63.129.16', 'metadata'],
  ['168.63.129.17', 'public'],
  ['169.254.0.0', 'link-local'],
  ['169.254.169.254', 'metadata'],
  ['169.255.0.0', 'public'],
  ['172.15.255.255', 'public'],
  ['172.16.0.0', 'private'],
  ['172.32.0.0', 'public'],
  ['192.0.0.9', 'reserved'],
  ['192.0.1.0', 'public'],
  ['192.31.196.1', 'reserved'],
  ['192.52.193.1', 'reserved'],
  ['192.88.99.2', 'reserved'],
  ['198.17.255.255', 'public'],
  ['198.19.255.255', 'benchmarking'],
  ['198.51.100.1', 'documentation'],
  ['203.0.113.255', 'documentation'],
  ['223.255.255.255', 'public'],
  ['224.0.0.0', 'multicast'],
  ['240.0.0.0', 'reserved'],
  ['255.255.255.255', 'reserved'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['::2', 'reserved'],
  ['::8.8.8.8', 'reserved'],
  ['::ffff:8.8.8.8', 'public'],
  ['::ffff:10.0.0.1', 'private'],
  ['::ffff:0:8.8.8.8', 'reserved'],
  ['64:ff9b::8.8.8.8', 'public'],
  ['64:ff9b::127.0.0.1', 'loopback'],
  ['64:ff9b:0:1::8.8.8.8', 'reserved'],
  ['64:ff9b:1::8.8.8.8', 'reserved'],
  ['100::1', 'reserved'],
  ['1fff:ffff::', 'reserved'],
  ['2000::1', 'public'],
  ['2001:0:808:808::f7f7:f7f7', 'public'],
  ['2001::8.8.8.8', 'unspecified'],
  ['2001:1::1', 'reserved'],
  ['2001:20::1', 'reserved'],
  ['2001:1ff:ffff::', 'reserved'],
  ['2001:200::', 'public'],
  ['2001:db8::', 'documentation'],
  ['2001:db9::', 'public'],
  ['2002:808:808::1', 'public'],
  ['2002:7f00:1::1', 'loopback'],
  ['2606:4700:4700::1111', 'public'],
  ['2606:4700::5efe:192.168.0.1', 'private'],
  ['2606:4700::200:5efe:8.8.8.8', 'public'],
  ['2620:4f:8000::1', 'reserved'],
  ['3fff:fff::1', 'documentation'],
  ['3fff:1000::1', 'public'],
  ['4000::', 'reserved'],
  ['5f00::1', 'reserved'],
  ['9fff::', 'reserved'],
  ['fc00::', 'private'],
  ['fd00:ec2::254', 'metadata'],
  ['fd20:ce::254', 'metadata'],
  ['fe80::1', 'link-local'],
  ['fec0::1', 'private'],
  ['ff02::1', 'multicast'],
] as const)
  test(`${text} is ${kind}`, () => {
    assert.equal(addressClass(read(text)), kind);
  });

for (const [address, network, expected] of [
  ['10.1.2.3', '10.0.0.0/8', true],
  ['11.0.0.0', '10.0.0.0/8', false],
  ['192.0.2.127', '192.0.2.0/25', true],
  ['192.0.2.128', '192.0.2.0/25', false],
  ['255.1.1.1', '0.0.0.0/0', true],
  ['::1', '0.0.0.0/0', false],
  ['127.0.0.1', '::/0', false],
  ['2001:db8:7fff::', '2001:db8::/33', true],
  ['2001:db8:8000::', '2001:db8::/33', false],
  ['::ffff:10.1.2.3', '10.1.2.3', true],
  ['2001:db8::1', '2001:db8::1', true],
] as const)
  test(`${address} is ${expected ? '' : 'not '}within ${network}`, () => {
    const block = parseNetwork(network);
    assert.ok(block);
    assert.equal(isWithin(read(address), block), expected);
  });

for (const text of [
  '10.0.0.1/8',
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/08',
  '::/129',
  '10/8',
  '::ffff:10.0.0.0/104',
  'a/8',
])
  test(`'${text}' is no block`, () => assert.equal(parseNetwork(text), undefined));

const quads = fc.ipV4();
const ends = fc.integer({ min: 0, max: 0xffff });

function hex(quad: string): [string, string] {
  const [a = 0, b = 0, c = 0, d = 0] = quad.split('.').map(Number);
  return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
}

test('an address inside of NAT64 and 6to4 addresses is judged as by itself', () => {
  fc.assert(
    fc.property(quads, ends, (quad, end) => {
      const kind = addressClass(read(quad));
      const [high, low] = hex(quad);
      assert.equal(addressClass(read(`::ffff:${quad}`)), kind);
      assert.equal(addressClass(read(`64:ff9b::${quad}`)), kind);
      assert.equal(addressClass(read(`2002:${high}:${low}::${end.toString(16)}`)), kind);
    }),
  );
});

test('a Teredo address is public when server and client are', () => {
  fc.assert(
    fc.property(quads, quads, ends, (server, client, port) => {
      const [high, low] = hex(client).map((group) =>
        (Number.parseInt(group, 16) ^ 0xffff).toString(16),
      ) as [string, string];
      const teredo = read(`2001:0:${hex(server).join(':')}:0:${port.toString(16)}:${high}:${low}`);
      assert.deepEqual(
        embeddedAddresses(teredo).map(({ text }) => text),
        [server, client],
      );
      assert.equal(
        addressClass(teredo) === 'public',
        [server, client].every((quad) => addressClass(read(quad)) === 'public'),
      );
    }),
  );
});

test('every spelling of an IPv6 address is the same address', () => {
  fc.assert(
    fc.property(fc.array(ends, { minLength: 8, maxLength: 8 }), (groups) => {
      const long = groups.map((group) => group.toString(16).padStart(4, '0')).join(':');
      const address = read(long);
      assert.deepEqual(read(long.toUpperCase()), address);
      assert.deepEqual(read(address.text), address);
      if (address.groups.length === 8) assert.deepEqual(address.groups, groups);
    }),
  );
});
