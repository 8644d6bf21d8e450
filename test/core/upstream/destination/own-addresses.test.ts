import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { useClock } from '../../../../lib/core/clock.ts';
import { parseAddress, type Address } from '../../../../lib/core/http/address.ts';
import { OwnAddresses } from '../../../../lib/core/upstream/destination/own-addresses.ts';

const interfaces = Object.values(networkInterfaces())
  .flatMap((some) => some ?? [])
  .map(({ address }) => address.split('%', 1)[0] ?? '');

for (const [text, expected] of [
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['0.0.0.0', true],
  ['::', true],
  ['::ffff:127.0.0.1', true],
  ...interfaces.map((address) => [address, true] as const),
  ['192.0.2.1', false],
  ['2001:db8::1', false],
] as const)
  test(`${text} is ${expected ? '' : 'not '}an address of this machine`, (t) => {
    let now = 0;
    t.after(useClock({ monotonic: () => now }));
    const own = new OwnAddresses();
    for (now = 0; now < 30_000; now += 9000)
      assert.equal(own.has(parseAddress(text) as Address), expected);
  });
