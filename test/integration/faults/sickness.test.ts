/** Servers that are there and do not do their work: stopped, resetting, failing, slow. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { BalanceOption } from '../../../lib/core/upstream/balancing/index.ts';
import { until } from '../../support/servers.ts';
import { assertAllGood, Load, slowest, tally, type Outcome } from './support/load.ts';
import { scene, type Scene, type UpstreamServer } from './support/scene.ts';

const headers = 3000;
const limit = 30_000;
const baseTime = 1000;

function sharesOf(outcomes: readonly Outcome[], server: UpstreamServer): number {
  return outcomes.filter((outcome) => outcome.server === server.name).length / outcomes.length;
}

function first({ servers }: Scene): UpstreamServer {
  return servers[0] as UpstreamServer;
}

suite('sickness', { timeout: 240_000 }, () => {
  for (const [how, more] of [
    ['by its traffic alone', {}],
    [
      'with active checks',
      { healthCheck: { path: '/health', interval: 500, timeout: 500, rise: 2, fall: 2 } },
    ],
  ] as const)
    test(`a stopped server costs a handful of slow requests, ${how}`, async (t) => {
      const options = { timeouts: { headers }, ejection: { baseTime }, ...more };
      const stage = await scene(t, { options });
      const { gateway } = stage;
      const sick = first(stage);
      const load = new Load(gateway.url, { rate: 300 });
      await pause(1000);
      sick.child.signal('SIGSTOP');
      await until(
        async () => /ejected|down/.test((await gateway.stateOf(sick)) ?? ''),
        'it is taken out',
        limit,
      );
      await pause(2000);
      sick.child.signal('SIGCONT');
      // Whatever the time of its ejection or the pause of its checks: it is tried again.
      const before = load.ended.length;
      await until(
        () => load.ended.slice(before).some(({ server }) => server === sick.name),
        'traffic is back',
        limit,
      );
      await until(() => load.shareOf(sick.name) > 0.2, 'it gets its share', limit);
      const outcomes = await load.stop();
      // Those that waited for the stopped one: what a busy machine holds up is not its fault.
      const slow = outcomes.filter(({ milliseconds }) => milliseconds > 0.8 * headers);
      t.diagnostic(
        `${tally(outcomes)}; slow ${slow.length}; slowest ${slowest(outcomes).toFixed()} ms; ` +
          (await gateway.ejectionsOf(sick)).map(({ reason }) => reason).join(', '),
      );
      assertAllGood(outcomes);
      assert.ok(slow.length <= 12, `${slow.length} slow requests`);
      // The timeout is kept within a tenth; the second attempt goes to a server that answers at once.
      assert.ok(slowest(outcomes) < headers * 1.1 + 2000, `${slowest(outcomes)} ms`);
    });

  for (const [what, closing] of [
    ['keeps its connections', false],
    ['closes each connection after its answer', true],
  ] as const)
    test(`resets right after accept on half of one server's connections fail no GET: it ${what}`, async (t) => {
      const stage = await scene(t, {
        servers: [{ resetShare: 0.5, closing }, {}, {}],
        options: { ejection: { baseTime } },
      });
      const load = new Load(stage.gateway.url, { rate: 300 });
      await pause(5000);
      const outcomes = await load.stop();
      const { resets } = await first(stage).child.ask<{ resets: number }>({ counts: true });
      t.diagnostic(
        `${tally(outcomes)}; resets ${resets}; ` +
          (await stage.gateway.ejectionsOf(first(stage))).map(({ reason }) => reason).join(', '),
      );
      assert.ok(resets > 0, 'some connections were reset');
      assertAllGood(outcomes);
    });

  test('a server with 30 % of 500s is ejected, and brought back when it behaves', async (t) => {
    const stage = await scene(t, {
      servers: [{ errorShare: 0.3 }, {}, {}],
      options: { ejection: { baseTime } },
    });
    const sick = first(stage);
    const load = new Load(stage.gateway.url, { rate: 300 });
    await pause(4000);
    const errors = load.ended.filter(({ status }) => status === 500).length;
    const asked = load.ended.length;
    const ejections = await stage.gateway.ejectionsOf(sick);
    await sick.behave({ errorShare: 0 });
    const behaves = performance.now();
    await until(
      async () => (await stage.gateway.stateOf(sick)) !== 'ejected',
      'it is brought back',
      limit,
    );
    await until(() => load.shareOf(sick.name) > 0.2, 'it gets its share', limit);
    const outcomes = await load.stop();
    t.diagnostic(
      `${errors} errors among the first ${asked}; then ${tally(outcomes.filter(({ begun }) => begun > behaves))}; ` +
        ejections.map(({ reason }) => reason).join(', '),
    );
    assert.ok(ejections.some(({ ejected }) => ejected));
    // Nobody else is to blame, and without ejection one request in ten would fail.
    assert.ok(errors < asked / 20, `${errors} of ${asked} failed`);
    assertAllGood(outcomes.filter(({ begun }) => begun > behaves));
  });

  for (const balance of [
    'power-of-two',
    'least-connections',
    'least-time',
  ] as const satisfies readonly BalanceOption[])
    test(`a server 50 times slower gets almost nothing by ${balance}`, async (t) => {
      const stage = await scene(t, {
        servers: [{ delay: 500 }, { delay: 10 }, { delay: 10 }],
        // The policy alone, without a judge that takes the slow one out.
        options: { balance, ejection: false },
      });
      // When the machine stands still for a moment, requests pile up, and all servers are slow alike.
      let outcomes: readonly Outcome[] = [];
      let share = 1;
      for (let attempt = 0; attempt < 3 && share >= 0.05; attempt++) {
        const load = new Load(stage.gateway.url, { rate: 300 });
        await pause(4000);
        outcomes = await load.stop();
        assertAllGood(outcomes);
        share = sharesOf(outcomes, first(stage));
      }
      t.diagnostic(`${tally(outcomes)}; share of the slow one ${(100 * share).toFixed(1)} %`);
      assert.ok(share < 0.05, `it gets ${share} of the requests`);
      for (const other of stage.servers.slice(1))
        assert.ok(sharesOf(outcomes, other) > 0.3, `${other.name} gets its part`);
    });
});
