import assert from 'node:assert/strict';
import test from 'node:test';
import { NameTable } from '../../../lib/core/server/sni.ts';

const table = new NameTable([
  ['shop.example.com', 'shop'],
  ['*.Example.com.', 'wild'],
  ['*.de', 'top'],
]);

const names: [string, string | undefined][] = [
  ['shop.example.com', 'shop'],
  ['Shop.Example.COM.', 'shop'],
  ['blog.example.com', 'wild'],
  ['a.blog.example.com', undefined],
  ['example.com', undefined],
  ['.example.com', undefined],
  ['*.example.com', 'wild'],
  ['a.de', 'top'],
  ['de', undefined],
  ['', undefined],
  ['.', undefined],
];

for (const [name, expected] of names)
  test(`the name '${name}' belongs to ${expected ?? 'nobody'}`, () => {
    assert.equal(table.find(name), expected);
  });
