/** What the tests of the door share: an app with an echoing upgrade, and a client for it. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Request } from 'express';
import { contextOf } from '../../lib/core/context.ts';
import { until } from './servers.ts';

/** Takes the socket of an upgrade and echoes what comes, early data first. */
export function echo(req: Request): void {
  const upgrade = contextOf(req).upgrade!;
  const socket = upgrade.take();
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  socket.write(upgrade.head);
  socket.on('error', () => undefined).pipe(socket);
}

export function upgradeRequest(path: string, more = '', protocol = 'echo'): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${more}\r\n`;
}

export interface RawClient {
  readonly socket: Socket;
  readonly text: string;
  readonly closed: boolean;
  /** Waits until what came contains this. */
  sees(text: string): Promise<void>;
}

export async function rawClient(port: number, bytes: string): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const client = {
    socket,
    text: '',
    closed: false,
    sees: (text: string) =>
      until(() => client.text.includes(text), `${text} in ${JSON.stringify(client.text)}`),
  };
  socket.on('data', (chunk: Buffer) => (client.text += chunk.toString('latin1')));
  socket.on('error', () => undefined).on('end', () => (client.closed = true));
  socket.on('close', () => (client.closed = true));
  await once(socket, 'connect');
  socket.write(bytes, 'latin1');
  return client;
}
