/** Asks a cached app twice for each of two pages, and ends: what it prints is what `DEBUG` makes the cache tell. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { cache } from '../../lib/cache/index.ts';

const app = express();
app.use(cache({ ttl: '1 minute' }));
app.get('/page', (_req, res) => void res.send('page'));
app.get('/own', (_req, res) => void res.set('Cache-Control', 'private').send('own'));
const server: Server = createServer(app).listen(0, '127.0.0.1', () => {
  void (async () => {
    const { port } = server.address() as AddressInfo;
    for (const path of ['/page', '/page', '/own?a=b', '/own?a=b'])
      await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    server.closeAllConnections();
    server.close();
  })();
});
