import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { exchangeRaw, listen, listenRaw, until } from '../../support/servers.ts';
import { parts, proxyTo, recording, transactions } from './forward-support.ts';

test('an upload is handed on as it comes, in both framings', async (t) => {
  let text = '';
  const server = await listen(t, (req, res) => {
    req.on('data', (chunk: Buffer) => (text += chunk.toString()));
    req.on('end', () => res.end('done'));
  });
  const { port } = await proxyTo(t, server.url);
  for (const [head, pieces] of [
    ['Content-Length: 10', ['hello', 'world']],
    ['Transfer-Encoding: chunked', ['5\r\nhello\r\n', '5\r\nworld\r\n0\r\n\r\n']],
  ] as const) {
    text = '';
    const client = connect(port, '127.0.0.1');
    t.after(() => client.destroy());
    client.write(`POST / HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n${pieces[0]}`);
    await until(() => text === 'hello', 'the first piece');
    client.write(pieces[1]);
    await until(() => text === 'helloworld', 'the second piece');
  }
});

test('trailers of a request pass, but not those that frame, route or authenticate', async (t) => {
  const server = await recording(t);
  const { port } = await proxyTo(t, server.url);
  await exchangeRaw(
    port,
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n' +
      'X-Sum: 1\r\nX-Sum: 2\r\nAuthorization: x\r\nHost: b\r\nX-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\n\r\n',
  );
  assert.deepEqual(server.seen[0]?.trailers, ['X-Sum', '1', 'X-Sum', '2']);
});

test('a server that does not read stops the client from sending; memory stays bounded', async (t) => {
  const taken: Socket[] = [];
  const server = await listenRaw(t, (socket) => {
    socket.pause();
    taken.push(socket);
  });
  const { port } = await proxyTo(t, server.url);
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  client.on('error', () => undefined);
  const piece = Buffer.alloc(64 * 1024);
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${10 ** 9}\r\n\r\n`);
  let sent = 0;
  const more = (): void => {
    do sent += piece.length;
    while (!client.destroyed && client.write(piece));
  };
  client.on('drain', more);
  more();
  let before = -1;
  await until(async () => {
    if (taken.length > 0 && before === sent) return true;
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return false;
  }, 'the client stops');
  assert.ok(sent < 60e6, `${sent} bytes were taken`);
  taken[0]?.resume();
  await until(() => sent > before + 1e6, 'it goes on');
});

test('Expect: 100-continue without the door: the client is told to go on, the server sees no Expect', async (t) => {
  const server = await recording(t);
  const { url } = await proxyTo(t, server.url);
  const req = request(url, {
    method: 'POST',
    headers: { Expect: '100-continue', 'Content-Length': 5 },
  });
  req.flushHeaders();
  await once(req, 'continue');
  req.end('hello');
  const [res] = (await once(req, 'response')) as [{ statusCode: number; resume(): void }];
  res.resume();
  assert.equal(res.statusCode, 200);
  assert.equal(server.seen[0]?.body, 'hello');
  assert.equal(server.seen[0].get('expect'), undefined);
});

test('an answer before the end of the upload reaches the client, and the connection is clean after it', async (t) => {
  const server = await listenRaw(t, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig');
    });
  });
  const { port } = await proxyTo(t, server.url);
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  let text = '';
  client.on('data', (chunk: Buffer) => (text += chunk.toString()));
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhello');
  await until(() => text.endsWith('big'), 'the early answer');
  assert.match(text, /^HTTP\/1\.1 413 /);
  client.write(`${'x'.repeat(99_995)}POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`);
  await until(() => (text.match(/HTTP\/1\.1 413/g) ?? []).length === 2, 'the next answer');
});

test('an answer that streams while the request does', async (t) => {
  const server = await listen(t, (req, res) => {
    res.writeHead(200).flushHeaders();
    req.pipe(res);
  });
  const { port } = await proxyTo(t, server.url);
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  let text = '';
  client.on('data', (chunk: Buffer) => (text += chunk.toString()));
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
  await until(() => text.includes('abc'), 'the echo of the first');
  client.write('3\r\ndef\r\n0\r\n\r\n');
  await until(() => text.endsWith('0\r\n\r\n'), 'the end');
  assert.match(parts(text).body, /def/);
});

test('a client that leaves in the middle of its upload cancels it; the server is not blamed', async (t) => {
  const published = transactions(t);
  let broken = false;
  let got = 0;
  const server = await listen(t, (req) => {
    req.on('data', (chunk: Buffer) => (got += chunk.length));
    req.on('error', () => (broken = true));
  });
  const { port } = await proxyTo(t, server.url);
  const client = connect(port, '127.0.0.1');
  client.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhello');
  await until(() => got === 5, 'the beginning');
  client.destroy();
  await until(() => broken, 'the server hears of it');
  await until(() => published.length > 0, 'the transaction');
  assert.equal(published[0]?.outcome, 'client-aborted');
  assert.equal(published[0].bytesReceived, 5);
  assert.equal(published[0].attempts, 1);
});

test('a chunk that breaks in the middle of an upload: nothing looks complete to the server', async (t) => {
  let got = 0;
  let ended = false;
  let broken = false;
  const server = await listen(t, (req) => {
    req.on('error', () => (broken = true));
    req.on('data', (chunk: Buffer) => (got += chunk.length)).on('end', () => (ended = true));
  });
  const { port } = await proxyTo(t, server.url);
  const client = connect(port, '127.0.0.1');
  let text = '';
  client.on('data', (chunk: Buffer) => (text += chunk.toString())).on('error', () => undefined);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
  await until(() => got === 5, 'the beginning');
  client.write('xyz\r\n');
  await new Promise((resolve) => client.once('close', resolve));
  assert.match(text, /^HTTP\/1\.1 400 /);
  await until(() => broken, 'the server hears of it');
  assert.equal(ended, false);
});

test('a large upload arrives whole, with retries and replay in place', async (t) => {
  const server = await recording(t);
  const { url } = await proxyTo(t, server.url);
  const body = Buffer.alloc(3_000_000, 'abcdefg');
  const answer = await fetch(url, { method: 'PUT', body });
  assert.equal(answer.status, 200);
  assert.equal(server.seen[0]?.body, body.toString('latin1'));
});
