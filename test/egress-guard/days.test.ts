/** Days of made-up traffic through the guard, at a clock of its own: what it tells of, and of what it should have. */
import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import type { Request, Response } from 'express';
import { contextOf } from '../../lib/core/context.ts';
import { egressGuard, type EgressAlert, type EgressGuard } from '../../lib/egress-guard/index.ts';
import { FakeTime, seeded } from './support.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const kilobyte = 1024;
const megabyte = 1024 * kilobyte;

const users = 20;
const days = 9;

interface Connection {
  readonly at: number;
  readonly user: string;
  readonly host: string;
  readonly bytes: number;
}

interface Threat {
  readonly name: string;
  readonly user: string;
  readonly domain: string;
  /** The rule that is to tell of it. */
  readonly rule: string;
}

class Traffic {
  readonly connections: Connection[] = [];
  readonly threats: Threat[] = [];
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  between(low: number, high: number): number {
    return low + this.#random() * (high - low);
  }

  /** Sizes as they are: most are small, few are large. */
  size(median: number, spread: number): number {
    const normal =
      Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
    return Math.round(median * Math.exp(spread * normal));
  }

  add(at: number, user: string, host: string, bytes: number): void {
    this.connections.push({ at, user, host, bytes });
  }

  /** From eight to six on working days, in sessions. */
  browsing(user: string, of: number): void {
    for (let visit = 0; visit < 90; visit++) {
      const at = of * day + this.between(8 * hour, 18 * hour);
      // Few sites are known by all, many by few.
      const site = Math.floor(400 * this.#random() ** 3);
      for (let part = 0; part < 2; part++)
        this.add(
          at + this.between(0, 3 * second),
          user,
          `www.site${site}.example`,
          this.size(3 * kilobyte, 1.2),
        );
      if (this.#random() < 0.02)
        this.add(at, user, 'upload.drive.example', this.size(1.5 * megabyte, 0.6));
    }
  }

  every(
    interval: number,
    jitter: number,
    [from, to]: readonly [number, number],
    user: string,
    host: string,
    size: () => number,
  ): void {
    for (let at = from + this.between(0, interval); at < to;) {
      this.add(at, user, host, size());
      at += interval * this.between(1 - jitter, 1 + jitter);
    }
  }

  ordinary(): void {
    for (let number = 0; number < users; number++) {
      const user = `user${number}`;
      for (let of = 0; of < days; of++) {
        this.browsing(user, of);
        const office = [of * day + 8 * hour, of * day + 18 * hour] as const;
        this.every(2 * minute, 0.02, office, user, 'mail.webmail.example', () => 900);
        this.every(10 * minute, 0.01, office, user, 'v1.telemetry.example', () =>
          this.size(2 * kilobyte, 0.1),
        );
        // A program that all get on the fifth day.
        if (of >= 5) this.every(5 * minute, 0.01, office, user, 'api.newtool.example', () => 700);
        if (number % 4 === 0)
          for (let part = 0; part < 20; part++)
            this.add(
              of * day + 2 * hour + part * minute,
              user,
              'eu.backup.example',
              this.size(15 * megabyte, 0.1),
            );
      }
      // Somebody's own little program, which was there from the beginning.
      if (number === 3)
        this.every(10 * minute, 0.01, [0, days * day], user, 'weather.hobby.example', () => 400);
      // And what people do now and then: a new site, with a form.
      for (let of = 5; of < days; of++)
        this.add(
          of * day + 11 * hour,
          user,
          `fresh${number}-${of}.example`,
          this.size(20 * kilobyte, 1),
        );
    }
  }

  threat(name: string, user: string, domain: string, rule: string): void {
    this.threats.push({ name, user, domain, rule });
  }

  bad(): void {
    const after = [6 * day + 9 * hour, days * day] as const;
    this.threat('a 60 s beacon with jitter', 'user1', 'c2.example', 'beacon');
    this.every(minute, 0.2, [after[0], after[0] + day], 'user1', 'cdn.c2.example', () =>
      this.size(350, 0.08),
    );
    this.threat('slow exfiltration', 'user5', 'slow.example', 'volume-score');
    this.every(30 * minute, 0.9, after, 'user5', 'files.slow.example', () =>
      this.size(2 * megabyte, 0.5),
    );
    this.threat('one big upload', 'user9', 'big.example', 'volume-score');
    for (let part = 0; part < 40; part++)
      this.add(7 * day + 15 * hour + part * second, 'user9', 'big.example', 10 * megabyte);
    this.threat('data in names', 'user13', 'names.example', 'dns-tunnel');
    for (let part = 0; part < 400; part++) {
      const data = Array.from({ length: 40 }, () =>
        Math.floor(this.#random() * 32).toString(32),
      ).join('');
      this.add(8 * day + 10 * hour + part * 2 * second, 'user13', `${data}.names.example`, 600);
    }
  }
}

/** A tunnel is opened, carries bytes, and is closed; the guard sees what it sees of one. */
function tunnel(guard: EgressGuard, { user, host, bytes }: Connection): void {
  const req = new IncomingMessage(new Socket()) as Request;
  req.method = 'CONNECT';
  Object.assign(req, { originalUrl: `${host}:443`, url: `//${host}:443` });
  Object.defineProperty(req, 'ip', { value: '192.0.2.1' });
  const context = contextOf(req);
  context.proxied = true;
  context.destination = {
    ...{ form: 'connect', scheme: undefined, hostname: host, port: 443, path: '' },
    href: `${host}:443`,
  };
  context.user = { name: user, scheme: 'basic', groups: [], claims: {} };
  guard(req, new ServerResponse(req) as Response, () => undefined);
  for (const watcher of context.tunnelGuards ?? []) {
    watcher.onServerName?.(host);
    for (let left = bytes; left > 0; left -= 4 * megabyte)
      watcher.onBytes?.('received', Math.min(left, 4 * megabyte));
    watcher.onEnd?.();
  }
}

function run(
  t: TestContext,
  seed: number,
): { precision: number; recall: number; wrong: string[]; missed: string[] } {
  const time = new FakeTime(t);
  const start = time.now;
  const traffic = new Traffic(seed);
  traffic.ordinary();
  traffic.bad();
  const alerts: EgressAlert[] = [];
  const guard = egressGuard({
    volume: {
      windows: [
        { window: '1 hour', cap: '1gb', floor: '10mb' },
        { window: '1 day', cap: '5gb', floor: '30mb' },
      ],
    },
    onAlert: (alert) => alerts.push(alert),
  });
  t.after(() => {
    guard.close();
  });
  for (const connection of traffic.connections.sort((a, b) => a.at - b.at)) {
    time.now = start + connection.at;
    tunnel(guard, connection);
  }
  // Those of low severity are for the record.
  const told = new Set(
    alerts
      .filter(({ severity }) => severity !== 'low')
      .map(
        ({ rule, user, destination }) =>
          `${rule} ${user} ${destination.split('.').slice(-2).join('.')}`,
      ),
  );
  const isTrue = (of: string, { user, domain }: Threat): boolean =>
    of.endsWith(` ${user} ${domain}`);
  const wrong = [...told].filter((of) => !traffic.threats.some((threat) => isTrue(of, threat)));
  const missed = traffic.threats.filter(
    ({ rule, user, domain }) => !told.has(`${rule} ${user} ${domain}`),
  );
  return {
    precision: (told.size - wrong.length) / told.size,
    recall: 1 - missed.length / traffic.threats.length,
    wrong,
    missed: missed.map(({ name }) => name),
  };
}

for (const seed of [1, 2, 3, 4])
  test(`nine days of ${users} users (browsing, telemetry, webmail, backups; a beacon, slow and fast exfiltration, data in names), seed ${seed}: recall 1, precision at least 0.9`, (t) => {
    const { precision, recall, wrong, missed } = run(t, seed);
    assert.equal(recall, 1, `missed: ${missed.join(', ')}`);
    assert.ok(precision >= 0.9, `precision ${precision}; wrong: ${wrong.join(', ')}`);
    t.diagnostic(`precision ${precision}; wrong: ${wrong.join(', ')}`);
  });
