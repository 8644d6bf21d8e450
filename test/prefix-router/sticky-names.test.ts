import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OptionsError } from '../../lib/core/errors.ts';
import { upstream } from '../../lib/core/upstream/upstream.ts';
import { prefixRouter, type Routes } from '../../lib/prefix-router/index.ts';

const [a, b] = ['http://127.0.0.1:4001', 'http://127.0.0.1:4002'];
const named = { sticky: { cookie: 'node' } };
const images = upstream('images', [a], named);

const refused: readonly (readonly [string, Routes])[] = [
  [
    'two routes',
    {
      '/a': { target: a, ...named, timeouts: {} },
      '/b': { target: b, sticky: { cookie: 'node' } },
    },
  ],
  ['a route and an upstream()', { '/a': images, '/b': { target: b, ...named } }],
  ['two upstream()s', { '/a': images, '/b': upstream('other', [b], named) }],
];

for (const [what, routes] of refused)
  test(`a sticky cookie named twice is refused: ${what}`, () => {
    assert.throws(
      () => prefixRouter(routes),
      (error) =>
        error instanceof OptionsError &&
        error.message.includes(
          "'/b': sticky.cookie: 'node' is the cookie of '/a' already; give each route a name of its own",
        ),
    );
  });

const accepted: readonly (readonly [string, Routes])[] = [
  ['the same upstream() twice', { '/a': images, '/b': images }],
  ['the default name', { '/a': { target: a, sticky: true }, '/b': { target: b, sticky: true } }],
  [
    'different names',
    { '/a': { target: a, ...named }, '/b': { target: b, sticky: { cookie: 'other' } } },
  ],
];

for (const [what, routes] of accepted)
  test(`sticky cookies of several routes: ${what}`, () => {
    assert.doesNotThrow(() => prefixRouter(routes));
  });
