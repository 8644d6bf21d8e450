import { randomFillSync } from 'node:crypto';

const idBytes = 16;
const pool = Buffer.allocUnsafe(64 * idBytes);
let digits = '';
let used = 0;

/** 128 random bits in hexadecimal digits, like nginx' `$request_id`. Chance is drawn for many at once: that is what costs. */
export function newRequestId(): string {
  if (used === digits.length) {
    digits = randomFillSync(pool).toString('hex');
    used = 0;
  }
  const start = used;
  used += idBytes * 2;
  return digits.slice(start, used);
}
