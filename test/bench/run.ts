/**
 * `npm run bench [-- WORD …]`: sekisho beside its peers, interleaved, each proxy pinned to core 0, load and servers
 * on core 1; prints medians and ratios. Words choose scenarios by name. Needs Linux with wrk and taskset;
 * nginx is a peer where it is installed.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchAudit } from './audit.ts';
import { benchCache } from './cache.ts';
import { benchCacheStore } from './cache-store.ts';
import { benchDashboard } from './dashboard.ts';
import { benchEgress } from './egress-guard.ts';
import { benchLists } from './lists.ts';
import { measure, median, memory, type Load, type Measurement } from './measure.ts';
import { benchObservers } from './observers.ts';
import { benchTls } from './tls.ts';
import { benchTunnels } from './tunnels.ts';
import { startUpstream, type Upstream } from './upstream.ts';
import { benchUrlFilter } from './url-filter.ts';
import { benchVirusScanner } from './virus-scanner.ts';
import { benchWebSockets } from './websockets.ts';

/** Odd, so that the median is one of them. */
const rounds = Number(process.env.ROUNDS ?? 5);
const directory = mkdtempSync(join(tmpdir(), 'sekisho-wrk-'));
const upload = join(directory, 'upload.lua');
writeFileSync(
  upload,
  'wrk.method = "POST"\nwrk.body = string.rep("x", 10 * 1024 * 1024)\nwrk.headers["Content-Type"] = "application/octet-stream"\n',
);

interface Scenario {
  readonly name: string;
  readonly load: Load;
  /** The Node server is behind, because it reads uploads to their end. */
  readonly node?: boolean;
  /** What can be reached at all is shown, too. */
  readonly floor?: boolean;
}

const scenarios: readonly Scenario[] = [
  { name: 'small GET', load: { path: '/', connections: 50, seconds: 4 }, floor: true },
  { name: '64 KiB GET', load: { path: '/64k', connections: 50, seconds: 4 } },
  { name: '10 MB download', load: { path: '/10m', connections: 4, seconds: 4 } },
  {
    name: '10 MB upload',
    load: { path: '/', connections: 4, seconds: 4, script: upload },
    node: true,
  },
];

const peers = [
  'sekisho',
  'sekisho + securityHeaders',
  'http-proxy-middleware',
  'http-proxy-middleware + keep-alive agent',
  'http-proxy-3',
  'fast-proxy',
  '@fastify/http-proxy',
  'node:http + undici',
];
/** Express without any proxy: no middleware of its can take less of the time of a request. */
const floor = 'Express, which answers itself';

interface Proxy {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly process: ChildProcess;
}

async function startProxy(name: string, target: string, file = 'proxy.ts'): Promise<Proxy> {
  const child = spawn(
    'taskset',
    [
      '-c',
      '0',
      process.execPath,
      '--conditions=sekisho-source',
      `${import.meta.dirname}/${file}`,
      name,
      target,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [port] = (await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => {
      throw new Error(`${name} did not start`);
    }),
  ])) as [Buffer];
  return {
    name,
    url: `http://127.0.0.1:${String(port).trim()}`,
    pid: child.pid as number,
    process: child,
  };
}

async function bench(scenario: Scenario, upstream: Upstream): Promise<void> {
  const target = scenario.node === true ? upstream.nodeUrl : upstream.url;
  const proxies: Proxy[] = [];
  const names = scenario.floor === true ? [...peers, floor] : peers;
  for (const name of names) proxies.push(await startProxy(name, target));
  if (upstream.nginx !== undefined) {
    const url = upstream.nginx.url + (scenario.node === true ? '/node' : '');
    const { process: child } = upstream.nginx;
    proxies.push({ name: 'nginx', url, pid: child.pid as number, process: child });
  }
  try {
    const results = new Map<string, Measurement[]>(proxies.map(({ name }) => [name, []]));
    // Long enough for the compilers of V8 to have done their work.
    const warmUp = { ...scenario.load, seconds: 6 };
    for (const { url, pid } of proxies) await measure(url, pid, warmUp);
    for (let round = 0; round < rounds; round++)
      for (const { name, url, pid } of proxies) {
        // A process that has idled while the others were measured finds its memory cold.
        await measure(url, pid, { ...scenario.load, seconds: 1 });
        results.get(name)?.push(await measure(url, pid, scenario.load));
      }
    print(scenario, proxies, results);
  } finally {
    for (const { name, process: child } of proxies) if (name !== 'nginx') child.kill('SIGKILL');
  }
}

function print(
  { name: scenario }: Scenario,
  proxies: readonly Proxy[],
  results: ReadonlyMap<string, Measurement[]>,
): void {
  const of = (name: string, key: keyof Measurement): number =>
    median((results.get(name) ?? []).map((result) => result[key]));
  console.log(`\n${scenario}`);
  console.table(
    proxies.map(({ name, pid }) => ({
      proxy: name,
      'requests/s': Math.round(of(name, 'throughput')),
      'sekisho is … times as fast': round(of('sekisho', 'throughput') / of(name, 'throughput')),
      'CPU µs/request': round(of(name, 'cpu')),
      '… by CPU': round(of(name, 'cpu') / of('sekisho', 'cpu')),
      errors: (results.get(name) ?? []).reduce((sum, { errors }) => sum + errors, 0),
      'peak MiB': Math.round(memory(pid).peak),
    })),
  );
}

function round(number: number): number {
  return Math.round(number * 100) / 100;
}

const words = process.argv.slice(2);
const chosen = (name: string): boolean =>
  words.length === 0 || words.some((word) => name.toLowerCase().includes(word.toLowerCase()));

if (chosen('cache store')) benchCacheStore();
if (chosen('lists')) benchLists();
if (chosen('audit')) benchAudit(rounds);
if (chosen('egress')) benchEgress();
if (chosen('url filter')) benchUrlFilter();
if (chosen('scan')) await benchVirusScanner();
if (chosen('cache hits and misses')) await benchCache(startProxy, rounds);

if (chosen('tunnels')) await benchTunnels(startProxy, rounds);

const upstream = await startUpstream();
try {
  for (const scenario of scenarios) if (chosen(scenario.name)) await bench(scenario, upstream);
  if (chosen('dashboard')) await benchDashboard(upstream.url, startProxy, rounds);
  if (chosen('observers')) await benchObservers(upstream.url, startProxy, rounds);
  if (chosen('tls')) await benchTls(upstream.url, startProxy, rounds);
  if (chosen('websocket')) await benchWebSockets(upstream.nodeUrl, startProxy);
} finally {
  upstream.close();
}
