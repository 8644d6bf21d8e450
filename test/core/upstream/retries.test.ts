import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { ProxyError, type ErrorCode } from '../../../lib/core/errors.ts';
import type { RetryOptions } from '../../../lib/core/upstream/pool-options.ts';
import { RequestBody } from '../../../lib/core/upstream/request-body.ts';
import {
  retriesAnswer,
  retriesFailure,
  retryPause,
  type TriedRequest,
} from '../../../lib/core/upstream/retries.ts';
import { poolOf, standStill } from './pool-support.ts';

const urls = [1, 2, 3, 4, 5].map((port) => `http://127.0.0.1:${port}`);

interface Case {
  method?: string;
  body?: 'kept' | 'gone';
  /** How many servers have been tried. */
  tried?: number;
  servers?: number;
  retries?: RetryOptions;
}

function tried(
  t: Parameters<typeof poolOf>[0],
  { method = 'GET', body, tried: count = 1, servers = 5, retries = {} }: Case,
): TriedRequest {
  const pool = poolOf(t, urls.slice(0, servers), { retries });
  const kept = new RequestBody(new IncomingMessage(new Socket()), 10, () => undefined);
  if (body === 'gone') kept.settle();
  return {
    pool,
    method,
    body: body === undefined ? undefined : kept,
    tried: pool.servers.slice(0, count),
  };
}

const refused = 'ERR_SEKISHO_CONNECT_REFUSED';
const reset = 'ERR_SEKISHO_UPSTREAM_RESET';

for (const [code, request, again] of [
  [refused, {}, true],
  [refused, { method: 'POST', body: 'kept' }, true],
  [refused, { method: 'POST', body: 'gone' }, false],
  [reset, {}, true],
  [reset, { method: 'HEAD' }, true],
  [reset, { method: 'PUT', body: 'kept' }, true],
  [reset, { method: 'PUT', body: 'gone' }, false],
  [reset, { method: 'DELETE' }, true],
  [reset, { method: 'POST' }, false],
  [reset, { method: 'POST', body: 'kept' }, false],
  [reset, { method: 'PATCH', body: 'kept' }, false],
  [reset, { method: 'get' }, false],
  ['ERR_SEKISHO_HEADERS_TIMEOUT', {}, true],
  ['ERR_SEKISHO_HEADERS_TIMEOUT', { method: 'POST' }, false],
  ['ERR_SEKISHO_CLIENT_ABORTED', {}, false],
  ['ERR_SEKISHO_CLIENT_ABORTED', { method: 'PUT', body: 'kept' }, false],
  // Attempts: one retry by default, up to three more when nothing was sent, none when there are to be none.
  [reset, { tried: 2 }, false],
  [reset, { tried: 2, retries: { attempts: 3 } }, true],
  [reset, { retries: { attempts: 1 } }, false],
  [refused, { tried: 4 }, true],
  [refused, { tried: 5 }, false],
  [refused, { tried: 2, servers: 2 }, true],
  [refused, { retries: { attempts: 1 } }, false],
  [refused, { retries: { budget: 0 } }, false],
] as [ErrorCode, Case, boolean][])
  test(`${code} ${JSON.stringify(request)}: ${again ? 'tried again' : 'told the client'}`, (t) => {
    assert.equal(retriesFailure(tried(t, request), new ProxyError(code)), again);
  });

for (const [status, request, fields, again] of [
  [503, {}, [], true],
  [503, { body: 'kept', method: 'PUT' }, [], true],
  [503, { body: 'gone', method: 'PUT' }, [], false],
  [503, { method: 'POST' }, [], false],
  [503, { tried: 2 }, [], false],
  [502, {}, [], false],
  [200, {}, [], false],
  [503, { servers: 2 }, ['Retry-After', '5'], true],
  [503, { servers: 1 }, ['retry-after', '5'], false],
  [503, { servers: 1 }, ['X-Reason', 'Retry-After'], true],
  [503, { servers: 1 }, [], true],
] as [number, Case, string[], boolean][])
  test(`${status} ${JSON.stringify(request)} ${fields.join(': ')}: ${again ? 'tried again' : 'passed on'}`, (t) => {
    const retries = { statuses: [503] };
    assert.equal(retriesAnswer(tried(t, { ...request, retries }), status, fields), again);
  });

test('what is passed on costs no budget, what is tried again does', (t) => {
  standStill(t);
  const post = tried(t, { method: 'POST' });
  const error = new ProxyError(reset);
  for (let time = 0; time < 20; time++) retriesFailure(post, error);
  let granted = 0;
  for (let time = 0; time < 20; time++)
    if (retriesFailure({ ...post, method: 'GET' }, error)) granted++;
  assert.equal(granted, 8);
});

test('a connection that could not be made costs no budget', (t) => {
  standStill(t);
  const post = tried(t, { method: 'POST' });
  const refused = new ProxyError('ERR_SEKISHO_CONNECT_REFUSED');
  for (let time = 0; time < 50; time++) assert.ok(retriesFailure(post, refused));
  assert.ok(retriesFailure({ ...post, method: 'GET' }, new ProxyError(reset)));
});

for (const [backoff, count, pause] of [
  [undefined, 1, 0],
  [0, 3, 0],
  [100, 1, 50],
  [100, 2, 100],
  ['0.1s', 4, 400],
] as const)
  test(`a backoff of ${backoff} pauses ${pause} ms on average before attempt ${count + 1}`, (t) => {
    standStill(t);
    assert.equal(retryPause(tried(t, { tried: count, retries: { backoff } })), pause);
  });
