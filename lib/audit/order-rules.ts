import { cannotGoOn, isMoreThanAProbe, lateComers, rewritesFor, sendsPages } from './answering.ts';
import type { Chain } from './chain.ts';
import { rule, type Rule } from './finding.ts';
import { isGuarded } from './guarding.ts';
import type { Link } from './link.ts';
import type { Mount } from './mount.ts';
import type { Role } from './roles.ts';

/** Orders in which a request meets the handlers that do not do what they look like. */
export const orderRules: readonly Rule[] = [
  rule('cache-before-gate', 'error', function* (chain) {
    for (const [gate, cache] of pairs(chain, ['gate'], ['cache', 'foreign-cache']))
      yield {
        // Behind another gate not everybody gets there.
        ...(isGuarded(chain, cache, cache.mount) && { severity: 'warning' as const }),
        where: cache.where,
        why: `it stands before the gate ${gate.where}: what one user may see is stored, and given to those whom the gate would refuse`,
        remedy: `mount ${gate.name} before ${cache.name}`,
      };
  }),
  rule('foreign-cache-behind-gate', 'error', function* (chain) {
    for (const [cache, gate] of pairs(chain, ['foreign-cache'], ['gate']))
      yield {
        where: cache.where,
        why: `the user that ${gate.where} has found is not part of its key: one user gets the answers of another`,
        remedy: "use cache(), or sekisho/apicache, which has apicache's API",
      };
  }),
  rule('cache-outside-compression', 'warning', function* (chain) {
    for (const [compression, cache] of pairs(chain, ['compression'], ['cache', 'foreign-cache']))
      yield {
        where: cache.where,
        why: `it stands around ${compression.where} and stores each answer once for every coding that clients ask for`,
        remedy: `mount ${compression.name} before ${cache.name}`,
      };
  }),
  rule('session-before-cache', 'warning', function* (chain) {
    for (const [cache, session] of pairs(chain, ['cache', 'foreign-cache'], ['session'])) {
      if (chain.variableOf(session, 'saveUninitializedSession') !== true) continue;
      yield {
        where: session.where,
        why: `with saveUninitialized every visitor gets a session and every answer a Set-Cookie, so that ${cache.where} stores little or, if it is careless, one visitor's session for all`,
        remedy: 'set saveUninitialized: false',
      };
    }
  }),
  rule('body-parser-before-forwarder', 'warning', function* (chain) {
    for (const parser of chain.with('body-parser')) {
      const forwarder = chain.forwarders.find(
        (one) => parser.before(one) && parser.meets(one) && !endsBetween(chain, parser, one),
      );
      if (forwarder === undefined) continue;
      yield {
        where: parser.where,
        why: `it reads the bodies that ${forwarder.where} should forward: they are held in memory, limited to its limit, and written anew, which is not always possible`,
        remedy: `mount ${parser.name} after the forwarder, or at the paths that need it`,
      };
    }
  }),
  rule('limiter-after-gate', 'warning', function* (chain) {
    for (const [limiter, gate] of pairs(chain, ['limiter'], ['gate'])) {
      const limited = chain.with('limiter').some((one) => one.before(gate) && one.meets(gate));
      if (limited || gate.options.lockout === true) continue;
      yield {
        where: limiter.where,
        why: `${gate.where} refuses before it: guessing passwords is not limited`,
        remedy: `mount ${limiter.name} before ${gate.name}`,
      };
    }
  }),
  rule('cors-after-gate', 'warning', function* (chain) {
    for (const [cors, gate] of pairs(chain, ['cors'], ['gate'])) {
      const allowed = chain.with('cors').some((one) => one.before(gate) && one.meets(gate));
      if (allowed || gate.options.preflight === 'pass') continue;
      yield {
        where: cors.where,
        why: `${gate.where} answers preflights with 401 before it: they never bear credentials`,
        remedy: `mount ${cors.name} before ${gate.name}`,
      };
    }
  }),
  rule('fallback-before-forwarder', 'error', function* (chain) {
    const answering = chain.links.filter(
      (one) => one.role === 'route' || one.role === 'fallback' || cannotGoOn(one),
    );
    for (const forwarder of chain.forwarders)
      for (const { mount } of forwarder.ways) {
        const fallback = answering.find(
          (one) =>
            one.before(forwarder) &&
            // Whatever its method is: what is sent to another site must not get here either.
            (forwarder.role === 'forward-proxy' || sendsPages(one)) &&
            !rewritesFor(one, mount) &&
            one.mount.covers(mount),
        );
        if (fallback === undefined) continue;
        yield {
          where: fallback.where,
          why: `it answers every path, so nothing gets to ${forwarder.name} at ${mount.text}`,
          remedy: `mount ${forwarder.name} before it`,
        };
      }
  }),
  rule('log-after-answer', 'warning', function* (chain) {
    for (const [log, answering] of lateComers(chain, ['log'], isMoreThanAProbe))
      yield {
        where: log.where,
        why: `what ${answering.where} answers never gets to it and is not logged`,
        remedy: `mount ${log.name} first`,
      };
  }),
  rule('headers-after-answer', 'warning', function* (chain) {
    for (const [headers, answering] of lateComers(chain, ['security-headers', 'https-redirect']))
      yield {
        where: headers.where,
        why: `what ${answering.where} answers goes without it`,
        remedy: `mount ${headers.name} before ${answering.name}`,
      };
  }),
  rule('gate-after-forwarder', 'error', function* (chain) {
    for (const gate of chain.with('gate', 'url-filter', 'egress-guard')) {
      const forwarder = chain.forwarders.find((one) => escapes(one, gate));
      if (forwarder === undefined) continue;
      // Where it guards something behind it, the order is meant: the forwarder's paths are public.
      if (chain.links.some((one) => gate.before(one) && isWorthGuarding(one, gate))) continue;
      yield {
        where: gate.where,
        why: `${forwarder.where} has forwarded the request before it is asked`,
        remedy: `mount ${gate.name} before ${forwarder.name}`,
      };
    }
  }),
  rule('unreachable', 'warning', function* (chain) {
    const terminals = chain.forwarders.filter(isTerminal);
    for (const later of chain.links) {
      if (toldElsewhere.has(later.role)) continue;
      const forwarder = terminals.find(
        (one) => one.before(later) && coversMethods(one, later) && coversAll(one, later.mount),
      );
      if (forwarder === undefined) continue;
      yield {
        where: later.where,
        why: `${forwarder.where} answers everything that could get here`,
        remedy: `mount ${later.name} before ${forwarder.name}, give ${forwarder.name} a path of its own, or let some statuses through with fallthrough`,
      };
    }
  }),
  rule('no-error-handler', 'info', function* (chain) {
    const forwarder = chain.forwarders.findLast(
      (one) =>
        !chain
          .with('error-handler')
          .some((handler) => one.before(handler) && handler.mount.overlaps(one.mount)),
    );
    if (forwarder === undefined) return;
    yield {
      where: forwarder.where,
      why: "its failures go to Express' own handler, whose page says nothing of use and, in development, shows stacks",
      remedy: 'mount errorPages() last',
    };
  }),
];

/** Each of the first kind with the nearest before it of the second that a request meets as well. */
function* pairs(
  chain: Chain,
  later: readonly Role[],
  earlier: readonly Role[],
): Iterable<readonly [Link, Link]> {
  const before = chain.with(...earlier);
  for (const link of chain.with(...later)) {
    const found = before.findLast(
      (one) => one.before(link) && one.meets(link) && !endsBetween(chain, one, link),
    );
    if (found !== undefined) yield [link, found];
  }
}

/** The forwarder stands before the gate, on paths that the gate is mounted for. */
function escapes(forwarder: Link, gate: Link): boolean {
  return (
    forwarder.role !== 'forward-proxy' &&
    forwarder.before(gate) &&
    forwarder.sharesMethods(gate) &&
    forwarder.ways.some(({ mount }) => gate.mount.covers(mount) || mount.covers(gate.mount))
  );
}

function isWorthGuarding(link: Link, gate: Link): boolean {
  const answering = link.forwards || ['route', 'page', 'static', 'fallback'].includes(link.role);
  return answering && link.meets(gate);
}

/** Their place is judged by rules of their own, or does not matter. */
const toldElsewhere: ReadonlySet<Role> = new Set([
  'error-handler',
  'log',
  'gate',
  'url-filter',
  'egress-guard',
  'security-headers',
  'https-redirect',
  'router',
  'app',
]);

/** What it does with a path it does not take, http-proxy-middleware keeps to itself. */
function isTerminal({ role, ways }: Link): boolean {
  if (role !== 'forwarder') return false;
  return ways.every(({ way }) => {
    const { fallthrough } = way.options as { fallthrough?: readonly number[] };
    return (fallthrough?.length ?? 0) === 0 && way.host === undefined;
  });
}

function coversAll(forwarder: Link, mount: Mount): boolean {
  return forwarder.ways.some((way) => way.mount.covers(mount));
}

function coversMethods({ methods: own }: Link, { methods }: Pick<Link, 'methods'>): boolean {
  if (own === undefined) return true;
  return methods !== undefined && [...methods].every((method) => own.has(method));
}

/** What meets the earlier one never comes to the later one: something between answers all of it. */
function endsBetween(chain: Chain, earlier: Link, later: Link): boolean {
  const inner = later.mount.covers(earlier.mount) ? earlier : later;
  const methods = earlier.methods ?? later.methods;
  for (let at = earlier.index; at < later.index - 1; at++) {
    const link = chain.links[at] as Link;
    if (link.role !== 'route' && !isTerminal(link)) continue;
    if (coversMethods(link, { methods }) && coversAll(link, inner.mount)) return true;
  }
  return false;
}
