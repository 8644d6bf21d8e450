/** A cluster: two workers answer three requests each, the primary tells its parent what its page says. */
import cluster from 'node:cluster';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { metrics } from '../../lib/metrics/index.ts';

async function serveApp(app: express.Express): Promise<string> {
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const meter = metrics({ cluster: true, process: false });
if (cluster.isPrimary) {
  for (let worker = 0; worker < 2; worker++) {
    const forked = cluster.fork();
    await new Promise<void>((resolve) => {
      forked.on('message', (message: unknown) => {
        if (message === 'done') resolve();
      });
    });
  }
  const url = await serveApp(express().use(meter));
  process.send?.(await (await fetch(`${url}/metrics`)).text());
  for (const worker of Object.values(cluster.workers ?? {})) worker?.kill();
} else {
  const app = express().use(meter);
  app.get('/a', (_req, res) => void res.send('a'));
  const url = await serveApp(app);
  for (let request = 0; request < 3; request++) await (await fetch(`${url}/a`)).text();
  // The record ends with the connection's last word.
  setTimeout(() => process.send?.('done'), 100);
}
