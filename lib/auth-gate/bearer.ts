import { hash } from 'node:crypto';
import type { Request } from 'express';
import { errors, jwtVerify, type JWTPayload, type JWTVerifyOptions } from 'jose';
import { LRUCache } from 'lru-cache';
import { clock } from '../core/clock.ts';
import { contextOf, type AuthenticatedUser } from '../core/context.ts';
import { OptionsError, ProxyError } from '../core/errors.ts';
import { defaultAlgorithms, type ParsedBearerOptions } from './bearer-options.ts';
import {
  descriptionOf,
  nameless,
  tooLong,
  unreadable,
  verdictOf,
  type Refusal,
} from './bearer-refusals.ts';
import { hasScopes, userOf } from './bearer-user.ts';
import { quotedString } from './challenge.ts';
import { credentialsOf, type CredentialsField } from './credentials.ts';
import type { FindKey } from './jwks.ts';
import { keysFor } from './jwks-choice.ts';
import type { Attempt, Scheme, Verdict } from './scheme.ts';

/** Verified tokens that are remembered. */
const mostRemembered = 2000;
/** RFC 6750 §2.1, narrowed to what a signed JWT is made of (RFC 7515 §7.1). */
const compact = /^[\w-]+\.[\w-]+\.[\w-]*$/;
/** An issuer with more keys of one name than this is none. */
const mostCandidates = 16;

interface Verified {
  readonly user: AuthenticatedUser;
  /** Wall-clock milliseconds. */
  readonly from: number;
  readonly until: number;
}

/**
 * The scheme for JWTs.
 *
 * @throws {OptionsError} when a file of keys cannot be read, or keys cannot be used
 */
export function bearerScheme(options: ParsedBearerOptions): Scheme {
  const verify = verifier(options);
  const { cache, maxSize, scope, realm } = options;
  const verified =
    cache === false ? undefined : new LRUCache<string, Verified>({ max: mostRemembered });

  function remembered(digest: string): Verdict | undefined {
    const entry = verified?.get(digest);
    if (entry === undefined) return undefined;
    const now = clock.now();
    // A clock that has been set back may have made a token one of the future.
    if (now >= entry.from && now < entry.until) return { kind: 'user', user: entry.user };
    verified?.delete(digest);
    return undefined;
  }

  async function judge(token: string, digest: string): Promise<Verdict> {
    try {
      const now = clock.now();
      const claims = await verify(token, now);
      const user = userOf(claims, options);
      if (user === undefined) return nameless;
      const until = lastMoment(claims, options, now);
      if (until > now) verified?.set(digest, { user, from: now, until });
      return { kind: 'user', user };
    } catch (error) {
      return verdictOf(error);
    }
  }

  /** What a right token is good for on this request. */
  function admit(
    verdict: Verdict,
    req: Request,
    field: CredentialsField,
    { dryRun }: Attempt,
  ): Verdict {
    if (verdict.kind !== 'user') return verdict;
    if (scope !== undefined && !hasScopes(verdict.user.claims, scope))
      return { kind: 'failed', error: insufficient(field) };
    if (!dryRun) contextOf(req).consume.add(field);
    return verdict;
  }

  function insufficient(field: CredentialsField): ProxyError {
    const description = 'The token does not have the scopes that are needed';
    const name = field === 'authorization' ? 'WWW-Authenticate' : 'Proxy-Authenticate';
    return new ProxyError('ERR_SEKISHO_AUTH_DENIED', {
      headers: { [name]: challengeOf('insufficient_scope', description) },
      detail: 'insufficient_scope',
    });
  }

  function challengeOf(error?: string, description = ''): string {
    const parameters = [`realm=${quotedString(realm)}`];
    if (scope !== undefined) parameters.push(`scope="${scope.join(' ')}"`);
    if (error !== undefined)
      parameters.push(`error="${error}"`, `error_description=${quotedString(description)}`);
    return `Bearer ${parameters.join(', ')}`;
  }

  return {
    name: 'bearer',
    authenticate(req, _res, attempt) {
      const credentials = credentialsOf(req, 'bearer');
      if (credentials === undefined) return { kind: 'absent' };
      const { value: token, field, problem } = credentials;
      if (problem !== undefined) return unreadable;
      if (token.length > maxSize) return tooLong;
      if (!compact.test(token))
        return token === '' || /[\s,]/.test(token) ? unreadable : verdictOf(malformedToken);
      const digest = hash('sha256', token, 'base64');
      const known = remembered(digest);
      if (known !== undefined) return admit(known, req, field, attempt);
      return judge(token, digest).then((verdict) => admit(verdict, req, field, attempt));
    },
    challenge(_req, refused: Refusal | undefined) {
      return refused?.error === undefined
        ? challengeOf()
        : challengeOf(refused.error, descriptionOf(refused));
    },
  };
}

const malformedToken = new errors.JWTInvalid('not of three parts');

/** How long a token just verified may be taken without verifying it again. */
function lastMoment(
  { exp = Infinity, iat = 0 }: JWTPayload,
  { cache, clockTolerance, maxTokenAge = Infinity }: ParsedBearerOptions,
  now: number,
): number {
  return Math.min(
    exp * 1000 + clockTolerance,
    iat * 1000 + maxTokenAge + clockTolerance,
    now + (cache === false ? 0 : cache),
  );
}

type Verify = (token: string, now: number) => Promise<JWTPayload>;

function verifier(options: ParsedBearerOptions): Verify {
  const { issuer, audience, algorithms, clockTolerance, requiredClaims, maxTokenAge, typ } =
    options;
  const { secret } = options;
  const demands: JWTVerifyOptions = {
    issuer,
    algorithms: algorithms ?? defaultAlgorithms(secret),
    clockTolerance: clockTolerance / 1000,
    requiredClaims,
    ...(audience === false ? {} : { audience }),
    ...(maxTokenAge === undefined ? {} : { maxTokenAge: maxTokenAge / 1000 }),
    ...(typ === undefined ? {} : { typ }),
  };
  const key = secret ?? findKey(options);
  return async function verify(token, now) {
    const dated = { ...demands, currentDate: new Date(now) };
    try {
      // The overloads know a key or a function, and not that it may be either.
      return (await jwtVerify(token, key as FindKey, dated)).payload;
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyByAny(token, error, dated);
      throw error;
    }
  };
}

/** Some issuers' keys have no id, so that several may be the one. */
async function verifyByAny(
  token: string,
  candidates: errors.JWKSMultipleMatchingKeys,
  demands: JWTVerifyOptions,
): Promise<JWTPayload> {
  let tried = 0;
  for await (const key of candidates) {
    if (++tried > mostCandidates) break;
    try {
      return (await jwtVerify(token, key, demands)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

function findKey(options: ParsedBearerOptions): FindKey {
  try {
    return keysFor(options);
  } catch (error) {
    throw new OptionsError('authGate', [`bearer.jwks: ${(error as Error).message}`]);
  }
}
