import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GroupOptions, UrlFilterOptions } from '../../lib/url-filter/index.ts';
import { filtered, signIn } from './support.ts';

const staff: GroupOptions = { name: 'staff', userGroups: ['staff'], deny: ['/payroll'] };
const alice: GroupOptions = { name: 'alice', users: ['alice'], allow: ['/payroll', '/shop'] };

for (const [user, groups, target, rule] of [
  ['alice', [], '/payroll', undefined],
  ['alice', [], '/elsewhere', 'alice: allow: none of it'],
  ['alice', [], '/admin', 'alice: deny: /admin'],
  ['bob', ['staff'], '/payroll', 'staff: deny: /payroll'],
  ['bob', ['staff'], '/admin', undefined],
  ['bob', ['Staff'], '/admin', 'deny: /admin'],
  ['Alice', [], '/admin', 'deny: /admin'],
  ['alice', ['staff'], '/payroll', undefined],
  [undefined, [], '/admin', 'deny: /admin'],
  [undefined, [], '/payroll', undefined],
] as const)
  test(`${user} of ${groups.join() || 'no group'}: ${target} ${rule ?? 'passes'}`, async (t) => {
    const { ask } = await filtered(t, { deny: ['/admin'], groups: [alice, staff] }, (app) => {
      if (user !== undefined) app.use(signIn(user, groups));
    });
    const { status, json } = await ask(target);
    assert.deepEqual([status, json.rule], [rule === undefined ? 200 : 403, rule]);
  });

for (const [network, client, member] of [
  ['10.1.0.0/16', '10.1.2.3', true],
  ['10.1.0.0/16', '10.2.0.1', false],
  ['10.1.0.0/16', '::ffff:10.1.2.3', true],
  ['::ffff:10.1.0.0/112', '10.1.2.3', true],
  ['192.0.2.7', '192.0.2.7', true],
  ['192.0.2.7', '192.0.2.8', false],
  ['2001:db8::/32', '2001:db8:1::5', true],
  ['2001:db8::/32', '2001:DB8:0:0::1', true],
  ['2001:db8::/32', '2001:db9::', false],
  ['fe80::/10', 'fe80::1%eth0', true],
  ['0.0.0.0/0', '2001:db8::1', false],
  ['0.0.0.0/0', 'unknown', false],
  ['127.0.0.0/8', '10.1.2.3', false],
] as const)
  test(`a client ${client} is ${member ? '' : 'not '}of ${network}`, async (t) => {
    const options: UrlFilterOptions = {
      groups: [{ name: 'net', networks: [network], deny: ['/x'] }],
    };
    const { ask } = await filtered(t, options, (app) => app.set('trust proxy', 'loopback'));
    const { status } = await ask('/x', { fields: [`X-Forwarded-For: ${client}`] });
    assert.equal(status, member ? 403 : 200);
  });

test('X-Forwarded-For counts only from a peer that is trusted', async (t) => {
  const groups = [{ name: 'inside', networks: ['10.0.0.0/8'], exceptions: ['/x'] }];
  const { ask } = await filtered(t, { deny: ['/x'], groups });
  assert.equal((await ask('/x', { fields: ['X-Forwarded-For: 10.0.0.1'] })).status, 403);
});

test('users and networks of a group add up; one that names nobody is everybody’s', async (t) => {
  const groups = [
    { name: 'some', users: ['alice'], networks: ['127.0.0.1'], deny: ['/some'] },
    { name: 'all', deny: ['/all'] },
  ];
  const one = await filtered(t, { deny: ['/base'], groups });
  assert.equal((await one.ask('/some')).status, 403);
  assert.equal((await one.ask('/all')).status, 200);
  const other = await filtered(t, { deny: ['/base'], groups: groups.slice(1) });
  assert.equal((await other.ask('/all')).status, 403);
  assert.equal((await other.ask('/base')).status, 200);
});

test('an empty list of users is nobody', async (t) => {
  const groups = [{ name: 'none', users: [], exceptions: ['/'] }];
  const { ask } = await filtered(t, { deny: ['/x'], groups });
  assert.equal((await ask('/x')).status, 403);
});
