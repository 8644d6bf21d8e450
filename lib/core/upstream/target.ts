import type { Request } from 'express';
import { OptionsError, ProxyError } from '../errors.ts';
import { parseOptions, quote } from '../options.ts';
import type { DynamicTarget, ParsedForwarderOptions, Target } from './forward-options.ts';
import { poolFields } from './pool-options.ts';
import { serversField, serverUrl } from './server-input.ts';
import { serverName } from './server.ts';
import { Upstream } from './upstream.ts';

/** Finds the pool of a request. */
export interface Targets {
  /** The pool, when it is the same for all requests. */
  readonly fixed?: Upstream | undefined;
  find(req: Request): Upstream | Promise<Upstream>;
  /** Closes the pools that were made here; an `upstream()` given from outside is its owner's. */
  close(): Promise<void>;
}

/** How many servers a target function may name before those unused longest are closed. */
const mostDynamic = 1000;

/** @throws {OptionsError} when the target is none, or options are given that belong to its `upstream()` */
export function targetsOf(
  middleware: string,
  target: Target,
  options: ParsedForwarderOptions,
  given: object,
): Targets {
  if (typeof target === 'function') return new DynamicTargets(target, options);
  if (target instanceof Upstream) {
    refusePoolOptions(middleware, target, given);
    return { fixed: target, find: () => target, close: () => Promise.resolve() };
  }
  const least = options.discover === undefined ? 1 : 0;
  const inputs = Array.isArray(target) ? target : (target as unknown) === undefined ? [] : [target];
  const servers = parseOptions(`${middleware} target`, serversField({ least }), inputs);
  const [first] = servers;
  const upstream = new Upstream(
    first === undefined ? middleware : serverName(first.url),
    servers,
    options,
  );
  return { fixed: upstream, find: () => upstream, close: () => upstream.close() };
}

function refusePoolOptions(middleware: string, target: Upstream, given: object): void {
  const problems = Object.entries(given)
    .filter(([key, value]) => value !== undefined && Object.hasOwn(poolFields, key))
    .map(
      ([key]) =>
        `${key}: belongs to the pool; set it in upstream(${quote(target.name)}, servers, { ${key} })`,
    );
  if (problems.length > 0) throw new OptionsError(middleware, problems);
}

class DynamicTargets implements Targets {
  readonly #target: (req: Request) => DynamicTarget | Promise<DynamicTarget>;
  readonly #options: ParsedForwarderOptions;
  /** By the whole URL: two targets never share a pool. Least recently used first. */
  readonly #pools: Map<string, Upstream> = new Map();

  constructor(
    target: (req: Request) => DynamicTarget | Promise<DynamicTarget>,
    options: ParsedForwarderOptions,
  ) {
    this.#target = target;
    this.#options = options;
  }

  find(req: Request): Upstream | Promise<Upstream> {
    try {
      const target = this.#target(req);
      return target instanceof Promise
        ? target.then(
            (settled) => this.#pool(settled),
            (cause: unknown) => {
              throw wrongTarget(cause);
            },
          )
        : this.#pool(target);
    } catch (error) {
      throw wrongTarget(error);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }

  #pool(target: DynamicTarget): Upstream {
    if (target instanceof Upstream) return target;
    const key = String(target);
    const known = this.#pools.get(key);
    this.#pools.delete(key);
    const pool = known ?? this.#open(target);
    this.#pools.set(key, pool);
    return pool;
  }

  #open(target: string | URL): Upstream {
    const url = serverUrl().safeParse(target);
    if (!url.success)
      throw wrongTarget(new Error(url.error.issues.map(({ message }) => message).join('; ')));
    if (this.#pools.size >= mostDynamic) {
      const [oldest] = this.#pools;
      if (oldest !== undefined) {
        this.#pools.delete(oldest[0]);
        void oldest[1].close();
      }
    }
    const definition = { url: url.data, weight: 1, backup: false, maxConnections: Infinity };
    return new Upstream(serverName(url.data), [definition], this.#options);
  }
}

function wrongTarget(cause: unknown): ProxyError {
  if (cause instanceof ProxyError) return cause;
  const detail = `the target function failed: ${cause instanceof Error ? cause.message : String(cause)}`;
  return new ProxyError('ERR_SEKISHO_TARGET', { cause, detail });
}
