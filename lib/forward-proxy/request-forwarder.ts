import type { Request } from 'express';
import { contextOf, type Destination } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import type { Verdict } from '../core/upstream/destination/verdict.ts';
import { createForwarder, type ForwardHooks, type Forwarder } from '../core/upstream/forward.ts';
import { PinnedPools } from '../core/upstream/pinned-pools.ts';
import type { TimeoutOptions } from '../core/upstream/pool-options.ts';
import type { Upstream } from '../core/upstream/upstream.ts';
import type { ParentProxy } from './parent.ts';

const pathless = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*$/i;

export interface RequestForwarderPlan {
  readonly judge: (req: Request) => Verdict | Promise<Verdict>;
  readonly timeouts: TimeoutOptions;
  readonly pseudonym: string;
  readonly parent: ParentProxy | undefined;
}

/** Forwards requests in absolute-form: to the addresses that were checked, or to the parent proxy. */
export function requestForwarder({
  judge,
  timeouts,
  pseudonym,
  parent,
}: RequestForwarderPlan): Pick<Forwarder, 'close'> & ((...args: Parameters<Forwarder>) => void) {
  const pools = new PinnedPools(timeouts);

  function enter(req: Request, verdict: Verdict): Upstream {
    const addresses = addressesOf(verdict);
    if (parent !== undefined)
      return pools.find({
        authority: parent.name,
        port: parent.port,
        addresses: [parent.hostname],
      });
    const destination = destinationOf(req);
    return pools.find({ authority: authorityOf(destination), port: destination.port, addresses });
  }

  const forwarder = createForwarder(
    'forwardProxy',
    (req) => {
      const verdict = judge(req);
      return verdict instanceof Promise
        ? verdict.then((settled) => enter(req, settled))
        : enter(req, verdict);
    },
    {
      // Whose request it is is nobody's business out there.
      forwarded: false,
      via: pseudonym,
      keepPrefix: true,
      pathRewrite: (_path, req) => (asksTheServer(req) ? '*' : destinationOf(req).path),
      ...(parent && { on: hooksFor(parent) }),
    },
  );
  const close = async (): Promise<void> => {
    await Promise.all([pools.close(), forwarder.close()]);
  };
  return Object.assign(
    (...args: Parameters<Forwarder>) => {
      forwarder(...args);
    },
    { close },
  );
}

/** @throws {ProxyError} why there are none */
export function addressesOf(verdict: Verdict): readonly string[] {
  if (verdict.allow) return verdict.addresses;
  const { code, status, reason: detail } = verdict;
  throw new ProxyError(code, { status, detail });
}

/**
 * OPTIONS of a URL without a path is for the server as a whole; the last proxy says so by `*` (RFC 9112 §3.2.4), as the
 * client itself does inside of a tunnel.
 */
function asksTheServer({ method, originalUrl }: Request): boolean {
  return method === 'OPTIONS' && (originalUrl === '*' || pathless.test(originalUrl));
}

function destinationOf(req: Request): Destination {
  return contextOf(req).destination as Destination;
}

/** As in a URL: the port of http is left out. */
function authorityOf({ hostname, port }: Destination): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  return port === 80 ? host : `${host}:${port}`;
}

/** What a request to another proxy has. Last of all, so that no wrapper sees our credentials. */
function hooksFor({ authorization }: ParentProxy): ForwardHooks {
  return {
    request(draft, req) {
      const destination = destinationOf(req);
      const authority = authorityOf(destination);
      draft.path = `http://${authority}${draft.path === '*' ? '' : destination.path}`;
      draft.headers.set('Host', authority);
      if (authorization !== undefined) draft.headers.set('Proxy-Authorization', authorization);
    },
  };
}
