import { z } from 'zod';
import { parseDestination } from '../core/http/destination.ts';
import { OptionsError } from '../core/errors.ts';
import { oneOf, parseOptions, quote, schemaOf } from '../core/options.ts';
import { DestinationPolicy } from '../core/upstream/destination/destination-policy.ts';
import { destinationFields } from './destination-options.ts';
import type { ForwardProxyOptions } from './index.ts';
import { parentField } from './parent.ts';
import { someAddress } from './stranger.ts';

/** The options of `forwardProxy`, as they are, and what the request is like. */
export interface CheckDestinationOptions extends ForwardProxyOptions {
  /** `http`: a URL, as in absolute-form; `connect`: `host:port`. @default 'http' */
  readonly form?: 'http' | 'connect';
  /** The Host field, to be compared with the target. @default not compared */
  readonly hostHeader?: string;
  /** The server name of the ClientHello inside the tunnel, to be compared with the target. @default not compared */
  readonly sni?: string;
  /** The Via field, to be searched for `pseudonym` (here `'sekisho'`, when there is none). @default not searched */
  readonly via?: string;
}

/** The verdict of the policy. */
export interface DestinationCheck {
  readonly allow: boolean;
  /** Why not; `'allowed'` otherwise. */
  readonly reason: string;
  /** The address that would be connected to; with `upstreamProxy` only that proxy knows. */
  readonly address: string | undefined;
}

/** Has no part in the verdict. */
const ignored = z.unknown().optional();

const optionsSchema = schemaOf<CheckDestinationOptions>()({
  ...destinationFields,
  clients: ignored,
  timeouts: ignored,
  tunnel: ignored,
  upstreamProxy: parentField(),
  pseudonym: destinationFields.pseudonym.default('sekisho'),
  form: oneOf(['http', 'connect']).default('http'),
  hostHeader: z.string().optional(),
  sni: z.string().optional(),
  via: z.string().optional(),
});

/**
 * The verdict of `forwardProxy`'s destination policy, without a connection to anybody: to try a policy out, and to test it.
 * Names are resolved as the proxy would resolve them.
 *
 * @param destination a URL, or `host:port` with `form: 'connect'`
 * @example await checkDestination('http://127.0.0.1.nip.io/', { form: 'http' }); // { allow: false, reason: … }
 * @throws {OptionsError} when destination or options are not what they should be
 */
export async function checkDestination(
  destination: string,
  options: CheckDestinationOptions = {},
): Promise<DestinationCheck> {
  const parsed = parseOptions('checkDestination', optionsSchema, options);
  if (typeof destination !== 'string')
    throw new OptionsError('checkDestination', [
      `destination: ${quote(destination)} is not allowed; use a URL such as 'http://example.com/', or 'example.com:443' with form 'connect'`,
    ]);
  const target = parseDestination(destination, parsed.form);
  if ('malformed' in target) return refused(target.malformed);
  const { hostHeader, sni, via, upstreamProxy: parent } = parsed;
  const lookup = parsed.lookup ?? (parent && (() => Promise.resolve([someAddress])));
  const policy = new DestinationPolicy({ ...parsed, lookup });
  const verdict = await kept(policy.judge({ ...target, hostHeader, sni, via }));
  if (!verdict.allow) return refused(verdict.reason);
  const address = parent === undefined ? verdict.address : undefined;
  return { allow: true, reason: 'allowed', address };
}

/** Waits with a handle of its own: nothing else need keep a process alive that asks for a name, not even the time limit. */
async function kept<Result>(waiting: Result | Promise<Result>): Promise<Result> {
  const { port1, port2 } = new MessageChannel();
  port1.ref();
  try {
    return await waiting;
  } finally {
    port1.close();
    port2.close();
  }
}

function refused(reason: string): DestinationCheck {
  return { allow: false, reason, address: undefined };
}
