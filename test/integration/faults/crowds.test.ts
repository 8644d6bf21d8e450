/** Many clients at once: slow readers and idle connections cost little memory and hold nobody up. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { suite, test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../support/servers.ts';
import { content, digestOf } from './support/content.ts';
import { assertAllGood, Load, median, slowest, tally } from './support/load.ts';
import { scene, type Gateway } from './support/scene.ts';

const megabyte = 1024 * 1024;

/** Reads what comes only when told to. */
class SlowReader {
  readonly socket: Socket;
  readonly chunks: Buffer[] = [];
  bytes = 0;

  constructor(port: number, path: string) {
    this.socket = connect({ port, host: '127.0.0.1' });
    this.socket.on('error', () => undefined);
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    this.socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      this.chunks.push(chunk);
    });
  }

  /** A little, as a slow line would. */
  async sip(): Promise<void> {
    this.socket.resume();
    await once(this.socket, 'data');
    this.socket.pause();
  }
}

/** Bytes that are in use, after a garbage collection. */
async function held(gateway: Gateway): Promise<number> {
  await gateway.child.ask({ collect: true });
  const usage = await gateway.child.ask<NodeJS.MemoryUsage>({ usage: true });
  return usage.heapUsed + usage.external;
}

async function fastRequests(gateway: Gateway): Promise<ReturnType<Load['stop']>> {
  const load = new Load(gateway.url, { rate: 200 });
  await pause(1500);
  return load.stop();
}

/**
 * Ten thousand requests: the engine lets the space for young objects grow to its full size only under load,
 * and what that takes is no reader's.
 */
async function warmUp(gateway: Gateway): Promise<void> {
  const loops = Array.from({ length: 20 }, async () => {
    const socket = connect({ port: gateway.port, host: '127.0.0.1' });
    for (let count = 0; count < 500; count++) {
      socket.write('GET /small HTTP/1.1\r\nHost: a\r\n\r\n');
      await once(socket, 'data');
    }
    socket.destroy();
  });
  await Promise.all(loops);
}

function open(t: TestContext, port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  t.after(() => socket.destroy());
  return socket;
}

suite('crowds', { timeout: 240_000 }, () => {
  test('200 slow readers of 5 MB cost less than 64 KB each, and fast requests stay fast', async (t) => {
    const { gateway } = await scene(t);
    const length = 5 * megabyte;
    await warmUp(gateway);
    const before = await fastRequests(gateway);
    const heldBefore = await held(gateway);
    const base = gateway.memory;

    const readers = Array.from({ length: 200 }, () => {
      const reader = new SlowReader(gateway.port, `/bytes/${length}`);
      t.after(() => reader.socket.destroy());
      return reader;
    });
    await Promise.all(readers.map((reader) => reader.sip()));
    let peak = gateway.memory;
    const sips = async (): ReturnType<Load['stop']> => {
      const load = new Load(gateway.url, { rate: 200 });
      for (let round = 0; round < 4; round++) {
        await pause(400);
        await Promise.all(readers.map((reader) => reader.sip()));
        peak = Math.max(peak, gateway.memory);
      }
      const outcomes = await load.stop();
      assertAllGood(outcomes);
      return outcomes;
    };
    const fast = 3 * median(before) + 10;
    let during = await sips();
    // Readers that hold others up do so each time, a busy machine does not.
    for (let again = 0; again < 2 && median(during) >= fast; again++) during = await sips();
    const each = ((await held(gateway)) - heldBefore) / readers.length / 1024;
    const grown = (peak - base) / readers.length / 1024;
    t.diagnostic(
      `${each.toFixed(1)} KB each in use, ${grown.toFixed(1)} KB resident; fast requests ${median(before).toFixed(1)} ms before, ` +
        `${median(during).toFixed(1)} ms during, slowest ${slowest(during).toFixed()} ms; ${tally(during)}`,
    );
    assert.ok(Math.max(...readers.map(({ bytes }) => bytes)) < length, 'they are slow');
    assert.ok(each < 64, `${each} KB each`);
    assert.ok(grown < 64, `${grown} KB resident each`);
    assertAllGood(before);
    assert.ok(median(during) < fast, `${median(during)} ms, ${median(before)} ms before`);
    // A few of them read on: what waited is whole.
    const some = readers.slice(0, 10);
    for (const { socket } of some) socket.resume();
    await until(() => some.every(({ bytes }) => bytes > length), 'the rest arrives');
    const expected = digestOf(content(length));
    for (const { chunks } of some) {
      const answer = Buffer.concat(chunks);
      const body = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
      assert.equal(body.length, length);
      assert.equal(digestOf(body), expected);
    }
  });

  test('5,000 idle keep-alive clients cost less than 20 KB each', async (t) => {
    const count = 5000;
    const { gateway } = await scene(t, { servers: [{ delay: 0 }, { delay: 0 }, { delay: 0 }] });
    await fastRequests(gateway);
    await fastRequests(gateway);
    await gateway.child.ask({ collect: true });
    const base = gateway.memory;
    const clients: Socket[] = [];
    const answered: Promise<unknown>[] = [];
    while (clients.length < count) {
      const batch = Array.from({ length: 100 }, () => open(t, gateway.port));
      for (const socket of batch) {
        answered.push(once(socket, 'data'));
        socket.write('GET /small HTTP/1.1\r\nHost: a\r\n\r\n');
      }
      clients.push(...batch);
      await Promise.all(answered.splice(0));
    }
    // What the work of connecting has left is not theirs.
    let grown = Infinity;
    for (let attempt = 0; attempt < 10 && grown >= 20; attempt++) {
      await gateway.child.ask({ collect: true });
      await pause(500);
      grown = (gateway.memory - base) / count / 1024;
    }
    assert.ok(
      clients.every(({ readyState }) => readyState === 'open'),
      'all are still connected',
    );
    const outcomes = await fastRequests(gateway);
    t.diagnostic(
      `${grown.toFixed(1)} KB each; then ${tally(outcomes)}, median ${median(outcomes).toFixed(1)} ms`,
    );
    assert.ok(grown < 20, `${grown} KB each`);
    assertAllGood(outcomes);
    const [one] = clients as [Socket];
    one.write('GET /small HTTP/1.1\r\nHost: a\r\n\r\n');
    const [answer] = (await once(one, 'data')) as [Buffer];
    assert.match(answer.toString('latin1'), /^HTTP\/1\.1 200 /);
  });
});
