import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import basicAuth from 'express-basic-auth';
import express, { type ErrorRequestHandler, type Express } from 'express';
import helmet from 'helmet';
import { contextOf } from '../../../lib/core/context.ts';
import { ProxyError } from '../../../lib/core/errors.ts';
import { socketOwners } from '../../../lib/core/taken-sockets.ts';
import { attach } from '../../../lib/core/server/attach.ts';
import { listen, turns, until } from '../../support/servers.ts';
import { echo, rawClient, upgradeRequest } from '../../support/upgrades.ts';

async function attached(t: TestContext, app: Express): Promise<number> {
  const { server, port } = await listen(t, app);
  attach(server);
  t.after(() => {
    for (const owner of socketOwners(server)) owner.destroy();
  });
  return port;
}

test('an upgrade runs through the chain to the handler that takes its socket', async (t) => {
  const app = express();
  const seen: string[] = [];
  app.use((req, _res, next) => {
    seen.push(`${req.method} ${req.originalUrl}`);
    next();
  });
  app.use('/echo', express.json(), echo);
  const client = await rawClient(await attached(t, app), upgradeRequest('/echo/x?y', '', 'echo'));
  await client.sees('101 Switching Protocols');
  client.socket.write('hello');
  await client.sees('hello');
  assert.deepEqual(seen, ['GET /echo/x?y']);
  client.socket.end();
  await until(() => client.closed, 'the end of the echo');
});

test('early data is kept for the one who takes the socket', async (t) => {
  const app = express();
  app.use((req) => void setTimeout(() => echo(req), 50));
  const client = await rawClient(await attached(t, app), `${upgradeRequest('/')}early`);
  setTimeout(() => client.socket.end(' later'), 20);
  await client.sees('\r\n\r\nearly later');
});

const refusals: { name: string; mount: (app: Express) => void; status: number; body?: RegExp }[] = [
  {
    name: 'a gate that answers',
    mount: (app) => app.use((_req, res) => void res.status(403).send('no entry')),
    status: 403,
    body: /no entry/,
  },
  {
    name: 'express-basic-auth without credentials',
    mount: (app) => app.use(basicAuth({ users: { a: 'b' }, challenge: true })),
    status: 401,
  },
  {
    name: 'a ProxyError nobody handles',
    mount: (app) =>
      app.use((_req, _res, next) =>
        next(new ProxyError('ERR_SEKISHO_NO_SERVER', { detail: 'secret', server: 'inside:1' })),
      ),
    status: 503,
    body: /No server is available/,
  },
  {
    name: 'an unknown path when nobody else listens',
    mount: (app) => app.use('/other', echo),
    status: 404,
    body: /"status":404/,
  },
  {
    name: 'an error handler of the app',
    mount: (app) => {
      app.use(() => {
        throw new ProxyError('ERR_SEKISHO_LOOP');
      });
      const handle: ErrorRequestHandler = (error: ProxyError, _req, res, next) =>
        error.status === 508 ? void res.status(508).send('handled') : next(error);
      app.use(handle);
    },
    status: 508,
    body: /handled/,
  },
  {
    name: 'a large answer that a slow client reads',
    mount: (app) => app.use((_req, res) => void res.status(402).send('x'.repeat(3_000_000))),
    status: 402,
    body: /x{3000000}$/,
  },
];

for (const { name, mount, status, body } of refusals) {
  test(`a refused upgrade gets its whole HTTP answer and the end: ${name}`, async (t) => {
    const app = express().use(helmet());
    mount(app);
    const client = await rawClient(
      await attached(t, app),
      upgradeRequest('/', 'Sec-Fetch: x\r\n') + 'frames sent too early',
    );
    client.socket.pause();
    setTimeout(() => client.socket.resume(), 50);
    await until(() => client.closed, 'the end of the connection');
    assert.match(client.text, new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(client.text, /\r\nConnection: close\r\n/);
    assert.match(client.text, /X-Content-Type-Options: nosniff/i);
    assert.doesNotMatch(client.text, /secret|inside/);
    if (body !== undefined) assert.match(client.text, body);
  });
}

test('an error that nobody foresaw is a 500 without its message, and is reported', async (t) => {
  const reported = t.mock.method(console, 'error', () => undefined);
  const app = express().use(() => {
    throw new Error('internal');
  });
  const client = await rawClient(await attached(t, app), upgradeRequest('/'));
  await until(() => client.closed, 'the end of the connection');
  assert.match(client.text, /^HTTP\/1.1 500 Internal Server Error/);
  assert.doesNotMatch(client.text, /internal\b/);
  assert.equal(reported.mock.callCount(), 1);
});

for (const framing of ['Content-Length: 3', 'Transfer-Encoding: chunked']) {
  test(`an upgrade with a body is refused: ${framing}`, async (t) => {
    let called = false;
    const app = express().use(() => void (called = true));
    const client = await rawClient(
      await attached(t, app),
      upgradeRequest('/', `${framing}\r\n`) + 'abc',
    );
    await until(() => client.closed, 'the end of the connection');
    assert.match(client.text, /^HTTP\/1.1 400 /);
    assert.equal(called, false);
  });
}

test('a client that leaves while the chain works closes the response', async (t) => {
  for (const leave of ['end', 'resetAndDestroy'] as const) {
    let closed = false;
    let reached = false;
    const app = express().use((req, res) => {
      reached = true;
      res.on('close', () => (closed = contextOf(req).upgrade!.socket.destroyed));
    });
    const client = await rawClient(await attached(t, app), upgradeRequest('/'));
    await until(() => reached, 'the handler');
    client.socket[leave]();
    await until(() => closed, `the close after ${leave}()`);
  }
});

test('the response of a taken socket closes with the socket', async (t) => {
  let closed = false;
  const app = express().use((req, res) => {
    res.on('close', () => (closed = true));
    echo(req);
  });
  const client = await rawClient(await attached(t, app), upgradeRequest('/'));
  await client.sees('101');
  assert.equal(closed, false);
  client.socket.destroy();
  await until(() => closed, 'the close of the response');
});

test('a socket cannot be taken twice, nor after an answer', async (t) => {
  const app = express();
  let second: unknown;
  app.use((req, res) => {
    res.status(200).end('answered');
    res.on('close', () => {
      try {
        contextOf(req).upgrade!.take();
      } catch (error) {
        second = error;
      }
    });
  });
  const client = await rawClient(await attached(t, app), upgradeRequest('/'));
  await client.sees('answered');
  await until(() => second !== undefined, 'the second take()');
  assert.match(String(second), /taken or answered/);
});

test('an upgrade pipelined behind an unanswered request waits, and nobody else with it', async (t) => {
  const app = express();
  app.get('/slow', () => undefined);
  app.use(echo);
  const port = await attached(t, app);
  const client = await rawClient(
    port,
    `GET /slow HTTP/1.1\r\nHost: a\r\n\r\n${upgradeRequest('/')}`,
  );
  const next = await rawClient(port, upgradeRequest('/'));
  await next.sees('101');
  assert.deepEqual([client.text, client.closed], ['', false]);
  client.socket.destroy();
});

for (const [what, head] of [
  ['an upgrade with a length', upgradeRequest('/', 'Content-Length: 3\r\n')],
  ['an upgrade in chunks', upgradeRequest('/', 'Transfer-Encoding: chunked\r\n')],
  ['a CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 3\r\n\r\n'],
])
  for (const body of ['', 'abc'])
    test(`refused for its body, ${what} waits for the answer before its own, with "${body}"`, async (t) => {
      let answer: (() => void) | undefined;
      const app = express().get('/slow', (_req, res) => void (answer = () => res.send('slow')));
      const client = await rawClient(
        await attached(t, app),
        `GET /slow HTTP/1.1\r\nHost: a\r\n\r\n${head}${body}`,
      );
      await until(() => answer !== undefined, 'the request before');
      await turns();
      assert.deepEqual([client.text, client.closed], ['', false]);
      answer!();
      await until(() => client.closed, 'the end of the connection');
      assert.deepEqual(client.text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 400']);
    });

const ordinary: { name: string; request: string }[] = [
  { name: 'Upgrade: h2c', request: upgradeRequest('/', 'HTTP2-Settings: AAMA\r\n', 'h2c') },
  { name: 'Upgrade: TLS/1.0, HTTP/1.1', request: upgradeRequest('/', '', 'TLS/1.0, HTTP/1.1') },
  { name: 'an upgrade by HTTP/1.0', request: upgradeRequest('/').replace('HTTP/1.1', 'HTTP/1.0') },
];

for (const { name, request } of ordinary) {
  for (const told of [true, false]) {
    const how = told ? 'where node can be told' : 'where it cannot';
    test(`an ignorable upgrade is an ordinary request, ${how}: ${name}`, async (t) => {
      const app = express().use((req, res) => void res.send(typeof contextOf(req).upgrade));
      const { server, port } = await listen(t, app);
      if (!told) Object.assign(server, { shouldUpgradeCallback: undefined });
      attach(server);
      if (!told) Object.assign(server, { shouldUpgradeCallback: () => true });
      const client = await rawClient(port, request);
      await client.sees('undefined');
      assert.match(client.text, /^HTTP\/1.1 200 OK/);
    });
  }
}
