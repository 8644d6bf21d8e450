import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { runExample } from '../support/example.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { until } from '../support/servers.ts';
import { appOf, send, statusOf, type Answer } from './support.ts';

type Gateway = (
  path: string,
  method?: string,
  more?: Readonly<Record<string, string>>,
) => Promise<Answer>;

/** The same site for both, whatever their ports. */
const headers = { 'X-Forwarded-Host': 'shop.example' };

async function gateway(t: TestContext, redis: string, origin: string): Promise<Gateway> {
  const { url } = await runExample(t, 'test/cache/gateway-process.ts', {}, [redis, origin]);
  const { port } = new URL(url);
  return async (path, method = 'GET', more = {}) =>
    send(Number(port), path, { method, headers: { ...headers, ...more, Host: 'shop.example' } });
}

test('two processes share one Redis', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  let asked = 0;
  const { url } = await appOf(t, [
    (_req, res) => {
      asked += 1;
      const count = asked;
      setTimeout(() => res.set('Cache-Control', 'max-age=60').send(`answer ${count}`), 100);
    },
  ]);
  const [one, two] = await Promise.all([gateway(t, redis.url, url), gateway(t, redis.url, url)]);
  const hit = async (ask: Gateway, path: string): Promise<void> =>
    until(
      // The answer goes out before it is in Redis: who asks in between would fetch his own.
      async () =>
        statusOf(await ask(path, 'GET', { 'Cache-Control': 'only-if-cached' })) === 'sekisho; hit',
      `${path} is a hit`,
    );

  assert.equal((await one('/a')).body, 'answer 1');
  await hit(two, '/a');
  assert.equal(asked, 1, 'what one has stored the other gives');

  const both = await Promise.all([one, two, one, two, one, two].map(async (ask) => ask('/b')));
  assert.deepEqual(new Set(both.map(({ body }) => body)), new Set(['answer 2']));
  assert.equal(asked, 2, 'one fetch for both');

  assert.equal((await one('/a', 'PURGE')).body, '{"purged":1}');
  assert.equal((await two('/a')).body, 'answer 3');

  await redis.stop();
  assert.match((await one('/a')).body, /^answer \d$/);
  assert.equal((await two('/b')).status, 200);
  assert.equal((await one('/b', 'PURGE')).status, 500, 'nobody can say that it is gone');
  await redis.start();
  await until(async () => {
    await one('/c');
    return statusOf(await two('/c')) === 'sekisho; hit';
  }, 'it is shared again');
});
