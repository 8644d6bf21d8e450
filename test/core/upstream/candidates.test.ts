import assert from 'node:assert/strict';
import { test } from 'node:test';
import { candidatesOf } from '../../../lib/core/upstream/candidates.ts';
import type { Transport } from '../../../lib/core/upstream/server.ts';
import { Server } from '../../../lib/core/upstream/server.ts';

/** Names the state of each server by a letter; capitals are backups. */
function serversOf(letters: string): Server[] {
  return letters.split('').map((letter, index) => {
    const server = new Server(
      {
        url: new URL(`http://s${index}`),
        weight: 1,
        backup: letter !== letter.toLowerCase(),
        maxConnections: Infinity,
      },
      {} as Transport,
    );
    const state = letter.toLowerCase();
    if (state === 'd') server.health = 'down';
    if (state === 'r') server.draining = true;
    if (state === 'x') server.ejected = 'unreachable';
    if (state === 'f') server.ejected = 'failing';
    return server;
  });
}

// o ok, d down by a check, r draining, x unreachable, f ejected for failing
for (const [letters, panic, chosen] of [
  ['', 0.5, []],
  ['oo', 0.5, [0, 1]],
  ['od', 0.5, [0]],
  ['or', 0.5, [0]],
  ['ox', 0.5, [0]],
  ['of', 0.5, [0]],
  ['off', 0.5, [0, 1, 2]],
  ['off', 0.3, [0]],
  ['off', 0, [0]],
  ['ff', 0, [0, 1]],
  ['oxx', 0.5, [0]],
  ['fxx', 0.5, [0]],
  ['oO', 0.5, [0]],
  ['dO', 0.5, [1]],
  ['rO', 0.5, [1]],
  ['xO', 0.5, [1]],
  ['fO', 0.5, [0]],
  ['xX', 0.5, [0]],
  ['dX', 0.5, [1]],
  ['dd', 0.5, []],
  ['dr', 0.5, []],
  ['xd', 0.5, [0]],
  ['xr', 0.5, [0]],
] as [string, number, number[]][])
  test(`of ${letters || 'nobody'} at a panic threshold of ${panic}: ${chosen.join(', ') || 'none'}`, () => {
    const servers = serversOf(letters);
    assert.deepEqual(
      candidatesOf(servers, panic).map((server) => servers.indexOf(server)),
      chosen,
    );
  });
