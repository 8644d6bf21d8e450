import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UrlFilterOptions } from '../../lib/url-filter/index.ts';
import { foldCase } from '../../lib/url-filter/fold-case.ts';
import { filtered } from './support.ts';

for (const [options, target, status] of [
  [{ deny: ['/ADMIN'] }, '/admin', 403],
  [{ deny: ['/admin'] }, '/Admin/x', 403],
  [{ deny: ['/admin'] }, '/%41DMIN', 403],
  [{ deny: ['/admin'] }, '/Administrator', 200],
  [{ deny: ['/**/*.php'] }, '/x/a.PHP/info', 403],
  [{ deny: ['/*.{bak,OLD}'] }, '/a.Old', 403],
  [{ deny: ['site.example/admin'] }, '/ADMIN', 403],
  [{ deny: [{ host: /^site/, path: '/admin' }] }, '/ADMIN', 403],
  [{ deny: ['/über'] }, '/%C3%9CBER', 403],
  [{ deny: ['/secret'] }, '/%C5%BFecret', 403],
  [{ deny: ['/kelvin'] }, '/%E2%84%AAelvin', 403],
  [{ deny: ['/οδοσ*'] }, '/%CE%9F%CE%94%CE%9F%CE%A3', 403],
  [{ deny: ['/admin'] }, '/ADMIN%FF', 200],
  // A RegExp says itself whether case counts.
  [{ deny: [/^\/admin/] }, '/Admin', 200],
  [{ deny: [/^\/admin/i] }, '/Admin', 403],
  // What permits takes nothing for the same that may be another.
  [{ allow: ['/public'] }, '/public/x', 200],
  [{ allow: ['/public'] }, '/Public/x', 403],
  [{ deny: ['/'], exceptions: ['/ok'] }, '/OK', 403],
  [{ deny: ['/admin'], exceptions: ['/admin/ok'] }, '/ADMIN/OK', 403],
  [{ deny: ['/ADMIN'], caseSensitive: false }, '/admin', 403],
  [{ deny: ['/ADMIN'], caseSensitive: undefined }, '/admin', 403],
  [{ deny: ['/ADMIN'], caseSensitive: true }, '/admin', 200],
  [{ deny: ['/ADMIN'], caseSensitive: true }, '/ADMIN', 403],
  [{ deny: ['/x'], groups: [{ name: 'all', deny: ['/ADMIN'] }] }, '/admin', 403],
  [
    { deny: ['/x'], groups: [{ name: 'all', deny: ['/ADMIN'] }], caseSensitive: true },
    '/admin',
    200,
  ],
  [{ deny: ['/X'], groups: [{ name: 'all' }], caseSensitive: true }, '/x', 200],
] as readonly (readonly [UrlFilterOptions, string, number])[])
  test(`${JSON.stringify(options)}: ${target} is answered ${status}`, async (t) => {
    const { ask } = await filtered(t, options);
    assert.equal((await ask(target)).status, status);
  });

test('the path goes on as it was asked for, and the record names the pattern as it is written', async (t) => {
  const { ask } = await filtered(t, { deny: ['/ADMIN'] });
  assert.equal((await ask('/Fine')).json.url, '/Fine');
  assert.equal((await ask('/admin')).json.rule, 'deny: /ADMIN');
});

test('folding twice changes nothing', () => {
  for (const text of ['/A', '/ß', '/İ', '/ς', '/ΑΣ', '/ſ', '/K']) {
    const once = foldCase(Buffer.from(text).toString('latin1'));
    assert.equal(foldCase(once), once, text);
  }
});
