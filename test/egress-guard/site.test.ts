import assert from 'node:assert/strict';
import test from 'node:test';
import { siteOf, subscriberOf } from '../../lib/egress-guard/site.ts';

for (const [hostname, domain, subdomain, isAddress] of [
  ['www.example.com', 'example.com', 'www', false],
  ['a.b.example.co.jp', 'example.co.jp', 'a.b', false],
  ['one.github.io', 'one.github.io', '', false],
  ['x.bucket.s3.amazonaws.com', 'bucket.s3.amazonaws.com', 'x', false],
  ['intranet', 'intranet', '', false],
  ['203.0.113.7', '203.0.113.7', '', true],
  ['2001:db8::1', '2001:db8::1', '', true],
  ['', '', '', false],
] as const)
  test(`'${hostname}' belongs to '${domain}'`, () => {
    assert.deepEqual(siteOf(hostname), { hostname, domain, subdomain, isAddress });
  });

for (const [address, subscriber] of [
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['no:address', 'no:address'],
  [undefined, ''],
] as const)
  test(`${String(address)} is the subscriber '${subscriber}'`, () => {
    assert.equal(subscriberOf(address), subscriber);
  });
