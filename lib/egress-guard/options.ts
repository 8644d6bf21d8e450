import { z } from 'zod';
import { parseHost } from '../core/http/host.ts';
import { listField, type ListOptions } from '../core/lists/options.ts';
import {
  count,
  duration,
  func,
  oneOf,
  ratio,
  quote,
  refuse,
  schemaOf,
  size,
  type Duration,
  type Size,
} from '../core/options.ts';
import { patternField } from '../core/patterns/safe-pattern.ts';
import { checkRedis, redisShape, type RedisOptions } from '../core/redis.ts';
import { fileTypes, type FileType } from './file-types.ts';
import {
  defaultActions,
  egressRules,
  type EgressAction,
  type EgressAlert,
  type EgressRule,
  type Severity,
} from './rules.ts';
import { secretKinds, type SecretKind } from './secrets.ts';

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

/** A pattern of your own. */
export interface EgressPattern {
  /** Shown in alerts. */
  readonly name: string;
  /** One that could stall the process is refused. What it matches is at most 2 KiB long, or is seen in part. */
  readonly pattern: RegExp | string;
  /** `low` is told of, and blocks nothing. @default 'high' */
  readonly severity?: Severity;
  /** One of them has to stand within 300 characters, in any case. @default none */
  readonly keywords?: readonly string[];
}

/** What is looked for in bodies, URLs and fields. */
export interface PatternsOptions {
  /** Keys, tokens and private keys; or some kinds of them. @default true */
  readonly secrets?: boolean | readonly SecretKind[];
  /** Numbers of payment cards. @default true */
  readonly cardNumbers?: boolean;
  /** 個人番号 ("My Number"). @default true */
  readonly myNumbers?: boolean;
  /** 法人番号 (Corporate Numbers); they are public, so they only alert. @default true */
  readonly corporateNumbers?: boolean;
  /** Patterns of your own. @default none */
  readonly custom?: readonly EgressPattern[];
}

/** Files by their first bytes, whatever their names are. Give one of them. */
export interface FileTypesOptions {
  /** Only these may leave; what is of no known type (text) may, too. @default all */
  readonly allow?: readonly FileType[];
  /** These may not leave. @default none */
  readonly deny?: readonly FileType[];
}

/** Where to. Rules about destinations are for what clients of a forward proxy ask for. */
export interface DestinationsOptions {
  /** Domains, and all below them, for which neither volume nor rhythm nor place counts; bodies are looked at all the same. @default none */
  readonly allow?: readonly string[];
  /** Domains, and all below them, that nothing goes to. @default none */
  readonly deny?: readonly string[];
  /** Lists of bad destinations, in urlFilter's formats. @default none */
  readonly lists?: readonly ListOptions[];
  /** Ports that are nothing unusual. @default [80, 443, 8080] */
  readonly ports?: readonly number[];
  /** For so long a destination is new. @default '7 days' */
  readonly newFor?: Duration;
  /** So many bytes to a domain that is new to all users are worth an alert. @default '100kb' */
  readonly newBytes?: Size;
  /** For so long after its start the guard calls nothing new or unusual: it has to see first what is. 0: from the start. @default '3 days' */
  readonly learning?: Duration;
  /** Names that look like data. `false` turns it off. */
  readonly tunnels?:
    | false
    | {
        /** Different long names below one domain. @default 100 */
        readonly names?: number;
        /** Their average entropy, in bits per character. @default 3.5 */
        readonly entropy?: number;
        /** Within this time. @default '1 hour' */
        readonly window?: Duration;
      };
}

/** How bodies are looked at. */
export interface InspectionOptions {
  /** In block mode so much of a body is held back until what comes behind it has been looked at; at least 1 KiB. @default '64kb' */
  readonly hold?: Size;
  /** CPU time for one body; beyond it the rest passes unseen, which is recorded (`uninspected`). @default '250ms' */
  readonly timeBudget?: Duration;
  /** Bytes that may come out of a compressed body; beyond it is `unreadable`. @default '1gb' */
  readonly maxSize?: Size;
}

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

const severities = ['low', 'medium', 'high'] as const;
const hour = 3_600_000;
const day = 24 * hour;
const megabyte = 1024 * 1024;
/** What is found is longer than nothing: its first part must not have left when its last one comes. */
const leastHold = 1024;

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
    { window: day, cap: 500 * megabyte, floor: 30 * megabyte },
  ]);

const volume = schemaOf<VolumeOptions>()({
  windows,
  score: ratio(0.1, 1000).default(3.5),
  samples: count(3, 128).default(12),
  novelty: ratio(1, 1000).default(4),
});

const beaconing = schemaOf<BeaconingOptions>()({
  score: ratio(0, 1).default(0.85),
  visits: count(8, 64).default(32),
  rare: ratio(0, 1).default(0.02),
});

const pattern = schemaOf<EgressPattern>()({
  name: z.string().min(1, { error: "'' is no name; alerts show it" }),
  pattern: patternField(),
  severity: oneOf(severities).default('high'),
  keywords: z.array(z.string().min(1)).min(1).optional(),
});

const patterns = schemaOf<PatternsOptions>()({
  secrets: z.union([z.boolean(), z.array(oneOf(secretKinds))]).default(true),
  cardNumbers: z.boolean().default(true),
  myNumbers: z.boolean().default(true),
  corporateNumbers: z.boolean().default(true),
  custom: z.array(pattern).default([]),
});

const fileTypesField = schemaOf<FileTypesOptions>()({
  allow: z.array(oneOf(fileTypes)).optional(),
  deny: z.array(oneOf(fileTypes)).optional(),
}).superRefine(({ allow, deny }, context) => {
  if (allow !== undefined && deny !== undefined)
    context.addIssue({ code: 'custom', message: 'both allow and deny are given; use one of them' });
});

const domains = z.array(
  z.string().transform((value, context) => {
    const host = parseHost(value.replace(/\.$/, ''));
    if (host !== undefined && host.port === undefined)
      return host.hostname.replace(/^\[|\]$/g, '').toLowerCase();
    return refuse(
      context,
      value,
      "is no domain; use one such as 'example.com', without scheme, port or path",
    );
  }),
);

const destinations = schemaOf<DestinationsOptions>()({
  allow: domains.default([]),
  deny: domains.default([]),
  lists: z.array(listField()).default([]),
  ports: z.array(count(1, 65535)).default([80, 443, 8080]),
  newFor: duration().default(7 * day),
  newBytes: size().default(100 * 1024),
  learning: duration().default(3 * day),
  tunnels: z
    .union([
      z.literal(false),
      z.strictObject({
        names: count(10, 100_000).default(100),
        entropy: ratio(0, 8).default(3.5),
        window: duration().default(hour),
      }),
    ])
    .prefault({}),
});

const inspection = schemaOf<InspectionOptions>()({
  hold: size().default(64 * 1024),
  timeBudget: duration().default(250),
  maxSize: size().default(1024 * megabyte),
});

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
  volume: z.union([z.literal(false), volume]).prefault({}),
  beaconing: z.union([z.literal(false), beaconing]).prefault({}),
  patterns: z
    .union([z.literal(false), z.array(pattern), patterns])
    .prefault({})
    .transform((value) =>
      Array.isArray(value) ? { ...patterns.parse({}), custom: value } : value,
    ),
  fileTypes: fileTypesField.prefault({}),
  destinations: destinations.prefault({}),
  inspection: inspection.prefault({}),
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
