import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { UpgradeRequest } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { clearForSite, noteSiteFields } from '../exchange/site-fields.ts';
import type { DeliveryOrder } from './delivery-order.ts';
import { Delivery } from './delivery.ts';
import { GuardedBytes } from './guarded-bytes.ts';
import { draftHead } from './reply-head.ts';
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
 * goes to the client as the answer it is, by way of those wrappers that want to see it.
 *
 * @throws {ProxyError} ERR_SEKISHO_BAD_REQUEST when the Upgrade field names no protocol
 */
export function forwardUpgrade({ delivery, reply, upgrade, path, fields }: UpgradeOrder): Delivery {
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
  const started = new Delivery(delivery, options, handler);
  started.start();
  return started;
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
    const switched = String(headers.upgrade ?? this.#protocol);
    // Somebody else has answered, or taken the socket, while the server was thinking.
    if (res.headersSent) {
      server.destroy();
      return;
    }
    let head: string;
    try {
      head = switchingHead(this.#order, status, controller.rawHeaders as string[], switched);
    } catch (error) {
      server.destroy();
      this.onResponseError(controller, error as Error);
      return;
    }
    if (!this.handOver()) {
      server.destroy();
      return;
    }
    transaction.status = status;
    transaction.kept = true;
    const client = this.#upgrade.take();
    client.write(head, 'latin1');
    for (const socket of [client, server]) noticeDeath(socket);
    const guards = new GuardedBytes(this.#order.context.tunnelGuards);
    const pair = splice(client, server, {
      clientHead: this.#upgrade.head,
      webSocket: switched.toLowerCase() === 'websocket',
      ...(guards.present && {
        onBytes: guards.watch(() => {
          pair.destroy();
        }),
      }),
      onEnd: (end) => {
        transaction.bytesReceived = end.bytesReceived;
        transaction.bytesSent = end.bytesSent;
        transaction.end(guards.cut ? 'failed' : outcomeOf(end));
        guards.end();
      },
    });
  }
}

/** A WebSocket may be silent for hours: TCP itself asks whether the other side still exists. */
const keepAliveDelay = 60_000;

function noticeDeath(socket: Duplex): void {
  if (socket instanceof Socket) socket.setKeepAlive(true, keepAliveDelay);
}

function outcomeOf({ reason }: SpliceEnd): 'completed' | 'client-aborted' | 'upstream-aborted' {
  return reason === 'client-aborted' || reason === 'upstream-aborted' ? reason : 'completed';
}

/** What Node, or an app, may have said of a connection that is none of HTTP's any more. */
const framing: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The 101 as the client gets it, with what the app has set (cookies of a session, say).
 *
 * @throws whatever `adjust` throws
 */
function switchingHead(
  { res, context, via, adjust }: ReplyOrder,
  status: number,
  fields: readonly string[],
  protocol: string,
): string {
  const message = 'Switching Protocols';
  clearForSite(res, context);
  const draft = draftHead(
    res,
    context,
    { status, message, fields },
    { via, adjust: adjust === undefined ? undefined : keepingStatus(adjust) },
  );
  noteSiteFields(context, draft.fields);
  // Written to nobody: it is when sessions, loggers and others by `on-headers` add what they have.
  res.writeHead(status, message);
  let head = `HTTP/1.1 ${status} ${message}\r\n`;
  for (const name of res.getHeaderNames())
    if (!framing.has(name))
      for (const value of [res.getHeader(name) ?? []].flat()) head += `${name}: ${value}\r\n`;
  for (let index = 0; index < draft.fields.length; index += 2)
    head += `${draft.fields[index] as string}: ${draft.fields[index + 1] as string}\r\n`;
  return `${head}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
}

type Adjust = NonNullable<ReplyOrder['adjust']>;

/** The server speaks the new protocol already: no other answer can be made of that. */
function keepingStatus(adjust: Adjust): Adjust {
  return (draft) => {
    const { status } = draft;
    adjust(draft);
    if (draft.status === status) return;
    const detail = `on.response made ${draft.status} of a ${status}; refuse upgrades before they are sent`;
    throw new ProxyError('ERR_SEKISHO_HOOK', { detail });
  };
}
