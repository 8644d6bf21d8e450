import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readAnswer } from '../core/upstream/http1/read-answer.ts';
import { anyAnswer, bytes as anyBytes } from './answers.ts';

const method = fc.constantFrom('GET', 'HEAD');

test('any bytes end in an answer or an AnswerError', () => {
  fc.assert(
    fc.property(
      fc.oneof(anyBytes(0, 200), anyAnswer),
      method,
      fc.boolean(),
      (bytes, asked, upgrade) => {
        // readAnswer throws on everything that is not an AnswerError.
        const read = readAnswer(bytes, { method: asked, upgrade });
        if (read.complete && read.upgraded === undefined)
          assert.ok(read.status >= 200 && read.status <= 599);
      },
    ),
    { numRuns: 3000 },
  );
});

test('how the bytes are cut makes no difference to what is accepted', () => {
  fc.assert(
    fc.property(
      anyAnswer,
      method,
      fc.array(fc.nat(300), { maxLength: 12 }),
      (bytes, asked, places) => {
        const whole = readAnswer(bytes, { method: asked });
        const cuts = places.map((place) => place % (bytes.length + 1));
        const cut = readAnswer(bytes, { method: asked, cuts });
        if (whole.refused === undefined) {
          assert.deepEqual(cut, whole);
          return;
        }
        // Bytes behind the end are seen together with the answer, or after it; then the answer stands.
        if (cut.complete) assert.match(cut.refused ?? '', /bytes (?:after|nobody)/);
      },
    ),
    { numRuns: 3000 },
  );
});
