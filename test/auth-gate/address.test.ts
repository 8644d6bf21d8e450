import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressKey } from '../../lib/auth-gate/address.ts';

for (const [ip, key] of [
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['2001:DB8:0001:0002:0:0:0:1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:0:0:1::', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
  ['a:b:c:d:e:f:192.0.2.7', 'a:b:c:d::/64'],
  ['1::5:6:7:8:9', '1:0:0:5::/64'],
  [undefined, ''],
] as const)
  test(`${String(ip)} counts as ${key}`, () => {
    assert.equal(addressKey(ip), key);
  });
