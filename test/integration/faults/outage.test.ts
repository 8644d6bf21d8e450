/** All servers down, or all refusing: answers stay fast, and nothing makes it worse. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../support/servers.ts';
import { isGood, Load, median, slowest, tally, type Outcome } from './support/load.ts';
import { scene } from './support/scene.ts';

const interval = 2000;
/** Health checks are shifted by up to a tenth; a busy machine is late. A second interval would be more. */
const backWithin = 1.1 * interval + 1500;
/** From the end of the servers until the proxy has heard of it. */
const news = 500;

suite('outage', { timeout: 240_000 }, () => {
  for (const [when, noticed] of [
    ['before a check has noticed', false],
    ['after the checks have called them down', true],
  ] as const)
    test(`all servers down: fast 503 with Retry-After, and back within one health interval, ${when}`, async (t) => {
      const { gateway, servers } = await scene(t, {
        options: { healthCheck: { path: '/health', interval, rise: 2, fall: 3 } },
      });
      const load = new Load(gateway.url, { rate: 200 });
      await pause(500);
      await Promise.all(servers.map((server) => server.kill()));
      const dead = performance.now();
      await pause(news + 500);
      if (noticed)
        await until(
          async () => (await gateway.servers()).every(({ state }) => state === 'down'),
          'all are called down',
        );
      const restarting = performance.now();
      const isBack = (outcome: Outcome): boolean => outcome.ended > restarting && isGood(outcome);
      await Promise.all(servers.map((server) => server.start()));
      const ready = Math.max(...servers.map(({ child }) => child.readyAt));
      await until(() => load.ended.some(isBack), 'it is back');
      await pause(Math.max(0, ready + backWithin + 1000 - performance.now()));
      const outcomes = await load.stop();

      const during = outcomes.filter(
        ({ begun, ended }) => begun > dead + news && ended < restarting,
      );
      const first = outcomes.find(isBack);
      const back = first === undefined ? Infinity : first.ended - ready;
      const late = outcomes.filter((outcome) => outcome.begun > ready + backWithin);
      t.diagnostic(
        `${tally(outcomes)}; while down ${tally(during)}, median ${median(during).toFixed(1)} ms, ` +
          `slowest ${slowest(during).toFixed()} ms; back after ${back.toFixed()} ms`,
      );
      assert.ok(during.length > 0);
      assert.deepEqual(
        during.filter(
          ({ status, retryAfter }) => status !== 503 || !/^[1-9]\d*$/.test(retryAfter ?? ''),
        ),
        [],
      );
      assert.ok(median(during) < 250, `median ${median(during)} ms`);
      assert.ok(back < backWithin, `back after ${back} ms`);
      assert.deepEqual(
        late.filter((outcome) => !isGood(outcome)),
        [],
      );
    });

  test('all servers answer 503: at most 1.2 upstream requests per client request', async (t) => {
    const { gateway, servers } = await scene(t, {
      servers: [{ status: 503 }, { status: 503 }, { status: 503 }],
      options: { retries: { statuses: [503], attempts: 3 } },
    });
    const load = new Load(gateway.url, { rate: 200 });
    await pause(6000);
    const outcomes = await load.stop();
    const counts = await Promise.all(servers.map((server) => server.requests()));
    const asked = counts.reduce((sum, count) => sum + count, 0);
    const amplification = asked / outcomes.length;
    t.diagnostic(`${tally(outcomes)}; upstream ${asked}, ${amplification.toFixed(3)} per request`);
    assert.deepEqual(
      outcomes.filter(({ status, error }) => status !== 503 || error !== undefined),
      [],
    );
    assert.ok(amplification <= 1.2, `${amplification} upstream requests per request`);
    assert.ok(amplification > 1.1, `there were retries: ${amplification}`);
  });
});
