import assert from 'node:assert/strict';
import test from 'node:test';
import { cache, type CacheOptions } from '../../lib/cache/index.ts';
import { OptionsError } from '../../lib/core/errors.ts';

const bad: Readonly<Record<string, readonly [unknown, RegExp]>> = {
  'a duration without unit': ['10', /'10'|"10"/],
  'a negative duration': [-1, /-1/],
  'no duration': ['soon', /soon/],
  null: [null, /null/],
  'an unknown option': [{ tll: 5 }, /tll.*ttl/s],
  'a store that is none': [{ store: {} }, /store.*get, epoch.*memoryStore/s],
  'a method that is not cached': [{ methods: ['PUT'] }, /methods/],
  'a status that is none': [{ statusCodes: { include: [99] } }, /statusCodes/],
  'a negativeTtl of no status': [{ negativeTtl: { nope: 5 } }, /nope/],
  'heuristics beyond all': [{ heuristics: { share: 2 } }, /share/],
  'an appendKey that is no function': [{ appendKey: 'lang' }, /appendKey/],
  'a cookie that has no name': [{ cookies: ['a b'] }, /a b/],
  'cookies of another word': [{ cookies: 'none' }, /cookies/],
  'a size that is none': [{ maxEntrySize: 'big' }, /maxEntrySize.*big/s],
  'a word that cannot be ignored': [{ ignore: ['vary'] }, /ignore/],
  'an empty name': [{ cacheStatus: '' }, /cacheStatus/],
};

for (const [what, [options, message]] of Object.entries(bad))
  test(`${what} is an OptionsError`, () => {
    assert.throws(
      () => cache(options as CacheOptions),
      (error) => error instanceof OptionsError && message.test(error.message),
    );
  });

test('the toggle has to be a function', () => {
  assert.throws(() => cache('1m', true as never), OptionsError);
});

for (const options of [undefined, {}, { ttl: undefined as never }, '10 minutes', 0])
  test(`cache(${JSON.stringify(options)}) is a middleware`, () => {
    assert.equal(cache(options as CacheOptions).length, 3);
  });
