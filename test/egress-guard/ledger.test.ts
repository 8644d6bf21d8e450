import assert from 'node:assert/strict';
import test from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseOptions } from '../../lib/core/options.ts';
import { Guard } from '../../lib/egress-guard/guard.ts';
import { Ledger, type LedgerPolicy } from '../../lib/egress-guard/ledger.ts';
import { egressSchema, type EgressGuardOptions } from '../../lib/egress-guard/options.ts';
import type { Finding } from '../../lib/egress-guard/rules.ts';
import { siteOf } from '../../lib/egress-guard/site.ts';
import { FakeTime, seeded } from './support.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const megabyte = 1024 * 1024;
const start = Date.UTC(2026, 4, 4);

function policyOf(options: EgressGuardOptions = {}): LedgerPolicy {
  const guard = new Guard(parseOptions('egressGuard', egressSchema, options));
  guard.close();
  return guard.ledger.policy;
}

class Book {
  readonly ledger: Ledger;
  now = start;
  found: Finding[] = [];

  constructor(options: EgressGuardOptions = {}) {
    this.ledger = new Ledger(policyOf(options), start);
  }

  visit(user: string, host: string, bytes: number): void {
    const account = this.ledger.account(user, siteOf(host), this.now);
    account.opened(this.now);
    account.judge(this.now, (finding) => this.found.push(finding));
    account.carried(bytes);
    account.sent(bytes, this.now, (finding) => this.found.push(finding));
  }

  rules(): string[] {
    const rules = this.found.map(({ rule }) => rule);
    this.found = [];
    return [...new Set(rules)];
  }
}

const plain = { volume: { windows: [{ window: hour, cap: '1mb' }] } };

test('a cap is for one user and one domain, and for a sliding window', () => {
  const book = new Book(plain);
  book.visit('alice', 'a.example.com', megabyte / 2);
  book.visit('alice', 'b.example.com', megabyte / 2);
  book.visit('bob', 'a.example.com', megabyte);
  book.visit('alice', 'example.org', megabyte);
  assert.deepEqual(book.rules(), []);
  book.visit('alice', 'example.com', 1);
  assert.deepEqual(book.rules(), ['volume-cap']);
  // Half an hour into the next one half of it counts still.
  book.now += 1.5 * hour;
  book.visit('alice', 'example.com', megabyte * 0.49);
  assert.deepEqual(book.rules(), []);
  book.visit('alice', 'example.com', megabyte * 0.02);
  assert.deepEqual(book.rules(), ['volume-cap']);
  book.now += 2 * hour;
  book.visit('alice', 'example.com', megabyte * 0.9);
  assert.deepEqual(book.rules(), []);
});

test('bytes to a domain that is new weigh more, once the guard has learnt', () => {
  const book = new Book({ ...plain, destinations: { learning: day } });
  book.visit('alice', 'old.example', megabyte / 2);
  book.now += 2 * day;
  book.visit('alice', 'old.example', megabyte / 2);
  assert.deepEqual(book.rules(), []);
  book.visit('alice', 'new.example', megabyte / 2);
  assert.equal(book.found[0]?.evidence.novelty, 4);
  assert.deepEqual(book.rules(), ['volume-cap', 'new-domain']);
  // After a week it is not new any more.
  book.now += 7 * day;
  book.visit('alice', 'new.example', megabyte / 2);
  assert.deepEqual(book.rules(), []);
});

test('a total is unusual by the history of its user, or its own', () => {
  const book = new Book({
    volume: { windows: [{ window: hour, floor: '1mb' }] },
    destinations: { learning: 0, newFor: 0 },
  });
  for (let count = 0; count < 20; count++) {
    for (let site = 0; site < 4; site++)
      book.visit('alice', `site${site}.example`, 10_000 + site * 900);
    book.visit('alice', 'backup.example', 20 * megabyte + count * 10_000);
    book.now += hour;
  }
  book.found = [];
  book.visit('alice', 'backup.example', 25 * megabyte);
  assert.deepEqual(book.rules(), []);
  book.visit('alice', 'other.example', 25 * megabyte);
  assert.equal(book.found[0]?.rule, 'volume-score');
  assert.ok(book.found[0].score > 3.5);
  book.rules();
  // Nobody is compared with others.
  book.visit('bob', 'other.example', 25 * megabyte);
  assert.deepEqual(book.rules(), []);
});

test('even calls are a beacon when they go to a place that is rare and new', () => {
  for (const [what, options, users, expected] of [
    ['rare and new', { learning: 0 }, 1, ['beacon']],
    ['known to many', { learning: 0 }, 10, []],
    ['there from the beginning', { learning: day }, 1, []],
  ] as const) {
    const book = new Book({ destinations: options });
    for (let user = 0; user < 20; user++) book.visit(`user${user}`, 'news.example', 100);
    for (let call = 0; call < 60; call++) {
      book.now += minute;
      for (let user = 0; user < users; user++) book.visit(`user${user}`, 'c2.example', 300);
    }
    assert.deepEqual(
      book.rules().filter((rule) => rule === 'beacon'),
      expected,
      what,
    );
  }
});

test('six tries within a second are one call', () => {
  const book = new Book({ destinations: { learning: 0 } });
  for (let attempt = 0; attempt < 600; attempt++) {
    book.now += 150;
    book.visit('alice', 'drop.example', 100);
  }
  assert.deepEqual(book.rules(), []);
});

test('a clock that is set back does no harm', () => {
  const book = new Book(plain);
  book.visit('alice', 'example.com', 1000);
  book.now -= 3 * day;
  book.visit('alice', 'example.com', megabyte);
  assert.deepEqual(book.rules(), ['volume-cap']);
});

test('a million events of a hundred thousand users and domains are kept in bounded memory', (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const time = new FakeTime(t, start);
  const random = seeded(1);
  const ledger = new Ledger(policyOf({ maxEntries: 5000 }), start);
  const used = (): number => {
    collect();
    return process.memoryUsage().heapUsed / megabyte;
  };
  const run = (events: number): void => {
    for (let event = 0; event < events; event++) {
      time.now += 700;
      const domain = `site${Math.floor(random() * 100_000)}.example`;
      // Some of them again and again, so that everything is filled that can be.
      const site = siteOf(
        random() < 0.5 ? domain : `n${Math.floor(random() * 1e9)}.site${event % 40}.example`,
      );
      const account = ledger.account(
        `user${Math.floor(random() * (event % 2 === 0 ? 100_000 : 30))}`,
        site,
        time.now,
      );
      account.opened(time.now);
      account.judge(time.now, () => undefined);
      account.carried(900);
      account.sent(900, time.now, () => undefined);
    }
  };
  const before = used();
  run(250_000);
  const full = used();
  run(750_000);
  const after = used();
  const { users, domains, pairs } = ledger.size;
  assert.ok(users <= 1250 && domains <= 5000 && pairs <= 5000, `${users} ${domains} ${pairs}`);
  assert.ok(full - before < 40, `${full - before} MiB after 250,000 events`);
  assert.ok(after - full < 5, `${after - full} MiB more after a million`);
});
