import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { withoutUserinfo } from '../../../lib/core/http/userinfo.ts';

const table: readonly [target: string, shown: string][] = [
  ['/a?b=c@d', '/a?b=c@d'],
  ['*', '*'],
  ['http://a.example/', 'http://a.example/'],
  ['http://a.example/b@c', 'http://a.example/b@c'],
  ['http://a.example:8080?b@c', 'http://a.example:8080?b@c'],
  ['http://[::1]:80/b@c', 'http://[::1]:80/b@c'],
  ['a.example:443', 'a.example:443'],
  ['http://user@a.example/', 'http://***@a.example/'],
  ['http://user:secret@a.example/b', 'http://***@a.example/b'],
  ['HTTP://user:secret@a.example/b', 'HTTP://***@a.example/b'],
  ['http://user:se@cret@a.example/', 'http://***@a.example/'],
  ['http://user:se/cret@a.example/', 'http://***@a.example/'],
  ['http://user:se?cret@a.example/', 'http://***@a.example/'],
  ['http://user:se\\cret@a.example/', 'http://***@a.example/'],
  ['http:/user:secret@a.example/', 'http:/***@a.example/'],
  ['user:secret@a.example:443', '***@a.example:443'],
  ['user:/secret@a.example:443', 'user:/***@a.example:443'],
];

for (const [target, shown] of table)
  test(`${target} is shown as ${shown}`, () => {
    assert.equal(withoutUserinfo(target), shown);
  });

test('a password is never shown, whatever stands in it', () => {
  const password = fc.string({ minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(password, fc.constantFrom('http://', 'HTTP://', ''), (noise, scheme) => {
      const shown = withoutUserinfo(`${scheme}user:hidden${noise}@a.example:443`);
      assert.doesNotMatch(shown, /hidden/);
    }),
  );
});
