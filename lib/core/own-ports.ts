import type { Server } from 'node:http';

const listening = new Set<Server>();

/** Remembers a server of this process for as long as it listens: a forward proxy must not be led back to it. */
export function rememberListening(server: Server): void {
  const add = (): void => void listening.add(server);
  if (server.listening) add();
  server.on('listening', add).on('close', () => listening.delete(server));
}

/** The ports at which the attached servers of this process listen. */
export function ownPorts(): readonly number[] {
  const ports: number[] = [];
  for (const server of listening) {
    const address = server.address();
    if (typeof address === 'object' && address !== null) ports.push(address.port);
  }
  return ports;
}
