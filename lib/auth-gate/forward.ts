import type { Request, Response } from 'express';
import { contextOf } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { reserveIdentityField } from '../core/http/field-kinds.ts';
import { Asker, type Answer } from '../core/upstream/ask.ts';
import { warn } from '../core/warn.ts';
import { readBasicCredentials } from './basic-credentials.ts';
import { credentialsField } from './credentials.ts';
import { isPromise } from './decision.ts';
import { sendRefusal, valuesOf } from './forward-answer.ts';
import { RecentlyRight, Verdicts } from './forward-memory.ts';
import type { ParsedForwardOptions } from './forward-options.ts';
import { questioner } from './forward-question.ts';
import { mergeFields, readUser } from './forward-user.ts';
import type { Scheme, Verdict } from './scheme.ts';

export { forwardField, type ForwardCacheOptions, type ForwardOptions } from './forward-options.ts';
export { mergeFields } from './forward-user.ts';

/** Questions at a time. */
const mostQuestions = 1000;

export interface ForwardSurroundings {
  /** Whether servers behind get the Authorization of a request that has passed. */
  readonly keepsCredentials: boolean;
  /** The gate only reports. */
  readonly dryRun: boolean;
  /** What the other schemes of the gate say in a 401. */
  readonly challenges: (req: Request) => readonly string[];
}

/**
 * The scheme that leaves the judgement to an auth server. From now on no route of this process hands on what a client says in
 * the fields of `copyHeaders`, unless the gate only reports.
 */
export function forwardScheme(
  settings: ParsedForwardOptions,
  { keepsCredentials, dryRun, challenges }: ForwardSurroundings,
): Scheme {
  const { url, copyHeaders, cookies, timeout, maxSize, tls, cache } = settings;
  const consumed = new Set<string>(keepsCredentials ? [] : ['authorization']);
  for (const { to } of copyHeaders)
    // Not a field of the identity's: elsewhere clients have an Authorization of their own.
    if (to.toLowerCase() === 'authorization') consumed.add('authorization');
    else if (!dryRun) reserveIdentityField(to);
  const questionOf = questioner(settings);
  const asker = new Asker(url, { timeout, maxSize, tls, most: mostQuestions });
  const verdicts = cache === false ? undefined : new Verdicts(cache);
  const right = new RecentlyRight();

  /** The answer to the question; the client's end is the question's. */
  function ask(question: readonly string[], res: Response): Promise<Answer> {
    const { answer, cancel } = asker.ask(question);
    if (res.destroyed) cancel();
    res.once('close', cancel);
    return answer.finally(() => res.off('close', cancel));
  }

  function pass({ fields }: Answer, req: Request, res: Response): Verdict {
    const context = contextOf(req);
    const { user, copies } = readUser(fields, settings);
    const verdict: Verdict = { kind: 'user', user };
    // Cookies and Authorization of a forward proxy's client are the site's that it asks for.
    if (context.proxied || dryRun) return verdict;
    for (const name of consumed) context.consume.add(name);
    for (const name of cookies) context.consumeCookies.add(name);
    if (copies.length > 0) context.identity = mergeFields(context.identity, copies);
    if (!res.headersSent)
      for (const cookie of valuesOf(fields, 'set-cookie')) res.appendHeader('Set-Cookie', cookie);
    return verdict;
  }

  /** A refusal goes to the client as it is, unless it cannot or must not. */
  function refuse(answer: Answer, req: Request, res: Response): Verdict {
    const { status } = answer;
    const reason = `the auth server answered ${status}`;
    const { proxied } = contextOf(req);
    if (dryRun || proxied) {
      const presented = req.headers[credentialsField(req)] !== undefined;
      if (status === 401)
        return presented ? { kind: 'refused', reason, counts: false } : { kind: 'absent' };
      // The client of a forward proxy would take a login page for one of the site that it asks for.
      if (status < 400 && !proxied) return { kind: 'absent' };
      return {
        kind: 'failed',
        error: new ProxyError('ERR_SEKISHO_AUTH_DENIED', { detail: reason }),
      };
    }
    if (!res.headersSent && !res.destroyed)
      sendRefusal(answer, status === 401 ? challenges(req) : [], req, res);
    return { kind: 'answered', reason };
  }

  return {
    name: 'forward',
    authenticate(req, res, attempt): Verdict | Promise<Verdict> {
      let question: string[];
      try {
        question = questionOf(req);
      } catch (error) {
        return failed(error);
      }
      const digest = verdicts?.digest(question);
      const guess = guessOf(req);
      const known = guess === undefined ? undefined : right.digest(guess.credentials);
      let refusal: Answer | undefined;

      const conclude = (answer: Answer): Verdict => {
        if (answer.status < 300) {
          if (known !== undefined) right.add(known);
          return pass(answer, req, res);
        }
        refusal = answer;
        // Only this is the verdict of wrong credentials, and counts.
        return answer.status === 401
          ? { kind: 'refused', reason: 'wrong credentials' }
          : { kind: 'answered' };
      };
      const judge = (): Verdict | Promise<Verdict> => {
        const kept = digest === undefined ? undefined : verdicts?.get(digest);
        if (kept !== undefined) return conclude(kept);
        return ask(question, res).then(
          (answer) => {
            const problem = problemOf(answer);
            if (problem !== undefined) return unavailable(problem, 502);
            if (digest !== undefined) verdicts?.set(digest, answer);
            return conclude(answer);
          },
          (error: unknown) => (isGone(error) ? gone : failed(error)),
        );
      };
      const deliver = (verdict: Verdict): Verdict =>
        refusal === undefined || verdict.kind === 'failed' ? verdict : refuse(refusal, req, res);

      const verdict =
        guess === undefined || known === undefined
          ? judge()
          : attempt.guard(guess.name ?? '', right.has(known), judge);
      return isPromise(verdict) ? verdict.then(deliver) : deliver(verdict);
    },
    challenge: () => undefined,
    close() {
      asker.close();
    },
  };
}

/** The client has gone: there is nobody to answer. */
const gone: Verdict = { kind: 'answered', reason: 'the client went away' };

interface Guess {
  readonly credentials: string;
  readonly name: string | undefined;
}

/** Name and password: what can be guessed. Whatever some server could read as them counts. */
function guessOf(req: Request): Guess | undefined {
  const credentials = req.headers[credentialsField(req)];
  if (credentials === undefined || !/^\s*basic\b/i.test(credentials)) return undefined;
  const read = readBasicCredentials(credentials.replace(/^\s*basic\s*/i, ''));
  return { credentials, name: 'name' in read ? read.name : undefined };
}

/** Why an answer is no verdict; undefined when it is one. */
function problemOf({ status, fields }: Answer): string | undefined {
  // A 304 needs a condition, which the question does not have; a 407 is for clients of a proxy.
  if (status >= 500 || status === 304 || status === 407) return `it answered ${status}`;
  if (status < 300 && valuesOf(fields, 'authorization').length > 1)
    return 'it answered with several Authorization fields';
  return undefined;
}

function isGone(error: unknown): boolean {
  return error instanceof ProxyError && error.code === 'ERR_SEKISHO_CLIENT_ABORTED';
}

/** What went wrong with asking: of the auth server 502 when it has answered, else 503; of the request its own. */
function failed(error: unknown): Verdict {
  if (!(error instanceof ProxyError)) return unavailable(String(error), 502, error);
  if (error.code === 'ERR_SEKISHO_LOOP' && error.detail !== undefined)
    warn('SEKISHO_AUTH_LOOP', `authGate: ${error.detail}`);
  if (error.source === 'client') return { kind: 'failed', error };
  const answered = error.code === 'ERR_SEKISHO_UPSTREAM_PROTOCOL' || error.stage === 'body';
  const late = error.code.endsWith('_TIMEOUT');
  return unavailable(error.detail ?? error.code, answered && !late ? 502 : 503, error);
}

function unavailable(detail: string, status: number, cause?: unknown): Verdict {
  const error = new ProxyError('ERR_SEKISHO_AUTH_UNAVAILABLE', {
    status,
    detail: `forward: ${detail}`,
    ...(cause === undefined ? {} : { cause }),
  });
  return { kind: 'failed', error };
}
