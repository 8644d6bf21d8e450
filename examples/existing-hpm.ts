/** An existing http-proxy-middleware keeps its options and gains several servers, balancing and health. */
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { serve, upstream } from 'sekisho';
import { startSite } from './demo/site.ts';

const images = upstream('images', [await startSite('one'), await startSite('two')], {
  balance: 'round-robin',
});

const app = express();
app.use('/image', createProxyMiddleware({ ...images.hpm(), changeOrigin: true }));

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(`curl ${url}/image/cat.png`);
