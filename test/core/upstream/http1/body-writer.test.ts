import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { BodySink, BodySource } from '../../../../lib/core/upstream/http1/body.ts';
import { BodyWriter } from '../../../../lib/core/upstream/http1/body-writer.ts';
import { listenRaw, until } from '../../../support/servers.ts';

const piece = 64 * 1024;
const total = 32 * 1024 * 1024;

/** Gives pieces as long as the sink takes them. */
class Endless implements BodySource {
  given = 0;
  resumed = 0;
  #sink: BodySink | undefined;

  attach(sink: BodySink): void {
    this.#sink = sink;
    this.#give();
  }

  detach(): void {
    this.#sink = undefined;
  }

  resume(): void {
    this.resumed++;
    this.#give();
  }

  #give(): void {
    while (this.#sink !== undefined && this.given < total) {
      this.given += piece;
      if (!this.#sink.write(Buffer.alloc(piece))) return;
    }
    this.#sink?.end([]);
  }
}

for (const framing of [total, 'chunked'] as const)
  test(`what waits for a slow server is bounded, and it gets everything: ${framing === total ? 'with a length' : framing}`, async (t) => {
    let received = 0;
    let read: (() => void) | undefined;
    const { port } = await listenRaw(t, (socket) => {
      socket.pause();
      socket.on('data', (chunk: Buffer) => (received += chunk.length));
      socket.pause();
      read = () => socket.resume();
    });
    const socket = connect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    await once(socket, 'connect');
    let most = 0;
    let blocked = 0;
    let sent = false;
    const source = new Endless();
    const writer = new BodyWriter(socket, '', framing, source, {
      onBlocked() {
        blocked++;
        most = Math.max(most, socket.writableLength);
      },
      onUnblocked: () => undefined,
      onSent: () => (sent = true),
      onBodyError: (error) => assert.fail(error),
    });
    writer.start();
    await until(() => read !== undefined && blocked > source.resumed, 'the source is stopped');
    assert.ok(source.given < total, `${source.given} bytes were taken`);
    read?.();
    await until(() => sent && received >= total, 'everything arrives');
    assert.ok(most >= 256 * 1024 && most < 256 * 1024 + 2 * piece, `${most} bytes waited`);
  });

for (const framing of [2 * piece, 'chunked'] as const)
  for (const yours of [true, false])
    test(`the memory of a piece is given back when the system has it: ${framing === 'chunked' ? framing : 'with a length'}, ${yours ? 'given' : 'lent'}`, async (t) => {
      let received = 0;
      const { port } = await listenRaw(t, (socket) => {
        socket.on('data', (chunk: Buffer) => (received += chunk.length));
      });
      const socket = connect(port, '127.0.0.1');
      t.after(() => socket.destroy());
      await once(socket, 'connect');
      const pieces = [Buffer.alloc(piece, 'a'), Buffer.alloc(piece, 'b')];
      let sent = false;
      const writer = new BodyWriter(
        socket,
        '',
        framing,
        {
          attach(sink) {
            for (const each of pieces) {
              sink.write(each, yours);
              assert.equal(each.length, piece, 'it is still to be sent');
            }
            sink.end([]);
          },
          detach: () => undefined,
          resume: () => undefined,
        },
        {
          onBlocked: () => undefined,
          onUnblocked: () => undefined,
          onSent: () => (sent = true),
          onBodyError: (error) => assert.fail(error),
        },
      );
      writer.start();
      await until(() => sent && received >= 2 * piece, 'everything arrives');
      await until(() => !yours || pieces.every((each) => each.length === 0), 'the memory is free');
      if (!yours) assert.ok(pieces.every((each) => each.length === piece));
    });
