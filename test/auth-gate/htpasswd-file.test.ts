import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { authGate } from '../../lib/auth-gate/index.ts';
import type { Events } from '../../lib/core/events.ts';
import { OptionsError } from '../../lib/core/errors.ts';
import { until } from '../support/servers.ts';
import { htpasswd, htpasswdInstalled } from './htpasswd-command.ts';
import { basic, gated, hashes, heard, passwords, stillClock, type Gated } from './support.ts';

const alice = `alice:${hashes.sha1}\n`;
const bob = `bob:${hashes.apr1}\n`;

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'sekisho-htpasswd-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function admits({ ask }: Gated, name: string, password: string): Promise<boolean> {
  return (await ask(basic(name, password))).status === 200;
}

const isAlice = (gate: Gated): Promise<boolean> => admits(gate, 'alice', passwords.sha1);
const isBob = (gate: Gated): Promise<boolean> => admits(gate, 'bob', passwords.apr1);

for (const [how, change] of [
  ['written in place', (file: string) => writeFileSync(file, bob)],
  [
    'replaced by rename',
    (file: string) => {
      writeFileSync(`${file}.new`, bob);
      renameSync(`${file}.new`, file);
    },
  ],
  [
    'removed and made again',
    (file: string) => {
      rmSync(file);
      writeFileSync(file, bob);
    },
  ],
] as const)
  test(`a file ${how} is read again: new users in, removed ones out`, async (t) => {
    const file = join(folder(t), 'users');
    writeFileSync(file, alice);
    const gate = await gated(t, { basic: { file } });
    assert.deepEqual([await isAlice(gate), await isBob(gate)], [true, false]);
    change(file);
    await until(() => isBob(gate), 'bob is let in');
    assert.equal(await isAlice(gate), false);
  });

test('a mount that Kubernetes swaps is read again', async (t) => {
  const dir = folder(t);
  for (const [version, text] of [
    ['..1', alice],
    ['..2', bob],
  ] as const) {
    mkdirSync(join(dir, version));
    writeFileSync(join(dir, version, 'users'), text);
  }
  symlinkSync('..1', join(dir, '..data'));
  symlinkSync('..data/users', join(dir, 'users'));
  const gate = await gated(t, { basic: { file: join(dir, 'users') } });
  assert.equal(await isAlice(gate), true);
  symlinkSync('..2', join(dir, '..new'));
  renameSync(join(dir, '..new'), join(dir, '..data'));
  await until(() => isBob(gate), 'bob is let in');
  assert.equal(await isAlice(gate), false);
});

test('a link whose target changes elsewhere is noticed by looking every few seconds', async (t) => {
  const clock = stillClock(t);
  const elsewhere = folder(t);
  writeFileSync(join(elsewhere, 'real'), alice);
  const file = join(folder(t), 'users');
  symlinkSync(join(elsewhere, 'real'), file);
  const gate = await gated(t, { basic: { file } });
  writeFileSync(join(elsewhere, 'real'), bob);
  assert.equal(await isAlice(gate), true);
  clock.pass(5_000);
  await until(() => isBob(gate), 'bob is let in');
});

/** Not those about the files of other tests, which are gone by now. */
function warningsOf(t: TestContext, directory: string): () => readonly Events['sekisho:warning'][] {
  const all = heard(t, 'sekisho:warning');
  return () => all.filter(({ message }) => message.includes(directory));
}

for (const [what, spoil, reason] of [
  ['broken', (file: string) => writeFileSync(file, 'alice:$2y$05$EU.Fce'), /line 1 is a malformed/],
  ['binary', (file: string) => writeFileSync(file, Buffer.alloc(100)), /line 1 is no text/],
  ['gone', (file: string) => rmSync(file), /ENOENT/],
  ['too large', (file: string) => truncateSync(file, 11 * 1024 * 1024), /larger than 10 MB/],
  [
    'a folder',
    (file: string) => {
      rmSync(file);
      mkdirSync(file);
    },
    /EISDIR/,
  ],
] as const)
  test(`a file that is ${what} keeps the users of the last good one, and warns once`, async (t) => {
    const directory = folder(t);
    const own = warningsOf(t, directory);
    const file = join(directory, 'users');
    writeFileSync(file, alice);
    const gate = await gated(t, { basic: { file } });
    spoil(file);
    await until(() => own().length > 0, 'a warning');
    assert.equal(own()[0]!.code, 'SEKISHO_HTPASSWD');
    assert.match(own()[0]!.message, reason);
    assert.equal(await isAlice(gate), true);
    rmSync(file, { recursive: true, force: true });
    writeFileSync(file, bob);
    await until(() => isBob(gate), 'bob is let in');
    assert.equal(await isAlice(gate), false);
  });

test('an emptied file lets nobody in any more: that is how the last user is removed', async (t) => {
  const directory = folder(t);
  const own = warningsOf(t, directory);
  const file = join(directory, 'users');
  writeFileSync(file, alice);
  const gate = await gated(t, { basic: { file } });
  writeFileSync(file, '');
  await until(async () => !(await isAlice(gate)), 'alice is kept out');
  assert.match(own().at(-1)!.message, /has no users/);
});

test('lines with plain text or crypt() are named, and their users kept out', async (t) => {
  const directory = folder(t);
  const own = warningsOf(t, directory);
  const file = join(directory, 'users');
  writeFileSync(file, `${alice}eve:plaintext\n`);
  const gate = await gated(t, { basic: { file } });
  assert.equal(await isAlice(gate), true);
  assert.equal(await admits(gate, 'eve', 'plaintext'), false);
  assert.match(own()[0]!.message, /line 2 has plain text or crypt\(\)/);
  assert.doesNotMatch(own()[0]!.message, /plaintext/);
});

test('a changed password counts at once, though the old one was remembered', async (t) => {
  const file = join(folder(t), 'users');
  writeFileSync(file, `alice:${hashes.bcrypt}\n`);
  const gate = await gated(t, { basic: { file } });
  assert.equal(await admits(gate, 'alice', passwords.bcrypt), true);
  writeFileSync(file, `alice:${hashes.argon2}\n`);
  await until(() => admits(gate, 'alice', passwords.argon2), 'the new one');
  assert.equal(await admits(gate, 'alice', passwords.bcrypt), false);
});

test('users beside a file: both are let in, and users win', async (t) => {
  const file = join(folder(t), 'users');
  writeFileSync(file, alice + bob);
  const gate = await gated(t, { basic: { file, users: { alice: 'other' } } });
  assert.deepEqual(
    [await isAlice(gate), await admits(gate, 'alice', 'other'), await isBob(gate)],
    [false, true, true],
  );
});

test('what the installed htpasswd writes, adds and deletes', async (t) => {
  if (!htpasswdInstalled(t)) return;
  const file = join(folder(t), 'users');
  htpasswd('-cbB', '-C', '4', file, 'a', 'bcrypt-ü');
  htpasswd('-bm', file, 'b', 'apr1 pass');
  htpasswd('-bs', file, 'c', 'sha-pass');
  const gate = await gated(t, { basic: { file } });
  assert.equal(await admits(gate, 'a', 'bcrypt-ü'), true);
  assert.equal(await admits(gate, 'b', 'apr1 pass'), true);
  assert.equal(await admits(gate, 'c', 'sha-pass'), true);
  htpasswd('-bB', '-C', '4', file, 'd', 'new one');
  await until(() => admits(gate, 'd', 'new one'), 'd is let in');
  htpasswd('-D', file, 'a');
  await until(async () => !(await admits(gate, 'a', 'bcrypt-ü')), 'a is kept out');
  assert.equal(await admits(gate, 'b', 'apr1 pass'), true);
});

test('a file that cannot be used at construction is an error that names it', (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, 'broken'), 'alice\n');
  writeFileSync(join(dir, 'locked'), alice);
  chmodSync(join(dir, 'locked'), 0);
  const unreadable = process.getuid?.() === 0 ? [] : [join(dir, 'locked')];
  for (const file of [join(dir, 'missing'), join(dir, 'broken'), dir, ...unreadable])
    assert.throws(
      () => authGate({ basic: { file } }),
      (error: unknown) => error instanceof OptionsError && error.message.includes(file),
    );
});

test('close() ends the watching', async (t) => {
  const file = join(folder(t), 'users');
  writeFileSync(file, alice);
  const gate = await gated(t, { basic: { file } });
  gate.gate.close();
  writeFileSync(file, bob);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(await isAlice(gate), true);
});
