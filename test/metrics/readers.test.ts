import assert from 'node:assert/strict';
import test from 'node:test';
import type { Request } from 'express';
import { contextOf } from '../../lib/core/context.ts';
import { mayRead } from '../../lib/metrics/readers.ts';

function from(remoteAddress: string | undefined, headers: Record<string, string> = {}): Request {
  return { socket: { remoteAddress }, headers } as unknown as Request;
}

const rows: readonly [address: string | undefined, may: boolean][] = [
  ['127.0.0.1', true],
  ['::1', true],
  ['::ffff:10.1.2.3', true],
  ['172.16.0.1', true],
  ['192.168.1.1', true],
  ['fd00::1', true],
  ['fe80::1%eth0', true],
  ['172.32.0.1', false],
  ['203.0.113.1', false],
  ['2001:db8::1', false],
  ['::ffff:203.0.113.1', false],
  ['nonsense', false],
  [undefined, false],
];

for (const [address, may] of rows)
  test(`${address ?? 'no address'} ${may ? 'may' : 'may not'} read`, () => {
    assert.equal(mayRead(from(address)), may);
  });

for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'])
  test(`who came through a proxy that says ${name} may not, unless a gate has let it pass`, () => {
    const req = from('127.0.0.1', { [name]: 'x' });
    assert.equal(mayRead(req), false);
    contextOf(req).admitted = true;
    assert.equal(mayRead(req), true);
  });
