import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { authGate } from '../../lib/auth-gate/index.ts';
import { SharedSessions } from '../../lib/auth-gate/session-shared.ts';
import { startProvider } from '../support/oidc-provider.ts';
import { gateway, secret } from './oidc-support.ts';

test('gates with the same sessions share them, until the last one has closed', () => {
  const one = SharedSessions.of('issuer client', 'cookie', 'secret');
  const same = SharedSessions.of('issuer client', 'cookie', 'secret');
  const other = SharedSessions.of('issuer client', 'cookie', 'another secret');
  assert.equal(one, same);
  assert.notEqual(one, other);
  one.close();
  assert.equal(SharedSessions.of('issuer client', 'cookie', 'secret'), same);
  same.close();
  same.close();
  const later = SharedSessions.of('issuer client', 'cookie', 'secret');
  assert.notEqual(later, same);
  later.close();
  other.close();
});

test('names that only look alike when put together are not the same', () => {
  const one = SharedSessions.of('a', 'b c');
  const other = SharedSessions.of('a b', 'c');
  assert.notEqual(one, other);
  one.close();
  other.close();
});

test('a gate that is closed twice does not take the sessions from the others', async (t) => {
  const hub = await startProvider({ after });
  const { url, jar, gate, clientId } = await gateway(t, hub);
  const options = {
    oidc: {
      issuer: hub.issuer,
      clientId,
      clientSecret: 'not asked for',
      allowInsecure: true,
      session: { secret },
    },
  };
  const twice = authGate(options);
  twice.close();
  twice.close();
  const realm = `${hub.issuer} ${clientId}`;
  const shared = SharedSessions.of(realm, 'sekisho-session', secret);
  t.after(() => shared.close());
  await jar.visit(url);
  await jar.ask(`${url}/oauth2/logout`, {
    headers: { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate' },
  });
  assert.equal(shared.ended.size, 1);
  gate.close();
});
