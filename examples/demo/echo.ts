/** A server that sends back what it gets: the body of a request, the messages of a WebSocket. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

/** Starts it and tells its URL. */
export async function startEcho(port = 0): Promise<string> {
  const server = createServer((req, res) => {
    res.setHeader('Content-Type', req.headers['content-type'] ?? 'text/plain; charset=utf-8');
    if (req.method === 'POST') req.pipe(res);
    else res.end('Send me a POST or a WebSocket message and you get it back.\n');
  });
  new WebSocketServer({ server }).on('connection', (socket) => {
    socket.on('error', () => undefined);
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
