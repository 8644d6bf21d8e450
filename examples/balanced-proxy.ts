/** Three servers as one: the second gets twice as much, the third only while the others are out. */
import express from 'express';
import { balancedProxy, serve, upstream } from 'sekisho';
import { startSite } from './demo/site.ts';

const images = upstream(
  'images',
  [
    await startSite('one'),
    { url: await startSite('two'), weight: 2 },
    { url: await startSite('three'), backup: true },
  ],
  {
    balance: 'round-robin',
    healthCheck: { path: '/health', interval: '2s' },
    retries: { attempts: 2 },
    timeouts: { connect: '1s', headers: '10s' },
  },
);

const app = express();
app.use('/image', balancedProxy(images));
app.get('/servers', (_req, res) => {
  res.json(images.servers);
});

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(`for i in 1 2 3 4 5 6; do curl ${url}/image/cat.png; done`);
console.log(`curl ${url}/servers`);
