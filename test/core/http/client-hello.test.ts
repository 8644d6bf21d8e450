import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { connect as connectTls } from 'node:tls';
import test from 'node:test';
import fc from 'fast-check';
import { longestHello, readClientHello } from '../../../lib/core/http/client-hello.ts';

const u16 = (value: number): number[] => [value >> 8, value & 255];
const bytesOf = (text: string): number[] => [...Buffer.from(text, 'latin1')];
const vector16 = (content: number[]): number[] => [...u16(content.length), ...content];

function serverName(name: string, type = 0): number[] {
  return [...u16(0), ...vector16(vector16([type, ...vector16(bytesOf(name))]))];
}

interface Parts {
  readonly extensions?: number[] | undefined;
  readonly session?: number[];
  readonly suites?: number[];
  readonly version?: number[];
  readonly after?: number[];
}

function hello({
  extensions = [],
  session = [],
  suites = [0x13, 0x01],
  version = [3, 3],
  after = [],
}: Parts = {}): Buffer {
  const body = [
    ...version,
    ...Array.from({ length: 32 }, () => 7),
    ...[session.length, ...session],
    ...vector16(suites),
    ...[1, 0],
    ...vector16(extensions),
    ...after,
  ];
  return Buffer.from([1, 0, ...u16(body.length), ...body]);
}

/** In records of at most this many bytes. */
function records(handshake: Buffer, size = 16_384, type = 22): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < handshake.length; at += size) {
    const part = handshake.subarray(at, at + size);
    parts.push(Buffer.from([type, 3, 1, ...u16(part.length)]), part);
  }
  return Buffer.concat(parts);
}

const other = [...u16(0x2b), ...vector16([2, 3, 4])];

const good: readonly [name: string, bytes: Buffer, serverName: string | undefined][] = [
  [
    'a name',
    records(hello({ extensions: [...other, ...serverName('www.example.com'), ...other] })),
    'www.example.com',
  ],
  [
    'a name in capitals',
    records(hello({ extensions: serverName('WWW.Example.com') })),
    'www.example.com',
  ],
  ['no name', records(hello({ extensions: other })), undefined],
  ['no extension', records(hello()), undefined],
  [
    'several records',
    records(hello({ extensions: serverName('www.example.com') }), 10),
    'www.example.com',
  ],
  [
    'records of one byte',
    records(hello({ extensions: serverName('www.example.com') }), 1),
    'www.example.com',
  ],
  [
    'what follows it',
    Buffer.concat([records(hello({ extensions: serverName('a.example') })), Buffer.from('more')]),
    'a.example',
  ],
];

for (const [name, bytes, expected] of good)
  test(`reads a ClientHello: ${name}`, () => {
    assert.deepEqual(readClientHello(bytes), { serverName: expected });
  });

const long = 'a'.repeat(64);
const bad: readonly [name: string, bytes: Buffer][] = [
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
  ['another record', records(hello(), 16_384, 23)],
  ['another version of the record', Buffer.from([22, 2, 0, 0, 5, 1])],
  ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
  ['a record that is too long', Buffer.from([22, 3, 1, 0x40, 1, 1])],
  ['another handshake message', records(Buffer.from([2, 0, 0, 1, 0]))],
  ['two messages in a record', records(Buffer.concat([hello(), hello()]))],
  ['a message that is too long', records(Buffer.from([1, 1, 0, 0]))],
  ['another version', records(hello({ version: [2, 0] }))],
  [
    'a session id that is too long',
    records(hello({ session: Array.from({ length: 33 }, () => 1) })),
  ],
  ['no cipher suites', records(hello({ suites: [] }))],
  ['half a cipher suite', records(hello({ suites: [1, 2, 3] }))],
  ['bytes behind the extensions', records(hello({ after: [1] }))],
  ['half an extension', records(hello({ extensions: [0, 0, 0] }))],
  [
    'two names',
    records(hello({ extensions: [...serverName('a.example'), ...serverName('b.example')] })),
  ],
  [
    'two names in one',
    records(
      hello({
        extensions: [
          ...u16(0),
          ...vector16(vector16([0, ...vector16(bytesOf('a')), 0, ...vector16(bytesOf('b'))])),
        ],
      }),
    ),
  ],
  ['a name of another type', records(hello({ extensions: serverName('a.example', 1) }))],
  ['an empty name', records(hello({ extensions: serverName('') }))],
  ['a name with a zero', records(hello({ extensions: serverName('a.example\0.evil') }))],
  ['a name with a slash', records(hello({ extensions: serverName('a/b') }))],
  ['a name that ends in a dot', records(hello({ extensions: serverName('a.example.') }))],
  ['a label that is too long', records(hello({ extensions: serverName(`${long}.example`) }))],
];

for (const [name, bytes] of bad)
  test(`takes it for none: ${name}`, () => {
    assert.ok('problem' in readClientHello(bytes), JSON.stringify(readClientHello(bytes)));
  });

test('asks for more until it is whole, and never changes its mind', () => {
  const bytes = records(hello({ extensions: [...other, ...serverName('www.example.com')] }), 20);
  for (let length = 0; length < bytes.length; length++) {
    const reading = readClientHello(bytes.subarray(0, length));
    assert.ok(
      'needs' in reading && reading.needs > length && reading.needs <= bytes.length,
      String(length),
    );
  }
});

test('reads what a real client says', async (t) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const tls = connectTls({ socket, servername: 'shop.example', ALPNProtocols: ['h2', 'http/1.1'] });
  tls.on('error', () => undefined);
  const [peer] = (await once(server, 'connection')) as [typeof socket];
  const [bytes] = (await once(peer, 'data')) as [Buffer];
  assert.deepEqual(readClientHello(bytes), { serverName: 'shop.example' });
  tls.destroy();
  peer.destroy();
});

test('fuzz: any bytes are read without an exception, whole or in part', () => {
  const start = fc.constantFrom(
    [],
    [22, 3, 1],
    [...records(hello({ extensions: serverName('a.example') }))],
  );
  fc.assert(
    fc.property(
      start,
      fc.uint8Array({ maxLength: 300 }),
      fc.nat(400),
      fc.nat(255),
      (head, tail, at, value) => {
        const bytes = Buffer.from([...head, ...tail]);
        if (at < bytes.length) bytes[at] = value;
        const reading = readClientHello(bytes);
        if ('needs' in reading)
          assert.ok(reading.needs > bytes.length && reading.needs <= longestHello);
        if ('serverName' in reading && reading.serverName !== undefined)
          assert.match(reading.serverName, /^[a-z\d_.-]+$/);
      },
    ),
    { numRuns: 3000 },
  );
});
