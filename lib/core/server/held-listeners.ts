import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

export type UpgradeListener = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** What stands in for a listener of somebody else; `listener` is how node's EventEmitter finds the one it stands for. */
interface StandIn {
  (): void;
  listener: UpgradeListener;
  readonly once: boolean;
}

/**
 * The `upgrade` listeners of others (ws, socket.io). Node calls all listeners for every upgrade, and
 * many answer 400 or close the socket when the path is not theirs: so they are held back, and called
 * only for upgrades that the app leaves alone. Each is replaced by a stand-in that does nothing and
 * carries the original as `listener`, as node's own `once()` does: `removeListener()` and
 * `listeners()` go on working with the original.
 */
export class HeldListeners {
  readonly #server: Server;
  readonly #own: UpgradeListener;
  readonly #standIns: WeakSet<object> = new WeakSet();

  constructor(server: Server, own: UpgradeListener) {
    this.#server = server;
    this.#own = own;
    server.on('upgrade', own);
    this.#hold();
    server.on('newListener', (event) => {
      // The new one is added after this event; no upgrade can come before the next tick.
      if (event === 'upgrade') process.nextTick(() => this.#hold());
    });
  }

  get present(): boolean {
    return this.#held().length > 0;
  }

  call(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    for (const standIn of this.#held()) {
      if (standIn.once) this.#server.removeListener('upgrade', standIn);
      Reflect.apply(standIn.listener, this.#server, [req, socket, head]);
    }
  }

  #held(): StandIn[] {
    const listeners: unknown[] = this.#server.rawListeners('upgrade');
    return listeners.filter((listener): listener is StandIn =>
      this.#standIns.has(listener as StandIn),
    );
  }

  #hold(): void {
    for (const raw of this.#server.rawListeners('upgrade')) {
      if (raw === this.#own || this.#standIns.has(raw)) continue;
      const standIn = standInFor(raw as UpgradeListener & { listener?: UpgradeListener });
      this.#standIns.add(standIn);
      this.#server.removeListener('upgrade', raw as UpgradeListener);
      this.#server.on('upgrade', standIn);
    }
  }
}

/** @param raw as `rawListeners()` has it: one added by `once()` is wrapped, with the original as `listener` */
function standInFor(raw: UpgradeListener & { listener?: UpgradeListener }): StandIn {
  const held = { listener: raw.listener ?? raw, once: raw.listener !== undefined };
  return Object.assign(function heldUpgradeListener() {
    // Called by node for every upgrade; the door calls the original when its turn has come.
  }, held);
}
