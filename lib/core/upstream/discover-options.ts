import { isIP } from 'node:net';
import { z } from 'zod';
import { count, func, quote, schemaOf, type Duration } from '../options.ts';
import type { ServerInput } from './server-input.ts';
import { durationFrom } from './time-limit.ts';

/** Servers by DNS, asked again and again. */
export interface DnsDiscovery {
  /**
   * `'a'`: each address (A and AAAA) of a name is a server. `'srv'`: each SRV record is one, with its port
   * and weight; those of the lowest priority are the servers, all others backups (RFC 2782).
   */
  readonly dns: 'a' | 'srv';
  /** The name to ask for, such as `'images.internal'` or `'_http._tcp.images.internal'`. */
  readonly name: string;
  /** Pause between two questions. @default '30s' */
  readonly interval?: Duration | undefined;
  /** Scheme of the servers found. @default that of the one server given beside, else 'http' */
  readonly protocol?: 'http' | 'https' | undefined;
  /** Port of the servers found by `'a'`. @default that of the one server given beside, else the scheme's */
  readonly port?: number | undefined;
  /** DNS servers to ask, as `'10.0.0.53'` or `'127.0.0.1:5353'`. @default the system's; `'a'` then knows /etc/hosts, too */
  readonly servers?: readonly string[] | undefined;
}

/** Servers by a function of the user's: a registry, an orchestrator, a file. */
export interface CustomDiscovery {
  readonly find: () => readonly ServerInput[] | Promise<readonly ServerInput[]>;
  /** Pause between two calls. @default '30s' */
  readonly interval?: Duration | undefined;
}

export type DiscoverOptions = DnsDiscovery | CustomDiscovery | CustomDiscovery['find'];

const interval = durationFrom(10).default(30_000);

const address = z.custom<string>(
  (value) =>
    typeof value === 'string' &&
    (isIP(value) !== 0 || /^(?:\d+\.\d+\.\d+\.\d+|\[[\da-f:.]+\]):\d+$/i.test(value)),
  {
    error: ({ input }) =>
      `${quote(input)} is no DNS server; use an address, with a port if it is not 53: '10.0.0.53', '127.0.0.1:5353', '[::1]:5353'`,
  },
);

const dns = schemaOf<DnsDiscovery>()({
  dns: z.enum(['a', 'srv']),
  name: z.custom<string>(
    (value) => typeof value === 'string' && /^[\w-]+(?:\.[\w-]+)*\.?$/.test(value),
    { error: ({ input }) => `${quote(input)} is no DNS name; use one such as 'images.internal'` },
  ),
  interval,
  protocol: z.enum(['http', 'https']).optional(),
  port: count(1, 65_535).optional(),
  servers: z.array(address).min(1).optional(),
});

const custom = schemaOf<CustomDiscovery>()({ find: func<CustomDiscovery['find']>(), interval });

export type ParsedDns = z.output<typeof dns>;
export type ParsedCustom = z.output<typeof custom>;

export function discoverField(): z.ZodType<
  ParsedDns | ParsedCustom | undefined,
  DiscoverOptions | undefined
> {
  return z
    .union([
      func<CustomDiscovery['find']>().transform((find) => ({ find, interval: 30_000 })),
      dns,
      custom,
    ])
    .optional() as never;
}
