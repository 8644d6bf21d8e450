import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteQueue } from '../../lib/virus-scanner/byte-queue.ts';

type Step =
  | { readonly kind: 'append'; readonly size: number }
  | { readonly kind: 'read' | 'rewind' | 'skip' }
  | { readonly kind: 'take'; readonly most: number };

const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        size: fc.integer({ min: 0, max: 40_000 }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('read' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constantFrom('rewind' as const, 'skip' as const) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('take' as const),
        most: fc.integer({ min: 0, max: 30_000 }),
      }),
    },
  ),
  { maxLength: 60 },
);

test('it gives back what it was given, in order, once read and once taken', () => {
  fc.assert(
    fc.property(steps, (list: readonly Step[]) => {
      const queue = new ByteQueue();
      let all = Buffer.alloc(0);
      let taken = 0;
      let readTo = 0;
      let next = 0;
      for (const step of list) {
        if (step.kind === 'append') {
          const chunk = Buffer.alloc(step.size);
          for (let at = 0; at < chunk.length; at += 1) chunk[at] = (next += 7) & 0xff;
          queue.append(chunk);
          all = Buffer.concat([all, chunk]);
          // Its owner uses it again.
          chunk.fill(0);
        } else if (step.kind === 'read') {
          const piece = queue.read();
          assert.equal(piece === undefined, readTo === all.length);
          if (piece === undefined) continue;
          assert.ok(piece.equals(all.subarray(readTo, readTo + piece.length)));
          readTo += piece.length;
        } else if (step.kind === 'take') {
          const piece = queue.take(step.most);
          if (piece === undefined) continue;
          assert.ok(piece.length <= step.most && taken + piece.length <= readTo);
          assert.ok(piece.equals(all.subarray(taken, taken + piece.length)));
          taken += piece.length;
        } else if (step.kind === 'rewind') {
          queue.rewind();
          readTo = taken;
        } else {
          queue.skip();
          readTo = all.length;
        }
        assert.equal(queue.size, all.length - taken);
        assert.equal(queue.unread, all.length - readTo);
        assert.ok(Buffer.concat(queue.pieces()).equals(all.subarray(taken)));
      }
    }),
    { numRuns: 200 },
  );
});

test('single bytes are put together', () => {
  const queue = new ByteQueue();
  for (let count = 0; count < 100_000; count += 1) queue.append(Buffer.from([count & 0xff]));
  assert.ok(queue.pieces().length < 10);
});
