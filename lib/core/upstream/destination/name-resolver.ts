import { Resolver } from 'node:dns/promises';
import { LRUCache } from 'lru-cache';
import { clock } from '../../clock.ts';
import { parseAddress, type Address } from '../../http/address.ts';
import { recordsOf } from './address-records.ts';
import { HostsFile } from './hosts-file.ts';

/** Replaces DNS: gives the addresses of a name. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

export interface NameResolverOptions {
  /** Asked in place of DNS; its answers are not remembered. */
  readonly lookup?: Lookup | undefined;
  /** Milliseconds for one name. */
  readonly timeout: number;
  /** Name servers, as `host:port`. @default the system's */
  readonly servers?: readonly string[];
  /** Path of a hosts(5) file. @default the system's */
  readonly hostsFile?: string;
}

/** Why a name has no addresses; `timedOut` when nobody has said so. */
export class ResolutionError extends Error {
  override readonly name = 'ResolutionError';
  readonly timedOut: boolean;

  constructor(message: string, timedOut: boolean, cause?: unknown) {
    super(message, { cause });
    this.timedOut = timedOut;
  }
}

const mostRemembered = 2000;
/** Remembered for as long as its record says, in these bounds (seconds): nobody's records make this proxy forget or believe. */
const shortestTtl = 1;
const longestTtl = 60;
const mostAddresses = 64;
const mostPending = 1000;

/**
 * Addresses of names, by the hosts file and DNS: without search domains, and without getaddrinfo, whose four threads the
 * file system would have to share with every name that hangs. Names asked for at the same time are asked once.
 */
export class NameResolver {
  readonly #lookup: Lookup | undefined;
  readonly #timeout: number;
  readonly #servers: readonly string[] | undefined;
  readonly #known: LRUCache<string, readonly Address[]>;
  readonly #pending = new Map<string, Promise<readonly Address[]>>();
  readonly #hosts: HostsFile;
  #resolver: Resolver | undefined;

  constructor({ lookup, timeout, servers, hostsFile }: NameResolverOptions) {
    this.#hosts = new HostsFile(hostsFile);
    this.#lookup = lookup;
    this.#timeout = timeout;
    this.#servers = servers;
    this.#known = new LRUCache({
      max: mostRemembered,
      perf: { now: () => clock.monotonic() },
      ttlResolution: 0,
    });
  }

  /** All addresses, IPv4 first, whatever they are for; at once when they are remembered. */
  resolve(hostname: string): readonly Address[] | Promise<readonly Address[]> {
    const known = this.#known.get(hostname);
    if (known !== undefined) return known;
    const pending = this.#pending.get(hostname);
    if (pending !== undefined) return pending;
    if (this.#pending.size >= mostPending)
      return Promise.reject(new ResolutionError('too many names are being looked up', true));
    const asked = this.#ask(hostname).finally(() => this.#pending.delete(hostname));
    this.#pending.set(hostname, asked);
    return asked;
  }

  async #ask(hostname: string): Promise<readonly Address[]> {
    const lookup = this.#lookup;
    if (lookup === undefined)
      return (await this.#hosts.addressesOf(hostname)) ?? (await this.#askDns(hostname));
    const answer: unknown = await this.#inTime(Promise.resolve().then(() => lookup(hostname)));
    if (!Array.isArray(answer))
      throw new ResolutionError('the lookup gave no list of addresses', false);
    return addressesOf(answer);
  }

  #inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const cancel = clock.after(this.#timeout, () => {
        reject(new ResolutionError('DNS did not answer in time', true));
      });
      answer
        .then(resolve, (cause: unknown) => {
          reject(
            cause instanceof ResolutionError
              ? cause
              : new ResolutionError(`DNS: ${codeOf(cause)}`, codeOf(cause) === 'ETIMEOUT', cause),
          );
        })
        .finally(cancel);
    });
  }

  async #askDns(hostname: string): Promise<readonly Address[]> {
    const records = await this.#inTime(recordsOf(this.#dns(), hostname));
    const addresses = addressesOf(records.map(({ address }) => address));
    const ttl = Math.max(shortestTtl, Math.min(longestTtl, ...records.map((record) => record.ttl)));
    this.#known.set(hostname, addresses, { ttl: ttl * 1000 });
    return addresses;
  }

  #dns(): Resolver {
    if (this.#resolver !== undefined) return this.#resolver;
    this.#resolver = new Resolver({ timeout: 2000, tries: 2 });
    if (this.#servers !== undefined) this.#resolver.setServers(this.#servers);
    return this.#resolver;
  }
}

function addressesOf(texts: readonly unknown[]): readonly Address[] {
  if (texts.length === 0) throw new ResolutionError('the name has no address', false);
  if (texts.length > mostAddresses)
    throw new ResolutionError('the name has too many addresses', false);
  return texts.map((text) => {
    const address = typeof text === 'string' ? parseAddress(text) : undefined;
    if (address !== undefined) return address;
    throw new ResolutionError('the answer is no address', false);
  });
}

function codeOf(cause: unknown): string {
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : 'the lookup failed';
}
