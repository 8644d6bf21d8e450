import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isInternalName,
  isLocalhost,
} from '../../../../lib/core/upstream/destination/internal-names.ts';

for (const [name, expected] of [
  ['wiki', true],
  ['localhost', true],
  ['app.localhost', true],
  ['dc1.corp', true],
  ['printer.local', true],
  ['metadata.google.internal', true],
  ['router.home.arpa', true],
  ['nas.lan', true],
  ['hidden.onion', true],
  ['example.com', false],
  ['corp.example', false],
  ['local.example', false],
  ['notlocalhost.example', false],
  ['1.0.0.10.in-addr.arpa', false],
] as const)
  test(`${name} is ${expected ? 'an internal' : 'a'} name`, () => {
    assert.equal(isInternalName(name), expected);
  });

for (const [name, expected] of [
  ['localhost', true],
  ['a.localhost', true],
  ['notlocalhost', false],
  ['localhost.example', false],
] as const)
  test(`${name} is ${expected ? '' : 'not '}this machine`, () => {
    assert.equal(isLocalhost(name), expected);
  });
