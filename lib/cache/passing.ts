import type { Dispatcher } from 'undici';
import { asDirect, type DirectHandler } from '../core/exchange/contract.ts';
import { HeadChange } from '../core/exchange/head-change.ts';
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

class Passing extends HeadChange {
  readonly #visit: Visit;
  readonly #member: string | undefined;

  constructor(visit: Visit, handler: DirectHandler, member: string | undefined) {
    super(handler, (status, fields) => {
      const { method, url, engine } = visit;
      // Before the client can ask again (RFC 9111 §4.4).
      if (url !== '')
        void engine.invalidateQuietly(invalidatedUrls(method, url, { status, fields }));
      return withStatus([...fields], member);
    });
    this.#visit = visit;
    this.#member = member;
  }

  override onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.#visit.showFailing(this.#member);
    super.onResponseError(controller, error);
  }
}
