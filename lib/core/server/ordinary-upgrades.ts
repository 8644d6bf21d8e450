import type { IncomingMessage, Server } from 'node:http';

/** Protocols that clients offer unasked (Java's HttpClient, `curl --http2`) and that an HTTP/1.1 server may ignore. */
const ignorable = /^(?:h2c?|http\/[\d.]+|tls\/[\d.]+)$/i;

/**
 * Whether the Upgrade field of a request is to be ignored (RFC 9110 §7.8), so that the request is an
 * ordinary one: only offers of another HTTP or of TLS, or an upgrade by HTTP/1.0.
 */
export function ignoresUpgrade(req: IncomingMessage): boolean {
  if (req.httpVersionMajor === 1 && req.httpVersionMinor === 0) return true;
  const offers = (req.headers.upgrade ?? '').split(',').map((offer) => offer.trim());
  return offers.every((offer) => offer === '' || ignorable.test(offer));
}

interface UpgradeDecider {
  shouldUpgradeCallback?: (req: IncomingMessage) => boolean;
}

/** Keeps such requests ordinary, where node can be told so (22.21, 24.9 and later). */
export function keepOrdinary(server: Server): void {
  const decider = server as UpgradeDecider;
  const decide = decider.shouldUpgradeCallback;
  if (typeof decide !== 'function') return;
  decider.shouldUpgradeCallback = (req) => !ignoresUpgrade(req) && decide.call(server, req);
}
