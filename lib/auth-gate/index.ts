import type { Request, RequestHandler } from 'express';
import { contextOf } from '../core/context.ts';
import { middleware } from '../core/middleware.ts';
import { func, oneOf, parseOptions, refuse, schemaOf } from '../core/options.ts';
import { attemptsWith, attemptsWithout } from './attempt.ts';
import {
  authorization,
  claimsField,
  groupsField,
  type Allow,
  type ClaimValue,
} from './authorization.ts';
import { basicField, basicScheme, type BasicOptions } from './basic.ts';
import { bearerField, type BearerOptions, type RemoteKeysOptions } from './bearer-options.ts';
import { bearerScheme } from './bearer.ts';
import { isPromise } from './decision.ts';
import { flag } from './flag.ts';
import {
  forwardField,
  forwardScheme,
  mergeFields,
  type ForwardCacheOptions,
  type ForwardOptions,
} from './forward.ts';
import {
  identityField,
  type AssertionOptions,
  type IdentityHeadersOptions,
} from './identity-options.ts';
import { createIdentity } from './identity.ts';
import { failedDecision, judgeBy, type Decision } from './judge.ts';
import { lockoutField, type LockoutOptions } from './lockout-options.ts';
import { Lockout } from './lockout.ts';
import { oidcField, oidcScheme, type OidcOptions, type SessionOptions } from './oidc.ts';
import { isPreflight } from './preflight.ts';
import { refuseRequest } from './refusal.ts';
import { report } from './report.ts';
import { announce, type RequestAuth } from './request-auth.ts';
import type { Scheme } from './scheme.ts';

export type { AuthenticatedUser } from '../core/context.ts';
export type { Authorizer } from './authorizer.ts';
export type { RefusedCredentials } from './basic.ts';
export type {
  Allow,
  AssertionOptions,
  BasicOptions,
  BearerOptions,
  ClaimValue,
  ForwardCacheOptions,
  ForwardOptions,
  IdentityHeadersOptions,
  LockoutOptions,
  OidcOptions,
  RemoteKeysOptions,
  RequestAuth,
  SessionOptions,
};

export interface AuthGateOptions {
  /** Name and password (RFC 7617). @default not offered */
  readonly basic?: BasicOptions;
  /** JWTs (RFC 6750, RFC 7519). @default not offered */
  readonly bearer?: BearerOptions;
  /** Login with an OpenID Connect provider, and a session. @default not offered */
  readonly oidc?: OidcOptions;
  /** An auth server that is asked about each request (nginx `auth_request`, Traefik ForwardAuth). @default not offered */
  readonly forward?: ForwardOptions;
  /**
   * Whether an authenticated user may pass; true or false, or a promise of it. No is a 403 `ERR_SEKISHO_AUTH_DENIED`; to throw,
   * reject or return anything else a 500 `ERR_SEKISHO_HOOK`; no answer within 30 seconds a 503.
   * @default every authenticated user may
   */
  readonly allow?: Allow;
  /** Groups of which the user has to be in one. @default none needed */
  readonly groups?: readonly string[];
  /** Claims the user has to have, each with this value or one of these. @default none needed */
  readonly claims?: Readonly<Record<string, ClaimValue>>;
  /** Tells the servers behind who the user is. @default false */
  readonly identityHeaders?: boolean | IdentityHeadersOptions;
  /**
   * Whether servers behind get the `Authorization` that the gate, or its auth server, has judged. @default false
   */
  readonly forwardCredentials?: boolean;
  /** Locks who guesses, for a growing time: 429 with `Retry-After`. @default false */
  readonly lockout?: boolean | LockoutOptions;
  /**
   * CORS preflights (`OPTIONS` with `Origin` and `Access-Control-Request-Method`), which browsers send without credentials: `'gate'` judges
   * them as everything else, `'pass'` lets them through. Mount `cors()` before the gate and they never get here.
   * @default 'gate'
   */
  readonly preflight?: 'gate' | 'pass';
  /**
   * Lets everything pass and only reports what would have been refused. Servers behind get what they would get without the gate:
   * credentials and cookies go on, and nobody tells them of the user; `req.auth` is there for who has proved himself.
   * @default false
   */
  readonly dryRun?: boolean;
}

export interface AuthGate extends RequestHandler {
  /** Serves the public keys (JWK set) by which servers behind check the assertions of `identityHeaders`. */
  readonly jwks: RequestHandler;
  /** Ends what the gate has running: watched files, threads, connections. For gates that are taken down before the process. */
  close(): void;
}

const optionsSchema = schemaOf<AuthGateOptions>()({
  basic: basicField().optional(),
  bearer: bearerField().optional(),
  oidc: oidcField().optional(),
  forward: forwardField().optional(),
  allow: func<Allow>().optional(),
  groups: groupsField().optional(),
  claims: claimsField().optional(),
  identityHeaders: identityField(),
  forwardCredentials: flag(false).unwrap().optional(),
  lockout: lockoutField(),
  preflight: oneOf(['gate', 'pass']).default('gate'),
  dryRun: flag(false),
}).superRefine((options, context) => {
  const { basic, bearer, oidc, forward, forwardCredentials } = options;
  if ([basic, bearer, oidc, forward].every((scheme) => scheme === undefined))
    refuse(
      context,
      options,
      "with no scheme lets nobody in; add 'basic', 'bearer', 'oidc' or 'forward'",
    );
  if (oidc !== undefined && forward !== undefined)
    refuse(
      context,
      'forward',
      "beside oidc: its auth server answers who has no session, so nobody would get to oidc's login; mount one of them",
    );
  const copied = forward?.copyHeaders.find(({ to }) => to.toLowerCase() === 'authorization');
  if (forwardCredentials === true && copied !== undefined)
    refuse(
      context,
      copied.to,
      "is in copyHeaders and, by forwardCredentials, the client's; choose one",
    );
});

/**
 * Gate: lets pass who proves who he is, by any of the schemes given. The others get 401 and a challenge of each scheme,
 * as clients of a forward proxy get 407; who may not in spite of his proof gets 403. The user is in `req.auth`.
 *
 * @example app.use('/admin', authGate({ basic: { file: '/etc/htpasswd' }, lockout: true }));
 * @throws {OptionsError} at once, when the options are not what they should be or a file cannot be used
 */
export function authGate(options: AuthGateOptions): AuthGate {
  const parsed = parseOptions('authGate', optionsSchema, options);
  const { basic, bearer, oidc, forward, dryRun, forwardCredentials, preflight } = parsed;
  const challenges = (req: Request): string[] =>
    schemes.map((scheme) => scheme.challenge(req, undefined)).filter((text) => text !== undefined);
  const schemes: readonly Scheme[] = [
    basic && basicScheme(basic),
    bearer && bearerScheme(bearer),
    oidc && oidcScheme(oidc),
    forward &&
      forwardScheme(forward, {
        keepsCredentials: forwardCredentials === true,
        dryRun,
        challenges,
      }),
  ].filter((scheme) => scheme !== undefined);
  const lockout = parsed.lockout && new Lockout(parsed.lockout);
  const attempts = lockout ? attemptsWith(lockout, dryRun) : attemptsWithout(dryRun);
  const judge = judgeBy(schemes, attempts, authorization(parsed));
  const identity = createIdentity(parsed.identityHeaders, dryRun);

  function admit(req: Request, { user }: Decision): void {
    if (user === undefined) return;
    const context = contextOf(req);
    announce(req, user);
    // The servers behind see nothing of a trial.
    if (dryRun) return;
    if (forwardCredentials === true) context.consume.delete('authorization');
    // An auth server may let pass without naming anybody.
    if (parsed.identityHeaders !== undefined && user.name !== '')
      context.identity = mergeFields(context.identity, identity.fieldsFor(user));
  }

  const gate = middleware<RequestHandler>(
    'gate',
    function authGate(req, res, next) {
      const conclude = (decision: Decision): void => {
        report(decision, req, dryRun);
        if (decision.outcome === 'answered' || res.headersSent) return;
        const passed = decision.outcome === 'passed';
        if (passed) contextOf(req).admitted = true;
        if (dryRun || passed) {
          admit(req, decision);
          next();
        } else {
          if (decision.user !== undefined) contextOf(req).transaction.user = decision.user.name;
          refuseRequest(decision, schemes, req, res, next);
        }
      };
      if (preflight === 'pass' && isPreflight(req)) {
        report({ outcome: 'preflight' }, req, dryRun);
        next();
        return;
      }
      const decision = judge(req, res);
      if (!isPromise(decision)) conclude(decision);
      else
        decision
          .then(conclude, (error: unknown) => conclude(failedDecision(error)))
          .catch((error: unknown) => next(error));
    },
    {
      schemes: schemes.map(({ name }) => name),
      dryRun,
      preflight,
      lockout: lockout !== undefined,
    },
  );
  return Object.assign(gate, {
    jwks: identity.jwks,
    close() {
      for (const scheme of schemes) scheme.close?.();
      lockout?.close();
    },
  });
}
