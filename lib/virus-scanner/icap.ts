import { clock } from '../core/clock.ts';
import {
  DialogueAddress,
  type Dialogue,
  type DialogueListener,
} from '../core/upstream/dialogue.ts';
import type { ScanTimeouts } from './clamd.ts';
import { icapOptions } from './icap-request.ts';
import { IcapReply } from './icap-reply.ts';
import { IcapScan, type IcapLine } from './icap-scan.ts';
import { readService, type IcapService } from './icap-service.ts';
import type { Scan, ScanListener, Scanner, ScanSubject } from './scanner.ts';

/** Milliseconds for which an unused connection is kept: less than servers do. */
const keptFor = 15_000;
const mostKept = 16;

/** @property scans one of them scans when it knows; the others only ask */
interface Learner {
  readonly scans: boolean;
  learned(service: IcapService | undefined, reason: string): void;
  /** The service takes no more than those who came before. */
  crowded(): void;
}

/** An ICAP service (RFC 3507), over connections that are kept. */
export class Icap implements Scanner, IcapLine {
  readonly name: string;
  /** A service may look at more than the bytes. */
  readonly judgesUrl = true;
  readonly url: URL;
  readonly timeouts: ScanTimeouts;
  readonly #address: DialogueAddress;
  #service: IcapService | undefined;
  /** When what is known of it has to be asked for again (RFC 3507 §4.10.2, Options-TTL). */
  #expires = 0;
  /** Those who wait for the service to say what it can do. */
  #learning: Set<Learner> | undefined;
  readonly #kept: Set<Dialogue> = new Set();
  #closed = false;

  constructor(url: URL, timeouts: ScanTimeouts) {
    this.name = `icap ${url.host}${url.pathname}`;
    this.url = url;
    this.timeouts = timeouts;
    const tls = url.protocol === 'icaps:';
    this.#address = new DialogueAddress(
      {
        host: url.hostname,
        port: url.port === '' ? (tls ? 11_344 : 1344) : Number(url.port),
        tls: tls ? {} : undefined,
      },
      timeouts.connect,
    );
  }

  get places(): number {
    return this.#service?.maxConnections ?? Infinity;
  }

  get rest(): number {
    return this.timeouts.idle;
  }

  scan(subject: ScanSubject, listener: ScanListener): Scan {
    return new IcapScan(this, subject, listener);
  }

  check(done: (version: string | undefined, reason: string) => void): void {
    this.#learn({
      scans: false,
      learned(service, reason) {
        done(service?.version, reason);
      },
      crowded: () => undefined,
    });
  }

  connect(
    ready: (service: IcapService, dialogue: Dialogue, reused: boolean) => void,
    failed: (reason: string, crowded: boolean) => void,
  ): () => void {
    let wanted = true;
    const learner: Learner = {
      scans: true,
      learned: (service, reason) => {
        if (!wanted) return;
        if (service === undefined) failed(reason, false);
        else this.#dial(service, ready);
      },
      crowded() {
        if (wanted) failed('it takes no more connections', true);
      },
    };
    const known = this.#service;
    // Never while the scan is being made.
    if (known === undefined || clock.monotonic() >= this.#expires) this.#learn(learner);
    else
      queueMicrotask(() => {
        learner.learned(known, '');
      });
    return () => {
      wanted = false;
    };
  }

  keep(dialogue: Dialogue): void {
    if (this.#closed || dialogue.over || this.#kept.size >= mostKept) {
      dialogue.destroy();
      return;
    }
    this.#kept.add(dialogue);
    const drop = (): void => {
      this.#kept.delete(dialogue);
      dialogue.destroy();
    };
    dialogue.rest({ onData: drop, onClose: drop });
    dialogue.limit(keptFor, 'nothing to do');
  }

  forget(): void {
    for (const dialogue of this.#kept) dialogue.destroy();
    this.#kept.clear();
  }

  close(): void {
    this.#closed = true;
    this.forget();
  }

  #dial(
    service: IcapService,
    ready: (service: IcapService, dialogue: Dialogue, reused: boolean) => void,
  ): void {
    // The one used last is the least likely to be stale.
    const kept = [...this.#kept].at(-1);
    if (kept === undefined) {
      ready(service, this.#address.open(silent), false);
      return;
    }
    this.#kept.delete(kept);
    kept.lift();
    ready(service, kept, true);
  }

  #learn(learner: Learner): void {
    if (this.#learning !== undefined) {
      this.#learning.add(learner);
      return;
    }
    const waiting = new Set([learner]);
    this.#learning = waiting;
    const settle = (service: IcapService | undefined, reason: string): void => {
      if (this.#learning !== waiting) return;
      this.#learning = undefined;
      dialogue.destroy();
      // What was known may hold no longer.
      this.#service = service;
      this.#expires = clock.monotonic() + (service?.holds ?? 0);
      let places = service?.maxConnections ?? Infinity;
      for (const one of waiting)
        if (one.scans && --places < 0) one.crowded();
        else one.learned(service, reason);
    };
    const reply = new IcapReply({
      onHead: (head) => {
        const service = readService(head);
        if (typeof service === 'string') settle(undefined, service);
        else settle(service, '');
      },
      onBody: () => undefined,
      onEnd: () => undefined,
    });
    const dialogue = this.#address.open({
      onData: (bytes) => {
        try {
          reply.push(bytes);
        } catch (error) {
          settle(undefined, (error as Error).message);
        }
      },
      onClose: (error) => {
        settle(undefined, error.message);
      },
    });
    dialogue.write(icapOptions(this.url));
    dialogue.limit(this.timeouts.connect, 'no answer to OPTIONS');
  }
}

const silent: DialogueListener = {
  onData: () => undefined,
  onClose: () => undefined,
};
