import type { Request, Response } from 'express';
import type { Dispatcher } from 'undici';
import { contextOf, type Context, type Interceptor } from '../core/context.ts';
import { asDirect } from '../core/exchange/contract.ts';
import { wrap } from '../core/local-exchange.ts';
import type { ProxyError } from '../core/errors.ts';
import { Answer } from './answer.ts';
import type { Guard } from './guard.ts';
import { headBytes, inspectHead } from './head.ts';
import { redact } from './redaction.ts';
import { sendInspected } from './request-side.ts';
import { subscriberOf, type Site } from './site.ts';
import { Verdict } from './verdict.ts';
import { Watch } from './watch.ts';

/** One request that passes the guard: what is known when it comes, and who looks at the rest of it. */
export class Visit {
  readonly guard: Guard;
  readonly req: Request;
  readonly verdict: Verdict;
  readonly #res: Response;
  readonly #context: Context;
  readonly #user: string;
  readonly #site: Site;
  readonly #watched: boolean;

  constructor(guard: Guard, req: Request, res: Response) {
    this.guard = guard;
    this.req = req;
    this.#res = res;
    const context = contextOf(req);
    this.#context = context;
    this.#user = context.user?.name ?? subscriberOf(req.ip);
    const hostname = context.destination?.hostname ?? hostOf(req);
    this.#site = guard.sites.of(hostname);
    this.#watched = !guard.destinations.isAllowed(hostname);
    this.verdict = new Verdict(guard, req, context, this.#user, this.#site);
  }

  /** @returns why the request goes no further */
  begin(): ProxyError | undefined {
    const { guard, req, verdict } = this;
    const { destination, transaction } = this.#context;
    const blind = req.method === 'CONNECT' || this.#context.upgrade !== undefined;
    transaction.inspection = blind || guard.kit.body.length === 0 ? 'metadata' : 'content';
    if (destination !== undefined && this.#watched)
      guard.destinations.judge(this.#site, destination, verdict.found);
    const up = guard.settings.direction === 'response' ? undefined : this.#watch('');
    const down = guard.settings.direction === 'request' ? undefined : this.#watch(' (answers)');
    if (up !== undefined) {
      up.opened();
      up.sent(req.method === 'CONNECT' ? 0 : headBytes(req));
      if (req.method !== 'CONNECT')
        inspectHead(guard, req, (finding, what) => {
          redact(transaction, req, finding.evidence);
          verdict.found(finding, what);
        });
    } else down?.sent(0);
    if (verdict.stopped) return verdict.error;
    if (blind) {
      this.#watchTunnel(up, down);
      // What answers an upgrade in place of a 101 is an answer as any other.
      if (down !== undefined && req.method !== 'CONNECT')
        wrap(req, this.#res, this.#interceptor(undefined, down), { refusedUpgrades: true });
    } else if ((up !== undefined && hasBody(req)) || down !== undefined)
      wrap(req, this.#res, this.#interceptor(up, down));
    return undefined;
  }

  #watch(suffix: string): Watch {
    return new Watch(this.guard, this.verdict, this.#user + suffix, this.#site, this.#watched);
  }

  #interceptor(up: Watch | undefined, down: Watch | undefined): Interceptor {
    return (dispatch) => (options, handler) => {
      const outer: Dispatcher.DispatchHandler =
        down === undefined ? handler : new Answer(down, asDirect(handler), this.req.method);
      if (up === undefined) return dispatch(options, outer);
      return sendInspected(up, this.req, dispatch, options, asDirect(outer));
    };
  }

  /** Who, where to, how much and when: of a tunnel nothing else is to be seen. */
  #watchTunnel(up: Watch | undefined, down: Watch | undefined): void {
    const { verdict, guard } = this;
    const pass = (): boolean => {
      if (!verdict.stopped) return true;
      verdict.cut();
      this.#context.transaction.error ??= verdict.error.code;
      return false;
    };
    (this.#context.tunnelGuards ??= []).push({
      onBytes(direction, bytes) {
        (direction === 'received' ? up : down)?.sent(bytes);
        return pass();
      },
      onServerName: (name) => {
        if (this.#watched && this.#context.destination !== undefined)
          guard.destinations.judgeServerName(this.#site, name, verdict.found);
        return pass();
      },
    });
  }
}

/** Express takes X-Forwarded-Host from a peer that it trusts. */
function hostOf(req: Request): string {
  const { hostname } = req as { hostname?: string };
  return (hostname ?? '').toLowerCase().replace(/^\[|\]$|\.$/g, '');
}

function hasBody({ headers, httpVersionMajor, method }: Request): boolean {
  if (headers['transfer-encoding'] !== undefined) return true;
  const length = headers['content-length'];
  if (length !== undefined) return length !== '0';
  return httpVersionMajor >= 2 && method !== 'GET' && method !== 'HEAD';
}
