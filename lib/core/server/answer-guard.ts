import type { IncomingMessage, ServerResponse } from 'node:http';
import { contextOf, type AnswerGuard, type Context } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { cleanHead } from '../exchange/site-fields.ts';
import { recordRefusal } from './proxied-request.ts';
import { answerRefusal } from './refusal.ts';

const methods = ['writeHead', 'write', 'end'] as const;

/**
 * Stands before the answer to a proxied request until somebody claims it (`context.claim()`), so that no local
 * route answers in the name of a foreign server: with a page, a redirect, or with a 200 that makes a CONNECT a tunnel.
 * Such an answer, and a 404, which says no more than that no local route was meant, becomes a 421. Refusals by gates,
 * limiters and error pages pass.
 *
 * Once the request is refused (`context.refused()`) the app's error handlers speak: a 404 passes, too, and what is no
 * error becomes what the refusal itself says.
 *
 * Being below all functions that the app puts on the response, it has the last word on the head: of the fields that the app
 * sets for itself none gets into the answer of a site, and cookies into no answer at all.
 */
export function guardAnswer(req: IncomingMessage, res: ServerResponse): void {
  const context = contextOf(req);
  context.guard = new ResponseGuard(res, context);
}

type Answering = Pick<ServerResponse, (typeof methods)[number]>;

class ResponseGuard implements AnswerGuard {
  readonly #res: ServerResponse;
  readonly #context: Context;
  readonly #originals: Answering;
  readonly #own: Answering;
  /** `replaced`: what the local route writes goes nowhere. */
  #state: 'waiting' | 'passing' | 'replaced' = 'waiting';
  /** Where ours was the outermost function and has been taken away. */
  readonly #removed: (typeof methods)[number][] = [];
  /** In place of what does not pass. */
  #refusal: unknown;
  lifted = false;

  constructor(res: ServerResponse, context: Context) {
    this.#res = res;
    this.#context = context;
    // Called with the response as `this`.
    // eslint-disable-next-line @typescript-eslint/unbound-method
    const { writeHead, write, end } = res;
    this.#originals = { writeHead, write, end };
    this.#own = {
      writeHead: this.#guarded('writeHead'),
      write: this.#guarded('write'),
      end: this.#guarded('end'),
    };
    Object.assign(res, this.#own);
  }

  lift(): void {
    this.lifted = true;
    if (this.#state === 'waiting') this.#state = 'passing';
  }

  settle(): void {
    // A function that somebody has put around ours (compression, sessions, loggers) stays, and ours below it; where nobody
    // has, the answer is written fast.
    for (const method of methods)
      if (this.#res[method] === this.#own[method]) {
        Reflect.deleteProperty(this.#res, method);
        this.#removed.push(method);
      }
  }

  /** @param error what an answer that is none to a refused request is replaced by */
  refuse(error: unknown): void {
    if (this.#state === 'replaced' || this.#res.headersSent) return;
    this.#refusal = error;
    this.#state = 'waiting';
    this.lifted = false;
    for (const method of this.#removed.splice(0)) this.#putBack(method);
  }

  /** Around what others have put there since. */
  #putBack(method: (typeof methods)[number]): void {
    const { [method]: current } = this.#res;
    const { [method]: own } = this.#own;
    if (current === own) return;
    Object.assign(this.#originals, { [method]: current });
    Object.assign(this.#res, { [method]: own });
  }

  #guarded<Method extends (typeof methods)[number]>(method: Method): ServerResponse[Method] {
    const call = (...args: unknown[]): unknown => {
      if (this.#state === 'waiting') this.#judge(method === 'writeHead' ? args[0] : undefined);
      if (this.#state !== 'replaced')
        return Reflect.apply(
          this.#originals[method],
          this.#res,
          method === 'writeHead' ? cleanHead(this.#res, this.#context.siteFields, args) : args,
        );
      const callback = args.at(-1);
      if (typeof callback === 'function') process.nextTick(callback);
      return method === 'write' ? true : this.#res;
    };
    return call as ServerResponse[Method];
  }

  #judge(given: unknown): void {
    const status = typeof given === 'number' ? given : this.#res.statusCode;
    this.#state = 'passing';
    const res = this.#res;
    const refusal = this.#refusal;
    if (res.headersSent || (status >= 400 && (status !== 404 || refusal !== undefined))) return;
    for (const name of res.getHeaderNames()) res.removeHeader(name);
    const error = refusal ?? new ProxyError('ERR_SEKISHO_NOT_A_PROXY');
    recordRefusal(res.req, res, error);
    answerRefusal(res, error, (body) => this.#originals.end.call(res, body, 'utf8'));
    this.#state = 'replaced';
  }
}
