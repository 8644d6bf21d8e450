import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storedFields } from '../../../lib/core/http/stored-fields.ts';

const received = 784_111_777_000;
const date = ['Date', 'Sun, 06 Nov 1994 08:49:37 GMT'];
const theirs = ['DATE', 'Sun, 06 Nov 1994 08:00:00 GMT'];

const rows: readonly (readonly [
  what: string,
  fields: readonly string[],
  without: readonly string[],
  stored: readonly string[],
])[] = [
  [
    'order and spelling',
    ['X-b', '1', ...theirs, 'x-B', '2'],
    [],
    ['X-b', '1', ...theirs, 'x-B', '2'],
  ],
  ['RFC 9110 §6.6.1: Date of the receipt when there is none', ['X', '1'], [], ['X', '1', ...date]],
  ['Date is never rewritten', ['Date', 'garbage'], [], ['Date', 'garbage']],
  [
    'RFC 9110 §7.6.1: fields of the connection',
    [
      ...theirs,
      'Connection',
      'close',
      'Keep-Alive',
      '5',
      'Proxy-Connection',
      'x',
      'TE',
      'x',
      'Transfer-Encoding',
      'chunked',
      'Upgrade',
      'x',
      ':status',
      '200',
    ],
    [],
    theirs,
  ],
  [
    'RFC 9110 §7.6.1: fields that Connection names',
    ['X-Hop', '1', ...theirs, 'Connection', 'x-hop ,close', 'connection', 'Y', 'y', '2', 'Z', '3'],
    [],
    [...theirs, 'Z', '3'],
  ],
  [
    'RFC 9110 §7.6.1: what is for all recipients, whatever Connection says',
    ['Cache-Control', 'private', 'Vary', 'x', ...theirs, 'Connection', 'cache-control, vary, date'],
    [],
    ['Cache-Control', 'private', 'Vary', 'x', ...theirs],
  ],
  [
    'RFC 9111 §3.1: fields of a proxy',
    [
      'Proxy-Authenticate',
      'x',
      'Proxy-Authorization',
      'x',
      'proxy-authentication-info',
      'x',
      ...theirs,
      'WWW-Authenticate',
      'Basic',
    ],
    [],
    [...theirs, 'WWW-Authenticate', 'Basic'],
  ],
  [
    'RFC 9111 §5.2.2.4, §5.2.2.7: fields named by no-cache and private',
    ['Set-Cookie', 'a', ...theirs, 'set-cookie', 'b', 'X', '1'],
    ['set-cookie'],
    [...theirs, 'X', '1'],
  ],
  ['Age is kept', ['Age', '5', ...theirs], [], ['Age', '5', ...theirs]],
];

for (const [what, fields, without, stored] of rows)
  test(`what is stored of the fields: ${what}`, () => {
    const before = [...fields];
    assert.deepEqual(storedFields(fields, without, received), stored);
    assert.deepEqual(fields, before);
  });
