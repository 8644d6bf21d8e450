import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { clock } from '../clock.ts';
import type { TunnelGuard } from '../context.ts';
import { GuardedBytes } from './guarded-bytes.ts';
import { HelloPeek } from './hello-peek.ts';
import { splice, type SpliceEnd, type SpliceReason } from './splice.ts';

/** How a tunnel ended. */
export type TunnelReason =
  | SpliceReason
  /** It was open for the longest time it may be. */
  | 'duration'
  /** A guard has cut it. */
  | 'cut';

export interface TunnelEnd extends Omit<SpliceEnd, 'reason'> {
  readonly reason: TunnelReason;
}

export interface TunnelOptions {
  /** Bytes of the client read before; they go to the server first. */
  readonly head: Buffer;
  /** Milliseconds; 0 for never. */
  readonly idle: number;
  /** Milliseconds; 0 for never. */
  readonly maxDuration: number;
  readonly guards: readonly TunnelGuard[];
  /** Told once, when the client has begun to speak: the server name of its ClientHello, if it is one and has one. */
  readonly onServerName: (name: string | undefined) => void;
  readonly onEnd: (end: TunnelEnd) => void;
}

/** A peer may be silent for long: TCP itself asks whether it still exists (milliseconds). */
const keepAliveDelay = 60_000;

/** Joins the two sides of a CONNECT: bytes both ways, within limits, under the eyes of guards. */
export function openTunnel(client: Duplex, server: Duplex, options: TunnelOptions): void {
  const { head, idle, maxDuration, onServerName, onEnd } = options;
  const guards = new GuardedBytes(options.guards);
  let reason: TunnelReason | undefined;
  const end = (why: TunnelReason): void => {
    reason ??= why;
    pair.destroy();
  };
  const cut = (): void => {
    end('cut');
  };
  for (const socket of [client, server])
    if (socket instanceof Socket) socket.setKeepAlive(true, keepAliveDelay);
  watchForHello(client, head, (name) => {
    onServerName(name);
    guards.name(name, cut);
  });
  const pair = splice(client, server, {
    clientHead: head,
    idle,
    ...(guards.present && { onBytes: guards.watch(cut) }),
    onEnd(ended) {
      stopTimer?.();
      onEnd({ ...ended, reason: reason ?? ended.reason });
      guards.end();
    },
  });
  const stopTimer =
    maxDuration === 0
      ? undefined
      : clock.after(maxDuration, () => {
          end('duration');
        });
}

/**
 * Reads the server name beside the splice, which hands every chunk on at once: nobody waits for it.
 *
 * @param told once, when the client has begun to speak; with undefined when that is no ClientHello, or names no server
 */
function watchForHello(
  client: Duplex,
  head: Buffer,
  told: (name: string | undefined) => void,
): void {
  const peek = new HelloPeek();
  const look = (chunk: Uint8Array): boolean => {
    const reading = peek.push(chunk);
    if (reading === undefined) return false;
    told('serverName' in reading ? reading.serverName : undefined);
    return true;
  };
  if (head.length > 0 && look(head)) return;
  const listen = (chunk: Uint8Array): void => {
    if (look(chunk)) client.off('data', listen);
  };
  client.on('data', listen);
}
