import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { LeadQuestion } from '../middleware.ts';
import { parseOptions } from '../options.ts';
import { preparer } from './adjustments.ts';
import { Forwarding, type ForwardPlan } from './forwarding.ts';
import { leadsTo } from './lead.ts';
import { forwarderSchema, type ForwarderOptions, type Target } from './forward-options.ts';
import { prepareChanges } from './request-fields.ts';
import { targetsOf } from './target.ts';

export type {
  ForwarderOptions,
  ForwardHooks,
  PathRewrite,
  RequestDraft,
  ResponseDraft,
  Target,
} from './forward-options.ts';

/** Sends requests on and ends the chain. */
export interface Forwarder extends RequestHandler {
  /** As the handler, for routers: `prefix` is taken off the path, beyond Express' mount path. */
  forward(req: Request, res: Response, next: NextFunction, prefix: string): void;
  /** @internal what a request would become, for `explain()`. */
  lead(question: LeadQuestion, prefix: string): readonly string[];
  /** Lets requests in flight finish and closes the pools this forwarder has made. */
  close(): Promise<void>;
}

/**
 * The forwarder behind `balancedProxy` and `prefixRouter`; `Forwarding` is what it does with each request.
 *
 * @throws {OptionsError} at once, when target or options are not what they should be
 */
export function createForwarder(
  middlewareName: string,
  target: Target,
  options: ForwarderOptions = {},
): Forwarder {
  const parsed = parseOptions(middlewareName, forwarderSchema, options);
  const plan: ForwardPlan = {
    options: parsed,
    targets: targetsOf(middlewareName, target, parsed, options),
    requestChanges: prepareChanges(parsed.headers.request),
    answerChanges: prepareChanges(parsed.headers.response),
    prepare: preparer(parsed),
    fallthrough: new Set(parsed.fallthrough),
    via: parsed.via === false ? undefined : `1.1 ${parsed.via}`,
  };

  function forward(req: Request, res: Response, next: NextFunction, prefix: string): void {
    new Forwarding(plan, req, res, next, prefix).start();
  }
  const forwarder: RequestHandler = (req, res, next) => {
    forward(req, res, next, '');
  };
  return Object.assign(forwarder, {
    forward,
    lead: (question: LeadQuestion, prefix: string) => leadsTo(plan, target, question, prefix),
    close: () => plan.targets.close(),
  });
}
