import { Server, serverKey, type ServerDefinition, type Transport } from './server.ts';

/** Makes the connections to one server; the pool closes them. */
export type OpenTransport = (definition: ServerDefinition) => Transport;

/** What a replacement has changed. */
export interface MembershipChange {
  readonly opened: readonly Server[];
  readonly removed: readonly Server[];
}

/** Which servers a pool has, from the opening of their connections to their closing. */
export class Membership {
  readonly #open: OpenTransport;
  readonly #perServer: number;
  #servers: readonly Server[] = [];
  #keys: ReadonlyMap<string, Server> = new Map();
  /** Removed servers whose connections are not closed yet. */
  readonly #leaving: Map<Server, Promise<void>> = new Map();
  /** Busy servers whose last request somebody waits for. */
  readonly #finishing: Map<Server, PromiseWithResolvers<void>> = new Map();

  /** @param perServer limit of the servers that have none of their own */
  constructor(open: OpenTransport, perServer: number) {
    this.#open = open;
    this.#perServer = perServer;
  }

  /** In the order of definition; another array after each change. */
  get servers(): readonly Server[] {
    return this.#servers;
  }

  find(key: string): Server | undefined {
    return this.#keys.get(key);
  }

  limitOf({ maxConnections }: ServerDefinition): number {
    return maxConnections === Infinity ? this.#perServer : maxConnections;
  }

  /**
   * All or nothing: throws what opening a server throws, and nothing has changed. Servers that are known
   * already stay, with the new weight, role and limit; missing ones finish what they have and are closed.
   */
  replace(definitions: readonly ServerDefinition[], keepDraining: boolean): MembershipChange {
    const { servers, opened } = this.#openMissing(definitions);
    // From here on nothing fails.
    const removed = this.#servers.filter((server) => !servers.includes(server));
    this.#servers = servers;
    this.#keys = new Map(
      servers.map((server, index) => [serverKey(definitions[index] ?? server), server]),
    );
    servers.forEach((server, index) => {
      const definition = definitions[index];
      if (definition === undefined || opened.includes(server)) return;
      server.weight = definition.weight;
      server.backup = definition.backup;
      server.maxConnections = this.limitOf(definition);
      if (!keepDraining) server.draining = false;
    });
    for (const server of removed) this.#retire(server);
    return { opened, removed };
  }

  /** Resolves when the server has nothing in flight. */
  whenIdle(server: Server): Promise<void> {
    if (server.inflight === 0) return Promise.resolve();
    let finishing = this.#finishing.get(server);
    if (finishing === undefined) {
      finishing = Promise.withResolvers();
      this.#finishing.set(server, finishing);
    }
    return finishing.promise;
  }

  /** The server's last request has ended. */
  idle(server: Server): void {
    if (this.#finishing.size === 0) return;
    this.#finishing.get(server)?.resolve();
    this.#finishing.delete(server);
  }

  /** Resolves when all, those removed earlier too, have finished what they have and are closed. */
  async close(): Promise<void> {
    await Promise.all([
      ...this.#servers.map((server) => this.whenIdle(server).then(() => server.transport.close())),
      ...this.#leaving.values(),
    ]);
  }

  destroy(): void {
    for (const server of [...this.#servers, ...this.#leaving.keys()]) server.transport.destroy();
  }

  #openMissing(definitions: readonly ServerDefinition[]): { servers: Server[]; opened: Server[] } {
    const servers: Server[] = [];
    const opened: Server[] = [];
    try {
      for (const definition of definitions) {
        const known = this.#keys.get(serverKey(definition));
        const server =
          known ??
          new Server(
            { ...definition, maxConnections: this.limitOf(definition) },
            this.#open(definition),
          );
        if (known === undefined) opened.push(server);
        servers.push(server);
      }
    } catch (error) {
      for (const server of opened) server.transport.destroy();
      throw error;
    }
    return { servers, opened };
  }

  #retire(server: Server): void {
    server.draining = true;
    const left = this.whenIdle(server)
      .then(() => server.transport.close())
      // A transport that was destroyed meanwhile may refuse to close: nothing is left to do then.
      .catch(() => undefined)
      .then(() => void this.#leaving.delete(server));
    this.#leaving.set(server, left);
  }
}
