import { fetchJson, type FetchLimits } from '../core/upstream/fetch-json.ts';

/**
 * Asks an issuer where its keys are: OpenID Connect Discovery §4, else RFC 8414 §3.
 *
 * @throws {Error} with a message for operators
 */
export async function discoverKeys(issuer: string, limits: FetchLimits): Promise<URL> {
  const failures: string[] = [];
  for (const url of metadataUrls(issuer)) {
    try {
      return keysUrl(await fetchJson(url, limits), issuer, url);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  throw new Error(failures.join('; '));
}

function metadataUrls(issuer: string): URL[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    new URL(`${origin}${path}/.well-known/openid-configuration`),
    new URL(`${origin}/.well-known/oauth-authorization-server${path}`),
  ];
}

function keysUrl(metadata: unknown, issuer: string, from: URL): URL {
  const { issuer: named, jwks_uri: keys } = (metadata ?? {}) as Record<string, unknown>;
  // RFC 8414 §3.3: or one issuer could pass its keys off as another's.
  if (named !== issuer) throw new Error(`${from.href}: it is the metadata of another issuer`);
  const url = typeof keys === 'string' && URL.canParse(keys) ? new URL(keys) : undefined;
  const secure = url?.protocol === 'https:';
  if (url === undefined || !(secure || (url.protocol === 'http:' && from.protocol === 'http:')))
    throw new Error(`${from.href}: it names no usable jwks_uri`);
  return url;
}
