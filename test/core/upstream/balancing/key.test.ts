import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import { ProxyError } from '../../../../lib/core/errors.ts';
import { createBalancer } from '../../../../lib/core/upstream/balancing/index.ts';
import { clientAddress, keyOf } from '../../../../lib/core/upstream/balancing/key.ts';
import { listen } from '../../../support/servers.ts';
import { anyRequest, candidates, requestOf } from './candidates.ts';

for (const [trust, expected] of [
  [false, '127.0.0.1'],
  ['loopback', '203.0.113.7'],
] as const)
  test(`the client's address is Express' when 'trust proxy' is ${trust}`, async (t) => {
    const app = express().set('trust proxy', trust);
    app.use((req, res) => void res.send(clientAddress(req)));
    const { url } = await listen(t, app);
    const response = await fetch(url, { headers: { 'x-forwarded-for': '203.0.113.7' } });
    assert.equal(await response.text(), expected);
  });

for (const [ip, remoteAddress, expected] of [
  ['::ffff:192.0.2.1', undefined, '192.0.2.1'],
  ['2001:db8::1', undefined, '2001:db8::1'],
  [undefined, '192.0.2.9', '192.0.2.9'],
  [undefined, undefined, ''],
] as const)
  test(`ip ${ip} on a socket of ${remoteAddress} is the client '${expected}'`, () => {
    assert.equal(clientAddress(requestOf({ ip, socket: { remoteAddress } })), expected);
  });

const failure = new Error('no session');
for (const [what, hash, detail, cause] of [
  [
    'throws',
    () => {
      throw failure;
    },
    'balance.hash threw',
    /no session/,
  ],
  [
    'gives undefined',
    () => undefined,
    'balance.hash returned undefined; return a string',
    /returned undefined/,
  ],
  ['gives a number', () => 7, 'balance.hash returned 7; return a string', /returned 7/],
  [
    'is async',
    () => Promise.reject(failure),
    'balance.hash returned an object; return a string',
    /an object/,
  ],
] as const)
  test(`a hash function that ${what} is the fault of the configuration`, () => {
    const balancer = createBalancer({ hash: hash as never });
    assert.throws(
      () => balancer.pick(candidates({}, {}), anyRequest),
      (error) => {
        assert.ok(error instanceof ProxyError);
        assert.equal(error.code, 'ERR_SEKISHO_TARGET');
        assert.equal(error.detail, detail);
        assert.match(String(error.cause), cause);
        return true;
      },
    );
  });

test('the empty key is a key', () => {
  assert.equal(
    keyOf(() => '', anyRequest),
    '',
  );
});
