import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

export type UpgradeListener = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** What stands in for a listener of somebody else; `listener` is how node's EventEmitter finds the one it stands for. */
interface StandIn {
  (): void;
  listener: UpgradeListener;
  readonly once: boolean;
}

/** What node hands out as a bare socket. */
export type SocketEvent = 'upgrade' | 'connect';

/**
 * The `upgrade` (ws, socket.io) or `connect` listeners of others. Node calls all listeners for every upgrade, and
 * many answer 400 or close the socket when the path is not theirs: so they are held back, and called
 * only for upgrades that the app leaves alone. Each is replaced by a stand-in that does nothing and
 * carries the original as `listener`, as node's own `once()` does: `removeListener()` and
 * `listeners()` go on working with the original.
 */
export class HeldListeners {
  readonly #server: Server;
  readonly #event: SocketEvent;
  readonly #own: UpgradeListener;
  readonly #standIns: WeakSet<object> = new WeakSet();

  constructor(server: Server, event: SocketEvent, own: UpgradeListener) {
    this.#server = server;
    this.#event = event;
    this.#own = own;
    server.on(event, own);
    this.#hold();
    server.on('newListener', (added) => {
      // The new one is added after this event; no upgrade can come before the next tick.
      if (added === event) process.nextTick(() => this.#hold());
    });
  }

  get present(): boolean {
    return this.#held().length > 0;
  }

  call(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    for (const standIn of this.#held()) {
      if (standIn.once) this.#server.removeListener(this.#event, standIn);
      Reflect.apply(standIn.listener, this.#server, [req, socket, head]);
    }
  }

  #held(): StandIn[] {
    const listeners: unknown[] = this.#server.rawListeners(this.#event);
    return listeners.filter((listener): listener is StandIn =>
      this.#standIns.has(listener as StandIn),
    );
  }

  #hold(): void {
    for (const raw of this.#server.rawListeners(this.#event)) {
      if (raw === this.#own || this.#standIns.has(raw)) continue;
      const standIn = standInFor(raw as UpgradeListener & { listener?: UpgradeListener });
      this.#standIns.add(standIn);
      this.#server.removeListener(this.#event, raw as UpgradeListener);
      this.#server.on(this.#event, standIn);
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
