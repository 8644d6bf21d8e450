/** A slow shop behind a cache: the first answer takes half a second, the next ones none. */
import express from 'express';
import { balancedProxy, cache, serve } from 'sekisho';

const shop = express();
shop.use((req, res) => {
  setTimeout(() => {
    res.send(`the shop answers ${req.method} ${req.url} at ${new Date().toISOString()}\n`);
  }, 500);
});
const origin = await serve(shop, { host: '127.0.0.1', signals: ['SIGINT', 'SIGTERM'] });

const app = express();
const pages = cache({ ttl: '10 minutes', staleWhileRevalidate: '1 minute' });
app.get('/stored', (_req, res, next) => {
  pages.index().then((lines) => res.json(lines), next);
});
app.use(pages, balancedProxy(origin.url));

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(`curl -i ${url}/basket`);
console.log(`curl ${url}/stored`);
