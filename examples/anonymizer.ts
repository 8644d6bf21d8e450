/** A way out that keeps to itself who asks, and a site that shows what it is told. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { anonymizer, forwardProxy, serve } from 'sekisho';

const site = createServer((req, res) => {
  res.end(`${JSON.stringify(req.headers, null, 2)}\n`);
}).listen(0, '127.0.0.1');
await once(site, 'listening');
const sitePort = (site.address() as AddressInfo).port;

const app = express();
app.use(
  anonymizer({
    remove: ['x-corp-*'],
    keep: { 'partner.example': ['x-corp-order', 'traceparent'] },
  }),
  forwardProxy({ ports: [sitePort], allowPrivate: ['127.0.0.1'] }),
);

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(
  `curl -x ${url} -e https://www.example.com/secret -H 'X-Corp-User: alice' -H 'Via: 1.1 gate7' http://127.0.0.1:${sitePort}/`,
);
