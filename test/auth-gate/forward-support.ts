/** What the tests of the scheme share: a gate that asks this auth server, with a recording server behind it. */
import type { TestContext } from 'node:test';
import type { Express } from 'express';
import { authGate, type AuthGateOptions, type ForwardOptions } from '../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { contextOf } from '../../lib/core/context.ts';
import { recording, showErrors, type Recording } from '../core/upstream/forward-support.ts';
import { attachedApp } from '../core/upstream/upgrade-support.ts';
import type { Listening } from '../support/servers.ts';

export interface Asking extends Listening {
  readonly ws: string;
  /** The server behind. */
  readonly behind: Recording;
}

export async function asking(
  t: TestContext,
  authUrl: string,
  forward: Partial<ForwardOptions> = {},
  {
    options = {},
    before = () => undefined,
    mount = '/',
  }: {
    options?: Partial<AuthGateOptions>;
    before?: (app: Express) => void;
    mount?: string;
  } = {},
): Promise<Asking> {
  const behind = await recording(t);
  const listening = await attachedApp(t, (app) => {
    before(app);
    const gate = authGate({ forward: { url: authUrl, ...forward }, ...options });
    const proxy = balancedProxy(behind.url);
    t.after(() => {
      gate.close();
      void proxy.close();
    });
    app.use(mount, gate);
    // What handlers of the app's own see.
    app.use('/who', (req, res) => res.json({ ...req.auth, log: contextOf(req).transaction.user }));
    app.use(proxy);
    app.use(showErrors);
  });
  return { ...listening, behind };
}
