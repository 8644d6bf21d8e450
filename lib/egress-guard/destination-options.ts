import { z } from 'zod';
import { parseHost } from '../core/http/host.ts';
import { listField, type ListOptions } from '../core/lists/options.ts';
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

const hour = 3_600_000;
const day = 24 * hour;

const domains = z.array(
  z.string().transform((value, context) => {
    const host = parseHost(value.replace(/\.$/, ''));
    if (host !== undefined && host.port === undefined && !value.endsWith(':'))
      return host.hostname.replace(/^\[|\]$/g, '').toLowerCase();
    return refuse(
      context,
      value,
      "is no domain; use one such as 'example.com', without scheme, port or path",
    );
  }),
);

export const destinationsSchema = schemaOf<DestinationsOptions>()({
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
