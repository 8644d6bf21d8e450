import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createHash, randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { zipSync } from 'fflate';
import { cache } from '../../lib/cache/index.ts';
import { useClock } from '../../lib/core/clock.ts';
import type { Events } from '../../lib/core/events.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { virusScanner, type VirusScannerOptions } from '../../lib/virus-scanner/index.ts';
import { eicar, eicarName, noClamd, startClamd } from '../support/clamd.ts';
import { noCIcap, startCIcap } from '../support/icap.ts';
import { listen, listenRaw, until } from '../support/servers.ts';
import { ask, gateway, type Kind } from './support.ts';

const clamd = noClamd === false ? await startClamd({ after }) : undefined;
const icap =
  clamd !== undefined && noCIcap === false ? await startCIcap({ after }, clamd) : undefined;

interface Engine {
  readonly name: string;
  readonly skip: string | false;
  readonly options: VirusScannerOptions;
}

const engines: readonly Engine[] = [
  { name: 'clamd', skip: noClamd, options: { clamd: { socket: clamd?.socket ?? '/none' } } },
  { name: 'clamd over TCP', skip: noClamd, options: { clamd: { port: clamd?.port ?? 1 } } },
  { name: 'c-icap', skip: noCIcap, options: { icap: icap?.url ?? 'icap://127.0.0.1/none' } },
];
const [unixClamd] = engines as readonly [Engine];
const kinds: readonly Kind[] = ['forwarder', 'handler'];

const virus = Buffer.from(eicar, 'latin1');
/** Nothing that could be compressed. */
const megabytes = (count: number): Buffer => randomBytes(count * 1024 * 1024);
const noise = megabytes(3);
const zip = (content: Buffer): Buffer =>
  Buffer.from(zipSync({ 'readme.txt': [Buffer.from('hello'), {}], 'file.com': [content, {}] }));

/** Behind so much that it comes only after the first bytes have gone on. */
const infectedTail = zipOf(noise, virus);

function zipOf(first: Buffer, second: Buffer): Buffer {
  return Buffer.from(zipSync({ a: [first, { level: 0 }], b: [second, { level: 0 }] }));
}

interface Body {
  readonly name: string;
  readonly bytes: Buffer;
  readonly coding?: string;
}

const clean: readonly Body[] = [
  { name: 'a short text', bytes: Buffer.from('hello') },
  { name: 'one byte', bytes: Buffer.from('x') },
  { name: 'a text in gzip', bytes: gzipSync('hello'), coding: 'gzip' },
  { name: 'a text in br', bytes: brotliCompressSync('hello'), coding: 'br' },
  { name: 'a text in zstd', bytes: zstdCompressSync('hello'), coding: 'zstd' },
  { name: 'a zip', bytes: zip(Buffer.from('harmless')) },
  { name: 'as much as is held', bytes: noise.subarray(0, 1024 * 1024) },
  { name: 'a byte more than is held', bytes: noise.subarray(0, 1024 * 1024 + 1) },
  { name: '3 MiB', bytes: noise },
  { name: '3 MiB in gzip', bytes: gzipSync(noise, { level: 1 }), coding: 'gzip' },
];
const infected: readonly Body[] = [
  { name: 'itself', bytes: virus },
  { name: 'a zip', bytes: zip(virus) },
  { name: 'gzip', bytes: gzipSync(virus), coding: 'gzip' },
  { name: 'deflate', bytes: deflateSync(virus), coding: 'deflate' },
  { name: 'br', bytes: brotliCompressSync(virus), coding: 'br' },
  { name: 'zstd', bytes: zstdCompressSync(virus), coding: 'zstd' },
  { name: 'a zip in br', bytes: brotliCompressSync(zip(virus)), coding: 'br' },
  { name: 'gzip, br', bytes: brotliCompressSync(gzipSync(virus)), coding: 'gzip, br' },
  { name: 'a gzip file', bytes: gzipSync(virus) },
];

function giving({ bytes, coding }: Body): RequestHandler {
  return (_req, res) => {
    res.type('application/octet-stream').set('ETag', '"1"');
    if (coding !== undefined) res.set('Content-Encoding', coding);
    res.set('Content-Length', String(bytes.length)).end(bytes);
  };
}

function inPieces({ bytes, coding }: Body, size: number): RequestHandler {
  return (_req, res) => {
    if (coding !== undefined) res.set('Content-Encoding', coding);
    let at = 0;
    const more = (): void => {
      if (res.destroyed) return;
      res.write(bytes.subarray(at, (at += size)));
      if (at >= bytes.length) res.end();
      else setImmediate(more);
    };
    more();
  };
}

for (const { name: engine, skip, options } of engines)
  for (const kind of kinds) {
    for (const body of clean)
      test(`${engine}: ${body.name} from a ${kind} comes byte for byte`, { skip }, async (t) => {
        const { url, records } = await gateway(t, options, giving(body), kind);
        const got = await ask(url);
        assert.equal(got.status, 200);
        assert.ok(got.whole && got.body.equals(body.bytes));
        assert.equal(got.headers['content-length'], String(body.bytes.length));
        assert.equal(got.headers['content-encoding'], body.coding);
        assert.equal(records[0]?.scan, 'clean');
      });

    for (const body of infected)
      test(`${engine}: a virus in ${body.name} from a ${kind} is refused`, { skip }, async (t) => {
        const { url, records } = await gateway(t, options, giving(body), kind);
        const got = await ask(url, { headers: { accept: 'text/html' } });
        assert.equal(got.status, 403);
        assert.match(got.body.toString(), new RegExp(`${eicarName} in it`));
        assert.equal(got.headers['cache-control'], 'no-store');
        assert.match(String(got.headers['content-type']), /^text\/html/);
        assert.equal(got.headers.etag, undefined);
        const [record] = records;
        assert.equal(record?.scan, 'infected');
        assert.equal(record.scanFinding, eicarName);
        assert.equal(record.error, 'ERR_SEKISHO_INFECTED');
        assert.match(record.scanEngine ?? '', /clam|c-icap/i);
      });

    test(
      `${engine}: a virus behind what has gone on from a ${kind} ends the connection`,
      {
        skip,
      },
      async (t) => {
        for (const origin of [
          giving({ name: '', bytes: infectedTail }),
          inPieces({ name: '', bytes: infectedTail }, 100_000),
        ]) {
          const { url, records } = await gateway(t, options, origin, kind);
          const got = await ask(url);
          assert.equal(got.status, 200);
          assert.equal(got.whole, false);
          assert.ok(got.body.length > 0 && got.body.length <= infectedTail.length - 1024 * 1024);
          await until(() => records[0]?.outcome !== undefined, 'the record ends');
          assert.equal(records[0]?.scan, 'infected');
          assert.equal(records[0].error, 'ERR_SEKISHO_INFECTED');
        }
      },
    );
  }

for (const kind of kinds) {
  test(
    `without trickle a ${kind} gives nothing of what is infected`,
    {
      skip: unixClamd.skip,
    },
    async (t) => {
      const options = { ...unixClamd.options, trickle: false };
      const { url } = await gateway(t, options, giving({ name: '', bytes: infectedTail }), kind);
      const got = await ask(url);
      assert.equal(got.status, 403);
    },
  );

  test(
    `a body of a ${kind} in pieces of one byte comes byte for byte`,
    {
      skip: unixClamd.skip,
    },
    async (t) => {
      const options = { ...unixClamd.options, hold: 1000 };
      const body = noise.subarray(0, 3000);
      const { url } = await gateway(t, options, inPieces({ name: '', bytes: body }, 1), kind);
      const got = await ask(url);
      assert.ok(got.body.equals(body));
    },
  );

  for (const [what, answer] of [
    ['HEAD', (_req: Request, res: Response) => res.set('Content-Length', '5').end()],
    ['204', (_req: Request, res: Response) => res.status(204).end()],
    ['304', (_req: Request, res: Response) => res.status(304).set('ETag', '"1"').end()],
    ['empty', (_req: Request, res: Response) => res.end()],
    [
      'empty in chunks',
      (_req: Request, res: Response) =>
        res.writeHead(200, { 'Transfer-Encoding': 'chunked' }).end(),
    ],
    ['a redirect', (_req: Request, res: Response) => res.status(302).location('/x').end()],
  ] as const)
    test(`${what} of a ${kind} passes without an engine`, async (t) => {
      const options = { clamd: { port: 1 } };
      const { url, records } = await gateway(t, options, (req, res) => void answer(req, res), kind);
      const got = await ask(url, { method: what === 'HEAD' ? 'HEAD' : 'GET' });
      assert.ok(got.status < 400 && got.whole);
      assert.equal(records[0]?.scan, undefined);
    });

  test(`a ${kind} gets no Range, and gives all of it`, { skip: unixClamd.skip }, async (t) => {
    const seen: unknown[] = [];
    const origin = express();
    origin.use((req, _res, next) => {
      seen.push(req.headers.range, req.headers['if-range'], req.range(100));
      next();
    });
    origin.use(express.static(import.meta.dirname));
    const { url } = await gateway(t, unixClamd.options, origin, kind);
    const got = await ask(`${url}/support.ts`, {
      headers: { range: 'bytes=2-5', 'if-range': '"x"' },
    });
    assert.equal(got.status, 200);
    assert.deepEqual(seen, [undefined, undefined, undefined]);
    assert.match(got.body.toString(), /^import/);
  });

  test(`a 206 that a ${kind} gives all the same is refused`, async (t) => {
    const { url, records } = await gateway(
      t,
      { clamd: { port: 1 } },
      (_req, res) => res.status(206).set('Content-Range', 'bytes 0-1/9').send('ab'),
      kind,
    );
    const got = await ask(url);
    assert.equal(got.status, 403);
    assert.equal(records[0]?.error, 'ERR_SEKISHO_UNSCANNABLE');
  });

  for (const [what, coding, bytes, because] of [
    ['broken gzip', 'gzip', Buffer.from('this is no gzip'), /broken content encoding/],
    ['gzip cut short', 'gzip', gzipSync(noise).subarray(0, 5000), /broken content encoding/],
    ['an unknown coding', 'rot13', Buffer.from('uryyb'), /unknown content encoding/],
    ['a bomb', 'gzip', gzipSync(Buffer.alloc(20_000_000)), /decompression bomb/],
    ['a bomb in br', 'br', brotliCompressSync(Buffer.alloc(20_000_000)), /decompression bomb/],
  ] as const) {
    const body = { name: what, bytes, coding };
    test(`${what} from a ${kind} is refused`, { skip: unixClamd.skip }, async (t) => {
      const { url, records } = await gateway(t, unixClamd.options, giving(body), kind);
      const got = await ask(url);
      assert.equal(got.status, 403);
      assert.match(got.body.toString(), because);
      assert.equal(records[0]?.scan, 'unscannable');
    });
    test(
      `${what} from a ${kind} with onUnscannable: 'allow'`,
      { skip: unixClamd.skip },
      async (t) => {
        const options: VirusScannerOptions = { ...unixClamd.options, onUnscannable: 'allow' };
        const { url, records } = await gateway(t, options, giving(body), kind);
        const got = await ask(url);
        assert.equal(records[0]?.scan, 'unscannable');
        if (what.startsWith('a bomb')) assert.equal(got.status, 403);
        else assert.ok(got.status === 200 && got.body.equals(bytes));
      },
    );
  }

  for (const [coding, maxSize, encode] of [
    ['gzip', '500kb', gzipSync],
    ['gzip', '5mb', gzipSync],
    ['br', '5mb', brotliCompressSync],
    ['zstd', '5mb', zstdCompressSync],
  ] as const)
    test(
      `a bomb in ${coding} from a ${kind} beyond a maxSize of ${maxSize} is one whatever is allowed`,
      { skip: unixClamd.skip },
      async (t) => {
        const allowing = {
          ...unixClamd.options,
          maxSize,
          onOversize: 'allow',
          onUnscannable: 'allow',
          onUnavailable: 'allow',
        } as const;
        const bomb = { name: '', bytes: encode(Buffer.alloc(20_000_000)), coding };
        const { url, records } = await gateway(t, allowing, giving(bomb), kind);
        const got = await ask(url);
        assert.ok(!got.body.equals(bomb.bytes) && (got.status === 403 || !got.whole));
        assert.equal(records[0]?.scan, 'unscannable');
      },
    );

  for (const [what, origin] of [
    ['stated', giving({ name: '', bytes: noise })],
    ['not stated', inPieces({ name: '', bytes: noise }, 50_000)],
    [
      'after decoding',
      giving({ name: '', bytes: gzipSync(Buffer.concat([noise, noise])), coding: 'gzip' }),
    ],
  ] as const) {
    const limits = { ...unixClamd.options, hold: '64kb' };
    const maxSize = what === 'after decoding' ? '4mb' : '2mb';
    test(
      `a ${kind}'s body beyond maxSize, ${what}, is refused or cut`,
      {
        skip: unixClamd.skip,
      },
      async (t) => {
        const { url, records } = await gateway(t, { ...limits, maxSize }, origin, kind);
        const got = await ask(url);
        assert.ok(got.status === 403 || !got.whole);
        if (what === 'stated') assert.equal(got.status, 403);
        assert.equal(records[0]?.scan, 'oversize');
        assert.equal(records[0].error, 'ERR_SEKISHO_SCAN_OVERSIZE');
      },
    );
    test(
      `a ${kind}'s body beyond maxSize, ${what}, passes with onOversize: 'allow'`,
      {
        skip: unixClamd.skip,
      },
      async (t) => {
        const options: VirusScannerOptions = { ...limits, maxSize, onOversize: 'allow' };
        const { url, records } = await gateway(t, options, origin, kind);
        const got = await ask(url);
        assert.ok(got.status === 200 && got.whole);
        assert.ok(got.body.length >= noise.length);
        assert.equal(records[0]?.scan, 'oversize');
      },
    );
  }

  test(`an event stream of a ${kind} is refused unless it is skipped`, async (t) => {
    const origin: RequestHandler = (req, res) => {
      res.type('text/event-stream').write('data: 1\n\n');
      req.once('close', () => res.end());
    };
    const blocked = await gateway(t, { clamd: { port: 1 } }, origin, kind);
    assert.match((await ask(blocked.url)).body.toString(), /skip\.types/);
    const skipping = { clamd: { port: 1 }, skip: { types: ['text/event-stream'] } };
    const passing = await gateway(t, skipping, origin, kind);
    const answer = await fetch(passing.url);
    const read = await answer.body?.getReader().read();
    assert.equal(Buffer.from(read?.value ?? []).toString(), 'data: 1\n\n');
    assert.equal(passing.records[0]?.scan, 'skipped');
  });
}

test('an encrypted archive goes by its own rule', { skip: unixClamd.skip }, async (t) => {
  const bytes = encryptedZip();
  const { url, records } = await gateway(t, unixClamd.options, giving({ name: '', bytes }));
  const got = await ask(url);
  assert.equal(got.status, 403);
  assert.match(got.body.toString(), /Heuristics\.Encrypted\.Zip/);
  assert.equal(records[0]?.scan, 'unscannable');
  const options: VirusScannerOptions = { ...unixClamd.options, encrypted: 'allow' };
  const allowing = await gateway(t, options, giving({ name: '', bytes }));
  assert.ok((await ask(allowing.url)).body.equals(bytes));
});

/** A stored entry that says of itself that it is encrypted. */
function encryptedZip(): Buffer {
  const bytes = zipOf(Buffer.from('secret secret secret'), Buffer.from('more of it'));
  for (let at = 0; at + 4 < bytes.length; at += 1) {
    const signature = bytes.readUInt32LE(at);
    if (signature === 0x04034b50) bytes.writeUInt16LE(1, at + 6);
    else if (signature === 0x02014b50) bytes.writeUInt16LE(1, at + 8);
  }
  return bytes;
}

test('clamd that was told less than maxSize finds it oversize', { skip: noClamd }, async (t) => {
  const small = await startClamd(t, ['MaxFileSize 1M']);
  const options = { clamd: { socket: small.socket } };
  const { url, records } = await gateway(t, options, giving({ name: '', bytes: noise }));
  const got = await ask(url);
  assert.equal(got.whole, false);
  assert.equal(records[0]?.scan, 'oversize');
});

test('a finding is escaped in the page', { skip: noClamd }, async (t) => {
  const { url } = await gateway(
    t,
    unixClamd.options,
    giving({ name: '', bytes: virus }),
    'handler',
  );
  const html = (await ask(url, { headers: { accept: 'text/html' } })).body.toString();
  assert.ok(html.includes(eicarName));
  const json = await ask(url, { headers: { accept: 'application/json' } });
  assert.equal(json.headers['content-type'], 'application/problem+json');
});

test(
  'without errorPages() Express names the finding, too, and nobody stores it',
  {
    skip: noClamd,
  },
  async (t) => {
    const scanner = virusScanner(unixClamd.options);
    const { url } = await listen(
      t,
      express().use(scanner, (_req, res) => void res.send(virus)),
    );
    const got = await ask(url);
    assert.equal(got.status, 403);
    assert.equal(got.headers['cache-control'], 'no-store');
    assert.match(got.body.toString(), new RegExp(`found ${eicarName} in it`));
  },
);

test('each verdict is an event', { skip: unixClamd.skip }, async (t) => {
  const seen: Events['sekisho:scan'][] = [];
  const listener = (event: unknown): void => void seen.push(event as Events['sekisho:scan']);
  subscribe('sekisho:scan', listener);
  t.after(() => unsubscribe('sekisho:scan', listener));
  const { url } = await gateway(t, unixClamd.options, giving({ name: '', bytes: virus }));
  await ask(`${url}/a?secret=1`);
  const [event] = seen;
  assert.equal(event?.outcome, 'infected');
  assert.equal(event.finding, eicarName);
  assert.equal(event.direction, 'download');
  assert.equal(event.bytes, virus.length);
  assert.equal(event.target, '/a');
  assert.ok(event.took > 0);
});

test(
  'only codings that can be undone are asked for, and nothing in parts',
  {
    skip: unixClamd.skip,
  },
  async (t) => {
    let seen: Request['headers'] = {};
    const { url } = await gateway(t, unixClamd.options, (req, res) => {
      seen = req.headers;
      res.send('ok');
    });
    await ask(url, {
      headers: {
        'accept-encoding': 'gzip, br;q=0.5, dcz, *',
        'available-dictionary': ':abc=:',
        'a-im': 'vcdiff',
      },
    });
    assert.equal(seen['accept-encoding'], 'gzip, br;q=0.5');
    assert.equal(seen['available-dictionary'], undefined);
    assert.equal(seen['a-im'], undefined);
  },
);

test(
  'a slow client slows the origin down, and gets it byte for byte',
  {
    skip: unixClamd.skip,
  },
  async (t) => {
    const big = megabytes(24);
    let sent = 0;
    const { url } = await gateway(t, { ...unixClamd.options, hold: '256kb' }, (_req, res) => {
      const more = (): void => {
        while (sent < big.length && !res.destroyed)
          if (!res.write(big.subarray(sent, (sent += 65_536)))) break;
        if (sent >= big.length) res.end();
        else res.once('drain', more);
      };
      more();
    });
    const answer = await fetch(url);
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    const hash = createHash('sha256');
    let got = 0;
    const first = await reader.read();
    hash.update(first.value!);
    got += first.value!.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    // What the sockets hold on both ways, and 256 KiB here.
    assert.ok(sent < 20 * 1024 * 1024, `${sent} bytes were sent`);
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      hash.update(value);
      got += value.length;
    }
    assert.equal(got, big.length);
    assert.equal(hash.digest('hex'), createHash('sha256').update(big).digest('hex'));
  },
);

test('a client that leaves ends origin and scan', { skip: unixClamd.skip }, async (t) => {
  let closed = false;
  const { url } = await gateway(t, { ...unixClamd.options, hold: '64kb' }, (_req, res) => {
    const timer = setInterval(() => res.write(Buffer.alloc(30_000)), 5);
    res.once('close', () => {
      closed = true;
      clearInterval(timer);
    });
  });
  const leave = new AbortController();
  const answer = await fetch(url, { signal: leave.signal });
  await answer.body!.getReader().read();
  leave.abort();
  await until(() => closed, 'the origin hears of it');
});

test(
  'cache() outside stores what was clean and nothing else',
  { skip: unixClamd.skip },
  async (t) => {
    let asked = 0;
    const origin: RequestHandler = (req, res) => {
      asked += 1;
      res.set('Cache-Control', 'max-age=60');
      if (req.path === '/clean') res.send('clean');
      else if (req.path === '/late') res.send(infectedTail);
      else res.send(virus);
    };
    for (const kind of kinds) {
      asked = 0;
      const store = cache();
      t.after(() => store.close());
      const { url } = await gateway(t, unixClamd.options, origin, kind, [store]);
      for (const [path, status, times] of [
        ['/clean', 200, 1],
        ['/infected', 403, 2],
        ['/late', 200, 2],
      ] as const) {
        asked = 0;
        for (let round = 0; round < 2; round += 1) {
          const got = await ask(url + path);
          assert.equal(got.status, status);
          assert.equal(got.whole, path !== '/late');
        }
        assert.equal(asked, times, `${kind} ${path}`);
      }
      assert.deepEqual((await store.index()).length, 1);
    }
  },
);

test('cache() outside with the version in its key asks again when the signatures are others', async (t) => {
  let version = 'ClamAV 1/100';
  let scans = 0;
  const { port } = await listenRaw(t, (socket) => {
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (text.startsWith('zVERSION')) socket.end(`${version}\0`);
      else if (text.endsWith('\0\0\0\0')) {
        scans += 1;
        socket.end(version.endsWith('100') ? 'stream: OK\0' : 'stream: New FOUND\0');
      }
    });
  });
  let now = performance.now();
  t.after(useClock({ monotonic: () => now }));
  const scanner = virusScanner({ clamd: { port } });
  const app = express();
  app.use(cache({ ttl: '1 hour', appendKey: () => scanner.version }), scanner);
  app.use((_req, res) => void res.send('hello'));
  app.use(errorPages());
  const { url } = await listen(t, app);
  assert.equal(scanner.version, '');
  await until(() => scanner.version !== '', 'the engine says its version');
  assert.equal(scanner.version, `clamd 127.0.0.1:${port} ClamAV 1/100`);
  for (let round = 0; round < 3; round += 1) assert.equal((await ask(url)).status, 200);
  assert.equal(scans, 1);
  version = 'ClamAV 1/101';
  now += 31_000;
  await until(() => scanner.version.endsWith('101'), 'it is asked again');
  assert.equal((await ask(url)).status, 403);
  assert.equal(scans, 2);
});

test(
  'what cache() inside has and was clean is not scanned again, what was not is refused again',
  {
    skip: unixClamd.skip,
  },
  async (t) => {
    const store = cache('1 minute');
    t.after(() => store.close());
    const origin = express();
    origin.use(store);
    let asked = 0;
    origin.use((req, res) => {
      asked += 1;
      res.send(req.path === '/bad' ? virus : 'clean');
    });
    const { url, records } = await gateway(t, unixClamd.options, origin, 'handler');
    const seen: Events['sekisho:scan'][] = [];
    const listener = (event: unknown): void => void seen.push(event as Events['sekisho:scan']);
    subscribe('sekisho:scan', listener);
    t.after(() => unsubscribe('sekisho:scan', listener));
    await ask(`${url}/first`);
    for (let round = 0; round < 3; round += 1) {
      assert.equal((await ask(`${url}/good`)).body.toString(), 'clean');
      assert.equal((await ask(`${url}/bad`)).status, 403);
    }
    assert.equal(asked, 3);
    const took = seen.filter(({ target }) => target === '/good').map((event) => event.took);
    // The engine had not said its version yet when the first one was scanned.
    assert.deepEqual(took.slice(1), [0, 0]);
    assert.ok(records.every(({ scan }) => scan === 'clean' || scan === 'infected'));
  },
);

test('c-icap that sends a body back while it gets it', { skip: noCIcap }, async (t) => {
  const early = await startCIcap(t, clamd!, [
    'virus_scan.SendPercentData 5',
    'virus_scan.StartSendPercentDataAfter 1M',
  ]);
  const { url, records } = await gateway(t, { icap: early.url }, (req, res) => {
    res.send(req.path === '/bad' ? infectedTail : noise);
  });
  assert.ok((await ask(url)).body.equals(noise));
  assert.equal(records[0]?.scan, 'clean');
  const got = await ask(`${url}/bad`);
  assert.equal(got.whole, false);
  assert.ok(got.body.length <= infectedTail.length - 1024 * 1024);
});

for (const kind of kinds)
  test(
    `a function on the response of a ${kind} that throws costs its own request only`,
    {
      skip: unixClamd.skip,
    },
    async (t) => {
      const throwing: RequestHandler = (_req, res, next) => {
        const writeHead = Reflect.get(res, 'writeHead') as (...args: unknown[]) => Response;
        res.writeHead = (...args: unknown[]) => {
          if (res.statusCode === 200) throw new Error('no head today');
          return Reflect.apply(writeHead, res, args);
        };
        next();
      };
      const { url } = await gateway(
        t,
        unixClamd.options,
        (_req, res) => void res.send('hello'),
        kind,
        [throwing],
      );
      for (let round = 0; round < 2; round += 1) assert.equal((await ask(url)).status, 500);
    },
  );

test('64 bodies at once, some infected, are all told apart', { skip: noClamd }, async (t) => {
  for (const { options, skip } of engines) {
    if (skip !== false) continue;
    const limits = { ...options, connections: { perEngine: 4 } };
    const { url } = await gateway(t, limits, (req, res) => {
      const number = Number(req.path.slice(1));
      const bytes = noise.subarray(number * 100, number * 100 + 1000 * number);
      res.send(number % 4 === 0 ? zip(virus) : number % 4 === 1 ? infectedTail : bytes);
    });
    const all = await Promise.all(
      Array.from({ length: 64 }, (_, number) => ask(`${url}/${number}`)),
    );
    for (const [number, got] of all.entries())
      if (number % 4 === 0) assert.equal(got.status, 403);
      else if (number % 4 === 1) assert.equal(got.whole, false);
      else assert.ok(got.body.equals(noise.subarray(number * 100, number * 100 + 1000 * number)));
  }
});
