/** Client certificates that their authority has taken back. */
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import express from 'express';
import { serve } from '../../../lib/core/server/serve.ts';
import type { ClientCertificateOptions } from '../../../lib/core/server/tls-options.ts';
import { createAuthority, type Certificate } from '../../support/certificates.ts';
import { revocationList } from '../../support/revocation-list.ts';
import { until } from '../../support/servers.ts';
import { localAuthority, serveTls, tlsClient, type TlsServing } from '../../support/tls.ts';

const clients = await createAuthority('Clients');
const others = await createAuthority('Others');
const alice = await clients.issue('alice');
const mallory = await clients.issue('mallory');
const revoked = revocationList(clients, [mallory]);

const app = express().set('env', 'test');
app.use((req, res) => void res.send(`user ${(req as { auth?: { user: string } }).auth?.user}`));

function serving(t: TestContext, options: Partial<ClientCertificateOptions>): Promise<TlsServing> {
  return serveTls(t, app, { tls: { clientCertificates: { ca: clients.cert, ...options } } });
}

/** What this client gets to hear: the name of the user, or nothing. Clients of TLS 1.3 learn of a refusal after their handshake. */
async function heardBy(
  t: TestContext,
  { port, ca }: TlsServing,
  options: ConnectionOptions,
): Promise<string> {
  const socket = await tlsClient(t, port, { ca, ...options }).catch(() => undefined);
  if (socket === undefined) return 'refused';
  let answer = '';
  socket.on('error', () => undefined).on('data', (chunk: Buffer) => (answer += String(chunk)));
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await until(() => socket.closed, 'the end of the connection');
  return /user (.*)$/.exec(answer)?.[1] ?? 'refused';
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
  for (const [what, options, known, unknown] of [
    ['makes no connection', { crl: revoked }, 'alice', 'refused'],
    ['is nobody where none is required', { crl: [revoked], required: false }, 'alice', 'undefined'],
    ['counts without a list', {}, 'alice', 'mallory'],
    ['counts with an empty list', { crl: revocationList(clients, []) }, 'alice', 'mallory'],
    [
      'and all others are refused by a list that has expired',
      { crl: revocationList(clients, [], new Date('2021-01-01T00:00:00Z')) },
      'refused',
      'refused',
    ],
    [
      'and all others are refused by the list of another authority',
      { crl: revocationList(others, []) },
      'refused',
      'refused',
    ],
    [
      'and all others are refused by a list that somebody else has signed',
      { crl: revocationList({ cert: clients.cert, key: others.key }, []) },
      'refused',
      'refused',
    ],
  ] satisfies [string, Partial<ClientCertificateOptions>, string, string][])
    test(`${maxVersion}: a revoked certificate ${what}`, async (t) => {
      const server = await serving(t, options);
      assert.equal(await heardBy(t, server, { ...alice, maxVersion }), known);
      assert.equal(await heardBy(t, server, { ...mallory, maxVersion }), unknown);
    });

/** A list in a file, to be replaced as tools do it. */
function listFile(t: TestContext): { path: string; write(list: string): void } {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-crl-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'clients.crl');
  return {
    path,
    write(list) {
      writeFileSync(`${path}.new`, list);
      renameSync(`${path}.new`, path);
    },
  };
}

/** A session to be resumed. */
async function ticketOf(
  t: TestContext,
  { port, ca }: TlsServing,
  certificate: Certificate,
  maxVersion: 'TLSv1.2' | 'TLSv1.3',
): Promise<Buffer> {
  const socket = await tlsClient(t, port, { ca, maxVersion, ...certificate });
  let session: Buffer | undefined = maxVersion === 'TLSv1.2' ? socket.getSession() : undefined;
  socket.on('session', (ticket: Buffer) => (session = ticket)).resume();
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => session !== undefined, 'a ticket');
  return session!;
}

test('a list that changes is taken up, for sessions that are resumed, too', async (t) => {
  const file = listFile(t);
  file.write(revocationList(clients, []));
  const { ca } = await localAuthority();
  const shop = await ca.issue('shop.example');
  const server = await serveTls(t, app, {
    tls: {
      sni: { 'shop.example': shop },
      clientCertificates: { ca: clients.cert, crl: file.path },
    },
  });
  const resumed = await Promise.all(
    (['TLSv1.2', 'TLSv1.3'] as const).map(async (maxVersion) => ({
      maxVersion,
      session: await ticketOf(t, server, mallory, maxVersion),
    })),
  );
  for (const options of resumed)
    assert.equal(await heardBy(t, server, { ...mallory, ...options }), 'mallory');
  file.write(revoked);
  await until(async () => (await heardBy(t, server, mallory)) === 'refused', 'the revocation');
  for (const options of [...resumed, { servername: 'shop.example' }])
    assert.equal(await heardBy(t, server, { ...mallory, ...options }), 'refused');
  assert.equal(await heardBy(t, server, alice), 'alice');
});

test('a broken new list is warned about, and the old one stays', async (t) => {
  const warned: string[] = [];
  const listener = (warning: Error & { code?: string }): void => {
    if (warning.code === 'SEKISHO_CERTIFICATE') warned.push(warning.message);
  };
  process.on('warning', listener);
  t.after(() => process.off('warning', listener));
  const file = listFile(t);
  file.write(revoked);
  const server = await serving(t, { crl: file.path });
  file.write('broken');
  await until(() => warned.length > 0, 'the warning');
  assert.match(warned[0]!, /clientCertificates\.crl \(.*clients\.crl\) is no PEM[^]*stays in use/);
  assert.equal(await heardBy(t, server, mallory), 'refused');
  assert.equal(await heardBy(t, server, alice), 'alice');
});

for (const [what, crl, problem] of [
  [
    'is not there',
    '/nowhere/clients.crl',
    /tls\.clientCertificates\.crl \(\/nowhere\/clients\.crl\) cannot be read: there is no such file/,
  ],
  ['is a certificate', alice.cert, /tls: ciphers, clientCertificates\.ca or crl cannot be used/],
] as const)
  test(`a list that ${what} fails at construction`, async () => {
    await assert.rejects(
      serve(app, { tls: { ...alice, clientCertificates: { ca: clients.cert, crl } } }),
      problem,
    );
  });
