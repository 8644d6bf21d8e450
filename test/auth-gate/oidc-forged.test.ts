import assert from 'node:assert/strict';
import test from 'node:test';
import { forgingIssuer, type ForgingIssuer } from './oidc-issuer.ts';
import { gateway, json } from './oidc-support.ts';

const past = Math.floor(Date.now() / 1000) - 3600;

for (const [what, wrong] of [
  ['alg: none', { alg: 'none' }],
  ['a signature that is not right', { alg: 'broken' }],
  ['an unknown key', { header: { kid: 'two' } }],
  ['another issuer', { claims: { iss: 'https://evil.example' } }],
  ['another audience', { claims: { aud: 'somebody' } }],
  ['another nonce', { claims: { nonce: 'another' } }],
  ['no nonce', { claims: { nonce: undefined } }],
  ['no subject', { claims: { sub: undefined } }],
  ['an end in the past', { claims: { exp: past } }],
] as const)
  test(`an ID token with ${what} is a 502, and no session`, async (t) => {
    await refused(t, { ...wrong }, 502);
  });

for (const [what, wrong, status] of [
  ['no ID token', { tokens: { id_token: undefined } }, 502],
  ['userinfo of another user', { userinfo: { sub: 'root' } }, 502],
  ['metadata of another issuer', { metadata: { issuer: 'https://evil.example' } }, 503],
  [
    'an endpoint without TLS elsewhere',
    { metadata: { token_endpoint: 'http://192.0.2.1/token' } },
    502,
  ],
  ['an error of its own', { status: 500 }, 503],
  ['an answer without end', { tokens: { padding: 'x'.repeat(2_000_000) } }, 503],
] as const)
  test(`a provider with ${what} is a ${status}, and no session`, async (t) => {
    await refused(t, { ...wrong }, status);
  });

test('claims that do not fit into cookies are refused with a hint', async (t) => {
  const groups = Array.from({ length: 2000 }, (_, index) => `group ${index}`);
  await refused(t, { userinfo: { groups } }, 503);
});

test('claims that fit into several cookies are spread, and less of them takes the rest away', async (t) => {
  const issuer = await forgingIssuer(t);
  const { url, jar } = await gateway(t, issuer);
  const groups = Array.from({ length: 300 }, (_, index) => `group ${index}`);
  issuer.wrong = { userinfo: { groups } };
  assert.deepEqual((json(await jar.visit(url)).auth as { groups: string[] }).groups, groups);
  const names = [...jar.of(url).keys()];
  assert.ok(names.includes('sekisho-session.1'), String(names));
  for (const [name, value] of jar.of(url)) assert.ok(name.length + value.length < 4000);
  const consumed = json(await jar.ask(url)).consumed as string[];
  assert.deepEqual(consumed.sort(), names.sort());

  const begun = await jar.ask(`${url}/`, { headers: { cookie: '' } });
  const [ticket = ''] = begun.headers.getSetCookie();
  jar.of(url).set(ticket.slice(0, ticket.indexOf('=')), /=([^;]*)/.exec(ticket)?.[1] ?? '');
  issuer.wrong = {};
  await jar.visit(begun.headers.get('location')!);
  assert.deepEqual([...jar.of(url).keys()], ['sekisho-session']);
});

test('without userinfo the ID token is all there is; claims are named by options', async (t) => {
  const issuer = await forgingIssuer(t);
  issuer.wrong = { claims: { email: 'mia@example.com', realm: { roles: ['ops'] } } };
  const { url, jar } = await gateway(t, issuer, {
    oidc: { userinfo: false, groupsClaim: 'realm.roles', nameClaim: 'email', clientSecret: false },
  });
  const { user, auth } = json(await jar.visit(url)) as { user: string; auth: { groups: string[] } };
  assert.equal(user, 'mia@example.com');
  assert.deepEqual(auth.groups, ['ops']);
});

async function refused(
  t: test.TestContext,
  wrong: ForgingIssuer['wrong'],
  status: number,
): Promise<void> {
  const issuer = await forgingIssuer(t);
  issuer.wrong = wrong;
  const { url, jar } = await gateway(t, issuer);
  const page = await jar.visit(url);
  assert.equal(page.status, status, page.text);
  assert.equal(json(page).code, 'ERR_SEKISHO_AUTH_UNAVAILABLE');
  assert.equal(jar.of(url).get('sekisho-session'), undefined);
}
