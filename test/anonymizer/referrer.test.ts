import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namesInside, refererOrigin } from '../../lib/anonymizer/referrer.ts';

for (const [referer, expected] of [
  ['https://www.example.com/private/path?token=1', 'https://www.example.com/'],
  ['http://www.example.com:8080/a', 'http://www.example.com:8080/'],
  ['https://user:secret@www.example.com/a', 'https://www.example.com/'],
  ['https://www.example.com', 'https://www.example.com/'],
  ['http://8.8.8.8/a', 'http://8.8.8.8/'],
  ['http://wiki/page', undefined],
  ['https://wiki.corp/page', undefined],
  ['http://build.internal:8080/job/7', undefined],
  ['http://localhost:3000/', undefined],
  ['http://10.1.2.3/', undefined],
  ['http://[::1]/', undefined],
  ['http://[::ffff:10.0.0.1]/', undefined],
  ['file:///home/alice/notes.html', undefined],
  ['android-app://com.example.mail', undefined],
  ['about:client', undefined],
  ['/relative', undefined],
  ['', undefined],
] as const)
  test(`Referer ${referer} becomes ${expected ?? 'nothing'}`, () => {
    assert.equal(refererOrigin(referer), expected);
  });

for (const [origin, expected] of [
  ['https://www.example.com', false],
  ['http://wiki', true],
  ['https://wiki.corp:8443', true],
  ['http://192.168.1.1', true],
  ['null', false],
] as const)
  test(`Origin ${origin} is ${expected ? '' : 'not '}of the inside`, () => {
    assert.equal(namesInside(origin), expected);
  });
