/**
 * What virusScanner adds to a download, beside the engine's own time for the same bytes (INSTREAM, by hand), and the
 * memory of the gateway under many large downloads. Every body is another one, so that none is known to be clean.
 * Run by itself it is the gateway, so that its memory is its own.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { randomFillSync } from 'node:crypto';
import express from 'express';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { virusScanner } from '../../lib/virus-scanner/index.ts';
import { noClamd, startClamd } from '../support/clamd.ts';
import { median, memory } from './measure.ts';

const sizes = [
  { name: '1 KiB', bytes: 1024, times: 200 },
  { name: '1 MiB', bytes: 1024 * 1024, times: 30 },
  { name: '25 MiB', bytes: 25 * 1024 * 1024, times: 5 },
] as const;
const concurrency = 32;
const large = 8 * 1024 * 1024;
const hold = 1024 * 1024;

export async function benchVirusScanner(): Promise<void> {
  if (noClamd !== false) {
    console.log(`\nscan: ${noClamd}`);
    return;
  }
  const ends: (() => void | Promise<void>)[] = [];
  const owner = { after: (end: () => void | Promise<void>) => void ends.unshift(end) };
  try {
    const clamd = await startClamd(owner, ['MaxThreads 12']);
    const origin = await startOrigin(owner);
    const plain = await startGateway(owner, origin, 'none');
    const scanning = await startGateway(owner, origin, clamd.socket);
    console.log('\nscan: milliseconds of one download, by size (median)');
    const rows = [];
    for (const { name, bytes, times } of sizes) {
      const engine: number[] = [];
      const without: number[] = [];
      const withScan: number[] = [];
      for (let round = -2; round < times; round += 1) {
        const took = [
          await timed(() => instream(clamd.socket, body(bytes))),
          await timed(() => download(`${plain.url}/${bytes}`)),
          await timed(() => download(`${scanning.url}/${bytes}`)),
        ] as const;
        if (round < 0) continue;
        engine.push(took[0]);
        without.push(took[1]);
        withScan.push(took[2]);
      }
      const added = median(withScan) - median(without);
      rows.push({
        body: name,
        'engine alone': round(median(engine)),
        'without scanner': round(median(without)),
        'with scanner': round(median(withScan)),
        added: round(added),
        'added beyond the engine': round(added - median(engine)),
      });
    }
    console.table(rows);

    const before = memory(scanning.pid).now;
    const url = `${scanning.url}/${large}`;
    await Promise.all(Array.from({ length: concurrency }, () => download(url)));
    console.log(`\nscan: ${concurrency} downloads of 8 MiB at once, hold 1 MiB`);
    console.table([
      {
        'MiB before': Math.round(before),
        'peak MiB': Math.round(memory(scanning.pid).peak),
        'hold × concurrency, MiB': (hold * concurrency) / 1024 / 1024,
        'all bodies, MiB': (large * concurrency) / 1024 / 1024,
      },
    ]);
  } finally {
    for (const end of ends) await end();
  }
}

interface Owner {
  after(end: () => void | Promise<void>): void;
}

let counter = 0;
const noise = randomFillSync(Buffer.alloc(25 * 1024 * 1024));

/** Bytes that nobody has seen before. */
function body(bytes: number): Buffer {
  noise.writeUInt32LE((counter += 1));
  return noise.subarray(0, bytes);
}

async function startOrigin(owner: Owner): Promise<string> {
  const server = createServer((req, res) => {
    const bytes = Buffer.from(body(Number(req.url?.slice(1))));
    res.setHeader('Content-Length', bytes.length);
    res.end(bytes);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function startGateway(
  owner: Owner,
  origin: string,
  socket: string,
): Promise<{ url: string; pid: number }> {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--conditions=sekisho-source', fileURLToPath(import.meta.url), 'gateway', origin, socket],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  owner.after(() => void child.kill('SIGKILL'));
  const [port] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return { url: `http://127.0.0.1:${port.toString().trim()}`, pid: child.pid as number };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function download(url: string): Promise<void> {
  const [answer] = (await once(get(url), 'response')) as [IncomingMessage];
  answer.resume();
  await once(answer, 'close');
  if (answer.statusCode !== 200 || !answer.complete)
    throw new Error(`${url}: ${answer.statusCode ?? 0}`);
}

/** The engine by itself, on a connection of its own as every scan has it. */
async function instream(path: string, bytes: Buffer): Promise<void> {
  const socket = connect({ path });
  let reply = '';
  socket.on('data', (chunk: Buffer) => (reply += chunk.toString()));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  socket.write('zINSTREAM\0');
  socket.write(length);
  socket.write(bytes);
  socket.write(Buffer.alloc(4));
  await once(socket, 'close');
  if (reply !== 'stream: OK\0') throw new Error(reply);
}

function round(number: number): number {
  return Math.round(number * 100) / 100;
}

const [what, origin = '', socket = ''] = process.argv.slice(2);
if (what === 'gateway') {
  const app = express().disable('x-powered-by');
  if (socket !== 'none')
    app.use(
      virusScanner({
        clamd: { socket },
        hold,
        maxSize: '32mb',
        timeouts: { verdict: '5m' },
        connections: { queueTimeout: '5m' },
      }),
    );
  app.use(balancedProxy(origin));
  const server = app.listen(0, '127.0.0.1', () => {
    console.log(String((server.address() as AddressInfo).port));
  });
}
