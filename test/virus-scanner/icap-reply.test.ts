import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { IcapReply, type IcapHead } from '../../lib/virus-scanner/icap-reply.ts';

interface Read {
  readonly heads: readonly Pick<IcapHead, 'status' | 'answerStatus' | 'hasBody'>[];
  readonly body: string;
  readonly ends: number;
  readonly between: boolean;
}

function read(text: string, step = text.length): Read {
  const heads: Read['heads'][number][] = [];
  let body = '';
  let ends = 0;
  const reply = new IcapReply({
    onHead: ({ status, answerStatus, hasBody }) => {
      heads.push({ status, answerStatus, hasBody });
    },
    onBody: (bytes) => (body += bytes.toString('latin1')),
    onEnd: () => (ends += 1),
  });
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += step) reply.push(bytes.subarray(at, at + step));
  return { heads, body, ends, between: reply.between };
}

const http = 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n';
const answer = [
  'ICAP/1.0 100 Continue\r\n\r\n',
  `ICAP/1.0 200 OK\r\nISTag: "x"\r\nEncapsulated: res-hdr=0, res-body=${http.length}\r\n\r\n${http}`,
  '5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n',
  'ICAP/1.0 204 No Content\r\nConnection: keep-alive\r\n\r\n',
].join('');
const expected: Read = {
  heads: [
    { status: 100, answerStatus: undefined, hasBody: false },
    { status: 200, answerStatus: 200, hasBody: true },
    { status: 204, answerStatus: undefined, hasBody: false },
  ],
  body: 'hello world',
  ends: 3,
  between: true,
};

for (const step of [1, 2, 7, 50, answer.length])
  test(`answers are read in pieces of ${step}`, () => {
    assert.deepEqual(read(answer, step), expected);
  });

for (const [what, text] of [
  ['HTTP', 'HTTP/1.1 200 OK\r\n\r\n'],
  ['another version', 'ICAP/2.0 200 OK\r\n\r\n'],
  ['a status of two digits', 'ICAP/1.0 20 OK\r\n\r\n'],
  ['a status of 600', 'ICAP/1.0 600 OK\r\n\r\n'],
  ['a line feed alone', 'ICAP/1.0 200 OK\nA: b\r\n\r\n'],
  ['a name with a space', 'ICAP/1.0 200 OK\r\nA : b\r\n\r\n'],
  ['a NUL in a value', 'ICAP/1.0 200 OK\r\nA: \0\r\n\r\n'],
  ['Encapsulated without a body', 'ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0\r\n\r\n'],
  ['Encapsulated that begins later', 'ICAP/1.0 200 OK\r\nEncapsulated: res-body=3\r\n\r\n'],
  [
    'Encapsulated that goes back',
    'ICAP/1.0 200 OK\r\nEncapsulated: req-hdr=0, res-hdr=9, res-body=3\r\n\r\n',
  ],
  ['two bodies', 'ICAP/1.0 200 OK\r\nEncapsulated: res-body=0, res-body=3\r\n\r\n'],
  ['a huge section', 'ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, res-body=9999999\r\n\r\n'],
  ['no number', 'ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, res-body=1e3\r\n\r\n'],
  [
    'an answer that is none',
    'ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, res-body=8\r\n\r\nGET / \r\n',
  ],
  ['chunks that are none', 'ICAP/1.0 200 OK\r\nEncapsulated: res-body=0\r\n\r\nxyz\r\n'],
  ['a head without end', `ICAP/1.0 200 OK\r\n${'A: b\r\n'.repeat(10_000)}`],
] as const)
  test(`${what} is no answer`, () => {
    assert.throws(() => read(text), Error);
    assert.throws(() => read(text, 3), Error);
  });

test('any bytes are read or refused, and the same however they are cut', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'ICAP/1.0 200 OK\r\n',
      'ICAP/1.0 204 x\r\n\r\n',
      'Encapsulated: res-hdr=0, res-body=19\r\n',
      'Encapsulated: null-body=0\r\n',
      '\r\n',
      'HTTP/1.1 200 OK\r\n\r\n',
      '3\r\nabc\r\n',
      '0\r\n\r\n',
      ' folded\r\n',
    ),
    fc.string({ maxLength: 5 }),
  );
  const outcome = (text: string, step: number): unknown => {
    try {
      return read(text, step);
    } catch {
      return 'refused';
    }
  };
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.integer({ min: 1, max: 9 }),
      (pieces, step) => {
        const text = pieces.join('');
        assert.deepEqual(outcome(text, step), outcome(text, Math.max(1, text.length)));
      },
    ),
    { numRuns: 1000 },
  );
});
