import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Dispatcher } from 'undici';
import {
  InvalidRequestError,
  writeRequestHead,
  writeTrailers,
} from '../../../../lib/core/upstream/http1/request-head.ts';

type Options = Partial<Dispatcher.DispatchOptions>;

function write(options: Options, bodyLength?: number): string {
  const all = { method: 'GET', path: '/', headers: ['Host', 'a'], ...options };
  return writeRequestHead(all, bodyLength).text;
}

const tail = 'Connection: keep-alive\r\n';

describe('written', () => {
  const rows: readonly [name: string, options: Options, text: string, bodyLength?: number][] = [
    ['GET', {}, `GET / HTTP/1.1\r\nHost: a\r\n${tail}\r\n`],
    [
      'target byte for byte',
      { path: '/%2F//../a;b?c?d%zz&\xff' },
      `GET /%2F//../a;b?c?d%zz&\xff HTTP/1.1\r\nHost: a\r\n${tail}\r\n`,
    ],
    [
      'Host from the origin',
      { headers: [], origin: 'http://h:81' },
      `GET / HTTP/1.1\r\nHost: h:81\r\n${tail}\r\n`,
    ],
    [
      'fields in order, repeated, empty, in latin1',
      { headers: ['Host', 'a', 'B', '1', 'b', '2', 'C', '', 'D', '\xff\t'] },
      `GET / HTTP/1.1\r\nHost: a\r\nB: 1\r\nb: 2\r\nC: \r\nD: \xff\t\r\n${tail}\r\n`,
    ],
    [
      'an object with lists',
      { headers: { host: 'a', b: ['1', '2'], c: undefined } },
      `GET / HTTP/1.1\r\nhost: a\r\nb: 1\r\nb: 2\r\n${tail}\r\n`,
    ],
    ['pairs', { headers: new Map([['host', 'a']]) }, `GET / HTTP/1.1\r\nhost: a\r\n${tail}\r\n`],
    [
      'fields of the connection are the client’s own',
      {
        headers: ['Host', 'a', 'Connection', 'close', 'Keep-Alive', '1', 'Upgrade', 'x'].concat([
          'Proxy-Connection',
          'x',
          'Transfer-Encoding',
          'gzip, chunked',
        ]),
      },
      `GET / HTTP/1.1\r\nHost: a\r\n${tail}\r\n`,
    ],
    ['reset', { reset: true }, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
    [
      'the login of a connection: nobody comes after it',
      { headers: ['Host', 'a', 'Authorization', 'NTLM TlRM'] },
      'GET / HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM TlRM\r\nConnection: close\r\n\r\n',
    ],
    [
      'the login of a connection, as Kerberos has it',
      { headers: ['Host', 'a', 'authorization', 'negotiate YII'] },
      'GET / HTTP/1.1\r\nHost: a\r\nauthorization: negotiate YII\r\nConnection: close\r\n\r\n',
    ],
    [
      'upgrade',
      { upgrade: 'websocket' },
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    ],
    [
      'POST with nothing says so',
      { method: 'POST' },
      `POST / HTTP/1.1\r\nHost: a\r\n${tail}Content-Length: 0\r\n\r\n`,
    ],
    [
      'length of the bytes',
      { method: 'POST', body: 'abc' },
      `POST / HTTP/1.1\r\nHost: a\r\n${tail}Content-Length: 3\r\n\r\n`,
      3,
    ],
    [
      'stated length of a stream; one length only',
      {
        method: 'POST',
        body: {} as never,
        headers: ['Host', 'a', 'Content-Length', '7', 'content-length', '7'],
      },
      `POST / HTTP/1.1\r\nHost: a\r\n${tail}Content-Length: 7\r\n\r\n`,
    ],
    [
      'chunked',
      { method: 'DELETE', body: {} as never },
      `DELETE / HTTP/1.1\r\nHost: a\r\n${tail}Transfer-Encoding: chunked\r\n\r\n`,
    ],
    [
      'Expect with a body',
      { method: 'PUT', body: {} as never, headers: ['Host', 'a', 'Expect', '100-Continue'] },
      `PUT / HTTP/1.1\r\nHost: a\r\n${tail}Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n`,
    ],
    [
      'no Expect without one',
      { headers: ['Host', 'a', 'Expect', '100-continue'] },
      `GET / HTTP/1.1\r\nHost: a\r\n${tail}\r\n`,
    ],
  ];
  for (const [name, options, text, bodyLength] of rows)
    test(name, () => {
      assert.equal(write(options, bodyLength), text);
    });
});

describe('refused', () => {
  const field = (name: string, value: string): Options => ({ headers: ['Host', 'a', name, value] });
  const rows: readonly [name: string, options: Options, bodyLength?: number][] = [
    ['empty method', { method: '' }],
    ['method with a space', { method: 'GET /x' }],
    ['method with CR LF', { method: 'GET\r\nA: b' }],
    ['CONNECT', { method: 'CONNECT' }],
    ['empty target', { path: '' }],
    ...['/a b', '/a\r\nB: c', '/a\0', '/a\n', '/\u0100', '/\u{1f600}', '/\x7f', '/\t'].map(
      (path): [string, Options] => [`target ${JSON.stringify(path)}`, { path }],
    ),
    ...['', 'A B', 'A:', 'A\r\n', 'A\0', 'Ä', 'A\n', '(A)'].map((name): [string, Options] => [
      `name ${JSON.stringify(name)}`,
      field(name, '1'),
    ]),
    ...['\r', '\n', '1\r\nB: 2', '\0', '\x1f', '\x7f', '\u0100', '\u560a', '\u{1f600}'].map(
      (value): [string, Options] => [`value ${JSON.stringify(value)}`, field('A', value)],
    ),
    ['a list for a value in a flat array', field('A', ['1', '2'] as never)],
    ['a name without value', { headers: ['Host', 'a', 'B'] }],
    ['CR LF in upgrade', { upgrade: 'a\r\nB: c' }],
    ['two Hosts', field('host', 'b')],
    ['neither Host nor origin', { headers: [] }],
    ['query beside the path', { query: { a: '1' } }],
    ...['x', '-1', '+1', '1,1', '', ' 1', '1e3', '9'.repeat(16)].map((value): [string, Options] => [
      `length ${JSON.stringify(value)}`,
      { ...field('Content-Length', value), method: 'POST', body: {} as never },
    ]),
    [
      'two lengths',
      { headers: ['Host', 'a', 'Content-Length', '1', 'Content-Length', '2'], body: {} as never },
    ],
    ['length without body', field('Content-Length', '5')],
    ['length of another body', { ...field('Content-Length', '5'), body: 'abc' }, 3],
  ];
  for (const [name, options, bodyLength] of rows)
    test(name, () => {
      assert.throws(() => write(options, bodyLength), InvalidRequestError);
    });
});

describe('trailers', () => {
  test('are written; framing and routing are left out', () => {
    assert.equal(
      writeTrailers([
        'A',
        '1',
        'Content-Length',
        '5',
        'transfer-encoding',
        'x',
        'Host',
        'b',
        'a',
        '',
      ]),
      'A: 1\r\na: \r\n',
    );
  });
  for (const trailers of [
    ['A', '1\r\nB: 2'],
    ['A\r\n', '1'],
    ['', '1'],
    ['A', '\0'],
  ])
    test(`${JSON.stringify(trailers)} is refused`, () => {
      assert.throws(() => writeTrailers(trailers), InvalidRequestError);
    });
});

test('fields that came before at the same place change nothing', () => {
  const rows: string[][] = [
    ['Host', 'a', 'Accept', 'b'],
    ['Host', 'a', 'Accept', 'b'],
    ['Host', 'a', 'accept', 'b'],
    ['Host', 'a', 'Accept', 'bc'],
    ['Host', 'a', 'Accept', ''],
    ['Accept', 'b', 'Host', 'a'],
    ['Host', 'a', 'Cookie', 's=1'],
    ['Host', 'a', 'Cookie', 's=1'],
    ['Host', 'a', 'Long', 'v'.repeat(300)],
    ['Host', 'a', ...Array.from({ length: 100 }, (_, at) => [`F${at}`, 'v']).flat()],
  ];
  for (const headers of [...rows, ...rows]) {
    const lines = headers.flatMap((name, at) =>
      at % 2 === 0 ? [`${name}: ${headers[at + 1]}`] : [],
    );
    assert.equal(write({ headers }), `GET / HTTP/1.1\r\n${lines.join('\r\n')}\r\n${tail}\r\n`);
  }
  for (const headers of [
    ['', ''],
    ['Host', 'a', '', ''],
    ['Host', 'a', 'Accept', 'b\r\nX: y'],
    ['Host', 'a', 'Accept ', 'b'],
  ])
    assert.throws(() => write({ headers }), InvalidRequestError);
  assert.throws(() => write({ headers: ['Host', 'a', 'Host', 'a'] }), /several Host/);
});
