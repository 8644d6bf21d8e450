import type { Request } from 'express';
import { contextOf, type AuthenticatedUser } from '../core/context.ts';

/**
 * `req.auth` behind a gate: who the user is. There is no password in it. Of its members only `user` is sure to
 * be there in the type, because express-basic-auth declares a `req.auth` as well; a gate sets all that are known.
 */
export interface RequestAuth {
  /** The user's name, as express-basic-auth has it. */
  readonly user: string;
  readonly name?: string;
  readonly scheme?: AuthenticatedUser['scheme'];
  readonly email?: string | undefined;
  readonly groups?: readonly string[];
  readonly claims?: Readonly<Record<string, unknown>>;
}

declare global {
  // Express' own way to let middlewares declare what they set.
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace Express {
    interface Request {
      /** Set by `authGate()` when it has let the request pass. */
      auth?: RequestAuth;
    }
  }
}

/** Tells the handlers further down, and the log, who it is. */
export function announce(req: Request, user: AuthenticatedUser): void {
  const context = contextOf(req);
  const { name, scheme, email, groups, claims } = user;
  context.user = user;
  context.transaction.user = name;
  req.auth = { user: name, name, scheme, email, groups, claims };
}
