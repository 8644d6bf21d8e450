import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import test from 'node:test';
import type { Request } from 'express';
import { contextOf } from '../../lib/core/context.ts';
import { ProxyError } from '../../lib/core/errors.ts';
import { failWith } from '../../lib/core/fail-with.ts';

function request(): Request {
  return new IncomingMessage(new Socket()) as Request;
}

test('a failure is in the record and with the error handlers; the first one counts', () => {
  const req = request();
  const passed: unknown[] = [];
  const first = new ProxyError('ERR_SEKISHO_URL_DENIED', { stage: 'pick' });
  const second = new ProxyError('ERR_SEKISHO_BAD_PATH');
  for (const error of [first, second]) failWith(error, req, (given) => void passed.push(given));
  const { error, stage } = contextOf(req).transaction;
  assert.deepEqual([error, stage], ['ERR_SEKISHO_URL_DENIED', 'pick']);
  assert.deepEqual(passed, [first, second]);
});

test('an error of somebody else is passed on, and has no code', () => {
  const req = request();
  const foreign = new Error('foreign');
  let passed: unknown;
  failWith(foreign, req, (given) => {
    passed = given;
  });
  assert.equal(passed, foreign);
  assert.equal(contextOf(req).transaction.error, undefined);
});
