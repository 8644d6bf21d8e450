import assert from 'node:assert/strict';
import { test } from 'node:test';
import { middlewareTag, type MiddlewareInfo } from '../../lib/core/middleware.ts';
import { virusScanner, type VirusScannerOptions } from '../../lib/virus-scanner/index.ts';

const clamd = { socket: '/run/clamd.sock' };

for (const [options, message] of [
  [undefined, /undefined is not allowed; use an object/],
  [{}, /no engine is named; use clamd: \{ socket: '\/run\/clamav\/clamd\.ctl' \}/],
  [{ clamd: undefined }, /no engine is named/],
  [{ clamd: {} }, /needs 'socket' or 'port'/],
  [{ clamd: [] }, /is empty/],
  [{ clamd: { ...clamd, port: 3310 } }, /a socket and a port/],
  [{ clamd: { port: 0 } }, /0 is not allowed/],
  [{ clamd: { prot: 1 } }, /did you mean 'port'/],
  [{ icap: 'http://a/b' }, /'http:\/\/a\/b' is no ICAP URL/],
  [{ icap: 'icap:' }, /is no ICAP URL/],
  [{ icap: 'icap://user@a/b' }, /is no ICAP URL/],
  [{ clamd, directions: ['both'] }, /'both' is not allowed; use one of 'download', 'upload'/],
  [{ clamd, directions: [] }, /is empty/],
  [{ clamd, maxSize: '5' }, /'5' is no size/],
  [{ clamd, onUnavailable: 'alow' }, /did you mean 'allow'/],
  [{ clamd, onOversize: 'pass' }, /use one of 'block', 'allow'/],
  [{ clamd, hold: '64kb', trickle: '1mb' }, /trickle/],
  [{ clamd, hold: 0 }, /hold: 0 is not allowed; use at least 1000 bytes/],
  [{ clamd, hold: 999, trickle: true }, /hold: 999 is not allowed/],
  [{ clamd, hold: '0b', trickle: false }, /hold: 0 is not allowed/],
  [{ clamd, trickle: 0 }, /trickle/],
  [{ clamd, skip: { types: ['image'] } }, /'image' is no media type/],
  [{ clamd, skip: { hosts: ['a/b'] } }, /'a\/b' is no host name/],
  [{ clamd, skip: { host: ['a'] } }, /did you mean 'hosts'/],
  [{ clamd, timeouts: { verdict: '1' } }, /'1' is no duration/],
  [{ clamd, connections: { perEngine: 0 } }, /0 is not allowed/],
  [{ clamd, onunavailable: 'block' }, /did you mean 'onUnavailable'/],
] as const)
  test(`virusScanner(${JSON.stringify(options)}) is refused`, () => {
    assert.throws(() => virusScanner(options as unknown as VirusScannerOptions), {
      name: 'OptionsError',
      code: 'ERR_SEKISHO_OPTIONS',
      message,
    });
  });

for (const options of [
  { clamd },
  { clamd: { port: 3310 } },
  { clamd: { host: 'av.example' } },
  { clamd: [clamd, { port: 3310 }], icap: 'icap://av.example/scan' },
  { icap: ['icap://av.example:1344/scan', 'icaps://[::1]/scan?x=y'] },
  { clamd, directions: 'upload', maxSize: '1gb', trickle: false, skip: { hosts: ['b.example.'] } },
  { clamd, trickle: '64kb', skip: { types: ['image/*', 'Text/Event-Stream'], hosts: ['::1'] } },
] as const satisfies readonly VirusScannerOptions[])
  test(`virusScanner(${JSON.stringify(options)}) is a wrapper`, () => {
    const scanner = virusScanner(options);
    const info = (scanner as unknown as Record<symbol, MiddlewareInfo>)[middlewareTag];
    assert.equal(info?.kind, 'wrapper');
    assert.equal(info.name, 'virusScanner');
    assert.equal(scanner.length, 3);
    scanner.close();
  });

test('what is asked for is not changed', () => {
  const options = Object.freeze({ clamd: Object.freeze([Object.freeze({ ...clamd })]) });
  virusScanner(options).close();
  assert.deepEqual(options, { clamd: [clamd] });
});
