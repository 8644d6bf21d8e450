import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHtpasswd } from '../../lib/auth-gate/htpasswd.ts';
import { hashes } from './support.ts';

test('reads users; blank lines, comments, a BOM, CR and notes are no matter', () => {
  const { users, refused } = parseHtpasswd(
    `\ufeff# staff\r\n\r\nalice:${hashes.bcrypt}\r\n  bob:${hashes.apr1}  \ncarol:${hashes.sha1}:Carol C.:x\njürgen:${hashes.argon2}`,
  );
  assert.deepEqual(
    [...users].map(([name, { kind }]) => `${name} ${kind}`),
    ['alice bcrypt', 'bob apr1', 'carol sha1', 'jürgen argon2'],
  );
  assert.deepEqual(refused, []);
});

test('of two entries of a name the first counts, as in Apache', () => {
  const { users } = parseHtpasswd(`a:${hashes.sha1}\na:${hashes.apr1}\n`);
  assert.equal(users.get('a')?.kind, 'sha1');
});

test('plain text, crypt() and foreign hashes are refused by line, without what they are', () => {
  const { users, refused } = parseHtpasswd(
    `a:${hashes.sha1}\neve:plain\ndave:qtbNsx8agFka.\nfrank:$6$salt$hash\ngina:\n`,
  );
  assert.deepEqual([...users.keys()], ['a']);
  assert.deepEqual(refused, [
    'line 2 has plain text or crypt()',
    'line 3 has plain text or crypt()',
    'line 4 is hashed in a way that is not supported',
    'line 5 is empty',
  ]);
});

for (const [what, text, message] of [
  ['a line without colon', 'alice', 'line 1 is not of the form name:hash'],
  ['a line without name', `:${hashes.sha1}`, 'line 1 is not of the form name:hash'],
  ['half a hash', `a:${hashes.sha1}\nb:$2y$05$EU.FceL`, 'line 2 is a malformed bcrypt hash'],
  ['NUL bytes', 'alice:\0\0\0', 'line 1 is no text'],
  ['bytes that are no UTF-8', 'alice:\ufffd', 'line 1 is no text'],
  ['HTML', '<!doctype html>\n', 'line 1 is not of the form name:hash'],
] as const)
  test(`${what} makes the whole file a broken one`, () => {
    assert.throws(() => parseHtpasswd(text), { name: 'SyntaxError', message });
  });

test('an empty file has no users', () => {
  assert.equal(parseHtpasswd('').users.size, 0);
  assert.equal(parseHtpasswd('# nobody left\n').users.size, 0);
});
