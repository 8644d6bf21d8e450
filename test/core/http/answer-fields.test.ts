import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerFields } from '../../../lib/core/http/answer-fields.ts';

const cases: readonly (readonly [
  what: string,
  from: string[],
  via: string | undefined,
  fields: string[],
])[] = [
  ['nothing', [], undefined, []],
  ['our Via', [], '1.1 us', ['Via', '1.1 us']],
  ['their Via alone', ['via', '1.0 them'], undefined, ['Via', '1.0 them']],
  [
    'both',
    ['Via', '1.0 a', 'X', '1', 'VIA', '1.1 b'],
    '1.1 us',
    ['X', '1', 'Via', '1.0 a, 1.1 b, 1.1 us'],
  ],
  [
    'repetition',
    ['Set-Cookie', 'a', 'X', '1', 'set-cookie', 'b'],
    undefined,
    ['Set-Cookie', 'a', 'X', '1', 'set-cookie', 'b'],
  ],
  [
    'fields of the connection',
    [
      'Connection',
      'close',
      'Keep-Alive',
      '5',
      'Transfer-Encoding',
      'chunked',
      'Upgrade',
      'x',
      'Proxy-Authenticate',
      'x',
      'TE',
      'x',
      ':status',
      '200',
    ],
    undefined,
    [],
  ],
  [
    'fields that Connection names',
    ['X-Hop', '1', 'Connection', 'x-HOP , keep-alive', 'x-hop', '2', 'Y', '3'],
    undefined,
    ['Y', '3'],
  ],
];

for (const [what, from, via, fields] of cases)
  test(`what goes on to the client: ${what}`, () => {
    assert.deepEqual(answerFields(from, undefined, via).fields, fields);
  });

test('length and announced trailers are told apart, forbidden trailers are not announced', () => {
  const answer = answerFields(
    ['Content-Length', '5', 'Trailer', 'X-Sum, Content-Length, Set-Cookie', 'X', '1'],
    undefined,
    undefined,
  );
  assert.deepEqual(answer, { fields: ['X', '1'], length: '5', trailer: 'x-sum' });
  assert.equal(answerFields(['Trailer', 'Host'], undefined, undefined).trailer, undefined);
});

test('several Trailer lines are one list', () => {
  assert.equal(
    answerFields(['Trailer', 'X-A', 'Trailer', 'X-B'], undefined, undefined).trailer,
    'x-a, x-b',
  );
});

test('what is set here, or to be stripped, is not taken from the server', () => {
  const { fields } = answerFields(
    ['Server', 'x', 'X-Own', '1', 'X', '2'],
    (lower) => lower === 'server' || lower === 'x-own',
    undefined,
  );
  assert.deepEqual(fields, ['X', '2']);
});

test('their Via goes when it is to be stripped, ours does not', () => {
  const { fields } = answerFields(['Via', '1.0 them'], (lower) => lower === 'via', '1.1 us');
  assert.deepEqual(fields, ['Via', '1.1 us']);
});
