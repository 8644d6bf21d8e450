import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { cache } from '../../lib/cache/index.ts';
import { DirectListener } from '../../lib/core/exchange/contract.ts';
import { Reader } from '../../lib/cache/reader.ts';
import { Tape } from '../../lib/cache/tape.ts';
import { begin, appOf } from './support.ts';
import { until } from '../support/servers.ts';

/** Takes everything, and counts it. */
class Counting extends DirectListener {
  bytes = 0;
  ended = false;
  onDirectStart(): void {
    // Of no interest.
  }
  onDirectWhole(): void {
    this.ended = true;
  }
  onDirectData(_controller: unknown, chunk: Buffer): boolean {
    this.bytes += chunk.length;
    return false;
  }
  onDirectEnd(): void {
    this.ended = true;
  }
}

class Source {
  paused = false;
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
}

const all = { status: 200, message: 'OK', fields: [], first: 0, last: Infinity };
const window = 1000;
const chunk = Buffer.alloc(100);

function reading(tape: Tape): { reader: Reader; handler: Counting } {
  const handler = new Counting();
  const reader = new Reader(handler, { left: () => undefined });
  reader.read(tape, all);
  return { reader, handler };
}

/** As long as it is let, but no more than this. */
function feed(tape: Tape, source: Source, most = 1000): number {
  let fed = 0;
  while (!source.paused && fed < most) {
    tape.append(Buffer.from(chunk));
    fed += 1;
  }
  return fed;
}

describe('a tape that spills', () => {
  test('keeps a window for the slowest reader, while the others read on', () => {
    const tape = new Tape();
    const source = new Source();
    const [slow, quick] = [reading(tape), reading(tape)];
    feed(tape, source, 5);
    slow.reader.pause();
    tape.spill(window, source);
    assert.deepEqual([tape.kept], [0]);
    feed(tape, source);
    assert.equal(source.paused, true);
    assert.deepEqual([tape.kept], [window + chunk.length]);
    assert.equal(quick.handler.bytes, tape.size);
    assert.equal(slow.handler.bytes, 500);
    slow.reader.resume();
    assert.deepEqual([tape.kept, source.paused, slow.handler.bytes], [0, false, tape.size]);
  });

  test('goes on when the slowest reader leaves', () => {
    const tape = new Tape();
    const source = new Source();
    const [slow, quick] = [reading(tape), reading(tape)];
    slow.reader.pause();
    tape.spill(window, source);
    feed(tape, source);
    slow.reader.abort(new Error('left'));
    assert.deepEqual([tape.kept, source.paused], [0, false]);
    feed(tape, source, 50);
    assert.equal(quick.handler.bytes, tape.size);
  });

  test('what was recorded before is given up at once, as far as all have read it', () => {
    const tape = new Tape();
    const source = new Source();
    const { reader, handler } = reading(tape);
    feed(tape, source, 3);
    reader.pause();
    feed(tape, source, 40);
    assert.equal(tape.kept, 4300);
    tape.spill(window, source);
    assert.deepEqual([tape.kept, source.paused], [4000, true]);
    reader.resume();
    assert.deepEqual([tape.kept, source.paused, handler.bytes], [0, false, 4300]);
    tape.end([]);
    assert.equal(handler.ended, true);
  });
});

test('an answer without end that is not read does not fill the memory', async (t) => {
  const mebibyte = Buffer.alloc(1024 * 1024);
  let written = 0;
  const { url } = await appOf(t, [
    (_req, res) => {
      res.set('Cache-Control', 'max-age=60');
      const go = (): void => {
        do written += 1;
        while (res.write(mebibyte) && written < 500);
      };
      res.on('drain', go);
      go();
    },
  ]);
  const own = cache({ maxEntrySize: '2mb' });
  const { port } = await appOf(t, [own, balancedProxy(url)]);
  const { answer } = await begin(port, '/');
  answer.pause();
  let before = -1;
  await until(async () => {
    const same = before === written;
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return same && before === written && written > 0;
  }, 'the origin is told to wait');
  // maxEntrySize, the window of 1 MiB and what the sockets of two connections hold.
  assert.ok(written < 40, `${written} MiB were taken`);
  answer.destroy();
});
