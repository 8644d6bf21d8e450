/** One server to be measured by cache.ts: `cache-peer.ts NAME UPSTREAM_URL`; prints its port. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express, type RequestHandler } from 'express';
import { answers } from './cache-answers.ts';

const [name = '', upstreamUrl = ''] = process.argv.slice(2);

/** The handler whose answers the caches spare: as short as it can be. */
function answering(app: Express): Express {
  for (const [path, { fields, body }] of Object.entries(answers))
    app.get(path, (_req, res) => {
      res.set(fields).send(body);
    });
  return app;
}

async function listening(app: Express): Promise<Server> {
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return server;
}

async function served(app: Express): Promise<Server> {
  const { serve } = await import('sekisho');
  return (await serve(app, { host: '127.0.0.1' })).server;
}

const newApp = (): Express => express().disable('x-powered-by');

const peers: Record<string, () => Promise<Server>> = {
  async 'cache()'() {
    const { balancedProxy, cache } = await import('sekisho');
    return served(newApp().use(cache(), balancedProxy(upstreamUrl)));
  },
  async 'cache() in app.listen'() {
    const { balancedProxy, cache } = await import('sekisho');
    return listening(newApp().use(cache(), balancedProxy(upstreamUrl)));
  },
  async 'without cache'() {
    const { balancedProxy } = await import('sekisho');
    return served(newApp().use(balancedProxy(upstreamUrl)));
  },
  Express: () => listening(answering(newApp())),
  'Express in serve()': () => served(answering(newApp())),
  async apicache() {
    // @ts-expect-error it has no types
    const { default: apicache } = (await import('apicache')) as {
      default: { middleware(duration: string): RequestHandler };
    };
    return listening(answering(newApp().use(apicache.middleware('1 hour'))));
  },
};

const server = await peers[name]?.();
if (server === undefined)
  throw new Error(`no peer ${name}; there are ${Object.keys(peers).join(', ')}`);
console.log((server.address() as AddressInfo).port);
