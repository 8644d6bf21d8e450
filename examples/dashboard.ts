/** A page for whoever runs the proxy, behind a gate; some traffic is made up, so that there is something to see. */
import express from 'express';
import { authGate, balancedProxy, cache, errorPages, serve, upstream } from 'sekisho';
import { dashboard } from 'sekisho/dashboard';
import { startSite } from './demo/site.ts';

const images = upstream('images', [await startSite('one'), await startSite('two')], {
  healthCheck: '/',
});
const blog = upstream('blog', await startSite('the blog'));
const pages = cache('5 seconds');

const app = express();
app.use(
  '/dashboard',
  authGate({ basic: { users: { operator: process.env.PASSWORD ?? 'wonderland' } }, lockout: true }),
  dashboard({ actions: true, caches: { pages } }),
);
app.use('/image', balancedProxy(images));
app.use('/blog', pages, balancedProxy(blog));
app.use(errorPages());

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, {
  host: '127.0.0.1',
  port,
  gracePeriod: '2s',
  signals: ['SIGINT', 'SIGTERM'],
});
setInterval(() => {
  const path = ['/image/a.png', '/image/b.png', '/blog/hello'][Math.floor(Math.random() * 3)] ?? '';
  fetch(url + path).then(
    (answer) => answer.text(),
    () => undefined,
  );
}, 50).unref();

console.log(`Open ${url}/dashboard/ in a browser, as operator with the password wonderland.`);
console.log('Drain a server of the pool images, and see the other one take over.');
