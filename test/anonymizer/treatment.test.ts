import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { treatment } from '../../lib/anonymizer/treatment.ts';

const rules = {
  remove: ['x-corp-*'],
  userAgent: 'generalize',
  referer: 'origin',
  clientHints: 'drop',
} as const;

test('drops, rewrites and keeps in one pass, in order', () => {
  const fields = [
    ...['Host', ''],
    ...['VIA', '1.1 a'],
    ...['Accept', '*/*'],
    ...['X-Corp-User', 'alice'],
    ...['referer', 'https://www.example.com/a'],
    ...['Referer', 'http://wiki/a'],
    ...['User-Agent', 'curl/8.5.0'],
    ...['X-Forwarded-For', '10.1.2.3'],
  ];
  treatment(rules, []).filter(fields);
  assert.deepEqual(fields, [
    ...['Host', ''],
    ...['Accept', '*/*'],
    ...['referer', 'https://www.example.com/'],
    ...['User-Agent', 'curl/8'],
  ]);
});

const names = fc.constantFrom(
  ...['Host', 'Via', 'via', 'X-Forwarded-For', 'x_forwarded_for', 'X.Corp.User', 'X-Corp'],
  ...['Sec-CH-UA', 'DPR', 'Referer', 'Origin', 'User-Agent', 'Cookie', 'Content-Type'],
  ...['constructor', '__proto__', 'toString', '', '*'],
);

test('whatever the fields are: what is left are fields that were there, and none that tells', () => {
  const { filter } = treatment(rules, ['cookie']);
  fc.assert(
    fc.property(fc.array(fc.tuple(names, fc.string())), (pairs) => {
      const fields = pairs.flat();
      filter(fields);
      assert.equal(fields.length % 2, 0);
      const left = fields.filter((_, at) => at % 2 === 0);
      for (const name of left) {
        assert.doesNotMatch(name, /^(?:via|x.(?:forwarded|corp).|sec-ch|dpr)/i);
        assert.ok(pairs.some(([one]) => one === name));
      }
      const untouched = /^(?:host|cookie|content-type|constructor|__proto__|tostring|x-corp)$/i;
      assert.deepEqual(
        left.filter((name) => untouched.test(name)),
        pairs.map(([name]) => name).filter((name) => untouched.test(name)),
      );
    }),
  );
});
