import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineBytes } from '../../lib/access-log/line-bytes.ts';

function made(write: (line: LineBytes) => void): string {
  const line = new LineBytes();
  write(line);
  return line.take().toString();
}

for (const [name, text] of Object.entries({
  'an empty text': '',
  'a short one': '/image/a.png',
  'a long one': '/a'.repeat(1000),
  'a quote': 'a"b',
  'a quote at the end of a long one': `${'a'.repeat(100)}"`,
  'a backslash': 'a\\b',
  'a line feed': 'a\nb',
  'a long one with a control character': `${'a'.repeat(100)}\x1b[2J`,
  'letters beyond ASCII': 'grün 漢字 🙂',
}))
  test(`${name} is a string of JSON, with nothing before or behind it`, () => {
    const json = made((line) => {
      line.string('<');
      line.jsonString(text);
      line.string('>');
    });
    assert.match(json, /^<".*">$/s);
    assert.equal(JSON.parse(json.slice(1, -1)), text);
    assert.doesNotMatch(json, /\p{Cc}/u);
  });

test('any text comes back out of its JSON', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
      const json = made((line) => {
        line.jsonString(text);
      });
      assert.equal(JSON.parse(json), text);
    }),
  );
});

test('every number below a thousand has three digits', () => {
  const text = made((line) => {
    for (let number = 0; number < 1000; number++) line.thousandths(number);
  });
  const expected = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));
  assert.equal(text, expected.join(''));
});

test('what does not fit makes room for itself, and the next line has what it had before', () => {
  const line = new LineBytes();
  line.string('first ');
  line.jsonString('x'.repeat(300_000));
  line.bytes(Buffer.alloc(200_000, 'y'));
  assert.equal(line.take().toString(), `first "${'x'.repeat(300_000)}"${'y'.repeat(200_000)}`);
  line.string('second');
  assert.equal(line.take().toString(), 'second');
});

test('a line that is given up leaves no trace', () => {
  const line = new LineBytes();
  line.string('kept');
  const { length } = line;
  line.string(' given up');
  line.cutTo(length);
  line.string(' and more');
  assert.equal(line.take().toString(), 'kept and more');
});

test('what was taken does not change with what comes after', () => {
  const line = new LineBytes();
  for (const size of [10, 40_000, 10, 60_000, 40_000]) {
    line.bytes(Buffer.alloc(size, 'a'));
    const taken = line.take();
    line.bytes(Buffer.alloc(64 * 1024, 'b'));
    assert.equal(taken.length, size);
    assert.equal(taken.includes('b'), false);
    line.cutTo(0);
  }
});
