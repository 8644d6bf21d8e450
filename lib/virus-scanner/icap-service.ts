import { printable } from './scanner.ts';
import type { IcapHead } from './icap-reply.ts';

/** What an ICAP service says of itself (RFC 3507 §4.10.2). */
export interface IcapService {
  readonly methods: ReadonlySet<string>;
  /** Bytes it wants to see first; undefined when it wants no preview. */
  readonly preview: number | undefined;
  /** Product and state: verdicts under another ISTag may be other ones (§4.7). */
  readonly version: string;
  /** Scans at the same time that it takes; Infinity when it does not say. */
  readonly maxConnections: number;
  /** Milliseconds for which this holds; Infinity when it does not say. */
  readonly holds: number;
}

/** More of a preview is not kept back, whatever the service wishes. */
const longestPreview = 64 * 1024;

/** @returns why it is no service for us, if it is not */
export function readService({ status, reason, fields }: IcapHead): IcapService | string {
  if (status !== 200) return `OPTIONS: ${status} ${printable(reason)}`;
  const methods = new Set(
    (fields.get('methods') ?? '')
      .toUpperCase()
      .split(',')
      .map((name) => name.trim()),
  );
  if (!methods.has('RESPMOD') && !methods.has('REQMOD'))
    return 'OPTIONS: it names neither RESPMOD nor REQMOD';
  const preview = fields.get('preview');
  if (preview !== undefined && !/^\d{1,9}$/.test(preview)) return 'OPTIONS: Preview is malformed';
  const name = fields.get('service') ?? fields.get('server') ?? 'ICAP';
  return {
    methods,
    preview: preview === undefined ? undefined : Math.min(Number(preview), longestPreview),
    version: printable(`${name} ${fields.get('istag') ?? ''}`),
    maxConnections: Math.max(1, numberOf(fields.get('max-connections'))),
    holds: numberOf(fields.get('options-ttl')) * 1000,
  };
}

function numberOf(value: string | undefined): number {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : Infinity;
}
