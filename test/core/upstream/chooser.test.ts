import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { clock } from '../../../lib/core/clock.ts';
import { parseOptions } from '../../../lib/core/options.ts';
import { Chooser } from '../../../lib/core/upstream/chooser.ts';
import { Membership } from '../../../lib/core/upstream/membership.ts';
import { poolSchema, type PoolOptions } from '../../../lib/core/upstream/pool-options.ts';
import type { Server } from '../../../lib/core/upstream/server.ts';
import { Silence } from '../../../lib/core/upstream/silence.ts';
import { candidate } from './balancing/candidates.ts';
import { request, standStill } from './pool-support.ts';

/** Servers 1 and 2, 3 a backup; the first usable one is chosen. */
function open(t: TestContext, options: PoolOptions = {}) {
  const time = standStill(t);
  const members = new Membership(
    () => ({ dispatch: () => true, close: () => Promise.resolve(), destroy: () => undefined }),
    Infinity,
  );
  const definition = (port: number) => ({
    url: new URL(`http://127.0.0.1:${port}`),
    weight: 1,
    backup: port === 3,
    maxConnections: Infinity,
  });
  members.replace([1, 2, 3].map(definition), false);
  const parsed = parseOptions('test', poolSchema, { balance: 'first', ...options });
  const silence = new Silence();
  return {
    time,
    silence,
    servers: members.servers,
    chooser: new Chooser({ name: 'images', options: parsed, members, silence }),
  };
}

type Change = Partial<
  Pick<Server, 'health' | 'ejected' | 'draining' | 'inflight' | 'maxConnections' | 'probation'>
>;
const down: Change = { health: 'down' };
const unreachable: Change = { ejected: 'unreachable' };
const full: Change = { maxConnections: 1, inflight: 1 };

/** What is chosen (a port, or undefined when all are full) with servers like this, after trying those ports. */
for (const [what, changes, tried, chosen] of [
  ['all are well', [], [], 1],
  ['one was tried', [], [1], 2],
  ['both primaries were tried', [], [1, 2], 3],
  ['all were tried', [], [1, 2, 3], 1],
  ['one is down', [down], [], 2],
  ['one drains', [{ draining: true }], [], 2],
  ['the one not tried is unreachable', [{}, unreachable], [1], 3],
  ['the primaries are unreachable', [unreachable, unreachable], [], 3],
  ['nobody can be reached', [unreachable, unreachable, unreachable], [], 1],
  ['nobody can be reached and one was tried', [unreachable, unreachable, unreachable], [1], 2],
  [
    'nobody can be reached and all were tried',
    [unreachable, unreachable, unreachable],
    [1, 2, 3],
    'ERR_SEKISHO_NO_SERVER',
  ],
  ['all are down', [down, down, down], [], 'ERR_SEKISHO_NO_SERVER'],
  ['one is full', [full], [], 2],
  ['the primaries are full', [full, full], [], undefined],
  ['the one not tried is full', [{}, full], [1], undefined],
  ['one on probation has its request', [{ probation: true, inflight: 1 }], [], 2],
  [
    'nobody can be reached and each is being tried',
    Array(3).fill({ ...unreachable, probation: true, inflight: 1 }),
    [],
    'ERR_SEKISHO_NO_SERVER',
  ],
] as [string, Change[], number[], number | string | undefined][])
  test(`${what}: ${chosen ?? 'wait'}`, (t) => {
    const { chooser, servers } = open(t);
    changes.forEach((change, index) => Object.assign(servers[index]!, change));
    chooser.refresh();
    const choose = () =>
      chooser.choose(
        request(),
        servers.filter(({ url }) => tried.includes(Number(url.port))),
      );
    if (typeof chosen === 'string') assert.throws(choose, { code: chosen });
    else assert.equal(choose()?.url.port, chosen?.toString());
  });

for (const [what, change, tried, onFailure, chosen] of [
  ['well', {}, [], 'redistribute', 2],
  ['full', full, [], 'redistribute', undefined],
  ['down', down, [], 'redistribute', 1],
  ['down', down, [], 'reject', 'ERR_SEKISHO_STICKY_LOST'],
  ['tried', {}, [2], 'redistribute', 1],
  ['tried', {}, [2], 'reject', 'ERR_SEKISHO_STICKY_LOST'],
  ['full', full, [], 'reject', undefined],
] as [string, Change, number[], 'reject' | 'redistribute', number | string | undefined][])
  test(`a client's own server is ${what} (${onFailure}): ${chosen ?? 'wait'}`, (t) => {
    const { chooser, servers } = open(t, { sticky: { onFailure } });
    const own = servers[1]!;
    const cookie = chooser.cookie(request(), own)!.split(';')[0]!;
    assert.equal(chooser.cookie(request({ cookie }), own), undefined, 'it has it already');
    Object.assign(own, change);
    chooser.refresh();
    const choose = () =>
      chooser.choose(
        request({ cookie }),
        servers.filter(({ url }) => tried.includes(Number(url.port))),
      );
    if (typeof chosen === 'string')
      assert.throws(choose, { code: chosen, headers: { 'Retry-After': '1' } });
    else assert.equal(choose()?.url.port, chosen?.toString());
  });

for (const others of ['answer', 'are silent, too'] as const)
  test(`a silent server is ${others === 'answer' ? 'avoided' : 'chosen'} when the others ${others}`, (t) => {
    const { chooser, servers, silence, time } = open(t);
    chooser.refresh();
    const now = clock.monotonic();
    const hung = others === 'answer' ? servers.slice(0, 1) : servers;
    for (const server of hung) for (let turn = 0; turn < 3; turn++) silence.asked(server, now);
    // The last to answer may have left the pool since.
    const answering = others === 'answer' ? servers[1]! : candidate('http://127.0.0.1:4');
    silence.answered(answering, 1, now + 10);
    time.advance(1000);
    assert.equal(chooser.choose(request(), [])?.url.port, others === 'answer' ? '2' : '1');
  });
