// A question, not a connection.
// eslint-disable-next-line @typescript-eslint/no-restricted-imports
import { isIP } from 'node:net';
import { z } from 'zod';
import {
  count,
  duration,
  oneOf,
  quote,
  refuse,
  schemaOf,
  size,
  type Duration,
  type Size,
} from '../core/options.ts';
import { durationFrom } from '../core/upstream/time-limit.ts';
import type { Engines } from './engines.ts';
import type { KnownClean } from './known-clean.ts';
import type { Choice, Rules } from './ruling.ts';
import type { SkipRules } from './skip.ts';

/** Where a clamd listens: a unix socket, or a TCP port. */
export interface ClamdOptions {
  /** Path of its unix socket (`LocalSocket` in clamd.conf). */
  readonly socket?: string;
  /** Host of its TCP port. @default '127.0.0.1' */
  readonly host?: string;
  /** Its TCP port (`TCPSocket`). @default 3310, unless there is a socket */
  readonly port?: number;
}

export interface VirusScannerOptions {
  /** ClamAV's daemon; several share the work and stand in for each other. */
  readonly clamd?: ClamdOptions | readonly ClamdOptions[];
  /** ICAP services (RFC 3507): `'icap://av.example:1344/virus_scan'`, `icaps:` for TLS. Several as with `clamd`. */
  readonly icap?: string | readonly string[];
  /** What is scanned: answers, request bodies, or both. @default ['download'] */
  readonly directions?: 'download' | 'upload' | readonly ('download' | 'upload')[];
  /**
   * Bodies beyond this many bytes, as sent or decoded, are not scanned (`onOversize`). Not more than the engine takes:
   * `StreamMaxLength`, `MaxScanSize` and `MaxFileSize` of clamd. @default '25mb'
   */
  readonly maxSize?: Size;
  /** What becomes of larger ones. @default 'block' */
  readonly onOversize?: Choice;
  /** What becomes of bodies when no engine gives a clear verdict. @default 'block' */
  readonly onUnavailable?: Choice;
  /**
   * What becomes of what no engine can look into: broken or unknown content codings, parts of bodies (206), streams
   * that do not end (`text/event-stream`). Decompression bombs are blocked whatever this says. @default 'block'
   */
  readonly onUnscannable?: Choice;
  /** What becomes of archives and documents that need a password (`AlertEncrypted` of clamd). @default 'block' */
  readonly encrypted?: Choice;
  /** Bodies up to this size are held whole until the verdict; at least 1000 bytes. @default '1mb' */
  readonly hold?: Size;
  /**
   * Larger ones go on while they come, except for so many of their last bytes, which wait for the verdict; when it is bad
   * the connection is destroyed. `true` stands for `hold`; with `false` everything up to `maxSize` is held whole.
   *
   * @default true
   */
  readonly trickle?: boolean | Size;
  /** What is not scanned. */
  readonly skip?: {
    /** Media types by the word of who sends: `'image/*'`, `'text/event-stream'`. @default none */
    readonly types?: readonly string[];
    /** Destinations of a forward proxy that are trusted, subdomains included: `'updates.example'`. @default none */
    readonly hosts?: readonly string[];
  };
  readonly timeouts?: {
    /** To connect, and for an engine's answer to whether it is there. @default '2s' */
    readonly connect?: Duration;
    /** The engine takes no more bytes; while others wait for its place, also how long a body may rest. @default '15s' */
    readonly idle?: Duration;
    /** From the last byte to the verdict. @default '60s' */
    readonly verdict?: Duration;
  };
  readonly connections?: {
    /** Scans at the same time, of each engine; below `MaxThreads` of clamd. @default 8 */
    readonly perEngine?: number;
    /** Bodies that may wait for an engine. @default 256 */
    readonly queue?: number;
    /** How long they may. @default '30s' */
    readonly queueTimeout?: Duration;
  };
}

/** What a scanner does with every body. */
export interface ScanPlan extends Rules {
  readonly maxSize: number;
  readonly hold: number;
  /** Bytes of a larger body that are held back to the end; undefined to hold all of it. */
  readonly trickle: number | undefined;
  /** Bytes from which the source has to wait for who takes them. */
  readonly holdMost: number;
  readonly skip: SkipRules;
  readonly engines: Engines;
  readonly known: KnownClean;
}

/** With less even the smallest of malware would be there before its verdict. */
const leastHold = 1000;

const choice = oneOf(['block', 'allow']);
const direction = oneOf(['download', 'upload']);
const noTarget = "needs 'socket' or 'port'; use { socket: '/run/clamav/clamd.ctl' }";

const clamd = z
  .strictObject({
    socket: z.string().min(1).optional(),
    host: z.string().min(1).optional(),
    port: count(1, 65_535).optional(),
  })
  .superRefine((value, context) => {
    const { socket, host, port } = value;
    if (socket === undefined && host === undefined && port === undefined)
      refuse(context, value, noTarget);
    else if (socket !== undefined && (host !== undefined || port !== undefined))
      refuse(
        context,
        value,
        'has a socket and a port; use one, or two engines: [{ socket }, { port }]',
      );
  })
  .transform(({ socket, host = '127.0.0.1', port = 3310 }) =>
    socket === undefined ? { host, port } : { socket },
  );

const icap = z.string().transform((value, context) => {
  const url = URL.parse(value);
  const known = url?.protocol === 'icap:' || url?.protocol === 'icaps:';
  if (known && url.hostname !== '' && url.hash === '' && url.username === '') return url;
  return refuse(
    context,
    value,
    "is no ICAP URL; use one such as 'icap://127.0.0.1:1344/virus_scan'",
  );
});

const mediaType = z.string().transform((value, context) => {
  const type = value.trim().toLowerCase();
  if (/^[\w!#$&^.+-]+\/(?:\*|[\w!#$&^.+-]+)$/.test(type)) return type;
  return refuse(
    context,
    value,
    "is no media type; use one such as 'image/*' or 'text/event-stream'",
  );
});

const hostname = z.string().transform((value, context) => {
  const host = isIP(value) === 6 ? `[${value}]` : value;
  const name = URL.parse(`http://${host}/`)?.hostname.replace(/\.$/, '') ?? '';
  if (name !== '' && /^(?:\[[\da-f:.]+\]|[^/?#@:\\]+)$/i.test(host))
    return name.replace(/^\[|\]$/g, '');
  return refuse(context, value, "is no host name; use one such as 'updates.example'");
});

/** One, or a list of them. */
function oneOrMore<Item extends z.ZodType>(
  item: Item,
): z.ZodType<z.output<Item>[], z.input<Item> | readonly z.input<Item>[]> {
  const list = z.array(item).superRefine((value, context) => {
    if (value.length === 0) refuse(context, value, 'is empty; name at least one');
  });
  return z.union([list, item]).transform((value) => [value].flat() as z.output<Item>[]);
}

export const scannerSchema = schemaOf<VirusScannerOptions>()({
  clamd: oneOrMore(clamd).optional(),
  icap: oneOrMore(icap).optional(),
  directions: oneOrMore(direction).default(['download']),
  maxSize: size().default(25 * 1024 * 1024),
  onOversize: choice.default('block'),
  onUnavailable: choice.default('block'),
  onUnscannable: choice.default('block'),
  encrypted: choice.default('block'),
  hold: size().default(1024 * 1024),
  trickle: z.union([z.boolean(), size()]).default(true),
  skip: z
    .strictObject({ types: z.array(mediaType).default([]), hosts: z.array(hostname).default([]) })
    .prefault({}),
  timeouts: z
    .strictObject({
      connect: durationFrom(1).default(2000),
      idle: durationFrom(1).default(15_000),
      verdict: durationFrom(1).default(60_000),
    })
    .prefault({}),
  connections: z
    .strictObject({
      perEngine: count(1).default(8),
      queue: count(0).default(256),
      queueTimeout: duration().default(30_000),
    })
    .prefault({}),
}).superRefine((value, context) => {
  const { trickle, hold } = value;
  if (value.clamd === undefined && value.icap === undefined)
    context.addIssue({
      code: 'custom',
      message:
        "no engine is named; use clamd: { socket: '/run/clamav/clamd.ctl' } or icap: 'icap://127.0.0.1:1344/virus_scan'",
    });
  if (hold < leastHold)
    context.addIssue({
      code: 'custom',
      path: ['hold'],
      message: `${quote(hold)} is not allowed; use at least ${leastHold} bytes`,
    });
  if (typeof trickle === 'number' && (trickle < 1 || trickle > hold))
    context.addIssue({
      code: 'custom',
      path: ['trickle'],
      message: `${quote(trickle)} is not allowed; use from 1 byte to 'hold', true or false`,
    });
});
