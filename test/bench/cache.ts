/**
 * The cache: hits beside Express answering the same bytes itself, apicache and nginx' proxy_cache; misses beside the
 * same proxy without a cache.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answers } from './cache-answers.ts';
import { measure, median, type Load, type Measurement } from './measure.ts';
import { freePort, hasNginx, startNginx } from './upstream.ts';

interface Peer {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly process: ChildProcess;
}

type StartPeer = (name: string, target: string, file: string) => Promise<Peer>;

interface Scenario {
  readonly name: string;
  readonly load: Load;
  readonly peers: readonly string[];
  readonly nginx: boolean;
}

const hitPeers = ['cache()', 'cache() in app.listen', 'Express', 'Express in serve()', 'apicache'];
const missPeers = ['cache()', 'without cache'];

/** @param rounds of one second each, warm-up aside */
export async function benchCache(startPeer: StartPeer, rounds: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-bench-cache-'));
  const origin = await startOrigin(directory);
  const cached = hasNginx ? await startCachingNginx(directory, origin.url) : undefined;
  const unique = join(directory, 'unique.lua');
  writeFileSync(
    unique,
    `local begun = os.time()
     local count = 0
     request = function()
       count = count + 1
       return wrk.format(nil, "/unique/" .. begun .. "/" .. count)
     end`,
  );
  const load = { connections: 50, seconds: 1 };
  const scenarios: readonly Scenario[] = [
    {
      name: 'cache hit, 1 KiB',
      load: { ...load, path: '/1k' },
      peers: hitPeers,
      nginx: true,
    },
    {
      name: 'cache hit, 64 KiB',
      load: { ...load, path: '/64k' },
      peers: hitPeers,
      nginx: true,
    },
    {
      name: 'cache miss, not stored',
      load: { ...load, path: '/no-store' },
      peers: missPeers,
      nginx: false,
    },
    {
      name: 'cache miss, stored',
      load: { ...load, path: '', script: unique },
      peers: missPeers,
      nginx: false,
    },
  ];
  const only = process.env.SCENARIO ?? '';
  try {
    for (const scenario of scenarios) {
      if (!scenario.name.includes(only)) continue;
      const peers: Peer[] = [];
      for (const name of scenario.peers)
        peers.push(await startPeer(name, origin.url, 'cache-peer.ts'));
      const started = [...peers];
      if (scenario.nginx && cached !== undefined) peers.push(cached);
      try {
        print(scenario, peers, await run(scenario, peers, rounds));
      } finally {
        for (const { process: child } of started) child.kill('SIGKILL');
      }
    }
  } finally {
    cached?.process.kill('SIGTERM');
    origin.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function run(
  { load }: Scenario,
  peers: readonly Peer[],
  rounds: number,
): Promise<ReadonlyMap<string, Measurement[]>> {
  const results = new Map<string, Measurement[]>(peers.map(({ name }) => [name, []]));
  // Long enough for the compilers of V8 to have done their work.
  for (const { url, pid } of peers) await measure(url, pid, { ...load, seconds: 4 });
  for (let round = 0; round < rounds; round++)
    for (const { name, url, pid } of peers) {
      // A process that has idled while the others were measured finds its memory cold.
      await measure(url, pid, load);
      results.get(name)?.push(await measure(url, pid, load));
    }
  return results;
}

function print(
  { name: scenario }: Scenario,
  peers: readonly Peer[],
  results: ReadonlyMap<string, readonly Measurement[]>,
): void {
  const all = (name: string, key: keyof Measurement): number[] =>
    (results.get(name) ?? []).map((result) => result[key]);
  const of = (name: string, key: keyof Measurement): number => median(all(name, key));
  console.log(`\n${scenario}`);
  console.table(
    peers.map(({ name }) => ({
      server: name,
      'requests/s': Math.round(of(name, 'throughput')),
      'cache() is … times as fast': round(of('cache()', 'throughput') / of(name, 'throughput')),
      'CPU µs/request': round(of(name, 'cpu')),
      'least … most': all(name, 'cpu')
        .sort((one, other) => one - other)
        .map((cpu) => cpu.toFixed(1))
        .filter((_, at, { length }) => at === 0 || at === length - 1)
        .join(' … '),
      '… by CPU': round(of(name, 'cpu') / of('cache()', 'cpu')),
      errors: all(name, 'errors').reduce((sum, errors) => sum + errors, 0),
    })),
  );
}

/** The server behind: nginx where it is installed, so that it is never the bottleneck. */
async function startOrigin(directory: string): Promise<{ url: string; close: () => void }> {
  if (!hasNginx) {
    const server = createServer((req, res) => {
      const path = /^\/[\w-]+/.exec(req.url ?? '')?.[0] ?? '';
      const { fields, body } = answers[path] ?? { fields: {}, body: '' };
      res.writeHead(200, { ...fields, 'Content-Length': body.length }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return {
      url,
      close: () => {
        server.closeAllConnections();
        server.close();
      },
    };
  }
  const locations = Object.entries(answers).map(([path, { fields, body }]) => {
    const file = join(directory, path.slice(1));
    writeFileSync(file, body);
    const { 'Content-Type': type, 'Cache-Control': cacheControl, ETag: tag } = fields;
    return `location ${path} {
      types {} default_type "${type}"; etag off;
      add_header Cache-Control "${cacheControl}"; add_header ETag '${tag}';
      ${body.length > 1024 ? `alias ${file};` : `return 200 "${String(body)}";`} }`;
  });
  const port = await freePort();
  const child = await startNginx(directory, 'cache-origin', 1, port, locations.join('\n'));
  return { url: `http://127.0.0.1:${port}`, close: () => child.kill('SIGTERM') };
}

async function startCachingNginx(directory: string, target: string): Promise<Peer> {
  const port = await freePort();
  const child = await startNginx(
    directory,
    'proxy-cache',
    0,
    port,
    `location / {
      proxy_cache bench; proxy_http_version 1.1; proxy_set_header Connection "";
      add_header Cache-Status $upstream_cache_status;
      proxy_pass ${target}; }`,
    `sendfile on; proxy_cache_path ${directory}/nginx-cache keys_zone=bench:10m;`,
  );
  return {
    name: 'nginx proxy_cache',
    url: `http://127.0.0.1:${port}`,
    pid: child.pid as number,
    process: child,
  };
}

function round(number: number): number {
  return Math.round(number * 100) / 100;
}
