import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import test, { type TestContext } from 'node:test';
import type { Server } from 'node:http';
import { chromium, type Browser } from 'playwright-core';
import { WebSocketServer } from 'ws';
import { authGate } from '../../lib/auth-gate/index.ts';
import { cache } from '../../lib/cache/index.ts';
import { proxyPac } from '../../lib/forward-proxy/index.ts';
import { startProxy, startSite, type Scene } from '../forward-proxy/support.ts';
import { createAuthority } from '../support/certificates.ts';
import { listen, until } from '../support/servers.ts';

const executablePath =
  ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
    existsSync(path),
  ) ?? '';
const skip =
  executablePath !== '' || process.env.CI === 'true'
    ? false
    : 'needs chromium: apt-get install chromium';

interface Web {
  readonly http: string;
  readonly https: string;
  readonly scene: Scene;
  /** HTTP versions that the https site was spoken to in. */
  readonly versions: ReadonlySet<string>;
}

async function web(t: TestContext): Promise<Web> {
  assert.ok(executablePath !== '', 'needs chromium: apt-get install chromium');
  const versions = new Set<string>();
  const http = await startSite(t, (req, res) => {
    res.setHeader('Content-Type', 'text/html');
    res.end(
      `<title>plain</title><p id="asked">${String(req.url)} ${JSON.stringify(req.headers)}</p>`,
    );
  });
  new WebSocketServer({ server: http.server }).on('connection', (socket) =>
    socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`)),
  );
  const authority = await createAuthority();
  const secure = createSecureServer(
    { ...(await authority.issue('site.test')), allowHTTP1: true },
    (req, res) => {
      versions.add(req.httpVersion);
      res.setHeader('Content-Type', 'text/html');
      res.end(`<title>secure</title><p id="asked">${req.url}</p><script src="/more.js"></script>`);
    },
  );
  Object.assign(secure, { closeAllConnections: () => undefined });
  const https = await listen(t, secure as unknown as Server);
  const gate = authGate({ basic: { users: { alice: 'wonderland' } } });
  const store = cache();
  t.after(() => {
    gate.close();
    void store.close();
  });
  const scene = await startProxy(
    t,
    { ports: [http.port], connectPorts: [https.port, http.port] },
    { before: [gate, store] },
  );
  return {
    http: `http://site.test:${http.port}`,
    https: `https://site.test:${https.port}`,
    scene,
    versions,
  };
}

async function browse(
  t: TestContext,
  args: string[],
  proxy?: { server: string; username?: string; password?: string },
): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-background-networking', ...args],
    timeout: 120_000,
    ...(proxy && { proxy }),
  });
  t.after(() => browser.close());
  return browser;
}

test(
  'a browser behind the proxy: login, pages by http and https, HTTP/2 inside, WebSocket',
  { skip },
  async (t) => {
    const { http, https, scene, versions } = await web(t);
    const browser = await browse(t, [], {
      server: scene.url,
      username: 'alice',
      password: 'wonderland',
    });
    const page = await browser.newPage({ ignoreHTTPSErrors: true });
    page.setDefaultTimeout(60_000);

    await page.goto(`${http}/page?q`);
    assert.equal(await page.title(), 'plain');
    const asked = (await page.textContent('#asked')) ?? '';
    assert.match(asked, /^\/page\?q /);
    assert.doesNotMatch(asked, /proxy-auth|alice|127\.0\.0\.1/);

    const echoed = await page.evaluate(
      (url) =>
        new Promise<string>((resolve, reject) => {
          const socket = new WebSocket(url);
          socket.onopen = () => socket.send('hello');
          socket.onmessage = ({ data }) => resolve(String(data));
          socket.onerror = () => reject(new Error('the WebSocket failed'));
        }),
      `${http.replace('http', 'ws')}/chat`,
    );
    assert.equal(echoed, 'echo hello');

    await page.goto(`${https}/secret`);
    assert.equal(await page.title(), 'secure');
    assert.equal(await page.textContent('#asked'), '/secret');
    assert.deepEqual([...versions], ['2.0']);

    const refused = await page.goto('http://site.test:8089/');
    assert.equal(refused?.status(), 403);
    await browser.close();
    await until(
      () => scene.records.some(({ sni, user }) => sni === 'site.test' && user === 'alice'),
      'the record of the tunnel',
    );
    await until(() => scene.proxy.tunnels === 0, 'no tunnel');
  },
);

test('without credentials a browser gets no page', { skip }, async (t) => {
  const { http, https, scene } = await web(t);
  const page = await (
    await browse(t, [], { server: scene.url })
  ).newPage({ ignoreHTTPSErrors: true });
  for (const url of [http, https]) {
    const status = await page.goto(url).then(
      (answer) => answer?.status(),
      () => 'failed',
    );
    assert.ok(status === 407 || status === 'failed', String(status));
  }
  assert.ok(scene.records.every(({ outcome }) => outcome !== 'completed'));
});

test('a browser finds its proxy by proxyPac()', { skip }, async (t) => {
  const { scene, http } = await web(t);
  const gateless = await startProxy(t, { ports: [Number(new URL(http).port)] });
  const script = proxyPac({ proxy: gateless.url });
  const { url } = await listen(t, (req, res) => {
    Object.assign(res, {
      set: (name: string, value: string) => res.setHeader(name, value),
      send: (body: Buffer) => res.end(body),
    });
    void script(req as never, res as never, () => res.writeHead(404).end());
  });
  const page = await (await browse(t, [`--proxy-pac-url=${url}/proxy.pac`])).newPage();
  await page.goto(`${http}/by-script`);
  assert.match((await page.textContent('#asked')) ?? '', /^\/by-script /);
  assert.equal(scene.records.length, gateless.records.length);
});
