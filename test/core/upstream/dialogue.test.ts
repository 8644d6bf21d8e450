import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { test } from 'node:test';
import { DialogueAddress, type DialogueListener } from '../../../lib/core/upstream/dialogue.ts';
import { freePort } from '../../support/clamd.ts';
import { listenRaw, until } from '../../support/servers.ts';

interface Heard extends DialogueListener {
  text: string;
  drains: number;
  readonly reasons: string[];
}

function ear(): Heard {
  return {
    text: '',
    drains: 0,
    reasons: [],
    onData(bytes) {
      this.text += bytes.toString();
    },
    onDrain() {
      this.drains += 1;
    },
    onClose(reason) {
      this.reasons.push(reason.message);
    },
  };
}

for (const kind of ['TCP', 'unix'] as const)
  test(`talks over ${kind}, from before there is a connection on`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'sekisho dialogue %'));
    const path = join(directory, 'a b.sock');
    const server = createServer((socket) => socket.pipe(socket));
    server.listen(kind === 'unix' ? { path } : { port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const heard = ear();
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const dialogue = new DialogueAddress(
      kind === 'unix' ? { socket: path } : { port },
      30_000,
    ).open(heard);
    t.after(() => {
      dialogue.destroy();
      server.close();
      rmSync(directory, { recursive: true });
    });
    dialogue.write('hello ', Buffer.from('you'));
    await until(() => heard.text === 'hello you', 'it comes back');
    assert.deepEqual(heard.reasons, []);
  });

test('says when nobody listens', async () => {
  const heard = ear();
  const dialogue = new DialogueAddress({ port: await freePort() }, 30_000).open(heard);
  await until(() => heard.reasons.length > 0, 'it ends');
  assert.match(heard.reasons[0] ?? '', /ECONNREFUSED/);
  assert.ok(dialogue.over);
});

test('says once when the other side hangs up', async (t) => {
  const { port } = await listenRaw(t, (socket) => socket.end('bye'));
  const heard = ear();
  new DialogueAddress({ port }, 30_000).open(heard);
  await until(() => heard.reasons.length > 0, 'it ends');
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual([heard.text, heard.reasons], ['bye', ['the connection was closed']]);
});

test('a limit that was set before there was a connection counts from when there is one', async (t) => {
  const { port } = await listenRaw(t, () => undefined);
  const heard = ear();
  new DialogueAddress({ port }, 10_000).open(heard).limit(30, 'no answer');
  await until(() => heard.reasons.length > 0, 'it ends');
  assert.deepEqual(heard.reasons, ['no answer within 30 ms']);
});

test('a lifted limit does nothing', async (t) => {
  const { port } = await listenRaw(t, (socket) => socket.pipe(socket));
  const heard = ear();
  const dialogue = new DialogueAddress({ port }, 10_000).open(heard);
  t.after(() => {
    dialogue.destroy();
  });
  dialogue.limit(30, 'no answer');
  dialogue.lift();
  await new Promise((resolve) => setTimeout(resolve, 100));
  dialogue.limit(30, 'no answer');
  dialogue.lift();
  await new Promise((resolve) => setTimeout(resolve, 100));
  dialogue.write('still there');
  await until(() => heard.text === 'still there', 'it answers');
});

test('a full one says so, and when there is room again', async (t) => {
  let read = (): void => undefined;
  const { port } = await listenRaw(t, (socket) => {
    socket.pause();
    read = () => socket.resume();
  });
  const heard = ear();
  const dialogue = new DialogueAddress({ port }, 30_000).open(heard);
  t.after(() => {
    dialogue.destroy();
  });
  const megabyte = Buffer.alloc(1024 * 1024);
  let more = true;
  for (let count = 0; count < 64 && more; count += 1) more = dialogue.write(megabyte);
  assert.equal(more, false);
  assert.equal(heard.drains, 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  read();
  await until(() => heard.drains > 0, 'there is room');
});

test('says when what was written has left, and not when nobody is there', async (t) => {
  const { port } = await listenRaw(t, () => undefined);
  const calls: string[] = [];
  const there = new DialogueAddress({ port }, 30_000).open(ear());
  t.after(() => {
    there.destroy();
  });
  there.write('hello');
  there.flushed(() => calls.push('there'));
  const heard = ear();
  const gone = new DialogueAddress({ port: await freePort() }, 30_000).open(heard);
  gone.write('hello');
  gone.flushed(() => calls.push('gone'));
  await until(() => calls.length > 0 && heard.reasons.length > 0, 'both have ended');
  assert.deepEqual(calls, ['there']);
});

test('nothing is told after destroy()', async (t) => {
  const { port } = await listenRaw(t, (socket) => socket.pipe(socket));
  const heard = ear();
  const dialogue = new DialogueAddress({ port }, 30_000).open(heard);
  dialogue.write('hello');
  await until(() => heard.text === 'hello', 'it answers');
  dialogue.write('again');
  dialogue.destroy();
  dialogue.write('and again');
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual([heard.text, heard.reasons], ['hello', []]);
});
