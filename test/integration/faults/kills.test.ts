/** Servers that are killed or restarted while GETs come in: no client may notice. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../support/servers.ts';
import { assertAllGood, Load, slowest, tally, type Outcome } from './support/load.ts';
import { scene } from './support/scene.ts';

const interval = 500;
const rise = 2;
/** Health checks are shifted by up to a tenth; a busy machine is late. An ejection would take longer. */
const backWithin = rise * interval * 1.1 + 2500;
const limit = 30_000;
const options = { healthCheck: { path: '/health', interval, rise, fall: 3 } };

suite('kills', { timeout: 240_000 }, () => {
  test('kill -9 of a server fails no GET, and it has traffic again after its checks', async (t) => {
    const { gateway, servers } = await scene(t, { options });
    const [victim] = servers as [(typeof servers)[0]];
    const load = new Load(gateway.url, { rate: 300 });
    await pause(1500);
    await victim.kill();
    await until(async () => (await gateway.stateOf(victim)) === 'down', 'it is found down', limit);
    await victim.start();
    const { readyAt } = victim.child;
    const isBack = (outcome: Outcome): boolean =>
      outcome.server === victim.name && outcome.begun > readyAt;
    await until(() => load.ended.some(isBack), 'it has traffic', limit);
    await until(() => load.shareOf(victim.name) > 0.2, 'it has its share', limit);
    const outcomes = await load.stop();

    const first = outcomes.find(isBack);
    const back = first === undefined ? Infinity : first.ended - readyAt;
    t.diagnostic(
      `${tally(outcomes)}; slowest ${slowest(outcomes).toFixed()} ms; back after ${back.toFixed()} ms`,
    );
    assertAllGood(outcomes);
    assert.ok(back < backWithin, `back after ${back} ms`);
  });

  for (const signal of ['SIGKILL', 'SIGTERM'] as const)
    test(`a rolling restart of all servers by ${signal} fails no GET`, async (t) => {
      const { gateway, servers } = await scene(t, { options });
      const load = new Load(gateway.url, { rate: 300 });
      await pause(1000);
      for (const server of servers) {
        await server.kill(signal);
        await pause(200);
        await server.start();
        await until(async () => (await gateway.stateOf(server)) === 'up', 'it is back', limit);
      }
      for (const { name } of servers)
        await until(() => load.shareOf(name) > 0.1, `${name} has traffic`, limit);
      const outcomes = await load.stop();
      t.diagnostic(`${tally(outcomes)}; slowest ${slowest(outcomes).toFixed()} ms`);
      assertAllGood(outcomes);
    });
});
