import assert from 'node:assert/strict';
import { test } from 'node:test';
import express, { type ErrorRequestHandler, type Request, type RequestHandler } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { prefixRouter } from '../../lib/prefix-router/index.ts';
import { listen } from '../support/servers.ts';

function rewriteTo(url: string): RequestHandler {
  return (req, _res, next) => {
    req.url = url;
    next();
  };
}

/** The same handler by Express' own mount and by the router: they must be told apart by nobody. */
for (const [what, handler] of [
  ['calls next()', (_req, _res, next) => next()],
  ['calls next() later', (_req, _res, next) => void setImmediate(next)],
  ['rewrites req.url', rewriteTo('/other?y')],
  ['rewrites to the root', rewriteTo('/')],
  ['calls next(error)', (_req, _res, next) => next(new Error('told'))],
  ['throws', () => assert.fail('thrown')],
  ['rejects', () => Promise.reject(new Error('rejected'))],
  ['rejects with nothing', () => Promise.reject(undefined)],
  ['answers', (req, res) => void res.send(`${req.baseUrl}|${req.url}|${req.originalUrl}`)],
  ['is a router', express.Router().get('/p/:id', (req, res) => void res.send(req.params.id))],
  ['is a router without a match', express.Router()],
  ['is an app', express().get('/p/7', (req, res) => void res.send(`${req.baseUrl} ${req.path}`))],
  ['is an app without a match', express().set('own setting', true)],
] satisfies [string, RequestHandler][]) {
  for (const target of ['/blog', '/blog?q', '/blog/', '/blog/p/7?q=1']) {
    test(`a handler that ${what}, GET ${target}: as under app.use('/blog', handler)`, async (t) => {
      const byExpress = await answerOf(express().use('/blog', handler));
      const byRouter = await answerOf(express().use(prefixRouter({ '/blog': handler })));
      assert.deepEqual(byRouter, byExpress);

      async function answerOf(app: express.Express): Promise<[number, string]> {
        const tell = (req: Request) => `${req.baseUrl}|${req.url}|${req.app === app}`;
        app.use((req, res) => void res.send(`passed ${tell(req)}`));
        app.use(((error: unknown, req, res, next) => {
          if (error instanceof Error) res.status(500).send(`${error.message} ${tell(req)}`);
          else next(error);
        }) satisfies ErrorRequestHandler);
        const { url } = await listen(t, app);
        const answer = await fetch(url + target);
        return [answer.status, await answer.text()];
      }
    });
  }
}

test('an existing createProxyMiddleware is a value like any handler', async (t) => {
  const upstream = await listen(t, (req, res) => void res.end(`upstream ${req.url}`));
  const proxy = createProxyMiddleware<Request>({ target: `${upstream.url}/own` });
  const { url } = await listen(t, express().use(prefixRouter({ '/blog': proxy })));
  const answer = await fetch(`${url}/blog/a%2Fb?c`);
  assert.equal(await answer.text(), 'upstream /own/a%2Fb?c');
});
