import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { ClientHttp2Session } from 'node:http2';
import test, { type TestContext } from 'node:test';
import express from 'express';
import { balancedProxy, errorPages } from 'sekisho';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Transaction } from '../../../lib/core/transaction.ts';
import {
  endHeaders,
  endStream,
  frameClient,
  frameTypes,
  request,
  type FrameClient,
} from '../../support/http2-frames.ts';
import { listen, listenRaw, until } from '../../support/servers.ts';
import { answerOf, ask2, http2Client, serveTls, type TlsServing } from '../../support/tls.ts';

async function proxying(
  t: TestContext,
  target: string,
): Promise<{ serving: TlsServing; client: ClientHttp2Session }> {
  const app = express().use(balancedProxy(target, { retries: { attempts: 1 } }), errorPages());
  const serving = await serveTls(t, app);
  return { serving, client: http2Client(t, serving) };
}

async function proxied(
  t: TestContext,
  upstream: RequestListener,
): Promise<{ serving: TlsServing; client: ClientHttp2Session }> {
  return proxying(t, (await listen(t, upstream)).url);
}

/** The fields as the server behind got them. */
const fieldsOf = ({ rawHeaders }: IncomingMessage): Record<string, string[]> => {
  const fields: Record<string, string[]> = {};
  for (let index = 0; index < rawHeaders.length; index += 2)
    (fields[rawHeaders[index]!.toLowerCase()] ??= []).push(rawHeaders[index + 1]!);
  return fields;
};

test('a request goes on as HTTP/1.1, with what the server behind must know', async (t) => {
  const { client } = await proxied(t, (req, res) => {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ version: req.httpVersion, url: req.url, ...fieldsOf(req) }));
  });
  const { text, status, headers } = await ask2(client, {
    ':path': '/a?b=c',
    ':authority': 'shop.example',
    cookie: ['a=1', 'b=2'],
    te: 'trailers',
  });
  assert.equal(status, 200);
  assert.equal(headers.connection, undefined);
  const seen = JSON.parse(text) as Record<string, unknown>;
  assert.deepEqual([seen.version, seen.url], ['1.1', '/a?b=c']);
  assert.deepEqual(seen.cookie, ['a=1; b=2']);
  assert.deepEqual(seen['x-forwarded-proto'], ['https']);
  assert.deepEqual(seen['x-forwarded-host'], ['shop.example']);
  assert.deepEqual(seen['x-forwarded-for'], ['127.0.0.1']);
  assert.deepEqual(seen.via, ['2.0 sekisho']);
  assert.deepEqual(seen.te, ['trailers']);
  assert.equal(seen[':authority'], undefined);
});

for (const [name, headers] of [
  ['with its length', { 'content-length': '300000' }],
  ['of unknown length', {}],
] as const)
  test(`an upload ${name} arrives whole`, async (t) => {
    const { client } = await proxied(t, (req, res) => {
      let bytes = 0;
      req.on('data', (chunk: Buffer) => (bytes += chunk.length));
      req.on('end', () => {
        const { 'content-length': length, 'transfer-encoding': coding } = req.headers;
        res.end(`${String(bytes)} ${length ?? ''} ${coding ?? ''}`);
      });
    });
    const answer = await ask2(client, { ':method': 'POST', ...headers }, Buffer.alloc(300_000));
    assert.equal(answer.text, 'content-length' in headers ? '300000 300000 ' : '300000  chunked');
  });

const answers: { name: string; upstream: RequestListener; whole: string }[] = [
  { name: 'in one piece', upstream: (_req, res) => void res.end('body'), whole: 'body' },
  {
    name: 'in chunks',
    upstream(_req, res) {
      res.write('bo');
      setTimeout(() => res.end('dy'), 20);
    },
    whole: 'body',
  },
  {
    name: 'large, with a length',
    upstream: (_req, res) => void res.end('x'.repeat(2_000_000)),
    whole: 'x'.repeat(2_000_000),
  },
];

for (const { name, upstream, whole } of answers)
  test(`an answer ${name} arrives whole`, async (t) => {
    const { client } = await proxied(t, upstream);
    const { text, reset } = await ask2(client, '/');
    assert.equal(reset, 0);
    assert.ok(text === whole);
  });

test('trailers, early hints and repeated fields of the server arrive', async (t) => {
  const { client } = await proxied(t, (_req, res) => {
    res.writeEarlyHints({ link: '</a.css>; rel=preload' });
    res.writeHead(200, [
      'Trailer',
      'X-Sum',
      'Set-Cookie',
      'a=1',
      'Set-Cookie',
      'b=2',
      'ETag',
      '"a"',
      'ETag',
      '"b"',
    ] as never);
    res.write('body');
    res.addTrailers({ 'X-Sum': 'abc' });
    res.end();
  });
  const { text, trailers, interim, headers } = await ask2(client, '/');
  assert.deepEqual([text, trailers['x-sum']], ['body', 'abc']);
  assert.equal(interim[0]?.[':status'], 103);
  assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2']);
  assert.match(String(headers.etag), /^"a"/);
});

test('HEAD and bodyless statuses', async (t) => {
  const { client } = await proxied(t, (req, res) => {
    if (req.url === '/204') res.writeHead(204).end();
    else if (req.url === '/304') res.writeHead(304, { ETag: '"a"' }).end();
    else res.setHeader('Content-Length', 4).end('body');
  });
  const seen = await Promise.all([
    ask2(client, { ':path': '/', ':method': 'HEAD' }),
    ask2(client, '/204'),
    ask2(client, '/304'),
  ]);
  assert.deepEqual(
    seen.map(({ status, text, reset }) => [status, text, reset]),
    [200, 204, 304].map((status) => [status, '', 0]),
  );
  assert.equal(seen[0].headers['content-length'], '4');
});

const truncated: Record<string, string> = {
  'with a length': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf',
  'in chunks': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
  'with a broken chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n',
};

for (const [name, bytes] of Object.entries(truncated))
  test(`a truncated answer ${name} is reset, never ended`, async (t) => {
    const target = await listenRaw(t, (socket) => {
      socket.once('data', () => {
        socket.write(bytes);
        setTimeout(() => socket.destroy(), 30);
      });
    });
    const { serving } = await proxying(t, target.url);
    const client = await frameClient(t, serving);
    client.headers(1, request('/'));
    const { payload } = await client.sees('RST_STREAM', 1);
    assert.equal(payload.readUInt32BE(), 2, 'INTERNAL_ERROR');
    assert.deepEqual(data(client), 'half');
    assert.ok(
      client.frames.every(
        ({ type, flags }) =>
          (type !== frameTypes.DATA && type !== frameTypes.HEADERS) || (flags & endStream) === 0,
      ),
    );
  });

function data(client: FrameClient): string {
  return Buffer.concat(
    client.frames.filter(({ type }) => type === frameTypes.DATA).map(({ payload }) => payload),
  ).toString();
}

test('a server that cannot be reached is a 502 for the client', async (t) => {
  const { client } = await proxying(t, 'http://127.0.0.1:1');
  assert.match(String((await ask2(client, '/')).status), /^50[23]$/);
});

test('a reset by the client cancels the request to the server', async (t) => {
  let gone = false;
  const { client } = await proxied(t, (req, res) => {
    if (req.url === '/') res.on('close', () => (gone = true)).write('begun');
    else res.end();
  });
  const transactions: Transaction[] = [];
  const listener = (transaction: unknown): void =>
    void transactions.push(transaction as Transaction);
  subscribe('sekisho:transaction', listener);
  t.after(() => unsubscribe('sekisho:transaction', listener));
  const stream = client.request({ ':path': '/' });
  stream.on('error', () => undefined);
  await once(stream, 'data');
  stream.close(8);
  await until(() => gone, 'the end at the server');
  await until(() => transactions.length > 0, 'the record');
  assert.equal(transactions[0]!.outcome, 'client-aborted');
  assert.equal((await ask2(client, '/other')).status, 200);
});

test('an upload that is cut off never looks whole to the server', async (t) => {
  const ends: string[] = [];
  let got = 0;
  const { serving } = await proxied(t, (req) => {
    req.on('error', () => undefined).on('data', (chunk: Buffer) => (got += chunk.length));
    req.on('end', () => ends.push('end')).on('aborted', () => ends.push('aborted'));
  });
  const client = await frameClient(t, serving);
  client.headers(1, [':method', 'POST', ...request('/').slice(2)], endHeaders);
  client.send('DATA', 0, 1, Buffer.from('half'));
  await until(() => got === 4, 'the beginning at the server');
  client.send('RST_STREAM', 0, 1, Buffer.from([0, 0, 0, 8]));
  await until(() => ends.length > 0, 'the end at the server');
  assert.deepEqual(ends, ['aborted']);
});

test('a client that does not read holds the server back', async (t) => {
  let written = 0;
  let blocked = false;
  const chunk = Buffer.alloc(64 * 1024);
  const { client } = await proxied(t, (_req, res) => {
    const more = (): void => {
      while (written < 64_000_000) {
        written += chunk.length;
        if (!res.write(chunk)) {
          blocked = true;
          res.once('drain', more);
          return;
        }
      }
      res.end();
    };
    more();
  });
  const stream = client.request({ ':path': '/' });
  stream.pause();
  await once(stream, 'response');
  let before = -1;
  await until(async () => {
    if (blocked && written === before) return true;
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return false;
  }, 'the server waits');
  assert.ok(written < 32_000_000, `${String(written)} bytes were taken`);
  stream.resume();
  const { text, reset } = await answerOf(stream);
  assert.deepEqual([text.length, reset], [written, 0]);
});

test('a server that does not read holds the client back', async (t) => {
  let upload: IncomingMessage | undefined;
  const { serving } = await proxied(t, (req) => void (upload = req));
  const client = http2Client(t, serving);
  const stream = client.request({ ':method': 'POST', ':path': '/' }, { waitForTrailers: true });
  stream.on('error', () => undefined);
  let sent = 0;
  const chunk = Buffer.alloc(64 * 1024);
  const more = (): void => {
    while (sent < 64_000_000) {
      sent += chunk.length;
      if (!stream.write(chunk)) {
        stream.once('drain', more);
        return;
      }
    }
  };
  more();
  await until(() => upload !== undefined, 'the request');
  let before = -1;
  await until(async () => {
    if (sent === before) return true;
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return false;
  }, 'the client waits');
  assert.ok(sent < 32_000_000, `${String(sent)} bytes were taken`);
});

const forged: {
  name: string;
  fields: string[];
  flags?: number;
  data?: string;
  refused: RegExp;
  dropped?: boolean;
}[] = [
  {
    name: 'less body than Content-Length',
    fields: [':method', 'POST', ...request('/').slice(2), 'content-length', '10'],
    flags: endHeaders,
    data: 'four',
    refused: /reset/,
  },
  {
    name: 'more body than Content-Length',
    fields: [':method', 'POST', ...request('/').slice(2), 'content-length', '1'],
    flags: endHeaders,
    data: 'four',
    refused: /reset/,
  },
  {
    name: 'Content-Length without a body',
    fields: request('/', 'content-length', '4'),
    refused: /reset/,
  },
  {
    name: 'Transfer-Encoding',
    fields: request('/', 'transfer-encoding', 'chunked'),
    refused: /reset/,
  },
  { name: 'Connection', fields: request('/', 'connection', 'x-a'), refused: /reset/ },
  { name: 'Upgrade', fields: request('/', 'upgrade', 'websocket'), refused: /reset/ },
  { name: 'TE other than trailers', fields: request('/', 'te', 'gzip'), refused: /reset/ },
  { name: 'a name in upper case', fields: request('/', 'X-A', '1'), refused: /reset/ },
  {
    name: 'a line end in a value',
    fields: request('/', 'x-a', '1\r\nx-b: 2'),
    refused: /200/,
    dropped: true,
  },
  {
    name: 'a line end in a name',
    fields: request('/', 'x-a: 1\r\nx-b', '2'),
    refused: /200/,
    dropped: true,
  },
  { name: 'a NUL in a value', fields: request('/', 'x-a', '1\0'), refused: /200/, dropped: true },
  { name: 'a line end in :path', fields: request('/ HTTP/1.1\r\nx-b: 2'), refused: /reset|400/ },
  { name: 'a space in :path', fields: request('/a b'), refused: /reset|400/ },
  { name: 'an absolute :path', fields: request('http://evil/'), refused: /reset|400/ },
  { name: 'an empty :path', fields: request(''), refused: /reset|400/ },
  { name: 'two :path', fields: request('/', ':path', '/b'), refused: /reset/ },
  {
    name: 'a pseudo-field behind the others',
    fields: request('/', 'x-a', '1', ':path', '/b'),
    refused: /reset/,
  },
  { name: 'an unknown pseudo-field', fields: [':evil', '1', ...request('/')], refused: /reset/ },
  { name: 'a host that differs', fields: request('/', 'host', 'evil.example'), refused: /400/ },
  {
    name: 'a malformed :authority',
    fields: [':method', 'GET', ':scheme', 'https', ':authority', 'a b', ':path', '/'],
    refused: /reset|400/,
  },
  {
    name: 'userinfo in :authority',
    fields: [':method', 'GET', ':scheme', 'https', ':authority', 'a@b', ':path', '/'],
    refused: /reset|400/,
  },
  {
    name: 'a malformed :method',
    fields: [':method', 'GET / HTTP/1.1\r\n', ...request('/').slice(2)],
    refused: /reset|400/,
  },
  { name: 'CONNECT', fields: [':method', 'CONNECT', ':authority', 'evil:443'], refused: /405/ },
];

for (const { name, fields, flags, data: body, refused, dropped } of forged)
  test(`refused before the server behind hears of it, or never whole there: ${name}`, async (t) => {
    const whole: string[] = [];
    const { serving } = await proxied(t, (req, res) => {
      req.on('error', () => undefined).resume();
      req.on('end', () => {
        whole.push(`${req.url ?? ''} ${JSON.stringify(fieldsOf(req))}`);
        res.end();
      });
    });
    const client = await frameClient(t, serving);
    client.headers(1, fields, flags);
    if (body !== undefined) client.send('DATA', endStream, 1, Buffer.from(body));
    const outcome = (): string => {
      for (const { type, stream, payload } of client.frames) {
        if (stream === 1 && type === frameTypes.HEADERS) return statusIn(payload);
        if (type === frameTypes.GOAWAY || (stream === 1 && type === frameTypes.RST_STREAM))
          return 'reset';
      }
      return client.closed ? 'reset' : '';
    };
    await until(() => outcome() !== '', 'an answer');
    assert.match(outcome(), refused);
    if (dropped === true) assert.doesNotMatch(String(whole), /x-[ab]/);
    else assert.deepEqual(whole, []);
    // The proxy goes on for others.
    assert.equal((await ask2(http2Client(t, serving), '/')).status, 200);
  });

/** HPACK's static table has some of them (RFC 7541 appendix A); others are literals. */
function statusIn(head: Buffer): string {
  const indexed: Record<number, string> = { 0x88: '200', 0x8c: '400', 0x8d: '404' };
  const text = head.toString('latin1');
  return indexed[head[0]!] ?? (text.includes('405') || huffman405(head) ? '405' : text);
}

/** `405` in HPACK's Huffman code: 011010 00000 011011. */
function huffman405(head: Buffer): boolean {
  return head.includes(Buffer.from([0b01101000, 0b00001101, 0b11111111]));
}
