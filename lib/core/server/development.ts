import { clock } from '../clock.ts';
import { warn } from '../warn.ts';

const audited = new WeakSet();

/**
 * Once the app has a server its chain is audited and what is wrong with it is told as warnings: in development (NODE_ENV as Express
 * reads it), not in production, and not in tests, which ask `audit()` themselves.
 */
export function auditInDevelopment(app: object): void {
  const { NODE_ENV = 'development', NODE_TEST_CONTEXT } = process.env;
  if (NODE_ENV !== 'development' || NODE_TEST_CONTEXT !== undefined || audited.has(app)) return;
  audited.add(app);
  // What is mounted in the same breath counts, too.
  clock.after(0, () => {
    void report(app).catch((error: unknown) =>
      warn('SEKISHO_AUDIT', 'the chain of the app could not be read', error),
    );
  });
}

async function report(app: object): Promise<void> {
  // The one door from here to a capability: loaded only when it is needed, and needed only in development.
  const { audit } = await import('../../audit/index.ts');
  if (!('router' in app)) return;
  for (const { severity, rule, where, why, remedy } of audit(app).findings)
    if (severity !== 'info') warn('SEKISHO_AUDIT', `${rule}: ${where}: ${why}. Remedy: ${remedy}.`);
}
