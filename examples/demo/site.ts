/** A server that says who it is and what it was asked for: what the examples put a proxy in front of. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Starts it on a free port of this machine and tells its URL. */
export async function startSite(
  name: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<string> {
  const server = createServer((req, res) => {
    res.setHeaders(
      new Map(Object.entries({ 'Content-Type': 'text/plain; charset=utf-8', ...fields })),
    );
    res.end(`${name} answers ${req.method ?? ''} ${req.url ?? ''}\n`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
