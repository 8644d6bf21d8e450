import { bytesOf } from './body.ts';
import type { CacheRecord } from './entry.ts';

/** Bytes that a body may hold in vain. */
const tolerated = 512;

/**
 * The record with a body that holds no more memory than its own: a few bytes cut from a socket's buffer or from Node's
 * pool would keep all of that alive for as long as they are stored.
 *
 * @param texts whether it may be a text
 */
export function ownBody(record: CacheRecord, texts: boolean): CacheRecord {
  if (record.kind === 'vary') return record;
  const { body } = record;
  if (typeof body === 'string') return texts ? record : { ...record, body: bytesOf(body) };
  const held = body.buffer.byteLength;
  if (held <= body.length + Math.max(tolerated, body.length / 16)) return record;
  // Not from the pool, as Buffer.from() would be.
  const own = Buffer.allocUnsafeSlow(body.length);
  body.copy(own);
  return { ...record, body: own };
}
