import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createPrivateKey, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type TestContext } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import express from 'express';
import { WebSocket, WebSocketServer } from 'ws';
import { OptionsError } from '../../../lib/core/errors.ts';
import { serve, type ServeOptions } from '../../../lib/core/server/serve.ts';
import { balancedProxy } from 'sekisho';
import { createAuthority, type Certificate } from '../../support/certificates.ts';
import { exchangeRaw, listen, until } from '../../support/servers.ts';
import { ask2, http2Client, localAuthority, serveTls, tlsClient } from '../../support/tls.ts';

const run = promisify(execFile);
const app = express().use((req, res) => void res.send(`${req.protocol} ${req.httpVersion}`));

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'sekisho-tls-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function store(
  folder: string,
  { cert, key }: Certificate,
  name = 'site',
): { cert: string; key: string } {
  const paths = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
  writeFileSync(paths.cert, cert);
  writeFileSync(paths.key, key);
  return paths;
}

function warnings(t: TestContext): string[] {
  const seen: string[] = [];
  const listener = (warning: Error & { code?: string }): void => {
    if (warning.code === 'SEKISHO_CERTIFICATE') seen.push(warning.message);
  };
  process.on('warning', listener);
  t.after(() => process.off('warning', listener));
  return seen;
}

/** The name of the certificate that a client gets. */
async function shown(t: TestContext, port: number, options: ConnectionOptions): Promise<string> {
  const socket = await tlsClient(t, port, { rejectUnauthorized: false, ...options });
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject.CN as string;
}

test('one port speaks HTTP/2 and HTTP/1.1, as the client can', async (t) => {
  const { url, ca } = await serveTls(t, app);
  assert.match(url, /^https:\/\/127\.0\.0\.1:\d+$/);
  const folder = directory(t);
  writeFileSync(join(folder, 'ca.pem'), ca);
  const curl = async (...args: string[]): Promise<string> =>
    (await run('curl', ['-s', '--cacert', join(folder, 'ca.pem'), ...args, url])).stdout;
  assert.equal(await curl('--http2'), 'https 2.0');
  assert.equal(await curl('--http1.1'), 'https 1.1');
  assert.equal(await curl('--no-alpn'), 'https 1.1');
  assert.equal(await curl('--tlsv1.2', '--tls-max', '1.2'), 'https 2.0');
  await assert.rejects(curl('--tls-max', '1.1'));
});

test('with http2: false HTTP/1.1 is all there is', async (t) => {
  const { port, ca } = await serveTls(t, app, { http2: false });
  const socket = await tlsClient(t, port, { ca, ALPNProtocols: ['h2', 'http/1.1'] });
  assert.equal(socket.alpnProtocol, 'http/1.1');
});

test('WebSockets go through to their server over HTTP/1.1 on the same port', async (t) => {
  const sockets = new WebSocketServer({ noServer: true });
  const target = await listen(t, (_req, res) => void res.end());
  target.server.on('upgrade', (req, socket, head) => {
    sockets.handleUpgrade(req, socket, head, (ws) =>
      ws.on('message', (data: Buffer) => ws.send(data)),
    );
  });
  const proxying = express().use(balancedProxy(target.url));
  const { url, ca } = await serveTls(t, proxying);
  const client = new WebSocket(url.replace('https', 'wss'), { ca });
  await once(client, 'open');
  client.send('hello');
  const [data] = (await once(client, 'message')) as [Buffer];
  assert.equal(String(data), 'hello');
  client.terminate();
});

test('the certificate is chosen by the name asked for', async (t) => {
  const { ca } = await localAuthority();
  const [shop, wild] = await Promise.all([ca.issue('shop.example.com'), ca.issue('*.example.com')]);
  const sni = { 'Shop.example.com': shop, '*.example.com': wild };
  const { port } = await serveTls(t, app, { tls: { sni } });
  const names: [string | undefined, string][] = [
    ['shop.example.com', 'shop.example.com'],
    ['SHOP.EXAMPLE.COM', 'shop.example.com'],
    ['blog.example.com', '*.example.com'],
    ['a.b.example.com', 'localhost'],
    ['example.com', 'localhost'],
    ['other.example', 'localhost'],
    [undefined, 'localhost'],
  ];
  for (const [name, expected] of names)
    assert.equal(await shown(t, port, { servername: name ?? '' }), expected, name);
});

test("unknownName: 'refuse' makes no connection for other names", async (t) => {
  const { ca } = await localAuthority();
  const sni = { 'shop.example.com': await ca.issue('shop.example.com') };
  const { port } = await serveTls(t, app, { tls: { sni, unknownName: 'refuse' } });
  assert.equal(await shown(t, port, { servername: 'shop.example.com' }), 'shop.example.com');
  assert.equal(await shown(t, port, { servername: 'localhost' }), 'localhost');
  assert.equal(await shown(t, port, { servername: '' }), 'localhost');
  await assert.rejects(shown(t, port, { servername: 'other.example' }));
});

for (const [name, replace] of [
  [
    'written over',
    (paths: { cert: string; key: string }, next: Certificate) => {
      writeFileSync(paths.cert, next.cert);
      writeFileSync(paths.key, next.key);
    },
  ],
  [
    'renamed over',
    (paths: { cert: string; key: string }, next: Certificate) => {
      for (const part of ['cert', 'key'] as const) {
        writeFileSync(`${paths[part]}.new`, next[part]);
        renameSync(`${paths[part]}.new`, paths[part]);
      }
    },
  ],
] as const)
  test(`files that are ${name} are taken up, and connections stay`, async (t) => {
    const folder = directory(t);
    const { ca } = await localAuthority();
    const [old, next, oldShop, nextShop] = await Promise.all(
      ['old.example', 'new.example', 'old.shop.example', 'new.shop.example'].map((each) =>
        ca.issue(each),
      ),
    );
    warnings(t);
    const paths = store(folder, old!);
    const shop = store(folder, oldShop!, 'shop');
    const {
      port,
      server,
      ca: trusted,
    } = await serveTls(t, app, {
      tls: { ...paths, sni: { 'shop.example': shop } },
    });
    const kept = await tlsClient(t, port, { ca: trusted, servername: 'old.example' });
    replace(paths, next!);
    replace(shop, nextShop!);
    await until(
      async () => (await shown(t, port, {})) === 'new.example',
      'the new certificate',
      15_000,
    );
    assert.equal(await shown(t, port, { servername: 'shop.example' }), 'new.shop.example');
    kept.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const [answer] = (await once(kept, 'data')) as [Buffer];
    assert.match(String(answer), /200 OK[^]*https 1\.1/);
    assert.ok(server.listening);
  });

test('a symlink that leads elsewhere is followed, as Kubernetes does it', async (t) => {
  const folder = directory(t);
  const { ca } = await localAuthority();
  for (const version of ['one', 'two']) {
    mkdirSync(join(folder, version));
    store(join(folder, version), await ca.issue(`${version}.example`));
  }
  symlinkSync('one', join(folder, '..data'));
  for (const file of ['site.pem', 'site.key']) symlinkSync(`..data/${file}`, join(folder, file));
  warnings(t);
  const { port } = await serveTls(t, app, {
    tls: { cert: join(folder, 'site.pem'), key: join(folder, 'site.key') },
  });
  assert.equal(await shown(t, port, {}), 'one.example');
  symlinkSync('two', join(folder, '..new'));
  renameSync(join(folder, '..new'), join(folder, '..data'));
  await until(async () => (await shown(t, port, {})) === 'two.example', 'the new one');
});

test('a broken new certificate is warned about, and the old one stays', async (t) => {
  const seen = warnings(t);
  const paths = store(directory(t), (await localAuthority()).local);
  const { port } = await serveTls(t, app, { tls: paths });
  writeFileSync(paths.cert, 'broken');
  await until(() => seen.length > 0, 'the warning');
  assert.match(seen[0]!, /tls\.cert \(.*site\.pem\) is no PEM[^]*read before stays in use/);
  assert.equal(await shown(t, port, {}), 'localhost');
});

test('watch: false leaves files alone', async (t) => {
  const { ca, local } = await localAuthority();
  const paths = store(directory(t), local);
  const { port } = await serveTls(t, app, { tls: { ...paths, watch: false } });
  writeFileSync(paths.cert, (await ca.issue('new.example')).cert);
  await new Promise((resolve) => setTimeout(resolve, 700));
  assert.equal(await shown(t, port, {}), 'localhost');
});

async function resumes(
  t: TestContext,
  port: number,
  options: ConnectionOptions,
  between: () => unknown = () => undefined,
  nextPort = port,
): Promise<boolean> {
  const first = await tlsClient(t, port, { ...options });
  const tickets: Buffer[] = [];
  // TLS 1.2 brings its ticket with the handshake, TLS 1.3 behind it.
  if (options.maxVersion === 'TLSv1.2') tickets.push(first.getSession()!);
  first.on('session', (ticket: Buffer) => tickets.push(ticket));
  first.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(first, 'data');
  await until(() => tickets.length > 0, 'a ticket');
  first.destroy();
  await between();
  const second = await tlsClient(t, nextPort, { ...options, session: tickets.at(-1)! });
  return second.isSessionReused();
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`sessions are resumed by tickets, ${maxVersion}`, async (t) => {
    const { port, ca } = await serveTls(t, app);
    assert.equal(await resumes(t, port, { ca, maxVersion }), true);
  });

  test(`sessions are resumed with a certificate of sni, ${maxVersion}`, async (t) => {
    const shop = await (await localAuthority()).ca.issue('shop.example');
    const { port, ca } = await serveTls(t, app, { tls: { sni: { 'shop.example': shop } } });
    assert.equal(await resumes(t, port, { ca, maxVersion, servername: 'shop.example' }), true);
  });

  test(`sessions outlive the swap of a certificate, ${maxVersion}`, async (t) => {
    const { ca: authority, local } = await localAuthority();
    const next = await authority.issue('localhost', 'new.example');
    const paths = store(directory(t), local);
    warnings(t);
    const { port, ca } = await serveTls(t, app, { tls: paths });
    const swap = async (): Promise<void> => {
      writeFileSync(paths.cert, next.cert);
      writeFileSync(paths.key, next.key);
      await until(async () => {
        const socket = await tlsClient(t, port, { ca, maxVersion });
        return socket.getPeerCertificate().subjectaltname!.includes('new.example');
      }, 'the swap');
    };
    assert.equal(await resumes(t, port, { ca, maxVersion }, swap), true);
  });

  test(`another process resumes with the same ticketKeys, and only then, ${maxVersion}`, async (t) => {
    const path = join(directory(t), 'ticket.key');
    writeFileSync(path, randomBytes(48));
    const one = await serveTls(t, app, { tls: { ticketKeys: path } });
    const two = await serveTls(t, app, { tls: { ticketKeys: path } });
    const other = await serveTls(t, app);
    const options = { ca: one.ca, maxVersion };
    assert.equal(await resumes(t, one.port, options, undefined, two.port), true);
    assert.equal(await resumes(t, one.port, options, undefined, other.port), false);
  });
}

test('garbage, plain HTTP and handshakes that never end cost their connection only', async (t) => {
  const { port, ca } = await serveTls(t, app, { timeouts: { handshake: 2000 } });
  for (const bytes of [
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'x'.repeat(5000),
    '\x16\x03\x01\x00\x05hello',
  ])
    assert.equal((await exchangeRaw(port, bytes)).closed, true);
  const silent = connect(port, '127.0.0.1').on('error', () => undefined);
  await once(silent, 'connect');
  if (!silent.destroyed) await once(silent.resume(), 'close');
  const socket = await tlsClient(t, port, { ca });
  assert.ok(socket.authorized);
});

test('a handshake under way does not hold up the end', async (t) => {
  const { port, close } = await serveTls(t, app, { gracePeriod: '1m' });
  const silent = connect(port, '127.0.0.1').on('error', () => undefined);
  await once(silent, 'connect');
  const h1 = await tlsClient(t, port, { rejectUnauthorized: false });
  await close();
  await until(() => silent.destroyed && h1.destroyed, 'the end of both');
});

test('expired certificates, ones that soon will be and ones of another name are warned about', async (t) => {
  const seen = warnings(t);
  const { ca } = await localAuthority();
  const other = await ca.issue('other.example');
  await serveTls(t, app, {
    tls: { expiryWarning: '36500 days', sni: { 'shop.example': other } },
  });
  await until(() => seen.length >= 3, `three warnings: ${seen.join(', ')}`);
  const text = seen.join('\n');
  assert.match(text, /tls\.sni\.shop\.example\.cert is not for shop\.example; clients refuse it/);
  assert.match(text, /tls\.cert expires on 2049-01-01 00:00, in \d+ days/);
});

const wrong: {
  name: string;
  options: (folder: string) => unknown;
  message: RegExp;
}[] = [
  {
    name: 'no certificate',
    options: () => ({ tls: { key: 'k' } }),
    message: /tls\.cert: is missing or no PEM; give the certificate/,
  },
  {
    name: 'a file that is not there',
    options: async () => ({
      tls: { ...(await localAuthority()).local, cert: '/nowhere/cert.pem' },
    }),
    message: /tls\.cert \(\/nowhere\/cert\.pem\) cannot be read: there is no such file/,
  },
  {
    name: 'a directory',
    options: async (folder) => ({ tls: { ...(await localAuthority()).local, key: folder } }),
    message: /tls\.key \(.*\) cannot be read: it is a directory/,
  },
  {
    name: 'a file without PEM',
    options: async () => ({ tls: { ...(await localAuthority()).local, cert: 'package.json' } }),
    message: /tls\.cert \(package\.json\) is no PEM/,
  },
  {
    name: 'a key in place of the certificate',
    options: async () => {
      const { key } = (await localAuthority()).local;
      return { tls: { cert: key, key } };
    },
    message: /tls\.cert holds no certificate that can be read/,
  },
  {
    name: 'a certificate in place of the key',
    options: async () => {
      const { cert } = (await localAuthority()).local;
      return { tls: { cert, key: cert } };
    },
    message: /tls\.key holds no private key that can be read/,
  },
  {
    name: 'a key of another certificate',
    options: async (folder) => {
      const { ca, local } = await localAuthority();
      const paths = store(folder, local);
      writeFileSync(paths.key, (await ca.issue('a.example')).key);
      return { tls: paths };
    },
    message:
      /tls\.key \(.*site\.key\) does not belong to the certificate tls\.cert \(.*site\.pem\)/,
  },
  {
    name: 'a key of another certificate in sni',
    options: async () => {
      const { ca, local } = await localAuthority();
      return {
        tls: {
          ...local,
          sni: { 'a.example': { ...local, key: (await ca.issue('a.example')).key } },
        },
      };
    },
    message:
      /tls\.sni\.a\.example\.key does not belong to the certificate tls\.sni\.a\.example\.cert/,
  },
  {
    name: 'an encrypted key without its passphrase',
    options: async () => encrypted(undefined),
    message: /tls\.key is encrypted and needs passphrase/,
  },
  {
    name: 'an encrypted key with another passphrase',
    options: async () => encrypted('other'),
    message: /tls\.key is encrypted and the passphrase is wrong/,
  },
  {
    name: 'an impossible name',
    options: async () => {
      const { local } = await localAuthority();
      return { tls: { ...local, sni: { '*.*.example': local } } };
    },
    message: /'\*\.\*\.example' is no name; use one such/,
  },
  {
    name: 'a name twice',
    options: async () => {
      const { local } = await localAuthority();
      return { tls: { ...local, sni: { '*.shop.example': local, '*.Shop.example.': local } } };
    },
    message: /'\*\.Shop\.example\.' is the same name as '\*\.shop\.example'; leave one/,
  },
  {
    name: 'an unknown cipher',
    options: async () => ({ tls: { ...(await localAuthority()).local, ciphers: 'ROT13' } }),
    message: /tls: ciphers, clientCertificates\.ca or crl cannot be used/,
  },
  {
    name: 'short ticket keys',
    options: async () => ({
      tls: { ...(await localAuthority()).local, ticketKeys: Buffer.alloc(32) },
    }),
    message: /tls\.ticketKeys: is not usable; give 48 random bytes/,
  },
  {
    name: 'an old version',
    options: async () => ({ tls: { ...(await localAuthority()).local, minVersion: 'TLSv1' } }),
    message: /tls\.minVersion: 'TLSv1' is not allowed/,
  },
  {
    name: 'a slip',
    options: async () => ({ tls: { ...(await localAuthority()).local, cret: '' } }),
    message: /tls: unknown option 'cret'; did you mean 'cert'/,
  },
  {
    name: 'http2 without tls',
    options: () => ({ http2: true }),
    message: /: true of 'http2' needs tls/,
  },
  {
    name: 'redirectFrom without tls',
    options: () => ({ redirectFrom: 0 }),
    message: /: \d+ of 'redirectFrom' needs tls/,
  },
];

async function encrypted(passphrase: string | undefined): Promise<unknown> {
  const { cert, key } = (await localAuthority()).local;
  const pem = createPrivateKey(key).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'right',
  });
  return { tls: { cert, key: pem, passphrase } };
}

for (const { name, options, message } of wrong)
  test(`serve refuses at once, and says which: ${name}`, async (t) => {
    const given = (await options(directory(t))) as ServeOptions;
    await assert.rejects(serve(express(), given), (error) => {
      assert.ok(error instanceof OptionsError, String(error));
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /PRIVATE KEY/);
      return true;
    });
  });

test('intermediate certificates given as ca are sent behind the certificate', async (t) => {
  const ca = await createAuthority('Intermediate');
  const leaf = await ca.issue('localhost');
  const { port } = await serveTls(t, app, { tls: { ...leaf, ca: ca.cert } });
  const socket = await tlsClient(t, port, { rejectUnauthorized: false });
  assert.equal(socket.getPeerCertificate(true).issuerCertificate.subject.CN, 'Intermediate');
});

test('HTTP/2 goes on while certificates are swapped', async (t) => {
  const { ca, local } = await localAuthority();
  const paths = store(directory(t), local);
  warnings(t);
  const serving = await serveTls(t, app, { tls: paths });
  const client = http2Client(t, serving);
  assert.equal((await ask2(client, '/')).text, 'https 2.0');
  const next = await ca.issue('new.example');
  writeFileSync(paths.cert, next.cert);
  writeFileSync(paths.key, next.key);
  await until(async () => (await shown(t, serving.port, {})) === 'new.example', 'the swap');
  assert.equal((await ask2(client, '/')).text, 'https 2.0');
});
