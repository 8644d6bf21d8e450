import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import express, { type Request, type Response } from 'express';
import { forwardProxy } from '../../lib/forward-proxy/index.ts';
import { serve } from '../../lib/core/server/serve.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { httpsRedirect } from '../../lib/https-redirect/index.ts';
import { securityHeaders } from '../../lib/security-headers/index.ts';
import { listen } from '../support/servers.ts';

/** One app in both directions: what is meant for its own answers stays away from those of other sites. */
async function gateway(t: TestContext): Promise<number> {
  const app = express();
  app.use(
    securityHeaders(),
    httpsRedirect(),
    forwardProxy({ ports: [portOfSite], allowPrivate: ['127.0.0.1'] }),
  );
  app.use((_req: Request, res: Response) => void res.send('local'), errorPages());
  const { server, close } = await serve(app, { host: '127.0.0.1' });
  t.after(close);
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

let portOfSite = 0;

async function ask(port: number, head: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`${head}\r\nConnection: close\r\n\r\n`);
  return text(socket);
}

test('security headers and the redirect to https are for the app, not for sites behind the forward proxy', async (t) => {
  const site = await listen(t, (_req, res) => {
    res.setHeader('Server', 'site').end('the site');
  });
  portOfSite = site.port;
  const port = await gateway(t);
  const host = `127.0.0.1:${site.port}`;
  const proxied = await ask(port, `GET http://${host}/ HTTP/1.1\r\nHost: ${host}`);
  assert.match(proxied, /^HTTP\/1\.1 200 /);
  assert.match(proxied, /^Server: site\r$/m);
  assert.doesNotMatch(proxied, /^(?:Content-Security-Policy|X-Powered-By):/im);
  assert.match(proxied, /the site$/);
  const local = await ask(port, `GET / HTTP/1.1\r\nHost: gateway.example`);
  assert.match(local, /^HTTP\/1\.1 308 /);
  assert.match(local, /^Content-Security-Policy:/im);
});
