/** WebSockets whose server dies, and whose proxy is told to go. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { until } from '../../support/servers.ts';
import { scene, type Gateway } from './support/scene.ts';

interface Connected {
  readonly socket: WebSocket;
  /** The code it was closed with. */
  readonly closed: Promise<number>;
}

async function connected(t: TestContext, gateway: Gateway): Promise<Connected> {
  const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/socket`);
  t.after(() => socket.terminate());
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  await once(socket, 'open');
  return { socket, closed };
}

async function echo({ socket }: Connected, text: string): Promise<string> {
  socket.send(text);
  const [message] = (await once(socket, 'message')) as [Buffer];
  return message.toString();
}

const serve = { gracePeriod: 4000, signals: ['SIGTERM'] } as const;

suite('websockets', { timeout: 240_000 }, () => {
  test('the sockets of a killed server end; the others and new ones go on', async (t) => {
    const { gateway, servers } = await scene(t, { options: { balance: 'round-robin' } });
    const all: Connected[] = [];
    for (let index = 0; index < 30; index++) all.push(await connected(t, gateway));
    for (const one of all) assert.equal(await echo(one, 'before'), 'before');
    const ended: number[] = [];
    for (const { closed } of all) void closed.then((code) => ended.push(code));
    await servers[0]?.kill();
    await until(() => ended.length >= 10, 'ten end');
    await pause(200);
    t.diagnostic(`${ended.length} of ${all.length} ended, with ${[...new Set(ended)].join(', ')}`);
    assert.equal(ended.length, 10);
    // 1006: no Close frame came, the connection just ended.
    assert.deepEqual(
      ended.filter((code) => code !== 1006),
      [],
    );
    for (const one of all.filter(({ socket }) => socket.readyState === WebSocket.OPEN))
      assert.equal(await echo(one, 'after'), 'after');
    for (let index = 0; index < 6; index++)
      assert.equal(await echo(await connected(t, gateway), 'new'), 'new');
  });

  test('SIGTERM closes them with 1001 after the grace period', async (t) => {
    const { gateway } = await scene(t, { serve });
    const all: Connected[] = [];
    for (let index = 0; index < 10; index++) all.push(await connected(t, gateway));
    const told = performance.now();
    const exit = once(gateway.child.process, 'exit') as Promise<[number | null]>;
    gateway.child.signal('SIGTERM');
    await pause(500);
    for (const one of all)
      assert.equal(await echo(one, 'in the grace period'), 'in the grace period');
    const codes = await Promise.all(all.map(({ closed }) => closed));
    const [code] = await exit;
    const took = performance.now() - told;
    t.diagnostic(`closed with ${[...new Set(codes)].join(', ')}; ended after ${took.toFixed()} ms`);
    assert.deepEqual(
      codes,
      all.map(() => 1001),
    );
    assert.equal(code, 0);
    assert.ok(took > serve.gracePeriod * 0.9 && took < serve.gracePeriod + 8000, `${took} ms`);
  });
});
