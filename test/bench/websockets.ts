/** WebSockets through sekisho's splice and through http-proxy-middleware: round trips, and memory per idle pair. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { median, memory } from './measure.ts';

interface Proxy {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly process: ChildProcess;
}

const rounds = 3;
const busySockets = 50;
const idleSockets = 1000;

export async function benchWebSockets(
  target: string,
  start: (name: string, target: string) => Promise<Proxy>,
): Promise<void> {
  const proxies = [
    await start('sekisho', target),
    await start('http-proxy-middleware + ws', target),
  ];
  const trips = new Map<string, number[]>(proxies.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const { name, url } of proxies) trips.get(name)?.push(await roundTrips(url));
  console.log(`\nWebSocket`);
  const rows = [];
  for (const { name, url, pid, process: child } of proxies) {
    const before = memory(pid).now;
    const sockets = await open(url, idleSockets);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const perPair = ((memory(pid).now - before) * 1024) / idleSockets;
    rows.push({
      proxy: name,
      'round trips/s': Math.round(median(trips.get(name) ?? [])),
      'KiB per idle pair': Math.round(perPair * 10) / 10,
    });
    for (const socket of sockets) socket.terminate();
    child.kill('SIGKILL');
  }
  console.table(rows);
}

async function open(url: string, count: number): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  for (let index = 0; index < count; index++) {
    const socket = new WebSocket(url.replace('http', 'ws'), { perMessageDeflate: false });
    await once(socket, 'open');
    sockets.push(socket);
  }
  return sockets;
}

async function roundTrips(url: string): Promise<number> {
  const sockets = await open(url, busySockets);
  let count = 0;
  for (const socket of sockets) {
    socket.on('message', () => {
      count++;
      socket.send('a message of some forty bytes, like a chat');
    });
    socket.send('start');
  }
  const seconds = 3;
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  for (const socket of sockets) socket.terminate();
  return count / seconds;
}
