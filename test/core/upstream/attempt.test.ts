import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes, ProxyError, type ErrorCode } from '../../../lib/core/errors.ts';
import { isServerError, verdictOf, type Verdict } from '../../../lib/core/upstream/attempt.ts';

const evidence = new Map<ErrorCode, [fresh: Verdict, reused: Verdict]>([
  ['ERR_SEKISHO_CONNECT_REFUSED', ['unreachable', 'unreachable']],
  ['ERR_SEKISHO_DNS', ['unreachable', 'unreachable']],
  ['ERR_SEKISHO_TLS', ['unreachable', 'unreachable']],
  ['ERR_SEKISHO_UPSTREAM_RESET', ['failure', 'nothing']],
  ['ERR_SEKISHO_CONNECT_TIMEOUT', ['failure', 'failure']],
  ['ERR_SEKISHO_UPSTREAM_PROTOCOL', ['failure', 'failure']],
  ['ERR_SEKISHO_IDLE_TIMEOUT', ['failure', 'failure']],
  ['ERR_SEKISHO_TRUNCATED', ['failure', 'failure']],
  ['ERR_SEKISHO_HEADERS_TIMEOUT', ['timeout', 'timeout']],
]);

for (const code of errorCodes) {
  const [fresh, reused] = evidence.get(code) ?? ['nothing', 'nothing'];
  test(`${code} says ${fresh} of the server, on a reused connection ${reused}`, () => {
    assert.equal(verdictOf(new ProxyError(code), false), fresh);
    assert.equal(verdictOf(new ProxyError(code), true), reused);
  });
}

for (const [code, verdict] of [
  ['EMFILE', 'nothing'],
  ['ENFILE', 'nothing'],
  ['ENOBUFS', 'nothing'],
  ['ENOMEM', 'nothing'],
  ['EADDRNOTAVAIL', 'nothing'],
  ['ECONNREFUSED', 'unreachable'],
] as const)
  test(`a connection that fails for ${code} says ${verdict} of the server`, () => {
    const cause = Object.assign(new Error(code), { code });
    assert.equal(
      verdictOf(new ProxyError('ERR_SEKISHO_CONNECT_REFUSED', { cause }), false),
      verdict,
    );
  });

for (const [status, error] of [
  [200, false],
  [404, false],
  [429, false],
  [499, false],
  [500, true],
  [501, false],
  [502, true],
  [503, true],
  [504, true],
  [505, false],
  [599, true],
] as const)
  test(`${status} is ${error ? 'a failure' : 'no failure'} of the server`, () => {
    assert.equal(isServerError(status), error);
  });
