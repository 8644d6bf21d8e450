import { z } from 'zod';
import { count, quote, refuse, schemaOf, type Duration } from '../options.ts';
import { durationFrom } from './time-limit.ts';

/** Active checks: a small request to each server, again and again. The names are HAProxy's. */
export interface HealthCheckOptions {
  /** What to ask for. */
  readonly path: string;
  /** Pause between two checks of a server; each is shifted at random by up to a tenth. @default '5s' */
  readonly interval?: Duration | undefined;
  /** Until the whole answer is there. @default '2s' */
  readonly timeout?: Duration | undefined;
  /** Good checks in a row that bring a server back; one does when it is the first of all, or no other server can be reached. @default 2 */
  readonly rise?: number | undefined;
  /** Bad checks in a row that take a server out. @default 3 */
  readonly fall?: number | undefined;
  /** Good answers: one range `[from, to]`, both included, or one status. @default [200, 399] */
  readonly status?: readonly [number, number] | number | undefined;
  /** @default 'GET' */
  readonly method?: 'GET' | 'HEAD' | 'OPTIONS' | undefined;
  /** Further fields of the check's request, e.g. `{ host: 'shop.example' }`. @default none */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

function statusField(): z.ZodType<
  readonly [number, number],
  readonly [number, number] | number | undefined
> {
  const status = count(100, 599);
  return z
    .union([status.transform((one) => [one, one] as const), z.tuple([status, status])])
    .default([200, 399])
    .refine(([from, to]) => from <= to, {
      error: ({ input }) =>
        `'${(input as number[]).join(', ')}' is an empty range; put the lower status first`,
    }) as never;
}

const pathField = z.custom<string>(
  (value) => typeof value === 'string' && /^\/[\x21-\x7e]*$/.test(value) && !value.includes('#'),
  {
    error: ({ input }) =>
      `${quote(input)} is no path; use one that begins with a slash, such as '/health', percent-encoded`,
  },
);

const schema = schemaOf<HealthCheckOptions>()({
  path: pathField,
  interval: durationFrom(10).default(5000),
  timeout: durationFrom(1).default(2000),
  rise: count(1, 1000).default(2),
  fall: count(1, 1000).default(3),
  status: statusField(),
  method: z.enum(['GET', 'HEAD', 'OPTIONS']).default('GET'),
  headers: z
    .record(z.string(), z.string())
    .superRefine((headers, context) => {
      for (const [name, value] of Object.entries(headers)) {
        if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name))
          refuse(context, name, 'is no field name; use letters, digits and hyphens');
        // eslint-disable-next-line no-control-regex -- control characters are what is looked for
        if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value))
          refuse(context, value, `is no value for ${name}; take the control characters out`);
      }
    })
    .default({}),
});

export type ParsedHealthCheck = z.output<typeof schema>;

export function healthCheckField(): z.ZodType<
  ParsedHealthCheck | undefined,
  string | HealthCheckOptions | undefined
> {
  return z
    .union([pathField.transform((path) => schema.parse({ path })), schema])
    .optional() as never;
}
