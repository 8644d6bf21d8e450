import { LRUCache } from 'lru-cache';
import { DistinctCounter } from './distinct.ts';
import { Rhythm } from './rhythm.ts';
import type { Finding } from './rules.ts';
import type { Site } from './site.ts';
import { Subdomains, type TunnelPolicy } from './subdomains.ts';
import { Series, UserVolume, type VolumePolicy } from './volume.ts';

export interface LedgerPolicy {
  readonly volume: (VolumePolicy & { readonly novelty: number }) | undefined;
  readonly beaconing: BeaconPolicy | undefined;
  readonly tunnels: TunnelPolicy | undefined;
  /** A domain is new for so long (milliseconds), after it was first asked for. */
  readonly newFor: number;
  /** Bytes to a new domain that are worth an alert. */
  readonly newBytes: number;
  /** For so long from its beginning on the guard calls nothing new or unusual (milliseconds). */
  readonly learning: number;
  /** Domains, and pairs of user and domain, that are remembered; the longest unseen are forgotten first. */
  readonly maxEntries: number;
}

export interface BeaconPolicy {
  readonly score: number;
  /** Visits without which there is no score. */
  readonly visits: number;
  /** A domain is rare when at most this part of all users asks for it, or a single one. */
  readonly rare: number;
}

/** A registrable domain, whoever asks for it. */
interface Domain {
  readonly firstSeen: number;
  readonly users: DistinctCounter;
  readonly subdomains: Subdomains;
  bytes: number;
  /** What its names look like now. */
  tunnel: Finding | undefined;
}

/** One user and one domain. */
interface Pair {
  readonly series: readonly Series[];
  rhythm: Rhythm | undefined;
  /** What its calls look like now. */
  beacon: Finding | undefined;
}

/**
 * Who has sent how much where and when: what all rules about metadata judge by. Bounded, and without I/O; times are
 * wall-clock milliseconds, so that several processes can compare theirs.
 */
export class Ledger {
  readonly policy: LedgerPolicy;
  readonly #users: LRUCache<string, readonly UserVolume[]>;
  readonly #domains: LRUCache<string, Domain>;
  readonly #pairs: LRUCache<string, Pair>;
  #began: number;

  constructor(policy: LedgerPolicy, began: number) {
    this.policy = policy;
    this.#began = began;
    const { maxEntries } = policy;
    this.#users = new LRUCache({ max: Math.ceil(maxEntries / 4) });
    this.#domains = new LRUCache({ max: maxEntries });
    this.#pairs = new LRUCache({ max: maxEntries });
  }

  /** Somebody else has watched since then. */
  watchedSince(time: number): void {
    this.#began = Math.min(this.#began, time);
  }

  account(user: string, site: Site, now: number): Account {
    const { volume } = this.policy;
    let volumes = this.#users.get(user);
    if (volumes === undefined) {
      volumes = (volume?.windows ?? []).map((window) => new UserVolume(window));
      this.#users.set(user, volumes);
    }
    let domain = this.#domains.get(site.domain);
    if (domain === undefined) {
      domain = {
        firstSeen: now,
        users: new DistinctCounter(),
        subdomains: new Subdomains(),
        bytes: 0,
        tunnel: undefined,
      };
      this.#domains.set(site.domain, domain);
    }
    const key = `${user} ${site.domain}`;
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      pair = {
        series: volumes.map(() => new Series()),
        rhythm: undefined,
        beacon: undefined,
      };
      this.#pairs.set(key, pair);
      domain.users.add(user);
    }
    return new Account(this, site, volumes, domain, pair);
  }

  /** Whether what was first seen then counts as new now. */
  isNew(firstSeen: number, now: number): boolean {
    const { learning, newFor } = this.policy;
    return firstSeen - this.#began >= learning && now - firstSeen < newFor;
  }

  /** Whether it has watched for long enough to know what is usual. */
  hasLearnt(now: number): boolean {
    return now - this.#began >= this.policy.learning;
  }

  /** Whether so many users are few. */
  isRare(users: number, share: number): boolean {
    return users <= Math.max(1, share * this.#users.size);
  }

  /** For those who want to know how much is remembered. */
  get size(): { users: number; domains: number; pairs: number } {
    return { users: this.#users.size, domains: this.#domains.size, pairs: this.#pairs.size };
  }
}

/** One user's dealings with one domain, open for one request. */
export class Account {
  readonly #ledger: Ledger;
  readonly #site: Site;
  readonly #volumes: readonly UserVolume[];
  readonly #domain: Domain;
  readonly #pair: Pair;

  constructor(
    ledger: Ledger,
    site: Site,
    volumes: readonly UserVolume[],
    domain: Domain,
    pair: Pair,
  ) {
    this.#ledger = ledger;
    this.#site = site;
    this.#volumes = volumes;
    this.#domain = domain;
    this.#pair = pair;
  }

  /** A request or tunnel has begun then. Those of one pair come in order. */
  opened(at: number): void {
    const { beaconing, tunnels } = this.#ledger.policy;
    if (tunnels !== undefined && this.#site.subdomain !== '')
      this.#domain.tunnel = this.#domain.subdomains.add(this.#site.subdomain, at, tunnels);
    if (beaconing === undefined) return;
    const rhythm = (this.#pair.rhythm ??= new Rhythm());
    if (rhythm.call(at) && rhythm.visits >= beaconing.visits)
      this.#pair.beacon = this.#beacon(rhythm, beaconing);
  }

  /** What was opened last has sent so much. */
  carried(bytes: number): void {
    this.#pair.rhythm?.carried(bytes);
  }

  /** What is to be said of how this user asks for this place. */
  judge(now: number, found: (finding: Finding) => void): void {
    const { beaconing } = this.#ledger.policy;
    const { tunnel, firstSeen, users } = this.#domain;
    const { beacon } = this.#pair;
    if (tunnel !== undefined) found(tunnel);
    // Even calls are many programs' way; those that few make, to a place that is new, are worth a look.
    if (beacon === undefined || beaconing === undefined) return;
    const rare = this.#ledger.isRare(users.count, beaconing.rare);
    if (rare && this.#ledger.isNew(firstSeen, now))
      found({ ...beacon, evidence: { ...beacon.evidence, users: users.count } });
  }

  /** Bytes leave, or would: none at all asks whether any may. */
  sent(bytes: number, now: number, found: (finding: Finding) => void): void {
    const { policy } = this.#ledger;
    const { volume } = policy;
    if (volume !== undefined) {
      const weight = this.#ledger.isNew(this.#domain.firstSeen, now) ? volume.novelty : 1;
      const scored = this.#ledger.hasLearnt(now);
      for (let index = 0; index < this.#volumes.length; index++) {
        const user = this.#volumes[index] as UserVolume;
        const series = this.#pair.series[index] as Series;
        user.add(series, bytes, now);
        const finding = user.judge(series, now, weight, scored ? volume : undefined);
        if (finding !== undefined) found(finding);
      }
    }
    if (!this.#ledger.isNew(this.#domain.firstSeen, now)) return;
    this.#domain.bytes += bytes;
    if (this.#domain.bytes >= policy.newBytes) found(this.#newDomain(now));
  }

  #newDomain(now: number): Finding {
    const { newBytes } = this.#ledger.policy;
    return {
      rule: 'new-domain',
      severity: 'low',
      score: round(this.#domain.bytes / Math.max(1, newBytes)),
      evidence: { bytes: this.#domain.bytes, age: now - this.#domain.firstSeen },
    };
  }

  #beacon(rhythm: Rhythm, policy: BeaconPolicy): Finding | undefined {
    const { score, interval, size, ...parts } = rhythm.score();
    if (score < policy.score) return undefined;
    return {
      rule: 'beacon',
      severity: 'high',
      score: round(score),
      evidence: {
        visits: rhythm.visits,
        interval: Math.round(interval),
        size: Math.round(size),
        intervalSkew: round(parts.intervalSkew),
        intervalDispersion: round(parts.intervalDispersion),
        sizeSkew: round(parts.sizeSkew),
        sizeDispersion: round(parts.sizeDispersion),
      },
    };
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
