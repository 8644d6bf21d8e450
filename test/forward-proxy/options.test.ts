import assert from 'node:assert/strict';
import test from 'node:test';
import { OptionsError } from '../../lib/core/errors.ts';
import { forwardProxy, type ForwardProxyOptions } from '../../lib/forward-proxy/index.ts';

for (const [name, options, message] of [
  [
    'clients as one string',
    { clients: '10.0.0.0/8' },
    "clients: '10.0.0.0/8' is neither a list nor a function; use a list such as ['10.0.0.0/8'], or a function of the address",
  ],
  [
    'a client that is no address',
    { clients: ['10.0.0.0/8', 'office'] },
    "clients.1: 'office' is no address; use one, or a block such as '10.0.0.0/8'",
  ],
  [
    'credentials with bad escapes',
    { upstreamProxy: 'http://a%zz:b@proxy.example:3128' },
    "upstreamProxy: 'http://***@proxy.example:3128' has malformed escapes in its credentials",
  ],
] as const)
  test(`the remedy is named: ${name}`, () => {
    assert.throws(() => forwardProxy(options as unknown as ForwardProxyOptions), {
      name: OptionsError.name,
      message: `forwardProxy: ${message}`,
    });
  });
