import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCacheControl } from '../../../lib/core/http/cache-control.ts';
import { isErrorStatus, judgeReuse, mayUseOnError } from '../../../lib/core/http/reuse.ts';
import type { Validity } from '../../../lib/core/http/validity.ts';

const received = 1_000_000_000;

/** Fresh for 60 s. */
const plain: Validity = {
  received,
  initialAge: 0,
  lifetime: 60_000,
  staleWhileRevalidate: 0,
  staleIfError: 0,
  alwaysValidate: false,
  neverStale: false,
  assumed: false,
};
const never: Validity = { ...plain, neverStale: true };
const always: Validity = { ...never, alwaysValidate: true };
const revalidating: Validity = { ...plain, staleWhileRevalidate: 30_000 };
const onError: Validity = { ...plain, staleIfError: 30_000 };

function directives(line: string | undefined): ReturnType<typeof parseCacheControl> | undefined {
  return line === undefined ? undefined : parseCacheControl([line]);
}

for (const [section, validity, request, seconds, expected] of [
  ['§4.2', plain, undefined, 0, 'fresh'],
  ['§4.2', plain, undefined, 59.999, 'fresh'],
  ['§4.2', plain, undefined, 60, 'validate: stale'],
  ['§4.2', plain, undefined, -5, 'fresh'],
  ['§4.2.3', { ...plain, initialAge: 59_000 }, undefined, 0.9, 'fresh'],
  ['§4.2.3', { ...plain, initialAge: 59_000 }, undefined, 1, 'validate: stale'],
  ['§4.2.1', { ...plain, lifetime: 0 }, undefined, 0, 'validate: stale'],
  ['§5.2.2.2: must-revalidate does not bar the fresh', never, undefined, 59, 'fresh'],
  ['§5.2.2.2', never, undefined, 60, 'validate: stale'],
  ['§5.2.2.4', always, undefined, 0, 'validate: no-cache'],
  ['§5.2.2.4', always, 'max-stale', 0, 'validate: no-cache'],
  ['RFC 5861 §3', revalidating, undefined, 59, 'fresh'],
  ['RFC 5861 §3', revalidating, undefined, 60, 'stale-while-revalidate'],
  ['RFC 5861 §3', revalidating, undefined, 89.999, 'stale-while-revalidate'],
  ['RFC 5861 §3', revalidating, undefined, 90, 'validate: stale'],
  ['§4.2.4', { ...revalidating, neverStale: true }, undefined, 60, 'validate: stale'],
  ['RFC 5861 §4: not for ordinary use', onError, undefined, 60, 'validate: stale'],

  ['§5.2.1', plain, '', 59, 'fresh'],
  ['§5.2.1', plain, '', 60, 'validate: stale'],
  ['§5.2.1', plain, 'unknown', 59, 'fresh'],
  ['§5.2.1.5: of what is stored already', plain, 'no-store', 59, 'fresh'],
  ['§5.2.1.7', plain, 'only-if-cached', 59, 'fresh'],
  ['§5.2.1.7', plain, 'only-if-cached', 60, 'validate: stale'],
  ['§5.2.1.4', plain, 'no-cache', 0, 'validate: request'],
  ['§5.2.1.4', plain, 'no-cache, max-stale', 60, 'validate: request'],
  ['§5.2.1.1', plain, 'max-age=10', 10, 'fresh'],
  ['§5.2.1.1', plain, 'max-age=10', 10.001, 'validate: request'],
  ['§5.2.1.1', plain, 'max-age=0', 0, 'validate: request'],
  ['§5.2.1.1', plain, 'max-age=x', 0, 'validate: request'],
  ['§5.2.1.1', plain, 'max-age=100', 60, 'validate: stale'],
  ['§5.2.1.1', revalidating, 'max-age=100', 60, 'validate: stale'],
  ['§5.2.1.1', revalidating, 'max-age=100, max-stale=10', 70, 'stale-while-revalidate'],
  ['§5.2.1.1', plain, 'max-age=10, max-stale', 11, 'validate: request'],
  ['§5.2.1.3', plain, 'min-fresh=10', 50, 'fresh'],
  ['§5.2.1.3', plain, 'min-fresh=10', 50.001, 'validate: request'],
  ['§5.2.1.3', plain, 'min-fresh=61', 0, 'validate: request'],
  ['§5.2.1.3', plain, 'min-fresh=x', 0, 'validate: request'],
  ['§5.2.1.3', revalidating, 'min-fresh=0', 61, 'validate: request'],
  ['§5.2.1.3', plain, 'min-fresh=0, max-stale', 61, 'validate: request'],
  ['§5.2.1.2', plain, 'max-stale', 59, 'fresh'],
  ['§5.2.1.2', plain, 'max-stale', 1e6, 'stale-allowed'],
  ['§5.2.1.2', plain, 'max-stale=10', 70, 'stale-allowed'],
  ['§5.2.1.2', plain, 'max-stale=10', 70.001, 'validate: stale'],
  ['§5.2.1.2', plain, 'max-stale=x', 61, 'validate: stale'],
  ['§5.2.1.2', never, 'max-stale', 61, 'validate: stale'],
  ['§5.2.1.2', revalidating, 'max-stale=10', 70, 'stale-while-revalidate'],
  ['§5.2.1.2', revalidating, 'max-stale=10', 71, 'validate: stale'],
  ['§5.2.1.2', revalidating, 'max-stale', 90, 'stale-allowed'],
] as const)
  test(`${section}: ${String(request)} ${seconds} s after its arrival: ${expected} (${JSON.stringify(validity)})`, () => {
    const reuse = judgeReuse(validity, directives(request), received + seconds * 1000);
    assert.equal(reuse.kind === 'validate' ? `validate: ${reuse.why}` : reuse.kind, expected);
    assert.equal(judgeReuse(validity, directives(request), received + seconds * 1000), reuse);
  });

for (const [section, validity, request, seconds, error, disconnected] of [
  ['RFC 5861 §4', onError, undefined, 60, true, true],
  ['RFC 5861 §4', onError, undefined, 89.999, true, true],
  ['RFC 5861 §4', onError, undefined, 90, false, true],
  ['RFC 5861 §4', onError, 'max-age=0', 61, true, true],
  ['RFC 5861 §4', onError, 'min-fresh=5', 61, true, true],
  ['RFC 5861 §4: of the request', plain, 'stale-if-error=10', 69, true, true],
  ['RFC 5861 §4: of the request', plain, 'stale-if-error=10', 71, false, true],
  ['RFC 5861 §4: of both', onError, 'stale-if-error=10', 71, false, true],
  ['RFC 5861 §4: of both', onError, 'stale-if-error=100', 91, true, true],
  ['RFC 5861 §4: malformed', onError, 'stale-if-error=x', 61, false, true],
  ['§4.2.4', plain, undefined, 61, false, true],
  ['§4.2.4', plain, undefined, 1e6, false, true],
  ['§4.2.4', { ...plain, lifetime: 0 }, undefined, 0, false, true],
  ['§4.2.4', { ...onError, neverStale: true }, undefined, 61, false, false],
  ['§4.2.4', never, 'max-stale, stale-if-error=100', 61, false, false],
  ['§5.2.2.4', { ...onError, alwaysValidate: true, neverStale: true }, undefined, 0, false, false],
  ['§5.2.1.4', onError, 'no-cache', 61, false, false],
  ['§5.2.1.4', onError, 'no-cache', 0, false, false],
  ['§5.2.1.1', plain, 'max-age=0', 61, false, false],
  ['§5.2.1.1', plain, 'max-age=100', 61, false, false],
  ['§5.2.1.1', plain, 'max-age=100, max-stale=5', 61, false, true],
  ['§5.2.1.1', plain, 'max-age=100', 59.9995, false, true],
  ['§5.2.1.2', plain, 'max-stale=5', 65, false, true],
  ['§5.2.1.2', plain, 'max-stale=5', 66, false, false],
  ['§5.2.1.3', plain, 'min-fresh=5', 58, false, false],
  ['§5.2.1.3', onError, 'min-fresh=5', 58, true, true],
  ['§5.2.1.1: fresh, but not for this client', plain, 'max-age=0', 5, false, false],
  ['§5.2.1.1: fresh, but not for this client', never, 'max-age=0', 5, false, false],
  ['§4.2: fresh, and validated for another reason', never, undefined, 5, false, true],
  ['§5.2.1.3', plain, 'min-fresh=5', 61, false, false],
] as const)
  test(`${section}: ${String(request)} ${seconds} s after its arrival: ${error ? '' : 'not '}used on an error, ${disconnected ? '' : 'not '}without an answer (${JSON.stringify(validity)})`, () => {
    const now = received + seconds * 1000;
    assert.equal(mayUseOnError(validity, directives(request), now, false), error);
    assert.equal(mayUseOnError(validity, directives(request), now, true), disconnected);
  });

for (const [status, expected] of [
  [500, true],
  [502, true],
  [503, true],
  [504, true],
  [501, false],
  [404, false],
  [200, false],
] as const)
  test(`RFC 5861 §4: ${status} is ${expected ? 'an' : 'no'} error`, () => {
    assert.equal(isErrorStatus(status), expected);
  });
