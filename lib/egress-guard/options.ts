import { z } from 'zod';
import { count, duration, func, oneOf, quote, schemaOf, type Duration } from '../core/options.ts';
import { checkRedis, redisShape, type RedisOptions } from '../core/redis.ts';
import {
  fileTypesSchema,
  inspectionSchema,
  patternSchema,
  patternsSchema,
  type EgressPattern,
  type FileTypesOptions,
  type InspectionOptions,
  type PatternsOptions,
} from './content-options.ts';
import { destinationsSchema, type DestinationsOptions } from './destination-options.ts';
import {
  defaultActions,
  egressRules,
  type EgressAction,
  type EgressAlert,
  type EgressRule,
} from './rules.ts';
import {
  beaconingSchema,
  volumeSchema,
  type BeaconingOptions,
  type VolumeOptions,
} from './traffic-options.ts';

export interface EgressGuardOptions {
  /** `monitor` reports what would have been blocked; `block` refuses with 403 or cuts the transfer. @default 'monitor' */
  readonly mode?: 'monitor' | 'block';
  /**
   * What is it that leaves: requests, as in a forward proxy, or answers, as in a reverse proxy.
   * @default 'request'
   */
  readonly direction?: 'request' | 'response' | 'both';
  /** Bytes by user and destination. @default on */
  readonly volume?: false | VolumeOptions;
  /** Even calls to a place that is rare and new. @default on */
  readonly beaconing?: false | BeaconingOptions;
  /** Content; an array stands for `{ custom }`. @default on */
  readonly patterns?: false | readonly EgressPattern[] | PatternsOptions;
  /** @default all may leave */
  readonly fileTypes?: FileTypesOptions;
  readonly destinations?: DestinationsOptions;
  readonly inspection?: InspectionOptions;
  /** What a rule does when it fires; see the table of rules. */
  readonly actions?: Partial<Readonly<Record<EgressRule, EgressAction>>>;
  /** The same about the same user and domain is told once in this time. @default '10 minutes' */
  readonly alertWindow?: Duration;
  /** Told of each alert; what it throws is contained. @default none */
  readonly onAlert?: (alert: EgressAlert) => unknown;
  /** For the digests by which findings can be compared; at least 16 characters. @default random, for each process */
  readonly key?: string;
  /** A Redis over which several processes judge together. While it is gone, each judges by itself. @default none */
  readonly store?: RedisOptions;
  /** Domains, and pairs of user and domain, that are remembered: about 1.5 KB each. @default 50_000 */
  readonly maxEntries?: number;
}

export type EgressSettings = z.output<typeof egressSchema>;

/** What is found is longer than nothing: its first part must not have left when its last one comes. */
const leastHold = 1024;

const action = oneOf(['ignore', 'alert', 'block']);
const actions = z
  .strictObject(
    Object.fromEntries(egressRules.map((rule) => [rule, action.optional()])) as Record<
      EgressRule,
      z.ZodOptional<typeof action>
    >,
  )
  .prefault({})
  .transform((chosen): Readonly<Record<EgressRule, EgressAction>> => {
    const all = { ...defaultActions };
    for (const rule of egressRules) all[rule] = chosen[rule] ?? all[rule];
    return all;
  });

export const egressSchema = schemaOf<EgressGuardOptions>()({
  mode: oneOf(['monitor', 'block']).default('monitor'),
  direction: oneOf(['request', 'response', 'both']).default('request'),
  volume: z.union([z.literal(false), volumeSchema]).prefault({}),
  beaconing: z.union([z.literal(false), beaconingSchema]).prefault({}),
  patterns: z
    .union([z.literal(false), z.array(patternSchema), patternsSchema])
    .prefault({})
    .transform((value) =>
      Array.isArray(value) ? { ...patternsSchema.parse({}), custom: value } : value,
    ),
  fileTypes: fileTypesSchema.prefault({}),
  destinations: destinationsSchema.prefault({}),
  inspection: inspectionSchema.prefault({}),
  actions,
  alertWindow: duration().default(600_000),
  onAlert: func<(alert: EgressAlert) => unknown>().optional(),
  key: z
    .string()
    .min(16, { error: 'is too short to keep anything secret; use at least 16 random characters' })
    .optional(),
  store: schemaOf<RedisOptions>()(redisShape).superRefine(checkRedis).optional(),
  maxEntries: count(100, 10_000_000).default(50_000),
}).superRefine(({ mode, inspection: { hold } }, context) => {
  if (mode === 'block' && hold < leastHold)
    context.addIssue({
      code: 'custom',
      path: ['inspection', 'hold'],
      message: `${quote(hold)} is too little to stop anything before it has left; use '1kb' or more`,
    });
});
