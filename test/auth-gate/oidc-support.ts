/** What the tests of logins share: a gateway with two applications, registered with a real provider. */
import type { TestContext } from 'node:test';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { authGate, type AuthGate, type AuthGateOptions } from '../../lib/auth-gate/index.ts';
import type { OidcOptions } from '../../lib/auth-gate/oidc-options.ts';
import { useClock } from '../../lib/core/clock.ts';
import { contextOf } from '../../lib/core/context.ts';
import type { ProxyError } from '../../lib/core/errors.ts';
import { CookieJar, type TestProvider } from '../support/oidc-provider.ts';
import { listen, type Listening } from '../support/servers.ts';

export const secret = 'a secret for tests that is long enough, and no more';

export interface Gateway extends Listening {
  readonly gate: AuthGate;
  readonly jar: CookieJar;
  readonly clientId: string;
}

export interface GatewayOptions {
  readonly oidc?: Partial<Omit<OidcOptions, 'session'>>;
  readonly session?: Partial<OidcOptions['session']>;
  readonly gate?: Partial<AuthGateOptions>;
  readonly prepare?: (app: Express) => void;
  /** A further gateway of the same client, as a second process would be. */
  readonly like?: { clientId: string; clientSecret: string };
}

export async function gateway(
  t: TestContext,
  { issuer, client }: Pick<TestProvider, 'issuer' | 'client'>,
  { oidc, session, gate: more, prepare, like }: GatewayOptions = {},
): Promise<Gateway> {
  const app = express();
  const listening = await listen(t, app);
  const credentials = like ?? client(listening.url);
  const gate = authGate({
    oidc: {
      issuer,
      ...credentials,
      allowInsecure: true,
      ...oidc,
      session: { secret, ...session },
    },
    ...more,
  });
  t.after(() => gate.close());
  prepare?.(app);
  app.get('/bye', (_req, res) => void res.send('goodbye'));
  app.use(gate);
  app.use((req: Request, res: Response) => {
    const { consumedCookies, transaction } = contextOf(req);
    res.json({
      page: req.originalUrl,
      user: req.auth?.user,
      auth: req.auth,
      consumed: [...(consumedCookies ?? [])],
      verdict: transaction.auth,
    });
  });
  app.use((error: ProxyError, _req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) next(error);
    else res.status(error.status).json({ code: error.code, detail: error.detail });
  });
  return { ...listening, gate, jar: new CookieJar(), clientId: credentials.clientId };
}

export function json(page: { text: string }): Record<string, unknown> {
  return JSON.parse(page.text) as Record<string, unknown>;
}

/** The real time, and more of it when told to. */
export function laterClock(t: TestContext): { pass(milliseconds: number): void } {
  let ahead = 0;
  t.after(
    useClock({
      now: () => Date.now() + ahead,
      monotonic: () => performance.now() + ahead,
    }),
  );
  return { pass: (milliseconds) => void (ahead += milliseconds) };
}
