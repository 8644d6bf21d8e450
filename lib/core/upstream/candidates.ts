import type { Server } from './server.ts';

/**
 * The servers that may get requests, in the order of definition; empty when there is none.
 *
 * 1. Primaries that can be reached, then backups: backups are for when no primary is usable.
 * 2. Of those the ones not ejected, unless so many are that the judgement itself is in doubt (panic).
 * 3. Nobody can be reached: those refused last, because one of them may be back. Servers that an
 *    active check calls down are left to the check.
 */
export function candidatesOf(
  servers: readonly Server[],
  panicThreshold: number,
): readonly Server[] {
  const present = servers.filter((server) => !server.draining && server.health !== 'down');
  for (const backup of [false, true]) {
    const reachable = present.filter(
      (server) => server.backup === backup && server.ejected !== 'unreachable',
    );
    if (reachable.length === 0) continue;
    const trusted = reachable.filter((server) => server.ejected === undefined);
    return trusted.length === 0 || trusted.length < panicThreshold * reachable.length
      ? reachable
      : trusted;
  }
  const primaries = present.filter((server) => !server.backup);
  return primaries.length > 0 ? primaries : present;
}

/** Whether a server can be reached as far as we know. */
export function reachable(server: Server): boolean {
  return !server.draining && server.health !== 'down' && server.ejected !== 'unreachable';
}
