import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readHead } from '../../../../lib/core/upstream/http1/answer-head.ts';

function read(head: string, { cutAt = head.length, before = 0 } = {}): string[] | undefined {
  const bytes = Buffer.concat([Buffer.alloc(before, 'x'), Buffer.from(head, 'latin1')]);
  return readHead(bytes, before, before + cutAt, 'GET')?.head.fields;
}

function headOf(lines: readonly string[]): string {
  return `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
}

/** The same without any memory. */
function fieldsIn(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
  });
}

const long = 'v'.repeat(200);

void describe('lines of a head that are known from the head before', () => {
  const rows: [string, string[][]][] = [
    [
      'the same twice',
      [
        ['A: b', 'Content-Type: text/html'],
        ['A: b', 'Content-Type: text/html'],
      ],
    ],
    ['another value', [['ETag: "1"'], ['ETag: "2"'], ['ETag: "2"']]],
    ['a longer value', [['ETag: "1"'], ['ETag: "1"2'], ['ETag: "1"']]],
    ['a value that ends early', [['Server: nginx/1.2'], ['Server: nginx'], ['Server: nginx/1.2']]],
    ['another name with the same start', [['X-Name: a'], ['X-Names: a'], ['X-Nam: a']]],
    ['another case', [['Vary: a'], ['vary: a'], ['VARY: a']]],
    ['other blanks', [['Vary: a'], ['Vary:a'], ['Vary:  a \t'], ['Vary:\ta'], ['Vary: a']]],
    ['an empty value', [['Vary: a'], ['Vary:'], ['Vary: '], ['Vary: a']]],
    [
      'in other places',
      [
        ['A: 1', 'B: 2'],
        ['B: 2', 'A: 1'],
        ['A: 1', 'B: 2'],
      ],
    ],
    ['too long to be known', [[`A: ${long}`], [`A: ${long}`], [`A: ${long}w`], ['A: v']]],
    [
      'more than are known',
      [40, 40, 39].map((count) => Array.from({ length: count }, () => 'A: b')),
    ],
    ['bytes beyond ASCII', [['A: \xe4\xff'], ['A: \xe4\xff'], ['A: \xe4\xfe']]],
  ];
  for (const [name, heads] of rows)
    it(name, () => {
      for (const lines of heads) assert.deepEqual(read(headOf(lines)), fieldsIn(lines));
    });

  it('a head that is not whole is not read, wherever it ends', () => {
    const lines = ['Known: line', 'Another: one'];
    const head = headOf(lines);
    read(head);
    for (let cutAt = 0; cutAt < head.length; cutAt++)
      assert.equal(read(head, { cutAt }), undefined);
    assert.deepEqual(read(head), fieldsIn(lines));
  });

  it('what follows a known line is judged as ever', () => {
    read(headOf(['Known: line', 'Another: one']));
    for (const bad of [
      'HTTP/1.1 200 OK\r\nKnown: line\r\n folded\r\n\r\n',
      'HTTP/1.1 200 OK\r\nKnown: line\r\nAnother : one\r\n\r\n',
      'HTTP/1.1 200 OK\r\nKnown: line\r\nAnother: one\n\r\n',
      'HTTP/1.1 200 OK\r\nKnown: line\r\nAnother: o\0e\r\n\r\n',
      'HTTP/1.1 200 OK\r\nKnown: line\r\n: one\r\n\r\n',
      'HTTP/1.1 200 OK\r\nKnown: line\n\r\n',
    ])
      assert.throws(() => read(bad), /malformed field name|control byte/);
  });

  it('any heads one after the other', () => {
    const name = fc.constantFrom('A', 'Ab', 'a', 'Date', 'ETag', 'Content-Type', 'Content-Typo');
    const blanks = fc.constantFrom('', ' ', '\t', '  ');
    const value = fc.constantFrom('', 'b', 'b b', '"1"', '"12"', 'text/html', 'text/htm', long);
    const line = fc.tuple(name, blanks, value, blanks).map((parts) => {
      const [first, before, middle, behind] = parts;
      return `${first}:${before}${middle}${behind}`;
    });
    const heads = fc.array(fc.tuple(fc.array(line, { maxLength: 5 }), fc.nat(9)), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(heads, (all) => {
        for (const [lines, before] of all)
          assert.deepEqual(read(headOf(lines), { before }), fieldsIn(lines));
      }),
      { numRuns: 300 },
    );
  });
});
