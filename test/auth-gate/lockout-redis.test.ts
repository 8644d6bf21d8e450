import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noRedis, startRedis } from '../support/redis.ts';
import { until } from '../support/servers.ts';
import { basic, gated, hashes, heard, passwords } from './support.ts';

const users = { alice: hashes.bcrypt, bob: hashes.sha1 };

async function status(
  gate: Awaited<ReturnType<typeof gated>>,
  name: string,
  password: string,
): Promise<number> {
  const answer = await gate.ask(basic(name, password));
  await answer.arrayBuffer();
  return answer.status;
}

test('two processes count together, and learn of a success', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  const lockout = { attempts: 4, base: '1h', max: '1h', store: { url: redis.url, timeout: '5s' } };
  const [one, two] = [
    await gated(t, { basic: { users }, lockout }),
    await gated(t, { basic: { users }, lockout }),
  ];
  // Each alone would not have reached four.
  assert.equal(await status(one, 'alice', 'a'), 401);
  assert.equal(await status(two, 'alice', 'b'), 401);
  assert.equal(await status(one, 'alice', 'c'), 401);
  assert.equal(await status(two, 'alice', 'd'), 401);
  for (const gate of [one, two]) assert.equal(await status(gate, 'alice', passwords.bcrypt), 429);
  assert.equal(await status(one, 'bob', passwords.sha1), 200);

  const client = await redis.client();
  const keys = await client.keys('*');
  assert.ok(keys.length >= 3 && keys.every((key) => key.startsWith('sekisho:lockout:')));
  for (const key of keys) assert.ok((await client.pTTL(key)) > 0, `${key} is forgotten one day`);

  // Three slips at one, success at the other: forgiven for both.
  for (const gate of [one, two, one]) assert.equal(await status(gate, 'bob', 'slip'), 401);
  assert.equal(await status(two, 'bob', passwords.sha1), 200);
  await until(
    async () => (await client.exists('sekisho:lockout:pair:127.0.0.1 bob')) === 0,
    'forgiven',
  );
  assert.equal(await status(one, 'bob', 'slip'), 401);
  assert.equal(await status(one, 'bob', passwords.sha1), 200);
});

test(
  'a Redis that goes away: each process counts by itself, and the operator hears of it',
  { skip: noRedis },
  async (t) => {
    const redis = await startRedis(t);
    const warnings = heard(t, 'sekisho:warning');
    const gate = await gated(t, {
      basic: { users },
      lockout: { attempts: 3, store: { url: redis.url, timeout: '10s' } },
    });
    assert.equal(await status(gate, 'alice', 'a'), 401);
    await redis.stop();
    assert.equal(await status(gate, 'bob', passwords.sha1), 200);
    assert.equal(await status(gate, 'alice', 'b'), 401);
    assert.equal(await status(gate, 'alice', 'c'), 401);
    assert.equal(await status(gate, 'alice', passwords.bcrypt), 429);
    assert.ok(warnings.some(({ message }) => message.includes('authGate counts failed attempts')));
  },
);

test('a Redis that was never there stops nobody', async (t) => {
  const gate = await gated(t, {
    basic: { users },
    lockout: { attempts: 2, store: { url: 'redis://127.0.0.1:1', timeout: '200ms' } },
  });
  assert.equal(await status(gate, 'bob', passwords.sha1), 200);
  assert.equal(await status(gate, 'alice', 'a'), 401);
  assert.equal(await status(gate, 'alice', 'b'), 401);
  assert.equal(await status(gate, 'alice', passwords.bcrypt), 429);
});
