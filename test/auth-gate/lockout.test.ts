import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { AuthGateOptions } from '../../lib/auth-gate/index.ts';
import { HashPool } from '../../lib/auth-gate/hash-pool.ts';
import { basic, gated, hashes, heard, passwords, stillClock } from './support.ts';

const users = { alice: 'wonderland', bob: 'builder' };

interface Tried {
  readonly status: number;
  readonly retryAfter: string | null;
}

/** A gate behind a balancer that the tests speak for: each request says where it comes from. */
async function locking(
  t: TestContext,
  lockout: AuthGateOptions['lockout'],
  more: Partial<AuthGateOptions> = {},
): Promise<(name: string | undefined, password: string, ip?: string) => Promise<Tried>> {
  const { ask } = await gated(
    t,
    { basic: { users }, ...more, ...(lockout !== undefined && { lockout }) },
    (app) => app.set('trust proxy', 'loopback'),
  );
  return async (name, password, ip = '192.0.2.1') => {
    const answer = await ask(name === undefined ? undefined : basic(name, password), {
      headers: { 'x-forwarded-for': ip },
    });
    await answer.arrayBuffer();
    return { status: answer.status, retryAfter: answer.headers.get('retry-after') };
  };
}

test('true: five wrong ones, then 429 for half a minute, then a minute, … then a quarter of an hour', async (t) => {
  const clock = stillClock(t);
  const tried = await locking(t, true);
  for (let attempt = 1; attempt <= 5; attempt++)
    assert.deepEqual(await tried('alice', 'wrong'), { status: 401, retryAfter: null });
  for (const seconds of [30, 60, 120, 240, 480, 900, 900]) {
    assert.deepEqual(await tried('alice', 'wonderland'), {
      status: 429,
      retryAfter: String(seconds),
    });
    clock.pass(seconds * 1000 - 1);
    assert.deepEqual(await tried('alice', 'wonderland'), { status: 429, retryAfter: '1' });
    clock.pass(1);
    assert.equal((await tried('alice', 'wrong')).status, 401);
  }
});

test('after the lock the right ones are let in, and the count begins anew', async (t) => {
  const clock = stillClock(t);
  const tried = await locking(t, { attempts: 2 });
  await tried('alice', 'wrong');
  await tried('alice', 'wrong');
  assert.equal((await tried('alice', 'wonderland')).status, 429);
  clock.pass(30_000);
  assert.equal((await tried('alice', 'wonderland')).status, 200);
  assert.equal((await tried('alice', 'wrong')).status, 401);
  assert.equal((await tried('alice', 'wonderland')).status, 200);
});

test('requests without credentials do not count, and are not locked', async (t) => {
  const tried = await locking(t, { attempts: 2, addressAttempts: 2 });
  for (let time = 1; time <= 10; time++) assert.equal((await tried(undefined, '')).status, 401);
  assert.equal((await tried('alice', 'wonderland')).status, 200);
  await tried('alice', 'wrong');
  await tried('alice', 'wrong');
  assert.equal((await tried('alice', 'wonderland')).status, 429);
  assert.equal((await tried(undefined, '')).status, 401);
});

test('wrong ones are forgotten after the window', async (t) => {
  const clock = stillClock(t);
  const tried = await locking(t, { attempts: 2, window: '1m' });
  await tried('alice', 'wrong');
  clock.pass(60_000);
  await tried('alice', 'wrong');
  assert.equal((await tried('alice', 'wonderland')).status, 200);
});

test('a stranger locks the user for himself only', async (t) => {
  const tried = await locking(t, { attempts: 2 });
  for (let attempt = 1; attempt <= 3; attempt++) await tried('alice', 'wrong', '203.0.113.9');
  assert.equal((await tried('alice', 'wonderland', '203.0.113.9')).status, 429);
  assert.equal((await tried('alice', 'wonderland', '192.0.2.1')).status, 200);
  assert.equal((await tried('bob', 'builder', '203.0.113.9')).status, 200);
});

test('guesses from many addresses lock the user for all but his own', async (t) => {
  const tried = await locking(t, { attempts: 2, userAttempts: 6 });
  assert.equal((await tried('alice', 'wonderland', '192.0.2.1')).status, 200);
  for (let ip = 1; ip <= 6; ip++)
    assert.equal((await tried('alice', 'wrong', `203.0.113.${ip}`)).status, 401);
  assert.equal((await tried('alice', 'wonderland', '203.0.113.77')).status, 429);
  assert.equal((await tried('alice', 'wonderland', '192.0.2.1')).status, 200);
  assert.equal((await tried('bob', 'builder', '203.0.113.77')).status, 200);
  // Even there nobody may guess on.
  await tried('alice', 'wrong', '192.0.2.1');
  await tried('alice', 'wrong', '192.0.2.1');
  assert.equal((await tried('alice', 'wonderland', '192.0.2.1')).status, 429);
});

test("a user's success forgives his own slips, not others' guesses", async (t) => {
  const tried = await locking(t, { attempts: 5, userAttempts: 6 });
  for (let time = 1; time <= 4; time++) await tried('alice', 'slip', '192.0.2.1');
  assert.equal((await tried('alice', 'wonderland', '192.0.2.1')).status, 200);
  for (let ip = 1; ip <= 5; ip++) await tried('alice', 'guess', `203.0.113.${ip}`);
  assert.equal((await tried('alice', 'wonderland', '203.0.113.50')).status, 200);
  for (let time = 1; time <= 2; time++) await tried('alice', 'guess', `203.0.113.${time + 10}`);
  assert.equal((await tried('alice', 'wonderland', '203.0.113.60')).status, 429);
});

test('one address that tries many users is locked, and one right password in between does not help', async (t) => {
  const tried = await locking(t, { attempts: 2, addressAttempts: 4 });
  for (const name of ['carol', 'dave', 'erin']) await tried(name, 'guess');
  assert.equal((await tried('bob', 'builder')).status, 200);
  await tried('frank', 'guess');
  assert.equal((await tried('grace', 'guess')).status, 429);
  assert.equal((await tried('bob', 'builder')).status, 429);
  assert.equal((await tried('bob', 'builder', '192.0.2.2')).status, 200);
});

test('malformed credentials count for the address', async (t) => {
  const { ask } = await gated(t, {
    basic: { users },
    lockout: { attempts: 2, addressAttempts: 3 },
  });
  for (let time = 1; time <= 3; time++) assert.equal((await ask('Basic !')).status, 401);
  assert.equal((await ask('Basic !')).status, 429);
  assert.equal((await ask(basic('alice', 'wonderland'))).status, 429);
});

test('an IPv6 client cannot change its address within its network', async (t) => {
  const tried = await locking(t, { attempts: 2 });
  await tried('alice', 'wrong', '2001:db8::1');
  await tried('alice', 'wrong', '2001:db8::2');
  assert.equal((await tried('alice', 'wonderland', '2001:db8::3')).status, 429);
  assert.equal((await tried('alice', 'wonderland', '2001:db8:0:1::3')).status, 200);
});

test('X-Forwarded-For of a peer that is not trusted is no other address', async (t) => {
  const { ask } = await gated(t, { basic: { users }, lockout: { attempts: 2 } });
  for (let ip = 1; ip <= 2; ip++)
    await ask(basic('alice', 'wrong'), { headers: { 'x-forwarded-for': `203.0.113.${ip}` } });
  const answer = await ask(basic('alice', 'wonderland'), {
    headers: { 'x-forwarded-for': '203.0.113.3' },
  });
  assert.equal(answer.status, 429);
});

test('a burst of guesses at once is judged one by one: no more than the limit are hashed', async (t) => {
  let computed = 0;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the pool it was called on
  const original = HashPool.prototype.verify;
  t.mock.method(HashPool.prototype, 'verify', function verify(this: HashPool, task: never) {
    computed++;
    return original.call(this, task);
  });
  const tried = await locking(t, { attempts: 3 }, { basic: { users: { alice: hashes.bcrypt } } });
  const burst = await Promise.all(
    Array.from({ length: 40 }, (_, index) => tried('alice', `guess${index}`)),
  );
  assert.equal(burst.filter(({ status }) => status === 401).length, 3);
  assert.equal(burst.filter(({ status }) => status === 429).length, 37);
  assert.equal(computed, 3);
  // While locked not even the right one is hashed.
  assert.equal((await tried('alice', passwords.bcrypt)).status, 429);
  assert.equal(computed, 3);
});

test('a burst of the right password, nobody having asked before, passes whole', async (t) => {
  const tried = await locking(t, { attempts: 2 }, { basic: { users: { alice: hashes.bcrypt } } });
  const burst = await Promise.all(
    Array.from({ length: 40 }, () => tried('alice', passwords.bcrypt)),
  );
  assert.ok(burst.every(({ status }) => status === 200));
});

test('a remembered password is no way around a lock', async (t) => {
  const tried = await locking(t, { attempts: 2 }, { basic: { users: { alice: hashes.bcrypt } } });
  assert.equal((await tried('alice', passwords.bcrypt)).status, 200);
  await tried('alice', 'wrong');
  await tried('alice', 'wrong');
  assert.equal((await tried('alice', passwords.bcrypt)).status, 429);
});

test('what could not be judged is no wrong guess', async (t) => {
  const tried = await locking(
    t,
    { attempts: 2 },
    { basic: { authorizer: () => Promise.reject(new Error('db')) } },
  );
  for (let time = 1; time <= 4; time++) assert.equal((await tried('alice', 'x')).status, 500);
});

test('dryRun: the lock is told of, and nobody is kept out', async (t) => {
  const events = heard(t, 'sekisho:auth');
  const tried = await locking(t, { attempts: 2 }, { dryRun: true });
  for (let time = 1; time <= 3; time++) assert.equal((await tried('alice', 'wrong')).status, 200);
  assert.deepEqual(
    events.map(({ outcome }) => outcome),
    ['refused', 'refused', 'locked'],
  );
});

test('the answer of a lock has no challenge, and the record says locked', async (t) => {
  const events = heard(t, 'sekisho:auth');
  const { ask } = await gated(t, { basic: { users }, lockout: { attempts: 1 } });
  await ask(basic('alice', 'wrong'));
  const answer = await ask(basic('alice', 'wonderland'));
  assert.equal(answer.status, 429);
  assert.equal(answer.headers.get('www-authenticate'), null);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const { code, verdict } = (await answer.json()) as Record<string, unknown>;
  assert.deepEqual({ code, verdict }, { code: 'ERR_SEKISHO_AUTH_LOCKED', verdict: 'locked' });
  assert.deepEqual(
    events.map(({ outcome, name }) => `${outcome} ${name}`),
    ['refused alice', 'locked alice'],
  );
});

test('other spellings of a name are no other counters', async (t) => {
  const tried = await locking(t, { attempts: 3 });
  for (const name of ['alice', 'Alice', ' ALICE '])
    assert.equal((await tried(name, 'x')).status, 401);
  assert.equal((await tried('ａｌｉｃｅ', 'x')).status, 429);
  assert.equal((await tried('alice', 'wonderland')).status, 429);
});

test('very long names are counted, too', async (t) => {
  const tried = await locking(t, { attempts: 2 });
  const name = 'x'.repeat(3000);
  await tried(name, 'a');
  await tried(name, 'b');
  assert.equal((await tried(name, 'c')).status, 429);
  assert.equal((await tried(`${name}y`, 'c')).status, 401);
});
