// @ts-check

/** @typedef {import('../traffic.ts').Slice} Slice */
/** @typedef {import('../traffic.ts').Latencies} Latencies */
/** @typedef {import('../servers.ts').PoolView} PoolView */
/** @typedef {import('../server-track.ts').ServerHistory} ServerHistory */
/** @typedef {import('../journal.ts').Entry} Entry */
/** @typedef {import('../collector.ts').View} View */
/** @typedef {import('../chain.ts').ChainView} ChainView */
/** @typedef {View & { begun: number, pid: number, history: number, token?: string, caches?: string[], chain?: ChainView }} Snapshot */

const mostEntries = 300;

/** What the page knows: what a snapshot has told and the ticks since then. */
export class Model {
  /** @param {Snapshot} snapshot */
  constructor(snapshot) {
    const { begun, pid, history, token, caches, chain, origin, step } = snapshot;
    this.begun = begun;
    this.pid = pid;
    /** Milliseconds the page looks back. */
    this.history = history;
    this.token = token;
    this.caches = caches ?? [];
    this.chain = chain;
    /** Wall-clock milliseconds of slice 0. */
    this.origin = origin;
    this.step = step;
    this.now = snapshot.now;
    /** @type {Slice[]} */
    this.slices = [];
    /** @type {Latencies} */
    this.latencies = snapshot.latencies;
    /** @type {readonly PoolView[]} */
    this.pools = [];
    /** @type {Map<string, Entry>} */
    this.entries = new Map();
    /** @type {Map<string, ServerHistory>} */
    this.histories = new Map();
    this.add(snapshot);
  }

  /** @param {View} view */
  add(view) {
    this.now = view.now;
    this.latencies = view.latencies;
    this.pools = view.pools;
    const last = this.slices.at(-1)?.slice ?? -1;
    this.slices.push(...view.slices.filter(({ slice }) => slice > last));
    this.slices.splice(0, this.slices.length - Math.ceil(this.history / this.step));
    for (const { name, servers } of view.pools)
      for (const server of servers)
        if (server.history !== undefined)
          this.histories.set(`${name} ${server.name}`, server.history);
    for (const entry of view.entries) this.entries.set(keyOf(entry), entry);
    if (this.entries.size > mostEntries)
      for (const entry of this.latestEntries().slice(mostEntries))
        this.entries.delete(keyOf(entry));
  }

  latestEntries() {
    return [...this.entries.values()].sort((a, b) => b.last - a.last || b.id - a.id);
  }

  /**
   * What has happened in the last so many milliseconds.
   *
   * @param {import('../traffic.ts').Counted} name
   * @param {number} milliseconds
   */
  sum(name, milliseconds) {
    let sum = 0;
    for (const slice of this.slices.slice(-Math.ceil(milliseconds / this.step))) sum += slice[name];
    return sum;
  }

  /** The same per second. @param {import('../traffic.ts').Counted} name @param {number} milliseconds */
  rate(name, milliseconds) {
    const known = Math.min(Math.ceil(milliseconds / this.step), Math.max(1, this.slices.length));
    return (this.sum(name, milliseconds) * 1000) / (known * this.step);
  }

  get servers() {
    return this.pools.flatMap(({ servers }) => servers);
  }
}

/** Numbers are given in each list. @param {Entry} entry */
export function keyOf({ group, id }) {
  return `${group} ${id}`;
}

/** Whether a server gets requests. @param {{ state: string }} server */
export function isIn({ state }) {
  return state === 'up' || state === 'unknown';
}
