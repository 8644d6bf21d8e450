import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import express from 'express';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import { useClock } from '../../../lib/core/clock.ts';
import { serve } from '../../../lib/core/server/serve.ts';
import type { Transaction } from '../../../lib/core/transaction.ts';
import { listen, until } from '../../support/servers.ts';

/** Intervals of a minute run when the test says so. */
function fakeMinutes(t: TestContext): () => void {
  const looks = new Set<() => void>();
  t.after(
    useClock({
      every(milliseconds, callback) {
        if (milliseconds !== 60_000) return () => undefined;
        looks.add(callback);
        return () => looks.delete(callback);
      },
    }),
  );
  return () => {
    for (const look of looks) look();
  };
}

interface Scene {
  ask(): Promise<Socket>;
  /** Answers that the site is still giving. */
  readonly open: number;
}

/** A proxy in front of a site whose answers have no end. */
async function endless(t: TestContext): Promise<Scene> {
  let open = 0;
  const site = await listen(t, (_req, res) => {
    open++;
    res.on('close', () => open--);
    const piece = Buffer.alloc(65_536);
    const fill = (): void => {
      while (!res.destroyed && res.write(piece));
    };
    res.on('drain', fill);
    fill();
  });
  const { url, close } = await serve(express().use(balancedProxy(site.url)), {
    host: '127.0.0.1',
    gracePeriod: 0,
  });
  t.after(close);
  return {
    get open() {
      return open;
    },
    async ask() {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.on('error', () => undefined);
      t.after(() => socket.destroy());
      await once(socket, 'connect');
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await once(socket, 'readable');
      return socket;
    },
  };
}

test('a client that takes nothing of its answer is cut off, and the server behind is told', async (t) => {
  const look = fakeMinutes(t);
  const records: Transaction[] = [];
  const keep = (record: unknown): void => void records.push(record as Transaction);
  subscribe('sekisho:transaction', keep);
  t.after(() => unsubscribe('sekisho:transaction', keep));
  const scene = await endless(t);
  await scene.ask();
  assert.equal(scene.open, 1);
  // The buffers on the way fill up, and from then on nothing moves.
  await until(() => {
    look();
    return scene.open === 0;
  }, 'the end of the answer');
  await until(() => records.length === 1, 'its record');
  assert.equal(records[0]?.outcome, 'client-aborted');
});

test('a client that is slow is not cut off', async (t) => {
  const look = fakeMinutes(t);
  const scene = await endless(t);
  const client = await scene.ask();
  for (let minute = 0; minute < 3; minute++) {
    look();
    // More than all buffers on the way hold.
    for (let left = 16 * 1024 * 1024; left > 0;) {
      const piece = client.read() as Buffer | null;
      if (piece === null) await once(client, 'readable');
      else left -= piece.length;
    }
  }
  assert.equal(scene.open, 1);
});
