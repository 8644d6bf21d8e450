import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { HashPool } from '../../lib/auth-gate/hash-pool.ts';
import type { HashTask } from '../../lib/auth-gate/hash-worker.ts';
import { PasswordCheck } from '../../lib/auth-gate/password-check.ts';
import { parseStoredPassword, type StoredPassword } from '../../lib/auth-gate/stored-password.ts';
import { UserTable } from '../../lib/auth-gate/user-table.ts';
import { ProxyError } from '../../lib/core/errors.ts';
import { hashes, passwords, stillClock } from './support.ts';

function table(users: Record<string, string>): UserTable {
  const entries = Object.entries(users).map(
    ([name, text]) => [name, parseStoredPassword(text) as StoredPassword] as const,
  );
  return new UserTable(new Map(entries));
}

/** Every hash that is computed while the test runs. */
function computed(t: TestContext): HashTask[] {
  const tasks: HashTask[] = [];
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the pool it was called on
  const original = HashPool.prototype.verify;
  t.mock.method(HashPool.prototype, 'verify', function verify(this: HashPool, task: HashTask) {
    tasks.push(task);
    return original.call(this, task);
  });
  return tasks;
}

function check(t: TestContext, remember = 60_000): PasswordCheck {
  const passwordCheck = new PasswordCheck(remember);
  t.after(() => passwordCheck.close());
  return passwordCheck;
}

test('a verified password is not hashed anew, until it is forgotten', async (t) => {
  const clock = stillClock(t);
  const tasks = computed(t);
  const users = table({ alice: hashes.bcrypt });
  const passwordCheck = check(t);
  assert.equal(passwordCheck.knows(users, 'alice', passwords.bcrypt), false);
  assert.equal(await passwordCheck.check(users, 'alice', passwords.bcrypt), true);
  assert.equal(passwordCheck.knows(users, 'alice', passwords.bcrypt), true);
  assert.equal(passwordCheck.knows(users, 'alice', `${passwords.bcrypt}x`), false);
  assert.equal(passwordCheck.knows(users, 'alic', `e${passwords.bcrypt}`), false);
  assert.equal(tasks.length, 1);
  clock.pass(59_999);
  assert.equal(passwordCheck.knows(users, 'alice', passwords.bcrypt), true);
  clock.pass(1);
  assert.equal(passwordCheck.knows(users, 'alice', passwords.bcrypt), false);
});

test('a wrong password is hashed each time', async (t) => {
  const tasks = computed(t);
  const users = table({ alice: hashes.bcrypt });
  const passwordCheck = check(t);
  for (let time = 1; time <= 3; time++) {
    assert.equal(await passwordCheck.check(users, 'alice', 'wrong'), false);
    assert.equal(tasks.length, time);
  }
});

test('remember: 0 remembers nothing', async (t) => {
  const passwordCheck = check(t, 0);
  const users = table({ alice: hashes.bcrypt });
  assert.equal(await passwordCheck.check(users, 'alice', passwords.bcrypt), true);
  assert.equal(passwordCheck.knows(users, 'alice', passwords.bcrypt), false);
});

test('another hash, or no user any more: what was remembered counts no longer', async (t) => {
  const passwordCheck = check(t);
  const before = table({ alice: hashes.bcrypt });
  assert.equal(await passwordCheck.check(before, 'alice', passwords.bcrypt), true);
  for (const after of [table({ alice: hashes.argon2 }), table({ bob: hashes.bcrypt })])
    assert.equal(passwordCheck.knows(after, 'alice', passwords.bcrypt), false);
});

test('fifty requests at once for one password are one hash', async (t) => {
  const tasks = computed(t);
  const users = table({ alice: hashes.bcrypt });
  const passwordCheck = check(t);
  const answers = await Promise.all(
    Array.from({ length: 50 }, async () => passwordCheck.check(users, 'alice', passwords.bcrypt)),
  );
  assert.ok(answers.every(Boolean));
  assert.equal(tasks.length, 1);
});

for (const [what, users, name, password, kind] of [
  ['an unknown user', { a: hashes.bcrypt, b: hashes.bcrypt, c: hashes.apr1 }, 'x', 'pw', 'bcrypt'],
  ['an unknown user', { a: hashes.bcrypt, b: hashes.apr1, c: hashes.apr1 }, 'x', 'pw', 'apr1'],
  ['an unknown user', { a: hashes.argon2 }, 'x', 'pw', 'argon2'],
  ['an unknown user', { a: hashes.scrypt }, 'x', 'pw', 'scrypt'],
  ['an unknown user', { a: 'plain', b: hashes.scrypt }, 'x', 'pw', 'scrypt'],
  ["a plain user's wrong password", { a: 'plain', b: hashes.scrypt }, 'a', 'pw', 'scrypt'],
  ['an empty password', { a: hashes.bcrypt }, 'a', '', 'bcrypt'],
  ['an empty password of an unknown user', { a: hashes.bcrypt }, 'x', '', 'bcrypt'],
  ['the password of the decoy itself', { a: hashes.apr1 }, 'x', passwords.apr1, 'apr1'],
] as const)
  test(`${what} costs one hash of the kind most users have (${kind}), and is wrong`, async (t) => {
    const tasks = computed(t);
    assert.equal(await check(t).check(table(users), name, password), false);
    assert.deepEqual(
      tasks.map(({ stored }) => stored.kind),
      [kind],
    );
  });

test('without slow hashes everything is judged at once', (t) => {
  const tasks = computed(t);
  const users = table({ a: 'plain', b: hashes.sha1 });
  const passwordCheck = check(t);
  assert.equal(passwordCheck.check(users, 'a', 'plain'), true);
  assert.equal(passwordCheck.check(users, 'b', passwords.sha1), true);
  assert.equal(passwordCheck.check(users, 'b', 'plain'), false);
  assert.equal(passwordCheck.check(users, 'nobody', 'nobody'), false);
  assert.equal(passwordCheck.check(users, 'a', ''), false);
  assert.equal(tasks.length, 0);
});

test('the pool: hashes do not hold up the event loop, and too many are refused', async (t) => {
  const pool = new HashPool();
  t.after(() => pool.close());
  const stored = parseStoredPassword(hashes.bcrypt.replace('$05$', '$07$')) as StoredPassword;
  let turns = 0;
  const turning = setInterval(() => turns++, 1);
  const all = await Promise.allSettled(
    Array.from({ length: 260 }, (_, index) => pool.verify({ password: `pw${index}`, stored })),
  );
  clearInterval(turning);
  const failed = all
    .filter((one) => one.status === 'rejected')
    .map(({ reason }) => reason as unknown);
  assert.ok(failed.length >= 50 && failed.length < 60, String(failed.length));
  for (const error of failed) {
    assert.ok(error instanceof ProxyError);
    assert.equal(error.code, 'ERR_SEKISHO_AUTH_UNAVAILABLE');
    assert.equal(error.headers['Retry-After'], '1');
  }
  assert.ok(turns > 20, `the event loop turned ${turns} times`);
  // And it works on.
  assert.equal(
    await pool.verify({
      password: passwords.bcrypt,
      stored: parseStoredPassword(hashes.bcrypt) as StoredPassword,
    }),
    true,
  );
});

test('the pool: what waits when it is closed is refused, as is what comes later', async () => {
  const pool = new HashPool();
  const stored = parseStoredPassword(hashes.bcrypt) as StoredPassword;
  const waiting = Array.from({ length: 20 }, () => pool.verify({ password: 'a', stored }));
  pool.close();
  waiting.push(pool.verify({ password: 'a', stored }));
  for (const one of await Promise.allSettled(waiting)) assert.equal(one.status, 'rejected');
});

test('the pool: a task that cannot be done fails alone', async (t) => {
  const pool = new HashPool();
  t.after(() => pool.close());
  const broken = { kind: 'bcrypt', text: 'no hash' } as const;
  await assert.rejects(pool.verify({ password: 'a', stored: broken }), {
    code: 'ERR_SEKISHO_AUTH_UNAVAILABLE',
  });
  const stored = parseStoredPassword(hashes.bcrypt) as StoredPassword;
  assert.equal(await pool.verify({ password: passwords.bcrypt, stored }), true);
});
