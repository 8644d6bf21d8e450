import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { useClock } from '../../lib/core/clock.ts';
import { parseOptions } from '../../lib/core/options.ts';
import { Guard } from '../../lib/egress-guard/guard.ts';
import { Inspection, type BodyFields } from '../../lib/egress-guard/inspection.ts';
import { egressSchema, type EgressGuardOptions } from '../../lib/egress-guard/options.ts';
import type { Finding } from '../../lib/egress-guard/rules.ts';
import { until } from '../support/servers.ts';

const secret = 'AKIAIOSFODNN7EXAMPLE';

function inspect(
  t: TestContext,
  options: EgressGuardOptions,
  fields: Partial<BodyFields> = {},
): { inspection: Inspection; found: Finding[]; ended: () => boolean } {
  const inspected = { inspection: { timeBudget: '60s', ...options.inspection } } as const;
  const guard = new Guard(parseOptions('egressGuard', egressSchema, { ...options, ...inspected }));
  t.after(() => {
    guard.close();
  });
  const found: Finding[] = [];
  let ended = false;
  const inspection = new Inspection(
    guard,
    'body',
    { encoding: undefined, type: undefined, ...fields },
    {
      found: (finding) => found.push(finding),
      onDrain: () => undefined,
      onEnd: () => {
        assert.equal(ended, false, 'it ends once');
        ended = true;
      },
    },
  );
  return { inspection, found, ended: () => ended };
}

test('the time that is spent is counted within one large body, too', (t) => {
  let now = 0;
  // Each look at the clock takes a millisecond.
  t.after(useClock({ monotonic: () => now++ }));
  const { inspection, found, ended } = inspect(t, { inspection: { timeBudget: 10 } });
  inspection.write(Buffer.concat([Buffer.alloc(5 << 20, 'a b '), Buffer.from(` ${secret} `)]));
  inspection.end();
  assert.deepEqual(
    found.map(({ rule, evidence }) => [rule, evidence.reason, evidence.milliseconds]),
    [['uninspected', 'time', 11]],
  );
  assert.ok(ended());
});

test('an empty body ends, with and without a coding', async (t) => {
  for (const encoding of [undefined, 'gzip', 'rot13']) {
    const { inspection, ended } = inspect(t, {}, { encoding });
    inspection.end();
    await until(ended, String(encoding));
  }
});

test('a body that becomes unreadable while its end is waited for ends all the same', async (t) => {
  const { inspection, found, ended } = inspect(t, {}, { encoding: 'gzip' });
  inspection.write(gzipSync(Buffer.alloc(100_000, 'abc ')).subarray(0, 60));
  inspection.end();
  await until(ended, 'the end');
  assert.deepEqual(
    found.map(({ rule }) => rule),
    ['unreadable'],
  );
});

test('codings on top of each other are undone in turn', async (t) => {
  const { inspection, found, ended } = inspect(t, {}, { encoding: 'gzip, gzip' });
  inspection.write(gzipSync(gzipSync(`the key ${secret} `)));
  inspection.end();
  await until(ended, 'the end');
  assert.equal(found[0]?.evidence.offset, 8);
});

test('with nothing to look for nothing is undone', (t) => {
  const { inspection, found, ended } = inspect(t, { patterns: false }, { encoding: 'rot13' });
  assert.equal(inspection.write(Buffer.from('x')), true);
  inspection.end();
  assert.ok(ended());
  assert.deepEqual(found, []);
});
