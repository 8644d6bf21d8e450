/** Single sign-on: one login for two applications. The provider is here, too, so that there is something to log in with. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { Provider } from 'oidc-provider';
import { authGate, balancedProxy, errorPages, prefixRouter, serve } from 'sekisho';
import { startSite } from './demo/site.ts';

const client = { clientId: 'gateway', clientSecret: 'known to the gateway and the provider' };

const provider = createServer().listen(Number(process.env.PROVIDER_PORT ?? 0), '127.0.0.1');
await once(provider, 'listening');
const issuer = `http://localhost:${(provider.address() as AddressInfo).port}`;

const app = express();
app.use(
  authGate({
    oidc: {
      issuer,
      ...client,
      allowInsecure: true, // both are on this machine
      postLogoutRedirect: '/wiki/',
      session: { secret: process.env.SESSION_SECRET ?? 'for this example only: make your own one' },
    },
    identityHeaders: true,
  }),
);
app.get('/', (req, res) => {
  res.type('html').send(`<h1>Hello ${req.auth?.email ?? ''}</h1>
    <p><a href="/wiki/">wiki</a> <a href="/shop/">shop</a> <a href="/oauth2/logout">log out</a>`);
});
app.use(
  prefixRouter({
    '/wiki': balancedProxy(await startSite('the wiki')),
    '/shop': balancedProxy(await startSite('the shop')),
  }),
);
app.use(errorPages());

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });

startProvider(url);
console.log(`Log in as anybody, with any password: ${url}/wiki/`);
console.log(`Then no login is needed for the other one: ${url}/shop/`);
console.log(`curl -i ${url}/wiki/  # a program gets 401, not a login page`);

/** Takes everybody at his word: for an example, and nothing else. */
function startProvider(gateway: string): void {
  console.warn = console.info = () => undefined; // it says at length what it is not fit for
  const oidc = new Provider(issuer, {
    clients: [
      {
        client_id: client.clientId,
        client_secret: client.clientSecret,
        redirect_uris: [`${gateway}/oauth2/callback`],
        post_logout_redirect_uris: [`${gateway}/wiki/`],
        grant_types: ['authorization_code', 'refresh_token'],
      },
    ],
    claims: { profile: ['preferred_username'], email: ['email'] },
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, email: `${id}@example.com` }),
    }),
    cookies: { keys: ['for this example only'] },
  });
  const handle = oidc.callback();
  provider.on('request', (req, res) => void handle(req, res));
  provider.unref();
}
