/** Several servers behind one: the longest prefix of the path decides. */
import express from 'express';
import { prefixRouter, serve } from 'sekisho';
import { startSite } from './demo/site.ts';

const app = express();
app.use(
  prefixRouter({
    '/blog': await startSite('the blog'),
    '/blog/archive': { target: await startSite('the archive'), timeouts: { headers: '5s' } },
    'shop.example.com/': await startSite('the shop'),
  }),
);
// What no prefix matches is the app's, as ever.
app.get('/', (_req, res) => {
  res.send('the app itself\n');
});

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(`curl ${url}/`);
console.log(`curl ${url}/blog/hello`);
console.log(`curl ${url}/blog/archive/1999`);
console.log(`curl -H 'Host: shop.example.com' ${url}/basket`);
