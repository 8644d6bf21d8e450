import * as openid from 'openid-client';
import { ProxyError } from '../core/errors.ts';
import { Unreachable } from '../core/upstream/bounded-fetch.ts';
import { warn } from '../core/warn.ts';

/** The provider, or the store of sessions, cannot be asked: 503, never a pass. */
export function unavailable(detail: string, cause?: unknown): ProxyError {
  return new ProxyError('ERR_SEKISHO_AUTH_UNAVAILABLE', { detail: `oidc: ${detail}`, cause });
}

/** The login has to be begun again: 400. */
export function loginFailed(detail: string, cause?: unknown): ProxyError {
  return new ProxyError('ERR_SEKISHO_LOGIN_FAILED', { detail: `oidc: ${detail}`, cause });
}

/** The provider could not be reached, or says itself that it is out of order. */
export function isOutage(error: unknown): boolean {
  if (error instanceof ProxyError) return error.code === 'ERR_SEKISHO_AUTH_UNAVAILABLE';
  if (error instanceof openid.ResponseBodyError)
    return error.status >= 500 || error.status === 429 || troubles.has(error.error);
  let cause: unknown = error;
  for (let depth = 0; depth < 5 && cause instanceof Error; depth++) {
    if (cause instanceof Unreachable) return true;
    cause = cause.cause;
  }
  // Any other answer of 5xx, e.g. of a balancer in front of the provider.
  return cause instanceof Response && cause.status >= 500;
}

const troubles: ReadonlySet<string> = new Set(['server_error', 'temporarily_unavailable']);
/** OpenID Connect Core §3.1.2.6: nothing is wrong, the user has but to log in. */
const unfinished: ReadonlySet<string> = new Set([
  ...['login_required', 'interaction_required', 'account_selection_required', 'consent_required'],
]);

/** What an error that the provider has sent the user back with means (RFC 6749 §4.1.2.1). */
export function providerRefusal(error: string): ProxyError {
  // What a client can put into a URL is no text for a log.
  const shown = /^[a-z_]{1,64}$/.test(error) ? error : 'an unknown error';
  if (error === 'access_denied')
    return new ProxyError('ERR_SEKISHO_AUTH_DENIED', {
      detail: 'oidc: the provider has denied access',
    });
  if (troubles.has(error)) return unavailable(`the provider says ${shown}`);
  if (!unfinished.has(error))
    warn('SEKISHO_OIDC', `authGate: the provider refuses logins: ${shown}`);
  return loginFailed(`the provider says ${shown}`);
}

/** What it means that a code could not be exchanged. */
export function exchangeFailure(error: unknown): ProxyError {
  if (error instanceof ProxyError) return error;
  if (isOutage(error)) return unavailable('the provider cannot be asked', error);
  if (error instanceof openid.ResponseBodyError && error.error === 'invalid_grant')
    return loginFailed('the code is not good any more', error);
  const {
    code = '',
    message,
    cause,
  } = error as { code?: string; message: string; cause?: unknown };
  const inner = cause instanceof Error ? `: ${cause.message}` : '';
  const reason =
    error instanceof openid.ResponseBodyError
      ? `the token endpoint says ${error.error}`
      : `what the provider has answered is not right (${code} ${message}${inner})`;
  warn('SEKISHO_OIDC', `authGate: a login failed, ${reason}`, error);
  return new ProxyError('ERR_SEKISHO_AUTH_UNAVAILABLE', {
    status: 502,
    detail: `oidc: ${reason}`,
    cause: error,
  });
}
