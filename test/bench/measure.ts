/** Load by wrk and what it cost the process under it. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Measurement {
  /** Per second of wall-clock time; suffers from whatever else the machine does. */
  readonly throughput: number;
  /** CPU microseconds of the proxy's process per request: steadier than throughput on a busy machine. */
  readonly cpu: number;
  readonly errors: number;
}

export interface Load {
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  /** wrk script, e.g. for uploads. */
  readonly script?: string;
}

/** wrk on core 1 against a process pinned to core 0. */
export async function measure(url: string, pid: number, load: Load): Promise<Measurement> {
  const before = cpuSeconds(pid);
  const { stdout } = await run('taskset', [
    '-c',
    '1',
    'wrk',
    '-t1',
    `-c${load.connections}`,
    `-d${load.seconds}s`,
    ...(load.script === undefined ? [] : ['-s', load.script]),
    url + load.path,
  ]);
  const used = cpuSeconds(pid) - before;
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  const throughput = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0);
  const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(
    stdout,
  );
  const errors = failed + (broken?.slice(1).reduce((sum, count) => sum + Number(count), 0) ?? 0);
  return { throughput, cpu: (used * 1e6) / Math.max(1, requests), errors };
}

/** User and system time of a process (proc_pid_stat(5), in ticks of 10 ms). */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory now and at its peak, in MiB. */
export function memory(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name: string): number =>
    Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
  return { now: of('VmRSS'), peak: of('VmHWM') };
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
