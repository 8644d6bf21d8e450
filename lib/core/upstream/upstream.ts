import { OptionsError } from '../errors.ts';
import { parseOptions, quote } from '../options.ts';
import { Discovery } from './discovery.ts';
import type { ParsedDns } from './discover-options.ts';
import { findByDns, type Template } from './dns-discovery.ts';
import { hpmPlugin, type HpmPlugin } from './hpm.ts';
import type { OpenTransport } from './membership.ts';
import { Pool } from './pool.ts';
import { poolSchema, type ParsedPoolOptions, type PoolOptions } from './pool-options.ts';
import { serverField, serversField, type ServerInput } from './server-input.ts';
import { serverKey, type Server, type ServerDefinition, type ServerState } from './server.ts';
import { openTransport } from './transport.ts';

/** A server at one moment. */
export interface ServerSnapshot {
  readonly url: string;
  /** `host:port`, or `unix:` and the path. */
  readonly name: string;
  readonly weight: number;
  readonly backup: boolean;
  readonly state: ServerState;
  /** Requests sent and not yet answered to the end. */
  readonly inflight: number;
  /** Moving average of the milliseconds to the answer's head; undefined before the first. */
  readonly latency: number | undefined;
}

/**
 * A pool of servers that several mounts, and http-proxy-middleware, may share.
 *
 * Changes are atomic: one that is wrong throws an OptionsError and leaves everything as it was. Servers
 * that stay keep their state and their connections.
 */
export class Upstream {
  readonly name: string;
  /** @internal what forwarders work with */
  readonly pool: Pool;
  readonly #discovery: Discovery | undefined;

  /** Everything is parsed already: use `upstream()`, or this for a forwarder's own servers. */
  constructor(
    name: string,
    definitions: readonly ServerDefinition[],
    options: ParsedPoolOptions,
    open: OpenTransport = opener(options),
  ) {
    this.name = name;
    const { discover } = options;
    const initial = discover !== undefined && 'dns' in discover ? [] : definitions;
    this.pool = new Pool(name, initial, options, open);
    if (discover !== undefined) {
      const find =
        'dns' in discover
          ? () => findByDns(discover, templateOf(discover, definitions[0], options))
          : async () =>
              parseServers(`discover of upstream ${quote(name)}`, await discover.find(), 1);
      this.#discovery = new Discovery(this.pool, find, discover.interval);
    }
  }

  /** What the servers are like at this moment, in the order of definition. */
  get servers(): readonly ServerSnapshot[] {
    return this.pool.servers.map((server) => ({
      url: server.url.href,
      name: server.name,
      weight: server.weight,
      backup: server.backup,
      state: server.state,
      inflight: server.inflight,
      latency: server.latency,
    }));
  }

  /**
   * Adds servers; one that is draining is put to work again.
   *
   * @throws {OptionsError} when one is not what a server should be, or is there already
   */
  add(...servers: readonly ServerInput[]): void {
    this.#refuseDiscovered('add');
    const added = parseServers(this.#where('add'), servers, 1);
    for (const definition of added)
      if (this.pool.find(serverKey(definition))?.draining === false)
        throw new OptionsError(this.#where('add'), [
          `${quote(definition.url.href)} is there already; change it with update()`,
        ]);
    const keys = new Set(added.map(serverKey));
    const kept = this.pool.servers.filter((server) => !keys.has(server.url.href));
    this.pool.replace([...kept.map(definitionOf), ...added], { keepDraining: true });
    for (const server of this.pool.servers) if (keys.has(server.url.href)) this.pool.resume(server);
  }

  /**
   * Takes a server out for good. It gets nothing new; the promise resolves when it has finished what it has.
   *
   * @throws {OptionsError} when it is unknown, or the last one
   */
  remove(url: string | URL): Promise<void> {
    this.#refuseDiscovered('remove');
    const server = this.#find('remove', url);
    const kept = this.pool.servers.filter((other) => other !== server);
    if (kept.length === 0)
      throw new OptionsError(this.#where('remove'), [
        `${quote(String(url))} is the last server; add another first, or drain() it`,
      ]);
    const finished = this.pool.drain(server);
    this.pool.replace(kept.map(definitionOf), { keepDraining: true });
    return finished;
  }

  /**
   * Gives a server nothing new, for maintenance; it stays in the list as `draining`. The promise resolves
   * when it has finished what it has. `add()` or `update()` with it end the draining.
   *
   * @throws {OptionsError} when it is unknown
   */
  drain(url: string | URL): Promise<void> {
    return this.pool.drain(this.#find('drain', url));
  }

  /**
   * Makes these the servers: new ones are opened, missing ones removed, the others get the new weight, role and limit.
   *
   * @throws {OptionsError} when they are not what servers should be
   */
  update(servers: readonly ServerInput[]): void {
    this.#refuseDiscovered('update');
    this.pool.replace(parseServers(this.#where('update'), servers, 1));
  }

  /**
   * Gives a proxy of http-proxy-middleware this pool's balancing and health.
   *
   * @example app.use('/image', createProxyMiddleware({ ...images.hpm(), changeOrigin: true }));
   * @example createProxyMiddleware({ target: 'http://unused', plugins: [images.hpm()] });
   */
  hpm(): HpmPlugin {
    return hpmPlugin(this.pool);
  }

  /** Takes no new requests; resolves when those in flight have ended and all connections are closed. */
  close(): Promise<void> {
    this.#discovery?.close();
    return this.pool.close();
  }

  /** Closes all connections at once; requests in flight fail. */
  destroy(): void {
    this.#discovery?.close();
    this.pool.destroy();
  }

  #where(method: string): string {
    return `upstream ${quote(this.name)}.${method}`;
  }

  #find(method: string, url: string | URL): Server {
    const result = serverField().safeParse(url);
    const server = result.success ? this.pool.find(serverKey(result.data)) : undefined;
    const byName = server ?? this.pool.servers.find(({ url: own }) => own.href === String(url));
    if (byName !== undefined) return byName;
    const known = this.pool.servers.map((one) => one.url.href).join(', ');
    throw new OptionsError(this.#where(method), [
      `${quote(String(url))} is none of its servers; they are ${known}`,
    ]);
  }

  #refuseDiscovered(method: string): void {
    if (this.#discovery !== undefined)
      throw new OptionsError(this.#where(method), [
        'its servers come from the option discover; change them at their source, or use drain()',
      ]);
  }
}

/**
 * A named pool of servers, to be shared by several mounts.
 *
 * @example
 * const images = upstream('images', ['http://10.0.0.1:8080', { url: 'http://10.0.0.2:8080', weight: 2 }], {
 *   healthCheck: '/health',
 * });
 * app.use('/image', balancedProxy(images));
 *
 * @throws {OptionsError} at once, when name, servers or options are not what they should be
 */
export function upstream(
  name: string,
  servers: ServerInput | readonly ServerInput[],
  options: PoolOptions = {},
): Upstream {
  if (typeof name !== 'string' || !/^[\x21-\x7e]{1,100}$/.test(name))
    throw new OptionsError('upstream', [
      `name: ${quote(name)} is not allowed; use a short name without spaces, such as 'images'`,
    ]);
  const where = `upstream ${quote(name)}`;
  const parsed = parseOptions(where, poolSchema, options);
  const least = parsed.discover === undefined ? 1 : 0;
  return new Upstream(name, parseServers(where, [servers].flat(), least), parsed);
}

function parseServers(
  where: string,
  servers: readonly ServerInput[],
  least: number,
): readonly ServerDefinition[] {
  return parseOptions(where, serversField({ least }), servers);
}

function definitionOf(server: Server): ServerDefinition {
  const { url, weight, backup, maxConnections } = server;
  return { url, weight, backup, maxConnections };
}

function templateOf(
  dns: ParsedDns,
  server: ServerDefinition | undefined,
  options: ParsedPoolOptions,
): Template {
  const protocol =
    dns.protocol === undefined
      ? (server?.url.protocol ?? (options.tls === undefined ? 'http:' : 'https:'))
      : `${dns.protocol}:`;
  const port =
    dns.port ??
    (server === undefined || server.url.port === '' ? undefined : Number(server.url.port));
  return {
    protocol,
    port,
    path: server?.url.pathname ?? '/',
    maxConnections: server?.maxConnections ?? Infinity,
  };
}

function opener(options: ParsedPoolOptions): OpenTransport {
  const { timeouts, tls, http2 } = options;
  return ({ url, servername }) =>
    openTransport(url, {
      timeouts,
      http2,
      tls: {
        ...tls,
        rejectUnauthorized: tls?.rejectUnauthorized ?? true,
        ...(tls?.servername === undefined && servername !== undefined ? { servername } : {}),
      },
    });
}
