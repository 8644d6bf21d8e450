import type { Chain } from './chain.ts';
import { rule, type Rule, type Surroundings } from './finding.ts';
import { settingsOf } from './foreign-proxy.ts';
import type { Link } from './link.ts';
import { nameOf, ownValue } from './roles.ts';

/** What goes over the wires around the proxy. */
export const transportRules: readonly Rule[] = [
  rule('tls-unverified', 'error', function* (chain, { environment }) {
    if (environment.NODE_TLS_REJECT_UNAUTHORIZED === '0')
      yield {
        where: 'process',
        why: 'NODE_TLS_REJECT_UNAUTHORIZED is 0: no certificate of any server is checked',
        remedy:
          'unset it, and name the authority of your servers with NODE_EXTRA_CA_CERTS or tls.ca',
      };
    for (const forwarder of chain.forwarders)
      for (const { way } of forwarder.ways) {
        if (!isUnverified(way.options)) continue;
        yield {
          where: forwarder.where,
          why: 'rejectUnauthorized is false: whoever stands between reads and changes what is forwarded, credentials, too',
          remedy:
            'set tls.ca to the authority of the servers, and tls.servername if their name differs',
        };
      }
    for (const forwarder of chain.with('foreign-forwarder')) {
      const settings = settingsOf(forwarder);
      if (settings === undefined || !isInsecure(settings)) continue;
      yield {
        where: forwarder.where,
        why: 'secure is false: whoever stands between reads and changes what is forwarded, credentials, too',
        remedy: 'leave secure out, and give target an object with the ca of the servers',
      };
    }
  }),
  rule('basic-without-tls', 'warning', function* (chain, surroundings) {
    for (const gate of chain.with('gate')) {
      if (!asksForPasswords(gate) || isEncrypted(chain, gate, surroundings)) continue;
      yield {
        where: gate.where,
        why: 'it asks for passwords, and nothing here says that they come over TLS: everybody on the way can read them',
        remedy:
          "serve(app, { tls }), or mount httpsRedirect() before it, or set 'trust proxy' when TLS ends in front",
        // A server that is not known may well have TLS, and clients of a forward proxy mostly speak plain HTTP to it.
        ...((surroundings.server === undefined || guardsOnlyForwardProxies(chain, gate)) && {
          severity: 'info' as const,
        }),
      };
    }
  }),
  rule('hsts-on-http', 'info', function* (chain, { server }) {
    if (server === undefined || server.secure || server.loopback) return;
    for (const headers of chain.with('security-headers')) {
      // What helmet() was told is not to be seen.
      if (headers.info === undefined || isTrusting(headers)) continue;
      if (headers.options.strictTransportSecurity === false || headers.options.hsts === false)
        continue;
      yield {
        where: headers.where,
        why: 'it sends Strict-Transport-Security over plain HTTP, where browsers ignore it (RFC 6797 §7.2)',
        remedy: 'serve(app, { tls }), or set strictTransportSecurity: false here',
      };
    }
  }),
  rule('upgrade-without-attach', 'warning', function* (chain, { server }) {
    if (server !== undefined) return;
    for (const forwarder of chain.with('forwarder')) {
      if (!forwarder.ways.some(({ way }) => way.options.ws === true)) continue;
      yield {
        where: forwarder.where,
        why: 'ws is set, and no server has been attached: WebSockets never get to the app',
        remedy: 'attach(app.listen(…)), or serve(app)',
      };
    }
    for (const forwarder of chain.with('foreign-forwarder')) {
      if (!wantsUpgrades(forwarder)) continue;
      const gate = chain.with('gate').find((one) => one.before(forwarder) && one.meets(forwarder));
      if (gate === undefined) continue;
      yield {
        where: forwarder.where,
        why: `ws is true, and no server has been attached: it takes WebSockets from the server itself, and ${gate.where} sees none of them`,
        remedy: 'forward with balancedProxy() instead, and attach(app.listen(…))',
      };
    }
  }),
  rule('upgrade-unanswered', 'warning', function* (chain, { server }) {
    if (server === undefined) return;
    for (const forwarder of chain.with('foreign-forwarder')) {
      if (!wantsUpgrades(forwarder)) continue;
      yield {
        where: forwarder.where,
        why: 'ws is true, and the server is attached: WebSockets come to it through the app, where it does not answer them, and are refused after a minute',
        remedy: 'forward with balancedProxy() instead',
      };
    }
  }),
  rule('compression-before-events', 'warning', function* (chain) {
    for (const compression of chain.with('compression')) {
      const events = chain.links.find(
        (link) => compression.before(link) && compression.meets(link) && sendsEvents(link),
      );
      if (events === undefined || hasOwnFilter(chain, compression)) continue;
      yield {
        where: compression.where,
        why: `it holds back the server-sent events of ${events.where} until its buffer is full`,
        remedy: `leave text/event-stream out with compression's filter, mount ${events.name} before it, or call res.flush()`,
      };
    }
  }),
];

function isUnverified({ tls, target }: Readonly<Record<string, unknown>>): boolean {
  return (
    rejects(tls) === false ||
    rejects(
      (target as { pool?: { options?: { tls?: unknown } } } | undefined)?.pool?.options?.tls,
    ) === false
  );
}

function wantsUpgrades(forwarder: Link): boolean {
  const settings = settingsOf(forwarder);
  return settings !== undefined && ownValue(settings, 'ws') === true;
}

/** Says so, and to servers that do have a certificate. */
function isInsecure(settings: object): boolean {
  const target = ownValue(settings, 'target');
  const isPlain = typeof target === 'string' && target.startsWith('http:');
  return ownValue(settings, 'secure') === false && !isPlain;
}

function rejects(tls: unknown): unknown {
  return (tls as { rejectUnauthorized?: unknown } | null | undefined)?.rejectUnauthorized;
}

function asksForPasswords({ name, options }: Link): boolean {
  const { schemes } = options as { schemes?: readonly unknown[] };
  return name === 'authMiddleware' || schemes?.includes('basic') === true;
}

function guardsOnlyForwardProxies(chain: Chain, gate: Link): boolean {
  const guarded = chain.forwarders.filter((one) => gate.before(one) && gate.meets(one));
  return guarded.length > 0 && guarded.every(({ role }) => role === 'forward-proxy');
}

function isEncrypted(chain: Chain, gate: Link, { server }: Surroundings): boolean {
  if (server?.secure === true || server?.loopback === true || isTrusting(gate)) return true;
  return chain
    .with('https-redirect')
    .some((redirect) => redirect.before(gate) && redirect.mount.covers(gate.mount));
}

function isTrusting({ app }: Link): boolean {
  const trust = app.get('trust proxy');
  return trust !== undefined && trust !== false && trust !== 0;
}

/** With a filter of the user's it may well leave events out. */
function hasOwnFilter(chain: Chain, compression: Link): boolean {
  const filter = chain.variableOf(compression, 'filter');
  return typeof filter === 'function' && nameOf(filter) !== 'shouldCompress';
}

/** Read, not run: the source of a handler of the app's that says so. */
function sendsEvents({ role, handler }: Link): boolean {
  if (role !== 'route' && role !== 'unknown') return false;
  const source = Function.prototype.toString.call(handler);
  return (
    source.includes('text/event-stream') &&
    !source.includes('.flush(') &&
    !source.includes('no-transform')
  );
}
