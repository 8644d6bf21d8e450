import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import test, { type TestContext } from 'node:test';
import express from 'express';
import { useClock } from '../../lib/core/clock.ts';
import { publish } from '../../lib/core/events.ts';
import { serve } from '../../lib/core/server/serve.ts';
import { dashboard } from '../../lib/dashboard/index.ts';
import { mostClients } from '../../lib/dashboard/stream.ts';
import { listen, until } from '../support/servers.ts';
import { http2Client, serveTls } from '../support/tls.ts';
import { openStream, record, type StreamEvent } from './support.ts';

/** A dashboard whose ticks the test gives, a second each. */
async function watched(
  t: TestContext,
): Promise<{ port: number; server: Server; tick: () => void; timers: () => number }> {
  let now = 10_000;
  const timers = new Set<() => void>();
  t.after(
    useClock({
      monotonic: () => now,
      every(_milliseconds, callback) {
        timers.add(callback);
        return () => timers.delete(callback);
      },
    }),
  );
  const page = dashboard({ public: true, history: '1 minute' });
  t.after(() => page.close());
  const { port, server } = await listen(t, express().use(page));
  const tick = (): void => {
    now += 1000;
    for (const callback of timers) callback();
  };
  return { port, server, tick, timers: () => timers.size };
}

const requests = ({ data }: StreamEvent): number[] =>
  (data as { slices: { requests: number }[] }).slices.map((slice) => slice.requests);

test('a page is told everything at first and then what is new', async (t) => {
  const { port, tick } = await watched(t);
  publish('sekisho:transaction', record({}));
  const { events, head } = await openStream(t, port);
  assert.match(head(), /^HTTP\/1.1 200/);
  assert.match(head(), /content-type: text\/event-stream/i);
  assert.match(head(), /cache-control: no-store, no-transform/i);
  assert.equal(events[0]!.name, 'snapshot');
  publish('sekisho:transaction', record({}));
  publish('sekisho:warning', { code: 'SEKISHO_TEST', message: 'look' });
  tick();
  await until(() => events.length === 2, 'a tick');
  assert.equal(events[1]!.name, 'tick');
  assert.deepEqual(requests(events[1]!), [2]);
  const { entries } = events[1]!.data as { entries: { subject: string }[] };
  assert.deepEqual(
    entries.map(({ subject }) => subject),
    ['SEKISHO_TEST'],
  );
  tick();
  await until(() => events.length === 3, 'another tick');
  assert.deepEqual(requests(events[2]!), [0]);
  assert.deepEqual((events[2]!.data as { entries: unknown[] }).entries, []);
});

test('what happened before anybody looked is seen, too; and nobody looking needs no timer', async (t) => {
  const { port, tick, timers } = await watched(t);
  publish('sekisho:transaction', record({}));
  tick();
  tick();
  assert.equal(timers(), 0);
  const { events, socket } = await openStream(t, port);
  assert.deepEqual(requests(events[0]!).slice(-2), [1, 0]);
  assert.equal(timers(), 1);
  socket.destroy();
  await until(() => timers() === 0, 'the timer is stopped');
});

test('a page that comes back is told everything again', async (t) => {
  const { port, tick } = await watched(t);
  const first = await openStream(t, port);
  publish('sekisho:transaction', record({}));
  tick();
  const second = await openStream(t, port);
  assert.deepEqual(requests(second.events[0]!).slice(-1), [1]);
  tick();
  await until(() => first.events.length === 3 && second.events.length === 2, 'both go on');
  assert.deepEqual(requests(first.events[2]!), requests(second.events[1]!));
});

test('no more pages than there are places for', async (t) => {
  const { port } = await watched(t);
  const open = await Promise.all(Array.from({ length: mostClients }, () => openStream(t, port)));
  const refused = await openStream(t, port);
  assert.match(refused.head(), /^HTTP\/1.1 503 [\s\S]*retry-after: 10/i);
  open[0]!.socket.destroy();
  await until(async () => (await openStream(t, port)).head().includes(' 200 '), 'a place is free');
});

test('a page that does not read is dropped, the others go on', async (t) => {
  const { port, server, tick } = await watched(t);
  const [slow, quick] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  for (const socket of [slow, quick]) {
    t.after(() => socket.destroy());
    socket.on('error', () => undefined).write('GET /events HTTP/1.1\r\nHost: a\r\n\r\n');
  }
  let read = 0;
  let dropped = false as boolean;
  quick.on('data', ({ length }) => (read += length));
  await until(() => read > 0, 'the quick one reads');
  // Everything an attacker could make the page show, again and again.
  for (let round = 0; !dropped && round < 200; round++) {
    for (let at = 0; at < 100; at++) {
      const text = `${round} ${at} ${'x'.repeat(500)}`;
      publish('sekisho:warning', { code: text, message: text });
      publish('sekisho:servers', { upstream: text, servers: [text] });
    }
    tick();
    const before = read;
    await until(() => read > before, 'the quick one reads on');
    server.getConnections((_error, count) => (dropped = count === 1));
  }
  assert.ok(dropped, 'the slow one is dropped');
});

test('a stream ends after ten minutes, so that the gate is asked again', async (t) => {
  const { port, tick, timers } = await watched(t);
  const { text } = await openStream(t, port);
  for (let second = 0; second < 600; second++) tick();
  await until(() => text().endsWith('0\r\n\r\n'), 'the body ends');
  await until(() => timers() === 0, 'nobody looks');
});

test('close() ends the streams', async (t) => {
  const page = dashboard({ public: true });
  const { port } = await listen(t, express().use(page));
  const { text } = await openStream(t, port);
  page.close();
  await until(() => text().endsWith('0\r\n\r\n'), 'the body ends');
});

test('a server that shuts down is not kept waiting', async (t) => {
  const page = dashboard({ public: true });
  t.after(() => page.close());
  const { url, close } = await serve(express().use(page), { host: '127.0.0.1', gracePeriod: '1m' });
  const { events } = await openStream(t, Number(new URL(url).port));
  assert.equal(events.length, 1);
  await close();
});

test('it streams over HTTP/2 as well, and a server that shuts down is not kept waiting', async (t) => {
  const page = dashboard({ public: true });
  t.after(() => page.close());
  const serving = await serveTls(t, express().use(page), { gracePeriod: '1m' });
  const stream = http2Client(t, serving).request({ ':path': '/events' });
  let told = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (told += chunk));
  stream.on('error', () => undefined);
  await until(() => told.includes('event: tick'), 'ticks');
  await serving.close();
});
