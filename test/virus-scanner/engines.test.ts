import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:tls';
import { after, test } from 'node:test';
import type { RequestHandler } from 'express';
import type { VirusScannerOptions } from '../../lib/virus-scanner/index.ts';
import { eicar, freePort, noClamd, startClamd, type Clamd } from '../support/clamd.ts';
import { noCIcap, startCIcap } from '../support/icap.ts';
import { listenRaw, until } from '../support/servers.ts';
import { localAuthority } from '../support/tls.ts';
import { ask, gateway } from './support.ts';

const skip = noClamd;
const steady = noClamd === false ? await startClamd({ after }) : undefined;
const virus = Buffer.from(eicar, 'latin1');
const noise = randomBytes(3 * 1024 * 1024);
/** Short, where an engine says nothing or nonsense. */
const timeouts = { connect: 500, idle: 500, verdict: 500 };
/** Where it has to answer, though the machine be busy. */
const patient = { connect: 20_000, idle: 20_000, verdict: 20_000 };

const answering: RequestHandler = (req, res) => {
  res.send(req.path === '/bad' ? virus : req.path === '/big' ? noise : `hello ${req.path}`);
};

function at({ socket }: Clamd): { socket: string } {
  return { socket };
}

for (const [what, onUnavailable, status] of [
  ['blocks', 'block', 503],
  ['passes', 'allow', 200],
] as const)
  test(`an engine that is down, onUnavailable: '${onUnavailable}', ${what} what comes`, async (t) => {
    const options: VirusScannerOptions = { clamd: { port: await freePort() }, onUnavailable };
    const { url, records } = await gateway(t, options, answering);
    for (const path of ['/big', '/', '/bad', '/big']) {
      const got = await ask(url + path);
      assert.equal(got.status, status);
      assert.equal(got.headers['retry-after'], status === 503 ? '10' : undefined);
      assert.equal(records.at(-1)?.scan, 'unavailable');
      assert.match(records.at(-1)?.scanFinding ?? '', /ECONNREFUSED/);
    }
  });

test('an engine that comes back is asked again', { skip }, async (t) => {
  const clamd = await startClamd(t);
  const { url } = await gateway(t, { clamd: at(clamd), timeouts: patient }, answering);
  assert.equal((await ask(`${url}/1`)).status, 200);
  await clamd.stop();
  assert.equal((await ask(`${url}/2`)).status, 503);
  assert.equal((await ask(`${url}/3`)).status, 503);
  await clamd.start();
  await until(async () => (await ask(`${url}/4`)).status === 200, 'it is asked again');
  assert.equal((await ask(`${url}/bad`)).status, 403);
});

test('an engine that hangs costs its time limits once, then nothing', { skip }, async (t) => {
  const clamd = await startClamd(t);
  const { url, records } = await gateway(t, { clamd: at(clamd), timeouts }, answering);
  clamd.pause();
  t.after(() => clamd.resume());
  assert.equal((await ask(`${url}/1`)).status, 503);
  assert.match(records[0]?.scanFinding ?? '', /no verdict within 500 ms/);
  // Now it is asked whether it is there, which it does not answer either; after that nobody waits.
  await until(async () => {
    const before = performance.now();
    const { status } = await ask(`${url}/2`);
    assert.equal(status, 503);
    return performance.now() - before < 300;
  }, 'it is known to be down');
  clamd.resume();
  await until(async () => (await ask(`${url}/3`)).status === 200, 'it is asked again');
});

for (const end of ['killed', 'stopped'] as const)
  test(
    `an engine that is ${end} in the middle of a large body ends the connection`,
    {
      skip,
    },
    async (t) => {
      const clamd = await startClamd(t);
      const first = randomBytes(2 * 1024 * 1024);
      let goOn = (): void => undefined;
      const limits = { connect: 3000, idle: 3000, verdict: 3000 };
      const options = { clamd: at(clamd), timeouts: limits };
      const { url, records } = await gateway(t, options, (_req, res) => {
        res.write(first);
        goOn = () => res.end(noise);
      });
      const sent = ask(url);
      await until(() => records[0]?.firstByte !== undefined || records.length > 0, 'it has begun');
      await new Promise((resolve) => setTimeout(resolve, 200));
      if (end === 'killed') await clamd.stop();
      else clamd.pause();
      t.after(() => clamd.resume());
      goOn();
      const got = await sent;
      assert.equal(got.whole, false);
      assert.ok(got.body.length < first.length + noise.length);
      await until(() => records[0]?.scan !== undefined, 'it is recorded');
      assert.equal(records[0]?.scan, 'unavailable');
      assert.equal(records[0].error, 'ERR_SEKISHO_SCAN_UNAVAILABLE');
    },
  );

test(
  'a small body in the hands of an engine that is killed goes to another one',
  {
    skip,
  },
  async (t) => {
    const dying = await startClamd(t);
    dying.pause();
    const options = { clamd: [at(dying), at(steady!)], timeouts: patient };
    const { url, records } = await gateway(t, options, answering);
    const asked = ask(`${url}/bad`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await dying.stop();
    assert.equal((await asked).status, 403);
    assert.equal(records[0]?.scan, 'infected');
    // And from now on at once.
    assert.equal((await ask(`${url}/1`)).status, 200);
  },
);

test('a large body whose engine is not there goes to another one', { skip }, async (t) => {
  const options = { clamd: [{ port: await freePort() }, at(steady!)], timeouts: patient };
  for (const path of ['/big', '/bad']) {
    const { url, records } = await gateway(t, options, answering);
    const got = await ask(url + path);
    if (path === '/big') assert.ok(got.body.equals(noise));
    assert.equal(records[0]?.scan, path === '/big' ? 'clean' : 'infected');
  }
});

test('several engines share the work', { skip }, async (t) => {
  const seen = [0, 0];
  const engines = await Promise.all(
    [0, 1].map((number) =>
      listenRaw(t, (socket) => {
        let text = '';
        socket.on('data', (bytes: Buffer) => {
          text += bytes.toString('latin1');
          if (text.startsWith('zVERSION')) socket.write('ClamAV 9\0');
          if (!text.startsWith('zINSTREAM') || !text.endsWith('\0\0\0\0')) return;
          seen[number]! += 1;
          // None is free again before all have come.
          void until(() => (seen[0] ?? 0) + (seen[1] ?? 0) === 12, 'all twelve').then(() =>
            socket.write('stream: OK\0'),
          );
        });
      }),
    ),
  );
  const { url } = await gateway(t, { clamd: engines.map(({ port }) => ({ port })) }, answering);
  await Promise.all(Array.from({ length: 12 }, (_, number) => ask(`${url}/${number}`)));
  assert.equal(seen[0]! + seen[1]!, 12);
  assert.ok(seen[0]! >= 4 && seen[1]! >= 4, seen.join());
});

test('no more scans at once than connections.perEngine, and no more waiting than queue', async (t) => {
  let open = 0;
  let most = 0;
  const release: (() => void)[] = [];
  const { port } = await listenRaw(t, (socket) => {
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (text.startsWith('zVERSION')) socket.write('ClamAV 9\0');
      if (!text.startsWith('zINSTREAM') || !text.endsWith('\0\0\0\0')) return;
      most = Math.max(most, (open += 1));
      release.push(() => {
        open -= 1;
        socket.write('stream: OK\0');
      });
    });
  });
  const options = { clamd: { port }, connections: { perEngine: 2, queue: 3, queueTimeout: '10s' } };
  const { url } = await gateway(t, options, answering);
  const asked = Array.from({ length: 8 }, (_, number) => ask(`${url}/${number}`));
  await until(() => release.length === 2, 'two are scanned');
  const early = await Promise.race(asked);
  assert.equal(early.status, 503);
  const timer = setInterval(() => release.shift()?.(), 5);
  t.after(() => clearInterval(timer));
  const statuses = (await Promise.all(asked)).map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, 200, 200, 200, 200, 503, 503, 503]);
  assert.equal(most, 2);
});

test('who waits for an engine does not wait for ever', async (t) => {
  const { port } = await listenRaw(t, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      if (bytes.toString().startsWith('zVERSION')) socket.write('ClamAV 9\0');
    });
  });
  const options = { clamd: { port }, connections: { perEngine: 1, queueTimeout: 100 } };
  const { url, records, scanner } = await gateway(t, options, answering);
  const first = ask(`${url}/1`).catch(() => undefined);
  await until(() => scanner.engines[0]?.busy === 1, 'it has the place');
  assert.equal((await ask(`${url}/2`)).status, 503);
  assert.match(records[1]?.scanFinding ?? '', /no place within 100 ms/);
  void first;
});

const nonsense = [
  'stream: OK',
  'OK\0',
  'stream: clean\0',
  'stream: OK FOUND OK\0',
  'stream: ERROR\0',
  "Can't allocate memory ERROR\0",
  'HTTP/1.1 200 OK\r\n\r\n\0',
  '\0',
  'x'.repeat(10_000),
  'ICAP/1.0 204 No Content\r\n\r\n',
];
for (const reply of nonsense)
  test(`clamd that says ${JSON.stringify(reply.slice(0, 40))} has given no verdict`, async (t) => {
    const { port } = await listenRaw(t, (socket) => {
      socket.on('data', (bytes: Buffer) => {
        if (bytes.toString('latin1').endsWith('\0\0\0\0')) socket.end(reply);
      });
    });
    const { url, records } = await gateway(t, { clamd: { port }, timeouts }, answering);
    assert.equal((await ask(url)).status, 503);
    assert.equal(records[0]?.scan, 'unavailable');
  });

test('clamd that says OK before it has everything has given no verdict', async (t) => {
  const { port } = await listenRaw(t, (socket) => {
    socket.write('stream: OK\0');
  });
  const options = { clamd: { port }, timeouts, hold: '64kb' };
  const { url, records } = await gateway(t, options, answering);
  const got = await ask(`${url}/big`);
  assert.ok(got.status === 503 || !got.whole);
  assert.equal(records[0]?.scan, 'unavailable');
});

const icapHead = 'ICAP/1.0 200 OK\r\nMethods: RESPMOD\r\nISTag: "1"\r\nAllow: 204\r\n';
for (const [what, options, reply, status] of [
  [
    'nothing but 204',
    `${icapHead}Encapsulated: null-body=0\r\n\r\n`,
    'ICAP/1.0 204 No\r\n\r\n',
    200,
  ],
  ['no RESPMOD', 'ICAP/1.0 200 OK\r\nMethods: LOGIN\r\n\r\n', 'ICAP/1.0 204 No\r\n\r\n', 503],
  ['404', 'ICAP/1.0 404 Not Found\r\n\r\n', '', 503],
  ['HTTP', 'HTTP/1.1 200 OK\r\nMethods: RESPMOD\r\n\r\n', '', 503],
  ['garbage', '\0\xff\0', '', 503],
  ['500 to the scan', `${icapHead}\r\n`, 'ICAP/1.0 500 Oops\r\n\r\n', 503],
  ['200 without a body', `${icapHead}\r\n`, 'ICAP/1.0 200 OK\r\n\r\n', 503],
  ['100 to nobody', `${icapHead}\r\n`, 'ICAP/1.0 100 Continue\r\n\r\n', 503],
  ['206', `${icapHead}\r\n`, 'ICAP/1.0 206 Partial\r\n\r\n', 503],
  [
    'a threat',
    `${icapHead}\r\n`,
    'ICAP/1.0 200 OK\r\nX-Infection-Found: Type=0; Threat=A&<b>;\r\n\r\n',
    403,
  ],
  [
    'a folded threat',
    `${icapHead}\r\n`,
    'ICAP/1.0 200 OK\r\nX-Violations-Found: 1\r\n\tfile\r\n\tEvil\r\n\r\n',
    403,
  ],
  [
    'a block page',
    `${icapHead}\r\n`,
    'ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, res-body=27\r\n\r\nHTTP/1.1 403 Forbidden\r\n\r\n\r\n2\r\nno\r\n0\r\n\r\n',
    403,
  ],
  [
    'a page of its own failure',
    `${icapHead}\r\n`,
    'ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, res-body=27\r\n\r\nHTTP/1.1 500 Forbidden\r\n\r\n\r\n2\r\nno\r\n0\r\n\r\n',
    503,
  ],
  [
    'the same body',
    `${icapHead}\r\n`,
    'ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, res-body=19\r\n\r\nHTTP/1.1 200 OK\r\n\r\n7\r\nhello /\r\n0\r\n\r\n',
    200,
  ],
  [
    'another body',
    `${icapHead}\r\n`,
    'ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, res-body=19\r\n\r\nHTTP/1.1 200 OK\r\n\r\n7\r\nhullo /\r\n0\r\n\r\n',
    503,
  ],
] as const)
  test(`an ICAP server that says ${what}: ${status}`, async (t) => {
    const { port } = await listenRaw(t, (socket) => {
      let text = '';
      socket.on('data', (bytes: Buffer) => {
        text += bytes.toString('latin1');
        if (text.startsWith('OPTIONS')) socket.write(Buffer.from(options, 'latin1'));
        else if (text.endsWith('\r\n0\r\n\r\n')) socket.write(Buffer.from(reply, 'latin1'));
      });
    });
    const icap = `icap://127.0.0.1:${port}/scan`;
    const limits = status === 503 ? timeouts : patient;
    const { url, records } = await gateway(t, { icap, timeouts: limits }, answering);
    const got = await ask(url, { headers: { accept: 'text/html' } });
    assert.equal(got.status, status);
    assert.equal(records[0]?.scan, { 200: 'clean', 403: 'infected', 503: 'unavailable' }[status]);
    if (what === 'a threat') assert.match(got.body.toString(), /found A&amp;&lt;b&gt; in it/);
  });

test('an ICAP server gets a preview of what it wants, and the rest when it says so', async (t) => {
  const requests: string[] = [];
  const { port } = await listenRaw(t, (socket) => {
    let text = '';
    let continued = false;
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (text.startsWith('OPTIONS')) {
        socket.write(`${icapHead}Preview: 4\r\nEncapsulated: null-body=0\r\n\r\n`);
        text = '';
      } else if (
        text.endsWith('0; ieof\r\n\r\n') ||
        (continued && text.endsWith('\r\n0\r\n\r\n'))
      ) {
        requests.push(text);
        text = '';
        continued = false;
        socket.write('ICAP/1.0 204 No Content\r\n\r\n');
      } else if (text.endsWith('\r\n0\r\n\r\n')) {
        continued = true;
        socket.write('ICAP/1.0 100 Continue\r\n\r\n');
      }
    });
  });
  const icap = `icap://127.0.0.1:${port}/scan`;
  const { url } = await gateway(t, { icap, timeouts: patient }, (req, res) => {
    res.type('text').send(req.path.slice(1));
  });
  for (const body of ['abc', 'abcd', 'abcde']) {
    const got = await ask(`${url}/${body}?q`, {
      headers: { authorization: 'Basic c2VjcmV0', cookie: 'a=b', 'x-own': 'yes' },
    });
    assert.equal(got.body.toString(), body);
  }
  const [short = '', exact = '', long = ''] = requests;
  assert.match(short, /^RESPMOD icap:\/\/127\.0\.0\.1:\d+\/scan ICAP\/1\.0\r\n/);
  assert.match(short, /\r\nAllow: 204\r\nPreview: 3\r\n/);
  assert.match(short, /\r\nGET http:\/\/127\.0\.0\.1:\d+\/abc\?q HTTP\/1\.1\r\n/);
  assert.match(short, /\r\nX-Client-IP: (?:::ffff:)?127\.0\.0\.1\r\n/);
  assert.match(short, /\r\nx-own: yes\r\n/i);
  assert.doesNotMatch(short, /authorization|cookie/i);
  assert.match(short, /\r\n\r\n3\r\nabc\r\n0; ieof\r\n\r\n$/);
  assert.match(exact, /\r\n\r\n4\r\nabcd\r\n0; ieof\r\n\r\n$/);
  assert.match(long, /\r\n\r\n4\r\nabcd\r\n0\r\n\r\n1\r\ne\r\n0\r\n\r\n$/);
  const [, requestAt = '', bodyAt = ''] =
    /Encapsulated: req-hdr=0, res-hdr=(\d+), res-body=(\d+)\r\n/.exec(long) ?? [];
  const inside = long.slice(long.indexOf('\r\n\r\n') + 4);
  assert.ok(inside.slice(Number(requestAt)).startsWith('HTTP/1.1 200 OK\r\n'));
  assert.ok(inside.slice(Number(bodyAt)).startsWith('4\r\nabcd'));
});

test('connections to an ICAP server are kept, and one that has gone stale costs nothing', async (t) => {
  let connections = 0;
  let sockets: Socket[] = [];
  const { port } = await listenRaw(t, (socket) => {
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (text.startsWith('OPTIONS')) socket.write(`${icapHead}\r\n`);
      else if (text.endsWith('\r\n0\r\n\r\n')) {
        if (!sockets.includes(socket)) {
          connections += 1;
          sockets.push(socket);
        }
        text = '';
        socket.write('ICAP/1.0 204 No Content\r\n\r\n');
      }
    });
  });
  const icap = `icap://127.0.0.1:${port}/scan`;
  const { url } = await gateway(t, { icap, timeouts: patient }, answering);
  for (let round = 0; round < 5; round += 1)
    assert.equal((await ask(`${url}/${round}`)).status, 200);
  assert.equal(connections, 1);
  for (const socket of sockets) socket.resetAndDestroy();
  sockets = [];
  for (let round = 5; round < 8; round += 1)
    assert.equal((await ask(`${url}/${round}`)).status, 200);
  assert.equal(connections, 2);
});

test('an icaps: server whose certificate nobody knows is unavailable', async (t) => {
  const { local } = await localAuthority();
  const server = createServer({ ...local }, (socket) => socket.on('error', () => undefined));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const icap = `icaps://127.0.0.1:${port}/scan`;
  const { url, records } = await gateway(t, { icap, timeouts: patient }, answering);
  assert.equal((await ask(url)).status, 503);
  assert.match(records[0]?.scanFinding ?? '', /certificate/);
});

test('clamd and c-icap stand in for each other', { skip: noCIcap }, async (t) => {
  const own = await startClamd(t);
  const icap = await startCIcap(t, steady!);
  const options = { clamd: at(own), icap: icap.url, timeouts: patient };
  const { url } = await gateway(t, options, answering);
  await own.stop();
  for (let round = 0; round < 3; round += 1) {
    assert.equal((await ask(`${url}/a${round}`)).status, 200);
    assert.equal((await ask(`${url}/bad`)).status, 403);
  }
  await own.start();
  await icap.stop();
  await until(async () => (await ask(`${url}/b`)).status === 200, 'clamd is asked again');
  assert.equal((await ask(`${url}/bad`)).status, 403);
});

test('close() ends what waits, and nothing is scanned any more', async (t) => {
  const { port } = await listenRaw(t, () => undefined);
  const options = { clamd: { port }, connections: { perEngine: 1 } };
  const { url, scanner } = await gateway(t, options, answering);
  assert.deepEqual(scanner.engines, [
    { name: `clamd 127.0.0.1:${port}`, state: 'up', version: undefined, busy: 0 },
  ]);
  const first = ask(`${url}/1`).catch(() => undefined);
  await until(() => scanner.engines[0]?.busy === 1, 'it is busy');
  const second = ask(`${url}/2`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  scanner.close();
  assert.equal((await second).status, 503);
  assert.equal((await ask(`${url}/3`)).status, 503);
  void first;
});

test('an engine that scans and does not tell its version is not down', async (t) => {
  const { port } = await listenRaw(t, (socket) => {
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (text.endsWith('\0\0\0\0')) socket.write('stream: OK\0');
    });
  });
  const options = { clamd: { port }, timeouts: { connect: 1000 } };
  const { url, scanner } = await gateway(t, options, answering);
  assert.equal((await ask(`${url}/1`)).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.equal(scanner.engines[0]?.state, 'up');
  assert.equal((await ask(`${url}/2`)).status, 200);
});

test('an ICAP server that talks before it is asked has given no verdict', async (t) => {
  let connections = 0;
  const { port } = await listenRaw(t, (socket) => {
    connections += 1;
    socket.once('data', () => socket.write(`${icapHead}Preview: 4000\r\n\r\n`));
    if (connections > 1) socket.write('ICAP/1.0 204 No Content\r\n\r\n');
  });
  const icap = `icap://127.0.0.1:${port}/scan`;
  const { url, records } = await gateway(t, { icap, timeouts: patient, hold: 1000 }, (req, res) => {
    // Enough for an engine to be sought, and not for the preview.
    res.write('x'.repeat(2000));
    req.once('close', () => res.end());
  });
  const got = await ask(url);
  assert.equal(got.status, 503);
  assert.equal(records[0]?.scan, 'unavailable');
  assert.match(records[0].scanFinding ?? '', /before it was asked/);
  assert.ok(connections < 6, `${connections} connections`);
});
