import type { Chain } from './chain.ts';
import { rule, type Rule } from './finding.ts';
import { asksFor, isDryRun, isGuarded } from './guarding.ts';
import type { Link } from './link.ts';
import type { Mount } from './mount.ts';
import { WaysAround, type Passage } from './ways-around.ts';

/** Who gets to what he should not get to. */
export const exposureRules: readonly Rule[] = [
  rule('gate-narrower-than-forwarder', 'error', function* (chain) {
    for (const gate of chain.with('gate')) {
      if (isDryRun(gate)) continue;
      const wider = widerForwarder(chain, gate);
      if (wider === undefined || isNormalised(chain, gate)) continue;
      yield {
        // Its paths may be limited by what cannot be read.
        ...(isOfUnknownReach(wider) && { severity: 'warning' as const }),
        where: gate.where,
        why: `${wider.where} forwards more than it guards: a server behind may take other spellings (/%61dmin, //admin, /x/../admin) for what is guarded`,
        remedy: `mount urlFilter() before ${gate.name}: it refuses such spellings; or guard all that is forwarded`,
      };
    }
  }),
  rule('forwarder-without-gate', 'info', function* (chain) {
    const passages = chain.forwarders
      .filter(({ role }) => role !== 'forward-proxy')
      .flatMap((link) => link.ways.map((way): Passage => ({ link, ...way })));
    const { guarded = [], open = [] } = Object.groupBy(passages, ({ link, mount }) =>
      isGuarded(chain, link, mount) ? 'guarded' : 'open',
    );
    const [first] = guarded;
    if (first === undefined) return;
    const waysAround = new WaysAround(chain, guarded);
    for (const [link, ways] of Map.groupBy(open, (passage) => passage.link)) {
      const around = ways.flatMap((way) => waysAround.find(way) ?? []).at(0);
      if (around !== undefined)
        yield {
          severity: 'warning',
          where: link.where,
          why: `it leads to a server of ${around.guarded.where}, and no gate stands before it: what is guarded at ${around.guardedPath} is open at ${around.path}`,
          remedy: `mount the gate before ${link.name}, too, or give it a target that has no more than all may see`,
        };
      else if (!ways.every(({ mount }) => isBeforeGate(chain, link, mount)))
        yield {
          where: link.where,
          why: `${ways.map(({ mount }) => mount.text).join(', ')}: forwarded for everybody, while ${first.link.where} has a gate`,
          remedy: `mount a gate before ${link.name}; if it is public, say so with known`,
        };
    }
  }),
  rule('open-forward-proxy', 'error', function* (chain) {
    for (const proxy of chain.with('forward-proxy')) {
      if (isGuarded(chain, proxy, proxy.mount) || isGiven(proxy, 'allow')) continue;
      if (isGiven(proxy, 'clients') && !isAnybody(proxy.options.clients)) continue;
      yield {
        where: proxy.where,
        why: 'no gate stands before it, and neither clients nor destinations are limited: it would be an open proxy to the network, and refuses strangers until that is mended',
        remedy: 'mount authGate() before it, or set clients or allow',
      };
    }
  }),
  rule('private-destinations', 'warning', function* (chain) {
    for (const proxy of chain.with('forward-proxy')) {
      const { allowPrivate } = proxy.options as { allowPrivate?: unknown };
      const opened = Array.isArray(allowPrivate) ? allowPrivate.map(String) : [];
      const wide = opened.filter((range) => isWide(range) || isSensitive(range));
      if (wide.length === 0) continue;
      yield {
        where: proxy.where,
        why: `allowPrivate opens ${wide.map((range) => `'${range}'`).join(', ')}: users of the proxy reach whole networks of the inside, or what hands out credentials`,
        remedy: 'name single hosts or small networks',
      };
    }
  }),
  rule('target-by-request', 'warning', function* (chain) {
    for (const forwarder of chain.with('forwarder'))
      for (const { way, mount } of forwarder.ways) {
        if (typeof way.options.target !== 'function') continue;
        if (isGuarded(chain, forwarder, mount)) continue;
        yield {
          where: forwarder.where,
          why: 'a function of the request says where it goes, and no gate stands before it: if the function believes a field or parameter, strangers choose the server',
          remedy:
            'let the function choose among servers that it knows, and mount authGate() before it if it must not be public',
        };
      }
  }),
  rule('page-without-gate', 'warning', function* (chain) {
    for (const page of chain.links.filter(showsTheInside)) {
      if (isGuarded(chain, page, page.mount)) continue;
      yield {
        where: page.where,
        why: 'it tells of the inside, and no gate stands before it',
        remedy: `mount authGate() before ${page.name}`,
      };
    }
  }),
  rule('trust-proxy-all', 'error', function* (chain) {
    const limiter = chain.links.find(
      ({ role, options, app }) =>
        (role === 'limiter' || options.lockout === true) && app.get('trust proxy') === true,
    );
    if (limiter === undefined) return;
    yield {
      where: limiter.where,
      why: "with 'trust proxy' true the address it counts by is what the client writes into X-Forwarded-For",
      remedy: "set 'trust proxy' to the addresses of your proxies, or to how many there are",
    };
  }),
  rule('trust-proxy-off', 'warning', function* ({ app }, { behindProxy }) {
    if (behindProxy !== true || isTrusting(app.get('trust proxy'))) return;
    yield {
      where: 'app',
      why: "'trust proxy' is off behind a proxy: every client has the proxy's address, and https is taken for http",
      remedy: "set 'trust proxy' to the proxy's address, or to how many there are",
    };
  }),
];

/** A dashboard guards itself unless it is told not to, metrics() shows itself to this machine only unless it is told so. */
function showsTheInside({ role, name, options }: Link): boolean {
  if (name === 'metrics') return options.public === true && options.path !== false;
  return role === 'page' && options.public !== true;
}

function isTrusting(setting: unknown): boolean {
  return setting !== undefined && setting !== false && setting !== 0 && setting !== '';
}

/** It stands before a gate that would be asked: what is public comes first. */
function isBeforeGate(chain: Chain, link: Link, mount: Mount): boolean {
  return chain.with('gate').some((gate) => link.before(gate) && gate.mount.covers(mount));
}

/** A forwarder behind the gate whose way begins above what the gate guards. */
function widerForwarder(chain: Chain, gate: Link): Link | undefined {
  return chain.forwarders.find(
    (forwarder) =>
      forwarder.role !== 'forward-proxy' &&
      gate.before(forwarder) &&
      forwarder.ways.some(
        ({ mount }) =>
          (mount.covers(gate.mount) || gate.mount.covers(mount)) &&
          (!gate.mount.covers(mount) || !asksFor(gate, forwarder)) &&
          !isGuarded(chain, forwarder, mount),
      ),
  );
}

function isOfUnknownReach({ role, forwarding }: Link): boolean {
  return role === 'foreign-forwarder' && forwarding === undefined;
}

function isNormalised(chain: Chain, gate: Link): boolean {
  return chain
    .with('url-filter')
    .some(
      (filter) =>
        filter.before(gate) &&
        filter.mount.covers(gate.mount) &&
        filter.options.normalize !== false &&
        !isDryRun(filter),
    );
}

function isGiven({ options }: Link, option: string): boolean {
  const value = options[option];
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}

/** More than a few hosts: a network of more than 256 addresses (IPv6: more than one /64), or all names of the inside. */
function isWide(range: string): boolean {
  const bits = /\/(\d+)$/.exec(range)?.[1];
  if (bits === undefined) return allInside.test(range);
  return Number(bits) < (range.includes(':') ? 64 : 24);
}

const allInside = /^(?:\*\.)?(?:internal|intranet|local|lan|corp|home|private)$/i;

/** Metadata services of clouds, and this machine itself. */
function isSensitive(range: string): boolean {
  return sensitive.test(range);
}

const sensitive =
  /^(?:169\.254\.|168\.63\.129\.16|100\.100\.100\.200|fd00:ec2:|127\.|::1$|localhost$)/i;

/** Networks so large that they leave nobody out. */
function isAnybody(clients: unknown): boolean {
  return [clients].flat().some((range) => {
    const bits = /\/(\d+)$/.exec(String(range))?.[1];
    return bits !== undefined && Number(bits) < (String(range).includes(':') ? 7 : 8);
  });
}
