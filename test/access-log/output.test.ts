import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDestination, type LogStream } from '../../lib/access-log/destination.ts';
import { StreamOutput } from '../../lib/access-log/output.ts';
import { useClock } from '../../lib/core/clock.ts';

function write(output: StreamOutput, line: string): void {
  output.begin()?.string(line);
  output.end();
}

class Stream extends EventEmitter {
  readonly batches: string[] = [];

  write(lines: Buffer | string): boolean {
    this.batches.push(String(lines));
    return true;
  }
}

function outputTo(stream: Stream): StreamOutput {
  return new StreamOutput(stream as unknown as LogStream, undefined, 1e6);
}

test('a stream that says it has room gets no batch before its time', async (t) => {
  let fire: (() => void) | undefined;
  t.after(
    useClock({
      after(_milliseconds, callback) {
        fire = callback;
        return () => (fire = undefined);
      },
    }),
  );
  const stream = new Stream();
  const output = outputTo(stream);
  write(output, 'one\n');
  fire?.();
  assert.deepEqual(stream.batches, ['one\n']);
  write(output, 'two\n');
  stream.emit('drain');
  write(output, 'three\n');
  assert.deepEqual(stream.batches, ['one\n'], 'they have their moment');
  fire?.();
  assert.deepEqual(stream.batches, ['one\n', 'two\nthree\n']);
  await output.close();
});

test('where little may wait, a stream that takes everything loses nothing', async () => {
  const stream = new Stream();
  const output = new StreamOutput(stream as unknown as LogStream, undefined, 10_000);
  for (let number = 0; number < 100; number++) write(output, `${'x'.repeat(999)}\n`);
  await output.close();
  assert.equal(output.dropped, 0);
  assert.equal(stream.batches.join('').length, 100_000);
});

test('lines reach a file whole and in their order, also across a reopening', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-output-'));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  const file = join(directory, 'lines.log');
  const own = openDestination(file, 1e8);
  const output = new StreamOutput(own, own, 1e8);
  const expected: string[] = [];
  for (let round = 0; round < 30; round++) {
    for (let number = 0; number < 1 + ((round * 397) % 2000); number++) {
      const line = `${round}.${number} ${'x'.repeat((number * 31) % 300)}`;
      expected.push(line);
      write(output, `${line}\n`);
    }
    if (round === 10) output.reopen();
    if (round % 3 === 0) await output.flush();
  }
  await output.close();
  assert.equal(output.dropped, 0);
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  const wrong = lines.findIndex((line, at) => line !== expected[at]);
  assert.equal(wrong, -1, `line ${wrong} is ${lines[wrong]?.slice(0, 40) ?? ''}`);
  assert.equal(lines.length, expected.length);
});
