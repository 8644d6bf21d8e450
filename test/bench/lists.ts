/**
 * Lists of a million domains: how long one takes to load, what it takes of the memory beyond the size of its file,
 * what a lookup costs, and how long the event loop stands still while it is loaded again. Beside it a `Set` with the
 * same names. Run by itself it measures once and prints JSON, so that each round has a process of its own.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Lists } from '../../lib/core/lists/lists.ts';
import { listField } from '../../lib/core/lists/options.ts';
import { median } from './measure.ts';

const domains = 1_000_000;
const lookups = 200_000;
const rounds = 5;

interface Result {
  readonly load: number;
  readonly reload: number;
  readonly pause: number;
  readonly turn: number;
  readonly file: number;
  readonly resident: number;
  readonly hit: number;
  readonly miss: number;
  readonly setHit: number;
}

export function benchLists(): void {
  const file = fileURLToPath(import.meta.url);
  const args = ['--conditions=sekisho-source', file, 'once'];
  const runs = Array.from(
    { length: rounds },
    () => JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Result,
  );
  const row = (what: string, standard: number, unit: string, of: (run: Result) => number) => {
    const values = runs.map(of);
    return {
      what,
      unit,
      median: round(median(values)),
      worst: round(Math.max(...values)),
      standard,
    };
  };
  console.log(`\nlists: ${domains.toLocaleString('en')} domains, ${rounds} processes`);
  console.table([
    row('load, off the main thread', 1000, 'ms', ({ load }) => load),
    row('load again', 1000, 'ms', ({ reload }) => reload),
    row('longest pause of the event loop meanwhile', 20, 'ms', ({ pause }) => pause),
    row('… on the processor', 20, 'ms', ({ turn }) => turn),
    row(
      'resident memory beyond the size of the file',
      60,
      'MB',
      ({ resident, file: size }) => resident - size,
    ),
    row('resident memory in all', NaN, 'MB', ({ resident }) => resident),
    row('lookup of a host below a listed one', 2, 'µs', ({ hit }) => hit),
    row('lookup of a host that is not listed', 2, 'µs', ({ miss }) => miss),
    row('for comparison: a Set, walked by suffixes', NaN, 'µs', ({ setHit }) => setHit),
  ]);
}

/** A name of the kind blocklists have; always the same for the same number. */
function name(number: number): string {
  let state = Math.imul(number + 1, 0x9e3779b1) >>> 0;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
  const prefix = ['', '', 'ads.', 'track.', 'cdn.'][next() % 5] as string;
  const top = ['example', 'com.example', 'net.example', 'test'][next() % 4] as string;
  return `${prefix}${(next() % 1e6).toString(36)}${number.toString(36)}.${top}`;
}

async function once(): Promise<Result> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const resident = async (): Promise<number> => {
    // The memory of a thread that has ended goes back a moment later.
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (let turn = 0; turn < 4; turn++) collect();
    return process.memoryUsage().rss / 1e6;
  };
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-lists-'));
  try {
    const file = join(directory, 'million.txt');
    generate(file);
    const keepAlive = setInterval(() => undefined, 1000);
    const before = await resident();
    const begun = performance.now();
    const lists = new Lists('bench', [listField().parse({ file, category: 'bench' })]);
    await lists.ready;
    const load = performance.now() - begun;
    const after = await resident();
    const again = await reloaded(lists, file, collect);
    const names = Array.from({ length: lookups }, (_, index) => name((index * 7919) % domains));
    const hits = names.map((each) => `www.${each}`);
    const misses = names.map((each) => `www.x${each}`);
    const time = (hosts: readonly string[], listed: boolean): number =>
      perLookup(hosts, listed, (host) => lists.lookup(host) !== undefined);
    const hit = time(hits, true);
    const miss = time(misses, false);
    lists.close();
    clearInterval(keepAlive);
    const set = new Set(readFileSync(file, 'utf8').split('\n'));
    return {
      load,
      ...again,
      file: statSync(file).size / 1e6,
      resident: after - before,
      hit,
      miss,
      setHit: perLookup(hits, true, (host) => inSet(set, host)),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function generate(file: string, extra = ''): void {
  const parts: string[] = [];
  for (let number = 0; number < domains; number++) parts.push(name(number));
  writeFileSync(file, `${parts.join('\n')}\n${extra}`);
}

/** Until an entry of the new file counts, without the time the watch waits for further changes. */
async function reloaded(
  lists: Lists,
  file: string,
  collect: () => void,
): Promise<Pick<Result, 'reload' | 'pause' | 'turn'>> {
  generate(`${file}.new`, 'the.last.one.example\n');
  // The rubbish of that is not the reload's.
  collect();
  let pause = 0;
  let turn = 0;
  let wall = performance.now();
  let cpu = cpuOfThread();
  const sample = setInterval(() => {
    pause = Math.max(pause, performance.now() - wall);
    turn = Math.max(turn, cpuOfThread() - cpu);
    wall = performance.now();
    cpu = cpuOfThread();
  }, 1);
  const begun = performance.now();
  renameSync(`${file}.new`, file);
  while (lists.lookup('the.last.one.example') === undefined)
    await new Promise((resolve) => setTimeout(resolve, 2));
  const reload = performance.now() - begun - 300;
  // The thread's end is part of it.
  await new Promise((resolve) => setTimeout(resolve, 300));
  clearInterval(sample);
  return { reload, pause, turn };
}

/** Milliseconds of the main thread on a processor: says more than the clock on a busy machine. */
function cpuOfThread(): number {
  // Node 22 has it not.
  const { threadCpuUsage } = process as { threadCpuUsage?: () => NodeJS.CpuUsage };
  const usage = threadCpuUsage?.call(process);
  return usage === undefined ? NaN : (usage.user + usage.system) / 1000;
}

/** Microseconds; the first turns are for V8's compilers. */
function perLookup(
  hosts: readonly string[],
  listed: boolean,
  lookup: (host: string) => boolean,
): number {
  const times: number[] = [];
  for (let turn = 0; turn < 5; turn++) {
    const begun = performance.now();
    for (const host of hosts)
      if (lookup(host) !== listed) throw new Error(`${host}: expected ${String(listed)}`);
    times.push(((performance.now() - begun) * 1000) / hosts.length);
  }
  return median(times.slice(2));
}

function inSet(set: ReadonlySet<string>, host: string): boolean {
  for (let at = 0; ;) {
    if (set.has(host.slice(at))) return true;
    const dot = host.indexOf('.', at);
    if (dot === -1) return false;
    at = dot + 1;
  }
}

function round(number: number): number {
  return Math.round(number * 100) / 100;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(await once()));
