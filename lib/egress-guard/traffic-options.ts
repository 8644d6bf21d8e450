import { z } from 'zod';
import {
  count,
  duration,
  ratio,
  refuse,
  schemaOf,
  size,
  type Duration,
  type Size,
} from '../core/options.ts';

/** How much may leave, by user and registrable domain. */
export interface VolumeOptions {
  /** Windows in which bytes are counted. @default [{ window: '1 hour', cap: '100mb', floor: '10mb' }, { window: '1 day', cap: '500mb', floor: '30mb' }] */
  readonly windows?: readonly VolumeWindowOptions[];
  /** Robust z-score from which on a total is unusual for this user (Iglewicz and Hoaglin's 3.5). @default 3.5 */
  readonly score?: number;
  /** Totals of the past that a user needs before any of them is scored. @default 12 */
  readonly samples?: number;
  /** How many times bytes count that go to a domain nobody has asked for before. 1 makes no difference. @default 4 */
  readonly novelty?: number;
}

export interface VolumeWindowOptions {
  readonly window: Duration;
  /** The most that one user may send to one domain; enforced during the transfer. @default none */
  readonly cap?: Size;
  /** A total below is never unusual. @default '10mb' */
  readonly floor?: Size;
}

/** Programs that call home. */
export interface BeaconingOptions {
  /** From 0 to 1: how even calls are in time and size. @default 0.85 */
  readonly score?: number;
  /** Calls without which there is no score; 64 are looked at. @default 32 */
  readonly visits?: number;
  /** The part of all users that may know a destination which counts as rare; a single one always may. @default 0.02 */
  readonly rare?: number;
}

const hour = 3_600_000;
const megabyte = 1024 * 1024;

const windows = z
  .array(
    schemaOf<VolumeWindowOptions>()({
      window: duration(),
      cap: size().default(Infinity),
      floor: size().default(10 * megabyte),
    }).superRefine(({ window }, context) => {
      if (window < 1000)
        refuse(context, window, "of 'window' is too short; use one such as '1 hour'");
    }),
  )
  .min(1, { error: '[] is empty; name a window, or turn volume off with false' })
  .max(4, { error: 'more than four windows; use fewer' })
  .default([
    { window: hour, cap: 100 * megabyte, floor: 10 * megabyte },
    { window: 24 * hour, cap: 500 * megabyte, floor: 30 * megabyte },
  ]);

export const volumeSchema = schemaOf<VolumeOptions>()({
  windows,
  score: ratio(0.1, 1000).default(3.5),
  samples: count(3, 128).default(12),
  novelty: ratio(1, 1000).default(4),
});

export const beaconingSchema = schemaOf<BeaconingOptions>()({
  score: ratio(0, 1).default(0.85),
  visits: count(8, 64).default(32),
  rare: ratio(0, 1).default(0.02),
});
