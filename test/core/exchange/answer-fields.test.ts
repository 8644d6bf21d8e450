import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import type { Response } from 'express';
import fc from 'fast-check';
import { AnswerFields } from '../../../lib/core/exchange/answer-fields.ts';
import { FieldSnapshot } from '../../../lib/core/exchange/response-fields.ts';
import { ResponseMethods } from '../../../lib/core/exchange/response-methods.ts';

type Operation = readonly ['set' | 'append' | 'remove', name: string, value: string | string[]];

const name = fc.constantFrom(
  'Vary',
  'vary',
  'Set-Cookie',
  'Link',
  'X-A',
  'x-a',
  'Connection',
  'ETag',
);
const line = fc.constantFrom('a', 'b', 'a, b', 'b, A', '*', 'c');
const value = fc.oneof(line, fc.array(line, { minLength: 1, maxLength: 3 }));
const operations = fc.array(fc.tuple(fc.constantFrom('set', 'append', 'remove'), name, value), {
  maxLength: 6,
});

function respond(): Response {
  return new ServerResponse(new IncomingMessage(new Socket())) as Response;
}

function apply(res: Response, list: readonly Operation[]): void {
  for (const [what, field, content] of list)
    if (what === 'set') res.setHeader(field, structuredClone(content));
    else if (what === 'append') res.appendHeader(field, content);
    else res.removeHeader(field);
}

function fieldsOf(res: Response): unknown {
  return res.getHeaderNames().map((field) => [field, structuredClone(res.getHeader(field))]);
}

test('the same fields change nothing, in whatever object they come', () => {
  fc.assert(
    fc.property(operations, operations, (outside, handler) => {
      const res = respond();
      apply(res, outside);
      const snapshot = new FieldSnapshot(res);
      apply(res, handler);
      const before = fieldsOf(res);
      const answer = new AnswerFields(res, snapshot);
      const methods = new ResponseMethods(res);
      answer.replace(res, methods, answer.list);
      assert.deepEqual(fieldsOf(res), before);
      // One group for each name, as undici's header object has them.
      answer.replace(res, methods, [...answer.list]);
      assert.deepEqual(fieldsOf(res), before);
    }),
    { numRuns: 500 },
  );
});

test('without an answer the fields are again what they were', () => {
  fc.assert(
    fc.property(operations, operations, (outside, handler) => {
      const res = respond();
      apply(res, outside);
      const before = new Map(fieldsOf(res) as [string, unknown][]);
      const snapshot = new FieldSnapshot(res);
      apply(res, handler);
      const answer = new AnswerFields(res, snapshot);
      answer.withdraw(res, new ResponseMethods(res));
      const after = new Map(fieldsOf(res) as [string, unknown][]);
      // What is said of the connection is not the answer's.
      for (const fields of [before, after]) fields.delete('connection');
      assert.deepEqual(Object.fromEntries(after), Object.fromEntries(before));
      assert.ok(res.sendDate);
    }),
    { numRuns: 500 },
  );
});

const seen: readonly (readonly [outside: Operation[], handler: Operation[], list: string[]])[] = [
  [[['set', 'Vary', 'Origin']], [['set', 'Vary', 'Origin, Accept']], ['Vary', 'Accept']],
  [[['set', 'Vary', 'Origin']], [['set', 'Vary', 'ORIGIN']], []],
  [[['set', 'Vary', 'Origin']], [['set', 'Vary', 'Accept']], ['Vary', 'Accept']],
  [[['set', 'Set-Cookie', 'a']], [['append', 'Set-Cookie', 'b']], ['Set-Cookie', 'b']],
  [[['set', 'Set-Cookie', 'a']], [['set', 'Set-Cookie', 'b']], ['Set-Cookie', 'b']],
  [[['set', 'Link', '<a>']], [['set', 'Link', '<a>, <b>']], ['Link', '<b>']],
  [[['set', 'X-A', '1']], [['set', 'X-A', '1']], []],
  [[['set', 'X-A', '1']], [['remove', 'X-A', '']], []],
];

for (const [outside, handler, list] of seen)
  test(`${JSON.stringify(outside)} outside and ${JSON.stringify(handler)}: ${JSON.stringify(list)}`, () => {
    const res = respond();
    apply(res, outside);
    const snapshot = new FieldSnapshot(res);
    apply(res, handler);
    assert.deepEqual(new AnswerFields(res, snapshot).list, list);
  });
