import { createHash } from 'node:crypto';

/** Bytes of which no two stretches are alike, so that a lost, doubled or swapped piece shows. */
export function content(length: number): Buffer {
  const bytes = Buffer.alloc(Math.ceil(length / 4) * 4);
  for (let at = 0; at < bytes.length; at += 4)
    bytes.writeUInt32BE(Math.imul(at, 2654435761) >>> 0, at);
  return bytes.subarray(0, length);
}

export function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
