/**
 * Two gateways, each a process of its own, share what they store in one Redis, which this starts, too:
 * what one has fetched the other gives, and a PURGE at one is seen by both.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import express from 'express';
import { balancedProxy, cache, redisStore, serve } from 'sekisho';

const signals = ['SIGINT', 'SIGTERM'] as const;
const { REDIS_URL: redis, ORIGIN_URL: origin } = process.env;
if (redis !== undefined && origin !== undefined) await gateway(redis, origin);
else await all();

async function gateway(redisUrl: string, originUrl: string): Promise<void> {
  const app = express();
  // The two have different ports, and are one site all the same.
  app.use((req, _res, next) => {
    req.headers.host = 'shop.example';
    next();
  });
  const store = redisStore({ url: redisUrl });
  app.use(
    cache({ ttl: '10 minutes', store, purge: (req) => req.ip === '127.0.0.1' }),
    balancedProxy(originUrl),
  );
  const { url } = await serve(app, {
    port: Number(process.env.PORT ?? 0),
    host: '127.0.0.1',
    signals,
  });
  process.send?.(url);
}

async function all(): Promise<void> {
  const redisPort = 20_000 + (process.pid % 20_000);
  const server = spawn('redis-server', [
    ...['--port', String(redisPort), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
  ]);
  const children: ChildProcess[] = [server];
  const stop = (): void => {
    for (const child of children) child.kill();
  };
  for (const signal of signals) process.once(signal, stop);
  process.once('exit', stop);
  try {
    await once(server, 'spawn');
  } catch {
    console.error('This needs redis-server: apt-get install redis-server');
    process.exitCode = 1;
    return;
  }
  let asked = 0;
  const shop = express();
  shop.get('/page', (_req, res) => {
    asked += 1;
    res.send(`page number ${asked}\n`);
  });
  const { url } = await serve(shop, { host: '127.0.0.1', signals });
  const ports = [Number(process.env.PORT ?? 3000), 0];
  for (const port of ports) {
    const child = spawn(process.execPath, [...process.execArgv, import.meta.filename], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: {
        ...process.env,
        PORT: String(port),
        ORIGIN_URL: url,
        REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      },
    });
    children.push(child);
    const [own] = (await once(child, 'message')) as [string];
    child.disconnect();
    console.log(`curl -i ${own}/page`);
  }
}
