/** Memory that is read into again and again must never be seen twice: whole bodies through the proxy, to clients of all paces. */
import assert from 'node:assert/strict';
import { createServer as createHttpsServer } from 'node:https';
import { once } from 'node:events';
import { connect } from 'node:net';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import express, { type Express } from 'express';
import { generate } from 'selfsigned';
import { balancedProxy } from '../../../../lib/balanced-proxy/index.ts';
import { listen } from '../../../support/servers.ts';

const length = 24 * 1024 * 1024;

/** Numbers in a row from a start of its own, so that bytes of another body, or of another place, show. */
function content(start: number): Buffer {
  const words = new Uint32Array(length / 4);
  for (let at = 0; at < words.length; at++) words[at] = start + at;
  return Buffer.from(words.buffer);
}

const bodies = [0, 0x40000000, 0x80000000].map(content);

async function send(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const body = bodies[Number(req.url?.[1])]!;
  const chunked = req.url?.endsWith('chunked') === true;
  if (!chunked) res.setHeader('Content-Length', length);
  // Pieces of many sizes, around those where the proxy copies, hands over, or fills its buffer.
  const sizes = [100, 16_384, 70_000, 3, 32_768, 1_000_000, 15_000, 40_000];
  for (let at = 0, turn = 0; at < length; turn++) {
    const size = sizes[turn % sizes.length]!;
    if (!res.write(body.subarray(at, at + size))) await once(res, 'drain');
    at += size;
  }
  res.end();
}

/** Reads a whole answer, and now and then nothing for a while; `pauses` so often. */
async function download(port: number, path: string, pauses: number): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET ${path} HTTP/1.0\r\nHost: a\r\n\r\n`);
  const chunks: Buffer[] = [];
  let bytes = 0;
  let paused = 0;
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (paused >= pauses || bytes < (paused * length) / pauses) continue;
    paused++;
    await sleep(20);
  }
  const answer = Buffer.concat(chunks);
  return answer.subarray(answer.indexOf('\r\n\r\n') + 4);
}

function passThrough(app: Express): void {
  app.use((_req, res, next) => {
    // Something of the app's that holds on to what is written, as compression does.
    const write = res.write.bind(res) as (chunk: Buffer, then?: () => void) => boolean;
    res.write = ((chunk: Buffer) => {
      setImmediate(() => write(chunk));
      return true;
    }) as typeof res.write;
    const end = res.end.bind(res) as (chunk?: unknown) => void;
    res.end = (() => {
      setImmediate(end);
      return res;
    }) as typeof res.end;
    next();
  });
}

const listener: RequestListener = (req, res) => void send(req, res);

suite('receive buffer', () => {
  for (const secure of [false, true])
    for (const [framing, query] of [
      ['with a length', ''],
      ['in chunks', '?chunked'],
    ] as const)
      for (const [what, setup] of [
        ['at once', () => undefined],
        ['late, by something of the app', passThrough],
      ] as const)
        test(`bodies ${framing} over ${secure ? 'TLS' : 'TCP'}, written ${what}, arrive as they were sent`, async (t) => {
          const pems = await generate([{ name: 'commonName', value: 'localhost' }]);
          const upstream = await listen(
            t,
            secure ? createHttpsServer({ key: pems.private, cert: pems.cert }, listener) : listener,
          );
          const app = express();
          setup(app);
          const url = secure ? upstream.url.replace('http:', 'https:') : upstream.url;
          const proxy = balancedProxy(url, secure ? { tls: { rejectUnauthorized: false } } : {});
          t.after(() => proxy.close());
          const { port } = await listen(t, app.use(proxy));
          const received = await Promise.all(
            bodies.map((_, index) => download(port, `/${index}${query}`, index * 20)),
          );
          for (const [index, body] of received.entries()) {
            assert.equal(body.length, length);
            assert.ok(body.equals(bodies[index]!), `body ${index} is as it was sent`);
          }
        });
});
