import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import {
  brotliCompressSync,
  constants,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import fc from 'fast-check';
import {
  ContentDecoder,
  codingsOf,
  type Coding,
  type DecodingLimits,
} from '../../../lib/core/decoding/content-decoder.ts';
import { until } from '../../support/servers.ts';

interface Decoded {
  readonly outcome: 'end' | 'broken' | 'bomb' | 'too-large';
  readonly body: Buffer;
}

const wide: DecodingLimits = { maxSize: 1e9 };

function decode(
  codings: readonly Coding[],
  body: Buffer,
  { limits = wide, step = body.length }: { limits?: DecodingLimits; step?: number } = {},
): Promise<Decoded> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    const done = (outcome: Decoded['outcome']): void => {
      resolve({ outcome, body: Buffer.concat(chunks) });
    };
    let drained = (): void => undefined;
    const decoder = new ContentDecoder(codings, limits, {
      onData: (chunk) => void chunks.push(chunk),
      onEnd: () => done('end'),
      onDrain: () => drained(),
      onProblem: (problem) => done(problem),
    });
    void (async () => {
      for (let at = 0; at < body.length; at += step)
        if (!decoder.write(body.subarray(at, at + step)))
          await new Promise<void>((resume) => (drained = resume));
      decoder.end();
    })();
  });
}

const text = Buffer.from('the barrier opens at dawn and closes at dusk\n'.repeat(3000));
const encoded: readonly (readonly [string, readonly Coding[], (body: Buffer) => Buffer])[] = [
  ['nothing', [], (body) => body],
  ['gzip', ['gzip'], gzipSync],
  ['deflate with a zlib header', ['deflate'], deflateSync],
  ['deflate without', ['deflate'], deflateRawSync],
  ['br', ['br'], brotliCompressSync],
  ['zstd', ['zstd'], zstdCompressSync],
  ['gzip, br', ['gzip', 'br'], (body) => brotliCompressSync(gzipSync(body))],
  [
    'zstd, deflate, gzip',
    ['zstd', 'deflate', 'gzip'],
    (body) => gzipSync(deflateSync(zstdCompressSync(body))),
  ],
];

for (const [name, codings, encode] of encoded)
  for (const step of [1, 100, Infinity])
    test(`undoes ${name} in pieces of ${step}`, async () => {
      const { outcome, body } = await decode(codings, encode(text.subarray(0, 20_000)), { step });
      assert.equal(outcome, 'end');
      assert.ok(body.equals(text.subarray(0, 20_000)));
    });

test('undoes any body, however it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 2000 }),
      fc.constantFrom(...encoded),
      fc.integer({ min: 1, max: 700 }),
      async (bytes, [, codings, encode], step) => {
        const { outcome, body } = await decode(codings, encode(Buffer.from(bytes)), { step });
        assert.equal(outcome, 'end');
        assert.ok(body.equals(bytes));
      },
    ),
    { numRuns: 60 },
  );
});

test('ends with a verdict whatever bytes it is given', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.constantFrom<Coding>('gzip', 'deflate', 'br', 'zstd'),
      async (bytes, coding) => {
        const { outcome } = await decode([coding], Buffer.from(bytes), { step: 50 });
        assert.ok(outcome === 'end' || outcome === 'broken');
      },
    ),
    { numRuns: 100 },
  );
});

for (const [name, codings, encode] of encoded.slice(1)) {
  test(`${name} cut short is broken`, async () => {
    const whole = encode(text);
    const { outcome } = await decode(codings, whole.subarray(0, whole.length - 3));
    assert.equal(outcome, 'broken');
  });
  for (const step of [5, Infinity])
    test(`${name} with bytes behind its end, in pieces of ${step}, is broken`, async () => {
      const whole = Buffer.concat([encode(text), Buffer.from('hidden')]);
      assert.equal((await decode(codings, whole, { step })).outcome, 'broken');
    });
  test(`${name} stated, and not so, is broken`, async () => {
    const { outcome } = await decode(codings, Buffer.from('plain text, after all'));
    assert.equal(outcome, 'broken');
  });
  test(`${name} of nothing is nothing`, async () => {
    const { outcome, body } = await decode(codings, Buffer.alloc(0));
    assert.equal(outcome, 'end');
    assert.equal(body.length, 0);
  });
}

test('gzip of several members is all of them', async () => {
  const { body } = await decode(
    ['gzip'],
    Buffer.concat([gzipSync('a'), gzipSync('b'), gzipSync('c')]),
    { step: 21 },
  );
  assert.equal(body.toString(), 'abc');
});

for (const [name, codings, encode] of encoded.slice(1)) {
  const bomb = encode(Buffer.alloc(20_000_000));
  test(`a bomb of ${name} ends at the size, and gives no more than that`, async () => {
    const limits = { maxSize: 3_000_000, maxRatio: 1e9 };
    const { outcome, body } = await decode(codings, bomb, { limits, step: 1000 });
    assert.equal(outcome, 'too-large');
    assert.ok(body.length <= 3_000_000);
  });
  for (const maxSize of [100_000, 1_000_000, 5_000_000])
    test(`a bomb of ${name} in one piece is one also beyond ${maxSize} bytes`, async () => {
      assert.equal((await decode(codings, bomb, { limits: { maxSize } })).outcome, 'bomb');
      const ordinary = encode(Buffer.from(randomBytes(400_000).toString('hex')));
      const { outcome } = await decode(codings, ordinary, { limits: { maxSize } });
      assert.equal(outcome, maxSize < 800_000 ? 'too-large' : 'end');
    });
  test(`a bomb of ${name} ends at the ratio`, async () => {
    const { outcome, body } = await decode(codings, bomb, { limits: wide });
    assert.equal(outcome, 'bomb');
    // 200 times what went in, or the size from which it counts.
    assert.ok(body.length <= Math.max(200 * bomb.length, 1024 * 1024));
  });
}

test('a short repetitive text is no bomb', async () => {
  const { outcome } = await decode(['gzip'], gzipSync(Buffer.alloc(1_000_000)));
  assert.equal(outcome, 'end');
});

test('zstd with a window larger than 8 MB (RFC 9659) is refused before it takes the memory', async () => {
  const windowed = zstdCompressSync(Buffer.alloc(20_000_000), {
    params: { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_contentSizeFlag]: 0 },
  });
  assert.equal((await decode(['zstd'], windowed)).outcome, 'broken');
});

for (const [name, codings, encode] of encoded)
  test(`${name} paused gives next to nothing, and takes no more than its buffers`, async () => {
    const noise = Buffer.alloc(1_000_000, 'one line of many that differ little\n');
    for (let at = 0; at + 4 <= noise.length; at += 12)
      noise.writeUInt32LE((at * 2654435761) >>> 0, at);
    const body = encode(noise);
    const chunks: Buffer[] = [];
    let given = 0;
    let ended = false as boolean;
    let drains = 0;
    const decoder = new ContentDecoder(codings, wide, {
      onData: (chunk) => {
        chunks.push(chunk);
        given += chunk.length;
        decoder.pause();
      },
      onEnd: () => (ended = true),
      onDrain: () => (drains += 1),
      onProblem: (problem, detail) => assert.fail(`${problem} ${detail}`),
    });
    let at = 0;
    const push = (): boolean => {
      while (at < body.length) {
        const more = decoder.write(body.subarray(at, (at += 16_384)));
        if (!more) return false;
      }
      return true;
    };
    assert.equal(push(), false);
    await until(() => given > 0, 'something comes');
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(given <= 3 * 64 * 1024, `${given} bytes came`);
    let seen = 0;
    while (at < body.length || !ended) {
      decoder.resume();
      if (drains > seen || at === 0) {
        seen = drains;
        if (push()) decoder.end();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(Buffer.concat(chunks).equals(noise));
  });

test('nothing is told after destroy()', async () => {
  let calls = 0;
  const count = (): void => void (calls += 1);
  const decoder = new ContentDecoder(['gzip'], wide, {
    onData: count,
    onEnd: count,
    onDrain: count,
    onProblem: count,
  });
  decoder.write(gzipSync(text));
  decoder.destroy();
  decoder.write(Buffer.from('more'));
  decoder.end();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(calls, 0);
});

for (const [value, codings] of [
  [undefined, []],
  ['', []],
  ['identity', []],
  ['GZIP', ['gzip']],
  ['x-gzip', ['gzip']],
  [' gzip ,, br', ['gzip', 'br']],
  ['compress', undefined],
  ['gzip, aes128gcm', undefined],
  ['constructor', undefined],
  ['gzip;q=1', undefined],
  ['gzip, gzip, gzip, gzip', ['gzip', 'gzip', 'gzip', 'gzip']],
  ['gzip, gzip, gzip, gzip, gzip', undefined],
] as const)
  test(`codings of ${String(value)}: ${codings?.join() ?? 'unknown'}`, () => {
    assert.deepEqual(codingsOf(value), codings);
  });
