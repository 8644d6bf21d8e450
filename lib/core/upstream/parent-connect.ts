import type { Socket } from 'node:net';
import { clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import { dialAny, type DialOrder } from './tunnel-dial.ts';
import { readFirst } from './tunnel-opening.ts';

const endOfHead = '\r\n\r\n';
const statusLine = /^HTTP\/1\.[01] (\d{3})(?: |\r\n)/;

export interface ParentOrder extends Omit<DialOrder, 'addresses'> {
  /** Name or address of the parent proxy; `port` is its port, `server` what errors call it. */
  readonly host: string;
  /** Where to, as in the request line. */
  readonly authority: string;
  /** Names and values in turn. */
  readonly fields: readonly string[];
}

/**
 * Opens a connection through another proxy (RFC 9110 §9.3.6) by a CONNECT of our own. Whatever it answers that is no 2xx is
 * a failure of ours and no answer for our client: a 407 is not meant for it.
 */
export async function connectThrough(order: ParentOrder): Promise<Socket> {
  const { server, host, authority, fields, timeout } = order;
  const until = clock.monotonic() + timeout;
  const socket = await dialAny({ ...order, addresses: [host] });
  let head = `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n`;
  for (let index = 0; index < fields.length; index += 2)
    head += `${fields[index] as string}: ${fields[index + 1] as string}\r\n`;
  socket.write(`${head}\r\n`, 'latin1');
  const within = Math.max(1, until - clock.monotonic());
  const {
    decision: end,
    lacks,
    bytes,
  } = await readFirst(socket, Buffer.alloc(0), {
    within,
    decide: endOfAnswer,
  });
  const status = Number(statusLine.exec(bytes.toString('latin1', 0, 20))?.[1] ?? 0);
  if (end !== undefined && status >= 200 && status < 300) {
    if (end < bytes.length) socket.unshift(bytes.subarray(end));
    return socket;
  }
  socket.destroy();
  if (lacks === 'time') throw new ProxyError('ERR_SEKISHO_CONNECT_TIMEOUT', { server });
  const detail =
    status === 0
      ? 'the parent proxy speaks no HTTP, or hung up'
      : `the parent proxy answered ${status}`;
  throw new ProxyError('ERR_SEKISHO_UPSTREAM_PROTOCOL', { server, detail, stage: 'connect' });
}

/** Where the head of an answer ends. */
function endOfAnswer(bytes: Buffer): number | undefined {
  const at = bytes.indexOf(endOfHead);
  return at === -1 ? undefined : at + endOfHead.length;
}
