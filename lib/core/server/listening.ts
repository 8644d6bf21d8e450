import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Listens on an address.
 *
 * @throws {Error} (as a rejection) with the system's `code` when that cannot be done
 */
export function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const refused = (error: NodeJS.ErrnoException): void => {
      const where = `${host ?? 'all addresses'}, port ${port}`;
      const message = `serve: cannot listen on ${where}: ${remedyFor(error)}`;
      reject(Object.assign(new Error(message, { cause: error }), { code: error.code }));
    };
    server.once('error', refused);
    server.listen({ port, host }, () => {
      server.removeListener('error', refused);
      resolve();
    });
  });
}

function remedyFor({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'another process listens there; end it or choose another port';
    case 'EACCES':
      return 'not permitted; choose a port from 1024 on, or give the process the right to lower ones';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'that is no address of this machine; leave host out to listen on all';
    default:
      return message;
  }
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Where a server is reached, without a slash at the end. */
export function urlOf(server: Server, scheme: 'http' | 'https', host: string | undefined): string {
  const name = host === undefined || host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `${scheme}://${name.includes(':') ? `[${name}]` : name}:${portOf(server)}`;
}
