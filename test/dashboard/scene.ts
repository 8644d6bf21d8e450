/** A gateway with something to see: pools, a cache, a gate, traffic; and what goes wrong. For the browser and the picture. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { authGate } from '../../lib/auth-gate/index.ts';
import { cache, type Cache } from '../../lib/cache/index.ts';
import { serve } from '../../lib/core/server/serve.ts';
import { upstream, type Upstream } from '../../lib/core/upstream/upstream.ts';
import { dashboard, type DashboardOptions } from '../../lib/dashboard/index.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { prefixRouter } from '../../lib/prefix-router/index.ts';
import { securityHeaders } from '../../lib/security-headers/index.ts';

/** Ends what was begun: a test's context, or a list of one's own. */
export interface Ending {
  after(end: () => unknown): void;
}

export interface SceneServer {
  readonly url: string;
  /** Part of its requests that it answers with 500. */
  failing: number;
  /** Nobody listens any more. */
  kill(): void;
  /** It listens again. */
  revive(): Promise<void>;
}

export interface Scene {
  readonly url: string;
  readonly images: readonly SceneServer[];
  readonly shop: readonly SceneServer[];
  readonly pools: readonly Upstream[];
  readonly pages: Cache;
  /** Asks for pages and pictures, so many at a time, until the end. */
  load(clients: number): void;
  /** Cuts the connections of open pages. */
  dropStreams(): void;
  /** What gets refused: guesses, scans, a user who may not. */
  trouble(): Promise<void>;
}

/** @param hosts one address for each server, where the picture shall look as if they were several machines */
export async function startScene(
  ending: Ending,
  options: DashboardOptions,
  hosts: readonly string[] = [],
): Promise<Scene> {
  let next = 0;
  const start = (delay: number): Promise<SceneServer> =>
    startServer(ending, delay, hosts[next++] ?? '127.0.0.1:0');
  const images = [await start(6), await start(8), await start(14)];
  const shop = [await start(22), await start(26), await start(24)];
  const blog = await start(45);
  const healthCheck = { path: '/health', interval: '500ms', timeout: '10s' } as const;
  const [first, second, third] = images.map(({ url }) => url) as [string, string, string];
  const pools = [
    upstream('images', [first, { url: second, weight: 2 }, third], { healthCheck }),
    upstream(
      'shop',
      shop.map(({ url }) => url),
      { healthCheck },
    ),
    upstream('blog', blog.url, { healthCheck }),
  ] as const;
  const pages = cache('2 seconds');
  const gate = authGate({
    basic: {
      authorizer: (name, password) =>
        ['operator', 'guest'].includes(name) && password === 'wonderland',
    },
    allow: (user) => user.name === 'operator',
    lockout: true,
  });
  const page = dashboard({ actions: true, caches: { pages }, ...options });
  const app = express();
  app.use(
    securityHeaders({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } }),
  );
  app.use('/dashboard', gate, page);
  app.use('/blog', pages);
  app.use(prefixRouter({ '/image': pools[0], '/shop': pools[1], '/blog': pools[2] }));
  app.use(errorPages());
  const { server, url, close } = await serve(app, { host: '127.0.0.1', gracePeriod: 100 });
  let over = false;
  ending.after(async () => {
    over = true;
    page.close();
    gate.close();
    await close();
    for (const pool of pools) pool.destroy();
  });

  async function ask(path: string, headers: Record<string, string> = {}): Promise<void> {
    const answer = await fetch(url + path, { headers });
    await answer.arrayBuffer();
  }
  async function keepAsking(): Promise<void> {
    while (!over) {
      await ask(paths[Math.floor(Math.random() ** 2 * paths.length)] ?? '/').catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 15 + Math.random() * 70));
    }
  }
  return {
    url,
    images,
    shop,
    pools,
    pages,
    load(clients) {
      for (let client = 0; client < clients; client++) void keepAsking();
    },
    dropStreams: () => server.closeAllConnections(),
    async trouble() {
      const guess = (password: string): string =>
        `Basic ${Buffer.from(`root:${password}`).toString('base64')}`;

      for (const password of ['root', 'toor', 'admin'])
        await ask('/dashboard/?token=secret', { authorization: guess(password) });
      await ask('/dashboard/', {
        authorization: `Basic ${Buffer.from('guest:wonderland').toString('base64')}`,
      });
      await ask('/image/%zz');
    },
  };
}

const paths = [
  '/image/banner.webp',
  '/shop/api/cart?session=secret',
  '/blog/',
  '/image/photo-7.webp',
  '/blog/hakone',
  '/shop/api/items',
  '/blog/nikko',
  '/shop/checkout',
  '/image/photo-9.webp',
];

async function startServer(ending: Ending, delay: number, address: string): Promise<SceneServer> {
  const [host = '', port] = address.split(':');
  const scene = { failing: 0 };
  let server: Server;
  const listen = async (at: number): Promise<number> => {
    server = createServer((req, res) => {
      if (req.url === '/health') {
        res.end('well');
        return;
      }
      const slow = Math.random() < 0.02 ? 6 : 1;
      setTimeout(
        () => {
          if (Math.random() < scene.failing) res.statusCode = 500;
          res.end('x'.repeat(500 + Math.random() * 8000));
        },
        delay * slow * (0.6 + 0.8 * Math.random()),
      );
    });
    server.listen(at, host);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const taken = await listen(Number(port));
  const kill = (): void => {
    server.close();
    server.closeAllConnections();
  };
  ending.after(kill);
  return Object.assign(scene, {
    url: `http://${host}:${taken}`,
    kill,
    revive: async () => {
      await listen(taken);
    },
  });
}
