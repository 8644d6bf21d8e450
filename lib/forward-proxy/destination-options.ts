import { z } from 'zod';
import { count, duration, func, quote, refuse, type Duration } from '../core/options.ts';
import {
  DestinationList,
  parseDestinationEntry,
} from '../core/upstream/destination/destination-list.ts';
import type { Lookup } from '../core/upstream/destination/name-resolver.ts';

/** Where the proxy goes. `forwardProxy` and `checkDestination` have these in common. */
export interface DestinationOptions {
  /** Ports for requests in absolute-form; 8080 is the one that sites use beside 80. @default [80, 443, 8080] */
  readonly ports?: readonly number[];
  /** Ports for CONNECT tunnels. @default [443] */
  readonly connectPorts?: readonly number[];
  /**
   * Only these destinations, when there are any: `'example.com'` (and every name below), `'*.example.com'` (only those),
   * addresses and blocks such as `'192.0.2.0/24'`. Opens nothing that is inside: see `allowPrivate`.
   * @default every public destination
   */
  readonly allow?: readonly string[];
  /** Never these, whatever else says so; a block holds for what names resolve to, too. @default [] */
  readonly deny?: readonly string[];
  /**
   * Destinations that may be reached although they are inside (loopback, private, link-local …): blocks, addresses, or
   * names, whose addresses then may be anything but a metadata service. @default []
   */
  readonly allowPrivate?: readonly string[];
  /** Gives the addresses of a name: split horizons, tests. @default the hosts file, then DNS (A and AAAA, remembered for at most a minute) */
  readonly lookup?: Lookup;
  /** Time limit for resolving one name. @default '5s' */
  readonly lookupTimeout?: Duration;
  /**
   * Name of this proxy in `Via` (RFC 9110 §7.6.3); a request that has it already is going in circles.
   * @default 'sekisho-' and eight random hex digits
   */
  readonly pseudonym?: string;
}

const tokenPattern = /^[!#$%&'*+\-.^_`|~\da-z]+(?::\d{1,5})?$/i;

function ports(): z.ZodType<readonly number[], readonly number[]> {
  return z.array(count(1, 65535)) as never;
}

function destinations(): z.ZodType<DestinationList, readonly string[]> {
  const entry = z
    .string()
    .transform(
      (value, context) =>
        parseDestinationEntry(value) ??
        refuse(
          context,
          value,
          "is no destination; use a name such as 'example.com' (with every name below) or '*.example.com' (only those), an address, or a block such as '10.1.0.0/16'",
        ),
    );
  return z.array(entry).transform((entries) => new DestinationList(entries));
}

/** The fields of the policy, to be spread into the schema of a middleware. */
export const destinationFields = {
  ports: ports().default([80, 443, 8080]),
  connectPorts: ports().default([443]),
  allow: destinations().optional(),
  deny: destinations().default(new DestinationList([])),
  allowPrivate: destinations().default(new DestinationList([])),
  lookup: func<Lookup>().optional(),
  lookupTimeout: duration().default(5000),
  pseudonym: z
    .string()
    .refine((value) => tokenPattern.test(value), {
      error: ({ input }) => `${quote(input)} is no name for Via; use one such as 'proxy-1'`,
    })
    .optional(),
};
