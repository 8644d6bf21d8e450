import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import express, { type Express, type RequestHandler } from 'express';
import { attach } from '../../lib/core/server/attach.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { virusScanner, type VirusScannerOptions } from '../../lib/virus-scanner/index.ts';
import { eicar, noClamd, startClamd } from '../support/clamd.ts';
import { noCIcap, startCIcap } from '../support/icap.ts';
import { exchangeRaw, until } from '../support/servers.ts';
import { ask2, http2Client, serveTls } from '../support/tls.ts';
import { rawClient } from '../support/upgrades.ts';
import { ask, gateway, type Kind } from './support.ts';

const clamd = noClamd === false ? await startClamd({ after }) : undefined;
const icap =
  clamd !== undefined && noCIcap === false ? await startCIcap({ after }, clamd) : undefined;
const skip = noClamd;
const kinds: readonly Kind[] = ['forwarder', 'handler'];
const virus = Buffer.from(eicar, 'latin1');
const noise = randomBytes(3 * 1024 * 1024);
const options: VirusScannerOptions = {
  clamd: { socket: clamd?.socket ?? '/none' },
  directions: ['upload'],
};
const post = 'POST';

/** Says what has come, and remembers it. */
function taking(): { origin: Express; bodies: Buffer[]; begun: () => number } {
  const bodies: Buffer[] = [];
  let begun = 0;
  const origin = express();
  origin.post('/json', express.json(), (req, res) => {
    bodies.push(Buffer.from(JSON.stringify(req.body)));
    res.json(req.body);
  });
  origin.post('/iterated', async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    bodies.push(Buffer.concat(chunks));
    res.send(String(Buffer.concat(chunks).length));
  });
  origin.post('/ignored', (_req, res) => void res.send('did not look'));
  origin.use((req, res) => {
    begun += 1;
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('error', () => undefined);
    req.on('end', () => {
      bodies.push(Buffer.concat(chunks));
      res.send(String(bodies.at(-1)?.length));
    });
  });
  return { origin, bodies, begun: () => begun };
}

/** A middleware that thinks, so that the body is there before the scanner is. */
const thinking: RequestHandler = (_req, _res, next) => {
  setTimeout(next, 30);
};

function multipart(content: Buffer): { headers: Record<string, string>; body: Buffer } {
  const head = '--x\r\nContent-Disposition: form-data; name="f"; filename="a.com"\r\n\r\n';
  return {
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    body: Buffer.concat([Buffer.from(head), content, Buffer.from('\r\n--x--\r\n')]),
  };
}

const engines = [
  ['clamd', skip, options],
  ['c-icap', noCIcap, { icap: icap?.url ?? 'icap://127.0.0.1/none', directions: ['upload'] }],
] as const;

for (const [engine, skip, options] of engines)
  for (const kind of kinds)
    for (const [when, between] of [
      ['', []],
      [', behind a middleware that thinks,', [thinking]],
    ] as const) {
      for (const [what, body, headers] of [
        ['a short body', Buffer.from('hello'), {}],
        ['gzip', gzipSync('hello'), { 'content-encoding': 'gzip' }],
        ['a form', multipart(Buffer.from('clean')).body, multipart(virus).headers],
        ['as much as is held', noise.subarray(0, 1024 * 1024), {}],
        ['3 MiB', noise, {}],
        ['3 MiB in chunks', noise, { 'transfer-encoding': 'chunked' }],
      ] as const)
        test(
          `${engine}: ${what} to a ${kind}${when} arrives byte for byte`,
          { skip },
          async (t) => {
            const { origin, bodies } = taking();
            const { url, records } = await gateway(t, options, origin, kind, between);
            const got = await ask(url, { method: post, headers, body });
            assert.equal(got.status, 200);
            if (kind === 'forwarder' || !('content-encoding' in headers))
              assert.ok(bodies[0]?.equals(body), `${bodies[0]?.length} of ${body.length}`);
            assert.equal(records[0]?.scan, 'clean');
          },
        );

      for (const [what, body, headers] of [
        ['itself', virus, {}],
        ['gzip', gzipSync(virus), { 'content-encoding': 'gzip' }],
        ['br', brotliCompressSync(virus), { 'content-encoding': 'br' }],
        ['a form', multipart(virus).body, multipart(virus).headers],
      ] as const)
        test(
          `${engine}: a virus in ${what} to a ${kind}${when} does not arrive`,
          {
            skip,
          },
          async (t) => {
            const { origin, bodies, begun } = taking();
            const { url, records } = await gateway(t, options, origin, kind, between);
            const got = await ask(url, { method: post, headers, body });
            assert.equal(got.status, 403);
            assert.match(got.body.toString(), /Test\.Eicar/);
            assert.deepEqual([bodies.length, begun()], [0, 0]);
            assert.equal(records[0]?.scan, 'infected');
            assert.equal(records[0].error, 'ERR_SEKISHO_INFECTED');
          },
        );
    }

for (const kind of kinds) {
  test(
    `a virus behind what has gone on to a ${kind} breaks the request off`,
    { skip },
    async (t) => {
      const { origin, bodies } = taking();
      const { url, records } = await gateway(t, { ...options, hold: '64kb' }, origin, kind);
      // A zip's name, so that clamd looks into all of it.
      const { zipSync } = await import('fflate');
      const body = Buffer.from(zipSync({ a: [noise, { level: 0 }], b: [virus, { level: 0 }] }));
      await assert.rejects(ask(url, { method: post, body }));
      assert.equal(bodies.length, 0);
      await until(() => records[0]?.scan !== undefined, 'it is recorded');
      assert.equal(records[0]?.scan, 'infected');
      const held = await gateway(t, { ...options, trickle: false }, origin, kind);
      assert.equal((await ask(held.url, { method: post, body })).status, 403);
    },
  );

  for (const [what, path, body] of [
    ['a body parser', '/json', '{"a":1}'],
    ['an iterator', '/iterated', 'hello'],
    ['nobody', '/ignored', 'hello'],
  ] as const)
    test(`what a ${kind} has scanned is read by ${what}`, { skip }, async (t) => {
      const { origin } = taking();
      for (const between of [[], [thinking]]) {
        const { url } = await gateway(t, options, origin, kind, between);
        const headers = { 'content-type': 'application/json' };
        const got = await ask(url + path, { method: post, headers, body });
        assert.equal(got.status, 200);
        assert.equal(
          got.body.toString(),
          { '/json': body, '/iterated': '5', '/ignored': 'did not look' }[path],
        );
      }
    });

  test(`requests without a body to a ${kind} ask no engine`, async (t) => {
    const { origin } = taking();
    const nobody = { clamd: { port: 1 }, directions: ['upload'] as const };
    const { url, records } = await gateway(t, nobody, origin, kind);
    assert.equal((await ask(url)).status, 200);
    assert.equal((await ask(url, { method: post })).status, 200);
    assert.equal((await ask(url, { method: post, body: 'x' })).status, 503);
    assert.deepEqual(
      records.map(({ scan }) => scan),
      [undefined, undefined, 'unavailable'],
    );
  });

  test(`a body to a ${kind} larger than maxSize is refused before it is sent`, async (t) => {
    const { origin, begun } = taking();
    const limited: VirusScannerOptions = {
      clamd: { port: 1 },
      directions: 'upload',
      maxSize: 10,
    };
    const { url } = await gateway(t, limited, origin, kind);
    const port = Number(new URL(url).port);
    const { text } = await exchangeRaw(
      port,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n',
    );
    assert.match(text, /^HTTP\/1\.1 413 /m);
    assert.equal(begun(), 0);
  });

  for (const [what, headers, body] of [
    ['broken gzip', { 'content-encoding': 'gzip' }, 'no gzip'],
    ['an unknown coding', { 'content-encoding': 'rot13' }, 'uryyb'],
  ] as const)
    test(`${what} to a ${kind} is refused`, { skip }, async (t) => {
      const { origin, begun } = taking();
      const { url, records } = await gateway(t, options, origin, kind);
      const got = await ask(url, { method: post, headers, body });
      assert.equal(got.status, 403);
      assert.equal(begun(), 0);
      assert.equal(records[0]?.scan, 'unscannable');
    });

  test(
    `a connection to a ${kind} lives on after clean and infected bodies`,
    { skip },
    async (t) => {
      const { origin, bodies } = taking();
      const { url } = await gateway(t, options, origin, kind);
      const request = (body: Buffer): string =>
        `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body.toString('latin1')}`;
      const client = await rawClient(
        Number(new URL(url).port),
        request(Buffer.from('one')) + request(virus) + request(Buffer.from('three')),
      );
      t.after(() => client.socket.destroy());
      const statuses = (): string[] => client.text.match(/HTTP\/1\.1 \d+/g) ?? [];
      await until(() => statuses().length === 3, 'three answers');
      assert.deepEqual(statuses(), ['HTTP/1.1 200', 'HTTP/1.1 403', 'HTTP/1.1 200']);
      // They are scanned at the same time.
      assert.deepEqual(bodies.map(String).sort(), ['one', 'three']);
    },
  );

  test(
    `a client of a ${kind} that leaves in the middle of a body leaves nothing behind`,
    {
      skip,
    },
    async (t) => {
      const { origin, begun } = taking();
      const { url, records, scanner } = await gateway(t, { ...options, hold: 1000 }, origin, kind);
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      await once(socket, 'connect');
      socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n');
      socket.write(noise.subarray(0, 5000));
      await until(() => scanner.engines[0]?.busy === 1, 'it is being scanned');
      socket.destroy();
      await until(() => scanner.engines[0]?.busy === 0, 'the engine is free');
      // For a handler of the app's own nobody here ends the record.
      if (kind === 'forwarder')
        await until(() => records[0]?.outcome !== undefined, 'the record ends');
      assert.ok(begun() <= 1);
    },
  );
}

test('a client that waits for 100 Continue gets it, once', { skip }, async (t) => {
  for (const kind of kinds)
    for (const between of [[], [thinking]]) {
      const { origin, bodies } = taking();
      const gate = await gateway(t, options, origin, kind, between);
      attach(gate.server);
      const socket = connect(Number(new URL(gate.url).port), '127.0.0.1');
      let text = '';
      socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
      socket.write(
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n',
      );
      await until(() => text.includes('100 Continue'), 'it may go on');
      socket.write('hello');
      await once(socket, 'close');
      assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 100', 'HTTP/1.1 200']);
      assert.equal(String(bodies[0]), 'hello');
    }
});

test('what a body parser has read before the scanner cannot be scanned', { skip }, async (t) => {
  const { origin } = taking();
  const { url, records } = await gateway(t, options, origin, 'handler', [express.json()]);
  const headers = { 'content-type': 'application/json' };
  const got = await ask(`${url}/json`, { method: post, headers, body: '{"a":1}' });
  assert.equal(got.status, 403);
  assert.match(records[0]?.scanFinding ?? '', /read it before/);
});

for (const kind of kinds)
  test(
    `a body to a ${kind} that grows beyond maxSize while it comes is refused`,
    { skip },
    async (t) => {
      const { origin, begun } = taking();
      const limited: VirusScannerOptions = { ...options, maxSize: '1mb', trickle: false };
      const { url, records } = await gateway(t, limited, origin, kind);
      const headers = { 'transfer-encoding': 'chunked' };
      const got = await ask(url, { method: post, headers, body: noise });
      assert.equal(got.status, 413);
      assert.equal(begun(), 0);
      assert.equal(records[0]?.scan, 'oversize');
    },
  );

test('both directions at once', { skip }, async (t) => {
  const both: VirusScannerOptions = { ...options, directions: ['download', 'upload'] };
  for (const kind of kinds) {
    const echo: RequestHandler = (req, res) => {
      if (req.path === '/bad') res.send(virus);
      else req.pipe(res);
    };
    const { url } = await gateway(t, both, echo, kind);
    const got = await ask(url, { method: post, body: noise });
    assert.ok(got.body.equals(noise));
    assert.equal((await ask(url, { method: post, body: virus })).status, 403);
    assert.equal((await ask(`${url}/bad`, { method: post, body: 'clean' })).status, 403);
  }
});

test('a slow reader slows the client down', { skip }, async (t) => {
  const limits = { ...options, maxSize: '64mb', hold: '128kb', clamd: { socket: clamd!.socket } };
  const body = randomBytes(24 * 1024 * 1024);
  let reading: (() => void) | undefined;
  const chunks: Buffer[] = [];
  const { url } = await gateway(
    t,
    limits,
    (req, res) => {
      reading = () => {
        req.on('data', (chunk: Buffer) => chunks.push(chunk));
        req.on('end', () => res.send('done'));
      };
    },
    'handler',
  );
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
  socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
  socket.write(body);
  await until(() => reading !== undefined, 'the handler runs');
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(socket.bytesWritten - socket.writableLength < 20 * 1024 * 1024);
  assert.ok(socket.writableLength > 0 || socket.writableNeedDrain);
  reading?.();
  await until(() => text.includes('done'), 'all of it has come');
  assert.ok(Buffer.concat(chunks).equals(body));
  socket.destroy();
});

test(
  'an infected body over HTTP/2, larger than what is held, costs its own stream only',
  { skip },
  async (t) => {
    const completes: boolean[] = [];
    const app = express();
    const scanner = virusScanner(options);
    t.after(() => {
      scanner.close();
    });
    app.use(scanner);
    // Nobody listens for errors here.
    app.post('/', (req, res) => {
      req.resume();
      req.once('close', () => completes.push(req.complete));
      req.once('end', () => void res.send('stored'));
    });
    app.get('/', (_req, res) => void res.send('alive'));
    app.use(errorPages());
    const session = http2Client(t, await serveTls(t, app, { http2: true }));
    const headers = { ':path': '/', ':method': post };
    const bad = await ask2(session, headers, Buffer.concat([virus, Buffer.alloc(noise.length)]));
    assert.notEqual(bad.reset, 0);
    assert.equal(bad.text, '');
    await until(() => completes.length === 1, 'the handler sees it break off');
    assert.deepEqual(completes, [false]);
    assert.equal((await ask2(session, headers, noise)).text, 'stored');
    assert.equal((await ask2(session, '/')).text, 'alive');
  },
);

test('to its reader a body that was broken off is not complete', { skip }, async (t) => {
  const completes: boolean[] = [];
  const { url } = await gateway(
    t,
    options,
    (req, res) => {
      req.on('error', () => undefined).resume();
      req.once('close', () => completes.push(req.complete));
      req.once('end', () => void res.send('stored'));
    },
    'handler',
  );
  const body = Buffer.concat([virus, Buffer.alloc(noise.length)]);
  await assert.rejects(ask(url, { method: post, body }));
  await until(() => completes.length === 1, 'the handler sees it break off');
  assert.deepEqual(completes, [false]);
});
