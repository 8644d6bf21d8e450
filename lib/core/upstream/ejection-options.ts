import { z } from 'zod';
import { count, ratio, schemaOf, type Duration } from '../options.ts';
import { durationFrom } from './time-limit.ts';

/**
 * Passive ejection: servers are judged by what becomes of the requests they get (Envoy's outlier
 * detection). Kept apart are failures of connections (refused, reset, broken, no answer in time) and
 * 5xx answers; a reset on a kept-alive connection that was used before is neither.
 *
 * A server that refuses connections is out at once, and stays out while another can be reached.
 */
export interface EjectionOptions {
  /** Failures in a row, or 5xx answers in a row, that take a server out. @default 5 */
  readonly consecutiveFailures?: number | undefined;
  /**
   * Part of the requests within the window that failed or got a 5xx. Half of this part is enough for a
   * server that fails three times as often as all others together. @default 0.5
   */
  readonly failureRate?: number | undefined;
  /** Requests within the window below which its rate and its slowness say nothing. @default 10 */
  readonly minRequests?: number | undefined;
  /** @default '10s' */
  readonly window?: Duration | undefined;
  /**
   * A server this many times slower than the median of the others, and slower by 250 ms, is out: its mean
   * time to the answer's head counts. `false` never takes a server out for it. @default 20
   */
  readonly slowness?: number | false | undefined;
  /** How long the first ejection lasts; each further one twice as long, and half as long again after that time of good behaviour. @default '5s' */
  readonly baseTime?: Duration | undefined;
  /** The longest ejection. @default '5m' */
  readonly maxTime?: Duration | undefined;
  /** Part of the servers that may be out by judgement at a time; one may always, 0 lets none. @default 0.5 */
  readonly maxEjected?: number | undefined;
}

const schema = schemaOf<EjectionOptions>()({
  consecutiveFailures: count(1, 1_000_000).default(5),
  failureRate: ratio(0.01, 1).default(0.5),
  minRequests: count(1, 1_000_000).default(10),
  window: durationFrom(100).default(10_000),
  slowness: z.union([z.literal(false), ratio(2, 1_000_000)]).default(20),
  baseTime: durationFrom(1).default(5000),
  maxTime: durationFrom(1).default(300_000),
  maxEjected: ratio(0, 1).default(0.5),
});

export type ParsedEjection = z.output<typeof schema>;

/** On unless it is `false`; undefined is off. */
export function ejectionField(): z.ZodType<
  ParsedEjection | undefined,
  boolean | EjectionOptions | undefined
> {
  return z
    .union([
      z.literal(false).transform(() => undefined),
      z.literal(true).transform(() => schema.parse({})),
      schema,
    ])
    .prefault({}) as never;
}
