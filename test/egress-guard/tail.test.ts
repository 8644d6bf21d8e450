import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Tail } from '../../lib/egress-guard/tail.ts';

test('holds back at least so many bytes, and changes none', () => {
  fc.assert(
    fc.property(
      fc.nat(50),
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 })),
      (size, chunks) => {
        const tail = new Tail(size);
        const out: Buffer[] = [];
        let bytes = 0;
        for (const chunk of chunks) {
          bytes += chunk.length;
          out.push(...tail.push(Buffer.from(chunk)));
          assert.ok(bytes - Buffer.concat(out).length >= Math.min(size, bytes));
        }
        out.push(...tail.release());
        assert.ok(tail.empty);
        assert.deepEqual(Buffer.concat(out), Buffer.concat(chunks));
      },
    ),
  );
});

test('the last byte may stay', () => {
  const tail = new Tail(100);
  tail.push(Buffer.from('abc'));
  assert.equal(String(Buffer.concat(tail.release(1))), 'ab');
  assert.equal(String(Buffer.concat(tail.release(1))), '');
  assert.equal(String(Buffer.concat(tail.release())), 'c');
});
