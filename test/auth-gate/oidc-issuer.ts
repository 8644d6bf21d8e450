/** A provider that says whatever a test wants it to: what a real one would never do. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import express, { urlencoded } from 'express';
import { SignJWT } from 'jose';
import { listen } from '../support/servers.ts';

type Claims = Record<string, unknown>;

export interface ForgingIssuer {
  readonly issuer: string;
  client(origin: string): { clientId: string; clientSecret: string };
  sign(claims: Claims, header?: Record<string, string>, alg?: string): Promise<string>;
  /** What it does differently; to be changed. */
  wrong: {
    claims?: Claims;
    header?: Record<string, string>;
    /** `none`, or `broken` for a signature that is not right. */
    alg?: string;
    userinfo?: Claims;
    tokens?: Claims;
    metadata?: Claims;
    status?: number;
  };
}

export async function forgingIssuer(t: TestContext): Promise<ForgingIssuer> {
  const app = express();
  const { url } = await listen(t, app);
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  let nonce = '';
  const self: ForgingIssuer = {
    issuer: url,
    wrong: {},
    client: () => ({ clientId: 'gateway', clientSecret: 'the secret of the gateway' }),
    async sign(claims, header = {}, alg = 'RS256') {
      const now = Math.floor(Date.now() / 1000);
      const all = { iss: url, iat: now, exp: now + 300, ...claims };
      const payload = JSON.parse(JSON.stringify(all)) as Claims;
      const token = await new SignJWT(payload)
        .setProtectedHeader({ alg: 'RS256', kid: 'one', ...header })
        .sign(privateKey);
      const [head = '', body = '', signature = ''] = token.split('.');
      if (alg === 'broken') return `${head}.${body}.${signature.slice(0, -8)}AAAAAAAA`;
      if (alg !== 'none') return token;
      const none = Buffer.from(JSON.stringify({ ...header, alg: 'none' })).toString('base64url');
      return `${none}.${body}.`;
    },
  };
  app.get('/.well-known/openid-configuration', (_req, res) => {
    res.json({
      issuer: url,
      authorization_endpoint: `${url}/auth`,
      token_endpoint: `${url}/token`,
      userinfo_endpoint: `${url}/me`,
      jwks_uri: `${url}/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256', 'none'],
      ...self.wrong.metadata,
    });
  });
  app.get('/jwks', (_req, res) => {
    const key = publicKey.export({ format: 'jwk' });
    res.json({ keys: [{ ...key, kid: 'one', alg: 'RS256', use: 'sig' }] });
  });
  app.get('/auth', (req, res) => {
    const { redirect_uri: back, state, nonce: given } = req.query as Record<string, string>;
    nonce = given ?? '';
    res.redirect(`${back ?? ''}?code=${randomUUID()}&state=${state ?? ''}`);
  });
  app.post('/token', urlencoded(), async (_req, res) => {
    const { claims, header, alg, tokens, status = 200 } = self.wrong;
    const idToken = await self.sign({ aud: 'gateway', sub: 'mia', nonce, ...claims }, header, alg);
    res.status(status).json({
      access_token: 'access',
      token_type: 'Bearer',
      expires_in: 3600,
      id_token: idToken,
      ...tokens,
    });
  });
  app.get('/me', (_req, res) => void res.json({ sub: 'mia', ...self.wrong.userinfo }));
  return self;
}
