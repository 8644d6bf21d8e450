import { warn } from '../core/warn.ts';
import { isHttpUrl, type ParsedBearerOptions } from './bearer-options.ts';
import { discoverKeys } from './jwks-discovery.ts';
import { localKeys } from './jwks-local.ts';
import { RemoteKeys } from './jwks-remote.ts';
import type { FindKey } from './jwks.ts';

const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/**
 * The keys that the `jwks` option means, or without it the issuer's metadata.
 *
 * @throws {Error} with a message that completes "jwks: …"
 */
export function keysFor({ jwks, issuer, remote }: ParsedBearerOptions): FindKey {
  if (jwks === undefined) {
    const [name = ''] = issuer;
    warnIfPlain(new URL(name));
    return new RemoteKeys(() => discoverKeys(name, remote), remote).find;
  }
  if (!(jwks instanceof URL) && !(typeof jwks === 'string' && isHttpUrl(jwks)))
    return localKeys(jwks);
  const url = new URL(jwks);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new Error(`${url.protocol} is no protocol keys can be fetched by; use https:`);
  if (url.username !== '' || url.password !== '')
    throw new Error('the URL has a user or password in it, which is not sent; take it out');
  warnIfPlain(url);
  return new RemoteKeys(() => Promise.resolve(url), remote).find;
}

function warnIfPlain({ protocol, hostname, origin }: URL): void {
  if (protocol === 'http:' && !loopback.test(hostname))
    warn(
      'SEKISHO_JWKS_PLAIN',
      `authGate: keys are fetched from ${origin} without TLS; who can change them on their way can make tokens of any user`,
    );
}
