import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { openClient, start } from '../core/upstream/http1/ask.ts';
import { grammatical, mutated } from './answers.ts';

interface Reading {
  readonly status: number;
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

/** A server that gives the same bytes to everyone, then closes. */
async function serveBytes(
  t: TestContext,
): Promise<{ port: number; answer: (bytes: string) => void }> {
  let bytes = '';
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.once('data', () => socket.end(bytes, 'latin1'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, answer: (next) => (bytes = next) };
}

/**
 * What Node's own client reads; undefined when it refuses. An answer that is complete stands, whatever comes behind it: that
 * concerns the next one on the connection, and whether it arrives together with the end of the answer is chance.
 */
function readByNode(port: number, method: string): Promise<Reading | undefined> {
  return new Promise((resolve) => {
    let complete = (): boolean => false;
    const refuse = (): void => {
      if (!complete()) resolve(undefined);
    };
    const asked = request({
      method,
      createConnection: () => connect(port, '127.0.0.1'),
      // A limit of its own, not a question of reading.
      maxHeaderSize: 128 * 1024,
    });
    asked.on('error', refuse).on('close', refuse).on('upgrade', refuse);
    asked.on('response', (res) => {
      const chunks: Buffer[] = [];
      complete = () => res.complete;
      res.on('error', refuse).on('aborted', refuse);
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('end', () => {
        resolve({
          status: res.statusCode ?? 0,
          fields: res.rawHeaders,
          body: Buffer.concat(chunks).toString('latin1'),
          trailers: res.rawTrailers,
        });
      });
    });
    asked.end();
  });
}

for (const [name, answers] of [
  ['by the grammar', grammatical],
  ['mutated', mutated],
] as const)
  test(`answers ${name}: what we accept, Node accepts and reads alike`, async (t) => {
    const { port, answer } = await serveBytes(t);
    const client = openClient(t, `http://127.0.0.1:${port}`);
    let accepted = 0;
    let refusedByNode = 0;
    await fc.assert(
      fc.asyncProperty(answers, fc.constantFrom('GET', 'GET', 'HEAD'), async (bytes, method) => {
        answer(bytes);
        const recorder = start(client, { method });
        const [ours, theirs] = await Promise.all([
          recorder.answer.then(
            ({ body }): Reading => ({
              status: recorder.status,
              fields: (recorder.controller?.rawHeaders ?? []) as string[],
              body: body.toString('latin1'),
              trailers: (recorder.controller?.rawTrailers ?? []) as string[],
            }),
            () => undefined,
          ),
          readByNode(port, method),
        ]);
        if (theirs === undefined) refusedByNode++;
        if (ours === undefined) return;
        accepted++;
        assert.deepEqual(ours, theirs);
      }),
      { numRuns: 2500 },
    );
    // The property says nothing when everything is refused by both.
    assert.ok(accepted > 50, `only ${accepted} accepted`);
    assert.ok(refusedByNode > 20, `only ${refusedByNode} refused by Node`);
  });
