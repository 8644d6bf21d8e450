import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress, type Address } from '../../../../lib/core/http/address.ts';
import {
  DestinationList,
  parseDestinationEntry,
} from '../../../../lib/core/upstream/destination/destination-list.ts';

function listOf(entry: string): DestinationList {
  const parsed = parseDestinationEntry(entry);
  assert.ok(parsed, entry);
  return new DestinationList([parsed]);
}

for (const [entry, hostname, expected] of [
  ['example.com', 'example.com', true],
  ['example.com', 'a.b.example.com', true],
  ['example.com', 'notexample.com', false],
  ['example.com', 'com', false],
  ['example.com', 'example.com.evil.example', false],
  ['.example.com', 'example.com', true],
  ['*.example.com', 'a.example.com', true],
  ['*.example.com', 'example.com', false],
  ['Example.COM.', 'example.com', true],
  ['bücher.example', 'xn--bcher-kva.example', true],
  ['com', 'example.com', true],
  ['localhost', 'localhost', true],
  ['10.0.0.0/8', '10.0.0.1', false],
] as const)
  test(`${entry} ${expected ? 'has' : 'has not'} the name ${hostname}`, () => {
    assert.equal(listOf(entry).hasName(hostname), expected);
  });

for (const [entry, address, expected] of [
  ['10.0.0.0/8', '10.1.2.3', true],
  ['10.0.0.0/8', '::ffff:10.1.2.3', true],
  ['10.0.0.0/8', '64:ff9b::10.1.2.3', true],
  ['10.0.0.0/8', '2002:a01:203::1', true],
  ['10.0.0.0/8', '11.1.2.3', false],
  ['10.1.2.3', '10.1.2.3', true],
  ['::ffff:10.1.2.3', '10.1.2.3', true],
  ['[2001:db8::1]', '2001:db8::1', true],
  ['2001:db8::/32', '2001:db8::1', true],
  ['0.0.0.0/0', '::1', false],
  ['example.com', '10.1.2.3', false],
] as const)
  test(`${entry} ${expected ? 'has' : 'has not'} the address ${address}`, () => {
    const list = listOf(entry);
    const read = parseAddress(address) as Address;
    assert.equal(list.hasAddress(read), expected);
    assert.equal(list.namesAddress(read), expected && !entry.includes('/'));
  });

for (const entry of [
  '',
  '.',
  '*',
  '*.',
  '*.*.example.com',
  'a..b',
  'a b',
  'a/b',
  'http://example.com',
  'example.com:80',
  'user@example.com',
  '10.0.0.1/8',
  '10.0.0.0/33',
  '0x7f.1',
  '2130706433',
  '[::1',
  '%61',
])
  test(`'${entry}' is no entry`, () => assert.equal(parseDestinationEntry(entry), undefined));
