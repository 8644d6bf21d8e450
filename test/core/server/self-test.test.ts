import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import test, { type TestContext } from 'node:test';
import express, { type Express, type RequestHandler } from 'express';
import { authGate } from '../../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import { useClock } from '../../../lib/core/clock.ts';
import { contextOf } from '../../../lib/core/context.ts';
import { attach } from '../../../lib/core/server/attach.ts';
import { serve } from '../../../lib/core/server/serve.ts';
import { forwardProxy, type ForwardProxyOptions } from '../../../lib/forward-proxy/index.ts';
import { localAuthority } from '../../support/tls.ts';
import { patience, until } from '../../support/servers.ts';

const outside = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
const skip = outside === undefined ? 'this machine has no network' : false;

/** Has the self-test wait for an answer as long as a busy machine may need for it. */
function patiently(t: TestContext): void {
  const after = (milliseconds: number, callback: () => void): (() => void) => {
    const timer = setTimeout(callback, milliseconds === 1000 ? patience : milliseconds).unref();
    return () => {
      clearTimeout(timer);
    };
  };
  t.after(useClock({ after }));
}

/** A gate that means well: whoever has an address is somebody. */
const careless: RequestHandler = (req, _res, next) => {
  contextOf(req).admitted = true;
  next();
};
const world: ForwardProxyOptions = { clients: ['0.0.0.0/0', '::/0'] };

function appWith(options: ForwardProxyOptions, ...before: RequestHandler[]): Express {
  return express().use(...before, (_req, _res, next) => next(), forwardProxy(options));
}

const closed: readonly [name: string, app: () => Express][] = [
  ['nothing said', () => appWith({})],
  ['a careless gate, for the local network only', () => appWith({}, careless)],
  ['everybody, behind authGate', () => appWith(world, authGate({ basic: { users: { a: 'b' } } }))],
  [
    'everybody, to listed destinations',
    () => appWith({ ...world, allow: ['updates.example.org'] }),
  ],
  [
    'the local network',
    () => appWith({ clients: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'] }),
  ],
  ['no ports', () => appWith({ ...world, ports: [], connectPorts: [] }, careless)],
];

for (const [name, app] of closed)
  test(`serve() starts a proxy that is none for strangers: ${name}`, { skip }, async () => {
    const { close } = await serve(app(), { host: '0.0.0.0', gracePeriod: 0 });
    await close();
  });

const open: readonly [name: string, app: () => Express][] = [
  ['everybody, behind a careless gate', () => appWith(world, careless)],
  ['everybody, by a function', () => appWith({ clients: () => true }, careless)],
  [
    'everybody, to every destination by name or address',
    () => appWith({ ...world, allow: ['0.0.0.0/0'] }),
  ],
  ['tunnels only', () => appWith({ ...world, ports: [] }, careless)],
  ['requests only', () => appWith({ ...world, connectPorts: [] }, careless)],
  [
    'a reverse proxy that goes where Host says',
    () => {
      forwardProxy();
      return express().use(balancedProxy((req) => `http://${String(req.headers.host)}`));
    },
  ],
];

for (const [name, app] of open)
  for (const tls of [false, true])
    test(
      `serve() refuses to start an open proxy${tls ? ' with TLS' : ''}: ${name}`,
      { skip },
      async (t) => {
        patiently(t);
        const { local } = await localAuthority();
        await assert.rejects(
          serve(app(), { host: '0.0.0.0', gracePeriod: 0, ...(tls && { tls: local }) }),
          /serve: app: would be an open proxy: .*mount authGate before forwardProxy/,
        );
      },
    );

test('a listener of this machine alone is not asked', async () => {
  let asked = 0;
  const counting: RequestHandler = (_req, _res, next) => {
    asked++;
    next();
  };
  const app = express().use(counting, careless, forwardProxy(world));
  const { close } = await serve(app, { host: '127.0.0.1', gracePeriod: 0 });
  await close();
  assert.equal(asked, 0);
});

test('the app is asked four times, by nobody with credentials', { skip }, async (t) => {
  patiently(t);
  const asked: string[] = [];
  const app = express().use((req, _res, next) => {
    asked.push(
      `${req.method} ${req.originalUrl.replace(/[\da-f]{24}/, 'X').replace(/:\d+\/$/, '/')}`,
    );
    assert.equal(req.headers['user-agent'], 'sekisho-self-test');
    next();
  }, forwardProxy());
  const { close } = await serve(app, { host: '0.0.0.0', gracePeriod: 0 });
  await close();
  assert.deepEqual(asked.sort(), [
    'CONNECT X.self-test.example.com:443',
    'GET /',
    'GET //127.0.0.1/',
    'GET http://X.self-test.example.com/',
  ]);
});

test('an app that does not answer does not keep the server from starting', { skip }, async () => {
  const app = express().use(() => undefined);
  forwardProxy();
  const { close } = await serve(app, { host: '0.0.0.0', gracePeriod: 0 });
  await close();
});

async function listening(t: TestContext, app: RequestListener, early: boolean): Promise<Server> {
  const server = createServer(app);
  if (early) attach(server);
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  if (!early) attach(server);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

for (const early of [true, false])
  test(
    `attach() ${early ? 'before' : 'after'} listen(): an open proxy is shut, local routes go on`,
    { skip },
    async (t) => {
      patiently(t);
      const warnings: string[] = [];
      const listener = (warning: Error): void => void warnings.push(warning.message);
      process.on('warning', listener);
      t.after(() => process.off('warning', listener));
      const app = appWith(world, careless).get('/', (_req, res) => void res.send('here'));
      const server = await listening(t, app, early);
      const { port } = server.address() as AddressInfo;
      const ask = async (line: string): Promise<string> => {
        const socket = connect(port, outside);
        socket.write(`${line} HTTP/1.1\r\nHost: other.example\r\n\r\n`);
        const [bytes] = (await once(socket, 'data')) as [Buffer];
        socket.destroy();
        return bytes.toString();
      };
      await until(
        async () => (await ask('GET http://other.example/')).includes('may not use the proxy'),
        'the end of the proxy',
      );
      assert.match(await ask('CONNECT other.example:443'), /^HTTP\/1\.1 403 /);
      assert.match(await ask('GET /'), /here$/);
      if (early) assert.ok(warnings.some((text) => text.includes('would be an open proxy')));
    },
  );
