import type { Request, Response } from 'express';
import { ProxyError } from '../core/errors.ts';
import { warn } from '../core/warn.ts';
import { KeysUnavailableError } from './jwks.ts';
import { RemoteKeys } from './jwks-remote.ts';
import { logoutTokenLifetime, readLogoutToken, type LogoutToken } from './logout-token.ts';
import type { OidcClient } from './oidc-client.ts';
import { unavailable } from './oidc-failures.ts';
import type { SessionStore } from './session-store.ts';

const mostBytes = 64 * 1024;

/** Takes the provider's word that sessions are over (OpenID Connect Back-Channel Logout 1.0 §2.5). */
export class BackchannelLogout {
  readonly #client: OidcClient;
  readonly #store: SessionStore;
  readonly #keys: RemoteKeys;

  constructor(client: OidcClient, store: SessionStore) {
    this.#client = client;
    this.#store = store;
    this.#keys = new RemoteKeys(() => client.keysUrl(), {
      maxAge: 600_000,
      staleFor: 3_600_000,
      cooldown: 30_000,
      timeout: client.settings.timeout,
      maxSize: 256 * 1024,
    });
  }

  /** @throws {ProxyError} (rejects) when it cannot be judged, or is no POST */
  async answer(req: Request, res: Response): Promise<void> {
    if (req.method !== 'POST')
      throw new ProxyError('ERR_SEKISHO_BAD_REQUEST', { status: 405, headers: { Allow: 'POST' } });
    // §2.8
    res.setHeader('Cache-Control', 'no-store');
    const token = await logoutTokenOf(req);
    const read = token === undefined ? undefined : await this.#read(token);
    if (read === undefined || !(await this.#store.firstTime(read.jti, logoutTokenLifetime))) {
      res.status(400).json({ error: 'invalid_request' });
      return;
    }
    await this.#store.endAll(read);
    res.status(200).end();
  }

  async #read(token: string): Promise<LogoutToken | undefined> {
    const { issuer, clientId } = this.#client.settings;
    try {
      return await readLogoutToken(token, { issuer, clientId, keys: this.#keys.find });
    } catch (error) {
      if (error instanceof KeysUnavailableError)
        throw unavailable('the keys of the provider cannot be had', error);
      const { code = '', message } = error as { code?: string; message: string };
      warn('SEKISHO_OIDC', `authGate: a logout token was refused: ${code} ${message}`);
      return undefined;
    }
  }
}

/** @returns undefined when there is none, or it cannot be read */
async function logoutTokenOf(req: Request): Promise<string | undefined> {
  if (req.is('application/x-www-form-urlencoded') === false) return undefined;
  // A body parser may have been here before.
  const parsed = req.body as { logout_token?: unknown } | undefined;
  if (typeof parsed === 'object' && typeof parsed.logout_token === 'string')
    return parsed.logout_token;
  if (req.readableEnded) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Read to its end nevertheless: to leave off would end the connection without an answer.
    if (size <= mostBytes) chunks.push(chunk);
  }
  if (size > mostBytes) return undefined;
  const tokens = new URLSearchParams(Buffer.concat(chunks).toString()).getAll('logout_token');
  return tokens.length === 1 ? tokens[0] : undefined;
}
