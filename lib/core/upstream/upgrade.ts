import type { Response } from 'express';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { UpgradeRequest } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { answerFields } from '../http/answer-fields.ts';
import { Delivery, type DeliveryOrder } from './delivery.ts';
import { Reply, type ReplyOrder } from './reply.ts';
import { splice, type SpliceEnd } from './splice.ts';

export interface UpgradeOrder {
  readonly delivery: DeliveryOrder;
  readonly reply: ReplyOrder;
  readonly upgrade: UpgradeRequest;
  readonly path: string;
  /** End-to-end fields of the request. */
  readonly fields: string[];
}

/** RFC 9110 §7.8: names of protocols, with or without version. */
const protocols = /^[\w!#$%&'*+.^`|~-]+(?:\/[\w!#$%&'*+.^`|~-]+)?(?:\s*,\s*[\w!#$%&'*+./^`|~-]+)*$/;

/**
 * Takes an upgrade (a WebSocket) to a server of the pool. A 101 joins the two sockets; any other answer
 * goes to the client as the answer it is. Wrappers are left out: there is no body they could look at.
 *
 * @throws {ProxyError} ERR_SEKISHO_BAD_REQUEST when the Upgrade field names no protocol
 */
export function forwardUpgrade({ delivery, reply, upgrade, path, fields }: UpgradeOrder): void {
  const protocol = delivery.req.headers.upgrade;
  if (protocol === undefined || !protocols.test(protocol))
    throw new ProxyError('ERR_SEKISHO_BAD_REQUEST', {
      detail: 'the Upgrade field names no protocol',
    });
  const options: Dispatcher.DispatchOptions = {
    method: delivery.req.method,
    path,
    headers: fields,
    upgrade: protocol,
  };
  const handler = new UpgradeReply(reply, upgrade, protocol);
  new Delivery(delivery, options, handler).start();
}

/** The answer to an upgrade. */
class UpgradeReply extends Reply {
  readonly #order: ReplyOrder;
  readonly #upgrade: UpgradeRequest;
  readonly #protocol: string;

  constructor(order: ReplyOrder, upgrade: UpgradeRequest, protocol: string) {
    super(order);
    this.#order = order;
    this.#upgrade = upgrade;
    this.#protocol = protocol;
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    server: Duplex,
  ): void {
    const { res, context } = this.#order;
    const { transaction } = context;
    const switched = headers.upgrade ?? this.#protocol;
    if (!this.handOver() || res.headersSent) {
      server.destroy();
      return;
    }
    transaction.status = status;
    const head = switchingHead(
      res,
      controller.rawHeaders as string[],
      String(switched),
      this.#order.via,
    );
    const client = this.#upgrade.take();
    client.write(head, 'latin1');
    splice(client, server, {
      clientHead: this.#upgrade.head,
      webSocket: String(switched).toLowerCase() === 'websocket',
      onEnd: (end) => {
        transaction.bytesReceived = end.bytesReceived;
        transaction.bytesSent = end.bytesSent;
        transaction.end(outcomeOf(end));
      },
    });
  }
}

function outcomeOf({ reason }: SpliceEnd): 'completed' | 'client-aborted' | 'upstream-aborted' {
  return reason === 'client-aborted' || reason === 'upstream-aborted' ? reason : 'completed';
}

/** The 101 as the client gets it, with what the app has set (cookies of a session, say). */
function switchingHead(
  res: Response,
  from: readonly string[],
  protocol: string,
  via: string | undefined,
): string {
  const own = res.getHeaders();
  const { fields } = answerFields(from, (lower) => own[lower] !== undefined, via);
  for (const [name, value] of Object.entries(own))
    for (const single of [value].flat()) fields.push(name, String(single));
  let head = 'HTTP/1.1 101 Switching Protocols\r\n';
  for (let index = 0; index < fields.length; index += 2)
    head += `${fields[index] as string}: ${fields[index + 1] as string}\r\n`;
  return `${head}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
}
