import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { clock } from '../../clock.ts';
import { parseAddress, type Address } from '../../http/address.ts';
import { canonicalHost } from '../../http/destination.ts';

/** Looked at again after this time (milliseconds). */
const freshFor = 5000;
/** Some block advertisements by their hosts file; what is larger than this is none (bytes). */
const largest = 32 * 1024 * 1024;

/** Names that the operator has given addresses by hosts(5). A file that cannot be read has none. */
export class HostsFile {
  readonly #path: string;
  #names: ReadonlyMap<string, readonly Address[]> = new Map();
  #version = '';
  #current: Promise<void> | undefined;
  #until = Number.NEGATIVE_INFINITY;

  constructor(path: string = systemPath()) {
    this.#path = path;
  }

  /** @param hostname canonical */
  async addressesOf(hostname: string): Promise<readonly Address[] | undefined> {
    const now = clock.monotonic();
    if (now >= this.#until) {
      this.#until = now + freshFor;
      this.#current = this.#refresh().catch(() => {
        this.#version = '';
        this.#names = new Map();
      });
    }
    await this.#current;
    return this.#names.get(hostname);
  }

  async #refresh(): Promise<void> {
    const { mtimeMs, size } = await stat(this.#path);
    const version = `${mtimeMs} ${size}`;
    if (version === this.#version) return;
    this.#names = size > largest ? new Map() : parseHosts(await readFile(this.#path, 'utf8'));
    this.#version = version;
  }
}

/** Lines of an address and its names; what is neither is skipped. */
export function parseHosts(text: string): ReadonlyMap<string, readonly Address[]> {
  const found = new Map<string, Address[]>();
  for (const line of text.split('\n')) {
    const [addressText = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const address = parseAddress(addressText);
    if (address === undefined) continue;
    for (const name of names) {
      const host = canonicalHost(name);
      if (host === undefined) continue;
      const addresses = found.get(host);
      if (addresses === undefined) found.set(host, [address]);
      else if (!addresses.some((known) => known.text === address.text)) addresses.push(address);
    }
  }
  return found;
}

function systemPath(): string {
  return process.platform === 'win32'
    ? join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', 'drivers', 'etc', 'hosts')
    : '/etc/hosts';
}
