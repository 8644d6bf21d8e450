/** Three servers and a proxy, each a process. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { TestContext } from 'node:test';
import type { ServeOptions } from '../../../../lib/core/server/serve.ts';
import type { ForwarderOptions } from '../../../../lib/core/upstream/forward.ts';
import type { ServerSnapshot } from '../../../../lib/core/upstream/upstream.ts';
import { Child } from './child.ts';
import type { GatewayOptions } from './gateway-process.ts';
import type { Outcome } from './load.ts';
import type { Behaviour, UpstreamProcessOptions } from './upstream-process.ts';

export interface Ejected {
  readonly server: string;
  readonly ejected: boolean;
  readonly reason: string;
}

/** When a server was killed or told to go, and when it was gone; `performance.now()`. */
export interface Death {
  readonly told: number;
  readonly gone: number;
}

/** From the death of a server until the proxy has heard of it, on a busy machine. */
const news = 500;

/** Those that failed though no server died while they were under way. */
export function lostWithoutDeath(
  lost: readonly Outcome[],
  servers: readonly UpstreamServer[],
): readonly Outcome[] {
  const deaths = servers.flatMap((server) => server.deaths);
  return lost.filter(
    ({ begun, ended }) => !deaths.some(({ told, gone }) => begun < gone + news && ended > told),
  );
}

/** A server that can be killed and started again on its port. */
export class UpstreamServer {
  readonly name: string;
  readonly port: number;
  readonly #t: TestContext;
  readonly #options: UpstreamProcessOptions;
  readonly deaths: Death[] = [];
  child!: Child;

  constructor(t: TestContext, options: UpstreamProcessOptions) {
    this.#t = t;
    this.#options = options;
    this.name = options.name;
    this.port = options.port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    this.child = await Child.start(this.#t, 'upstream-process.ts', this.#options);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const told = performance.now();
    await this.child.end(signal);
    this.deaths.push({ told, gone: performance.now() });
  }

  behave(behaviour: Behaviour): Promise<void> {
    return this.child.ask({ behave: behaviour });
  }

  async requests(): Promise<number> {
    return (await this.child.ask<{ requests: number }>({ counts: true })).requests;
  }

  /** Paths of the POSTs executed, over all lives of the server. */
  get executed(): readonly string[] {
    try {
      return readFileSync(this.#options.journal, 'utf8').split('\n').slice(0, -1);
    } catch {
      return [];
    }
  }
}

export class Gateway {
  readonly child: Child;

  constructor(child: Child) {
    this.child = child;
  }

  get url(): string {
    return String(this.child.hello.url);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  servers(): Promise<readonly ServerSnapshot[]> {
    return this.child.ask({ servers: true });
  }

  async stateOf({ address }: UpstreamServer): Promise<string | undefined> {
    return (await this.servers()).find((server) => server.name === address)?.state;
  }

  async ejectionsOf({ address }: UpstreamServer): Promise<readonly Ejected[]> {
    const all = await this.child.ask<readonly Ejected[]>({ ejections: true });
    return all.filter(({ server }) => server === address);
  }

  /** Resident memory in bytes. */
  get memory(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }
}

export interface Scene {
  readonly gateway: Gateway;
  readonly servers: readonly UpstreamServer[];
}

export interface SceneOptions {
  /** What each of the three servers is like. @default ordinary */
  readonly servers?: readonly Behaviour[];
  readonly options?: ForwarderOptions;
  readonly serve?: ServeOptions;
}

export async function scene(
  t: TestContext,
  { servers: behaviours = [{}, {}, {}], options = {}, serve = {} }: SceneOptions = {},
): Promise<Scene> {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-faults-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const servers: UpstreamServer[] = [];
  for (const [index, behaviour] of behaviours.entries()) {
    const name = `server-${index + 1}`;
    const port = await fixedPort();
    const journal = join(directory, name);
    servers.push(new UpstreamServer(t, { ...behaviour, name, port, journal }));
  }
  await Promise.all(servers.map((server) => server.start()));
  const gatewayOptions: GatewayOptions = {
    servers: servers.map(({ address }) => `http://${address}`),
    options,
    serve,
  };
  const gateway = new Gateway(await Child.start(t, 'gateway-process.ts', gatewayOptions));
  return { gateway, servers };
}

/**
 * A free port below those that systems give to outgoing connections: from among them a connection
 * could take the port of a server that is down for a moment, or even connect to itself.
 */
async function fixedPort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    const probe = createServer();
    probe.listen(port, '127.0.0.1');
    const free = await Promise.race([
      once(probe, 'listening').then(() => true),
      once(probe, 'error').then(() => false),
    ]).catch(() => false);
    if (!free) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}
