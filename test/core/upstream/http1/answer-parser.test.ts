import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readAnswer, type Read, type ReadOptions } from './read-answer.ts';

const ok = 'HTTP/1.1 200 OK\r\n';
const length = (body: string): string => `${ok}Content-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (body: string): string => `${ok}Transfer-Encoding: chunked\r\n\r\n${body}`;

type Expected = Partial<Read>;
type Row = [name: string, bytes: string, expected: Expected, options?: ReadOptions];

const valid: readonly Row[] = [
  ['length', length('hello'), { status: 200, message: 'OK', body: 'hello', keepAlive: true }],
  ['empty body', length(''), { body: '', keepAlive: true }],
  ['no fields, closed', `${ok}\r\nabc`, { body: 'abc', keepAlive: false, fields: [] }],
  ['no reason', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', { message: '' }],
  ['no reason, no space', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', { message: '' }],
  ['reason in latin1', 'HTTP/1.1 404 Nö!\tx\r\nContent-Length: 0\r\n\r\n', { message: 'Nö!\tx' }],
  [
    'order, spelling and duplicates stay',
    `${ok}b: 2\r\nA: 1\r\nSet-Cookie: x\r\nset-cookie: y\r\nContent-Length: 0\r\n\r\n`,
    {
      fields: ['b', '2', 'A', '1', 'Set-Cookie', 'x', 'set-cookie', 'y', 'Content-Length', '0'],
    },
  ],
  [
    'white space around values goes, inside it stays',
    `${ok}a:\t x y \t \r\nb:\r\nc: \r\nContent-Length: \t0 \r\n\r\n`,
    { fields: ['a', 'x y', 'b', '', 'c', '', 'Content-Length', '0'] },
  ],
  [
    'values in latin1',
    `${ok}a: \xff\x80\r\nContent-Length: 0\r\n\r\n`,
    { fields: ['a', '\xff\x80', 'Content-Length', '0'] },
  ],
  [
    'Connection: close',
    `${ok}Connection: x, Close\r\nContent-Length: 1\r\n\r\na`,
    { keepAlive: false },
  ],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na', { body: 'a', keepAlive: false }],
  [
    'HTTP/1.0 keep-alive',
    'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na',
    { keepAlive: true },
  ],
  ['HTTP/1.0 without length', 'HTTP/1.0 200 OK\r\n\r\nabc', { body: 'abc', keepAlive: false }],
  ['204', 'HTTP/1.1 204 No Content\r\n\r\n', { status: 204, body: '', keepAlive: true }],
  [
    '204 that announces a body',
    'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
    { keepAlive: false },
  ],
  [
    '304 with the length of what it does not send',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n',
    { body: '', keepAlive: true },
  ],
  [
    'HEAD with length',
    `${ok}Content-Length: 99\r\n\r\n`,
    { body: '', keepAlive: true },
    { method: 'HEAD' },
  ],
  [
    'HEAD chunked',
    `${ok}Transfer-Encoding: chunked\r\n\r\n`,
    { body: '', keepAlive: true },
    { method: 'HEAD' },
  ],
  ['100 first', `HTTP/1.1 100 Continue\r\n\r\n${length('a')}`, { interim: [100], body: 'a' }],
  [
    '103, 102, 103 first',
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${length('a')}`,
    { interim: [103, 102, 103], body: 'a' },
  ],
  [
    '101 with bytes behind it',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
    { status: 101, upgraded: '' },
    { upgrade: true },
  ],
  [
    'upgrade refused',
    'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno',
    { status: 403, body: 'no', upgraded: undefined },
    { upgrade: true },
  ],
  [
    'chunked',
    chunked('5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n'),
    { body: 'hello!', keepAlive: true, trailers: [] },
  ],
  ['chunked, empty', chunked('0\r\n\r\n'), { body: '', keepAlive: true }],
  [
    'chunked, any case',
    `${ok}transfer-ENCODING: Chunked\r\n\r\nA\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n`,
    { body: '01234567890123456789' },
  ],
  [
    'chunk that looks like the end',
    chunked('7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n'),
    { body: '\r\n0\r\n\r\n' },
  ],
  ['leading zeros', chunked('0000000000005\r\nhello\r\n0\r\n\r\n'), { body: 'hello' }],
  ['extensions', chunked('5;a;b=c;d="e \\" ;f"\r\nhello\r\n0;z=1\r\n\r\n'), { body: 'hello' }],
  [
    'trailers',
    chunked('1\r\na\r\n0\r\nA: 1 \r\nb:\r\na: 2\r\n\r\n'),
    { body: 'a', trailers: ['A', '1', 'b', '', 'a', '2'] },
  ],
  [
    'Upgrade field on a 200',
    `${ok}Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\na`,
    { body: 'a', keepAlive: true },
  ],
];

describe('accepted, however the bytes are cut', () => {
  for (const [name, bytes, expected, options] of valid)
    test(name, () => {
      const whole = readAnswer(bytes, options);
      assert.equal(whole.refused, undefined);
      assert.equal(whole.complete || whole.body.length > 0, true);
      for (const [key, value] of Object.entries(expected))
        assert.deepEqual(whole[key as keyof Read], value, key);
      const each = Array.from({ length: bytes.length }, (_, index) => index);
      assert.deepEqual(readAnswer(bytes, { ...options, cuts: each }), whole, 'byte by byte');
      for (const cut of each)
        assert.deepEqual(readAnswer(bytes, { ...options, cuts: [cut] }), whole, `cut at ${cut}`);
    });

  test('bytes behind a 101 belong to the new protocol', () => {
    const head = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n';
    assert.equal(readAnswer(`${head}\0frame`, { upgrade: true }).upgraded, '\0frame');
  });
});

const statusLine = (line: string): string => `${line}\r\nContent-Length: 0\r\n\r\n`;
const field = (line: string): string => `${ok}${line}\r\nContent-Length: 0\r\n\r\n`;

const refused: readonly [name: string, bytes: string, reason: RegExp, options?: ReadOptions][] = [
  ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n', /not an HTTP/],
  ['HTTP/0.9', '<html>hello</html>', /not an HTTP/],
  ['HTTP/2.0', statusLine('HTTP/2.0 200 OK'), /not an HTTP/],
  ['HTTP/1.2', statusLine('HTTP/1.2 200 OK'), /version/],
  ['lower case', statusLine('http/1.1 200 OK'), /not an HTTP/],
  ['empty line first', `\r\n${length('a')}`, /not an HTTP/],
  ['ICY', statusLine('ICY 200 OK'), /not an HTTP/],
  ['two spaces', statusLine('HTTP/1.1  200 OK'), /malformed/],
  ['tab', statusLine('HTTP/1.1\t200 OK'), /malformed/],
  ['status of two digits', statusLine('HTTP/1.1 20 OK'), /malformed/],
  ['status of four digits', statusLine('HTTP/1.1 2000 OK'), /malformed/],
  ['status with a sign', statusLine('HTTP/1.1 +20 OK'), /malformed/],
  ['status 099', statusLine('HTTP/1.1 099 OK'), /out of range/],
  ['status 600', statusLine('HTTP/1.1 600 OK'), /out of range/],
  ['NUL in the reason', statusLine('HTTP/1.1 200 O\0K'), /control byte/],
  ['bare CR in the reason', statusLine('HTTP/1.1 200 O\rK'), /control byte/],
  ['DEL in the reason', statusLine('HTTP/1.1 200 O\x7fK'), /control byte/],
  ['status line ended by LF', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n', /control byte/],
  ['fields ended by LF', `${ok}A: 1\nContent-Length: 0\n\n`, /control byte/],
  ['empty line by LF', `${ok}Content-Length: 0\r\n\nx`, /malformed/],
  ['bare CR in a value', field('A: 1\r2'), /control byte/],
  ['NUL in a value', field('A: 1\x002'), /control byte/],
  ['DEL in a value', field('A: 1\x7f'), /control byte/],
  ['bare CR as an empty line', `${ok}\rA: 1\r\n\r\n`, /bare CR/],
  ['obs-fold', `${ok}A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n`, /field name/],
  ['obs-fold by tab', `${ok}A: 1\r\n\t2\r\nContent-Length: 0\r\n\r\n`, /field name/],
  ['space before the colon', field('A : 1'), /field name/],
  ['no colon', field('A'), /field name/],
  ['empty name', field(': 1'), /field name/],
  ['NUL in a name', field('A\0: 1'), /field name/],
  ['latin1 in a name', field('Ä: 1'), /field name/],
  ['parenthesis in a name', field('A(b): 1'), /field name/],
  ['1,001 fields', `${ok}${'A: 1\r\n'.repeat(1001)}\r\n`, /too many fields/],
  ['two lengths', `${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\na`, /several/],
  ['one length twice', `${ok}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`, /several/],
  ...['', '-1', '+1', '1 1', '1,1', '0x1', '1.0', '1e1', '1;', '9'.repeat(16), '١'].map(
    (value): [string, string, RegExp] => [
      `length ${JSON.stringify(value)}`,
      `${ok}Content-Length: ${Buffer.from(value).toString('latin1')}\r\n\r\na`,
      /Content-Length/,
    ],
  ),
  ['malformed length on 204', 'HTTP/1.1 204 No\r\nContent-Length: x\r\n\r\n', /Content-Length/],
  [
    'length and chunked',
    `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    /both/,
  ],
  [
    'chunked and length',
    `${ok}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    /both/,
  ],
  [
    'length and chunked on HEAD',
    `${ok}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`,
    /both/,
    { method: 'HEAD' },
  ],
  ...[
    'gzip',
    'gzip, chunked',
    'chunked, gzip',
    'identity',
    'chunked, chunked',
    '',
    'xchunked',
    'chunked;q=1',
    '\x0bchunked',
  ].map((value): [string, string, RegExp] => [
    `coding ${JSON.stringify(value)}`,
    `${ok}Transfer-Encoding: ${value}\r\n\r\n0\r\n\r\n`,
    /Transfer-Encoding|control byte/,
  ]),
  [
    'chunked twice',
    `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    /Transfer-Encoding/,
  ],
  [
    'chunked in HTTP/1.0',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    /Transfer-Encoding/,
  ],
  ['101 that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', /101/],
  [
    '33 interim answers',
    `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(33)}${length('a')}`,
    /too many interim/,
  ],
  ['body on HEAD', length('hello'), /bytes after/, { method: 'HEAD' }],
  ['body on 204', 'HTTP/1.1 204 No Content\r\n\r\nhello', /bytes after/],
  ['body on 304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello', /bytes after/],
  ['more than the length', `${length('hello')}!`, /bytes after/],
  ['two answers', length('a') + length('b'), /bytes after/],
  ['chunked and more', chunked('0\r\n\r\n!'), /bytes after/],
  ...[
    ['no size', '\r\nhello\r\n'],
    ['size -1', '-1\r\n'],
    ['size +5', '+5\r\nhello\r\n0\r\n\r\n'],
    ['size 0x5', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['size " 5"', ' 5\r\nhello\r\n0\r\n\r\n'],
    ['size "5 "', '5 \r\nhello\r\n0\r\n\r\n'],
    ['size "5 ;a"', '5 ;a\r\nhello\r\n0\r\n\r\n'],
    ['size 5_0', '5_0\r\nhello'],
    ['size of 14 digits', '00000000000005\r\nhello\r\n0\r\n\r\n'],
    ['size beyond 2^53', 'ffffffffffffff\r\nhello'],
    ['size of 17 digits', '10000000000000005\r\nhello\r\n0\r\n\r\n'],
    ['size line by LF', '5\nhello\r\n0\r\n\r\n'],
    ['size line by CR', '5\rhello\r\n0\r\n\r\n'],
    ['chunk ended by LF', '5\r\nhello\n0\r\n\r\n'],
    ['chunk too long', '5\r\nhello!\r\n0\r\n\r\n'],
    ['chunk without end', '5\r\nhello0\r\n\r\n'],
    ['last chunk by LF', '5\r\nhello\r\n0\n\n'],
    ['extension ended by LF', '5;a\nhello\r\n0\r\n\r\n'],
    ['NUL in an extension', '5;a\0\r\nhello\r\n0\r\n\r\n'],
    ['empty extension', '5;\r\nhello\r\n0\r\n\r\n'],
    ['extension without value', '5;a=\r\nhello\r\n0\r\n\r\n'],
    ['space in an extension', '5;a b\r\nhello\r\n0\r\n\r\n'],
    ['CR in a quoted extension', '5;a="\r\n"\r\nhello\r\n0\r\n\r\n'],
    ['escaped LF in a quoted extension', '5;a="\\\n"\r\nhello\r\n0\r\n\r\n'],
    ['text behind a quoted extension', '5;a="b"c\r\nhello\r\n0\r\n\r\n'],
    ['endless extension', `5;${'a'.repeat(16 * 1024)}b\r\nhello\r\n0\r\n\r\n`],
    ['trailer with obs-fold', '0\r\nA: 1\r\n 2\r\n\r\n'],
    ['length in the trailers', '0\r\nContent-Length: 5\r\n\r\n'],
    ['coding in the trailers', '0\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['trailer by LF', '0\r\nA: 1\n\n'],
    ['trailer without colon', '0\r\nA\r\n\r\n'],
    ['NUL in a trailer', '0\r\nA: \0\r\n\r\n'],
    ['endless trailers', `0\r\n${`A: ${'1'.repeat(100)}\r\n`.repeat(200)}\r\n`],
  ].map(([name, body]): [string, string, RegExp] => [
    `chunked: ${name ?? ''}`,
    chunked(body ?? ''),
    /chunk|trailer|field|control/,
  ]),
];

describe('refused', () => {
  for (const [name, bytes, reason, options] of refused)
    test(name, () => {
      assert.match(readAnswer(bytes, options).refused ?? 'accepted', reason);
      const each = Array.from({ length: Math.min(bytes.length, 3000) }, (_, index) => index);
      const drip = readAnswer(bytes, { ...options, cuts: each });
      // What follows a complete answer is only seen with it when it comes with it.
      if (!reason.source.includes('bytes after'))
        assert.equal(drip.refused === undefined && drip.complete, false, 'byte by byte');
    });

  test('bytes behind an answer do not become the next one', () => {
    const read = readAnswer(`${length('a')}${length('b')}`, { cuts: [length('a').length] });
    assert.equal(read.refused, 'bytes nobody asked for');
    assert.equal(read.body, 'a');
  });
});

describe('limits', () => {
  const line = `A: ${'x'.repeat(1000)}\r\n`;
  for (const [name, fields, accepted] of [
    ['63 KiB', 64, true],
    ['65 KiB', 67, false],
    ['endless', 2000, false],
  ] as const)
    test(`head of ${name}`, () => {
      const bytes = `${ok}${line.repeat(fields)}Content-Length: 0\r\n\r\n`;
      const cuts = Array.from({ length: Math.floor(bytes.length / 500) }, (_, at) => at * 500);
      for (const each of [[], cuts])
        assert.equal(readAnswer(bytes, { cuts: each }).refused === undefined, accepted);
    });

  test('1,000 fields are read', () => {
    const read = readAnswer(`${ok}${'A: 1\r\n'.repeat(999)}Content-Length: 0\r\n\r\n`);
    assert.equal(read.fields.length, 2000);
  });

  test('a signature on each chunk of a long body is no attack', () => {
    const chunk = `40;chunk-signature=${'a'.repeat(64)}\r\n${'x'.repeat(64)}\r\n`;
    const read = readAnswer(chunked(`${chunk.repeat(1000)}0\r\n\r\n`));
    assert.equal(read.refused, undefined);
    assert.equal(read.body.length, 64_000);
  });
});

describe('cut short', () => {
  for (const [name, bytes] of [
    ['in the head', length('hello').slice(0, 20)],
    ['in the body', length('hello').slice(0, -1)],
    ['in a chunk', chunked('5\r\nhel')],
    ['before the last chunk', chunked('5\r\nhello\r\n')],
    ['in the trailers', chunked('5\r\nhello\r\n0\r\nA: 1\r\n')],
    ['after 100', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ] as const)
    test(`${name}: never complete`, () => {
      assert.equal(readAnswer(bytes).complete, false);
    });
});
