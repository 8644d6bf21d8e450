import type { Request } from 'express';
import type { LeadQuestion } from '../middleware.ts';
import type { Target } from './forward-options.ts';
import type { ForwardPlan } from './forwarding.ts';
import { requestPath } from './request-path.ts';

/**
 * The URLs a request would become, one for each server of the pool. Functions of the user's (a target, a
 * `pathRewrite`) are named and not called.
 *
 * @throws {ProxyError} ERR_SEKISHO_BAD_PATH and others, as the request itself would meet
 */
export function leadsTo(
  { options, targets }: ForwardPlan,
  target: Target,
  { host, mount, path, original }: LeadQuestion,
  prefix: string,
): readonly string[] {
  const { keepPrefix, pathRewrite } = options;
  const decides = typeof pathRewrite === 'function' ? pathRewrite : undefined;
  // All that requestPath reads of a request.
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
  const req = { url: path, baseUrl: mount, originalUrl: original, method: 'GET' } as Request;
  const way = requestPath(req, prefix, host, {
    keepPrefix,
    pathRewrite: decides === undefined ? pathRewrite : undefined,
  });
  const shown = decides === undefined ? way : `${way} (then ${named('pathRewrite', decides)})`;
  if (targets.fixed === undefined) return [`(${named('target', target)})${shown}`];
  return targets.fixed.pool.servers.map(({ origin, base, url }) =>
    url.protocol === 'unix:' ? `unix:${url.pathname} ${shown}` : origin + base + shown,
  );
}

function named(option: string, value: unknown): string {
  const name = typeof value === 'function' ? value.name : '';
  return name === '' || name === option ? `function ${option}` : `function ${option} ${name}`;
}
