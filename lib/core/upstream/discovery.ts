import { clock } from '../clock.ts';
import { publish } from '../events.ts';
import type { Pool } from './pool.ts';
import { serverKey, type ServerDefinition } from './server.ts';

/** After a failure it is tried again sooner than usual, at first after this time. */
const firstRetry = 500;

/**
 * Keeps a pool's servers what a source says they are. An answer that fails, is empty or makes no sense
 * changes nothing: the last good one stays, and the error is published on `sekisho:servers`.
 */
export class Discovery {
  readonly #pool: Pool;
  readonly #find: () => Promise<readonly ServerDefinition[]>;
  readonly #interval: number;
  #failures = 0;
  #stopTimer: (() => void) | undefined;
  #closed = false;

  constructor(pool: Pool, find: () => Promise<readonly ServerDefinition[]>, interval: number) {
    this.#pool = pool;
    this.#find = find;
    this.#interval = interval;
    pool.expect(this.#ask());
  }

  close(): void {
    this.#closed = true;
    this.#stopTimer?.();
  }

  async #ask(): Promise<void> {
    try {
      const found = await this.#find();
      if (this.#closed) return;
      if (this.#differs(found)) this.#pool.replace(found, { keepDraining: true });
      this.#failures = 0;
    } catch (error) {
      if (this.#closed) return;
      this.#failures++;
      publish('sekisho:servers', {
        upstream: this.#pool.name,
        servers: this.#pool.servers.map((server) => server.name),
        error,
      });
    }
    this.#stopTimer = clock.after(this.#pause(), () => void this.#ask());
  }

  #differs(found: readonly ServerDefinition[]): boolean {
    const { servers } = this.#pool;
    return (
      servers.length !== found.length ||
      found.some((definition, index) => {
        const server = this.#pool.find(serverKey(definition));
        return (
          server === undefined ||
          server !== servers[index] ||
          server.weight !== definition.weight ||
          server.backup !== definition.backup ||
          server.maxConnections !== this.#pool.limitOf(definition)
        );
      })
    );
  }

  #pause(): number {
    if (this.#failures === 0) return this.#interval;
    return Math.min(this.#interval, firstRetry * 2 ** Math.min(this.#failures - 1, 20));
  }
}
