import type { Request, Response } from 'express';
import { contextOf } from './context.ts';
import { errorKinds } from './error-codes.ts';
import { onConnectionEnd } from './observing/connection-end.ts';
import { connectionFacts } from './observing/connection-facts.ts';
import { bodyBytesOf, BytesBefore } from './observing/body-bytes.ts';
import { countBody, readFields } from './observing/request-facts.ts';
import { endOf, placeOf } from './observing/early-end.ts';
import { routeOf, watchRoute } from './observing/route.ts';
import type { RecordWatch, Transaction } from './transaction.ts';
import { trustsPeer } from './trusted-peer.ts';
import { warn } from './warn.ts';

/** Somebody who wants the record of a request when it has ended. */
export interface Observer {
  /** Has a look at the response, too, which then has to be written by Node's own methods. */
  readonly looks?: boolean;
  /** Called once for each request observed. */
  onEnd(record: Transaction, req: Request, res: Response): void;
}

/**
 * Makes sure that the record of this request ends, exactly once, whatever becomes of it: proxied, cached, refused,
 * answered by a handler of the app, cut short, upgraded. What an observer middleware calls before its `next()`. Who knows
 * more of the request's fate (a forwarder) ends the record itself; otherwise it ends with the response.
 *
 * @returns false when it observes this request already, or comes too late
 */
export function observe(req: Request, res: Response, observer: Observer): boolean {
  const { transaction } = contextOf(req);
  if (transaction.outcome !== undefined) return false;
  const { watch } = transaction;
  if (watch instanceof Observation) return watch.add(observer);
  transaction.watchWith(new Observation(req, res, transaction, observer));
  return true;
}

/**
 * Ends the record of a request whose response is over and that nobody has observed: without what has to be counted on the
 * way (bodies of no stated length).
 */
export function endUnobserved(req: Request, res: Response): void {
  const { transaction } = contextOf(req);
  if (!isUnobserved(transaction)) return;
  const length = Number(req.headers['content-length']);
  if (req.complete && length > 0) transaction.bytesReceived = length;
  const watch = new Observation(req, res, transaction);
  transaction.watchWith(watch);
  Observation.settle(watch);
}

/** Nobody will end it. */
export function isUnobserved({ outcome, kept, watch }: Transaction): boolean {
  return outcome === undefined && !kept && watch === undefined;
}

class Observation implements RecordWatch {
  readonly #req: Request;
  readonly #res: Response;
  readonly #record: Transaction;
  readonly #before: BytesBefore;
  readonly #observers: Observer[];
  /** Came through the door as an upgrade or CONNECT. */
  readonly #upgrade: boolean;
  /** Bytes that came along with it. */
  readonly #early: number;
  /** Behind other requests of its connection: forgets to wait for the end of that. */
  readonly #leave: (() => void) | undefined;
  quiet: boolean;

  constructor(req: Request, res: Response, record: Transaction, observer?: Observer) {
    this.#req = req;
    this.#res = res;
    this.#record = record;
    this.#observers = observer === undefined ? [] : [observer];
    this.quiet = observer?.looks !== true;
    this.#before = new BytesBefore(res);
    const { upgrade } = contextOf(req);
    this.#upgrade = upgrade !== undefined;
    this.#early = upgrade?.head.length ?? 0;
    // While the socket is there: a closed one has no address.
    record.client ??= trustsPeer(req) ? req.ip : req.socket.remoteAddress;
    connectionFacts(req, record);
    if (readFields(req, record)) countBody(req, record);
    watchRoute(req);
    res.on('close', onClose);
    // One that is left to another listener of the server takes its response out of the game.
    if (this.#upgrade) req.socket.once('close', () => process.nextTick(settle, this));
    else if (res.socket === null)
      this.#leave = onConnectionEnd(req.socket, () => process.nextTick(settle, this));
  }

  add(observer: Observer): boolean {
    if (this.#observers.includes(observer)) return false;
    this.#observers.push(observer);
    if (observer.looks === true) this.quiet = false;
    return true;
  }

  /** The response is over, and nobody who knows more has ended the record. */
  static settle(watch: Observation): void {
    const record = watch.#record;
    if (record.outcome !== undefined || record.kept) return;
    if (watch.#upgrade && !watch.#res.headersSent && watch.#req.socket.bytesWritten > 0) {
      record.status = 101;
      record.end('completed');
    } else record.end(endOf(watch.#req, watch.#res, record));
  }

  complete(): void {
    this.#leave?.();
    const record = this.#record;
    const req = this.#req;
    const res = this.#res;
    if (record.status === 0) record.status = statusOf(res, record);
    if (record.bytesSent === 0) record.bytesSent = bodyBytesOf(req, res, this.#before);
    if (this.#upgrade && record.bytesReceived === 0)
      record.bytesReceived = this.#early + this.#before.readSince(req);
    record.route ??= routeOf(req);
    record.user ??= userOf(req, record);
    if (record.outcome === 'client-aborted') {
      record.abortedBy = 'client';
      record.error ??= 'ERR_SEKISHO_CLIENT_ABORTED';
      record.stage = placeOf(req, res, record);
    } else if (record.outcome !== 'completed') blame(record);
  }

  tell(): void {
    for (const observer of this.#observers)
      try {
        observer.onEnd(this.#record, this.#req, this.#res);
      } catch (cause) {
        warn('SEKISHO_OBSERVER', 'an observer failed; the request is not in its books', cause);
      }
  }
}

/** What logs show when there was no answer: nginx' words for a client that has left, and for a server that says nothing. */
const clientLeft = 499;
const noAnswer = 444;

function statusOf(res: Response, { outcome }: Transaction): number {
  if (res.headersSent) return res.statusCode;
  return outcome === 'failed' ? noAnswer : clientLeft;
}

const longestName = 256;

/** The name that express-basic-auth has found; it sets one for wrong passwords, too. */
function userOf(req: Request, { status }: Transaction): string | undefined {
  const { auth } = req as { auth?: { readonly user?: unknown } | null };
  if (status === 401 || typeof auth?.user !== 'string') return undefined;
  return auth.user.slice(0, longestName);
}

/** Where a request failed, and by whose deed when it was cut short. */
function blame(record: Transaction): void {
  const { outcome, error } = record;
  const kind = error === undefined ? undefined : errorKinds[error];
  record.stage ??= kind?.stage;
  if (outcome === 'upstream-aborted') {
    const { source = 'upstream' } = kind ?? {};
    record.abortedBy = source === 'policy' ? 'proxy' : source;
  } else if (outcome === 'failed' && kind === undefined) record.abortedBy = 'proxy';
}

/** Later than all that wait for the same event: a forwarder knows more of the end. */
function onClose(this: Response): void {
  const { watch, kept } = contextOf(this.req).transaction;
  if (!kept && watch instanceof Observation) process.nextTick(settle, watch);
}

function settle(watch: Observation): void {
  Observation.settle(watch);
}
