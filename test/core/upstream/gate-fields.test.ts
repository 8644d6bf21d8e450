import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { contextOf } from '../../../lib/core/context.ts';
import { applyGates, gatedHeaders, lendHeaders } from '../../../lib/core/upstream/gate-fields.ts';

function requestWith(headers: Record<string, string>): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  Object.assign(req.headers, headers);
  return req;
}

const none = { consumed: undefined, consumedCookies: undefined, identity: undefined };

test('consumed fields and cookies go, in every spelling and number; who the user is comes', () => {
  const fields = [
    'Host',
    'a',
    'AUTHORIZATION',
    'x',
    'Cookie',
    's=1',
    'cookie',
    'a=1; s=2',
    'authorization',
    'y',
    'B',
    '2',
  ];
  applyGates(fields, {
    consumed: new Set(['authorization']),
    consumedCookies: new Set(['s']),
    identity: ['X-Forwarded-User', 'mia'],
    proxied: false,
  });
  assert.deepEqual(fields, ['Host', 'a', 'cookie', 'a=1', 'B', '2', 'X-Forwarded-User', 'mia']);
});

test('gates that have decided nothing change nothing', () => {
  const fields = ['Host', 'a', 'Authorization', 'x', 'Cookie', 's=1'];
  applyGates(fields, { ...none, proxied: false });
  assert.deepEqual(fields, ['Host', 'a', 'Authorization', 'x', 'Cookie', 's=1']);
});

const connections: readonly (readonly [sent: string, kept: string])[] = [
  ['keep-alive', 'keep-alive'],
  ['Keep-Alive', 'Keep-Alive'],
  ['X-Forwarded-User', 'keep-alive'],
  ['Upgrade, x_forwarded_user', 'upgrade'],
  ['close, X-Hop', 'close, X-Hop'],
];

for (const [sent, kept] of connections)
  test(`Connection: ${sent} goes on as ${kept}`, () => {
    assert.equal(gatedHeaders(requestWith({ connection: sent })).identified.connection, kept);
  });

test('headers for somebody who sends them on as they are; the request keeps its own', () => {
  const req = requestWith({
    'x-forwarded-user': 'root',
    x_forwarded_email: 'root@x',
    authorization: 'x',
    cookie: 's=1; a=2',
    'x-kept': '1',
  });
  const before = { ...req.headers };
  const context = contextOf(req);
  context.consume.add('authorization');
  context.consumeCookies.add('s');
  context.identity = ['X-Forwarded-User', 'mia'];
  const { stripped, identified } = gatedHeaders(req);
  assert.deepEqual(stripped, { cookie: 'a=2', 'x-kept': '1' });
  assert.deepEqual(identified, { ...stripped, 'x-forwarded-user': 'mia' });
  assert.deepEqual(req.headers, before);
});

test('what wrappers filter is filtered for those who send headers on as they are', () => {
  const req = requestWith({ via: '1.1 a', 'x-kept': '1' });
  contextOf(req).identity = ['X-Forwarded-User', 'mia'];
  contextOf(req).fieldFilters = [
    (fields) => {
      fields.splice(fields.indexOf('via'), 2);
    },
    (fields) => fields.push('X-Added', 'a'),
  ];
  const { stripped, identified } = gatedHeaders(req);
  assert.deepEqual({ ...stripped }, { 'x-kept': '1', 'x-added': 'a' });
  assert.deepEqual({ ...identified }, { ...stripped, 'x-forwarded-user': 'mia' });
  assert.equal(req.headers.via, '1.1 a');
});

test('lent headers are given back, also when somebody had put his own there', () => {
  const req = requestWith({ a: '1' });
  const own = req.headers;
  lendHeaders(req, { b: '2' })();
  assert.equal(req.headers, own);
  const other = { c: '3' };
  Object.defineProperty(req, 'headers', { value: other, configurable: true });
  const giveBack = lendHeaders(req, { b: '2' });
  assert.deepEqual(req.headers, { b: '2' });
  giveBack();
  assert.equal(req.headers, other);
});
