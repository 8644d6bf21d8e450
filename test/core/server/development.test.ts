import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** An app whose gate comes too late, in a process of its own. */
const program = `
  import express from 'express';
  import { attach, authGate, balancedProxy, serve } from 'sekisho';
  const app = express();
  const { close, server } = await serve(app, { host: '127.0.0.1' });
  app.use('/a', balancedProxy('http://127.0.0.1:9'));
  app.use('/a', authGate({ basic: { users: { alice: 'secret' } } }));
  attach(server, app);
  setTimeout(() => close(), Number(process.env.LINGER));
`;

async function warningsIn(environment: Record<string, string>): Promise<string[]> {
  const others = { ...process.env };
  delete others.NODE_ENV;
  delete others.NODE_TEST_CONTEXT;
  const { stderr } = await run(
    process.execPath,
    ['--conditions=sekisho-source', '--input-type=module', '-e', program],
    {
      env: { ...others, LINGER: '300', ...environment },
      cwd: new URL('../../..', import.meta.url),
    },
  );
  return stderr.split('\n').filter((line) => line.includes('SEKISHO_AUDIT'));
}

test('in development an app that gets a server is audited, once', async () => {
  const warnings = await warningsIn({ LINGER: '3000' });
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0] ?? '',
    /SekishoWarning: gate-after-forwarder: #2 authGate at \/a: .* Remedy: mount authGate before/,
  );
});

for (const environment of ['production', 'test', 'staging'])
  test(`with NODE_ENV=${environment} nothing is said`, async () => {
    assert.deepEqual(await warningsIn({ NODE_ENV: environment }), []);
  });
