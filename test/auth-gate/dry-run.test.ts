/** A gate that only reports changes nothing of what the servers behind see. */
import assert from 'node:assert/strict';
import { after, test, type TestContext } from 'node:test';
import { authGate, type AuthGateOptions } from '../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { contextOf } from '../../lib/core/context.ts';
import { appWith, recording, showErrors } from '../core/upstream/forward-support.ts';
import { startProvider } from '../support/oidc-provider.ts';
import { exchangeRaw, listen } from '../support/servers.ts';
import { goodClaims, makeKey, tokenOf } from './issuer-support.ts';
import { gateway, secret } from './oidc-support.ts';
import { basic } from './support.ts';

const hub = await startProvider({ after });
const key = makeKey('k1');
const { iss: issuer, aud: audience } = goodClaims;
const bearer = { issuer, audience, jwks: { keys: [key.jwk] } };
const users = { alice: 'wonderland' };
const token = await tokenOf(key, { email: 'mia@x.example', groups: ['ops'] });

interface Trial {
  readonly fields: readonly string[];
  readonly head: string;
  readonly verdict: string | undefined;
}

/** What the server behind these gates sees of a request with these lines, what the client gets, and what is reported. */
async function seenBehind(
  t: TestContext,
  gates: readonly AuthGateOptions[],
  lines: string,
): Promise<Trial> {
  const behind = await recording(t);
  let verdict: string | undefined;
  const { port } = await appWith(t, (app) => {
    for (const options of gates) {
      const gate = authGate(options);
      t.after(() => gate.close());
      app.use(gate);
    }
    app.use((req, _res, next) => {
      verdict = contextOf(req).transaction.auth;
      next();
    });
    const proxy = balancedProxy(behind.url);
    t.after(() => void proxy.close());
    app.use(proxy);
    app.use(showErrors);
  });
  const request = `GET /page HTTP/1.1\r\nHost: www.example\r\n${lines}Connection: close\r\n\r\n`;
  const { text } = await exchangeRaw(port, request);
  const [seen] = behind.seen;
  assert.ok(seen !== undefined, `nothing came: ${text}`);
  const drop = /^(?:host|x-forwarded-port|x-request-id|traceparent)$/i;
  const fields = seen.fields.filter((_, at, all) => !drop.test(all[at - (at % 2)]!));
  return { fields, head: text.replace(/^Date: .*\r\n/im, ''), verdict };
}

const authorized = `Authorization: ${basic('alice', 'wonderland')}\r\n`;

for (const [what, options, lines, verdict] of [
  ['right name and password', { basic: { users } }, authorized, 'passed'],
  ['names for the user', { basic: { users }, identityHeaders: true }, authorized, 'passed'],
  [
    'a name for the user of its own, which the client sends, too',
    { basic: { users }, identityHeaders: { user: 'X-Trial-User' } },
    `${authorized}X-Trial-User: somebody\r\n`,
    'passed',
  ],
  [
    'a user who may not',
    { basic: { users }, allow: () => false, identityHeaders: true },
    authorized,
    'dry-run:denied',
  ],
  [
    'a wrong password',
    { basic: { users } },
    `Authorization: ${basic('alice', 'x')}\r\n`,
    'dry-run:refused',
  ],
  ['malformed credentials', { basic: { users } }, 'Authorization: Basic !\r\n', 'dry-run:refused'],
  ['a right token', { bearer }, `Authorization: Bearer ${token}\r\n`, 'passed'],
  [
    'a token without a scope',
    { bearer: { ...bearer, scope: ['admin'] } },
    `Authorization: Bearer ${token}\r\n`,
    'dry-run:denied',
  ],
  ['nothing', { basic: { users }, bearer }, '', 'dry-run:absent'],
] satisfies [string, AuthGateOptions, string, string][])
  test(`${what}: the server behind and the client see what they see without a gate`, async (t) => {
    const without = await seenBehind(t, [], lines);
    const trial = await seenBehind(t, [{ ...options, dryRun: true }], lines);
    assert.deepEqual(trial.fields, without.fields);
    assert.equal(trial.head, without.head);
    assert.equal(trial.verdict, verdict);
  });

test('an auth server that lets pass: neither its fields nor its cookies are taken over', async (t) => {
  const asked: (string | undefined)[] = [];
  const { url } = await listen(t, (req, res) => {
    asked.push(req.headers.cookie);
    res.writeHead(200, { 'Remote-User': 'alice', 'X-Trial-Tenant': 'a', 'Set-Cookie': 'sid=2' });
    res.end();
  });
  const forward = { url, copyHeaders: ['Remote-User', 'X-Trial-Tenant'], cookies: ['sid'] };
  const lines = `${authorized}X-Trial-Tenant: b\r\nCookie: sid=1; other=2\r\n`;
  const without = await seenBehind(t, [], lines);
  const options = { forward, forwardCredentials: false, dryRun: true };
  assert.deepEqual(await seenBehind(t, [options], lines), { ...without, verdict: 'passed' });
  assert.deepEqual(asked, ['sid=1; other=2']);
});

test('a session: its cookie goes on, and tells nobody who it is', async (t) => {
  const { url, jar, clientId } = await gateway(t, hub);
  await jar.visit(url);
  const session = jar.of(url).get('sekisho-session')!;
  const lines = `Cookie: a=1; sekisho-session=${session}\r\n`;
  const without = await seenBehind(t, [], lines);
  const oidc = {
    issuer: hub.issuer,
    clientId,
    clientSecret: 'not asked for',
    allowInsecure: true,
    session: { secret },
    baseUrl: url,
  };
  const trial = await seenBehind(t, [{ oidc, dryRun: true, identityHeaders: true }], lines);
  assert.deepEqual(trial.fields, without.fields);
  assert.equal(trial.verdict, 'passed');
});

test('what a gate in earnest has consumed stays here, whatever a trial behind it says', async (t) => {
  const { fields } = await seenBehind(
    t,
    [{ basic: { users } }, { basic: { users }, forwardCredentials: true, dryRun: true }],
    authorized,
  );
  assert.ok(!fields.some((name) => name.toLowerCase() === 'authorization'));
});
