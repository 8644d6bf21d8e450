import assert from 'node:assert/strict';
import { test } from 'node:test';
import { First } from '../../../../lib/core/upstream/balancing/first.ts';
import { candidates } from './candidates.ts';

for (const [what, states, picked] of [
  ['the first', [{}, {}], 0],
  ['the first although busier', [{ inflight: 5, maxConnections: 6 }, {}], 0],
  ['the second when the first is full', [{ inflight: 6, maxConnections: 6 }, {}], 1],
  ['the first when all are full', [{ maxConnections: 0 }, { maxConnections: 0 }], 0],
] as const)
  test(`picks ${what}`, () => {
    const servers = candidates(...states);
    assert.equal(new First().pick(servers), servers[picked]);
  });
