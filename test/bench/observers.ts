/** What an observer costs: the same proxy with it and without, in turns; medians of CPU per request and of throughput. */
import type { ChildProcess } from 'node:child_process';
import { measure, median, type Load, type Measurement } from './measure.ts';

interface Proxy {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly process: ChildProcess;
}

/** And the most of a request's time that each may take. */
const limits: Readonly<Record<string, number>> = {
  'accessLog json': 0.05,
  'accessLog combined': 0.05,
  metrics: 0.03,
};

const bare = 'no observer';
const load: Load = { path: '/', connections: 50, seconds: 3 };

export async function benchObservers(
  target: string,
  start: (name: string, target: string, file: string) => Promise<Proxy>,
  rounds: number,
): Promise<void> {
  const proxies: Proxy[] = [];
  try {
    for (const name of [bare, ...Object.keys(limits)])
      proxies.push(await start(name, target, 'observers-peer.ts'));
    const results = new Map<string, Measurement[]>(proxies.map(({ name }) => [name, []]));
    for (const { url, pid } of proxies) await measure(url, pid, { ...load, seconds: 6 });
    for (let round = 0; round < rounds; round++)
      for (const { name, url, pid } of proxies) {
        await measure(url, pid, { ...load, seconds: 1 });
        results.get(name)?.push(await measure(url, pid, load));
      }
    print(results);
  } finally {
    for (const { process: child } of proxies) child.kill('SIGTERM');
  }
}

function print(results: ReadonlyMap<string, readonly Measurement[]>): void {
  const without = results.get(bare) ?? [];
  /** Round by round: both have had the same weather. */
  const ratio = (name: string, key: 'cpu' | 'throughput'): number =>
    median(
      (results.get(name) ?? []).map((one, round) => one[key] / (without[round]?.[key] ?? NaN)),
    );
  console.log('\nobservers, small GET');
  console.table(
    [...results].map(([name, measured]) => ({
      observer: name,
      'requests/s': Math.round(median(measured.map(({ throughput }) => throughput))),
      'CPU µs/request': hundredths(median(measured.map(({ cpu }) => cpu))),
      'more CPU %': hundredths((ratio(name, 'cpu') - 1) * 100),
      'less throughput %': hundredths((1 - ratio(name, 'throughput')) * 100),
      'limit %': (limits[name] ?? 0) * 100,
      errors: measured.reduce((sum, { errors }) => sum + errors, 0),
    })),
  );
}

function hundredths(number: number): number {
  return Math.round(number * 100) / 100;
}
