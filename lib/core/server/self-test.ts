import type { Server } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { connect as connectTls, Server as TlsServer } from 'node:tls';
import { clock } from '../clock.ts';
import { addressClass, parseAddress } from '../http/address.ts';
import { beginTrial, proxyAnnounced } from '../proxy-trial.ts';

/** An app that has not answered by then has not let anybody through (milliseconds). */
const patience = 1000;
const agent = 'User-Agent: sekisho-self-test\r\nConnection: close\r\n\r\n';

/**
 * Asks the own listener as a stranger without credentials would: by a request in absolute-form, a CONNECT, a path that
 * begins with `//` and a foreign Host. Nothing leaves the machine: a forward proxy of ours knows the host that the first two
 * ask for and says that it would have gone there; the other two name a listener of this test on the loopback.
 *
 * A listener on the loopback is not asked, nor one in a process without forward proxy.
 *
 * @returns what got through; undefined for nothing
 */
export async function testForOpenProxy(server: Server): Promise<string | undefined> {
  const host = outsideOf(server);
  if (!proxyAnnounced() || host === undefined) return undefined;
  const trial = beginTrial();
  const bait = await openBait();
  const { hostname } = trial;
  const ask = (text: string): Promise<void> => speak(server, host, text + agent);
  let through: string | undefined;
  try {
    await Promise.all([
      ask(`GET http://${hostname}/ HTTP/1.1\r\nHost: ${hostname}\r\n`),
      ask(`CONNECT ${hostname}:443 HTTP/1.1\r\nHost: ${hostname}:443\r\n`),
    ]);
    if (trial.reached) through = 'a request to the forward proxy';
    await Promise.all([
      ask(`GET //${bait.authority}/ HTTP/1.1\r\nHost: ${hostname}\r\n`),
      ask(`GET / HTTP/1.1\r\nHost: ${bait.authority}\r\n`),
    ]);
    if (bait.taken) through ??= 'a request with the Host or the path of another server';
    return through;
  } finally {
    trial.end();
    bait.close();
  }
}

/** Where others reach this server; undefined when only this machine does. */
function outsideOf(server: Server): string | undefined {
  const bound = server.address();
  if (typeof bound !== 'object' || bound === null) return undefined;
  const address = parseAddress(bound.address);
  const kind = address && addressClass(address);
  if (kind !== 'unspecified') return kind === 'loopback' ? undefined : bound.address;
  const outside = Object.values(networkInterfaces())
    .flatMap((interfaces) => interfaces ?? [])
    .filter(({ internal, address: own }) => !internal && !own.startsWith('fe80:'));
  return (outside.find(({ family }) => family === 'IPv4') ?? outside[0])?.address;
}

/** A listener that nobody has a reason to connect to. */
async function openBait(): Promise<{ authority: string; taken: boolean; close(): void }> {
  const bait = { authority: '', taken: false, close: () => void listener.close() };
  const listener = createServer((socket) => {
    bait.taken = true;
    socket.destroy();
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  listener.unref();
  bait.authority = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return bait;
}

/** Says this, and waits until something comes back. */
function speak(server: Server, host: string, text: string): Promise<void> {
  return new Promise((resolve) => {
    const { port } = server.address() as AddressInfo;
    const socket: Socket =
      server instanceof TlsServer
        ? connectTls({ host, port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
        : connect({ host, port });
    const end = (): void => {
      cancel();
      socket.destroy();
      resolve();
    };
    const cancel = clock.after(patience, end);
    socket.on('error', end).on('close', end).once('data', end);
    socket.write(text, 'latin1');
  });
}
