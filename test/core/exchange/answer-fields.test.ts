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
    else if (what === 'append') res.appendHeader(field, structuredClone(content));
    else res.removeHeader(field);
}

function fieldsOf(res: Response): unknown {
  return res.getHeaderNames().map((field) => [field, structuredClone(res.getHeader(field))]);
}

/** What goes out, without what is said of the connection; in how many lines and in which order is all the same. */
function saidBy(res: Response): unknown {
  return Object.fromEntries(
    res
      .getHeaderNames()
      .filter((field) => field !== 'connection')
      .map((field) => {
        const said = [res.getHeader(field) ?? []].flat().join(', ').split(', ').toSorted();
        const names = new Set(said.map((member) => member.toLowerCase()));
        return [field, field === 'vary' ? names : said];
      }),
  );
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

test('an answer in place of the handler’s has what was set outside, save what it goes without', () => {
  fc.assert(
    fc.property(operations, operations, operations, (outside, handler, instead) => {
      const [first, second] = [respond(), respond()];
      for (const res of [first, second]) apply(res, outside);
      const snapshot = new FieldSnapshot(first);
      apply(first, instead);
      const { list, removed } = new AnswerFields(first, snapshot);
      apply(second, handler);
      const answer = new AnswerFields(second, snapshot);
      answer.substitute(second, new ResponseMethods(second), list, removed);
      assert.deepEqual(saidBy(second), saidBy(first));
    }),
    { numRuns: 500 },
  );
});

type Seen = readonly [outside: Operation[], handler: Operation[], list: string[], removed: string];
const seen: readonly Seen[] = [
  [[['set', 'Vary', 'Origin']], [['set', 'Vary', 'Origin, Accept']], ['Vary', 'Accept'], ''],
  [[['set', 'Vary', 'Origin']], [['set', 'Vary', 'ORIGIN']], [], ''],
  [[['set', 'Vary', 'Origin']], [['set', 'Vary', 'Accept']], ['Vary', 'Accept'], 'vary'],
  [[['set', 'Vary', 'Origin']], [['remove', 'Vary', '']], [], 'vary'],
  [[['set', 'Set-Cookie', 'a']], [['append', 'Set-Cookie', 'b']], ['Set-Cookie', 'b'], ''],
  [[['set', 'Set-Cookie', 'a']], [['set', 'Set-Cookie', 'b']], ['Set-Cookie', 'b'], 'set-cookie'],
  [[['set', 'Link', '<a>']], [['set', 'Link', '<a>, <b>']], ['Link', '<b>'], ''],
  [[['set', 'X-A', '1']], [['set', 'X-A', '1']], [], ''],
  [[['set', 'X-A', '1']], [['set', 'X-A', '2']], ['X-A', '2'], ''],
  [[['set', 'X-A', '1']], [['remove', 'X-A', '']], [], 'x-a'],
  [[['set', 'Connection', 'close']], [['remove', 'Connection', '']], [], ''],
];

for (const [outside, handler, list, removed] of seen)
  test(`${JSON.stringify(outside)} outside and ${JSON.stringify(handler)}: ${JSON.stringify(list)} without ${removed}`, () => {
    const res = respond();
    apply(res, outside);
    const snapshot = new FieldSnapshot(res);
    apply(res, handler);
    const answer = new AnswerFields(res, snapshot);
    assert.deepEqual([answer.list, answer.removed.join()], [list, removed]);
  });
