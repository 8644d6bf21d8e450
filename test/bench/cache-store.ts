/**
 * The memory store under many entries: what an insertion and an eviction cost when it holds 1,000, 10,000 and 100,000
 * entries, and what 100,000 entries of 1 KiB take of the process' memory, beside what the store counts.
 * Run by itself it measures one of them and prints JSON, so that each has a process of its own.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Entry } from '../../lib/cache/entry.ts';
import { memoryStore } from '../../lib/cache/memory-store.ts';
import { median } from './measure.ts';

const counts = [1000, 10_000, 100_000];
const rounds = 5;
const later = Date.now() + 3_600_000;

interface Costs {
  readonly insertion: number;
  readonly eviction: number;
  readonly hit: number;
}

export interface Memory {
  readonly entries: number;
  readonly counted: number;
  readonly heapAndBodies: number;
  readonly resident: number;
}

export function benchCacheStore(): void {
  console.log('\nmemoryStore: microseconds per operation, by number of entries');
  const rows = counts.map((count) => {
    const runs = Array.from({ length: rounds }, () => inProcess('costs', count) as Costs);
    const of = (name: keyof Costs): number => median(runs.map((run) => run[name]));
    return { entries: count, insertion: of('insertion'), eviction: of('eviction'), hit: of('hit') };
  });
  console.table(
    rows.map(({ entries, ...costs }) => ({
      entries,
      ...Object.fromEntries(Object.entries(costs).map(([name, cost]) => [name, round(cost)])),
      'eviction, to 1,000': round(costs.eviction / (rows[0]?.eviction ?? NaN)),
    })),
  );
  console.log('\nmemoryStore: 100,000 entries of 1 KiB and 8 fields, twice as many inserted');
  const runs = Array.from({ length: rounds }, () => inProcess('memory', 100_000) as Memory);
  const of = (name: keyof Memory): number => median(runs.map((run) => run[name]));
  console.table([
    {
      entries: of('entries'),
      'counted MiB': mebibytes(of('counted')),
      'heap and bodies MiB': mebibytes(of('heapAndBodies')),
      'resident MiB': mebibytes(of('resident')),
      'heap and bodies / counted': round(of('heapAndBodies') / of('counted')),
      'counted per entry beyond the body': Math.round(of('counted') / of('entries') - 1024),
      'heap per entry beyond the body': Math.round(of('heapAndBodies') / of('entries') - 1024),
    },
  ]);
}

function inProcess(what: string, count: number): unknown {
  const file = fileURLToPath(import.meta.url);
  const args = ['--conditions=sekisho-source', file, what, String(count)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

/** An answer as the client gives it: its body is cut from a larger buffer, its fields from one string. */
function answer(number: number): Entry {
  const head = Array.from(
    { length: 8 },
    (_, index) => `X-Field-${index}: value ${number} of ${index}`,
  );
  const fields = Buffer.from(head.join('\n')).toString('latin1').split(/: |\n/);
  return {
    kind: 'answer',
    status: 200,
    message: 'OK',
    fields,
    trailers: [],
    body: slab.subarray(0, 1024),
    validity: {
      received: later,
      initialAge: 0,
      lifetime: 60_000 + number,
      staleWhileRevalidate: 0,
      staleIfError: 0,
      alwaysValidate: false,
      neverStale: false,
      assumed: false,
    },
    local: false,
    removed: [],
    url: `http://shop.example/products/${number}`,
    groups: [],
  };
}

const slab = Buffer.alloc(65_536, 'x');
const keyOf = (number: number): string => `GET http://shop.example/products/${number}`;

/** Microseconds per operation. The records are made outside of the time measured. */
function costs(count: number): Costs {
  warmUp();
  const store = memoryStore({ maxSize: '1gb', maxEntries: count });
  const batch = 1000;
  const timed = (operate: () => void): number => {
    const begun = performance.now();
    operate();
    return ((performance.now() - begun) * 1000) / batch;
  };
  let next = 0;
  const insert = (): number => {
    const records = Array.from({ length: batch }, (_, index) => answer(next + index));
    return timed(() => {
      for (const record of records) store.set(keyOf(next++), record, later);
    });
  };
  const insertions = Array.from({ length: count / batch }, insert);
  const evictions = Array.from({ length: 200 }, insert);
  const hits = Array.from({ length: 200 }, () =>
    timed(() => {
      for (let index = 0; index < batch; index++)
        store.get(keyOf(next - 1 - ((index * 7919) % count)));
    }),
  );
  return { insertion: median(insertions), eviction: median(evictions), hit: median(hits) };
}

/** Until the compilers of V8 have done their work. */
function warmUp(): void {
  const store = memoryStore({ maxEntries: 500 });
  for (let number = 0; number < 50_000; number++) {
    store.set(keyOf(number), answer(number), later);
    store.get(keyOf(number - 100));
  }
}

function memory(count: number): Memory {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = (): NodeJS.MemoryUsage => {
    for (let round = 0; round < 4; round++) collect();
    return process.memoryUsage();
  };
  // As much as so many entries need: the next ones make others go.
  const probe = memoryStore();
  probe.set(keyOf(count), answer(count), later);
  const maxSize = probe.stats().bytes * count;
  const store = memoryStore({ maxSize });
  const before = used();
  for (let number = 0; number < 2 * count; number++)
    store.set(keyOf(number), answer(number), later);
  const now = used();
  const { entries, bytes } = store.stats();
  return {
    entries,
    counted: bytes,
    heapAndBodies: now.heapUsed - before.heapUsed + now.external - before.external,
    resident: now.rss - before.rss,
  };
}

function round(number: number): number {
  return Math.round(number * 100) / 100;
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , what, count] = process.argv;
  console.log(JSON.stringify(what === 'memory' ? memory(Number(count)) : costs(Number(count))));
}
