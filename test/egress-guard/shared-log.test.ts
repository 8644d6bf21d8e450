import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { useClock } from '../../lib/core/clock.ts';
import { parseOptions } from '../../lib/core/options.ts';
import { Guard } from '../../lib/egress-guard/guard.ts';
import { egressSchema, type EgressGuardOptions } from '../../lib/egress-guard/options.ts';
import type { Finding } from '../../lib/egress-guard/rules.ts';
import { siteOf } from '../../lib/egress-guard/site.ts';
import { Watch } from '../../lib/egress-guard/watch.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { until } from '../support/servers.ts';
import { ask, behind, guarded, seeded } from './support.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
const skip = { skip: noRedis };

/** As one process of several has it; what it finds is here. */
function processOf(
  t: TestContext,
  url: string,
  options: EgressGuardOptions = {},
): { guard: Guard; found: Finding[]; visit: (user: string, host: string, bytes: number) => void } {
  const settings = { ...options, store: { url, timeout: 20_000 } };
  const guard = new Guard(parseOptions('egressGuard', egressSchema, settings));
  t.after(() => {
    guard.close();
  });
  const found: Finding[] = [];
  const verdict = { found: (finding: Finding) => found.push(finding) };
  return {
    guard,
    found,
    visit(user, host, bytes) {
      const watch = new Watch(guard, verdict as never, user, siteOf(host), true);
      watch.opened();
      watch.sent(bytes);
    },
  };
}

test('what leaves by one process counts in the other', skip, async (t) => {
  const redis = await startRedis(t);
  const server = await behind(t);
  const options: EgressGuardOptions = {
    mode: 'block',
    volume: { windows: [{ window: '1h', cap: '100kb' }] },
    store: { url: redis.url, timeout: 20_000 },
  };
  const one = await guarded(t, options, server.url);
  const two = await guarded(t, options, server.url);
  const body = ['x'.repeat(60_000)];
  const headers = { host: 'files.example' };
  assert.equal((await ask(one.port, '/', { method: 'POST', headers, body })).status, 200);
  await until(async () => {
    // Small enough not to count itself.
    const { status } = await ask(two.port, '/', { method: 'POST', headers, body: ['x'] });
    assert.equal(status, 200);
    return (await ask(two.port, '/', { method: 'POST', headers, body })).status === 403;
  }, 'the other one knows');
  assert.equal(two.alerts[0]?.rule, 'volume-cap');
});

test('a beacon whose calls go by two processes in turn is found by both', skip, async (t) => {
  const redis = await startRedis(t);
  let now = Date.UTC(2026, 4, 4);
  const turns: (() => void)[] = [];
  const every = (_: number, call: () => void): (() => void) => {
    turns.push(call);
    return () => undefined;
  };
  t.after(useClock({ now: () => now, every }));
  /** What half a second does. */
  const turn = async (): Promise<void> => {
    for (const call of turns) call();
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const options: EgressGuardOptions = { destinations: { learning: 0 } };
  const both = [processOf(t, redis.url, options), processOf(t, redis.url, options)] as const;
  const alone = processOf(t, 'redis://127.0.0.1:1', options);
  const random = seeded(7);
  // Everybody else goes elsewhere.
  for (let user = 0; user < 5; user++) both[0].visit(`user${user}`, 'news.example', 900);
  for (let call = 0; call < 60; call++) {
    now += minute * (0.9 + random() * 0.2);
    // At random, so that neither half of the calls is even by itself.
    const index = random() < 0.5 ? 0 : 1;
    both[index].visit('eve', 'c2.example', 300 + Math.floor(random() * 20));
    if (index === 0) alone.visit('eve', 'c2.example', 300);
    await turn();
  }
  await until(async () => {
    await turn();
    for (const { visit } of both) visit('eve', 'c2.example', 300);
    return both.every(({ found }) => found.some(({ rule }) => rule === 'beacon'));
  }, 'both know');
  assert.deepEqual(
    alone.found.filter(({ rule }) => rule === 'beacon'),
    [],
  );
});

test('a process that starts learns from the log what others have seen', skip, async (t) => {
  const redis = await startRedis(t);
  let now = Date.now();
  t.after(useClock({ now: () => now }));
  const first = processOf(t, redis.url);
  for (let user = 0; user < 30; user++) first.visit(`user${user}`, `site${user}.example`, 1000);
  const client = await redis.client();
  await until(async () => (await client.xLen('sekisho:egress:log')) > 0, 'it is written');
  now += day;
  const second = processOf(t, redis.url);
  await until(() => second.guard.ledger.size.pairs >= 30, 'it is read');
  assert.deepEqual(second.guard.ledger.size, first.guard.ledger.size);
  assert.ok((await client.pTTL('sekisho:egress:log')) > day);
});

test('an alert is told by one process only', skip, async (t) => {
  const redis = await startRedis(t);
  const one = processOf(t, redis.url);
  const two = processOf(t, redis.url);
  const told: string[] = [];
  const raise = ({ guard }: typeof one, name: string): void => {
    const news = guard.alerts.raise('secret alice example.com', () => {
      throw new Error('nobody listens');
    });
    if (news) told.push(name);
    if (news) guard.shared?.told('secret alice example.com');
  };
  raise(one, 'one');
  // The log has an order: who has read this has read what was told before.
  one.visit('bob', 'example.com', 1);
  await until(() => two.guard.ledger.size.users > 0, 'the other has read the log');
  raise(two, 'two');
  assert.deepEqual(told, ['one']);
});

test('garbage in the log, and of another version, is passed over', skip, async (t) => {
  const redis = await startRedis(t);
  const client = await redis.client();
  for (const batch of [
    '',
    'null',
    '[]',
    '{"a":1}',
    '["p",[["u"]],[]]',
    '["p",[["u",1,"x",[]]],[]]',
  ])
    await client.xAdd('sekisho:egress:log', '*', { batch });
  const good = JSON.stringify(['p', [['alice', 'example.com', 10, [Date.now()]]], []]);
  await client.xAdd('sekisho:egress:log', '*', { batch: good });
  const { guard } = processOf(t, redis.url);
  await until(() => guard.ledger.size.pairs === 1, 'the good one is read');
});

for (const state of ['killed', 'hung'] as const)
  test(
    `with Redis ${state}, requests go on without a wait, and each process counts by itself`,
    skip,
    async (t) => {
      const redis = await startRedis(t);
      const server = await behind(t);
      const { port } = await guarded(
        t,
        {
          mode: 'block',
          volume: { windows: [{ window: '1h', cap: '100kb' }] },
          store: { url: redis.url, timeout: 200 },
        },
        server.url,
      );
      const send = async (): Promise<number> =>
        (await ask(port, '/', { method: 'POST', body: ['x'.repeat(40_000)] })).status;
      assert.equal(await send(), 200);
      if (state === 'killed') await redis.stop();
      else redis.pause();
      assert.equal(await send(), 200);
      assert.equal(await send(), 403);
      if (state === 'hung') redis.resume();
    },
  );
