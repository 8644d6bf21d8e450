import assert from 'node:assert/strict';
import test from 'node:test';
import type { Events } from '../../lib/core/events.ts';
import { entryOfEvent, entryOfTransaction, isRefusal } from '../../lib/dashboard/entries.ts';
import { strings } from '../../lib/dashboard/strings.ts';
import { record, type RecordInit } from './support.ts';

type Told = readonly [group: string, level: string, kind: string, what: string];

const auth = {
  outcome: 'denied',
  reason: 'not in the group',
  dryRun: false,
  method: 'GET',
  path: '/admin',
  requestId: 'r',
} as const;
const filter = { ...auth, outcome: 'denied', rule: '/**/*.php', target: 'a.example/x' } as const;
const scan = {
  outcome: 'infected',
  engine: 'clamd',
  direction: 'download',
  bytes: 1,
  took: 1,
  target: 'http://a.example/x?secret',
  requestId: 'r',
} as const;
const alert = {
  rule: 'volume',
  severity: 'high',
  score: 80,
  blocked: true,
  destination: 'a.example:443',
  evidence: {},
  documentation: '#volume',
  repeated: 0,
} as const;
const server = { upstream: 'images', server: '10.0.0.1:80' } as const;

const events: readonly {
  readonly [Name in keyof typeof entryOfEvent]: readonly [Name, Events[Name], Told | undefined];
}[keyof typeof entryOfEvent][] = [
  ['sekisho:auth', auth, ['refusal', 'notice', 'auth', 'denied']],
  ['sekisho:auth', { ...auth, outcome: 'absent' }, ['refusal', 'info', 'auth', 'absent']],
  ['sekisho:auth', { ...auth, outcome: 'locked' }, ['refusal', 'warning', 'auth', 'locked']],
  ['sekisho:auth', { ...auth, dryRun: true }, ['refusal', 'notice', 'auth', 'dry-run:denied']],
  ['sekisho:filter', filter, ['refusal', 'notice', 'filter', 'denied']],
  ['sekisho:filter', { ...filter, outcome: 'allowed' }, undefined],
  ['sekisho:filter', { ...filter, outcome: 'exception' }, undefined],
  ['sekisho:scan', scan, ['alert', 'alert', 'scan', 'infected']],
  ['sekisho:scan', { ...scan, outcome: 'clean' }, undefined],
  ['sekisho:scan', { ...scan, outcome: 'skipped' }, undefined],
  ['sekisho:scan', { ...scan, outcome: 'oversize' }, ['refusal', 'notice', 'scan', 'oversize']],
  [
    'sekisho:scan',
    { ...scan, outcome: 'unavailable' },
    ['refusal', 'warning', 'scan', 'unavailable'],
  ],
  ['sekisho:alert', alert, ['alert', 'alert', 'egress', 'blocked']],
  [
    'sekisho:alert',
    { ...alert, severity: 'low', blocked: false },
    ['alert', 'notice', 'egress', 'monitored'],
  ],
  [
    'sekisho:warning',
    { code: 'SEKISHO_REDIS', message: 'is gone' },
    ['alert', 'warning', 'warning', ''],
  ],
  [
    'sekisho:health',
    { ...server, state: 'down', reason: 'timeout' },
    ['server', 'alert', 'health', 'down'],
  ],
  [
    'sekisho:health',
    { ...server, state: 'up', reason: 'the check passed' },
    ['server', 'good', 'health', 'up'],
  ],
  [
    'sekisho:ejection',
    { ...server, ejected: true, reason: '5 errors in a row' },
    ['server', 'warning', 'ejection', 'ejected'],
  ],
  [
    'sekisho:ejection',
    { ...server, ejected: false, reason: 'answered' },
    ['server', 'good', 'ejection', 'back'],
  ],
  [
    'sekisho:servers',
    { upstream: 'images', servers: ['10.0.0.1:80'] },
    ['server', 'info', 'servers', 'changed'],
  ],
  [
    'sekisho:servers',
    { upstream: 'images', servers: [], error: new Error('no such name') },
    ['server', 'warning', 'servers', 'kept'],
  ],
];

for (const [name, event, expected] of events)
  test(`${name} ${JSON.stringify(event).slice(0, 90)} is ${expected?.join(' ') ?? 'no news'}`, () => {
    const entry = entryOfEvent[name](event as never);
    assert.deepEqual(
      entry && [entry.group, entry.level, entry.kind, entry.what],
      expected && [...expected],
    );
    if (entry === undefined) return;
    assert.doesNotMatch(JSON.stringify(entry), /secret/);
    const kind = `kind${entry.kind.slice(0, 1).toUpperCase()}${entry.kind.slice(1)}`;
    for (const texts of [strings.en, strings.ja]) {
      assert.ok(kind in texts, kind);
      assert.ok(entry.what.replace('dry-run:', '') in { ...texts, '': '' }, entry.what);
    }
  });

const requests: readonly [string, RecordInit, Told | undefined][] = [
  ['an answer', {}, undefined],
  ['an answer of 404', { status: 404 }, undefined],
  ['an answer of 500', { status: 500, server: 'a:1' }, ['alert', 'warning', 'answer', '500']],
  [
    'a failure',
    { status: 502, error: 'ERR_SEKISHO_UPSTREAM_RESET', upstream: 'images', server: 'a:1' },
    ['alert', 'warning', 'error', 'UPSTREAM_RESET'],
  ],
  [
    'a refusal',
    { status: 400, error: 'ERR_SEKISHO_BAD_PATH', client: '192.0.2.1' },
    ['refusal', 'notice', 'refused', 'BAD_PATH'],
  ],
  ['what authGate has told', { status: 403, error: 'ERR_SEKISHO_AUTH_DENIED' }, undefined],
  ['what urlFilter has told', { status: 403, error: 'ERR_SEKISHO_URL_DENIED' }, undefined],
  ['a client that left', { status: 499, outcome: 'client-aborted' }, undefined],
  ['a client that left waiting', { status: 499, error: 'ERR_SEKISHO_CLIENT_ABORTED' }, undefined],
];

for (const [name, init, expected] of requests)
  test(`${name} is ${expected?.join(' ') ?? 'no news'}`, () => {
    const entry = entryOfTransaction(record({ target: '/a?secret=1', ...init }));
    assert.deepEqual(
      entry && [entry.group, entry.level, entry.kind, entry.what],
      expected && [...expected],
    );
    assert.doesNotMatch(JSON.stringify(entry ?? {}), /secret/);
  });

test('a server that fails for many clients is one entry, a client that is refused one for each', () => {
  const failed = { error: 'ERR_SEKISHO_CONNECT_REFUSED', client: '192.0.2.1' } as const;
  assert.equal(entryOfTransaction(record(failed))?.client, undefined);
  const refused = { error: 'ERR_SEKISHO_BAD_PATH', client: '192.0.2.1' } as const;
  assert.equal(entryOfTransaction(record(refused))?.client, '192.0.2.1');
});

for (const [name, entry, expected] of [
  ['a gate that refused', entryOfEvent['sekisho:auth'](auth), true],
  ['a gate that only reports', entryOfEvent['sekisho:auth']({ ...auth, dryRun: true }), false],
  ['a virus', entryOfEvent['sekisho:scan'](scan), true],
  ['a transfer that was blocked', entryOfEvent['sekisho:alert'](alert), true],
  [
    'a transfer that was only seen',
    entryOfEvent['sekisho:alert']({ ...alert, blocked: false }),
    false,
  ],
  ['a failing server', entryOfTransaction(record({ error: 'ERR_SEKISHO_DNS' })), false],
] as const)
  test(`${name} is ${expected ? 'a' : 'no'} refusal`, () => {
    assert.equal(isRefusal(entry!), expected);
  });
