import type { Transaction } from '../core/transaction.ts';
import type { Pool } from '../core/upstream/pool.ts';
import { callRoll } from '../core/upstream/roll-call.ts';
import type { Server, ServerState } from '../core/upstream/server.ts';
import type { Upstream } from '../core/upstream/upstream.ts';
import { ServerTrack, states, slicesOfHistory, type ServerHistory } from './server-track.ts';
import { isFailure } from './traffic.ts';

/** Servers beyond this are not shown, nor is anything remembered of them. */
const mostServers = 500;

export interface ServerView {
  /** `host:port`. */
  readonly name: string;
  readonly state: ServerState;
  readonly backup: boolean;
  readonly weight: number;
  readonly inflight: number;
  /** Moving average of the milliseconds to the answer's head; null before the first. */
  readonly latency: number | null;
  /** Requests per second. */
  readonly rate: number;
  /** Only when it has changed since the last view. */
  readonly history?: ServerHistory;
}

export interface PoolView {
  readonly name: string;
  readonly servers: readonly ServerView[];
}

/** The pools of the process and what is remembered of their servers. Pools of one name are seen as one. */
export class Servers {
  /** Milliseconds of a slice of history. */
  readonly step: number;
  readonly #chosen: readonly Upstream[] | undefined;
  readonly #tracks: Map<string, Map<string, ServerTrack>> = new Map();
  #count = 0;
  #noted = -Infinity;

  /** @param chosen the pools to show; all of the process when undefined */
  constructor(history: number, chosen: readonly Upstream[] | undefined) {
    this.step = history / slicesOfHistory;
    this.#chosen = chosen;
  }

  add(record: Transaction, now: number): void {
    if (now - this.#noted >= 1000) this.noteStates(now);
    const { upstream, server } = record;
    if (upstream !== undefined && server !== undefined)
      this.#tracks.get(upstream)?.get(server)?.add(isFailure(record), now);
  }

  /** An attempt that was repeated: the record of the request will name the server that answered. */
  addFailure(upstream: string, server: string, now: number): void {
    this.#tracks.get(upstream)?.get(server)?.add(true, now);
  }

  /** Not every change of a state is told by an event: somebody has to look. */
  noteStates(now: number): void {
    this.#noted = now;
    const pools = this.pools();
    this.#forgetAllBut(pools);
    for (const pool of pools)
      for (const server of pool.servers)
        this.#track(pool.name, server.name, now)?.note(server.state, now);
  }

  /** @param since the histories are left out where they are the same as at this time */
  view(now: number, since?: number): PoolView[] {
    this.noteStates(now);
    const changed =
      since === undefined || Math.floor(since / this.step) < Math.floor(now / this.step);
    const groups = Map.groupBy(this.pools(), ({ name }) => name);
    let left = mostServers;
    return [...groups].flatMap(([name, pools]) => {
      const same = Map.groupBy(
        pools.flatMap(({ servers }) => servers),
        (server) => server.name,
      );
      const servers = [...same].slice(0, left).map(([, servers]) => {
        const track = this.#tracks.get(name)?.get(servers[0]?.name ?? '');
        return viewOf(servers, track, now, changed);
      });
      left -= servers.length;
      return servers.length === 0 && same.size > 0 ? [] : [{ name, servers }];
    });
  }

  /** All pools, or those of one name. */
  pools(name?: string): Pool[] {
    const all = this.#chosen?.map(({ pool }) => pool) ?? callRoll();
    return all.filter((pool) => name === undefined || pool.name === name);
  }

  #track(upstream: string, server: string, now: number): ServerTrack | undefined {
    let pool = this.#tracks.get(upstream);
    const known = pool?.get(server);
    if (known !== undefined || this.#count >= mostServers) return known;
    const track = new ServerTrack(this.step, now);
    if (pool === undefined) this.#tracks.set(upstream, (pool = new Map<string, ServerTrack>()));
    pool.set(server, track);
    this.#count++;
    return track;
  }

  #forgetAllBut(pools: readonly Pool[]): void {
    for (const [name, tracks] of this.#tracks) {
      const same = pools.filter((pool) => pool.name === name);
      const present = new Set(same.flatMap(({ servers }) => servers.map((server) => server.name)));
      for (const server of tracks.keys())
        if (!present.has(server)) {
          tracks.delete(server);
          this.#count--;
        }
      if (tracks.size === 0) this.#tracks.delete(name);
    }
  }
}

/** One line for servers of one name: several pools may have the same server, or a discovery several on one address. */
function viewOf(
  servers: readonly Server[],
  track: ServerTrack | undefined,
  now: number,
  changed: boolean,
): ServerView {
  const [first] = servers as readonly [Server];
  const latencies = servers.flatMap(({ latency }) => latency ?? []);
  const worst = Math.max(...servers.map(({ state }) => states.indexOf(state)));
  return {
    name: first.name,
    state: states[worst] ?? first.state,
    backup: first.backup,
    weight: first.weight,
    inflight: servers.reduce((sum, { inflight }) => sum + inflight, 0),
    latency: latencies.length === 0 ? null : round(Math.max(...latencies)),
    rate: round(track?.rate(now) ?? 0),
    ...(changed && track !== undefined ? { history: track.history(now) } : {}),
  };
}

/** More digits than anybody can see would only be sent. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}
