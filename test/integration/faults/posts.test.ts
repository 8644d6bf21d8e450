/** POSTs while servers are killed: each is executed at most once, and its client hears what became of it. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { isGood, Load, slowest, tally } from './support/load.ts';
import { lostWithoutDeath, scene } from './support/scene.ts';

suite('posts', { timeout: 240_000 }, () => {
  for (const [size, length] of [
    ['small', 100],
    // More than is kept for another attempt.
    ['100 KB', 100_000],
  ] as const)
    test(`POSTs of ${size} during kills: none twice, none without an answer, lost only those in flight`, async (t) => {
      const { gateway, servers } = await scene(t, {
        servers: [{ delay: 20 }, { delay: 20 }, { delay: 20 }],
        options: {
          healthCheck: { path: '/health', interval: 300, fall: 2 },
          retries: { attempts: 3 },
        },
      });
      const load = new Load(gateway.url, {
        rate: 200,
        method: 'POST',
        path: (count) => `/post/${count}`,
        body: Buffer.alloc(length, 'x'),
      });
      await pause(500);
      for (const server of [...servers, ...servers]) {
        await server.kill();
        await pause(100);
        await server.start();
        await pause(1000);
      }
      const outcomes = await load.stop();

      const executed = servers.flatMap((server) => server.executed);
      const lost = outcomes.filter((outcome) => !isGood(outcome));
      const kills = servers.flatMap((server) => server.deaths).length;
      t.diagnostic(
        `${tally(outcomes)}; executed ${executed.length}, ` +
          `of those without a 200 ${executed.length - (outcomes.length - lost.length)}; slowest ${slowest(outcomes).toFixed()} ms`,
      );
      assert.equal(new Set(executed).size, executed.length, 'none is executed twice');
      const known = new Set(executed);
      assert.deepEqual(
        outcomes.filter((outcome) => isGood(outcome) && !known.has(outcome.path)),
        [],
        'whoever got a 200 was executed',
      );
      assert.deepEqual(
        lost.filter(
          ({ status, error }) => error !== undefined || status === undefined || status < 500,
        ),
        [],
        'whoever got none got an error answer',
      );
      assert.ok(lost.length > 0, 'some were in flight');
      const early = lostWithoutDeath(lost, servers);
      assert.equal(early.length, 0, `lost without a death: ${tally(early)}`);
      // 20 ms of 200 per second over three servers are one or two at a time, and more where all is slower.
      assert.ok(lost.length <= kills * 12, `${lost.length} lost in ${kills} kills`);
    });
});
