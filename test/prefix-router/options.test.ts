import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { OptionsError } from '../../lib/core/errors.ts';
import { prefixRouter } from '../../lib/prefix-router/index.ts';

const handler: RequestHandler = (_req, _res, next) => next();
const onError: ErrorRequestHandler = (error, _req, _res, next) => next(error);

for (const [key, remedy] of [
  ['blog', "write '/blog' for a path, or 'blog/' for everything on a host"],
  ['', "has no '/'"],
  ['shop.example.com', "'shop.example.com/' for everything on a host"],
  ['/blog?x', 'has a query'],
  ['/blog#x', 'has a query or fragment'],
  ['//blog', 'write each slash once'],
  ['/blog//', 'write each slash once'],
  ['/a/../b', 'write the path it leads to'],
  ['/./b', 'write the path it leads to'],
  ['/b/..', 'write the path it leads to'],
  ['/a%2Fb', 'write it plain'],
  ['/%62log', 'write it plain'],
  ['/%C3%BC', 'a shorter prefix with an express.Router()'],
  ['/%zz', 'a shorter prefix with an express.Router()'],
  ['/\xfc', 'a shorter prefix with an express.Router()'],
  ['/blog/*', "'/blog' will do"],
  ['/user/:id', 'prefixes are literal'],
  ['/a;v=1', 'use letters, digits'],
  ['/a\\b', 'use letters, digits'],
  ['/a b', 'use letters, digits'],
  ['/über', 'use letters, digits'],
  ['http://a/x', 'has an empty segment'],
  ['a:99999/x', 'invalid host'],
  ['a b/x', 'invalid host'],
  ['user@a/x', 'invalid host'],
  ['*/x', 'invalid host'],
  ['*example.com/', 'invalid host'],
  ['www.*.com/', 'invalid host'],
  ['*.*.com/', 'invalid host'],
  ['*.1.2.3.4/', 'invalid host'],
  ['*.[::1]/', 'invalid host'],
  ['127.1/', 'invalid host'],
] as const) {
  test(`key '${key}' is refused: ${remedy}`, () => {
    assert.throws(
      () => prefixRouter({ [key]: handler }),
      (error) => error instanceof OptionsError && problemHas(error, `'${key}'`, remedy),
    );
  });
}

for (const key of [
  '/',
  '/.well-known',
  '/a/.hidden/b',
  "/a/~b_c-d!$&'()+,=e:f@g",
  'localhost/',
  'a.b:1/c',
]) {
  test(`key '${key}' is accepted`, () => {
    assert.doesNotThrow(() => prefixRouter({ [key]: handler }));
  });
}

for (const [keys, named] of [
  [
    ['/blog', '/blog/'],
    ["'/blog/'", "'/blog'"],
  ],
  [
    ['A.test/', 'a.test./'],
    ["'a.test./'", "'A.test/'"],
  ],
  [
    ['*.a.test/x', '*.A.test/x/'],
    ["'*.A.test/x/'", "'*.a.test/x'"],
  ],
] as const) {
  test(`keys ${keys.join(' and ')} are the same`, () => {
    assert.throws(
      () => prefixRouter(Object.fromEntries(keys.map((key) => [key, handler]))),
      (error) => error instanceof OptionsError && problemHas(error, ...named, 'keep one'),
    );
  });
}

for (const [what, value, remedy] of [
  ['undefined', undefined, 'leave the key out'],
  ['null', null, 'null is no target'],
  ['true', true, 'true is no target'],
  ['{}', {}, 'an object without a target'],
  ['{ target: undefined }', { target: undefined }, 'an object without a target'],
  ["{ url: 'http://a' }", { url: 'http://a' }, 'for a list of servers'],
  ['[handler]', [handler], 'express.Router()'],
  ['an error handler', onError, 'handles errors'],
] as const) {
  test(`value ${what} is refused: ${remedy}`, () => {
    assert.throws(
      () => prefixRouter({ '/blog': value as never }),
      (error) => error instanceof OptionsError && problemHas(error, "'/blog'", remedy),
    );
  });
}

for (const [what, routes, remedy] of [
  ['nothing', undefined, 'undefined is no table of routes'],
  ['a string', '/blog', "'/blog' is no table of routes"],
  ['an array', [['/blog', handler]], 'an array is no table of routes'],
  ['a Map', new Map([['/blog', handler]]), 'is no table of routes'],
  ['a handler', handler, 'is no table of routes'],
  ['an empty object', {}, 'has no routes'],
] as const) {
  test(`routes given as ${what} are refused: ${remedy}`, () => {
    assert.throws(
      () => prefixRouter(routes as never),
      (error) =>
        error instanceof OptionsError && problemHas(error, remedy, 'http://127.0.0.1:8080'),
    );
  });
}

test('all problems are told at once', () => {
  assert.throws(
    () => prefixRouter({ blog: handler, '//x': handler, '/y': null as never }),
    (error) => error instanceof OptionsError && error.problems.length === 3,
  );
});

function problemHas(error: OptionsError, ...words: readonly string[]): boolean {
  return error.problems.some((problem) => words.every((word) => problem.includes(word)));
}
