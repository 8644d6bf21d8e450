import { connect, type NetConnectOpts, type Socket } from 'node:net';

/** As much as a socket usually has to give at once. */
const bufferBytes = 64 * 1024;

/** What is read goes here. @returns whether the memory is free again: all of it has left for the system */
export type TakeBytes = (bytes: Buffer) => boolean;

const sources = new WeakMap<Socket, TunnelSource>();

/**
 * A connection of our own that is read into the same memory again and again. An ordinary stream's every piece is a new
 * buffer, and the garbage of a fast download costs as much as moving it. Until somebody takes the bytes by
 * `takeFrom`, it is an ordinary stream.
 */
export function connectSource(options: NetConnectOpts): Socket {
  const source = new TunnelSource();
  const socket = connect({ ...options, onread: source } as NetConnectOpts);
  source.socket = socket;
  sources.set(socket, source);
  return socket;
}

/** From now on the bytes of this socket go here, past its stream. @returns false for sockets of others */
export function takeFrom(socket: object, take: TakeBytes): boolean {
  const source = sources.get(socket as Socket);
  if (source === undefined) return false;
  source.take = take;
  return true;
}

/** Node's `onread` of a socket. */
class TunnelSource {
  socket: Socket | undefined;
  take: TakeBytes | undefined;
  #memory: Buffer | undefined;

  readonly buffer = (): Buffer => (this.#memory ??= Buffer.allocUnsafeSlow(bufferBytes));

  readonly callback = (count: number, bytes: Uint8Array): boolean => {
    const piece = (bytes as Buffer).subarray(0, count);
    if (this.take === undefined) {
      this.#memory = undefined;
      return this.socket?.push(piece) ?? true;
    }
    if (!this.take(piece)) this.#memory = undefined;
    return true;
  };
}
