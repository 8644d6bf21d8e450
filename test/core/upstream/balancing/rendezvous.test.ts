import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Rendezvous } from '../../../../lib/core/upstream/balancing/rendezvous.ts';
import type { Server } from '../../../../lib/core/upstream/server.ts';
import {
  anyRequest,
  candidate,
  candidates,
  nearly,
  requestOf,
  type ServerState,
} from './candidates.ts';

const byPath = (): Rendezvous => new Rendezvous((req) => req.path);
const keys = Array.from({ length: 20_000 }, (_, index) =>
  requestOf({ path: `/image/${index}.png` }),
);

function assign(servers: readonly Server[]): Server[] {
  const balancer = byPath();
  return keys.map((key) => balancer.pick(servers, key));
}

for (const states of [
  [{}, {}, {}, {}, {}],
  [{ weight: 5 }, { weight: 3 }, { weight: 2 }],
  [{ weight: 0.9 }, { weight: 0.1 }],
  [{}, {}, { share: 0.25 }],
  [{ weight: 100 }, { weight: 100 }, { weight: 1, share: 0.5 }],
] as const satisfies readonly (readonly ServerState[])[])
  test(`20,000 keys are shared by weight: ${JSON.stringify(states)}`, () => {
    const servers = candidates(...states);
    const total = servers.reduce((sum, server) => sum + server.effectiveWeight, 0);
    const assigned = assign(servers);
    for (const server of servers) {
      const share = assigned.filter((one) => one === server).length / keys.length;
      const expected = server.effectiveWeight / total;
      assert.ok(nearly(share, expected, 0.012), `${server.name}: ${share} for ${expected}`);
    }
  });

for (const leaver of [0, 1, 2, 3, 4])
  test(`when server ${leaver} of five leaves, exactly its keys move, to all of the others`, () => {
    const servers = candidates({ weight: 2 }, {}, {}, { weight: 3 }, {});
    const before = assign(servers);
    const after = assign(servers.filter((_, index) => index !== leaver));
    const heirs = new Set<Server>();
    for (const [index, server] of before.entries())
      if (server === servers[leaver]) heirs.add(after[index]!);
      else assert.equal(after[index], server);
    assert.equal(heirs.size, 4);
  });

test('when a weight grows, keys move only to that server', () => {
  const servers = candidates({}, {}, {});
  const before = assign(servers);
  servers[1]!.weight = 2;
  const after = assign(servers);
  assert.ok(after.every((server, index) => server === before[index] || server === servers[1]));
  const share = after.filter((server) => server === servers[1]).length / keys.length;
  assert.ok(nearly(share, 0.5, 0.012), `${share}`);
});

test('the order of the candidates and the balancer do not matter', () => {
  const servers = candidates({}, { weight: 2 }, {}, {});
  fc.assert(
    fc.property(fc.string(), fc.shuffledSubarray(servers, { minLength: 4 }), (path, order) => {
      const key = requestOf({ path });
      assert.equal(byPath().pick(order, key), byPath().pick(servers, key));
    }),
  );
});

test('servers that differ in scheme or path only are different servers', () => {
  const servers = ['http://one:80/a', 'http://one:80/b', 'unix:/one', 'unix:/two'].map((url) =>
    candidate(url),
  );
  assert.equal(new Set(assign(servers)).size, 4);
});

test('a single candidate is taken without asking for the key', () => {
  const [server] = candidates({});
  const balancer = new Rendezvous(() => assert.fail('asked'));
  assert.equal(balancer.pick([server!], anyRequest), server);
});
