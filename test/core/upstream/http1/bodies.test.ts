import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { describe, test } from 'node:test';
import type { BodySink, BodySource } from '../../../../lib/core/upstream/http1/body.ts';
import { listen, listenRaw, until } from '../../../support/servers.ts';
import { ask, code, openClient, start } from './ask.ts';

const megabyte = 1024 * 1024;

async function read(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A source under the test's control. */
class Source implements BodySource {
  sink: BodySink | undefined;
  detached = 0;
  resumed = 0;
  attach(sink: BodySink): void {
    this.sink = sink;
  }
  detach(): void {
    this.detached++;
  }
  resume(): void {
    this.resumed++;
  }
}

/** What arrives of a request, as bytes. */
async function listenText(
  t: Parameters<typeof listenRaw>[0],
  onText: (text: string, write: (answer: string) => void) => void,
): Promise<{ url: string; text: () => string; closed: () => boolean }> {
  let text = '';
  let closed = false;
  const { url } = await listenRaw(t, (socket) => {
    socket.on('close', () => (closed = true));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      onText(text, (answer) => socket.write(answer, 'latin1'));
    });
  });
  return { url, text: () => text, closed: () => closed };
}

describe('large bodies arrive byte by byte the same', () => {
  const data = randomBytes(50 * megabyte);
  const hash = createHash('sha256').update(data).digest('hex');

  for (const framing of ['length', 'chunked', 'close'] as const)
    test(`50 MB down, ${framing}`, async (t) => {
      const { url } = await listen(t, (_req, res) => {
        if (framing === 'length') res.setHeader('content-length', data.length);
        if (framing === 'close') res.useChunkedEncodingByDefault = false;
        Readable.from(
          (function* () {
            for (let at = 0; at < data.length; at += 300_000) yield data.subarray(at, at + 300_000);
          })(),
        ).pipe(res);
      });
      const recorder = start(openClient(t, url));
      const digest = createHash('sha256');
      recorder.onPiece = (chunk) => digest.update(chunk);
      await recorder.answer;
      assert.equal(recorder.bytes, data.length);
      assert.equal(digest.digest('hex'), hash);
    });

  for (const framing of ['length', 'chunked', 'buffer'] as const)
    test(`50 MB up, ${framing}`, async (t) => {
      const { url } = await listen(t, (req, res) => {
        const digest = createHash('sha256');
        req
          .on('data', (chunk: Buffer) => digest.update(chunk))
          .on('end', () => {
            res.end(`${req.headers['content-length'] ?? 'chunked'} ${digest.digest('hex')}`);
          });
      });
      const body =
        framing === 'buffer'
          ? data
          : Readable.from(
              (function* () {
                for (let at = 0; at < data.length; at += 100_000)
                  yield data.subarray(at, at + 100_000);
              })(),
            );
      const headers = [
        'Host',
        'a',
        ...(framing === 'length' ? ['Content-Length', `${data.length}`] : []),
      ];
      const answer = await ask(openClient(t, url), '/', { method: 'POST', headers, body });
      assert.equal(
        answer.body.toString(),
        `${framing === 'chunked' ? framing : data.length} ${hash}`,
      );
    });
});

test('50 concurrent answers of 0 to 300 KB never mix, kept chunks stay what they were', async (t) => {
  const content = (path: string, size: number): Buffer =>
    Buffer.alloc(size, createHash('sha256').update(path).digest());
  const { url } = await listen(t, async (req, res) => {
    const bytes = content(req.url ?? '', Number(req.url?.split('/')[2]));
    if (req.url?.endsWith('chunked') !== true) res.setHeader('content-length', bytes.length);
    for (let at = 0; at < bytes.length; at += 20_000) {
      res.write(bytes.subarray(at, at + 20_000));
      if (at % 60_000 === 0) await turn();
    }
    res.end();
  });
  const client = openClient(t, url);
  for (let round = 0; round < 4; round++) {
    const paths = Array.from({ length: 50 }, (_, index) => {
      const size = index % 5 === 0 ? index : Math.floor(Math.random() * 300_000);
      return `/${round}-${index}/${size}/${index % 3 === 0 ? 'chunked' : 'length'}`;
    });
    // Recorders keep every chunk they were given until all answers are here.
    const answers = await Promise.all(paths.map((path) => ask(client, path)));
    for (const [index, path] of paths.entries())
      assert.ok(answers[index]?.body.equals(content(path, Number(path.split('/')[2]))), path);
  }
});

describe('backpressure', () => {
  test('a server that does not read stops the source', async (t) => {
    const { url } = await listenRaw(t, (socket) => socket.pause());
    let produced = 0;
    const body = new Readable({
      read() {
        produced += 65536;
        this.push(Buffer.alloc(65536));
      },
    });
    const recorder = start(openClient(t, url), { method: 'POST', body });
    let before = -1;
    await until(async () => {
      before = produced;
      await delay(100);
      return produced === before;
    }, 'the source stands still');
    assert.ok(produced < 32 * megabyte, `${produced} bytes were taken`);
    recorder.controller?.abort(new Error('enough'));
    await until(() => body.destroyed, 'the source is released');
  });

  test('a paused reader stops the server', async (t) => {
    let sent = 0;
    const { url } = await listen(t, (_req, res) => {
      const push = (): void => {
        while (sent < 100 * megabyte) {
          sent += 65536;
          if (!res.write(Buffer.alloc(65536, 7))) {
            res.once('drain', push);
            return;
          }
        }
        res.end();
      };
      push();
    });
    const recorder = start(openClient(t, url));
    let whenPaused = 0;
    recorder.onPiece = () => {
      if (recorder.bytes < megabyte || whenPaused > 0) return;
      whenPaused = recorder.bytes;
      recorder.controller?.pause();
    };
    let before = -1;
    await until(async () => {
      before = sent;
      await delay(100);
      return whenPaused > 0 && sent === before;
    }, 'the server stands still');
    assert.ok(sent < 50 * megabyte, `${sent} bytes were sent`);
    assert.ok(recorder.bytes - whenPaused <= 64 * 1024, 'nothing comes while paused');
    recorder.controller?.resume();
    await recorder.answer;
    assert.equal(recorder.bytes, 100 * megabyte);
  });

  test('both ways at once', async (t) => {
    const { url } = await listen(t, (req, res) => req.pipe(res));
    const data = randomBytes(5 * megabyte);
    const { body } = await ask(openClient(t, url), '/', {
      method: 'POST',
      body: Readable.from([data]),
    });
    assert.ok(body.equals(data));
  });

  test('pausing and resuming at every chunk loses nothing, and the connection is used again', async (t) => {
    const ports = new Set<number | undefined>();
    const data = randomBytes(megabyte);
    const { url } = await listen(t, (req, res) => {
      ports.add(req.socket.remotePort);
      res.end(data);
    });
    const client = openClient(t, url);
    for (let index = 0; index < 3; index++) {
      const recorder = start(client);
      recorder.onPiece = (chunk) => {
        recorder.chunks.push(chunk);
        recorder.controller?.pause();
        setImmediate(() => recorder.controller?.resume());
      };
      assert.ok((await recorder.answer).body.equals(data));
    }
    assert.equal(ports.size, 1);
  });
});

describe('Expect: 100-continue', () => {
  const headers = ['Host', 'a', 'Expect', '100-continue', 'Content-Length', '5'];

  test('the server says 100: the body follows', async (t) => {
    const { url } = await listen(
      t,
      createServer().on('checkContinue', (req: IncomingMessage, res) => {
        res.writeContinue();
        void read(req).then((body) => res.end(body));
      }),
    );
    const { body, interim } = await ask(openClient(t, url), '/', {
      method: 'POST',
      headers,
      body: Readable.from([Buffer.from('hello')]),
    });
    assert.equal(body.toString(), 'hello');
    assert.deepEqual(interim, [100]);
  });

  for (const [status, framing] of [
    [417, 'Content-Length: 2\r\n\r\nno'],
    [413, 'Content-Length: 2\r\n\r\nn'],
    [200, 'Content-Length: 2\r\n\r\nno'],
  ] as const)
    test(`the server says ${status}: the body is never sent`, async (t) => {
      const { url, text, closed } = await listenText(t, (_text, write) => {
        write(`HTTP/1.1 ${status} X\r\n${framing}`);
        // The rest of an unfinished answer, long after the wait for 100 is over.
        if (!framing.endsWith('no'))
          setTimeout(() => {
            write('o');
          }, 1500);
      });
      const source = new Source();
      const answer = await ask(openClient(t, url, { idle: 1000 * 60 }), '/', {
        method: 'POST',
        headers,
        body: source,
      });
      assert.deepEqual([answer.status, answer.body.toString()], [status, 'no']);
      assert.equal(source.sink, undefined);
      assert.ok(source.detached > 0);
      await until(closed, 'the connection is closed, as the body is owed');
      assert.ok(text().endsWith('\r\n\r\n'), text());
    });

  test('the server is silent: after a second the body is sent anyway', async (t) => {
    const { url } = await listenText(t, (text, write) => {
      if (text.endsWith('hello')) write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    const started = performance.now();
    const { status } = await ask(openClient(t, url, { headers: 900 }), '/', {
      method: 'POST',
      headers,
      body: Readable.from([Buffer.from('hello')]),
    });
    assert.equal(status, 200);
    assert.ok(performance.now() - started >= 950);
  });
});

describe('a body that does not keep its word never looks complete', () => {
  const headers = ['Host', 'a', 'Content-Length', '5'];
  for (const [name, act, fields] of [
    [
      'shorter',
      (sink: BodySink) => {
        sink.write(Buffer.from('hell'));
        sink.end([]);
      },
      headers,
    ],
    [
      'longer',
      (sink: BodySink) => {
        sink.write(Buffer.from('hello!'));
        sink.end([]);
      },
      headers,
    ],
    [
      'broken off',
      (sink: BodySink) => {
        sink.write(Buffer.from('hell'));
        sink.fail(new Error('x'));
      },
      headers,
    ],
    [
      'chunked, broken off',
      (sink: BodySink) => {
        sink.write(Buffer.from('hell'));
        sink.fail(new Error('x'));
      },
      ['Host', 'a'],
    ],
    [
      'chunked, bad trailer',
      (sink: BodySink) => {
        sink.write(Buffer.from('hell'));
        sink.end(['A', 'b\r\nC: d']);
      },
      ['Host', 'a'],
    ],
  ] as const)
    test(name, async (t) => {
      const { url, text, closed } = await listenText(t, () => undefined);
      const source = new Source();
      const recorder = start(openClient(t, url), {
        method: 'POST',
        headers: [...fields],
        body: source,
      });
      await until(() => source.sink !== undefined, 'the body is asked for');
      act(source.sink as BodySink);
      await assert.rejects(recorder.answer, code('ERR_SEKISHO_CLIENT_ABORTED'));
      await until(closed, 'the connection is closed');
      assert.doesNotMatch(text(), /hello|0\r\n\r\n$/);
      assert.equal(recorder.errors.length, 1);
    });

  for (const [name, make] of [
    [
      'destroyed while connecting',
      () => {
        const body = new PassThrough();
        setImmediate(() => body.destroy());
        return body;
      },
    ],
    [
      'failed before it was sent',
      () => {
        const body = new PassThrough();
        body.destroy(new Error('early'));
        return body;
      },
    ],
    [
      'destroyed halfway',
      () => {
        const body = new PassThrough();
        body.write('x');
        setTimeout(() => body.destroy(), 50);
        return body;
      },
    ],
  ] as const)
    test(`Readable ${name}`, async (t) => {
      const { url, text } = await listenText(t, () => undefined);
      await assert.rejects(
        ask(openClient(t, url), '/', { method: 'POST', body: make() }),
        code('ERR_SEKISHO_CLIENT_ABORTED'),
      );
      assert.doesNotMatch(text(), /0\r\n\r\n$/);
    });
});

test('trailers go with a chunked body; small pieces and large ones', async (t) => {
  let trailers: unknown;
  const { url } = await listen(t, async (req, res) => {
    const body = await read(req);
    trailers = req.trailers;
    res.end(createHash('sha256').update(body).digest('hex'));
  });
  const source = new Source();
  const answer = ask(openClient(t, url), '/', {
    method: 'POST',
    headers: ['Host', 'a', 'Trailer', 'X-T'],
    body: source,
  });
  await until(() => source.sink !== undefined, 'the body is asked for');
  const pieces = [Buffer.alloc(0), Buffer.from('a'), randomBytes(70_000), Buffer.from('z')];
  for (const piece of pieces) source.sink?.write(piece);
  source.sink?.end(['X-T', 't', 'Content-Length', '0']);
  assert.equal(
    (await answer).body.toString(),
    createHash('sha256').update(Buffer.concat(pieces)).digest('hex'),
  );
  assert.deepEqual({ ...(trailers as object) }, { 'x-t': 't' });
});

test('an answer before the end of the upload is delivered, and the connection is not used again', async (t) => {
  let connections = 0;
  const { url } = await listenRaw(t, (socket) => {
    connections++;
    socket.once('data', () =>
      socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno'),
    );
  });
  const client = openClient(t, url);
  const source = new Source();
  const early = ask(client, '/', { method: 'POST', body: source });
  await until(() => source.sink !== undefined, 'the body is asked for');
  source.sink?.write(Buffer.from('some'));
  assert.deepEqual((await early).body.toString(), 'no');
  assert.equal(source.detached > 0, true);
  await ask(client);
  assert.equal(connections, 2);
});

for (const body of [
  'text',
  new Uint8Array([1, 2, 3]),
  Buffer.from('\xff\0', 'latin1'),
  randomBytes(100_000),
])
  test(`bytes of a ${typeof body === 'string' ? 'string' : `${body.constructor.name} of ${body.length}`}`, async (t) => {
    const { url } = await listen(t, async (req, res) => res.end(await read(req)));
    const { body: echoed } = await ask(openClient(t, url), '/', {
      method: 'PUT',
      body: body as never,
    });
    assert.ok(echoed.equals(Buffer.from(body as Buffer)));
  });
