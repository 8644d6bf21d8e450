import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { ProxyError } from '../../lib/core/errors.ts';
import { Engines } from '../../lib/virus-scanner/engines.ts';
import { HeldBody, type BodyWay, type ScanReport } from '../../lib/virus-scanner/held-body.ts';
import { KnownClean } from '../../lib/virus-scanner/known-clean.ts';
import type { ScanPlan } from '../../lib/virus-scanner/options.ts';
import type {
  ScanFailure,
  ScanListener,
  Scanner,
  ScanSubject,
  Verdict,
} from '../../lib/virus-scanner/scanner.ts';

/** An engine whose every step the test decides. */
class Puppet implements Scanner {
  readonly name = 'puppet';
  readonly judgesUrl = false;
  readonly scans: { got: Buffer; ended: boolean; aborted: boolean; listener: ScanListener }[] = [];
  /** Takes no more than one chunk until it is told to go on. */
  slow = false;

  scan(_subject: ScanSubject, listener: ScanListener): ReturnType<Scanner['scan']> {
    const scan = { got: Buffer.alloc(0), ended: false, aborted: false, listener };
    this.scans.push(scan);
    return {
      write: (chunk) => {
        scan.got = Buffer.concat([scan.got, chunk]);
        return !this.slow;
      },
      end: () => (scan.ended = true),
      abort: () => (scan.aborted = true),
    };
  }

  get last(): Puppet['scans'][number] {
    return this.scans.at(-1)!;
  }

  check(done: (version: string | undefined, reason: string) => void): void {
    done('1', '');
  }

  close(): void {
    // There is nothing to be closed.
  }
}

class Way implements BodyWay {
  got = Buffer.alloc(0);
  opened = false;
  closed = false;
  refused: ProxyError | undefined;
  sourcePaused = false;
  readonly reports: ScanReport[] = [];

  open(): void {
    assert.ok(!this.opened && !this.closed);
    this.opened = true;
  }
  forward(chunk: Buffer): void {
    assert.ok(this.opened && !this.closed && this.refused === undefined);
    this.got = Buffer.concat([this.got, chunk]);
  }
  close(): void {
    assert.ok(this.opened && !this.closed && this.refused === undefined);
    this.closed = true;
  }
  refuse(error: ProxyError): void {
    assert.ok(!this.closed && this.refused === undefined);
    this.refused = error;
  }
  pauseSource(): void {
    assert.ok(!this.sourcePaused);
    this.sourcePaused = true;
  }
  resumeSource(): void {
    assert.ok(this.sourcePaused);
    this.sourcePaused = false;
  }
  report(result: ScanReport): void {
    this.reports.push(result);
  }
}

const subject: ScanSubject = {
  direction: 'download',
  method: 'GET',
  url: 'http://a.example/',
  request: [],
  status: 200,
  answer: [],
  client: undefined,
};
const limits = { perEngine: 1000, queue: 10, queueTimeout: 10_000 };

interface Stage {
  readonly body: HeldBody;
  readonly way: Way;
}

function plan(scanners: readonly Scanner[], some: Partial<ScanPlan> = {}): ScanPlan {
  const engines = new Engines(scanners, limits);
  return {
    maxSize: 1000,
    hold: 100,
    trickle: 50,
    holdMost: 100,
    onOversize: 'block',
    onUnavailable: 'block',
    onUnscannable: 'block',
    encrypted: 'block',
    skip: { types: [], hosts: [] },
    engines,
    known: new KnownClean(engines),
    ...some,
  };
}

function stage(given: ScanPlan, codings: readonly 'gzip'[] = []): Stage {
  const way = new Way();
  return { way, body: new HeldBody(given, subject, codings, way) };
}

const bytes = (count: number, from = 0): Buffer =>
  Buffer.from(Array.from({ length: count }, (_, index) => (index + from) & 0xff));
const down: ScanFailure = { reason: 'gone', answered: false };

type Step =
  | { readonly kind: 'add'; readonly size: number }
  | { readonly kind: 'pause' | 'resume' | 'ready' | 'drain' };

test('whatever the order of things, what goes on is what came, and its end waits for the verdict', () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('add' as const),
        size: fc.integer({ min: 0, max: 90 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          'pause' as const,
          'resume' as const,
          'ready' as const,
          'drain' as const,
        ),
      }),
    },
  );
  const verdicts: fc.Arbitrary<Verdict> = fc.constantFrom<Verdict>(
    { kind: 'clean' },
    { kind: 'infected', finding: 'X' },
    { kind: 'encrypted', finding: 'X' },
    { kind: 'oversize', finding: 'X' },
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 25 }),
      verdicts,
      fc.boolean(),
      fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
      (steps, verdict, slow, trickle) => {
        const puppet = new Puppet();
        puppet.slow = slow;
        const some = { trickle, holdMost: trickle === undefined ? 1000 : 100, maxSize: 5000 };
        const { body, way } = stage(plan([puppet], some));
        let all = Buffer.alloc(0);
        let ready = false;
        const check = (): void => {
          assert.ok(way.got.equals(all.subarray(0, way.got.length)));
          const may =
            trickle === undefined || all.length <= 100 || !ready ? 0 : all.length - trickle;
          assert.ok(way.got.length <= Math.max(0, may), `${way.got.length} of ${all.length}`);
          // Nothing goes on that the engine does not have.
          assert.ok(way.got.length <= (puppet.scans.at(-1)?.got.length ?? 0));
          assert.equal(way.closed, false);
        };
        for (const one of steps) {
          if (one.kind === 'add') {
            const chunk = bytes(one.size, all.length);
            all = Buffer.concat([all, chunk]);
            body.add(chunk);
            chunk.fill(0);
          } else if (one.kind === 'pause') body.pauseOutlet();
          else if (one.kind === 'resume') body.resumeOutlet();
          else if (one.kind === 'drain') puppet.scans.at(-1)?.listener.onDrain();
          else {
            ready ||= puppet.scans.length > 0;
            puppet.scans.at(-1)?.listener.onReady();
          }
          check();
        }
        body.end();
        if (all.length === 0) {
          body.resumeOutlet();
          assert.ok(way.closed);
          return;
        }
        check();
        for (let round = 0; round < 200 && !puppet.last.ended; round += 1)
          puppet.last.listener.onDrain();
        check();
        assert.ok(puppet.last.got.equals(all));
        puppet.last.listener.onVerdict(verdict);
        if (verdict.kind === 'clean') {
          body.resumeOutlet();
          assert.ok(way.closed && way.got.equals(all));
        } else {
          assert.equal(way.closed, false);
          assert.notEqual(way.refused, undefined);
        }
        assert.equal(way.reports.length, 1);
      },
    ),
    { numRuns: 500 },
  );
});

test('an engine that fails is replaced, from the first byte on, while nothing has gone on', () => {
  const [one, two] = [new Puppet(), new Puppet()];
  const { body, way } = stage(plan([one, two]));
  body.add(bytes(60));
  body.end();
  one.last.listener.onFailure(down);
  assert.ok(two.last.got.equals(bytes(60)) && two.last.ended);
  two.last.listener.onVerdict({ kind: 'clean' });
  assert.ok(way.got.equals(bytes(60)) && way.closed);
});

test('an engine that fails when something has gone on is not replaced', () => {
  const [one, two] = [new Puppet(), new Puppet()];
  const { body, way } = stage(plan([one, two]));
  body.add(bytes(200));
  assert.equal(way.opened, false);
  one.last.listener.onReady();
  assert.equal(way.got.length, 150);
  one.last.listener.onFailure(down);
  assert.equal(two.scans.length, 0);
  assert.equal(way.refused?.code, 'ERR_SEKISHO_SCAN_UNAVAILABLE');
});

test('an engine that was never there is replaced, however large the body', () => {
  const [one, two] = [new Puppet(), new Puppet()];
  const { body, way } = stage(plan([one, two]));
  body.add(bytes(200));
  one.last.listener.onFailure(down);
  two.last.listener.onReady();
  assert.equal(way.got.length, 150);
  body.end();
  two.last.listener.onVerdict({ kind: 'clean' });
  assert.ok(way.closed && way.got.equals(bytes(200)));
});

test('a stale connection costs its engine nothing', () => {
  const one = new Puppet();
  const { body, way } = stage(plan([one]));
  body.add(bytes(60));
  body.end();
  one.last.listener.onFailure({ ...down, stale: true });
  assert.equal(one.scans.length, 2);
  one.last.listener.onVerdict({ kind: 'clean' });
  assert.ok(way.closed);
});

for (const [name, some, act, code] of [
  ['oversize', { onOversize: 'allow' }, (body: HeldBody) => body.add(bytes(1001)), 'SCAN_OVERSIZE'],
  [
    'unavailable',
    { onUnavailable: 'allow' },
    (body: HeldBody, puppet: Puppet) => {
      body.add(bytes(200));
      puppet.last.listener.onFailure(down);
    },
    'SCAN_UNAVAILABLE',
  ],
  [
    'encrypted',
    { encrypted: 'allow' },
    (body: HeldBody, puppet: Puppet) => {
      body.add(bytes(200));
      puppet.last.listener.onVerdict({ kind: 'encrypted', finding: 'X' });
    },
    'UNSCANNABLE',
  ],
] as const) {
  test(`${name} in the middle is refused`, () => {
    const puppet = new Puppet();
    const { body, way } = stage(plan([puppet]));
    act(body, puppet);
    assert.equal(way.refused?.code, `ERR_SEKISHO_${code}`);
    body.add(bytes(10));
    body.end();
    assert.ok(!way.closed);
  });
  test(`${name} in the middle, allowed, lets the rest pass at the pace of who takes it`, () => {
    const puppet = new Puppet();
    const { body, way } = stage(plan([puppet], some));
    body.pauseOutlet();
    act(body, puppet);
    body.add(bytes(500));
    assert.ok(way.sourcePaused);
    body.resumeOutlet();
    assert.ok(!way.sourcePaused);
    body.add(bytes(10));
    body.end();
    assert.ok(way.closed && way.got.length >= 700);
  });
}

test('a source is paused while the engine takes no more', () => {
  const puppet = new Puppet();
  puppet.slow = true;
  const { body, way } = stage(plan([puppet]));
  body.add(bytes(150));
  assert.equal(way.sourcePaused, false);
  body.add(bytes(150));
  assert.equal(way.sourcePaused, true);
  puppet.last.listener.onDrain();
  assert.equal(way.sourcePaused, false);
});

test('abandoned, it tells nobody anything, and ends the scan', async () => {
  const puppet = new Puppet();
  const { body, way } = stage(plan([puppet]), ['gzip']);
  body.add(gzipSync(bytes(100_000)).subarray(0, 200));
  body.abandon();
  assert.ok(puppet.last.aborted);
  puppet.last.listener.onDrain();
  body.add(bytes(100));
  body.end();
  body.resumeOutlet();
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual([way.closed, way.refused, way.reports.length], [false, undefined, 0]);
});

test('what was clean is known until the engine has other signatures', () => {
  const puppet = new Puppet();
  let version = 'signatures 1';
  puppet.check = (done) => {
    done(version, '');
  };
  const shared = plan([puppet]);
  const scan = (): number => {
    const before = puppet.scans.length;
    const { body, way } = stage(shared);
    body.add(bytes(30));
    body.end();
    if (puppet.scans.length > before) puppet.last.listener.onVerdict({ kind: 'clean' });
    assert.ok(way.closed && way.got.equals(bytes(30)));
    assert.match(way.reports[0]?.engine ?? '', /signatures/);
    return puppet.scans.length - before;
  };
  assert.deepEqual([scan(), scan(), scan()], [1, 0, 0]);
  version = 'signatures 2';
  // Whatever fails makes the engine be asked who it is.
  const { body } = stage(shared);
  body.add(bytes(31));
  body.end();
  puppet.last.listener.onFailure(down);
  assert.deepEqual([scan(), scan()], [1, 0]);
});
