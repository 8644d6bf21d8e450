/** TLS ends here: the app behind https, and a small one on plain HTTP that sends everybody there. */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { attach, balancedProxy, httpsRedirect, serve } from 'sekisho';
import { generate } from 'selfsigned';
import { startSite } from './demo/site.ts';

const app = express();
app.use(balancedProxy(await startSite('the shop')));
const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }]);
const secure = attach(createServer({ key, cert }, app)).listen(Number(process.env.HTTPS_PORT ?? 0));
await once(secure, 'listening');

const plain = express();
plain.use(
  httpsRedirect({
    hosts: ['localhost'],
    port: (secure.address() as AddressInfo).port,
    exempt: { acme: true },
  }),
);

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(plain, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(`curl -kL ${url}/basket`);
