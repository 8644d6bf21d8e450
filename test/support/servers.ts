/** Real servers and raw sockets for tests; everything closes itself when the test ends. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

/** Milliseconds until something is said never to happen: it costs time only when it does not. */
export const patience = 30_000;

export interface Listening {
  readonly server: Server;
  readonly port: number;
  readonly url: string;
}

/** Starts an HTTP server (an Express app is a listener, too) on a free loopback port. */
export async function listen(
  t: TestContext,
  listener: RequestListener | Server,
): Promise<Listening> {
  const server = typeof listener === 'function' ? createServer(listener) : listener;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { server, port, url: `http://127.0.0.1:${port}` };
}

/** Starts a bare TCP server, for upstreams that do not speak proper HTTP. */
export async function listenRaw(
  t: TestContext,
  onConnection: (socket: Socket) => void,
): Promise<{ port: number; url: string }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}` };
}

/** An upstream that answers each connection's first bytes with these bytes, then closes if told to. */
export async function listenBytes(
  t: TestContext,
  answer: string | Buffer,
  { close = false }: { close?: boolean } = {},
): Promise<{ port: number; url: string }> {
  return listenRaw(t, (socket) => {
    socket.once('data', () => {
      socket.write(typeof answer === 'string' ? Buffer.from(answer, 'latin1') : answer);
      if (close) socket.end();
    });
  });
}

/** Sends bytes as they are and returns everything that came back until the peer closed or went silent. */
export async function exchangeRaw(
  port: number,
  bytes: string | Buffer,
  { silence = 150, limit = patience }: { silence?: number; limit?: number } = {},
): Promise<{ text: string; closed: boolean }> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  let closed = false as boolean;
  let quiet = 0;
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    quiet = 0;
  });
  socket.on('close', () => (closed = true));
  await once(socket, 'connect');
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  const started = Date.now();
  // Silence counts only after something came: a slow machine may take its time for the first byte. And it
  // counts by the turns of this process, in which the peers of most tests live: a stall is nobody's silence.
  while (!closed && Date.now() - started < limit) {
    if (chunks.length > 0 && quiet > silence) break;
    const before = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 10));
    quiet += Math.min(Date.now() - before, 15);
  }
  socket.destroy();
  return { text: Buffer.concat(chunks).toString('latin1'), closed };
}

/** Polls until the condition holds; fails loudly when it never does. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  limit = patience,
): Promise<void> {
  const started = Date.now();
  while (!(await condition())) {
    if (Date.now() - started > limit) throw new Error(`did not happen within ${limit} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * Lets happen what this process has at hand: so many turns of its loop, however long a stall makes them. For what
 * nothing tells of, such as that something does not happen.
 */
export async function turns(count = 15): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve, 4));
}
