/** What a dashboard costs, while nobody looks and with an open page: beside the same proxy without one, in turns. */
import type { ChildProcess } from 'node:child_process';
import { get } from 'node:http';
import { measure, median, type Load, type Measurement } from './measure.ts';

interface Proxy {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly process: ChildProcess;
}

const bare = 'no dashboard';
const watched = 'dashboard, a page open';
/** And the most of a request's time that each may take. */
const limits: Readonly<Record<string, number>> = { dashboard: 0.02, [watched]: 0.02 };
const load: Load = { path: '/', connections: 50, seconds: 3 };

export async function benchDashboard(
  target: string,
  start: (name: string, target: string, file: string) => Promise<Proxy>,
  rounds: number,
): Promise<void> {
  const proxies: Proxy[] = [];
  try {
    for (const name of [bare, ...Object.keys(limits)])
      proxies.push(await start(name, target, 'dashboard-peer.ts'));
    const page = await openPage(proxies.find(({ name }) => name === watched)?.url ?? '');
    const results = new Map<string, Measurement[]>(proxies.map(({ name }) => [name, []]));
    for (const { url, pid } of proxies) await measure(url, pid, { ...load, seconds: 6 });
    for (let round = 0; round < rounds; round++)
      for (const { name, url, pid } of proxies) {
        await measure(url, pid, { ...load, seconds: 1 });
        results.get(name)?.push(await measure(url, pid, load));
      }
    print(results, page());
  } finally {
    for (const { process: child } of proxies) child.kill('SIGKILL');
  }
}

/** Reads the stream as a browser does; the function returned tells how much it was. */
async function openPage(url: string): Promise<() => { events: number; bytes: number }> {
  let [events, bytes] = [0, 0];
  await new Promise<void>((resolve, reject) => {
    get(`${url}/dashboard/events`, (answer) => {
      answer.setEncoding('latin1').on('data', (chunk: string) => {
        bytes += chunk.length;
        events += chunk.split('event: ').length - 1;
        resolve();
      });
      answer.on('error', () => undefined);
    }).on('error', reject);
  });
  return () => ({ events, bytes });
}

function print(
  results: ReadonlyMap<string, readonly Measurement[]>,
  page: { events: number; bytes: number },
): void {
  const without = results.get(bare) ?? [];
  /** Round by round: both have had the same weather. */
  const ratio = (name: string, key: 'cpu' | 'throughput'): number =>
    median(
      (results.get(name) ?? []).map((one, round) => one[key] / (without[round]?.[key] ?? NaN)),
    );
  console.log(
    `\ndashboard, small GET; the page has read ${page.events} events, ${page.bytes} bytes`,
  );
  console.table(
    [...results].map(([name, measured]) => ({
      dashboard: name,
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
