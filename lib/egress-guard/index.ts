import type { RequestHandler } from 'express';
import { failWith } from '../core/fail-with.ts';
import { middleware } from '../core/middleware.ts';
import { parseOptions } from '../core/options.ts';
import { Guard } from './guard.ts';
import { egressSchema, type EgressGuardOptions } from './options.ts';
import { Visit } from './visit.ts';

export type { FileType } from './file-types.ts';
export type {
  EgressPattern,
  FileTypesOptions,
  InspectionOptions,
  PatternsOptions,
} from './content-options.ts';
export type { DestinationsOptions } from './destination-options.ts';
export type { EgressGuardOptions } from './options.ts';
export type { EgressAction, EgressAlert, EgressRule, Severity } from './rules.ts';
export type { SecretKind } from './secrets.ts';
export type { BeaconingOptions, VolumeOptions, VolumeWindowOptions } from './traffic-options.ts';

export interface EgressGuard extends RequestHandler {
  /** Settles when the lists have been read for the first time, or could not be; requests wait for it. */
  readonly ready: Promise<void>;
  /** How much is remembered. */
  stats(): { users: number; domains: number; pairs: number };
  /** Ends the watching of lists, and a Redis client of its own. */
  close(): void;
}

/**
 * Gate and wrapper: watches what leaves, and stops what should not. Who sends how much where and how regularly, to what
 * places; and in bodies, URLs and fields, where they can be seen, secrets, card numbers, personal numbers, your own patterns and types
 * of files. In a CONNECT tunnel only user, host, server name, bytes and times are seen. Reports in `mode: 'monitor'`; with
 * `mode: 'block'` it refuses with 403 `ERR_SEKISHO_EGRESS_BLOCKED`, cuts uploads in their middle, and tunnels.
 *
 * Mount it behind authGate, so that it knows users by name, and before the forwarder.
 *
 * @example app.use(egressGuard({ mode: 'block', onAlert: (alert) => console.warn(alert) }), forwardProxy());
 * @throws {OptionsError} at once, when the options are not what they should be
 */
export function egressGuard(options: EgressGuardOptions = {}): EgressGuard {
  const settings = parseOptions('egressGuard', egressSchema, options);
  const guard = new Guard(settings);
  const { lists } = guard.destinations;

  const handler = middleware(
    'gate',
    function egressGuard(req, res, next) {
      const begin = (): void => {
        const error = new Visit(guard, req, res).begin();
        if (error === undefined) next();
        else failWith(error, req, next);
      };
      if (lists === undefined || lists.available) begin();
      else lists.ready.then(begin).catch(next);
    } satisfies RequestHandler,
    { ...settings, key: undefined },
  );

  return Object.assign(handler, {
    ready: lists?.ready ?? Promise.resolve(),
    stats: () => guard.ledger.size,
    close: () => {
      guard.close();
    },
  });
}
