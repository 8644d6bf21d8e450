/** Requests that ask for another protocol: only a 101 is none of the scanner's business. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import express, { type Express, type RequestHandler } from 'express';
import { accessLog } from '../../lib/access-log/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { attach } from '../../lib/core/server/attach.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { forwardProxy } from '../../lib/forward-proxy/index.ts';
import { virusScanner } from '../../lib/virus-scanner/index.ts';
import { eicar, noClamd, startClamd } from '../support/clamd.ts';
import { exchangeRaw, listen, listenBytes, listenRaw, until } from '../support/servers.ts';
import { rawClient, upgradeRequest } from '../support/upgrades.ts';
import { gateway, type Kind } from './support.ts';

const skip = noClamd;
const clamd = skip === false ? await startClamd({ after }) : undefined;
const options = { clamd: { socket: clamd?.socket ?? '/none' } };

function giving(body: string | Buffer, coding?: string): Express {
  return express().use((_req, res) => {
    if (coding !== undefined) res.set('Content-Encoding', coding);
    res.send(body);
  });
}

for (const kind of ['forwarder', 'handler'] as const satisfies readonly Kind[])
  for (const [what, origin, status, scan] of [
    ['a virus', giving(eicar), 403, 'infected'],
    ['a virus in gzip', giving(gzipSync(eicar), 'gzip'), 403, 'infected'],
    ['a part', express().use((_req, res) => void res.status(206).send(eicar)), 403, 'unscannable'],
    ['a clean body', giving('hello'), 200, 'clean'],
  ] as const)
    test(`${what} from a ${kind} that is asked for an upgrade: ${status}`, { skip }, async (t) => {
      const { server, url, records } = await gateway(t, options, origin, kind);
      attach(server);
      const { port } = new URL(url);
      const { text } = await exchangeRaw(Number(port), upgradeRequest('/', '', 'websocket'));
      assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.ok(!text.includes(eicar));
      assert.equal(text.includes('hello'), status === 200);
      assert.equal(records[0]?.scan, scan);
    });

for (const kind of ['forwarder', 'handler'] as const satisfies readonly Kind[])
  test(`the record of an upgrade whose answer is refused is that of the refusal (${kind})`, async (t) => {
    const part: RequestHandler = (_req, res) => void res.status(206).send('part');
    const log = accessLog({ stream: new PassThrough().resume() });
    const { server, url, records } = await gateway(t, options, part, kind, [log]);
    attach(server);
    const { text } = await exchangeRaw(
      Number(new URL(url).port),
      upgradeRequest('/', '', 'websocket'),
    );
    assert.match(text, /^HTTP\/1\.1 403 /);
    await until(() => records[0]?.outcome !== undefined, 'the record has ended');
    const { status, outcome, error } = records[0] ?? {};
    assert.deepEqual([status, outcome, error], [403, 'refused', 'ERR_SEKISHO_UNSCANNABLE']);
  });

for (const inside of [false, true])
  test(
    `a virus through forwardProxy for an upgrade, ${inside ? 'inside CONNECT' : 'absolute-form'}`,
    { skip },
    async (t) => {
      const origin = await listenBytes(
        t,
        `HTTP/1.1 200 OK\r\nContent-Length: ${eicar.length}\r\n\r\n${eicar}`,
      );
      const app = express();
      const ports = [origin.port];
      const scanner = virusScanner(options);
      t.after(() => scanner.close());
      const proxy = forwardProxy({
        allow: ['a.test'],
        ports,
        connectPorts: ports,
        allowPrivate: ['127.0.0.1'],
        lookup: () => Promise.resolve(['127.0.0.1']),
      });
      app.use(scanner, proxy, errorPages());
      const { server, port } = await listen(t, app);
      attach(server);
      const host = `a.test:${origin.port}`;
      const fields = `Host: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
      const client = await rawClient(
        port,
        inside
          ? `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
          : `GET http://${host}/ HTTP/1.1\r\n${fields}`,
      );
      if (inside) {
        await client.sees('HTTP/1.1 200');
        client.socket.write(`GET / HTTP/1.1\r\n${fields}`);
      }
      await client.sees('HTTP/1.1 403');
      assert.ok(!client.text.includes(eicar));
      client.socket.destroy();
    },
  );

for (const hints of ['', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'])
  test(`behind a scanner protocols switch as ever${hints && ', after a 103, too'}`, async (t) => {
    const origin = await listenRaw(t, (socket) => {
      socket.once('data', () => {
        socket.write(
          `${hints}HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`,
        );
        socket.pipe(socket);
      });
    });
    const app = express();
    const proxy = balancedProxy(origin.url);
    const scanner = virusScanner({ clamd: { port: 1 }, directions: ['download', 'upload'] });
    t.after(() => {
      scanner.close();
      return proxy.close();
    });
    app.use(scanner, proxy, errorPages());
    const { server, port } = await listen(t, app);
    attach(server);
    const client = await rawClient(port, upgradeRequest('/', '', 'echo'));
    await client.sees('101 Switching Protocols');
    client.socket.write('said and echoed');
    await client.sees('\r\n\r\nsaid and echoed');
    assert.equal(client.text.match(/HTTP\/1\.1 101/g)?.length, 1);
    client.socket.destroy();
  });
