import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { test } from 'node:test';
import { observed, publish, type Events } from '../../lib/core/events.ts';

const payloads: { [Name in Exclude<keyof Events, 'sekisho:transaction'>]: Events[Name] } = {
  'sekisho:health': { upstream: 'shop', server: 'a:1', state: 'down', reason: 'connect' },
  'sekisho:ejection': { upstream: 'shop', server: 'a:1', ejected: true, reason: '5xx', until: 1 },
  'sekisho:retry': { upstream: 'shop', server: 'a:1', attempt: 2, reason: 'reset' },
  'sekisho:servers': { upstream: 'shop', servers: ['a:1'] },
  'sekisho:auth': {
    outcome: 'refused',
    reason: 'wrong password',
    dryRun: false,
    scheme: 'basic',
    name: 'alice',
    client: '127.0.0.1',
    method: 'GET',
    path: '/admin',
    requestId: 'a',
  },
  'sekisho:filter': {
    outcome: 'denied',
    rule: 'ads (ads.txt:17)',
    category: 'ads',
    dryRun: false,
    method: 'GET',
    target: 'ads.example/',
    requestId: 'a',
  },
  'sekisho:scan': {
    outcome: 'infected',
    finding: 'Test.Eicar',
    engine: 'clamd',
    direction: 'download',
    bytes: 68,
    took: 1,
    target: 'files.example/a',
    requestId: 'a',
  },
  'sekisho:alert': {
    rule: 'volume',
    severity: 'high',
    score: 0.9,
    blocked: true,
    destination: 'drop.example',
    evidence: { bytes: 1 },
    documentation: '#volume',
    repeated: 0,
  },
  'sekisho:tunnel': { destination: 'example.com:443', open: 1 },
  'sekisho:warning': { code: 'SEKISHO_LIST', message: 'kept the last good one' },
};

for (const name of Object.keys(payloads) as (keyof typeof payloads)[])
  test(`${name} reaches its subscribers, as long as they are`, () => {
    const seen: unknown[] = [];
    const listener = (payload: unknown): void => void seen.push(payload);
    assert.equal(observed(name), false);
    publish(name, payloads[name]);
    subscribe(name, listener);
    assert.equal(observed(name), true);
    publish(name, payloads[name]);
    unsubscribe(name, listener);
    assert.equal(observed(name), false);
    publish(name, payloads[name]);
    assert.deepEqual(seen, [payloads[name]]);
    assert.equal(seen[0], payloads[name]);
  });
