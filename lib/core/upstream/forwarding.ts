import type { NextFunction, Request, Response } from 'express';
import type { Dispatcher } from 'undici';
import { contextOf, type Context } from '../context.ts';
import { ProxyError } from '../errors.ts';
import type { RequestReading } from '../http/request-reading.ts';
import type { Transaction } from '../transaction.ts';
import { Adjusting } from './adjusting.ts';
import {
  addStickyCookie,
  adjustAnswer,
  adjustsAnswers,
  type AdjustmentPlan,
} from './adjustments.ts';
import { asDirect } from '../exchange/contract.ts';
import type { Layers } from '../exchange/layers.ts';
import type { DeliveryOrder } from './delivery-order.ts';
import { Delivery } from './delivery.ts';
import { FallThrough, FinalHandler } from './fall-through.ts';
import { applyGates } from './gate-fields.ts';
import { rewriteParsedBody } from './parsed-body.ts';
import type { Pool } from './pool.ts';
import { judge, refuse } from './refusal.ts';
import type { AnswerDraft } from './reply-head.ts';
import { Reply, type ReplyOrder } from './reply.ts';
import { RequestBody } from './request-body.ts';
import {
  addWayFields,
  applyChanges,
  goesInCircles,
  removeFields,
  type PreparedChanges,
} from './request-fields.ts';
import { requestPath } from './request-path.ts';
import type { Prepare } from './sending.ts';
import type { Targets } from './target.ts';
import { forwardUpgrade } from './upgrade.ts';
import type { Upstream } from './upstream.ts';

/** What a forwarder knows before any request comes. */
export interface ForwardPlan extends AdjustmentPlan {
  readonly targets: Targets;
  /** `headers.request`. */
  readonly requestChanges: PreparedChanges | undefined;
  readonly prepare: Prepare | undefined;
  readonly fallthrough: ReadonlySet<number>;
  readonly via: string | undefined;
}

/**
 * One request's way: 1 read and judge it, 2 make its fields anew, 3 send it through the wrappers of the
 * chain to a server (`Delivery`), 4 write the answer (`Reply`).
 */
export class Forwarding implements DeliveryOrder, ReplyOrder {
  readonly req: Request;
  readonly res: Response;
  readonly next: NextFunction;
  readonly context: Context;
  body: RequestBody | undefined;
  host: string | undefined;
  adjust: ((draft: AnswerDraft) => void) | undefined;
  readonly #plan: ForwardPlan;
  readonly #prefix: string;
  #pool: Pool | undefined;
  #delivery: Delivery | undefined;
  /** The wrappers of the chain are composed around the delivery. */
  #wrapped = false;
  #fallen = false;

  constructor(plan: ForwardPlan, req: Request, res: Response, next: NextFunction, prefix: string) {
    this.#plan = plan;
    this.req = req;
    this.res = res;
    this.next = next;
    this.context = contextOf(req);
    this.#prefix = prefix;
  }

  get pool(): Pool {
    return this.#pool as Pool;
  }

  get transaction(): Transaction {
    return this.context.transaction;
  }

  get prepare(): Prepare | undefined {
    return this.#plan.prepare;
  }

  get fallthrough(): ReadonlySet<number> {
    // Wrappers must not see what falls through: with them it is decided inside.
    return this.#wrapped ? nothing : this.#plan.fallthrough;
  }

  get via(): string | undefined {
    // The same holds for what the wrappers have to see of an answer.
    return this.#wrapped ? undefined : this.#plan.via;
  }

  start(): void {
    // For the forward proxy, which comes later in the chain: no server here is meant.
    if (this.context.unclaimed) {
      this.next();
      return;
    }
    try {
      const reading = judge(this.req);
      // Out there it is nobody's business what a proxy in front says of the client.
      if (this.context.proxied) reading.claims = undefined;
      const upstream = this.#plan.targets.find(this.req);
      if (upstream instanceof Promise) {
        // As RequestBody does, which comes too late here.
        if (hasBody(reading) && !this.req.readableDidRead) this.req.pause();
        upstream
          .then((found) => {
            this.#proceed(found, reading);
          })
          .catch((error: unknown) => {
            this.#refuse(error);
          });
      } else this.#proceed(upstream, reading);
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** No answer could be had: `on.error` may answer, else the app's error handlers do. */
  fail(error: ProxyError): void {
    const { req, res } = this;
    // What is left of the body would block the connection.
    if (!req.readableEnded) req.resume();
    const hook = this.#plan.options.on.error;
    const unanswered = (): void => {
      if (!res.headersSent && !res.writableEnded) this.#refuse(error);
    };
    const failed = (cause: unknown): void => {
      this.#refuse(new ProxyError('ERR_SEKISHO_HOOK', { cause, detail: 'on.error failed' }));
    };
    try {
      const waiting: unknown = hook?.(error, req, res);
      if (waiting instanceof Promise) waiting.then(unanswered, failed);
      else unanswered();
    } catch (cause) {
      failed(cause);
    }
  }

  #refuse(error: unknown): void {
    refuse(error, this.req, this.res, this.next, this.context);
  }

  #proceed(upstream: Upstream, reading: RequestReading): void {
    const { req, context } = this;
    const { options } = this.#plan;
    const { transaction, upgrade } = context;
    this.#pool = upstream.pool;
    if (adjustsAnswers(this.#plan, upstream.pool))
      this.adjust = (draft) => {
        adjustAnswer(draft, this.#plan, this, this.#delivery?.answeredBy);
      };
    transaction.upstream = upstream.name;
    transaction.client ??= req.socket.remoteAddress;
    if (goesInCircles(reading.via, options.via))
      throw new ProxyError('ERR_SEKISHO_LOOP', { detail: `Via: ${reading.via ?? ''}` });
    const path = requestPath(req, this.#prefix, reading.host, options);
    const fields = this.#fields(reading);
    if (upgrade !== undefined) {
      if (!options.ws) throw new ProxyError('ERR_SEKISHO_UPGRADE_REFUSED');
      this.#change(fields);
      this.#delivery = forwardUpgrade({ delivery: this, reply: this, upgrade, path, fields });
      return;
    }
    if (reading.trailersWanted) fields.push('TE', 'trailers');
    if (this.#endsHere(reading, fields)) return;
    const body = this.#bodyOf(reading, fields);
    this.#change(fields);
    this.#send({
      origin: upstream.pool.servers[0]?.origin ?? 'http://localhost',
      method: req.method,
      path,
      headers: fields,
      body: body ?? null,
      expectContinue: context.awaitsContinue && this.body !== undefined,
    } as unknown as Dispatcher.DispatchOptions);
  }

  /** 2 The fields made anew. */
  #fields(reading: RequestReading): string[] {
    const { req, context } = this;
    const { options, requestChanges } = this.#plan;
    const fields = reading.pass;
    if (context.gated) applyGates(fields, context);
    const taken = options.keepPrefix ? '' : req.baseUrl + this.#prefix;
    addWayFields(fields, req, reading, taken, options);
    if (context.fieldFilters !== undefined)
      for (const filter of context.fieldFilters) filter(fields);
    this.host = requestChanges?.host ?? (options.changeOrigin ? undefined : reading.host);
    return fields;
  }

  #change(fields: string[]): void {
    const { requestChanges } = this.#plan;
    if (requestChanges !== undefined) applyChanges(fields, requestChanges);
  }

  /** Max-Forwards (RFC 9110 §7.6.2): at 0 this proxy is the one to answer. */
  #endsHere({ maxForwards }: RequestReading, fields: string[]): boolean {
    if (maxForwards === undefined) return false;
    const { req, res } = this;
    const counts = req.method === 'OPTIONS' || req.method === 'TRACE';
    if (!counts || maxForwards > 0) {
      fields.push('Max-Forwards', String(counts ? maxForwards - 1 : maxForwards));
      return false;
    }
    if (req.method === 'OPTIONS') res.status(204).end();
    else res.status(405).set('Allow', 'OPTIONS').end();
    return true;
  }

  /** The body as it goes on: streamed, or what a parser has left of it; framing fields come with it. */
  #bodyOf(reading: RequestReading, fields: string[]): Buffer | RequestBody | undefined {
    if (!hasBody(reading)) return undefined;
    const { req, res, context } = this;
    if (req.readableDidRead || req.readableEnded) {
      const { bytes, drop } = rewriteParsedBody(req);
      removeFields(fields, drop);
      return bytes;
    }
    if (!reading.chunked) fields.push('Content-Length', String(reading.length));
    this.body = new RequestBody(req, this.pool.options.retries.maxReplay, () => {
      if (!context.awaitsContinue) return;
      context.awaitsContinue = false;
      res.writeContinue();
    });
    return this.body;
  }

  /** 3 Through the wrappers, the first mounted outermost, to a server; 4 back to the client. */
  #send(request: Dispatcher.DispatchOptions): void {
    const { layers } = this.context;
    const interceptors = layers?.take();
    const reply = new Reply(this);
    if (layers === undefined || interceptors === undefined || interceptors.length === 0) {
      this.#deliver(request, reply);
      return;
    }
    this.#wrapped = true;
    const adjust = this.#adjustInside();
    const adjusting = (handler: Dispatcher.DispatchHandler): Adjusting =>
      new Adjusting(asDirect(handler), this.#plan.via, adjust, () => !this.#fallen);
    const { fallthrough } = this.#plan;
    const final = fallthrough.size === 0 ? reply : new FinalHandler(reply);
    let dispatch: Dispatcher['dispatch'] = (options, handler) =>
      final === reply
        ? this.#deliver(options, adjusting(handler))
        : this.#deliver(
            options,
            new FallThrough(
              adjusting(handler),
              (status) => !this.#fallen && fallthrough.has(status) && !this.res.headersSent,
              (source) => {
                this.#goOn(layers, source, reply, final as FinalHandler);
              },
            ),
          );
    try {
      for (const interceptor of interceptors.toReversed()) dispatch = interceptor(dispatch);
      dispatch(request, final);
    } catch (error) {
      reply.onResponseError(undefined, error as Error);
    }
  }

  /** With wrappers only the sticky cookie is left to the reply. */
  #adjustInside(): ((draft: AnswerDraft) => void) | undefined {
    const { adjust, req, res } = this;
    const { sticky } = this.pool.options;
    this.adjust =
      sticky === undefined
        ? undefined
        : (draft) => {
            addStickyCookie(draft, this, this.#delivery?.answeredBy);
          };
    if (adjust === undefined) return undefined;
    return (draft) => {
      adjustAnswer(draft, this.#plan, { req, res }, this.#delivery?.answeredBy);
    };
  }

  /** The next handler answers, to the same wrappers. */
  #goOn(layers: Layers, source: FallThrough, reply: Reply, final: FinalHandler): void {
    this.#fallen = true;
    reply.handOver();
    final.turnTo(layers.continueWith(source));
    this.next();
  }

  #deliver(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.#delivery = new Delivery(this, request, handler);
    this.#delivery.start();
    return true;
  }
}

const nothing: ReadonlySet<number> = new Set();

function hasBody({ chunked, length }: RequestReading): boolean {
  return chunked || length > 0;
}
