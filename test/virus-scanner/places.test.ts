import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { RequestHandler } from 'express';
import { listenRaw, until } from '../support/servers.ts';
import { ask, gateway } from './support.ts';

/** A clamd that finds everything clean, unless it hangs. */
async function startEngine(t: Parameters<typeof listenRaw>[0], hangs = false) {
  return listenRaw(t, (socket) => {
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text = (text + bytes.toString('latin1')).slice(-32);
      if (text.startsWith('zVERSION')) socket.end('ClamAV 9\0');
      else if (text.endsWith('\0\0\0\0') && !hangs) socket.end('stream: OK\0');
    });
  });
}

/** Gives a large body in part, and then nothing more. */
const stalling: RequestHandler = (req, res) => {
  if (req.path !== '/slow') res.send('quick');
  else res.write(Buffer.alloc(300_000, 'x'));
};

for (const onUnavailable of ['block', 'allow'] as const)
  for (const queue of [1, 0])
    test(`a body that stalls loses its place to one that waits (queue ${queue}, onUnavailable '${onUnavailable}')`, async (t) => {
      const { port } = await startEngine(t);
      const { url, records, scanner } = await gateway(
        t,
        {
          ...{ clamd: { port }, hold: '64kb', onUnavailable, timeouts: { idle: 500 } },
          connections: { perEngine: 1, queue },
        },
        stalling,
      );
      const slow = ask(`${url}/slow`);
      await until(() => scanner.engines[0]?.busy === 1, 'it has the place');
      if (queue === 0) await new Promise((resolve) => setTimeout(resolve, 1500));
      assert.equal((await ask(`${url}/quick`)).status, 200);
      // Whatever the options say: how fast it comes is up to who sends it.
      assert.equal((await slow).whole, false);
      assert.equal(records[1]?.scan, 'clean');
      assert.match(records[0]?.scanFinding ?? '', /came too slowly/);
      assert.equal(records[0]?.error, 'ERR_SEKISHO_SCAN_UNAVAILABLE');
    });

test('a body that stalls keeps its place while nobody else wants it', async (t) => {
  const { port } = await startEngine(t);
  let goOn = (): void => undefined;
  const options = { clamd: { port }, hold: '64kb', timeouts: { idle: 400 } };
  const { url } = await gateway(t, options, (_req, res) => {
    res.write(Buffer.alloc(300_000, 'x'));
    goOn = () => void res.end('end');
  });
  const asked = ask(url);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  goOn();
  assert.equal((await asked).whole, true);
});

test('a client that does not read loses its place to one that waits', async (t) => {
  const { port } = await startEngine(t);
  const { url, scanner } = await gateway(
    t,
    {
      ...{ clamd: { port }, hold: '64kb', timeouts: { idle: 500 } },
      connections: { perEngine: 1 },
    },
    (req, res) => {
      res.send(req.path === '/large' ? Buffer.alloc(20 * 1024 * 1024, 'x') : 'quick');
    },
  );
  const client = connect(Number(new URL(url).port), '127.0.0.1');
  client.on('error', () => undefined);
  client.write('GET /large HTTP/1.1\r\nHost: a.example\r\n\r\n');
  await until(() => scanner.engines[0]?.busy === 1, 'it has the place');
  assert.equal((await ask(`${url}/quick`)).status, 200);
  client.resume();
  await once(client, 'close');
});

test('bodies that are there never wait because others come slowly, or are read slowly', async (t) => {
  const { port } = await startEngine(t);
  const goOn: (() => void)[] = [];
  const { url, scanner } = await gateway(
    t,
    { clamd: { port }, hold: '64kb', connections: { perEngine: 4 } },
    (req, res) => {
      if (req.path !== '/slow') res.send(req.path);
      else {
        res.write(Buffer.alloc(300_000, 'x'));
        goOn.push(() => void res.end('end'));
      }
    },
  );
  const slow = Array.from({ length: 4 }, () => ask(`${url}/slow`));
  await until(() => scanner.engines[0]?.busy === 3 && goOn.length === 4, 'three have places');
  for (let round = 0; round < 5; round += 1)
    assert.equal((await ask(`${url}/quick/${round}`)).body.toString(), `/quick/${round}`);
  assert.equal(scanner.engines[0]?.busy, 3);
  // The fourth gets its place as soon as another one has come.
  for (const end of goOn) end();
  for (const answer of await Promise.all(slow)) assert.equal(answer.whole, true);
});

test('a client that goes while the engine hangs leaves its place at once', async (t) => {
  const { port } = await startEngine(t, true);
  const { url, scanner } = await gateway(
    t,
    { clamd: { port }, directions: 'upload', connections: { perEngine: 1 } },
    (req, res) => void req.resume().on('end', () => res.send('got it')),
  );
  const client = connect(Number(new URL(url).port), '127.0.0.1');
  client.on('error', () => undefined);
  client.write('POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\ntext');
  await until(() => scanner.engines[0]?.busy === 1, 'it has the place');
  client.resetAndDestroy();
  await until(() => scanner.engines[0]?.busy === 0, 'it has left');
});

test('a client that resets its connection leaves its place, also when an engine takes nothing more', async (t) => {
  const { port } = await listenRaw(t, (socket) => void socket.pause());
  const { url, scanner } = await gateway(
    t,
    { clamd: { port }, directions: 'upload', hold: '64kb', timeouts: { idle: '10 minutes' } },
    (req, res) => void req.resume().on('end', () => res.send('got it')),
  );
  const client = connect(Number(new URL(url).port), '127.0.0.1');
  client.on('error', () => undefined);
  client.write('POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 25000000\r\n\r\n');
  for (let count = 0; count < 250; count += 1) client.write(Buffer.alloc(100_000, 'x'));
  await until(() => scanner.engines[0]?.busy === 1, 'it has the place');
  let left = 0;
  let same = 0;
  await until(() => {
    same = left === client.writableLength ? same + 1 : 0;
    left = client.writableLength;
    return same === 20;
  }, 'nobody reads on');
  client.resetAndDestroy();
  await until(() => scanner.engines[0]?.busy === 0, 'it has left');
});

test('no more scans at once than an ICAP service has places (Max-Connections)', async (t) => {
  let open = 0;
  let most = 0;
  const { port } = await listenRaw(t, (socket) => {
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (text.startsWith('OPTIONS'))
        socket.write(
          'ICAP/1.0 200 OK\r\nMethods: RESPMOD\r\nISTag: "1"\r\nMax-Connections: 2\r\n\r\n',
        );
      else if (text.endsWith('\r\n0\r\n\r\n')) {
        text = '';
        most = Math.max(most, (open += 1));
        setTimeout(() => {
          open -= 1;
          socket.write('ICAP/1.0 204 No\r\n\r\n');
        }, 10);
      }
    });
  });
  const icap = `icap://127.0.0.1:${port}/scan`;
  const { url } = await gateway(t, { icap }, (req, res) => void res.send(req.path));
  for (const round of [1, 2]) {
    const paths = Array.from({ length: 12 }, (_, number) => `/${round}/${number}`);
    const answers = await Promise.all(paths.map((path) => ask(url + path)));
    assert.ok(answers.every(({ status }) => status === 200));
  }
  assert.equal(most, 2);
});

for (const [ttl, times] of [
  ['', 1],
  ['Options-TTL: 3600\r\n', 1],
  ['Options-TTL: 0\r\n', 4],
] as const)
  test(`what an ICAP service says of itself holds as long as it says (${JSON.stringify(ttl)})`, async (t) => {
    let asked = 0;
    const { port } = await listenRaw(t, (socket) => {
      let text = '';
      socket.on('data', (bytes: Buffer) => {
        text += bytes.toString('latin1');
        if (text.startsWith('OPTIONS')) {
          asked += 1;
          socket.write(`ICAP/1.0 200 OK\r\nMethods: RESPMOD\r\nISTag: "1"\r\n${ttl}\r\n`);
        } else if (text.endsWith('\r\n0\r\n\r\n')) {
          text = '';
          socket.write('ICAP/1.0 204 No\r\n\r\n');
        }
      });
    });
    const icap = `icap://127.0.0.1:${port}/scan`;
    const { url } = await gateway(t, { icap }, (req, res) => void res.send(req.path));
    for (let round = 0; round < 4; round += 1)
      assert.equal((await ask(`${url}/${round}`)).status, 200);
    assert.ok(times === 1 ? asked === 1 : asked >= times, `asked ${asked} times`);
  });
