import type { Request, Response } from 'express';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { contextOf } from '../context.ts';
import { tellWitnesses } from '../observing/witness.ts';
import { appOn } from './attachments.ts';
import { prototypesOf } from './express-classes.ts';

/** Shows a request that the server answers by itself to the observers of its app, so that logs have a line of it. */
export function showRefused(server: Server, req: IncomingMessage, res: ServerResponse): void {
  const app = appOn(server);
  if (app === undefined) return;
  const seen = asExpressDoes(app, req, res);
  if (seen !== undefined) tellWitnesses(app, seen.req, seen.res);
}

/** Functions of a log's user are to find the methods and members that they know. */
function asExpressDoes(
  app: object,
  req: IncomingMessage,
  res: ServerResponse,
): { readonly req: Request; readonly res: Response } | undefined {
  const prototypes = prototypesOf(app as RequestListener);
  if (prototypes === undefined) return undefined;
  const seen = {
    req: Object.setPrototypeOf(req, prototypes.request) as Request,
    res: Object.setPrototypeOf(res, prototypes.response) as Response,
  };
  seen.req.res = seen.res;
  // Without credentials that stand in a malformed target.
  const { target } = contextOf(req).transaction;
  seen.req.originalUrl = target;
  if (!seen.req.url.startsWith('/')) seen.req.url = target;
  (seen.res as { locals?: object }).locals ??= {};
  return seen;
}
