import type { Request, Response } from 'express';
import type { AuthenticatedUser } from '../core/context.ts';
import type { ProxyError } from '../core/errors.ts';

/** What a scheme makes of a request. */
export type Verdict =
  /** The request has no credentials of this scheme. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'user'; readonly user: AuthenticatedUser }
  /** Credentials that are wrong: answered with a challenge, counted by `lockout`. */
  | {
      readonly kind: 'refused';
      /** For the log, without anything secret. */
      readonly reason: string;
      /** Whom the client claims to be, where that can be told. */
      readonly name?: string;
      /** RFC 6750 §3.1: `invalid_token` … */
      readonly error?: string;
    }
  /** Could not be judged (an auth server is down): answered with this error, never a pass. */
  | { readonly kind: 'failed'; readonly error: ProxyError }
  /** The scheme has answered by itself: a login page, a redirect, the auth server's own refusal. */
  | { readonly kind: 'answered' };

/** One way of telling who the user is. */
export interface Scheme {
  readonly name: AuthenticatedUser['scheme'];
  /** Judges the request; marks what it consumed in the context (`consume`, `consumeCookies`). Never rejects. */
  authenticate(req: Request, res: Response): Verdict | Promise<Verdict>;
  /** Value of `WWW-Authenticate` or `Proxy-Authenticate`; undefined when the scheme has none. */
  challenge(
    req: Request,
    refused: Extract<Verdict, { kind: 'refused' }> | undefined,
  ): string | undefined;
  /**
   * Nobody had credentials: the scheme may answer by itself, e.g. send a browser to a login page.
   *
   * @returns whether it has answered
   */
  begin?(req: Request, res: Response): boolean | Promise<boolean>;
  close?(): void;
}
