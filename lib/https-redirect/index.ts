import type { RequestHandler } from 'express';
import { z } from 'zod';
import { contextOf } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { failWith } from '../core/fail-with.ts';
import { parseHost } from '../core/http/host.ts';
import { middleware } from '../core/middleware.ts';
import { count, oneOf, parseOptions, quote, refuse, schemaOf } from '../core/options.ts';
import { fromLoopback, isChallenge } from './exempt.ts';
import { secureLocation } from './location.ts';

export interface HttpsRedirectOptions {
  /** Status of the redirect; 307 and 308 keep method and body. @default 308 */
  readonly status?: 301 | 302 | 307 | 308;
  /** Host to redirect to, without port. @default the host the request asked for */
  readonly host?: string;
  /** Port of the https server. @default 443 */
  readonly port?: number;
  /**
   * Hosts that are ours; requests for others are refused with 400 `ERR_SEKISHO_BAD_HOST`.
   * `'*.example.com'` stands for every name below example.com.
   * @default any well-formed host
   */
  readonly hosts?: readonly string[];
  /** What may stay on plain HTTP. */
  readonly exempt?: {
    /** Clients on this machine, unless they came through a proxy. @default false */
    readonly loopback?: boolean;
    /** `GET /.well-known/acme-challenge/<token>` (RFC 8555 §8.3, http-01). @default false */
    readonly acme?: boolean;
  };
}

const flag = z
  .custom<boolean>((value) => typeof value === 'boolean', {
    error: ({ input }) => `${quote(input)} is not allowed; use true or false`,
  })
  .default(false);

const optionsSchema = schemaOf<HttpsRedirectOptions>()({
  status: oneOf([301, 302, 307, 308]).default(308),
  host: hostname().optional(),
  port: count(1, 65535).default(443),
  hosts: z
    .array(hostname({ wildcard: true }))
    .min(1, { error: "[] is empty and would refuse everybody; name a host such as 'example.com'" })
    .optional(),
  exempt: z.strictObject({ loopback: flag, acme: flag }).prefault({}),
});

/**
 * Gate: sends every plain HTTP request, WebSocket upgrades included, to the same URL on https.
 * Whether a request came by https is what Express says (`req.protocol`): X-Forwarded-Proto and
 * X-Forwarded-Host are believed only of a peer that the app's `trust proxy` trusts. Requests to a forward proxy pass.
 * A malformed, missing or double Host is refused with 400 `ERR_SEKISHO_BAD_HOST`, a target without
 * a path (CONNECT, `OPTIONS *`) with 400 `ERR_SEKISHO_BAD_REQUEST`.
 *
 * @example app.use(httpsRedirect({ hosts: ['example.com', '*.example.com'], exempt: { acme: true } }));
 * @throws {OptionsError} at once, when the options are not what they should be
 */
export function httpsRedirect(options: HttpsRedirectOptions = {}): RequestHandler {
  const parsed = parseOptions('httpsRedirect', optionsSchema, options);
  const { status, host, hosts, exempt } = parsed;
  const portSuffix = parsed.port === 443 ? '' : `:${String(parsed.port)}`;

  return middleware('gate', function httpsRedirect(req, res, next) {
    if (
      // Whom a forward proxy asks is not this server.
      contextOf(req).proxied ||
      isSecure(req.protocol) ||
      (exempt.loopback && fromLoopback(req)) ||
      (exempt.acme && isChallenge(req))
    ) {
      next();
      return;
    }
    const location = secureLocation(req, { host, hosts, portSuffix });
    if (location instanceof ProxyError) {
      failWith(location, req, next);
      return;
    }
    // RFC 6797 §7.2: not on plain HTTP, where helmet may already have put it.
    res.removeHeader('Strict-Transport-Security');
    res.writeHead(status, { Location: location, 'Content-Length': 0 }).end();
  });
}

/** Some balancers say wss in X-Forwarded-Proto for a WebSocket over TLS. */
function isSecure(protocol: string): boolean {
  return protocol === 'https' || protocol === 'wss';
}

function hostname({ wildcard = false } = {}): z.ZodType<string, string> {
  return z.string().transform((value, context) => {
    const prefix = wildcard && value.startsWith('*.') ? '*.' : '';
    const host = parseHost(value.slice(prefix.length));
    if (host !== undefined && host.port === undefined) return prefix + host.hostname;
    return refuse(
      context,
      value,
      "is no host name; use one such as 'www.example.com', without scheme, port or path",
    );
  });
}
