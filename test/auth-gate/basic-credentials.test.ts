import assert from 'node:assert/strict';
import { test } from 'node:test';
import expressBasicAuth from 'express-basic-auth';
import fc from 'fast-check';
import { readBasicCredentials } from '../../lib/auth-gate/basic-credentials.ts';
import { askEngine } from '../../lib/auth-gate/basic-engine.ts';
import { quotedString } from '../../lib/auth-gate/challenge.ts';

const printable = fc
  .string({ unit: 'grapheme', maxLength: 60 })
  .filter((text) => !/\p{Cc}/u.test(text) && text.isWellFormed());

test('reads what a client has put together, whatever the name and the password', () => {
  fc.assert(
    fc.property(
      printable.filter((name) => !name.includes(':')),
      printable,
      (name, password) => {
        const token68 = Buffer.from(`${name}:${password}`).toString('base64');
        assert.deepEqual(readBasicCredentials(token68), { name, password });
      },
    ),
    { numRuns: 300 },
  );
});

test('what it accepts express-basic-auth reads in the same way', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64')),
        fc.base64String({ maxLength: 60 }),
        fc.string({ maxLength: 40 }),
        printable.map((text) => Buffer.from(text).toString('base64')),
      ),
      async (token68) => {
        const read = readBasicCredentials(token68);
        if ('problem' in read) return;
        let judged: unknown;
        await askEngine(token68, (name, password) => {
          judged = { name, password };
          return true;
        });
        assert.deepEqual(judged, read);
      },
    ),
    { numRuns: 500 },
  );
});

test('never throws, and names each problem without quoting what was sent', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const read = readBasicCredentials(text);
      if ('problem' in read) assert.match(read.problem, /^[\w -]+$/);
    }),
    { numRuns: 500 },
  );
});

for (const [answer, passed] of [
  [true, true],
  [false, false],
] as const)
  test(`the engine: a judge that says ${answer}, at once and later`, async () => {
    const token68 = Buffer.from('alice:wonderland').toString('base64');
    assert.equal(
      askEngine(token68, () => answer),
      passed,
    );
    assert.equal(await askEngine(token68, () => Promise.resolve(answer)), passed);
    await assert.rejects(
      Promise.resolve(askEngine(token68, () => Promise.reject(new Error('db')))),
      /db/,
    );
  });

test('the engine is express-basic-auth itself', () => {
  assert.equal(typeof expressBasicAuth.safeCompare, 'function');
  assert.equal(
    askEngine('!', () => assert.fail('nothing to judge')),
    false,
  );
});

test('a realm of any characters is one quoted string of ASCII', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (realm) => {
      // eslint-disable-next-line no-control-regex -- exactly these must not be in it
      assert.match(quotedString(realm), /^"(?:[^"\\\x00-\x1f\x7f-\uffff]|\\["\\])*"$/);
    }),
    { numRuns: 300 },
  );
});
