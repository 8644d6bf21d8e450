/** Real Redis servers for tests, on free ports, in temporary directories; gone when the test ends. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type RedisClientType } from 'redis';
import { until } from './servers.ts';

/** A test's context, or `{ after }` of node:test for a server that all tests of a file share. */
export interface Owner {
  after(done: () => void | Promise<void>): void;
}

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** A connected client, closed when the test ends. */
  client(): Promise<RedisClientType>;
  /** Kills it; what it had is lost. */
  stop(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
  /** It takes connections and bytes, and does not answer. */
  pause(): void;
  resume(): void;
}

const program = ['redis-server', 'valkey-server'].find((name) => {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

/** For the option `skip` of a test: a reason when there is no Redis here, which is a failure where all must be there. */
export const noRedis: string | false =
  program !== undefined || process.env.CI === 'true'
    ? false
    : 'needs redis-server: apt-get install redis-server';

export function startRedis(t: Owner, ...settings: readonly string[]): Promise<RedisServer> {
  return startServer(t, (port) => [
    ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    ...settings,
  ]);
}

/** Watches over one server, by the name `main`. */
export function startSentinel(t: Owner, { port: watched }: RedisServer): Promise<RedisServer> {
  return startServer(t, (port, directory) => {
    const file = join(directory, 'sentinel.conf');
    writeFileSync(
      file,
      `port ${port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 ${watched} 1\n`,
    );
    return [file, '--sentinel'];
  });
}

async function startServer(
  t: Owner,
  settings: (port: number, directory: string) => string[],
): Promise<RedisServer> {
  if (program === undefined) throw new Error('needs redis-server: apt-get install redis-server');
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-redis-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;

  const server: RedisServer = {
    port,
    url,
    async client() {
      const client: RedisClientType = createClient({ url });
      client.on('error', () => undefined);
      await client.connect();
      t.after(() => {
        client.destroy();
      });
      return client;
    },
    async start() {
      child = spawn(program, settings(port, directory), {
        cwd: directory,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let output = '';
      child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
      const own = child;
      await until(
        () => /ready to accept connections|Sentinel ID is/i.test(output) || own.exitCode !== null,
        'redis-server starts',
        60_000,
      );
      if (own.exitCode !== null) throw new Error(`redis-server ended: ${output}`);
    },
    async stop() {
      if (child?.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
    pause() {
      child?.kill('SIGSTOP');
    },
    resume() {
      child?.kill('SIGCONT');
    },
  };
  t.after(async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  await server.start();
  return server;
}

/** A cluster of one server that has all slots: enough to refuse commands whose keys lie in several. */
export async function startRedisCluster(t: Owner): Promise<RedisServer> {
  const server = await startRedis(t, '--cluster-enabled', 'yes');
  const client = await server.client();
  await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383']);
  await until(
    async () =>
      (await client.sendCommand<string>(['CLUSTER', 'INFO'])).includes('cluster_state:ok'),
    'the cluster has all its slots',
    60_000,
  );
  return server;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
