import type { Dispatcher } from 'undici';
import { asDirect, DirectListener, type DirectHandler } from '../core/exchange/contract.ts';
import type { CacheStatus } from '../core/http/cache-status.ts';
import { wrap } from '../core/local-exchange.ts';
import { withStatus } from './flight.ts';
import { invalidatedUrls } from './key.ts';
import type { Visit } from './visit.ts';

/** Lets a request pass that is none of the cache's business; its answer says so, and may invalidate what is stored. */
export function passBy(visit: Visit, status: CacheStatus): void {
  visit.engine.counters.bypassed += 1;
  const member = visit.status(status);
  wrap(
    visit.req,
    visit.res,
    (dispatch) => (options, handler) =>
      dispatch(options, new Passing(visit, asDirect(handler), member)),
  );
  visit.next();
}

class Passing extends DirectListener {
  readonly #visit: Visit;
  readonly #handler: DirectHandler;
  readonly #member: string | undefined;

  constructor(visit: Visit, handler: DirectHandler, member: string | undefined) {
    super();
    this.#visit = visit;
    this.#handler = handler;
    this.#member = member;
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context);
  }

  onDirectStart(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
  ): void {
    const shown = status < 200 ? fields : this.#head(status, fields);
    this.#handler.onDirectStart(controller, status, shown, message);
  }

  onDirectWhole(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void {
    const shown = this.#head(status, fields);
    if (this.#handler.onDirectWhole !== undefined) {
      this.#handler.onDirectWhole(controller, status, shown, message, body);
      return;
    }
    this.#handler.onDirectStart(controller, status, shown, message);
    if (body !== '') this.#handler.onDirectData(controller, Buffer.from(body, 'latin1'));
    this.#handler.onDirectEnd(controller, []);
  }

  onDirectData(controller: Dispatcher.DispatchController, chunk: Buffer): boolean {
    return this.#handler.onDirectData(controller, chunk);
  }

  onDirectEnd(controller: Dispatcher.DispatchController, trailers: readonly string[]): void {
    this.#handler.onDirectEnd(controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.#visit.showFailing(this.#member);
    this.#handler.onResponseError?.(controller, error);
  }

  #head(status: number, fields: readonly string[]): string[] {
    const { method, url, engine } = this.#visit;
    // Before the client can ask again (RFC 9111 §4.4).
    if (url !== '') void engine.invalidateQuietly(invalidatedUrls(method, url, { status, fields }));
    return withStatus([...fields], this.#member);
  }
}
