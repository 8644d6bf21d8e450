import type { RequestHandler } from 'express';
import { contextOf, type Interceptor } from '../core/context.ts';
import { asDirect } from '../core/exchange/contract.ts';
import { hideRequestFields, wrap } from '../core/local-exchange.ts';
import { middleware } from '../core/middleware.ts';
import { parseOptions } from '../core/options.ts';
import { rawFields } from '../core/upstream/http1/request-head.ts';
import { scannableRequest } from './accepted.ts';
import { Clamd } from './clamd.ts';
import { Download } from './download.ts';
import { Engines, type EngineStatus } from './engines.ts';
import { Icap } from './icap.ts';
import { KnownClean } from './known-clean.ts';
import { scannerSchema, type ScanPlan, type VirusScannerOptions } from './options.ts';
import { skipsHost } from './skip.ts';
import { scanUpload } from './upload.ts';
import { ScanVisit } from './visit.ts';

export type { EngineState } from './engine.ts';
export type { EngineStatus } from './engines.ts';
export type { ClamdOptions, VirusScannerOptions } from './options.ts';

export interface VirusScanner extends RequestHandler {
  /** How each engine does at the moment; of one that nothing was asked of yet only the name is known. */
  readonly engines: readonly EngineStatus[];
  /**
   * Engines and versions of their signatures as one text, empty until they have said them: as `appendKey` of a `cache()`
   * in front of the scanner it makes what is stored count only as long as the signatures are those it was scanned with.
   */
  readonly version: string;
  /** Ends the connections to the engines; what is still to be scanned is unavailable. */
  close(): void;
}

/**
 * Wrapper: has every download, and by option every upload, checked by a virus scanner before it reaches anyone. Works in
 * front of forwarders and of the app's own handlers, for the reverse proxy and for the forward proxy alike; not inside
 * CONNECT tunnels and WebSockets, which nobody can look into: what answers an upgrade in place of a 101 is scanned.
 *
 * Only a clear verdict lets a body pass: what was found is refused with 403 `ERR_SEKISHO_INFECTED`, and while no
 * engine answers, bodies are refused with 503 `ERR_SEKISHO_SCAN_UNAVAILABLE`.
 *
 * @example app.use(virusScanner({ clamd: { socket: '/run/clamav/clamd.ctl' } }), balancedProxy('http://files:8080'));
 * @throws {OptionsError} at once, when the options are not what they should be
 */
export function virusScanner(options: VirusScannerOptions): VirusScanner {
  const parsed = parseOptions('virusScanner', scannerSchema, options);
  const { timeouts, connections, hold, maxSize, trickle, directions } = parsed;
  const engines = new Engines(
    [
      ...(parsed.clamd ?? []).map((target) => new Clamd(target, timeouts)),
      ...(parsed.icap ?? []).map((url) => new Icap(url, timeouts)),
    ],
    connections,
  );
  const plan: ScanPlan = {
    ...parsed,
    trickle: trickle === false ? undefined : trickle === true ? hold : trickle,
    holdMost: trickle === false ? maxSize : hold,
    engines,
    known: new KnownClean(engines),
  };
  const downloads = directions.includes('download');
  const uploads = directions.includes('upload');

  const handler = middleware(
    'wrapper',
    function virusScanner(req, res, next) {
      const context = contextOf(req);
      if (req.method === 'CONNECT') {
        next();
        return;
      }
      const visit = new ScanVisit(req);
      if (skipsHost(plan.skip, context.destination?.hostname)) {
        visit.skipped();
        next();
        return;
      }
      if (downloads) {
        if (req.headers.range !== undefined) hideRequestFields(req, ['range', 'if-range']);
        wrap(req, res, scanning(plan, visit), { refusedUpgrades: true });
      }
      if (uploads) scanUpload(plan, visit, res, next);
      else next();
    } satisfies RequestHandler,
    parsed,
  );

  return Object.defineProperties(handler, {
    engines: { get: () => engines.status },
    version: { get: () => engines.version ?? '' },
    close: {
      value: () => {
        engines.close();
      },
    },
  }) as unknown as VirusScanner;
}

/** The interceptor for the answer to one request. */
function scanning(plan: ScanPlan, visit: ScanVisit): Interceptor {
  return (dispatch) => (request, outer) => {
    const headers = scannableRequest(rawFields(request.headers));
    return dispatch({ ...request, headers }, new Download(plan, visit, headers, asDirect(outer)));
  };
}
