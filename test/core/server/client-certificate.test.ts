import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import test, { type TestContext } from 'node:test';
import express from 'express';
import { balancedProxy } from 'sekisho';
import { WebSocket } from 'ws';
import { contextOf } from '../../../lib/core/context.ts';
import type { ClientCertificateOptions } from '../../../lib/core/server/tls-options.ts';
import { createAuthority, type Certificate } from '../../support/certificates.ts';
import { listen, until } from '../../support/servers.ts';
import { ask2, serveTls, tlsClient, type TlsServing } from '../../support/tls.ts';
import { echo } from '../../support/upgrades.ts';

const clients = await createAuthority('Clients');
const others = await createAuthority('Others');
const alice = await clients.issue('alice', 'alice.example');
const mallory = await others.issue('mallory');

const app = express().set('env', 'test');
app.get('/who', (req, res) => {
  const { auth } = req as { auth?: unknown };
  res.json({ auth: auth ?? null, user: contextOf(req).user?.name });
});

async function serving(
  t: TestContext,
  options: Partial<ClientCertificateOptions> = {},
): Promise<TlsServing> {
  return serveTls(t, app, { tls: { clientCertificates: { ca: clients.cert, ...options } } });
}

async function ask(
  { port, ca }: TlsServing,
  certificate: Partial<Certificate>,
  path = '/who',
  headers = {},
): Promise<string> {
  const req = request({ port, host: '127.0.0.1', path, ca, headers, agent: false, ...certificate });
  req.end();
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  return text(res);
}

test('the owner of a certificate is the user, over HTTP/1.1 and HTTP/2', async (t) => {
  const server = await serving(t);
  const h1 = JSON.parse(await ask(server, alice)) as {
    auth: Record<string, unknown>;
    user: string;
  };
  assert.equal(h1.user, 'alice');
  assert.deepEqual([h1.auth.name, h1.auth.user], ['alice', 'alice']);
  assert.equal(h1.auth.scheme, 'certificate');
  assert.deepEqual(h1.auth.groups, []);
  const { fingerprint256 } = h1.auth.claims as { fingerprint256: string };
  assert.equal(fingerprint256, new X509Certificate(alice.cert).fingerprint256);
  const session = connectHttp2(server.url, { ca: server.ca, ...alice });
  t.after(() => session.destroy());
  assert.deepEqual(JSON.parse((await ask2(session, '/who')).text), h1);
});

for (const [name, certificate] of [
  ['no certificate', {}],
  ['a certificate of another authority', mallory],
] as const) {
  test(`required: ${name} makes no connection`, async (t) => {
    const server = await serving(t);
    await assert.rejects(ask(server, certificate));
  });

  test(`not required: ${name} is nobody`, async (t) => {
    const server = await serving(t, { required: false });
    assert.deepEqual(JSON.parse(await ask(server, certificate)), { auth: null });
  });
}

test('a session resumed without a certificate is nobody, with one its owner', async (t) => {
  const server = await serving(t, { required: false });
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
    for (const certificate of [{}, alice]) {
      const options = { ca: server.ca, maxVersion, ...certificate };
      let session: Buffer | undefined;
      for (const resumed of [false, true]) {
        const socket = await tlsClient(t, server.port, {
          ...options,
          ...(session === undefined ? {} : { session }),
        });
        if (maxVersion === 'TLSv1.2') session = socket.getSession();
        socket.on('session', (ticket: Buffer) => (session = ticket));
        assert.equal(socket.isSessionReused(), resumed);
        let answer = '';
        socket.on('data', (chunk: Buffer) => (answer += String(chunk)));
        socket.write('GET /who HTTP/1.1\r\nHost: a\r\n\r\n');
        await until(() => answer.includes('}'), 'the answer');
        if (certificate === alice) assert.match(answer, /"name":"alice"/);
        else assert.match(answer, /"auth":null/);
        await until(() => session !== undefined, 'a ticket');
      }
    }
});

test('the name may be chosen; what gives none, or throws, is nobody', async (t) => {
  const names: [ClientCertificateOptions['name'], unknown][] = [
    [({ subjectaltname }) => subjectaltname?.slice('DNS:'.length).split(',')[0], 'alice'],
    [() => undefined, null],
    [
      () => {
        throw new Error('no');
      },
      null,
    ],
  ];
  for (const [name, expected] of names) {
    const { auth } = JSON.parse(await ask(await serving(t, { name }), alice)) as {
      auth: { name: string } | null;
    };
    assert.equal(auth === null ? null : auth.name, expected);
  }
});

test('upgrades know their user, too', async (t) => {
  let user: string | undefined;
  const upgrading = express().use((req) => {
    user = contextOf(req).user?.name;
    echo(req);
  });
  const server = await serveTls(t, upgrading, {
    tls: { clientCertificates: { ca: clients.cert } },
  });
  const client = new WebSocket(server.url.replace('https', 'wss'), { ca: server.ca, ...alice });
  client.on('error', () => undefined);
  await until(() => user !== undefined, 'the upgrade');
  assert.equal(user, 'alice');
  client.terminate();
});

test('servers behind get the certificate as Client-Cert, and never the copy of a client', async (t) => {
  const { url } = await listen(t, (req, res) => void res.end(JSON.stringify(req.headersDistinct)));
  const proxy = express().use(balancedProxy(url));
  for (const forward of [true, false]) {
    const server = await serveTls(t, proxy, {
      tls: { clientCertificates: { ca: clients.cert, forward } },
    });
    const forged = {
      'Client-Cert': ':Zm9yZ2Vk:',
      'X-Forwarded-Client-Cert': 'By=x',
      client_cert: 'x',
    };
    const seen = JSON.parse(await ask(server, alice, '/', forged)) as Record<string, string[]>;
    const { raw } = new X509Certificate(alice.cert);
    assert.deepEqual(seen['client-cert'], forward ? [`:${raw.toString('base64')}:`] : undefined);
    assert.equal(seen['x-forwarded-client-cert'], undefined);
    assert.equal(seen.client_cert, undefined);
  }
});

test('an authority that cannot be read fails at construction', async () => {
  const { serve } = await import('../../../lib/core/server/serve.ts');
  await assert.rejects(
    serve(app, { tls: { ...alice, clientCertificates: { ca: '/nowhere/ca.pem' } } }),
    /tls\.clientCertificates\.ca \(\/nowhere\/ca\.pem\) cannot be read: there is no such file/,
  );
});
