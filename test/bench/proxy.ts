/** One proxy to be measured: `proxy.ts NAME UPSTREAM_URL`; prints its port. Each peer is set up as its README says. */
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:http';
import express from 'express';

const [name = '', upstreamUrl = ''] = process.argv.slice(2);
const small = `${'0123456789'.repeat(10)}\n`;

const proxies: Record<string, () => Promise<Server> | Server> = {
  sekisho: () => sekisho(false),
  async 'sekisho + tls'() {
    const { balancedProxy, serve } = await import('sekisho');
    const { TLS_CERT: cert = '', TLS_KEY: key = '' } = process.env;
    const app = express().disable('x-powered-by').use(balancedProxy(upstreamUrl));
    const { server } = await serve(app, { host: '127.0.0.1', tls: { cert, key } });
    return server;
  },
  'sekisho + securityHeaders': () => sekisho(true),
  /** No proxy at all: what is left of a request's time when nothing is forwarded. */
  'Express, which answers itself'() {
    const app = express().disable('x-powered-by');
    app.use((_req, res) => {
      res.writeHead(200, ['Content-Type', 'text/plain', 'Content-Length', String(small.length)]);
      res.end(small);
    });
    return listening(app.listen(0, '127.0.0.1'));
  },
  async 'http-proxy-middleware'() {
    const { createProxyMiddleware } = await import('http-proxy-middleware');
    const app = express().disable('x-powered-by');
    app.use(createProxyMiddleware({ target: upstreamUrl }));
    return listening(app.listen(0, '127.0.0.1'));
  },
  async 'http-proxy-middleware + keep-alive agent'() {
    const { createProxyMiddleware } = await import('http-proxy-middleware');
    const { Agent } = await import('node:http');
    const app = express().disable('x-powered-by');
    app.use(createProxyMiddleware({ target: upstreamUrl, agent: new Agent({ keepAlive: true }) }));
    return listening(app.listen(0, '127.0.0.1'));
  },
  async 'http-proxy-middleware + ws'() {
    const { createProxyMiddleware } = await import('http-proxy-middleware');
    const app = express().disable('x-powered-by');
    const proxy = createProxyMiddleware({ target: upstreamUrl, ws: true });
    app.use(proxy);
    const server = await listening(app.listen(0, '127.0.0.1'));
    return server.on('upgrade', proxy.upgrade);
  },
  async 'http-proxy-3'() {
    const { createProxyServer } = await import('http-proxy-3');
    const { Agent } = await import('node:http');
    const proxy = createProxyServer({ target: upstreamUrl, agent: new Agent({ keepAlive: true }) });
    return listening(createServer((req, res) => proxy.web(req, res)).listen(0, '127.0.0.1'));
  },
  async 'fast-proxy'() {
    const { default: fastProxy } = (await import('fast-proxy')) as unknown as {
      default: (options: object) => {
        proxy: (req: object, res: object, url: string, o: object) => void;
      };
    };
    const { proxy } = fastProxy({ base: upstreamUrl, undici: { connections: 100, pipelining: 1 } });
    const app = express().disable('x-powered-by');
    app.use((req, res) => {
      proxy(req, res, req.url, {});
    });
    return listening(app.listen(0, '127.0.0.1'));
  },
  async '@fastify/http-proxy'() {
    const { default: fastify } = await import('fastify');
    const { default: httpProxy } = await import('@fastify/http-proxy');
    const app = fastify();
    await app.register(httpProxy, { upstream: upstreamUrl, undici: { connections: 100 } });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return app.server;
  },
  async 'node:http + undici'() {
    const { Pool } = await import('undici');
    const pool = new Pool(upstreamUrl, { connections: 100 });
    const app = createServer((req, res) => {
      const body = req.method === 'GET' ? null : req;
      pool
        .stream(
          { path: req.url ?? '/', method: req.method as 'GET', body, headers: { host: 'bench' } },
          ({ statusCode, headers }) => res.writeHead(statusCode, headers as never),
        )
        .catch(() => res.destroy());
    });
    return listening(app.listen(0, '127.0.0.1'));
  },
};

/** With everything on that a pool in production has: health checks, ejection, retries, forwarded fields. */
async function sekisho(helmet: boolean): Promise<Server> {
  const { balancedProxy, securityHeaders, serve, upstream } = await import('sekisho');
  const pool = upstream('bench', [upstreamUrl], {
    healthCheck: { path: '/health', interval: '1s' },
    retries: { attempts: 3, statuses: [502, 503] },
  });
  const app = express().disable('x-powered-by');
  if (helmet) app.use(securityHeaders());
  app.use(balancedProxy(pool, { forwarded: 'x', headers: { request: { 'X-Gateway': 'bench' } } }));
  const { server } = await serve(app, { port: 0, host: '127.0.0.1' });
  return server;
}

async function listening(server: Server): Promise<Server> {
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
  return server;
}

const server = await proxies[name]?.();
if (server === undefined)
  throw new Error(`no proxy ${name}; there are ${Object.keys(proxies).join(', ')}`);
process.on('SIGINT', () => process.exit(0));
console.log((server.address() as AddressInfo).port);
