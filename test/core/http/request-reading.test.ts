import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHost } from '../../../lib/core/http/host.ts';
import { readRequest } from '../../../lib/core/http/request-reading.ts';

const hosts: readonly (readonly [host: string, good: boolean])[] = [
  ['a', true],
  ['a.example', true],
  ['A.example.:80', true],
  ['a_b.example', true],
  ['127.0.0.1:65535', true],
  ['[::1]:8080', true],
  ['a:1', true],
  ['a:65535', true],
  ['xn--bcher-kva.example:59999', true],
  [`${'a'.repeat(63)}.b`, true],
  [`${'a'.repeat(64)}.b`, false],
  ['a:65536', false],
  ['a:0', false],
  ['a:', true],
  ['a:080', false],
  ['a:99999', false],
  ['1', false],
  ['0x7f.1', false],
  ['127.1', false],
  ['127.0.0.256', false],
  ['127.0.0.01', false],
  ['a..b', false],
  ['.a', false],
  ['a b', false],
  ['a,b', false],
  ['a/b', false],
  ['u@a', false],
  ['a\\b', false],
  ['[::1', false],
  ['::1', false],
  ['a%41', false],
  ['caf\xe9', false],
];

for (const [host, good] of hosts)
  test(`Host ${JSON.stringify(host)} is ${good ? 'fine' : 'malformed'}, and parseHost agrees`, () => {
    const { problem } = readRequest(['Host', host], '1.1');
    assert.equal(problem === undefined, good, problem?.detail);
    assert.equal(parseHost(host) !== undefined, good);
  });

test('an empty port is left out', () => {
  const { host, pass } = readRequest(['Host', 'a.example:'], '1.1');
  assert.deepEqual([host, pass], ['a.example', ['Host', 'a.example']]);
});

const problems: readonly (readonly [
  fields: string[],
  version: string,
  kind: string | undefined,
])[] = [
  [[], '1.1', 'host'],
  [[], '1.0', undefined],
  [['Host', ''], '1.1', 'host'],
  [['Host', 'a', 'HOST', 'a'], '1.1', 'host'],
  [['Host', 'a', 'Content-Length', '5'], '1.1', undefined],
  [['Host', 'a', 'Content-Length', '5', 'content-length', '5'], '1.1', 'framing'],
  [['Host', 'a', 'Content-Length', '5,5'], '1.1', 'framing'],
  [['Host', 'a', 'Content-Length', '5 '], '1.1', 'framing'],
  [['Host', 'a', 'Content-Length', '1e3'], '1.1', 'framing'],
  [['Host', 'a', 'Content-Length', '9'.repeat(16)], '1.1', 'framing'],
  [['Host', 'a', 'Transfer-Encoding', 'Chunked'], '1.1', undefined],
  [['Host', 'a', 'Transfer-Encoding', 'chunked'], '1.0', 'framing'],
  [['Host', 'a', 'Transfer-Encoding', 'chunked, chunked'], '1.1', 'framing'],
  [['Host', 'a', 'Transfer-Encoding', 'chunked', 'Content-Length', '0'], '1.1', 'framing'],
  [['Host', 'a', 'Content-Length', '0', 'Transfer-Encoding', 'chunked'], '1.1', 'framing'],
];

for (const [fields, version, kind] of problems)
  test(`HTTP/${version} with ${JSON.stringify(fields)}: ${kind ?? 'fine'}`, () => {
    assert.equal(readRequest(fields, version).problem?.kind, kind);
  });

test('what goes on, what is read, and what Connection takes away', () => {
  const reading = readRequest(
    [
      ...['Host', 'a', 'X-A', '1', 'Connection', 'keep-alive, X-Hop', 'x-hop', '2'],
      ...['TE', 'trailers;q=1', 'Expect', '100-Continue', 'Max-Forwards', '7'],
      ...['Via', '1.0 x', 'Via', '1.1 y', 'X-Forwarded-For', '1', 'X-Forwarded-For', '2'],
      ...['Keep-Alive', '5', 'x-a', '3'],
    ],
    '1.1',
  );
  assert.deepEqual(reading.pass, ['Host', 'a', 'X-A', '1', 'x-a', '3']);
  assert.equal(reading.trailersWanted, true);
  assert.equal(reading.expectsContinue, true);
  assert.equal(reading.maxForwards, 7);
  assert.equal(reading.via, '1.0 x, 1.1 y');
  assert.equal(reading.forwardedFor, '1, 2');
});

for (const value of ['x', '-1', '1.5', ''])
  test(`Max-Forwards ${JSON.stringify(value)} counts nothing`, () => {
    const reading = readRequest(['Host', 'a', 'Max-Forwards', value], '1.1');
    assert.equal(reading.maxForwards, undefined);
  });
