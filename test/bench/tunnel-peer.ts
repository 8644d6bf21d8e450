/** One way through to be measured by tunnels.ts: `tunnel-peer.ts NAME TARGET_URL`; prints its port. */
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import express from 'express';

const [name = '', target = ''] = process.argv.slice(2);
const { hostname: host, port } = new URL(target);

const peers: Record<string, () => Promise<Server>> = {
  async sekisho() {
    const { serve } = await import('sekisho');
    const { forwardProxy } = await import('sekisho/forward-proxy');
    const app = express().use(
      forwardProxy({
        connectPorts: [Number(port)],
        allowPrivate: [host],
        tunnel: { maxPerUser: 10_000 },
      }),
    );
    return (await serve(app, { host: '127.0.0.1' })).server;
  },
  /** Both ends piped into each other, whatever the client says: nothing can do less. */
  'two pipes'() {
    return listening(
      createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
        client.once('data', () => {
          client.pause();
          const server = connect({ host, port: Number(port), noDelay: true, allowHalfOpen: true });
          for (const socket of [client, server]) socket.on('error', () => undefined);
          server.once('connect', () => {
            client.write('HTTP/1.1 200 OK\r\n\r\n');
            client.pipe(server);
            server.pipe(client);
          });
          client.on('close', () => server.destroy());
          server.on('close', () => client.destroy());
        });
      }),
    );
  },
};

function listening(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

const server = await peers[name]?.();
if (server === undefined)
  throw new Error(`no peer ${name}; there are ${Object.keys(peers).join(', ')}`);
console.log((server.address() as AddressInfo).port);
