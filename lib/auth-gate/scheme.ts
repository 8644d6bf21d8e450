import type { Request, Response } from 'express';
import type { AuthenticatedUser } from '../core/context.ts';
import type { ProxyError } from '../core/errors.ts';

/** What a scheme makes of a request. */
export type Verdict =
  | {
      /** The request has no credentials of this scheme. */
      readonly kind: 'absent';
      /** For the log, where it has some that count as none: a session that is over. */
      readonly reason?: string;
    }
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
      /** No guess, e.g. a token that was right until it expired: `lockout` does not count it. */
      readonly counts?: false;
    }
  /** Could not be judged (an auth server is down): answered with this error, never a pass. */
  | { readonly kind: 'failed'; readonly error: ProxyError; readonly name?: string }
  /** The scheme has answered by itself: a login page, a redirect, the auth server's own refusal. */
  | {
      readonly kind: 'answered';
      /** For the log. */
      readonly reason?: string;
    };

/** What the gate lends a scheme while it judges one request. */
export interface Attempt {
  /**
   * The gate only reports: a scheme that would answer by itself (`answered`) says `refused` or `absent` instead, consumes nothing
   * and tells servers behind nothing.
   */
  readonly dryRun: boolean;
  /**
   * Runs a judgement of guessable credentials under `lockout`: `judge` is not called while user or address are locked,
   * and its `refused` is counted. A scheme that does not call it has its `refused` counted afterwards.
   *
   * @param name whom the client claims to be
   * @param known these very credentials have been right a short while ago: no guess, and judged without waiting
   */
  guard(
    name: string,
    known: boolean,
    judge: () => Verdict | Promise<Verdict>,
  ): Verdict | Promise<Verdict>;
}

/** What a scheme says in the body of its refusal. */
export interface RefusalBody {
  /** A string is sent as it is (`text/html`, as Express does), all else as JSON. */
  readonly body: unknown;
}

/** One way of telling who the user is. */
export interface Scheme {
  readonly name: AuthenticatedUser['scheme'];
  /** Judges the request; marks what it consumed in the context (`consume`, `consumeCookies`). Never rejects. */
  authenticate(req: Request, res: Response, attempt: Attempt): Verdict | Promise<Verdict>;
  /** Value of `WWW-Authenticate` or `Proxy-Authenticate`; undefined when the scheme has none. */
  challenge(
    req: Request,
    refused: Extract<Verdict, { kind: 'refused' }> | undefined,
  ): string | undefined;
  /** The body of a 401 or 407, when the scheme's options state one; else the error goes to Express' error handlers. */
  refusalBody?(
    req: Request,
    refused: Extract<Verdict, { kind: 'refused' }> | undefined,
  ): RefusalBody | undefined;
  /**
   * Nobody had credentials: the scheme may answer by itself, e.g. send a browser to a login page.
   *
   * @returns whether it has answered
   */
  begin?(req: Request, res: Response): boolean | Promise<boolean>;
  close?(): void;
}
