import { isAscii } from 'node:buffer';
import { readSync } from 'node:fs';

const blockSize = 256 * 1024;
/** What is kept of a line without end: enough to see that it is too long. */
const keptOfLongLine = 8 * 1024;
const newline = 10;

/**
 * Reads a file in blocks of whole lines, so that it is never in memory as a whole.
 *
 * @param most bytes; a file that is larger, or grows beyond that meanwhile, throws
 */
export function* readBlocks(descriptor: number, most: number): Generator<string> {
  const buffer = Buffer.allocUnsafe(blockSize);
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  let total = 0;
  let kept = 0;
  for (;;) {
    const count = readSync(descriptor, buffer, kept, blockSize - kept, null);
    total += count;
    if (total > most) throw new RangeError(`it is larger than ${most / 1024 / 1024} MB`);
    const filled = kept + count;
    const end = count === 0 ? filled : buffer.lastIndexOf(newline, filled - 1) + 1;
    if (end > 0) {
      const lines = buffer.subarray(0, end);
      yield isAscii(lines) ? lines.toString('latin1') : utf8.decode(lines);
    }
    if (count === 0) return;
    kept = filled === blockSize && end === 0 ? keptOfLongLine : filled - end;
    if (end > 0) buffer.copyWithin(0, end, filled);
  }
}
