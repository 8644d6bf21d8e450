import { clock } from './clock.ts';
import { RedisCircuit } from './redis-circuit.ts';
import {
  bindClient,
  ownClient,
  type OwnRedisClient,
  type RedisArgument,
  type RedisBinding,
  type RedisClientLike,
} from './redis-client.ts';
import { warn } from './warn.ts';

export interface RedisLinkInit {
  readonly client?: RedisClientLike | undefined;
  readonly url?: string | undefined;
  /** Milliseconds. */
  readonly timeout: number;
  /** What goes on without Redis, for the warning: "requests go to the origin". */
  readonly without: string;
}

/** Redis did not answer, or not in time. Its own error replies come as they are. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable';
  readonly code = 'ERR_SEKISHO_REDIS';
}

/** Commands without an answer: more of them and their bytes than this are not sent. */
const maxPending = 1000;
const maxPendingBytes = 64 * 1024 * 1024;
/** A connection of our own on which nothing was answered for so long is given up: its server may have moved. */
const givenUpAfter = 5000;
/** A first connection that is not there in this time (milliseconds) is a failure; until then it is a start. */
const startTime = 5000;

/**
 * The way to a Redis that requests must not depend on: connects when first used, gives every command a time limit, and
 * lets commands fail at once while nothing is answered, save for one probe a second. The operator is told once when it
 * goes and when it comes back (`SEKISHO_REDIS`).
 */
export class RedisLink {
  readonly #init: RedisLinkInit;
  readonly #name: string;
  readonly #circuit: RedisCircuit;
  readonly #onError = (error: unknown): void => {
    if (this.#client?.isReady !== true) this.#circuit.failed(error);
  };
  /** There once its client has been connected. */
  #binding: RedisBinding | undefined;
  #client: RedisClientLike | undefined;
  #opening: Promise<RedisBinding> | undefined;
  #openedAt = 0;
  #pending = 0;
  #pendingBytes = 0;
  #closed = false;

  constructor(init: RedisLinkInit) {
    this.#init = init;
    this.#name = nameOf(init.url);
    this.#circuit = new RedisCircuit((down, reason) => {
      if (this.#closed) return;
      if (down) warn('SEKISHO_REDIS', `${this.#name} ${describe(reason)}: ${init.without}`, reason);
      else warn('SEKISHO_REDIS', `${this.#name} answers again`);
    });
  }

  /** False while commands would fail at once: to save the promise. */
  get available(): boolean {
    return !this.#closed && !this.#circuit.open;
  }

  /**
   * Sends commands of this size, unless Redis seems gone.
   *
   * @param limit milliseconds
   * @throws {RedisUnavailable} (rejects) not connected, too slow, closed; or the error reply of Redis
   */
  send<Reply>(
    limit: number,
    words: readonly RedisArgument[],
    send: (binding: RedisBinding) => Promise<Reply>,
  ): Promise<Reply> {
    if (this.#closed || !this.#circuit.admit()) return Promise.reject(this.#unavailable('is gone'));
    return this.#within(limit, words, send);
  }

  /** As `send`, for operators' work: tries even while Redis seems gone. */
  insist<Reply>(
    limit: number,
    words: readonly RedisArgument[],
    send: (binding: RedisBinding) => Promise<Reply>,
  ): Promise<Reply> {
    if (this.#closed) return Promise.reject(this.#unavailable('was closed'));
    return this.#within(limit, words, send);
  }

  /** Ends a client of our own; the caller's stays as it is. */
  close(): void {
    this.#closed = true;
    this.#release();
  }

  #within<Reply>(
    limit: number,
    words: readonly RedisArgument[],
    send: (binding: RedisBinding) => Promise<Reply>,
  ): Promise<Reply> {
    let size = 0;
    for (const word of words) size += word.length;
    if (this.#pending >= maxPending || this.#pendingBytes + size > maxPendingBytes)
      return Promise.reject(this.#unavailable('has too many commands waiting'));
    this.#pending++;
    this.#pendingBytes += size;
    const begun = clock.monotonic();
    const inTime = (): boolean => clock.monotonic() - begun <= this.#init.timeout;
    let late = false;
    const sent = this.#bound((binding) => {
      // It waited for the connection, and nobody waits for it any more.
      if (late) throw this.#unavailable('connected too late');
      return send(binding);
    });
    return new Promise<Reply>((resolve, reject) => {
      const cancel = clock.after(limit, () => {
        late = true;
        this.#late();
        reject(this.#unavailable(`did not answer within ${limit} ms`));
      });
      sent
        .finally(() => {
          cancel();
          this.#pending--;
          this.#pendingBytes -= size;
        })
        .then(
          (reply) => {
            // Not by an answer that came too late for a request: the next ones would wait in vain, too.
            if (inTime()) this.#circuit.succeeded();
            resolve(reply);
          },
          (error: unknown) => {
            if (isErrorReply(error)) {
              if (inTime()) this.#circuit.succeeded();
              this.#refused(error);
              reject(error);
              return;
            }
            if (!late) this.#circuit.failed(error);
            reject(this.#unavailable(describe(error), error));
          },
        );
    });
  }

  /** Sends now when there is a connection; that saves two promises. */
  #bound<Reply>(send: (binding: RedisBinding) => Promise<Reply>): Promise<Reply> {
    const binding = this.#binding;
    if (binding === undefined) return this.#open().then(send);
    if (binding.client.isReady === false)
      return Promise.reject(this.#unavailable('is not connected'));
    try {
      return send(binding);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #open(): Promise<RedisBinding> {
    if (this.#opening !== undefined) return this.#opening;
    this.#openedAt = clock.monotonic();
    const opening = this.#connect();
    this.#opening = opening;
    const opened = (): void => {
      if (this.#opening === opening) this.#opening = undefined;
    };
    opening.then(opened, opened);
    return opening;
  }

  async #connect(): Promise<RedisBinding> {
    const client = this.#client ?? this.#init.client ?? (await ownClient(this.#init.url as string));
    if (this.#client !== client) client.on('error', this.#onError);
    this.#client = client;
    const binding = bindClient(client);
    try {
      if (this.#closed) this.#release();
      else await connected(client);
    } catch (error) {
      this.#circuit.failed(error);
      throw this.#unavailable(describe(error), error);
    }
    if (this.#client === client) this.#binding = binding;
    return binding;
  }

  /** It is there and does not do it: a password or right is missing, it is a replica, its memory is full. */
  #refused(error: Error): void {
    const [word = ''] = error.message.split(' ');
    warn(
      'SEKISHO_REDIS',
      `${this.#name} refuses a command (${word}): ${this.#init.without}`,
      error,
    );
  }

  /** A command got no answer in time. */
  #late(): void {
    // Loading the package and the first handshake may take longer than a request waits.
    if (this.#opening !== undefined && clock.monotonic() - this.#openedAt < startTime) return;
    if (this.#circuit.downFor > givenUpAfter && this.#init.client === undefined) this.#release();
    this.#circuit.failed(this.#unavailable('is too slow'));
  }

  #release(): void {
    const client = this.#client;
    this.#client = undefined;
    this.#binding = undefined;
    if (client === undefined) return;
    if (client === this.#init.client) client.off('error', this.#onError);
    else (client as OwnRedisClient).destroy();
  }

  #unavailable(what: string, cause?: unknown): RedisUnavailable {
    return new RedisUnavailable(
      `${this.#name} ${what}`,
      cause === undefined ? undefined : { cause },
    );
  }
}

/** Resolves when it is connected, rejects at the first sign that it will not be soon. Clusters say only `connect`. */
async function connected(client: RedisClientLike): Promise<void> {
  if (client.isOpen && client.isReady !== false) return;
  const emitter = client as unknown as NodeJS.EventEmitter;
  await new Promise<void>((resolve, reject) => {
    const settle = (): void => {
      if (client.isReady !== false) end(resolve);
    };
    const fail = (error: unknown): void => {
      end(() => {
        reject(error);
      });
    };
    const end = (done: () => void): void => {
      emitter.off('ready', settle).off('connect', settle).off('error', fail);
      done();
    };
    emitter.on('ready', settle).on('connect', settle).on('error', fail);
    // When it is open already somebody else, or it by itself, is connecting it.
    if (!client.isOpen) client.connect().then(settle, fail);
  });
}

/** Redis answers errors with a word in capitals first: `NOAUTH Authentication required.` */
function isErrorReply(error: unknown): error is Error {
  return error instanceof Error && /^[A-Z]{3}[A-Z0-9]*(?: |$)/.test(error.message);
}

function describe(error: unknown): string {
  if (error instanceof RedisUnavailable) return error.message.replace(/^\S+ /, '');
  const { code, message } = error as { code?: string; message?: string };
  return `does not answer (${code ?? message ?? String(error)})`;
}

/** Without user and password. */
function nameOf(url: string | undefined): string {
  if (url === undefined) return 'Redis';
  const { protocol, host, pathname } = new URL(url);
  return protocol === 'unix:' ? `unix://${pathname}` : `${protocol}//${host}`;
}
