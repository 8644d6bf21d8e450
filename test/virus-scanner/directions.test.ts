import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import express from 'express';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { contextOf } from '../../lib/core/context.ts';
import { attach } from '../../lib/core/server/attach.ts';
import type { Transaction } from '../../lib/core/transaction.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { forwardProxy } from '../../lib/forward-proxy/index.ts';
import { virusScanner, type VirusScannerOptions } from '../../lib/virus-scanner/index.ts';
import { eicar, noClamd, startClamd } from '../support/clamd.ts';
import { exchangeRaw, listen, until } from '../support/servers.ts';
import { answerOf, ask2, http2Client, serveTls } from '../support/tls.ts';

const clamd = noClamd === false ? await startClamd({ after }) : undefined;
const skip = noClamd;
const virus = Buffer.from(eicar, 'latin1');
const options: VirusScannerOptions = {
  clamd: { socket: clamd?.socket ?? '/none' },
  directions: ['download', 'upload'],
};

/** A site in the world outside. */
const site = express()
  .disable('x-powered-by')
  .get('/bad', (_req, res) => void res.send(virus))
  .post('/', express.raw({ type: () => true }), (req, res) => void res.send(req.body))
  .use((_req, res) => void res.send('hello'));

for (const [host, trusted] of [
  ['127.0.0.1', false],
  ['127.0.0.1', true],
] as const)
  test(
    `the forward proxy: ${trusted ? 'a trusted' : 'any'} destination is ${trusted ? 'not ' : ''}scanned, both ways`,
    {
      skip,
    },
    async (t) => {
      const { port } = await listen(t, site);
      const records: Transaction[] = [];
      const app = express();
      app.use((req, _res, next) => {
        records.push(contextOf(req).transaction);
        next();
      });
      app.use(
        virusScanner({ ...options, skip: { hosts: trusted ? [host] : ['trusted.example'] } }),
      );
      const proxy = forwardProxy({ ports: [port], allowPrivate: [host] });
      t.after(() => proxy.close());
      app.use(proxy, errorPages());
      const gate = await listen(t, app);
      attach(gate.server);
      const expected = trusted ? 200 : 403;
      // What a client says in Host makes no destination trusted.
      const target = `http://${host}:${port}`;
      const get = (path: string): string =>
        `GET ${target}${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: close\r\n\r\n`;
      assert.match((await exchangeRaw(gate.port, get('/'))).text, /^HTTP\/1\.1 200 /);
      assert.equal(records.at(-1)?.scan, trusted ? 'skipped' : 'clean');
      const bad = await exchangeRaw(gate.port, get('/bad'));
      assert.match(bad.text, new RegExp(`^HTTP/1\\.1 ${expected} `));
      const post = await exchangeRaw(
        gate.port,
        `POST ${target}/ HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: close\r\nContent-Length: ${virus.length}\r\n\r\n${eicar}`,
      );
      assert.match(post.text, new RegExp(`^HTTP/1\\.1 ${expected} `));
    },
  );

test('a Host that is trusted makes no difference to the reverse proxy', { skip }, async (t) => {
  const { url } = await listen(t, site);
  const proxy = balancedProxy(url);
  t.after(() => proxy.close());
  const app = express();
  app.use(virusScanner({ ...options, skip: { hosts: ['trusted.example'] } }), proxy, errorPages());
  const gate = await listen(t, app);
  const { text } = await exchangeRaw(
    gate.port,
    'GET /bad HTTP/1.1\r\nHost: trusted.example\r\nConnection: close\r\n\r\n',
  );
  assert.match(text, /^HTTP\/1\.1 403 /);
});

test('nobody can look into a CONNECT tunnel', { skip }, async (t) => {
  const { port } = await listen(t, site);
  const app = express();
  const proxy = forwardProxy({ connectPorts: [port], allowPrivate: ['127.0.0.1'] });
  t.after(() => proxy.close());
  app.use(virusScanner(options), proxy, errorPages());
  const gate = await listen(t, app);
  const attached = attach(gate.server);
  t.after(() => attached.closeAllConnections());
  const socket = connect(gate.port, '127.0.0.1');
  t.after(() => socket.destroy());
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
  socket.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  await until(() => text.includes('\r\n\r\n'), 'the tunnel is open');
  assert.match(text, /^HTTP\/1\.1 200 /);
});

for (const kind of ['forwarder', 'handler'] as const)
  test(`HTTP/2 clients of a ${kind}, both ways`, { skip }, async (t) => {
    const app = express();
    app.use(virusScanner(options));
    if (kind === 'handler') app.use(site);
    else {
      const proxy = balancedProxy((await listen(t, site)).url);
      t.after(() => proxy.close());
      app.use(proxy);
    }
    app.use(errorPages());
    const client = http2Client(t, await serveTls(t, app));
    assert.equal((await ask2(client, { ':path': '/' })).text, 'hello');
    assert.equal((await ask2(client, { ':path': '/bad' })).status, 403);
    for (const [body, status] of [
      ['clean', 200],
      [eicar, 403],
      ['clean again', 200],
    ] as const) {
      // Body parsers do not believe in one without a length.
      const headers = { ':path': '/', ':method': 'POST', 'content-length': body.length };
      const answer = await ask2(client, headers, Buffer.from(body, 'latin1'));
      assert.equal(answer.status, status);
      if (status === 200) assert.equal(answer.text, body);
    }
  });

for (const thinks of [false, true])
  test(
    `a body over HTTP/2 without a length${thinks ? ', before a middleware that thinks,' : ''} is scanned`,
    {
      skip,
    },
    async (t) => {
      const seen: string[] = [];
      const app = express();
      app.use((_req, _res, next) => {
        if (thinks) setTimeout(next, 50);
        else next();
      });
      app.use(virusScanner(options));
      app.use((req, res) => {
        let text = '';
        req.on('data', (chunk) => (text += String(chunk)));
        req.on('end', () => {
          seen.push(text);
          res.end();
        });
      });
      app.use(errorPages());
      const client = http2Client(t, await serveTls(t, app));
      const post = { ':path': '/', ':method': 'POST' };
      for (const [body, status] of [
        ['clean', 200],
        [eicar, 403],
        ['', 200],
      ] as const) {
        const stream = client.request(post, { waitForTrailers: true });
        stream.on('wantTrailers', () => {
          stream.sendTrailers({ checksum: 'x' });
        });
        stream.end(Buffer.from(body, 'latin1'));
        assert.equal((await answerOf(stream)).status, status);
      }
      assert.equal((await ask2(client, post)).status, 200);
      assert.deepEqual(seen, ['clean', '', '']);
    },
  );
