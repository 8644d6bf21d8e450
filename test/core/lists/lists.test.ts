import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { useClock } from '../../../lib/core/clock.ts';
import { OptionsError } from '../../../lib/core/errors.ts';
import { listField } from '../../../lib/core/lists/options.ts';
import { parseOptions } from '../../../lib/core/options.ts';
import { until } from '../../support/servers.ts';
import { fileOf, folder, listsOf, read, warnings } from './support.ts';

const has = (lists: { lookup(host: string): unknown }, host: string): boolean =>
  lists.lookup(host) !== undefined;

test('a match says category, file, line and tier', async (t) => {
  const file = fileOf(t, '# first\nads.example\n');
  const lists = listsOf(t, { file, category: 'ads', tier: 'grey' });
  await lists.ready;
  const match = { category: 'ads', file, line: 2, tier: 'grey' };
  assert.deepEqual(lists.lookup('www.ads.example'), match);
  assert.deepEqual(lists.matches('www.ads.example'), [match]);
  assert.equal(lists.lookup('not a host'), undefined);
  assert.deepEqual(lists.states, [
    { file, category: 'ads', tier: 'grey', entries: 1, available: true },
  ]);
});

test('exceptions count before grey, grey before banned; among equals the first', async (t) => {
  const lists = listsOf(
    t,
    { file: fileOf(t, 'x.example\ny.example\nz.example\nq.example'), category: 'ads' },
    { file: fileOf(t, 'x.example\ny.example'), category: 'news', tier: 'grey' },
    { file: fileOf(t, 'x.example'), category: 'work', tier: 'exception' },
    { file: fileOf(t, 'q.example'), category: 'second' },
  );
  await lists.ready;
  assert.deepEqual(
    ['x', 'y', 'z', 'q'].map((name) => lists.lookup(`${name}.example`)?.category),
    ['work', 'news', 'ads', 'ads'],
  );
  assert.deepEqual(
    lists.matches('x.example').map(({ category }) => category),
    ['work', 'news', 'ads'],
  );
});

test('before they are read, lookups throw instead of letting pass', async (t) => {
  const lists = listsOf(t, { file: fileOf(t, 'bad.example'), category: 'bad' });
  assert.equal(lists.available, false);
  assert.throws(() => lists.lookup('bad.example'), /have not been read yet/);
  assert.throws(() => lists.matches('bad.example'), /have not been read yet/);
  await lists.ready;
  assert.equal(lists.available, true);
  assert.equal(has(lists, 'bad.example'), true);
});

test('no lists at all are available at once', async (t) => {
  const lists = listsOf(t);
  assert.equal(lists.lookup('a.example'), undefined);
  await lists.ready;
});

test('files that cannot be read are refused at once, all of them', (t) => {
  const dir = folder(t);
  const huge = fileOf(t, 'x');
  truncateSync(huge, 600 * 1024 * 1024);
  assert.throws(
    () =>
      listsOf(
        t,
        { file: join(dir, 'none'), category: 'a' },
        { file: dir, category: 'b' },
        { file: huge, category: 'c' },
      ),
    (error: Error) =>
      error instanceof OptionsError &&
      /lists\.0\.file: '.*none' cannot be read \(ENOENT\); name a file/.test(error.message) &&
      /lists\.1\.file: .* is not a file/.test(error.message) &&
      /lists\.2\.file: .* is larger than 256 MB/.test(error.message),
  );
});

for (const [options, problem] of [
  [{ category: 'a' }, /file/],
  [{ file: 'a' }, /category/],
  [{ file: '', category: 'a' }, /file: '' is no file/],
  [{ file: 'a', category: '' }, /category: '' is no category/],
  [
    { file: 'a', category: 'a', format: 'host' },
    /format: 'host' is not allowed; .* did you mean 'hosts'/,
  ],
  [
    { file: 'a', category: 'a', tier: 'gray' },
    /tier: 'gray' is not allowed; .*did you mean 'grey'/,
  ],
  [{ file: 'a', category: 'a', categroy: 1 }, /unknown option 'categroy'; did you mean 'category'/],
  [{ file: 'a', category: 'a', refresh: '5' }, /refresh: '5' is no duration/],
  [{ file: 'a', category: 'a', maxShrink: 2 }, /maxShrink: 2 is not allowed/],
] as const)
  test(`options ${JSON.stringify(options)} are refused`, () => {
    assert.throws(() => parseOptions('test', listField(), options), problem);
  });

for (const [how, change] of [
  ['written in place', (file: string) => writeFileSync(file, 'new.example\n')],
  [
    'replaced by rename',
    (file: string) => {
      writeFileSync(`${file}.new`, 'new.example\n');
      renameSync(`${file}.new`, file);
    },
  ],
  [
    'removed and made again',
    (file: string) => {
      rmSync(file);
      writeFileSync(file, 'new.example\n');
    },
  ],
] as const)
  test(`a file ${how} is read again`, async (t) => {
    const file = fileOf(t, 'old.example\n');
    const lists = listsOf(t, { file, category: 'test' });
    await lists.ready;
    assert.deepEqual([has(lists, 'old.example'), has(lists, 'new.example')], [true, false]);
    change(file);
    await until(() => has(lists, 'new.example'), 'the new entry');
    assert.equal(has(lists, 'old.example'), false);
  });

test('a mount whose symlink is swapped is read again', async (t) => {
  const dir = folder(t);
  for (const [version, text] of [
    ['..1', 'old.example'],
    ['..2', 'new.example'],
  ] as const) {
    mkdirSync(join(dir, version));
    writeFileSync(join(dir, version, 'list'), text);
  }
  symlinkSync('..1', join(dir, '..data'));
  symlinkSync('..data/list', join(dir, 'list'));
  const lists = listsOf(t, { file: join(dir, 'list'), category: 'test' });
  await lists.ready;
  symlinkSync('..2', join(dir, '..new'));
  renameSync(join(dir, '..new'), join(dir, '..data'));
  await until(() => has(lists, 'new.example'), 'the new entry');
});

test('with refresh: false it is read once', async (t) => {
  const file = fileOf(t, 'old.example\n');
  const fixed = listsOf(t, { file, category: 'fixed', refresh: false });
  const lists = listsOf(t, { file, category: 'test' });
  await Promise.all([fixed.ready, lists.ready]);
  writeFileSync(file, 'new.example\n');
  await until(() => has(lists, 'new.example'), 'the new entry');
  assert.equal(has(fixed, 'old.example'), true);
});

for (const [what, spoil, reason] of [
  ['gone', (file: string) => rmSync(file), /ENOENT.*the last good list stays/],
  [
    'emptied',
    (file: string) => writeFileSync(file, ''),
    /has shrunk from 4 to 0 entries; the last good/,
  ],
  ['cut', (file: string) => writeFileSync(file, 'a.example\n'), /has shrunk from 4 to 1 entries/],
  ['too large', (file: string) => truncateSync(file, 600 * 1024 * 1024), /larger than 256 MB/],
  [
    'a folder',
    (file: string) => {
      rmSync(file);
      mkdirSync(file);
    },
    /cannot be read/,
  ],
  [
    'a pipe',
    (file: string) => {
      rmSync(file);
      execFileSync('mkfifo', [file]);
    },
    /it is not a file/,
  ],
] as const)
  test(`when the file is ${what} the last good list stays, until it is good again`, async (t) => {
    const heard = warnings(t);
    const file = fileOf(t, 'a.example\nb.example\nc.example\nd.example\n');
    const lists = listsOf(t, { file, category: 'test' });
    await lists.ready;
    spoil(file);
    await until(() => heard.length > 0, 'a warning');
    assert.match(heard[0]!, reason);
    assert.ok(heard[0]!.includes(file));
    assert.equal(has(lists, 'd.example'), true);
    rmSync(file, { recursive: true, force: true });
    writeFileSync(file, 'e.example\nf.example\n');
    await until(() => has(lists, 'e.example'), 'the new entry');
    assert.equal(has(lists, 'd.example'), false);
  });

test('maxShrink: 1 lets a list become as small as it likes', async (t) => {
  const file = fileOf(t, 'a.example\nb.example\nc.example\nd.example\n');
  const lists = listsOf(t, { file, category: 'test', maxShrink: 1 });
  await lists.ready;
  writeFileSync(file, '');
  await until(() => !has(lists, 'a.example'), 'its end');
});

test('a list that vanishes before it is read leaves all of them unavailable, and is tried again', async (t) => {
  let retry: (() => void) | undefined;
  t.after(
    useClock({
      after(milliseconds, callback) {
        if (milliseconds === 30_000) retry = callback;
        return () => undefined;
      },
    }),
  );
  const heard = warnings(t);
  const file = fileOf(t, 'bad.example\n');
  const lists = listsOf(
    t,
    { file: fileOf(t, 'ok.example'), category: 'ok' },
    { file, category: 'bad', refresh: false },
  );
  rmSync(file);
  await lists.ready;
  assert.equal(lists.available, false);
  assert.throws(() => lists.lookup('ok.example'), /have not been read yet/);
  assert.match(heard[0]!, /ENOENT.*nothing is known of its entries until it can/);
  writeFileSync(file, 'bad.example\n');
  retry!();
  await until(() => lists.available, 'the second attempt');
  assert.equal(has(lists, 'bad.example'), true);
});

test(
  'an unreadable file is refused',
  { skip: process.getuid?.() === 0 && 'root reads everything' },
  (t) => {
    const file = fileOf(t, 'x');
    chmodSync(file, 0);
    assert.throws(() => listsOf(t, { file, category: 'a' }), /cannot be read \(EACCES\)/);
  },
);

test('a list that takes too long to read leaves the lists unavailable, with a reason', async (t) => {
  let end: (() => void) | undefined;
  t.after(
    useClock({
      after(milliseconds, callback) {
        if (milliseconds === 60_000) end = callback;
        return () => undefined;
      },
    }),
  );
  const heard = warnings(t);
  const lists = listsOf(t, { file: fileOf(t, 'bad.example\n'), category: 'bad' });
  end!();
  await lists.ready;
  assert.equal(lists.available, false);
  assert.match(heard[0]!, /could not be read within 60 s/);
});

test('closed while it is read: nothing is told, ready settles', async (t) => {
  const heard = warnings(t);
  const lists = listsOf(t, { file: fileOf(t, 'bad.example\n'), category: 'bad' });
  lists.close();
  await lists.ready;
  assert.deepEqual([lists.available, heard], [false, []]);
});

test('of many broken lines the first ten are told, and how many more there are', async (t) => {
  const heard = warnings(t);
  await read(t, Array.from({ length: 25 }, (_, index) => `b ${index}`).join('\n'), {
    format: 'domains',
  });
  assert.match(
    heard[0]!,
    /line 1: 'b 0' is no domain; .*line 10: 'b 9' is no domain; and 15 more$/,
  );
  assert.match(
    heard[1]!,
    /has no entry that can be used, read as format 'domains'; name the format/,
  );
});

test('lines without end, binary and other encodings are told of, and skipped', async (t) => {
  const heard = warnings(t);
  const long = 'a'.repeat(5000);
  const lists = await read(t, `\ufeffbom.example\n${long}\n\u0000\u0001\nok.example`, {
    format: 'domains',
  });
  assert.match(heard[0]!, /line 2 is longer than 4096 characters; line 3: ' ' is no domain$/);
  assert.deepEqual([has(lists, 'bom.example'), has(lists, 'ok.example')], [true, true]);
});

test('more expressions than a thousand are refused', async (t) => {
  const heard = warnings(t);
  const text = Array.from({ length: 1005 }, (_, index) => `word${index}$`).join('\n');
  const lists = await read(t, text, { format: 'expressions' });
  assert.match(heard[0]!, /line 1001: 'word1000\$' is one more than the 1000 expressions/);
  assert.equal(lists.lookup('a.example', '/word999')?.line, 1000);
  assert.equal(lists.lookup('a.example', '/word1000'), undefined);
});

test('expressions that together would take too long are refused', async (t) => {
  const heard = warnings(t);
  const text = Array.from({ length: 30 }, (_, index) => `.*${index}.{990}x$`).join('\n');
  const lists = await read(t, text, { format: 'expressions' });
  assert.match(
    heard[0]!,
    /line \d\d: with \/\.\*\d+\.\{990\}x\$\/i the list would be too slow; split it/,
  );
  assert.ok(lists.states[0]!.entries >= 10);
});

test('an expression that would stall the process does not', async (t) => {
  const lists = await read(t, '(a+)+$\n(x*)*y\n', { format: 'expressions' });
  assert.equal(lists.lookup('b.example', `/${'a'.repeat(10_000)}!`), undefined);
  assert.equal(lists.lookup('b.example', `/${'a'.repeat(10_000)}`)?.line, 1);
});

test('says what a walk over a Set of suffixes says, for 20,000 names', async (t) => {
  const name = (number: number): string => {
    const digest = createHash('md5').update(String(number)).digest('hex');
    return `${digest.slice(0, 2)}.${digest.slice(2, 3)}.example`;
  };
  const put = Array.from({ length: 400 }, (_, index) =>
    name(index)
      .split('.')
      .slice(index % 5 === 0 ? 1 : 0)
      .join('.'),
  );
  const set = new Set(put);
  const lists = await read(t, put.join('\n'), { format: 'domains' });
  for (let number = 0; number < 20_000; number++) {
    const host = name(number);
    const labels = host.split('.');
    const expected = labels.some((_, index) => set.has(labels.slice(index).join('.')));
    assert.equal(has(lists, host), expected, host);
  }
});

test('a hundred lists are read by one thread after the other, and all of them count', async (t) => {
  const lists = listsOf(
    t,
    ...Array.from({ length: 100 }, (_, index) => ({
      file: fileOf(t, `h${index}.example\n`),
      category: `c${index}`,
    })),
  );
  await lists.ready;
  for (let index = 0; index < 100; index++)
    assert.equal(lists.lookup(`www.h${index}.example`)?.category, `c${index}`);
});
