/** Tunnels (CONNECT) through forwardProxy beside two pipes: bytes per second, round trips, tunnels opened per second, memory. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { cpuSeconds, median, memory } from './measure.ts';

interface Proxy {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly process: ChildProcess;
}

const seconds = 2;
const streams = 4;
const idleTunnels = 1000;
const peers = ['sekisho', 'two pipes'];

/** What a client says first is what it wants: bytes without end, or its own back. */
function startTarget(): Promise<{ url: string; close(): void }> {
  const chunk = Buffer.alloc(64 * 1024);
  const server = createServer((socket) => {
    socket.setNoDelay(true).on('error', () => undefined);
    socket.once('data', (first: Buffer) => {
      if (first[0] === 0x65) {
        socket.write(first);
        socket.on('data', (bytes: Buffer) => socket.write(bytes));
        return;
      }
      const pour = (): void => {
        while (socket.writable && socket.write(chunk));
      };
      socket.on('drain', pour);
      pour();
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      resolve({ url: `http://127.0.0.1:${port}`, close: () => server.close() });
    });
  });
}

async function open(proxyUrl: string, target: string): Promise<Socket> {
  const authority = new URL(target).host;
  const socket = connect(Number(new URL(proxyUrl).port), '127.0.0.1').setNoDelay(true);
  socket.on('error', () => undefined);
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  const [head] = (await once(socket, 'data')) as [Buffer];
  if (!head.toString('latin1').startsWith('HTTP/1.1 200 ')) throw new Error(head.toString());
  return socket;
}

/** Megabytes per second of wall-clock time and per second of the proxy's own: the latter is steadier on a busy machine. */
async function throughput(
  { url, pid }: Proxy,
  target: string,
): Promise<{ wall: number; cpu: number }> {
  const sockets = await Promise.all(Array.from({ length: streams }, () => open(url, target)));
  let bytes = 0;
  for (const socket of sockets) {
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
    socket.write('stream');
  }
  const begun = performance.now();
  const before = cpuSeconds(pid);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const wall = bytes / (performance.now() - begun) / 1000;
  const cpu = bytes / 1e6 / (cpuSeconds(pid) - before);
  for (const socket of sockets) socket.destroy();
  return { wall, cpu };
}

async function roundTrips(url: string, target: string): Promise<number> {
  const sockets = await Promise.all(Array.from({ length: 50 }, () => open(url, target)));
  let count = 0;
  for (const socket of sockets) {
    socket.on('data', () => {
      count++;
      socket.write('echo: some forty bytes, like a short answer');
    });
    socket.write('echo');
  }
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  for (const socket of sockets) socket.destroy();
  return count / seconds;
}

async function opened(url: string, target: string): Promise<number> {
  const until = performance.now() + seconds * 1000;
  let count = 0;
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      while (performance.now() < until) {
        (await open(url, target)).destroy();
        count++;
      }
    }),
  );
  return count / seconds;
}

async function idleMemory({ url, pid }: Proxy, target: string): Promise<number> {
  const before = memory(pid).now;
  const sockets: Socket[] = [];
  for (let index = 0; index < idleTunnels; index++) sockets.push(await open(url, target));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const used = ((memory(pid).now - before) * 1024) / idleTunnels;
  for (const socket of sockets) socket.destroy();
  return used;
}

export async function benchTunnels(
  start: (name: string, target: string, file: string) => Promise<Proxy>,
  rounds: number,
): Promise<void> {
  const target = await startTarget();
  const proxies: Proxy[] = [];
  try {
    for (const name of peers) proxies.push(await start(name, target.url, 'tunnel-peer.ts'));
    const results = new Map<string, number[]>();
    const add = (name: string, what: string, result: number): void =>
      void results.set(`${name} ${what}`, [...(results.get(`${name} ${what}`) ?? []), result]);
    for (let round = 0; round <= rounds; round++)
      for (const proxy of proxies) {
        const { name, url } = proxy;
        const { wall, cpu } = await throughput(proxy, target.url);
        const trips = await roundTrips(url, target.url);
        const tunnels = await opened(url, target.url);
        // The first round warms up.
        if (round === 0) continue;
        add(name, 'MB/s', wall);
        add(name, 'MB per second of CPU', cpu);
        add(name, 'round trips/s', trips);
        add(name, 'opened/s', tunnels);
      }
    const of = (name: string, what: string): number => median(results.get(`${name} ${what}`) ?? []);
    console.log('\nTunnels');
    const rows = [];
    for (const proxy of proxies) {
      const row: Record<string, string | number> = { proxy: proxy.name };
      for (const what of ['MB/s', 'MB per second of CPU', 'round trips/s', 'opened/s']) {
        row[what] = Math.round(of(proxy.name, what));
        if (proxy.name !== 'sekisho')
          row[`sekisho, ${what}`] =
            Math.round((of('sekisho', what) / of(proxy.name, what)) * 100) / 100;
      }
      row['KiB per idle tunnel'] = Math.round((await idleMemory(proxy, target.url)) * 10) / 10;
      rows.push(row);
    }
    console.table(rows);
  } finally {
    for (const { process: child } of proxies) child.kill('SIGKILL');
    target.close();
  }
}
