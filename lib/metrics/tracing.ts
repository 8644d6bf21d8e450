import type * as OpenTelemetryApi from '@opentelemetry/api';
import type { Request, Response } from 'express';
import { createRequire } from 'node:module';
import { contextOf } from '../core/context.ts';
import { observe, type Observer } from '../core/observing.ts';
import type { Transaction } from '../core/transaction.ts';
import { RequestSpan } from './request-span.ts';

/** All of the API, as far as it is used. */
export type OpenTelemetry = typeof OpenTelemetryApi;

/** Runs what comes next in the chain, so that spans of the app are children of the request's. */
export type Traced = (next: () => void) => void;

/**
 * Spans by `@opentelemetry/api`, when the user has it and has registered a provider; until then nothing is done. It is
 * no dependency: where it is missing there is nothing to trace for.
 */
export class Tracing implements Observer {
  readonly #api: OpenTelemetry;
  /** What the API has as long as nobody has registered a provider. */
  readonly #nobody: unknown;

  private constructor(api: OpenTelemetry) {
    this.#api = api;
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- there is no other way to know
    this.#nobody = new api.ProxyTracerProvider().getDelegate();
  }

  static load(): Tracing | undefined {
    try {
      const require = createRequire(import.meta.url);
      return new Tracing(require('@opentelemetry/api') as OpenTelemetry);
    } catch {
      return undefined;
    }
  }

  /** Whether somebody wants spans. */
  get active(): boolean {
    const provider = this.#api.trace.getTracerProvider() as { getDelegate?: () => unknown };
    return (provider.getDelegate?.() ?? provider) !== this.#nobody;
  }

  /** Begins the span of a request, unless one has begun already. */
  begin(req: Request, res: Response, next: () => void): void {
    const { transaction } = contextOf(req);
    if (transaction.trace !== undefined || !this.active || !observe(req, res, this)) {
      next();
      return;
    }
    const span = new RequestSpan(this.#api, req, transaction);
    transaction.trace = span;
    span.run(next);
  }

  onEnd(record: Transaction): void {
    if (record.trace instanceof RequestSpan) record.trace.end(record);
  }
}
