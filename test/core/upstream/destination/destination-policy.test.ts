import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import {
  DestinationList,
  parseDestinationEntry,
} from '../../../../lib/core/upstream/destination/destination-list.ts';
import {
  DestinationPolicy,
  type DestinationRules,
} from '../../../../lib/core/upstream/destination/destination-policy.ts';
import type { Verdict } from '../../../../lib/core/upstream/destination/verdict.ts';

function list(...entries: string[]): DestinationList {
  return new DestinationList(
    entries.map((entry) => {
      const parsed = parseDestinationEntry(entry);
      assert.ok(parsed, entry);
      return parsed;
    }),
  );
}

function policy(rules: Partial<DestinationRules> = {}): DestinationPolicy {
  return new DestinationPolicy({
    ports: [80],
    connectPorts: [443],
    deny: list(),
    allowPrivate: list(),
    lookupTimeout: 5000,
    lookup: () => Promise.resolve(['8.8.8.8']),
    ...rules,
  });
}

const question = { form: 'http', hostname: 'example.com', port: 80 } as const;

function codeOf(verdict: Verdict): unknown {
  return verdict.allow ? verdict.address : [verdict.code, verdict.status];
}

test('an address is judged at once, a name when it is resolved', async () => {
  assert.ok(!(policy().judge({ ...question, hostname: '8.8.8.8' }) instanceof Promise));
  assert.ok(!(policy().judge({ ...question, hostname: '10.0.0.1' }) instanceof Promise));
  const verdict = policy().judge(question);
  assert.ok(verdict instanceof Promise);
  assert.deepEqual(await verdict, {
    allow: true,
    hostname: 'example.com',
    port: 80,
    address: '8.8.8.8',
    addresses: ['8.8.8.8'],
  });
});

for (const [what, asked, expected] of [
  ['port', { port: 81 }, ['ERR_SEKISHO_DESTINATION_DENIED', 403]],
  ['private address', { hostname: '10.0.0.1' }, ['ERR_SEKISHO_DESTINATION_DENIED', 403]],
  ['server name', { sni: 'evil.example' }, ['ERR_SEKISHO_DESTINATION_DENIED', 403]],
  ['Host', { hostHeader: 'evil.example' }, ['ERR_SEKISHO_BAD_HOST', 400]],
  ['two Hosts', { hostHeader: ['example.com', 'example.com'] }, ['ERR_SEKISHO_BAD_HOST', 400]],
  ['Host without end', { hostHeader: 'a'.repeat(1e5) }, ['ERR_SEKISHO_BAD_HOST', 400]],
  ['no Host', { hostHeader: [] }, ['ERR_SEKISHO_BAD_HOST', 400]],
  ['own name in Via', { via: '1.1 other, 1.1 way-out' }, ['ERR_SEKISHO_LOOP', 508]],
  ['own port here', { hostname: '127.0.0.1', port: 3128 }, ['ERR_SEKISHO_LOOP', 508]],
  ['own port at 0.0.0.0', { hostname: '0.0.0.0', port: 3128 }, ['ERR_SEKISHO_LOOP', 508]],
  ['own port at ::1', { hostname: '::1', port: 3128 }, ['ERR_SEKISHO_LOOP', 508]],
  [
    'own port elsewhere',
    { hostname: '8.8.8.8', port: 3128 },
    ['ERR_SEKISHO_DESTINATION_DENIED', 403],
  ],
] as const)
  test(`${what}: ${expected.join(' ')}`, async () => {
    const verdict = await policy({ pseudonym: 'way-out' }).judge({
      ...question,
      ownPorts: [3128],
      ...asked,
    });
    assert.deepEqual(codeOf(verdict), expected);
  });

test('every address of this machine, and a name that leads to it, is this proxy on its ports', async () => {
  const addresses = Object.values(networkInterfaces())
    .flatMap((some) => some ?? [])
    .map(({ address }) => address);
  for (const address of addresses) {
    const one = policy({
      ports: [3128],
      allowPrivate: list('0.0.0.0/0', '::/0'),
      lookup: () => Promise.resolve([address]),
    });
    const asked = { ...question, port: 3128, ownPorts: [3128] };
    assert.deepEqual(codeOf(await one.judge(asked)), ['ERR_SEKISHO_LOOP', 508], address);
  }
});

test('a name that leads here is no loop on the ports of others', async () => {
  const here = policy({
    allowPrivate: list('127.0.0.0/8'),
    lookup: () => Promise.resolve(['127.0.0.1']),
  });
  assert.equal(codeOf(await here.judge({ ...question, ownPorts: [3128] })), '127.0.0.1');
});

test('what was checked is what is connected to, whatever the name says the second time', async () => {
  const answers = [['8.8.8.8'], ['127.0.0.1']];
  const rebinding = policy({ lookup: () => Promise.resolve(answers.shift() ?? []) });
  const first = await rebinding.judge(question);
  assert.ok(first.allow);
  assert.deepEqual(first.addresses, ['8.8.8.8']);
  assert.equal((await rebinding.judge(question)).allow, false);
});

for (const [what, lookup, expected] of [
  ['fails', () => Promise.reject(new Error('no')), ['ERR_SEKISHO_DNS', 502]],
  [
    'throws',
    () => {
      throw new Error('no');
    },
    ['ERR_SEKISHO_DNS', 502],
  ],
  ['is empty', () => Promise.resolve([]), ['ERR_SEKISHO_DNS', 502]],
  ['is no list', () => Promise.resolve('8.8.8.8' as never), ['ERR_SEKISHO_DNS', 502]],
  ['holds no text', () => Promise.resolve([8] as never), ['ERR_SEKISHO_DNS', 502]],
  ['holds a name', () => Promise.resolve(['example.net']), ['ERR_SEKISHO_DNS', 502]],
  ['hangs', () => new Promise<never>(() => undefined), ['ERR_SEKISHO_DNS', 504]],
] as const)
  test(`a lookup that ${what}: ${expected.join(' ')}`, async (t) => {
    // The limit does not keep a process alive that has nothing else to do, and the runner of Node 22 does not either.
    const alive = setInterval(() => undefined, 1000);
    t.after(() => clearInterval(alive));
    const verdict = await policy({ lookup, lookupTimeout: 20 }).judge(question);
    assert.deepEqual(codeOf(verdict), expected);
  });

test('nobody is asked for what is refused anyway', async () => {
  let asked = 0;
  const one = policy({
    deny: list('example.com'),
    lookup: () => {
      asked++;
      return Promise.resolve(['8.8.8.8']);
    },
  });
  for (const other of [
    {},
    { hostname: 'wiki' },
    { hostname: 'a.internal' },
    { port: 25, hostname: 'example.net' },
  ])
    assert.equal((await one.judge({ ...question, ...other })).allow, false);
  assert.equal(asked, 0);
});

test('each proxy has a name of its own in Via, unless it is given one', () => {
  assert.match(policy().pseudonym, /^sekisho-[\da-f]{8}$/);
  assert.notEqual(policy().pseudonym, policy().pseudonym);
  assert.equal(policy({ pseudonym: 'way-out' }).pseudonym, 'way-out');
});
