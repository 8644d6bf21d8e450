import type { RequestHandler } from 'express';
import helmet, { type HelmetOptions } from 'helmet';
import { contextOf } from '../core/context.ts';
import { OptionsError } from '../core/errors.ts';
import { middleware } from '../core/middleware.ts';
import { parseOptions, schemaOf } from '../core/options.ts';
import { policy, responseFields, toggle } from './fields.ts';

/** helmet's options as they are, and what the answers of upstreams shall not tell. */
export type SecurityHeadersOptions = Readonly<HelmetOptions> & {
  /**
   * Response fields of upstreams that are not handed to the client. `[]` hands all on.
   * What the chain itself sets is not touched, and wins over the upstream's field of the same name.
   * @default ['server', 'x-powered-by']
   */
  readonly strip?: readonly string[];
};

const optionsSchema = schemaOf<SecurityHeadersOptions>()({
  contentSecurityPolicy: policy(),
  crossOriginEmbedderPolicy: policy(),
  crossOriginOpenerPolicy: policy(),
  crossOriginResourcePolicy: policy(),
  originAgentCluster: toggle(),
  referrerPolicy: policy(),
  strictTransportSecurity: policy(),
  hsts: policy(),
  xContentTypeOptions: toggle(),
  noSniff: toggle(),
  xDnsPrefetchControl: policy(),
  dnsPrefetchControl: policy(),
  xDownloadOptions: toggle(),
  ieNoOpen: toggle(),
  xFrameOptions: policy(),
  frameguard: policy(),
  xPermittedCrossDomainPolicies: policy(),
  permittedCrossDomainPolicies: policy(),
  xPoweredBy: toggle(),
  hidePoweredBy: toggle(),
  xXssProtection: toggle(),
  xssFilter: toggle(),
  strip: responseFields().default(['server', 'x-powered-by']),
});

/**
 * Gate that lets everything pass: sets helmet's security fields on the answer, whoever gives it, and
 * keeps the fields by which upstreams tell of themselves (`Server`, `X-Powered-By`) from the client. Answers to clients of
 * a forward proxy are those of other sites and left as they are.
 *
 * @example app.use(securityHeaders({ strip: ['server', 'x-powered-by', 'x-aspnet-version'] }));
 * @throws {OptionsError} at once, for what helmet refuses and for options that helmet would ignore
 */
export function securityHeaders(options: SecurityHeadersOptions = {}): RequestHandler {
  const { strip, ...policies } = parseOptions('securityHeaders', optionsSchema, options);
  const setFields = createHelmet(policies);

  return middleware(
    'gate',
    function securityHeaders(req, res, next) {
      const context = contextOf(req);
      if (context.proxied) {
        // Express says so of every answer, and this one is not Express'.
        res.removeHeader('X-Powered-By');
        next();
        return;
      }
      const stripped = context.strip;
      for (const field of strip) stripped.add(field);
      setFields(req, res, next);
    } satisfies RequestHandler,
    options,
  );
}

function createHelmet(policies: Readonly<Record<string, unknown>>): ReturnType<typeof helmet> {
  // helmet takes a key that is there, though undefined, for one that was given.
  const given = Object.entries(policies).filter(([, value]) => value !== undefined);
  try {
    return helmet(Object.fromEntries(given));
  } catch (error) {
    throw new OptionsError('securityHeaders', [
      error instanceof Error ? error.message : String(error),
    ]);
  }
}
