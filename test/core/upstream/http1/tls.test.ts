import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, test, type TestContext } from 'node:test';
import { createAuthority } from '../../../support/certificates.ts';
import { ask, code, openClient } from './ask.ts';

const authority = await createAuthority();
const stranger = await createAuthority('Another CA');
const local = await authority.issue('localhost', '127.0.0.1');
const { cert: ca } = authority;
const large = randomBytes(5 * 1024 * 1024);

async function serve(
  t: TestContext,
  options: ServerOptions = {},
): Promise<{ server: Server; port: number; seen: TLSSocket[] }> {
  const secured: TLSSocket[] = [];
  /** Connections on which a request has arrived. */
  const seen: TLSSocket[] = [];
  const server = createServer({ ...local, ...options }, (req, res) => {
    const socket = secured.find((each) => each === req.socket);
    if (socket === undefined) throw new Error('a request from nowhere');
    if (!seen.includes(socket)) seen.push(socket);
    if (req.url === '/large') res.end(large);
    else if (req.url === '/close') res.setHeader('connection', 'close').end('closed');
    else res.end(`${String(socket.servername)} ${String(socket.alpnProtocol)}`);
  });
  server.on('secureConnection', (socket) => secured.push(socket));
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port, seen };
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
  describe(version, () => {
    const only = { minVersion: version, maxVersion: version };

    test('own CA, name and ALPN; the connection is kept', async (t) => {
      const { port, seen } = await serve(t, only);
      const client = openClient(t, `https://localhost:${port}`, {}, { ca });
      for (let index = 0; index < 3; index++)
        assert.equal((await ask(client)).body.toString(), 'localhost http/1.1');
      assert.equal(seen.length, 1);
    });

    test('by address', async (t) => {
      const { port } = await serve(t, only);
      const client = openClient(t, `https://127.0.0.1:${port}`, {}, { ca });
      assert.equal((await ask(client)).body.toString(), 'false http/1.1');
    });

    test('a second connection resumes the session of the first', async (t) => {
      const { server, port } = await serve(t, only);
      const reused: boolean[] = [];
      server.on('secureConnection', (socket) => reused.push(socket.isSessionReused()));
      const client = openClient(t, `https://localhost:${port}`, {}, { ca });
      for (let index = 0; index < 3; index++) await ask(client, '/close');
      assert.deepEqual(reused, [false, true, true]);
    });

    test('a client certificate', async (t) => {
      const { port, seen } = await serve(t, { ...only, requestCert: true, ca });
      const identity = await authority.issue('proxy');
      await ask(openClient(t, `https://localhost:${port}`, {}, { ca, ...identity }));
      assert.equal(seen[0]?.authorized, true);
    });

    test('a missing client certificate is a TLS failure', async (t) => {
      const { port } = await serve(t, { ...only, requestCert: true, ca });
      const client = openClient(t, `https://localhost:${port}`, {}, { ca });
      await assert.rejects(ask(client), code('ERR_SEKISHO_TLS'));
    });

    test('5 MB', async (t) => {
      const { port, seen } = await serve(t, only);
      const client = openClient(t, `https://localhost:${port}`, {}, { ca });
      const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
      for (let index = 0; index < 2; index++)
        assert.equal(digest((await ask(client, '/large')).body), digest(large));
      assert.equal(seen.length, 1);
    });
  });

describe('refused', () => {
  test('a CA nobody trusts', async (t) => {
    const { port, seen } = await serve(t);
    for (const tls of [{}, { ca: stranger.cert }])
      await assert.rejects(
        ask(openClient(t, `https://localhost:${port}`, {}, tls)),
        code('ERR_SEKISHO_TLS'),
      );
    assert.equal(seen.length, 0);
  });

  test('a certificate for another name', async (t) => {
    const { port, seen } = await serve(t, await authority.issue('other.example'));
    const client = openClient(t, `https://localhost:${port}`, {}, { ca });
    // Twice: a refused connection must leave no session that skips the check.
    for (let index = 0; index < 2; index++)
      await assert.rejects(ask(client), code('ERR_SEKISHO_TLS'));
    assert.equal(seen.length, 0);
  });

  test('a server without TLS', async (t) => {
    const { createServer: createPlain } = await import('node:http');
    const plain = createPlain().listen(0, '127.0.0.1');
    await once(plain, 'listening');
    t.after(() => plain.close());
    const { port } = plain.address() as AddressInfo;
    await assert.rejects(ask(openClient(t, `https://127.0.0.1:${port}`)), code('ERR_SEKISHO_TLS'));
  });
});

test('servername is what the certificate is for, and what SNI says', async (t) => {
  const { port } = await serve(t, await authority.issue('other.example'));
  const tls = { ca, servername: 'other.example' };
  const { body } = await ask(openClient(t, `https://127.0.0.1:${port}`, {}, tls));
  assert.equal(body.toString(), 'other.example http/1.1');
});

test('rejectUnauthorized: false takes any certificate', async (t) => {
  const { port } = await serve(t, await stranger.issue('other.example'));
  const client = openClient(t, `https://localhost:${port}`, {}, { rejectUnauthorized: false });
  assert.equal((await ask(client)).status, 200);
});
