import assert from 'node:assert/strict';
import test from 'node:test';
import { cacheStatus, type CacheStatus } from '../../lib/core/http/cache-status.ts';
import { cacheResult } from '../../lib/metrics/cache-result.ts';

const rows: readonly [status: CacheStatus, result: string][] = [
  [{ ttl: 30_000 }, 'hit'],
  [{ ttl: -5_000 }, 'stale'],
  [{ fwd: 'uri-miss', stored: true }, 'miss'],
  [{ fwd: 'vary-miss' }, 'miss'],
  [{ fwd: 'stale', fwdStatus: 304, stored: true }, 'revalidated'],
  [{ fwd: 'stale', fwdStatus: 200, stored: true }, 'miss'],
  [{ fwd: 'request', fwdStatus: 304 }, 'revalidated'],
  [{ fwd: 'bypass', detail: 'when' }, 'bypass'],
  [{ fwd: 'method' }, 'bypass'],
];

for (const [status, result] of rows) {
  const member = cacheStatus(status);
  test(`${member} is a ${result}`, () => {
    assert.equal(cacheResult(member), result);
  });
}
