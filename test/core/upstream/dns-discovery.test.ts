import assert from 'node:assert/strict';
import { createSecureServer } from 'node:http2';
import { test, type TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import express from 'express';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import type { DiscoverOptions, PoolOptions } from '../../../lib/core/upstream/pool-options.ts';
import type { ServerInput } from '../../../lib/core/upstream/server-input.ts';
import { upstream } from '../../../lib/core/upstream/upstream.ts';
import { createAuthority, type Certificate } from '../../support/certificates.ts';
import { listen, until } from '../../support/servers.ts';
import { dnsServer } from './dns-server.ts';

const authority = await createAuthority();
const named = await authority.issue('images.internal');
const other = await authority.issue('other.internal');
const local = await authority.issue('localhost');

interface Seen {
  readonly servername: unknown;
  readonly host: string | undefined;
  readonly version: string;
}

/** A TLS server that speaks HTTP/1.1 and HTTP/2, and notes by which names it is called. */
async function secureServer(
  t: TestContext,
  certificate: Certificate,
): Promise<{ port: number; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createSecureServer({ ...certificate, allowHTTP1: true }, (req, res) => {
    const { servername } = req.socket as TLSSocket;
    const host = req.headers[':authority'] ?? req.headers.host;
    seen.push({ servername, host, version: req.httpVersion });
    res.end('picture');
  });
  server.on('tlsClientError', () => undefined).on('sessionError', () => undefined);
  const sockets = new Set<TLSSocket>();
  server.on('secureConnection', (socket: TLSSocket) => sockets.add(socket));
  const { port } = await listen(
    t,
    Object.assign(server, { closeAllConnections: () => undefined }) as never,
  );
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  return { port, seen };
}

/** An app in front of a pool that DNS fills. */
async function proxy(
  t: TestContext,
  servers: readonly ServerInput[],
  discover: DiscoverOptions,
  options: PoolOptions,
) {
  const pool = upstream('images', servers, { ...options, discover });
  t.after(() => pool.destroy());
  const { url } = await listen(t, express().set('env', 'test').use(balancedProxy(pool)));
  return { pool, ask: () => fetch(url) };
}

const ca = authority.cert;

for (const http2 of [false, true])
  test(`dns 'a' over TLS, HTTP/${http2 ? '2' : '1.1'}: connected by address, called and verified by name`, async (t) => {
    const { port, seen } = await secureServer(t, named);
    const servers = [await dnsServer(t, { a: ['127.0.0.1'] })];
    const { pool, ask } = await proxy(
      t,
      [],
      { dns: 'a', name: 'images.internal', protocol: 'https', port, servers },
      { tls: { ca }, http2, healthCheck: { path: '/health', interval: '1m' } },
    );
    const answer = await ask();
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), 'picture');
    assert.equal(pool.servers[0]!.url, `https://127.0.0.1:${port}/`);
    await until(() => pool.servers[0]!.state === 'up' && seen.length === 2, 'the check');
    for (const each of seen)
      assert.deepEqual(each, {
        servername: 'images.internal',
        host: `images.internal:${port}`,
        version: http2 ? '2.0' : '1.1',
      });
  });

for (const [what, certificate, tls, status] of [
  ['for another name', other, { ca }, 503],
  ['for another name, which is the one told', other, { ca, servername: 'other.internal' }, 200],
  ['for another name, unverified', other, { ca, rejectUnauthorized: false }, 200],
  ['of an unknown authority', named, {}, 503],
] as [string, Certificate, NonNullable<PoolOptions['tls']>, number][])
  test(`a discovered server with a certificate ${what}: ${status}`, async (t) => {
    const { port, seen } = await secureServer(t, certificate);
    const servers = [await dnsServer(t, { a: ['127.0.0.1'] })];
    const { ask } = await proxy(
      t,
      [`https://images.internal:${port}`],
      { dns: 'a', name: 'images.internal', servers },
      { tls },
    );
    const answer = await ask();
    await answer.text();
    // It is out for that, and there is no other: hence 503.
    assert.equal(answer.status, status);
    assert.equal(seen.length, status === 200 ? 1 : 0);
    if (status === 200) {
      assert.equal(seen[0]!.servername, tls.servername ?? 'images.internal');
      assert.equal(seen[0]!.host, `images.internal:${port}`);
    }
  });

test("dns 'srv' over TLS: each server by its own name", async (t) => {
  const { port, seen } = await secureServer(t, local);
  const servers = [
    await dnsServer(t, { srv: [{ priority: 1, weight: 1, port, target: 'localhost' }] }),
  ];
  const { ask } = await proxy(
    t,
    [],
    { dns: 'srv', name: '_https._tcp.images.internal', protocol: 'https', servers },
    { tls: { ca } },
  );
  const answer = await ask();
  assert.equal(await answer.text(), 'picture');
  assert.deepEqual(seen, [{ servername: 'localhost', host: `localhost:${port}`, version: '1.1' }]);
});
