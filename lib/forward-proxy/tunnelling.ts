import type { NextFunction, Request, Response } from 'express';
import type { Duplex } from 'node:stream';
import { clock } from '../core/clock.ts';
import type { Context, Destination, UpgradeRequest } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { publish } from '../core/events.ts';
import { readClientHello } from '../core/http/client-hello.ts';
import { readOpening } from '../core/http/opening-bytes.ts';
import { connectThrough } from '../core/upstream/parent-connect.ts';
import { refuse } from '../core/upstream/refusal.ts';
import { sever } from '../core/upstream/sever.ts';
import { dialAny } from '../core/upstream/tunnel-dial.ts';
import { readFirst, type FirstWords } from '../core/upstream/tunnel-opening.ts';
import { openTunnel, type TunnelEnd, type TunnelReason } from '../core/upstream/tunnel.ts';
import type { Outcome } from '../core/transaction.ts';
import type { ParentProxy } from './parent.ts';
import type { TunnelCount } from './tunnel-count.ts';
import type { ParsedTunnelOptions } from './tunnel-options.ts';

/** What tunnels have in common. */
export interface TunnelPlan {
  readonly options: ParsedTunnelOptions;
  /** Milliseconds until the connection to the destination stands. */
  readonly connectTimeout: number;
  readonly count: TunnelCount;
  readonly parent: ParentProxy | undefined;
  readonly pseudonym: string;
  /** Ports at which HTTP is spoken without TLS: in a tunnel there it goes through the chain. */
  readonly plainPorts: ReadonlySet<number>;
}

/**
 * One CONNECT whose destination the policy has allowed: 1 count it, 2 connect, so that a failure is a real answer, 3 say
 * 200, 4 look at what the client says first where that decides anything, 5 join the two sides.
 *
 * At ports of plain HTTP the connection is made after 4: HTTP inside needs none, it goes through the chain.
 */
export class Tunnelling {
  readonly #plan: TunnelPlan;
  readonly #req: Request;
  readonly #res: Response;
  readonly #next: NextFunction;
  readonly #context: Context;
  readonly #upgrade: UpgradeRequest;
  readonly #destination: Destination;
  readonly #left: AbortController = new AbortController();
  /** The socket, once it was told 200: from then on there are no answers any more, only an end. */
  #client: Duplex | undefined;
  #openedAt = 0;

  constructor(plan: TunnelPlan, req: Request, res: Response, next: NextFunction, context: Context) {
    this.#plan = plan;
    this.#req = req;
    this.#res = res;
    this.#next = next;
    this.#context = context;
    this.#upgrade = context.upgrade as UpgradeRequest;
    this.#destination = context.destination as Destination;
  }

  /**
   * @param addresses checked ones
   * @throws {ProxyError} ERR_SEKISHO_TUNNEL_LIMIT
   */
  start(addresses: readonly string[]): void {
    const { socket, head } = this.#upgrade;
    const user = this.#context.user?.name;
    const release = this.#plan.count.begin(
      user === undefined ? (this.#req.socket.remoteAddress ?? '') : `user ${user}`,
    );
    const end = (): void => {
      socket.off('close', end);
      release();
      this.#left.abort();
    };
    socket.once('close', end);
    if (socket.destroyed) end();
    this.#open(addresses, head).catch((error: unknown) => {
      // Refused, the socket may live on, for another CONNECT.
      if (this.#client === undefined && !this.#left.signal.aborted) end();
      this.#fail(error);
    });
  }

  async #open(addresses: readonly string[], early: Buffer): Promise<void> {
    const { plainPorts, options } = this.#plan;
    const plain = plainPorts.has(this.#destination.port);
    const connected = plain ? undefined : await this.#connect(addresses);
    const client = this.#accept(connected);
    let bytes = early;
    let server = connected;
    try {
      if (plain) {
        const first = await this.#hear(client, bytes, readOpening);
        bytes = first.bytes;
        if (first.decision === 'http') {
          this.#serveInside(client, bytes);
          return;
        }
        if (first.decision !== 'tls') throw badWords('neither TLS nor HTTP in the tunnel');
      }
      if (options.sni === 'require-match') bytes = await this.#demandName(client, bytes);
      server ??= await this.#connect(addresses);
    } catch (error) {
      connected?.destroy();
      throw error;
    }
    this.#join(client, server, bytes);
  }

  /** 2 */
  #connect(addresses: readonly string[]): Promise<Duplex> {
    const { parent, connectTimeout: timeout, pseudonym } = this.#plan;
    const { href: authority, port } = this.#destination;
    const { transaction } = this.#context;
    const { signal } = this.#left;
    transaction.attempts++;
    transaction.server = parent?.name ?? authority;
    transaction.queued ??= transaction.elapsed();
    if (parent === undefined)
      return dialAny({ server: authority, addresses, port, timeout, signal });
    const fields = ['Via', `1.1 ${pseudonym}`];
    if (parent.authorization !== undefined)
      fields.push('Proxy-Authorization', parent.authorization);
    const { name: server, hostname: host } = parent;
    return connectThrough({ server, host, port: parent.port, authority, fields, timeout, signal });
  }

  /** 3 The socket is a tunnel's from here on. */
  #accept(connected: Duplex | undefined): Duplex {
    const { transaction } = this.#context;
    const res = this.#res;
    if (this.#left.signal.aborted || res.headersSent) {
      connected?.destroy();
      throw new ProxyError('ERR_SEKISHO_CLIENT_ABORTED');
    }
    this.#context.claim();
    // Written to nobody: it is when loggers and others by `on-headers` do what they have to.
    res.writeHead(200, 'Connection Established');
    const client = this.#upgrade.take();
    this.#client = client;
    this.#openedAt = clock.monotonic();
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n', 'latin1');
    transaction.status = 200;
    transaction.kept = true;
    transaction.firstByte = transaction.elapsed();
    this.#tell(undefined);
    return client;
  }

  /** 4 A client that says nothing has a tunnel in which nothing moves. */
  async #hear<Decision>(
    client: Duplex,
    early: Buffer,
    decide: (bytes: Buffer) => Decision | undefined,
  ): Promise<FirstWords<Decision>> {
    const { idle } = this.#plan.options;
    const left = this.#timeLeft();
    const ends = left !== 0 && (idle === 0 || left < idle) ? 'duration' : 'idle';
    const within = ends === 'duration' ? left : idle;
    const first = await readFirst(client, early, { within, decide });
    if (first.lacks === 'time') throw new SilentTunnel(ends);
    if (first.lacks === 'end') throw new ProxyError('ERR_SEKISHO_CLIENT_ABORTED');
    return first;
  }

  /** Milliseconds of the longest duration that are left; 0 when there is no such limit. */
  #timeLeft(): number {
    const { maxDuration } = this.#plan.options;
    if (maxDuration === 0) return 0;
    return Math.max(1, maxDuration - (clock.monotonic() - this.#openedAt));
  }

  /** 4 The server hears nothing of a client that begins with another name. */
  async #demandName(client: Duplex, early: Buffer): Promise<Buffer> {
    const { decision, bytes } = await this.#hear(client, early, (words) => {
      const reading = readClientHello(words);
      return 'needs' in reading ? undefined : reading;
    });
    const name =
      decision !== undefined && 'serverName' in decision ? decision.serverName : undefined;
    this.#context.transaction.sni = name;
    const { hostname } = this.#destination;
    if (name === hostname) return bytes;
    throw badWords(`the tunnel to ${hostname} begins with the server name ${name ?? '(none)'}`);
  }

  /** 4 HTTP within the tunnel; each request gets a record of its own. */
  #serveInside(client: Duplex, bytes: Buffer): void {
    const { transaction } = this.#context;
    transaction.inspection = 'content';
    let reason: TunnelReason = 'completed';
    const left = this.#timeLeft();
    const stopTimer =
      left === 0
        ? undefined
        : clock.after(left, () => {
            reason = 'duration';
            sever(client);
          });
    client.once('close', () => {
      stopTimer?.();
      this.#ended('completed', reason);
    });
    if (this.#upgrade.serveInside === undefined) client.destroy();
    else this.#upgrade.serveInside(bytes);
  }

  /** 5 */
  #join(client: Duplex, server: Duplex, head: Buffer): void {
    const { options } = this.#plan;
    const { transaction, tunnelGuards = [] } = this.#context;
    openTunnel(client, server, {
      head,
      idle: options.idle,
      maxDuration: this.#timeLeft(),
      guards: tunnelGuards,
      onServerName(name) {
        transaction.sni ??= name;
      },
      onEnd: (end) => {
        transaction.bytesReceived = end.bytesReceived;
        transaction.bytesSent = end.bytesSent;
        this.#ended(outcomeOf(end), end.reason);
      },
    });
  }

  #fail(cause: unknown): void {
    const { transaction } = this.#context;
    if (cause instanceof SilentTunnel) {
      this.#client?.destroy();
      this.#ended('completed', cause.reason);
      return;
    }
    const error =
      cause instanceof ProxyError ? cause : new ProxyError('ERR_SEKISHO_HOOK', { cause });
    if (error.code === 'ERR_SEKISHO_CLIENT_ABORTED') {
      transaction.status ||= 499;
      transaction.error ??= error.code;
      if (this.#client === undefined) transaction.end('client-aborted');
      else {
        this.#client.destroy();
        this.#ended('client-aborted', 'client-aborted');
      }
    } else if (this.#client === undefined)
      refuse(error, this.#req, this.#res, this.#next, this.#context);
    else {
      transaction.error = error.code;
      sever(this.#client);
      this.#ended('failed', error.code);
    }
  }

  #ended(outcome: Outcome, reason: string): void {
    this.#context.transaction.end(outcome);
    this.#tell(reason);
  }

  #tell(end: string | undefined): void {
    const { transaction } = this.#context;
    publish('sekisho:tunnel', {
      destination: this.#destination.href,
      user: transaction.user,
      client: transaction.client,
      open: this.#plan.count.total,
      ...(end !== undefined && { end }),
    });
  }
}

/** Its time was over before the client had said enough. */
class SilentTunnel extends Error {
  readonly reason: 'idle' | 'duration';

  constructor(reason: 'idle' | 'duration') {
    super(reason);
    this.reason = reason;
  }
}

function badWords(detail: string): ProxyError {
  return new ProxyError('ERR_SEKISHO_DESTINATION_DENIED', { detail });
}

function outcomeOf({ reason }: TunnelEnd): Outcome {
  switch (reason) {
    case 'client-aborted':
    case 'upstream-aborted':
      return reason;
    case 'cut':
      return 'failed';
    default:
      return 'completed';
  }
}
