import { randomFillSync } from 'node:crypto';

const idBytes = 16;
const chance = Buffer.allocUnsafe(512 * idBytes);
let spent = chance.length;
/** Of few ids, because each keeps all of it. */
const textBytes = 32 * idBytes;
let digits = '';
let used = 0;

/** 128 random bits in hexadecimal digits, like nginx' `$request_id`. Chance is drawn for many at once: that is what costs. */
export function newRequestId(): string {
  if (used === digits.length) {
    if (spent === chance.length) {
      randomFillSync(chance);
      spent = 0;
    }
    digits = chance.toString('hex', spent, spent + textBytes);
    spent += textBytes;
    used = 0;
  }
  const start = used;
  used += idBytes * 2;
  return digits.slice(start, used);
}
