import type { Request, RequestHandler } from 'express';
import { contextOf } from '../core/context.ts';
import { parseAddress } from '../core/http/address.ts';
import { canonicalHost } from '../core/http/destination.ts';
import { middleware } from '../core/middleware.ts';
import { parseOptions } from '../core/options.ts';
import { anonymizerSchema, type AnonymizerOptions, type Exception } from './options.ts';
import { treatment, type Treatment } from './treatment.ts';

export type { AnonymizerOptions } from './options.ts';

/**
 * Wrapper: what identifies the client or the inside stays inside. Forwarders send requests, upgrades included, without
 * `Forwarded`, `X-Forwarded-*`, `Via`, `X-Real-IP` and their like, device and trace identifiers and client hints;
 * `Referer` goes without path and query, `User-Agent` without all but family and major version. What a forwarder's
 * `headers.request` and `on.request` add comes later and is sent. Answers of one's own servers lose what tells of the inside.
 *
 * Cookies, credentials and languages stay unless `remove` names them; README.md says what no proxy can hide.
 *
 * @example app.use(anonymizer({ remove: ['x-corp-*'], keep: { 'api.example': ['traceparent'] } }), forwardProxy());
 * @throws {OptionsError} at once, when the options are not what they should be
 */
export function anonymizer(options: AnonymizerOptions = {}): RequestHandler {
  const parsed = parseOptions('anonymizer', anonymizerSchema, options);
  const { exceptions, fields } = parsed.keep;
  const everywhere = treatment(parsed, fields);
  const byExceptions = new Map<string, Treatment | undefined>();

  function treatmentOf(req: Request): Treatment | undefined {
    if (exceptions.length === 0) return everywhere;
    const found = exceptions.filter(exceptionFor(destinationOf(req)));
    if (found.length === 0) return everywhere;
    const key = found.map((exception) => exceptions.indexOf(exception)).join();
    if (!byExceptions.has(key)) byExceptions.set(key, treatmentWith(found));
    return byExceptions.get(key);
  }

  function treatmentWith(found: readonly Exception[]): Treatment | undefined {
    if (found.some((exception) => exception.fields === true)) return undefined;
    return treatment(
      parsed,
      found.flatMap((exception) => exception.fields as readonly string[]),
    );
  }

  return middleware(
    'wrapper',
    function anonymizer(req, _res, next) {
      const chosen = treatmentOf(req);
      if (chosen !== undefined) {
        const context = contextOf(req);
        (context.fieldFilters ??= []).push(chosen.filter);
        for (const field of chosen.strip) context.strip.add(field);
        if (!context.proxied) for (const field of chosen.traces) context.strip.add(field);
      }
      next();
    },
    parsed,
  );
}

/** Where a client of the forward proxy wants to go, else the host it has asked for. */
function destinationOf(req: Request): string {
  const { destination } = contextOf(req);
  if (destination !== undefined) return destination.hostname;
  // Express says undefined, whatever its types say, when there is no Host.
  const { hostname = '' } = req as { hostname?: string };
  return canonicalHost(hostname) ?? '';
}

function exceptionFor(hostname: string): (exception: Exception) => boolean {
  const address = parseAddress(hostname.replace(/^\[|\]$/g, ''));
  return ({ destinations }) =>
    address === undefined ? destinations.hasName(hostname) : destinations.hasAddress(address);
}
