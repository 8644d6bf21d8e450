import type { NextFunction, Request, Response } from 'express';
import { contextOf } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { failWith } from '../core/fail-with.ts';
import type { Decision } from './judge.ts';
import type { RefusalBody, Scheme } from './scheme.ts';

/** Answers a request that may not pass: through the error handlers, save where a scheme's options state a body. */
export function refuseRequest(
  decision: Decision,
  schemes: readonly Scheme[],
  req: Request,
  res: Response,
  next: NextFunction,
): void {
  const error = errorOf(decision, req);
  // On the answer itself, so that error handlers that know nothing of fields send them, too.
  for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
  res.setHeader('Cache-Control', 'no-store');
  if (error.status !== 401 && error.status !== 407) {
    failWith(error, req, next);
    return;
  }
  challenge(decision, schemes, req, res);
  const stated = statedBody(decision, schemes, req);
  if (stated?.body === undefined) {
    failWith(error, req, next);
    return;
  }
  contextOf(req).refused(error);
  res.status(error.status);
  if (typeof stated.body === 'string') res.send(stated.body);
  else res.json(stated.body);
}

function errorOf({ outcome, error, reason }: Decision, req: Request): ProxyError {
  if (error !== undefined) return error;
  const detail = reason ?? outcome;
  if (outcome === 'denied') return new ProxyError('ERR_SEKISHO_AUTH_DENIED', { detail });
  return contextOf(req).proxied
    ? new ProxyError('ERR_SEKISHO_PROXY_AUTH_REQUIRED', { detail })
    : new ProxyError('ERR_SEKISHO_AUTH_REQUIRED', { detail });
}

/** RFC 9110 §11.6.1, §11.7.1: every scheme is offered; a line each, since not every client can split a list of them. */
function challenge(
  { scheme: judge, refused }: Decision,
  schemes: readonly Scheme[],
  req: Request,
  res: Response,
): void {
  const challenges = schemes
    .map((scheme) => scheme.challenge(req, scheme === judge ? refused : undefined))
    .filter((value) => value !== undefined);
  if (challenges.length === 0) return;
  res.setHeader(contextOf(req).proxied ? 'Proxy-Authenticate' : 'WWW-Authenticate', challenges);
}

/** The scheme that refused has the word; where none had credentials, the first one with something to say. */
function statedBody(
  { scheme: judge, refused }: Decision,
  schemes: readonly Scheme[],
  req: Request,
): RefusalBody | undefined {
  for (const scheme of judge === undefined ? schemes : [judge])
    try {
      const stated = scheme.refusalBody?.(req, refused);
      if (stated !== undefined) return stated;
    } catch {
      // The caller's function failed: the refusal stands, with the body of the error handlers.
    }
  return undefined;
}
