/** What the tests of the dashboard share: records of requests, and a page's view of the stream. */
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { Transaction } from '../../lib/core/transaction.ts';
import { until } from '../support/servers.ts';

export type RecordInit = Partial<
  Omit<{ -readonly [Key in keyof Transaction]: Transaction[Key] }, 'elapsed' | 'end'>
>;

/** The record of a request that has ended. */
export function record({ method = 'GET', target = '/', ...init }: RecordInit): Transaction {
  return Object.assign(new Transaction(method, target), {
    status: 200,
    outcome: 'completed',
    total: 1,
    ...init,
  });
}

export interface StreamEvent {
  readonly name: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever the page is told
  readonly data: any;
}

/** Opens the stream as a page does. */
export async function openStream(
  t: TestContext,
  port: number,
  path = '/events',
): Promise<{
  events: StreamEvent[];
  head: () => string;
  text: () => string;
  ended: () => boolean;
  socket: Socket;
}> {
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  let text = '';
  let ended = false;
  const events: StreamEvent[] = [];
  socket.on('error', () => undefined);
  socket.on('close', () => (ended = true));
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    events.splice(0);
    for (const [, name = '', data = ''] of text.matchAll(/^event: (\w+)\ndata: (.*)\n$/gm))
      events.push({ name, data: JSON.parse(data) as unknown });
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  await until(() => events.length > 0 || ended || /^HTTP\/1.1 [^2]/.test(text), 'an answer');
  return {
    events,
    head: () => text.split('\r\n\r\n', 1)[0] ?? '',
    text: () => text,
    ended: () => ended,
    socket,
  };
}
