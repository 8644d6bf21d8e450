import type { Destination } from '../core/context.ts';
import { Lists } from '../core/lists/lists.ts';
import { HostSet } from './host-set.ts';
import type { EgressSettings } from './options.ts';
import type { Finding } from './rules.ts';
import type { Site } from './site.ts';

/** What is known of places before anybody has sent anything there. */
export class Destinations {
  readonly #allowed: HostSet;
  readonly #denied: HostSet;
  readonly #ports: ReadonlySet<number>;
  readonly lists: Lists | undefined;

  constructor({ allow, deny, ports, lists }: EgressSettings['destinations']) {
    this.#allowed = new HostSet(allow);
    this.#denied = new HostSet(deny);
    this.#ports = new Set(ports);
    this.lists = lists.length === 0 ? undefined : new Lists('egressGuard', lists);
  }

  isAllowed(hostname: string): boolean {
    return this.#allowed.has(hostname);
  }

  judge(site: Site, { port, path }: Destination, found: (finding: Finding) => void): void {
    const listed = this.listed(site.hostname, path);
    if (listed !== undefined) found(listed);
    if (site.isAddress)
      found({ rule: 'raw-ip', severity: 'low', score: 1, evidence: { address: site.hostname } });
    if (!this.#ports.has(port))
      found({ rule: 'unusual-port', severity: 'low', score: 1, evidence: { port } });
  }

  /** A place of bad reputation. Lists that could not be read say so: what is not known must not pass. */
  listed(hostname: string, path = ''): Finding | undefined {
    if (this.#denied.has(hostname)) return bad({ list: 'destinations.deny' });
    const { lists } = this;
    if (lists === undefined) return undefined;
    if (!lists.available) return bad({ list: 'not read yet' });
    const match = lists.lookup(hostname, path === '' ? '/' : path);
    if (match?.tier !== 'banned') return undefined;
    return bad({ list: `${match.file}:${match.line}`, category: match.category });
  }

  /** The name that TLS says (RFC 6066 §3) is not the one that the tunnel was asked for. */
  judgeServerName(site: Site, name: string | undefined, found: (finding: Finding) => void): void {
    if (name === undefined || name === site.hostname) return;
    const listed = this.listed(name);
    if (listed !== undefined) found(listed);
    found({ rule: 'server-name', severity: 'medium', score: 1, evidence: { serverName: name } });
  }

  close(): void {
    this.lists?.close();
  }
}

function bad(evidence: Finding['evidence']): Finding {
  return { rule: 'listed-destination', severity: 'high', score: 1, evidence };
}
