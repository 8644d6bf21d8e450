/** What the tests of tokens share: an issuer with real keys on a real server, and a bare gate that asks one scheme. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { RequestListener } from 'node:http';
import type { TestContext } from 'node:test';
import express, { type Express } from 'express';
import { SignJWT, type JWK, type JWTHeaderParameters } from 'jose';
import { useClock } from '../../lib/core/clock.ts';
import { contextOf } from '../../lib/core/context.ts';
import { ProxyError } from '../../lib/core/errors.ts';
import { parseOptions } from '../../lib/core/options.ts';
import { bearerField, type BearerOptions } from '../../lib/auth-gate/bearer-options.ts';
import { bearerScheme } from '../../lib/auth-gate/bearer.ts';
import type { Attempt, Scheme, Verdict } from '../../lib/auth-gate/scheme.ts';
import { listen, type Listening } from '../support/servers.ts';

export interface TestKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: JWK;
}

export function makeKey(kid: string, alg = 'ES256'): TestKey {
  const { privateKey, publicKey } =
    alg === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : alg.startsWith('ES')
        ? generateKeyPairSync('ec', { namedCurve: `P-${alg.slice(2).replace('512', '521')}` })
        : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...(publicKey.export({ format: 'jwk' }) as JWK), kid, alg, use: 'sig' };
  return { alg, kid, privateKey, publicKey, jwk };
}

/** What a good token of these tests says; `undefined` takes a claim out. */
export const goodClaims = {
  iss: 'https://login.example',
  aud: 'https://api.example',
  sub: 'u1',
  preferred_username: 'mia',
};

export function tokenOf(
  key: TestKey,
  claims: Record<string, unknown> = {},
  header: { [Name in keyof JWTHeaderParameters]?: JWTHeaderParameters[Name] | undefined } = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const payload = { ...goodClaims, iat: now, exp: now + 300, ...claims };
  return new SignJWT(JSON.parse(JSON.stringify(payload)) as Record<string, unknown>)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header } as JWTHeaderParameters)
    .sign(key.privateKey);
}

export interface Issuer extends Listening {
  readonly jwks: string;
  /** The keys it publishes; to be changed. */
  keys: JWK[];
  /** How often its keys were asked for. */
  fetches: number;
  /** In place of the keys. */
  answer: RequestListener | undefined;
}

export async function startIssuer(t: TestContext, ...keys: TestKey[]): Promise<Issuer> {
  const listening = await listen(t, (req, res) => {
    if (req.url !== '/jwks') {
      res.writeHead(404).end();
      return;
    }
    issuer.fetches++;
    if (issuer.answer !== undefined) issuer.answer(req, res);
    else res.end(JSON.stringify({ keys: issuer.keys }));
  });
  const issuer: Issuer = {
    ...listening,
    jwks: `${listening.url}/jwks`,
    keys: keys.map(({ jwk }) => jwk),
    fetches: 0,
    answer: undefined,
  };
  return issuer;
}

export function bearer(options: Partial<BearerOptions>): Scheme {
  const { iss, aud } = goodClaims;
  const whole = { issuer: iss, audience: aud, ...options };
  return bearerScheme(parseOptions('authGate', bearerField(), whole));
}

/** What a gate without lockout lends a scheme. */
export const attempt: Attempt = { dryRun: false, guard: (_name, _known, judge) => judge() };

/** Refuses as a gate does, and nothing else: what the rest of a gate does is tested with that. */
export function bareGate(app: Express, scheme: Scheme): void {
  app.use(async function bareGate(req, res, next) {
    const verdict: Verdict = await scheme.authenticate(req, res, attempt);
    if (verdict.kind === 'user') {
      contextOf(req).user = verdict.user;
      next();
    } else if (verdict.kind === 'failed') next(verdict.error);
    else {
      const refused = verdict.kind === 'refused' ? verdict : undefined;
      const challenge = scheme.challenge(req, refused) ?? '';
      next(
        new ProxyError('ERR_SEKISHO_AUTH_REQUIRED', {
          headers: { 'WWW-Authenticate': challenge },
          ...(refused === undefined ? {} : { detail: refused.reason }),
        }),
      );
    }
  });
}

export interface Answer {
  readonly status: number;
  readonly challenge: string | null;
  /** The name of the user, or `code: detail`. */
  readonly text: string;
}

/** An app that tells its users their names. */
export async function startGate(
  t: TestContext,
  scheme: Scheme,
): Promise<Listening & { readonly ask: (authorization?: string) => Promise<Answer> }> {
  const app = express().set('env', 'test');
  bareGate(app, scheme);
  app.use((req: express.Request, res: express.Response) => {
    res.json(contextOf(req).user);
  });
  app.use(
    (
      error: ProxyError,
      _req: express.Request,
      res: express.Response,
      // eslint-disable-next-line @typescript-eslint/no-unused-vars -- Express knows an error handler by its four parameters
      _next: express.NextFunction,
    ) => {
      res
        .status(error.status)
        .set(error.headers)
        .send(`${error.code}: ${error.detail ?? ''}`);
    },
  );
  const listening = await listen(t, app as RequestListener);
  return {
    ...listening,
    async ask(authorization) {
      const response = await fetch(listening.url, {
        headers: authorization === undefined ? {} : { authorization },
      });
      const text = await response.text();
      const { status } = response;
      return {
        status,
        challenge: response.headers.get('www-authenticate'),
        text: status === 200 ? (JSON.parse(text) as { name: string }).name : text,
      };
    },
  };
}

/** Time that passes only when told to. */
export function stillClock(t: TestContext): { readonly pass: (milliseconds: number) => void } {
  let passed = 0;
  const started = Date.now();
  t.after(useClock({ now: () => started + passed, monotonic: () => 1 + passed }));
  return { pass: (milliseconds) => (passed += milliseconds) };
}
