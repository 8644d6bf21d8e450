/** Answers of servers, good and bad, as fast-check makes them. Bytes as latin1 text. */
import fc from 'fast-check';

/** Any bytes at all. */
export function bytes(minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc
    .uint8Array({ minLength, maxLength })
    .map((array) => Buffer.from(array).toString('latin1'));
}

const statusLine = fc.oneof(
  {
    weight: 24,
    arbitrary: fc.constantFrom(
      'HTTP/1.1 200 OK',
      'HTTP/1.1 200 OK',
      'HTTP/1.1 200 OK',
      'HTTP/1.1 200',
      'HTTP/1.1 404 Not Found',
      'HTTP/1.0 200 OK',
      'HTTP/1.1 204 No Content',
      'HTTP/1.1 304 Not Modified',
      'HTTP/1.1 205 Reset Content',
      'HTTP/1.1 500 ',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'HTTP/1.2 200 OK',
      'HTTP/2 200 OK',
      'HTTP/1.1 99 Low',
      'HTTP/1.1 1000 High',
      'HTTP/1.1  200 OK',
      'HTTP/1.1 200 O\rK',
      'http/1.1 200 OK',
      '\r\nHTTP/1.1 200 OK',
      'HTTP/1.1 101 Switching Protocols',
    ),
  },
);

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,8}$/);
const text = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,12}$/);

const field = fc.oneof(
  { weight: 24, arbitrary: fc.tuple(token, text).map(([name, value]) => `X-${name}: ${value}`) },
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      'Connection: close',
      'Connection: keep-alive',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Keep-Alive: timeout=5',
      'Trailer: X-T',
      'Set-Cookie: a=1',
      'Date:  Thu, 01 Jan 1970 00:00:00 GMT\t',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ' folded',
      'X-A : 1',
      'X-A\t: 1',
      ': 1',
      'X-A',
      'X-A: \0',
      'X-A: a\rb',
      'X-A: a\nb',
      'Content-Length: 5',
      'Content-Length: 5, 5',
      'Content-Length: +5',
      'Content-Length: 0x5',
      'Content-Length:',
      'Content-Length : 5',
      'Transfer-Encoding: chunked',
      'Transfer-Encoding: gzip, chunked',
      'Transfer-Encoding: chunked, gzip',
      'Transfer-Encoding: identity',
      'Transfer-Encoding : chunked',
      'Transfer-Encoding:\x0bchunked',
    ),
  },
);

const extension = fc.oneof(
  { weight: 16, arbitrary: fc.constant('') },
  {
    weight: 8,
    arbitrary: fc.constantFrom(';a', ';a=b', ';a="b c"', ';a="\\"";b', ';a=b;c=d'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ';',
      ' ;a',
      '; a',
      ';a=',
      ';a="',
      ';a=b c',
      ';a="b"c',
      ';\x80',
      ' ',
      ';a="\x80"',
      ';a =b',
      ';a="\t"',
      ";'=!",
    ),
  },
);

const size = fc.tuple(fc.boolean(), fc.nat(2), extension);

const chunk = fc.tuple(bytes(1, 20), size).map(([data, [upper, zeros, behind]]) => {
  const hex = data.length.toString(16);
  return `${'0'.repeat(zeros)}${upper ? hex.toUpperCase() : hex}${behind}\r\n${data}\r\n`;
});

const chunkedBody = fc
  .tuple(
    fc.array(chunk, { maxLength: 4 }),
    fc.tuple(fc.nat(3), extension).map(([zeros, behind]) => `0${'0'.repeat(zeros)}${behind}\r\n`),
    fc.array(field, { maxLength: 2 }),
  )
  .map(([chunks, last, trailers]) =>
    [...chunks, last, ...trailers.map((line) => `${line}\r\n`), '\r\n'].join(''),
  );

const plainBody = bytes(0, 30);

const framed = fc.oneof(
  plainBody.map((body) => ({ fields: [`Content-Length: ${body.length}`], body })),
  chunkedBody.map((body) => ({ fields: ['Transfer-Encoding: chunked'], body })),
  plainBody.map((body) => ({ fields: [] as string[], body })),
);

const interim = fc.constantFrom(
  '',
  '',
  '',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
  'HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n',
);

/** By the grammar of RFC 9112, with a broken rule here and there. */
export const grammatical: fc.Arbitrary<string> = fc
  .tuple(interim, statusLine, fc.array(field, { maxLength: 4 }), framed, fc.boolean())
  .map(([before, line, fields, { fields: framing, body }, first]) =>
    [
      before,
      [line, ...(first ? [...framing, ...fields] : [...fields, ...framing])].join('\r\n'),
      '\r\n\r\n',
      body,
    ].join(''),
  );

const nasty = fc.oneof(
  fc.constantFrom(
    '\r',
    '\n',
    '\r\n',
    '\0',
    ' ',
    '\t',
    ':',
    ';',
    '0',
    'f',
    '"',
    '\x7f',
    '\x80',
    ',',
  ),
  bytes(1, 3),
);

const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  removed: fc.nat(3),
  put: fc.oneof(fc.constant(''), nasty),
});

/** Answers with some bytes taken out, put in or exchanged. */
export const mutated: fc.Arbitrary<string> = fc
  .tuple(grammatical, fc.array(mutation, { minLength: 1, maxLength: 2 }))
  .map(([answer, mutations]) =>
    mutations.reduce((before, { at, removed, put }) => {
      const place = Math.floor(at * before.length);
      return before.slice(0, place) + put + before.slice(place + removed);
    }, answer),
  );

export const anyAnswer: fc.Arbitrary<string> = fc.oneof(grammatical, mutated);
