/** Downloads and uploads while servers are killed: what looks whole is whole. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { content, digestOf } from './support/content.ts';
import { isGood, Load, tally, type LoadOptions, type Outcome } from './support/load.ts';
import { lostWithoutDeath, scene, type UpstreamServer } from './support/scene.ts';

const length = 300_000;
const whole = content(length);
const digest = digestOf(whole);

const healthCheck = { path: '/health', interval: 300, fall: 2 };

async function transferDuringKills(
  url: string,
  servers: readonly UpstreamServer[],
  options: LoadOptions,
): Promise<readonly Outcome[]> {
  const load = new Load(url, options);
  await pause(500);
  for (const server of servers) {
    await server.kill();
    await pause(100);
    await server.start();
    await pause(1000);
  }
  return load.stop();
}

suite('transfers', { timeout: 240_000 }, () => {
  for (const [framing, query] of [
    ['with a length', ''],
    ['in chunks', '&chunked'],
  ] as const)
    test(`a download ${framing} from a killed server never looks whole`, async (t) => {
      const { gateway, servers } = await scene(t, { options: { healthCheck } });
      // 19 pieces: a download takes about 200 ms, so some are in the middle at each kill.
      const outcomes = await transferDuringKills(gateway.url, servers, {
        rate: 50,
        path: `/bytes/${length}?pause=10${query}`,
      });
      const good = outcomes.filter(isGood);
      const broken = outcomes.filter(({ error, status }) => error !== undefined && status === 200);
      t.diagnostic(`${tally(outcomes)}; broken off ${broken.length}`);
      assert.ok(broken.length > 0, 'some were in the middle');
      assert.deepEqual(
        good.filter(({ digest: own }) => own !== digest),
        [],
      );
      assert.ok(
        good.length > outcomes.length * 0.6,
        `${good.length} of ${outcomes.length} are good`,
      );
      const early = lostWithoutDeath(
        outcomes.filter((outcome) => !isGood(outcome)),
        servers,
      );
      assert.equal(early.length, 0, `broken off without a death: ${tally(early)}`);
    });

  test('an upload to a killed server is whole or an error', async (t) => {
    // 50 a second for 200 ms over three servers: each has about three in hand when it is killed.
    const { gateway, servers } = await scene(t, {
      servers: [{ delay: 200 }, { delay: 200 }, { delay: 200 }],
      options: { healthCheck },
    });
    const outcomes = await transferDuringKills(gateway.url, servers, {
      rate: 50,
      method: 'PUT',
      path: '/upload',
      body: whole,
    });
    const good = outcomes.filter(isGood);
    const bad = outcomes.filter((outcome) => !isGood(outcome));
    t.diagnostic(tally(outcomes));
    assert.deepEqual(
      good.filter(({ text }) => text !== digest),
      [],
    );
    assert.ok(bad.length > 0, 'some were in the middle');
    assert.ok(good.length > outcomes.length * 0.6, `${good.length} of ${outcomes.length} are good`);
    assert.deepEqual(
      bad.filter(({ status = 0 }) => status < 500),
      [],
      'a lost one gets an error answer',
    );
  });
});
