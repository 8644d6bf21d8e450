import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import test, { type TestContext } from 'node:test';
import express, { type Express } from 'express';
import { OptionsError } from '../../../lib/core/errors.ts';
import { serve, type ServeOptions, type Serving } from '../../../lib/core/server/serve.ts';
import { patience } from '../../support/servers.ts';
import { rawClient, upgradeRequest, echo } from '../../support/upgrades.ts';

async function serving(t: TestContext, app: Express, options?: ServeOptions): Promise<Serving> {
  const result = await serve(app, { host: '127.0.0.1', gracePeriod: 0, ...options });
  t.after(() => result.close());
  return result;
}

test('an app is served at the url, upgrades included', async (t) => {
  const app = express().use('/echo', echo);
  app.get('/', (_req, res) => void res.send('hello'));
  const { url } = await serving(t, app);
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(await (await fetch(url)).text(), 'hello');
  const client = await rawClient(Number(new URL(url).port), upgradeRequest('/echo'));
  await client.sees('101');
  client.socket.destroy();
});

for (const [title, build] of [
  ['without routes', (app) => app],
  ['with routes for others', (app) => app.get('/other', (_req, res) => void res.send('other'))],
  [
    'that calls next later',
    (app) => app.use((_req, _res, next) => void setImmediate(() => next())),
  ],
] as [title: string, build: (app: Express) => Express][])
  test(`a path that nobody takes is Express' own 404 at once: an app ${title}`, async (t) => {
    const { url } = await serving(t, build(express()));
    for (const method of ['GET', 'HEAD', 'DELETE', 'POST']) {
      const signal = AbortSignal.timeout(patience);
      const { status } = await fetch(`${url}/nobody`, { method, signal });
      assert.equal(status, 404, method);
    }
  });

test('requests are born with the prototypes of the app, of mounted apps when inside them', async (t) => {
  const app = express();
  const inner = express();
  const seen: boolean[] = [];
  app.use((req, res, next) => {
    seen.push(
      Object.getPrototypeOf(req) === app.request,
      Object.getPrototypeOf(res) === app.response,
    );
    next();
  });
  app.use('/inner', inner);
  inner.use((req, res) => {
    seen.push(Object.getPrototypeOf(req) === inner.request);
    res.json({ ip: req.ip, path: req.path, xhr: req.xhr });
  });
  const { url, server } = await serving(t, app);
  server.prependListener('request', (req, res) =>
    seen.push(
      Object.getPrototypeOf(req) === app.request,
      Object.getPrototypeOf(res) === app.response,
    ),
  );
  const answer: unknown = await (await fetch(`${url}/inner/x`)).json();
  assert.deepEqual(answer, { ip: '127.0.0.1', path: '/x', xhr: false });
  assert.deepEqual(seen, [true, true, true, true, true]);
});

for (const method of ['GET', 'POST']) {
  for (const body of method === 'POST' ? ['', '{"a":1}'] : ['']) {
    test(`bodies are read as ever: ${method} ${body || 'without a body'}`, async (t) => {
      const app = express();
      app.use('/json', express.json(), (req, res) => void res.json(req.body ?? null));
      app.use('/iterate', async (req, res) => {
        let text = '';
        for await (const chunk of req) text += String(chunk);
        res.send(`<${text}>`);
      });
      app.use('/pipe', (req, res) => void req.pipe(res));
      const { url } = await serving(t, app);
      const headers = { 'Content-Type': 'application/json' };
      const init = body === '' ? { method, headers } : { method, headers, body };
      const read = async (path: string): Promise<string> => (await fetch(url + path, init)).text();
      assert.equal(await read('/json'), body || (method === 'GET' ? 'null' : '{}'));
      assert.equal(await read('/iterate'), `<${body}>`);
      assert.equal(await read('/pipe'), body);
    });
  }
}

test('a plain request listener is served, too', async (t) => {
  const { url } = await serving(t, ((_req: unknown, res: { end(text: string): void }) =>
    res.end('plain')) as never);
  assert.equal(await (await fetch(url)).text(), 'plain');
});

test('timeouts reach the server', async (t) => {
  const timeouts = { headers: '5s', request: '3s', keepAlive: '610s' };
  const { server } = await serving(t, express(), { timeouts });
  assert.equal(server.headersTimeout, 3000, 'a head is never waited for longer than the whole');
  assert.equal(server.requestTimeout, 3000);
  assert.equal(server.keepAliveTimeout, 610_000);
  const { server: byDefault } = await serving(t, express(), { timeouts: { request: 0 } });
  assert.deepEqual(
    [byDefault.headersTimeout, byDefault.requestTimeout, byDefault.keepAliveTimeout],
    [60_000, 0, 75_000],
  );
});

test('an address that cannot be listened on rejects with place and remedy', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  const failures: [ServeOptions, string, RegExp][] = [
    [
      { port, host: '127.0.0.1' },
      'EADDRINUSE',
      new RegExp(`on 127.0.0.1, port ${port}: another process listens there; end it or choose`),
    ],
    [
      { host: '192.0.2.1' },
      'EADDRNOTAVAIL',
      /192\.0\.2\.1, port 0: that is no address of this machine/,
    ],
  ];
  for (const [options, code, message] of failures)
    await assert.rejects(serve(express(), options), (error: NodeJS.ErrnoException) => {
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
});

const wrong: { options: unknown; message: RegExp }[] = [
  { options: { prot: 1 }, message: /unknown option 'prot'; did you mean 'port'/ },
  {
    options: { port: 70_000 },
    message: /port: 70000 is not allowed; use a whole number from 0 to 65535/,
  },
  { options: { port: '80' }, message: /port: '80' is not allowed/ },
  { options: { gracePeriod: '10' }, message: /gracePeriod: '10' is no duration/ },
  { options: { signals: ['SIGKILL'] }, message: /'SIGKILL' is not allowed; use one of 'SIGTERM'/ },
  { options: { timeouts: { headers: -1 } }, message: /timeouts.headers: -1 is no duration/ },
];

for (const { options, message } of wrong) {
  test(`serve refuses ${JSON.stringify(options)}`, async () => {
    await assert.rejects(
      serve(express(), options as ServeOptions),
      (error) => error instanceof OptionsError && message.test(error.message),
    );
  });
}

test('serve refuses what is no app', async () => {
  await assert.rejects(
    serve({} as never),
    /app: an object is no app; pass what express\(\) returns/,
  );
});
