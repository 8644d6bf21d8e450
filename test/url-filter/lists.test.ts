import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { UrlFilterOptions } from '../../lib/url-filter/index.ts';
import { until } from '../support/servers.ts';
import { filtered, heard, listFiles, problemsOf } from './support.ts';

const files = {
  'ads.txt': 'ads.example\nboth.example\n# a comment\n*.wild.example\n',
  'social.txt': '0.0.0.0 social.example\n127.0.0.1 localhost\n0.0.0.0 both.example\n',
  'good.txt': 'fine.ads.example\n',
  'urls.txt': 'site.example/bad/page\n',
};

for (const [what, options, host, rule, category] of [
  ['banned by default', {}, 'ads.example', 'ads (FOLDER/ads.txt:1)', 'ads'],
  ['and what is below', {}, 'x.ads.example', 'ads (FOLDER/ads.txt:1)', 'ads'],
  ['not what is beside', {}, 'xads.example', undefined, undefined],
  ['an exception', {}, 'fine.ads.example', undefined, 'good'],
  [
    'denied by its category',
    { deny: [{ category: 'social' }] },
    'social.example',
    'deny: category social',
    'social',
  ],
  [
    'named, so not banned as a whole',
    { deny: [{ category: 'social', method: 'POST' }] },
    'social.example',
    undefined,
    undefined,
  ],
  [
    'in two lists',
    { deny: [{ category: 'social', method: 'POST' }] },
    'both.example',
    'ads (FOLDER/ads.txt:2)',
    'ads',
  ],
  ['grey', { grey: ['ads.example'] }, 'x.ads.example', undefined, undefined],
  [
    'grey and denied',
    { grey: ['ads.example'], deny: ['x.ads.example'] },
    'x.ads.example',
    'deny: x.ads.example',
    undefined,
  ],
  [
    'allowed is not grey',
    { allow: ['ads.example'] },
    'ads.example',
    'ads (FOLDER/ads.txt:1)',
    'ads',
  ],
  [
    'grey is out of all lists’ hands',
    { grey: [{ category: 'ads' }] },
    'both.example',
    undefined,
    undefined,
  ],
  ['only a category', { allow: [{ category: 'ads' }] }, 'ads.example', undefined, undefined],
  [
    'only a category, and another',
    { allow: [{ category: 'ads' }] },
    'site.example',
    'allow: none of it',
    undefined,
  ],
  ['another spelling of the host', {}, 'ADS.example.', 'ads (FOLDER/ads.txt:1)', 'ads'],
] as const)
  test(`${what}: ${host} ${rule ?? 'passes'}`, async (t) => {
    const folder = listFiles(t, files);
    const { ask } = await filtered(t, {
      ...(options as UrlFilterOptions),
      lists: [
        { file: `${folder}/ads.txt`, format: 'domains', category: 'ads' },
        { file: `${folder}/social.txt`, format: 'hosts', category: 'social' },
        { file: `${folder}/good.txt`, format: 'domains', category: 'good', tier: 'exception' },
      ],
    });
    const { status, json } = await ask('/', { host });
    assert.equal(status, rule === undefined ? 200 : 403);
    if (rule !== undefined) assert.equal(json.rule, rule.replace('FOLDER', folder));
    assert.equal(json.category, category);
  });

test('a list of URLs sees the path, in every spelling', async (t) => {
  const folder = listFiles(t, files);
  const { ask } = await filtered(t, {
    lists: [{ file: `${folder}/urls.txt`, format: 'urls', category: 'bad' }],
  });
  for (const [target, status] of [
    ['/bad/page', 403],
    ['/bad/page/more?x', 403],
    ['/bad/p%61ge', 403],
    ['//bad/page', 403],
    ['/bad/pages', 200],
  ] as const)
    assert.equal((await ask(target)).status, status, target);
});

test('a group may have what is banned for the others', async (t) => {
  const folder = listFiles(t, files);
  const { ask } = await filtered(
    t,
    {
      lists: [{ file: `${folder}/social.txt`, format: 'hosts', category: 'social' }],
      groups: [{ name: 'press', networks: ['192.0.2.0/24'], grey: [{ category: 'social' }] }],
    },
    (app) => app.set('trust proxy', 'loopback'),
  );
  const fields = ['X-Forwarded-For: 192.0.2.9'];
  assert.equal((await ask('/', { host: 'social.example', fields })).status, 200);
  assert.equal((await ask('/', { host: 'social.example' })).status, 403);
});

test('the first requests wait for the lists', async (t) => {
  const names = Array.from({ length: 20_000 }, (_, index) => `n${index}.example`).join('\n');
  const folder = listFiles(t, { 'many.txt': names });
  const { ask } = await filtered(t, {
    lists: [{ file: `${folder}/many.txt`, format: 'domains', category: 'many' }],
  });
  const [one, other] = await Promise.all([
    ask('/', { host: 'n19999.example' }),
    ask('/', { host: 'm1.example' }),
  ]);
  assert.deepEqual([one.status, other.status], [403, 200]);
});

for (const dryRun of [false, true])
  test(`a list that cannot be read after all${dryRun ? ', dryRun' : ''}`, async (t) => {
    const warnings = heard(t, 'sekisho:warning');
    const folder = listFiles(t, { 'list.txt': 'a.example\n' });
    const file = `${folder}/list.txt`;
    // It is there when the filter is made, and gone when its thread comes to read it.
    const starting = filtered(t, { dryRun, lists: [{ file, format: 'domains', category: 'x' }] });
    renameSync(file, `${folder}/gone`);
    const { ask } = await starting;
    const { status, text, json } = await ask('/');
    assert.equal(warnings[0]?.code, 'SEKISHO_LIST');
    if (dryRun) {
      assert.equal(status, 200);
      return;
    }
    assert.deepEqual([status, json.code], [503, 'ERR_SEKISHO_FILTER_UNAVAILABLE']);
    assert.doesNotMatch(text, /list\.txt/);
  });

test('a list that changes is read again', async (t) => {
  const folder = listFiles(t, { 'list.txt': 'a.example\n' });
  const file = `${folder}/list.txt`;
  const { passes } = await filtered(t, { lists: [{ file, format: 'domains', category: 'x' }] });
  assert.equal(await passes('/', { host: 'b.example' }), true);
  writeFileSync(`${file}.new`, 'a.example\nb.example\n');
  renameSync(`${file}.new`, file);
  await until(
    async () => !(await passes('/', { host: 'b.example' })),
    'the new entry counts',
    20_000,
  );
  assert.equal(await passes('/', { host: 'a.example' }), false);
});

test('a host has to be clear where lists are asked', async (t) => {
  const folder = listFiles(t, files);
  const { ask } = await filtered(t, {
    lists: [{ file: `${folder}/ads.txt`, format: 'domains', category: 'ads' }],
  });
  assert.equal((await ask('/', { host: 'a.example', fields: ['Host: ads.example'] })).status, 400);
});

test('a category that no list has is a mistake', () => {
  const lists = [{ file: import.meta.filename, format: 'domains', category: 'adverts' }];
  assert.match(
    problemsOf({ lists, groups: [{ name: 'x', grey: [{ category: 'advert' }] }] }).join(),
    /^groups\.0\.grey\.0\.category: 'advert' is the category of no list; did you mean 'adverts'\?/,
  );
});
