import assert from 'node:assert/strict';
import test from 'node:test';
import { Subdomains } from '../../lib/egress-guard/subdomains.ts';
import type { Finding } from '../../lib/egress-guard/rules.ts';
import { seeded } from './support.ts';

const policy = { names: 100, entropy: 3.5, window: 3_600_000 };

function after(count: number, name: (number: number) => string, step = 1000): Finding | undefined {
  const names = new Subdomains();
  let last: Finding | undefined;
  for (let number = 0; number < count; number++)
    last = names.add(name(number), number * step, policy);
  return last;
}

const random = seeded(5);
const data = (length: number): string =>
  Array.from({ length }, () => Math.floor(random() * 32).toString(32)).join('');

test('many long names of data are a tunnel', () => {
  const finding = after(300, () => data(40));
  assert.equal(finding?.rule, 'dns-tunnel');
  assert.ok(Number(finding.evidence.names) > 250);
  assert.ok(Number(finding.evidence.entropy) > 3.5);
});

for (const [what, count, name, step] of [
  ['few of them', 60, () => data(40), 1000],
  [
    'the same ones again and again',
    3000,
    (number: number) => `d41d8cd98f00b204e980${number % 50}`,
    1000,
  ],
  ['many over a long time', 300, () => data(40), 60_000],
  ['short ones', 3000, (number: number) => `img${number}`, 1000],
  [
    'words',
    3000,
    (number: number) =>
      `shop-number-${'a'.repeat(number % 7)}-${number % 10}-aaaaaaaaaaaa-${number % 333}`,
    1000,
  ],
] as const)
  test(`${what} are none`, () => {
    assert.equal(after(count, name, step), undefined);
  });
