/** Servers that are killed or restarted while GETs come in: no client may notice. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { assertAllGood, Load, slowest, tally } from './support/load.ts';
import { scene } from './support/scene.ts';

const interval = 500;
const rise = 2;
/** Health checks are shifted by up to a tenth; a busy machine is late. */
const backWithin = rise * interval * 1.1 + 500;
const options = { healthCheck: { path: '/health', interval, rise, fall: 3 } };

suite('kills', { timeout: 120_000 }, () => {
  test('kill -9 of a server fails no GET, and it has traffic again after its checks', async (t) => {
    const { gateway, servers } = await scene(t, { options });
    const [victim] = servers as [(typeof servers)[0]];
    const load = new Load(gateway.url, { rate: 300 });
    await pause(1500);
    await victim.kill();
    await pause(2000);
    assert.equal(await gateway.stateOf(victim), 'down');
    await victim.start();
    await pause(2500);
    const outcomes = await load.stop();

    const { readyAt } = victim.child;
    const served = outcomes.filter(({ server }) => server === victim.name);
    const first = served.find(({ begun }) => begun > readyAt);
    const back = first === undefined ? Infinity : first.ended - readyAt;
    t.diagnostic(
      `${tally(outcomes)}; slowest ${slowest(outcomes).toFixed()} ms; back after ${back.toFixed()} ms`,
    );
    assertAllGood(outcomes);
    assert.ok(back < backWithin, `back after ${back} ms`);
    const since = outcomes.filter(({ begun }) => begun > readyAt + backWithin);
    const share = served.filter(({ begun }) => begun > readyAt + backWithin).length / since.length;
    assert.ok(share > 0.2, `it gets ${share} of the requests`);
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
        await pause(backWithin);
      }
      const outcomes = await load.stop();
      t.diagnostic(`${tally(outcomes)}; slowest ${slowest(outcomes).toFixed()} ms`);
      assertAllGood(outcomes);
      const last = outcomes.slice(-150);
      for (const { name } of servers)
        assert.ok(
          last.some(({ server }) => server === name),
          `${name} is back`,
        );
    });
});
