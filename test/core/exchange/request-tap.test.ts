import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { request, type ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { RequestTap } from '../../../lib/core/exchange/request-tap.ts';
import { listen, until } from '../../support/servers.ts';

interface Scene {
  readonly sent: ClientRequest;
  readonly req: IncomingMessage;
  readonly tap: RequestTap;
  readonly chunks: Buffer[];
  readonly events: string[];
  status(): number | undefined;
}

/** A request with a tap in it, once its head is there, and `wait` milliseconds later. */
async function scene(
  t: TestContext,
  first: string,
  wait = 0,
  end = false,
  headers: Record<string, string> = {},
): Promise<Scene> {
  const chunks: Buffer[] = [];
  const events: string[] = [];
  let found: { req: IncomingMessage; tap: RequestTap } | undefined;
  const { url } = await listen(t, (req, res) => {
    setTimeout(() => {
      const tap = new RequestTap(req, {
        onData: (chunk) => void chunks.push(Buffer.from(chunk)),
        onEnd: () => void events.push('end'),
        onWanted: () => void events.push('wanted'),
        onGone: () => void events.push('gone'),
      });
      assert.equal(RequestTap.isRead(req), false);
      tap.start(res);
      found = { req, tap };
    }, wait);
    req.on('close', () => res.end());
  });
  let status: number | undefined;
  const sent = request(url, { method: 'POST', headers }, (answer) => {
    status = answer.statusCode;
    answer.resume();
  });
  sent.on('error', () => undefined);
  t.after(() => sent.destroy());
  if (end) sent.end(first);
  else sent.write(first);
  await until(() => found !== undefined, 'the tap is there');
  return { ...found!, sent, chunks, events, status: () => status };
}

const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString();

for (const wait of [0, 50])
  test(`what comes goes to the tap, and only what it forwards to the reader (${wait} ms late)`, async (t) => {
    const { req, tap, sent, chunks, events } = await scene(t, 'one ', wait);
    await until(() => text(chunks) === 'one ', 'the first piece is there');
    const read: Buffer[] = [];
    let ended = false;
    assert.equal(req.readableDidRead, false);
    req.on('data', (chunk: Buffer) => read.push(chunk)).on('end', () => (ended = true));
    sent.end('two');
    await until(() => events.includes('end'), 'all of it is there');
    assert.equal(text(chunks), 'one two');
    assert.equal(text(read), '');
    tap.forward(Buffer.from('ONE '));
    tap.forward(Buffer.from('TWO'));
    await until(() => text(read) === 'ONE TWO', 'the reader has it');
    assert.equal(ended, false);
    tap.close();
    await until(() => ended, 'the reader is at the end');
    assert.ok(req.readableEnded && req.complete);
  });

test('a body that was there before the tap lies in the request again, unread', async (t) => {
  const { req, tap, chunks, events } = await scene(t, 'all of it', 50, true);
  assert.equal(text(chunks), 'all of it');
  assert.deepEqual(events, ['end']);
  assert.equal(tap.whole, true);
  assert.equal(req.readableDidRead, false);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(req.readableEnded, false);
  tap.close();
  const read: Buffer[] = [];
  for await (const chunk of req) read.push(chunk as Buffer);
  assert.equal(text(read), 'all of it');
});

test('a body that came to its end without a byte is at its end', async (t) => {
  const { req, tap, chunks, events } = await scene(t, '', 50, true, {
    'transfer-encoding': 'chunked',
  });
  assert.equal(text(chunks), '');
  assert.deepEqual(events, ['end']);
  assert.ok(RequestTap.isEmpty(req));
  tap.close();
  let ended = false;
  req.on('end', () => (ended = true)).resume();
  await until(() => ended, 'the reader is at the end');
});

test('a paused tap slows the client down, and goes on', async (t) => {
  const { tap, sent, chunks } = await scene(t, 'x');
  await until(() => chunks.length > 0, 'it has begun');
  tap.pause();
  const megabyte = Buffer.alloc(1024 * 1024);
  for (let count = 0; count < 24; count += 1) sent.write(megabyte);
  sent.end();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const held = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  assert.ok(held < 1024 * 1024, `${held} bytes came`);
  tap.resume();
  await until(
    () => chunks.reduce((sum, chunk) => sum + chunk.length, 0) === 24 * megabyte.length + 1,
    'all of it comes',
  );
});

test('a reader that is full says so, and when it wants more', async (t) => {
  const { req, tap, events } = await scene(t, 'x');
  let more = true;
  for (let count = 0; count < 100 && more; count += 1) more = tap.forward(Buffer.alloc(16_384));
  assert.equal(more, false);
  events.length = 0;
  req.resume();
  await until(() => events.includes('wanted'), 'it wants more');
});

test('a client that leaves is gone', async (t) => {
  const { sent, events } = await scene(t, 'x');
  sent.destroy();
  await until(() => events.includes('gone'), 'it is told');
  assert.ok(!events.includes('end'));
});

test('a client that resets its connection is gone, also while nothing is read from it', async (t) => {
  const { tap, sent, chunks, events } = await scene(t, 'x');
  await until(() => chunks.length > 0, 'it has begun');
  tap.pause();
  // More than the buffers between have room for: the reset stands behind it.
  sent.on('error', () => undefined).write(Buffer.alloc(24 * 1024 * 1024));
  await until(() => chunks.length > 1, 'nobody reads on');
  (sent.socket as Socket).resetAndDestroy();
  await until(() => events.includes('gone'), 'it is told');
});

test('a request that was destroyed by its tap ends for its reader with an error', async (t) => {
  const { req, tap, events } = await scene(t, 'x');
  let failed: Error | undefined;
  req.on('data', () => undefined).on('error', (error) => (failed = error));
  tap.forward(Buffer.from('x'));
  tap.destroy(new Error('found something'));
  await until(() => failed !== undefined, 'it fails');
  assert.equal(req.readableEnded, false);
  assert.ok(!events.includes('gone'));
});

test('what is let go is read to its end by whoever wants to get rid of it', async (t) => {
  const { req, tap, sent, events } = await scene(t, 'x');
  tap.letGo();
  req.resume();
  sent.end('y');
  await until(() => req.readableEnded, 'it is at its end');
  assert.deepEqual(
    events.filter((event) => event !== 'wanted'),
    [],
  );
});
