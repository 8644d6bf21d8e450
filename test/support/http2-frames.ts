/** An HTTP/2 client that sends frames as it is told, and shows those that come (RFC 9113 §4). */
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { until } from './servers.ts';
import { tlsClient, type TlsServing } from './tls.ts';

export const frameTypes = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const endStream = 1;
export const endHeaders = 4;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export interface FrameClient {
  readonly socket: TLSSocket;
  readonly frames: readonly Frame[];
  readonly closed: boolean;
  send(type: keyof typeof frameTypes, flags: number, stream: number, payload?: Buffer): void;
  /** Opens a stream with these fields, pseudo-fields included. */
  headers(stream: number, fields: readonly string[], flags?: number): void;
  /** Waits for a frame. */
  sees(type: keyof typeof frameTypes, stream?: number): Promise<Frame>;
}

export const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export async function frameClient(t: TestContext, { port, ca }: TlsServing): Promise<FrameClient> {
  const socket = await tlsClient(t, port, { ca, ALPNProtocols: ['h2'] });
  const frames: Frame[] = [];
  const client = {
    socket,
    frames,
    closed: false,
    send(
      type: keyof typeof frameTypes,
      flags: number,
      stream: number,
      payload: Buffer = Buffer.alloc(0),
    ) {
      const head = Buffer.alloc(9);
      head.writeUIntBE(payload.length, 0, 3);
      head.writeUInt8(frameTypes[type], 3);
      head.writeUInt8(flags, 4);
      head.writeUInt32BE(stream, 5);
      socket.write(Buffer.concat([head, payload]));
    },
    headers(stream: number, fields: readonly string[], flags = endStream | endHeaders) {
      client.send('HEADERS', flags, stream, hpack(fields));
    },
    async sees(type: keyof typeof frameTypes, stream?: number): Promise<Frame> {
      const find = (): Frame | undefined =>
        frames.find(
          (frame) =>
            frame.type === frameTypes[type] && (stream === undefined || frame.stream === stream),
        );
      await until(() => find() !== undefined, `${type} on stream ${stream ?? 'any'}`);
      return find()!;
    },
  };
  socket.on('error', () => undefined).on('close', () => (client.closed = true));
  readFrames(socket, frames);
  socket.write(preface, 'latin1');
  client.send('SETTINGS', 0, 0);
  return client;
}

/** Puts the frames that come over a connection into a list. @param skip bytes in front of the first one */
export function readFrames(socket: Duplex, frames: Frame[], skip = 0): void {
  let rest: Buffer = Buffer.alloc(0);
  let toSkip = skip;
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk.subarray(toSkip)]);
    toSkip = Math.max(0, toSkip - chunk.length);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const length = rest.readUIntBE(0, 3);
      frames.push({
        type: rest.readUInt8(3),
        flags: rest.readUInt8(4),
        stream: rest.readUInt32BE(5) & 0x7fffffff,
        payload: rest.subarray(9, 9 + length),
      });
      rest = rest.subarray(9 + length);
    }
  });
}

/** Literal fields without indexing and without Huffman coding (RFC 7541 §6.2.2). */
export function hpack(fields: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  for (const [at, text] of fields.entries()) {
    if (at % 2 === 0) parts.push(Buffer.from([0]));
    const bytes = Buffer.from(text, 'latin1');
    parts.push(integer(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}

/** With a prefix of seven bits. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  for (let left = value - 127; ; left >>= 7) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left & 127) | 128);
  }
}

/** A request for a path, with more fields behind. */
export function request(path: string, ...more: readonly string[]): string[] {
  return [':method', 'GET', ':scheme', 'https', ':authority', 'localhost', ':path', path, ...more];
}
