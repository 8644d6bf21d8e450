/** Domains, each with all that is below it. */
export class HostSet {
  readonly #hosts: ReadonlySet<string>;

  constructor(hosts: readonly string[]) {
    this.#hosts = new Set(hosts);
  }

  has(hostname: string): boolean {
    if (this.#hosts.size === 0) return false;
    for (let name = hostname; ;) {
      if (this.#hosts.has(name)) return true;
      const dot = name.indexOf('.');
      if (dot === -1) return false;
      name = name.slice(dot + 1);
    }
  }
}
