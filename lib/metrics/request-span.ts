import type { Attributes, Context, Span, SpanContext } from '@opentelemetry/api';
import type { Request } from 'express';
import { parseTraceparent } from '../core/http/trace-context.ts';
import type { AttemptTrace, RequestTrace, Transaction } from '../core/transaction.ts';
import { methodLabel, other } from './label-values.ts';
import type { OpenTelemetry } from './tracing.ts';

const scope = 'sekisho';

/**
 * The spans of one request by OpenTelemetry's conventions for HTTP: one of kind SERVER, and one of kind CLIENT for each
 * attempt with a server. Where an instrumentation of the user's has begun a span already, that is the server's.
 */
export class RequestSpan implements RequestTrace {
  readonly #api: OpenTelemetry;
  readonly #method: string;
  readonly #context: Context;
  /** Undefined when it is somebody else's to end. */
  readonly #own: Span | undefined;

  constructor(api: OpenTelemetry, req: Request, record: Transaction) {
    const { context, trace, SpanKind } = api;
    this.#api = api;
    this.#method = record.method;
    const around = context.active();
    if (trace.getSpan(around) !== undefined) {
      this.#context = around;
      return;
    }
    const options = { kind: SpanKind.SERVER, attributes: requestAttributes(req, record) };
    const parent = remoteParent(api, req, record);
    this.#own = trace.getTracer(scope).startSpan(nameOf(record.method), options, parent);
    this.#context = trace.setSpan(parent, this.#own);
  }

  run(next: () => void): void {
    this.#api.context.with(this.#context, next);
  }

  attempt(server: string): AttemptTrace | undefined {
    const { trace, SpanKind, SpanStatusCode, isSpanContextValid } = this.#api;
    const attributes = { ...methodOf(this.#method), ...addressOf(server) };
    const options = { kind: SpanKind.CLIENT, attributes };
    const span = trace.getTracer(scope).startSpan(nameOf(this.#method), options, this.#context);
    const spanContext = span.spanContext();
    if (!isSpanContextValid(spanContext)) return undefined;
    let over = false;
    return {
      traceparent: traceparentOf(spanContext),
      tracestate: spanContext.traceState?.serialize(),
      answered(status) {
        span.setAttribute('http.response.status_code', status);
        if (status >= 400) {
          span.setAttribute('error.type', String(status));
          span.setStatus({ code: SpanStatusCode.ERROR });
        }
      },
      failed(code) {
        span.setAttribute('error.type', code);
        span.setStatus({ code: SpanStatusCode.ERROR });
      },
      end() {
        if (!over) span.end();
        over = true;
      },
    };
  }

  end(record: Transaction): void {
    const span = this.#own;
    if (span === undefined) return;
    const { route, status, error, outcome } = record;
    if (route !== undefined) {
      span.updateName(`${nameOf(record.method)} ${route}`);
      span.setAttribute('http.route', route);
    }
    span.setAttribute('http.response.status_code', status);
    if (record.user !== undefined) span.setAttribute('user.name', record.user);
    const broken = outcome === 'failed' || outcome === 'upstream-aborted';
    if (error !== undefined) span.setAttribute('error.type', error);
    else if (status >= 500) span.setAttribute('error.type', String(status));
    if (status >= 500 || broken) span.setStatus({ code: this.#api.SpanStatusCode.ERROR });
    span.end();
  }
}

/** The client's place in a trace, when it states a valid one. */
function remoteParent(api: OpenTelemetry, req: Request, { traceparent }: Transaction): Context {
  const parsed = traceparent === undefined ? undefined : parseTraceparent(traceparent);
  if (parsed === undefined) return api.ROOT_CONTEXT;
  const { traceId, parentId, sampled } = parsed;
  const state = req.headers.tracestate;
  return api.trace.setSpanContext(api.ROOT_CONTEXT, {
    traceId,
    spanId: parentId,
    traceFlags: sampled ? api.TraceFlags.SAMPLED : api.TraceFlags.NONE,
    isRemote: true,
    ...(state === undefined ? {} : { traceState: api.createTraceState(String(state)) }),
  });
}

function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** Queries are left out: they may have secrets. */
function requestAttributes(req: Request, record: Transaction): Attributes {
  const { method, target, scheme, protocol, client, userAgent, host } = record;
  const attributes: Attributes = { ...methodOf(method), 'url.scheme': scheme ?? req.protocol };
  const path = pathOf(target);
  if (path !== undefined) attributes['url.path'] = path;
  if (protocol !== undefined) attributes['network.protocol.version'] = protocol;
  if (client !== undefined) attributes['client.address'] = client;
  if (userAgent !== undefined) attributes['user_agent.original'] = userAgent;
  if (host !== undefined) Object.assign(attributes, addressOf(host));
  return attributes;
}

/** Of a target in any form; CONNECT has none. */
function pathOf(target: string): string | undefined {
  return /^(?:https?:\/\/[^/?]*)?(\/[^?]*)/i.exec(target)?.[1];
}

/** Clients make up methods without end: these are one. */
function nameOf(method: string): string {
  return methodLabel(method) === other ? 'HTTP' : method;
}

function methodOf(method: string): Attributes {
  return methodLabel(method) === other
    ? { 'http.request.method': '_OTHER', 'http.request.method_original': method }
    : { 'http.request.method': method };
}

function addressOf(server: string): Attributes {
  const [, name = server, port] = /^(.*):(\d+)$/.exec(server) ?? [];
  return port === undefined
    ? { 'server.address': server }
    : { 'server.address': name, 'server.port': Number(port) };
}
