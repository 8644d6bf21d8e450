import { Registry } from 'prom-client';
import { z } from 'zod';
import { count, oneOf, quote, refuse, schemaOf } from '../core/options.ts';

export interface MetricsOptions {
  /** Path that answers with the metrics, below the mount path; `false` answers nowhere, see `page`. @default '/metrics' */
  readonly path?: string | false;
  /**
   * Answer everybody. Otherwise only clients that a gate before has let pass, and those on this machine or a private
   * network that did not come through a proxy; all others are left to the next handler. @default false
   */
  readonly public?: boolean;
  /** A prom-client registry that has your own metrics, too. @default one of our own */
  readonly registry?: Registry;
  /** What all names begin with. @default 'sekisho_' */
  readonly prefix?: string;
  /** Upper bounds of the buckets of durations, in seconds. @default 0.001 to 60 in fourteen steps */
  readonly buckets?: readonly number[];
  /** Labels on every metric, `{ site: 'tokyo' }`; only with a registry of our own. @default none */
  readonly labels?: Readonly<Record<string, string>>;
  /** Different values a label may have; what comes on top counts as `other`. @default 100 */
  readonly maxLabelValues?: number;
  /** Also prom-client's metrics of the process: CPU, memory, garbage collection; only with a registry of our own. @default true */
  readonly process?: boolean;
  /** In a cluster: workers let the primary have their metrics, and in the primary the page has those of all of them. @default false */
  readonly cluster?: boolean;
  /** Spans by `@opentelemetry/api`, when it is installed and has a provider. @default true */
  readonly tracing?: boolean;
}

const defaultBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

const flag = oneOf([true, false]);

export const optionsSchema = schemaOf<MetricsOptions>()({
  path: z
    .custom<string | false>(
      (value) => value === false || (typeof value === 'string' && /^\/[^\s?#]*$/.test(value)),
      { error: ({ input }) => `${quote(input)} is no path; use one such as '/metrics', or false` },
    )
    .default('/metrics'),
  public: flag.default(false),
  registry: z
    .custom<Registry>((value) => value instanceof Registry, {
      error: ({ input }) =>
        `${quote(input)} is no registry; pass new Registry() or register of prom-client`,
    })
    .optional(),
  prefix: z
    .custom<string>(
      (value) => typeof value === 'string' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(value),
      {
        error: ({ input }) => `${quote(input)} cannot begin a name; use letters, digits and _`,
      },
    )
    .default('sekisho_'),
  buckets: z
    .custom<readonly number[]>(isRising, {
      error: ({ input }) =>
        `${quote(input)} is not allowed; use seconds that rise, such as [0.01, 0.1, 1]`,
    })
    .default(defaultBuckets),
  labels: labelsField().default({}),
  maxLabelValues: count(1, 10_000).default(100),
  process: flag.default(true),
  cluster: flag.default(false),
  tracing: flag.default(true),
});

/** Labels of our metrics, and of prom-client's. */
const ownLabels: ReadonlySet<string> = new Set(
  (
    'route method status code source by stage upstream server reason state result outcome category direction engine rule ' +
    'severity blocked kind quantile le version major minor patch space type'
  ).split(' '),
);

function labelsField(): z.ZodType<Readonly<Record<string, string>>> {
  return z.record(z.string(), z.string()).superRefine((labels, context) => {
    for (const name of Object.keys(labels))
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
        refuse(context, name, 'is no name of a label; use letters, digits and _');
      else if (ownLabels.has(name))
        refuse(
          context,
          name,
          "is a label of these metrics themselves; use another one such as 'site'",
        );
  });
}

function isRising(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= 100 &&
    value.every(
      (bound, at) =>
        Number.isFinite(bound) && bound > 0 && (at === 0 || bound > Number(value[at - 1])),
    )
  );
}
