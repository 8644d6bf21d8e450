/** The same proxy with an observer and without: `observers-peer.ts NAME UPSTREAM_URL`; prints its port. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express, { type RequestHandler } from 'express';
import { accessLog, balancedProxy, metrics, serve } from 'sekisho';

const [name = '', target = ''] = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), 'sekisho-observers-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

const observers: Readonly<Record<string, () => RequestHandler[]>> = {
  'no observer': () => [],
  'accessLog json': () => [accessLog({ format: 'json', file: join(directory, 'access.log') })],
  'accessLog combined': () => [
    accessLog({ format: 'combined', file: join(directory, 'access.log') }),
  ],
  metrics: () => [metrics()],
};

const mounted = observers[name]?.();
if (mounted === undefined) throw new Error(`no observer ${name}`);
const app = express().disable('x-powered-by');
if (mounted.length > 0) app.use(...mounted);
app.use(balancedProxy(target));
const { url } = await serve(app, { host: '127.0.0.1' });
process.on('SIGINT', () => process.exit(0)).on('SIGTERM', () => process.exit(0));
console.log(new URL(url).port);
