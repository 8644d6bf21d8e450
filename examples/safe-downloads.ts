/** Nothing infected comes in or goes out: a file server behind a virus scanner, downloads and uploads alike. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import express from 'express';
import { balancedProxy, errorPages, serve } from 'sekisho';
import { virusScanner } from 'sekisho';
import { eicar, startScanner } from './demo/scanner.ts';

/** A file server that looks at nothing; somebody has put the harmless EICAR test virus on it. */
async function startFiles(): Promise<string> {
  const files = express();
  files.get('/report.txt', (_req, res) => res.type('text').send('Nothing to declare.\n'));
  files.get('/virus.com', (_req, res) => res.type('bin').send(Buffer.from(eicar)));
  files.get('/packed.com', (_req, res) =>
    res.type('bin').set('Content-Encoding', 'gzip').send(gzipSync(eicar)),
  );
  files.post('/upload', express.raw({ type: () => true }), (req, res) => {
    res.send(`took ${(req.body as Buffer).length} bytes\n`);
  });
  const server = createServer(files).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

// In earnest: { socket: '/run/clamav/clamd.ctl' }, or icap: 'icap://av.example/virus_scan'.
const scanner = await startScanner();
process.once('exit', () => scanner.close());
const app = express();
app.use(
  virusScanner({ clamd: { socket: scanner.socket }, directions: ['download', 'upload'] }),
  balancedProxy(await startFiles()),
);
app.use(errorPages());

const port = Number(process.env.PORT ?? 3000);
const { url } = await serve(app, { port, signals: ['SIGINT', 'SIGTERM'] });
console.log(`Every download and upload of ${url} is checked by ${scanner.product}.`);
console.log(`curl -i ${url}/report.txt`);
console.log(`curl -i ${url}/virus.com`);
console.log(`curl -i --compressed ${url}/packed.com`);
console.log(`curl -i ${url}/upload --data 'a clean form'`);
console.log(`curl -s ${url}/report.txt | curl -i ${url}/upload --data-binary @-`);
