import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { ProxyError } from './errors.ts';
import type { Layers } from './exchange/layers.ts';
import { Transaction } from './transaction.ts';

/** undici's interceptor: what a wrapper middleware pushes and a forwarder composes around its transport. */
export type Interceptor = Dispatcher.DispatcherComposeInterceptor;

/**
 * Changes the fields of a request before they are sent, in place: names and values in turn, Host first, made anew for the
 * server, with what the proxy itself says of the client and the way.
 */
export type FieldFilter = (fields: string[]) => void;

/** An upgrade or tunnel request that the server door has put through the chain. */
export interface UpgradeRequest {
  readonly socket: Duplex;
  /** Bytes the client sent after the head. */
  readonly head: Buffer;
  /** Takes the socket away from the response: from now on the taker owns its every byte. */
  take(): Duplex;
  /**
   * Of a CONNECT whose socket has been taken and told 200: what the client says inside is plain HTTP (browsers open `ws://`
   * so), and is put through the app's chain as requests for this destination and no other.
   *
   * @param head what has been read of it
   */
  readonly serveInside?: ((head: Buffer) => void) | undefined;
}

/**
 * Where a client that speaks to us as its forward proxy wants to go: absolute-form (RFC 9112 §3.2.2) or CONNECT
 * (RFC 9110 §9.3.6). The server door reads it from the request target before the app sees anything; `req.url` is then
 * made `//host:port/path`, which no local route matches.
 */
export interface Destination {
  /** `http`: a request in absolute-form; `connect`: a tunnel. */
  readonly form: 'http' | 'connect';
  /** `https` only for a request out of an intercepted tunnel. */
  readonly scheme: 'http' | 'https' | 'ws' | undefined;
  /** Lower-cased, as the URL standard writes it; IPv6 without brackets, no dot at its end. */
  readonly hostname: string;
  readonly port: number;
  /** Path and query, byte for byte as the client sent them; empty for CONNECT. */
  readonly path: string;
  /** The whole target as a URL: `http://example.com/a?b`; for CONNECT `example.com:443`. */
  readonly href: string;
}

/**
 * Somebody who watches what `forwardProxy` carries blindly: a CONNECT tunnel, or a proxied WebSocket. A gate pushes one
 * into `tunnelGuards` before it calls `next()`; where a guard says `false`, both sides are cut at once. Called for every
 * chunk, so quick; an exception cuts, too.
 */
export interface TunnelGuard {
  /** So many bytes are about to go on: `received` from the client, `sent` to it. Those that are refused do not. */
  readonly onBytes?: ((direction: 'received' | 'sent', bytes: number) => boolean) | undefined;
  /**
   * Once, when the client has begun to speak: the server name of its ClientHello (RFC 6066 §3), in lower case;
   * undefined when it named none, or does not speak TLS.
   */
  readonly onServerName?: ((name: string | undefined) => boolean) | undefined;
  /** Once, when both sides are closed; the transaction has all numbers. */
  readonly onEnd?: (() => void) | undefined;
}

/** Whether a forward proxy would take a request of this client to this destination, as far as can be said at once. */
export type ServesClient = (req: IncomingMessage) => boolean;

/** The door's, on the response to a proxied request. */
export interface AnswerGuard {
  readonly lifted: boolean;
  /** Somebody speaks for the destination. */
  lift(): void;
  /** The fields of that answer are known. */
  settle(): void;
  refuse(error: unknown): void;
}

/** Who a gate has found the user to be; `req.auth` for the app's own handlers. */
export interface AuthenticatedUser {
  /** The name a log shows and servers behind are told. */
  readonly name: string;
  /** How the user was recognised. */
  readonly scheme: 'basic' | 'bearer' | 'forward' | 'oidc' | 'certificate';
  readonly email?: string | undefined;
  readonly groups: readonly string[];
  /** What the token, provider or certificate says of the user. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What the middlewares know of one request; shared by all of them, seen by nobody else. */
export class Context {
  /** The wrappers around this request, when there are any; `wrap` in local-exchange.ts makes them. */
  layers: Layers | undefined;
  /** The client's own fields, while a wrapper hides some of them from the handler. */
  hiddenHeaders: IncomingHttpHeaders | undefined;
  readonly transaction: Transaction;
  /** Present when the request came through the door as an upgrade. */
  upgrade: UpgradeRequest | undefined;
  /** The client waits for `100 Continue` before it sends the body, and nobody has said so yet. */
  awaitsContinue = false;
  /** The client speaks to us as its forward proxy (absolute-form or CONNECT): its credentials are in `Proxy-Authorization`. */
  proxied = false;
  /** Where to; always there when `proxied` is true. */
  destination: Destination | undefined;
  /** Of the door, around the answer to a proxied request; lifted once somebody has claimed it. */
  guard: AnswerGuard | undefined;
  /** The fields of the answer of the site that a proxied request is for, once there is one: the app's own are kept from it. */
  siteFields: readonly string[] | undefined;
  /**
   * The answer may turn out at its very end not to be one (a scanner lets the first bytes go on): nobody makes a complete
   * answer of a part of it before all of it has come.
   */
  provisional = false;
  /** Who watches the tunnel that this request may become; to be added to. */
  tunnelGuards: TunnelGuard[] | undefined;
  /** Some gate has judged this client or user and let it pass: `forwardProxy` demands one. */
  admitted = false;
  /**
   * Told by the forward proxy that takes this request whom it serves, for those in front of it that answer in its place:
   * what one client has fetched is not for another one whom the proxy would refuse.
   */
  onProxyTakes: ((serves: ServesClient) => void)[] | undefined;
  /** The route of Express that has matched, and where its router was mounted; an error makes Express forget the latter. */
  matched: { readonly route: { readonly path: unknown }; readonly mount: string } | undefined;
  /** Set by the gate that let the request pass. */
  user: AuthenticatedUser | undefined;
  /**
   * What a gate tells the servers behind about the user, names and values in turn; names that
   * `reserveIdentityField` knows, so that no client can say the same. Answers to such a request may be personal:
   * for a cache it is one with `Authorization`.
   */
  identity: readonly string[] | undefined;
  /** What an observer tells the servers behind (a request id), names and values in turn; in place of the client's own. */
  told: readonly string[] | undefined;
  /** What forwarders apply to the fields that they send, those of upgrades included; to be added to. */
  fieldFilters: FieldFilter[] | undefined;
  #strip: Set<string> | undefined;
  #consumed: Set<string> | undefined;
  #consumedCookies: Set<string> | undefined;

  constructor(req: IncomingMessage) {
    // Express keeps the untouched target in originalUrl; req.url loses its mount prefixes.
    const { originalUrl } = req as { originalUrl?: string };
    this.transaction = new Transaction(req.method ?? '', originalUrl ?? req.url ?? '');
  }

  /** Lower-cased response fields of the upstream that are not handed on (`securityHeaders`); to be added to. */
  get strip(): Set<string> {
    return (this.#strip ??= new Set());
  }

  /** The same for readers: most requests have none. */
  get stripped(): ReadonlySet<string> | undefined {
    return this.#strip;
  }

  /**
   * Says that what answers a proxied request from here on speaks for its destination: a forward proxy, or a cache
   * that has the destination's answer. What a local route answers before somebody has said so, the door makes a 421.
   */
  claim(): void {
    this.guard?.lift();
  }

  /**
   * Says that the request is refused, or has failed, and by what: whoever answers it then need not know of records.
   * Whatever the app's error handlers make of a proxied one, the answer is an error: a 200 would speak for the
   * destination, and to a CONNECT open a tunnel.
   */
  refused(error: unknown): void {
    if (error instanceof ProxyError) {
      this.transaction.error ??= error.code;
      this.transaction.stage ??= error.stage;
    }
    this.siteFields = undefined;
    this.guard?.refuse(error);
  }

  /** Proxied, and nobody has yet spoken for the destination. */
  get unclaimed(): boolean {
    return this.guard?.lifted === false;
  }

  /**
   * Lower-cased request fields whose credentials a gate has consumed (`authorization`); to be added to. They are not
   * forwarded, and the request counts as one without them.
   */
  get consume(): Set<string> {
    return (this.#consumed ??= new Set());
  }

  get consumed(): ReadonlySet<string> | undefined {
    return this.#consumed;
  }

  /** Names of cookies that belong to a gate (its session); to be added to. They are not forwarded either. */
  get consumeCookies(): Set<string> {
    return (this.#consumedCookies ??= new Set());
  }

  get consumedCookies(): ReadonlySet<string> | undefined {
    return this.#consumedCookies;
  }

  /** Whether a gate has anything to change in what is forwarded. */
  get gated(): boolean {
    return (
      this.identity !== undefined ||
      this.told !== undefined ||
      this.#consumed !== undefined ||
      this.#consumedCookies !== undefined
    );
  }

  /** The request id, made when first asked for. The log, the error page and the client see the same one. */
  get id(): string {
    return this.transaction.id;
  }
}

/** A base class whose constructor gives back the object it is handed, so that the fields of a subclass are put on that. */
// eslint-disable-next-line @typescript-eslint/no-extraneous-class -- the constructor is all there is to it
class Given {
  constructor(given: object) {
    return given;
  }
}

/**
 * Keeps the context in a private field of the request itself: like a WeakMap it is seen by nobody else, but it
 * costs a tenth (a WeakMap's entries have to be looked through at every collection of young objects).
 */
class Kept extends Given {
  #context: Context;

  constructor(req: IncomingMessage) {
    super(req);
    this.#context = new Context(req);
  }

  static contextOf(req: IncomingMessage): Context {
    const kept = #context in req ? (req as unknown as Kept) : new Kept(req);
    return kept.#context;
  }
}

/** The context of this request, made when first asked for. */
export function contextOf(req: IncomingMessage): Context {
  return Kept.contextOf(req);
}
