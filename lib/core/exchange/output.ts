import { STATUS_CODES } from 'node:http';
import type { Response } from 'express';
import { contextOf } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { AnswerFields } from './answer-fields.ts';
import type { LocalExchange, LocalHead } from './local-exchange.ts';
import {
  alreadySent,
  checkChunk,
  checkReason,
  checkStatus,
  flatFields,
  hintedFields,
  writeAfterEnd,
} from './output-arguments.ts';
import { keepSiteFields } from './site-fields.ts';

type Done = (error?: Error) => void;

/** The methods of a response, as a handler of the app calls them. They take what Node's own take, and throw what those do. */
export class Output {
  readonly #exchange: LocalExchange;
  /** Of the body, when the head states it. */
  #length: number | undefined;
  #bodyless = false;
  #bytes = 0;
  /** Bytes of the body, when the handler gives all of it at once. */
  #whole: number | undefined;
  /** Names and values in turn. */
  trailers: readonly string[] = [];
  /** The handler wants the head to go out before there is a body. */
  flushed = false;

  constructor(exchange: LocalExchange) {
    this.#exchange = exchange;
  }

  get #res(): Response {
    return this.#exchange.layer.res;
  }

  writeHead(args: readonly unknown[]): Response {
    if (this.#exchange.head !== undefined) throw alreadySent('write');
    const res = this.#res;
    const [status, reason, last] = args;
    const code = checkStatus(status);
    if (typeof reason === 'string') {
      checkReason(reason);
      res.statusMessage = reason;
    }
    this.#setFields(typeof reason === 'string' ? last : (last ?? reason));
    res.statusCode = code;
    this.#start();
    return res;
  }

  write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
    const done = (typeof encoding === 'function' ? encoding : callback) as Done | undefined;
    const bytes = checkChunk(chunk, encoding);
    if (this.#exchange.ended) return refuseWrite(done);
    this.#implyHead();
    return this.#body(bytes, done);
  }

  end(chunk?: unknown, encoding?: unknown, callback?: unknown): Response {
    const res = this.#res;
    const exchange = this.#exchange;
    const [text, coding, done] =
      typeof chunk === 'function'
        ? [undefined, undefined, chunk]
        : typeof encoding === 'function'
          ? [chunk, undefined, encoding]
          : [chunk, encoding, callback];
    const given = text !== undefined && text !== null && text !== '';
    if (exchange.ended) {
      if (given) refuseWrite(done as Done | undefined);
      return res;
    }
    const bytes = given ? checkChunk(text, coding) : undefined;
    if (typeof done === 'function') res.once('finish', done as Done);
    this.#whole = bytes?.length ?? 0;
    this.#implyHead();
    exchange.ended = true;
    exchange.needsDrain = false;
    if (bytes !== undefined) this.#body(bytes, undefined);
    if (this.#length !== undefined && this.#bytes < this.#length)
      exchange.fail(new ProxyError('ERR_SEKISHO_TRUNCATED', { detail: this.#misstated() }));
    else exchange.add({ kind: 'end', trailers: this.trailers });
    return res;
  }

  flushHeaders(): void {
    this.flushed = true;
    this.#implyHead();
    this.#exchange.reply.flush();
  }

  addTrailers(trailers: unknown): void {
    // Node judges them: it keeps a text of them, which is written if there is a place for it.
    this.#exchange.layer.methods.call('addTrailers', trailers);
    this.trailers = flatFields(trailers).map(String);
  }

  writeProcessing(callback?: unknown): void {
    this.#interim(102, [], callback);
  }

  writeEarlyHints(hints: unknown, callback?: unknown): void {
    const fields = hintedFields(hints);
    if (fields.length > 0) this.#interim(103, fields, callback);
  }

  writeInformation(status: unknown, headers?: unknown, callback?: unknown): void {
    const [fields, done] = typeof headers === 'function' ? [[], headers] : [headers, callback];
    this.#interim(checkStatus(status), flatFields(fields).map(String), done);
  }

  destroy(error?: Error): Response {
    const exchange = this.#exchange;
    if (exchange.ended)
      exchange.layer.layers.outside(exchange.layer.depth, () =>
        exchange.layer.methods.call('destroy', error),
      );
    else exchange.reply.destroyedBy(error);
    return this.#res;
  }

  #interim(status: number, fields: readonly string[], callback: unknown): void {
    if (this.#exchange.head !== undefined) throw alreadySent('write');
    this.#exchange.add({ kind: 'interim', status, fields });
    if (typeof callback === 'function') process.nextTick(callback);
  }

  /** As Node does: whoever has put a writeHead of their own in front wants to see this head, too. */
  #implyHead(): void {
    const exchange = this.#exchange;
    if (exchange.head !== undefined || exchange.isUnwanted()) return;
    this.#res.writeHead(this.#res.statusCode);
    // They may have kept it to themselves; `head` is not what it was above.
    if ((exchange.head as LocalHead | undefined) === undefined) this.#start();
  }

  #start(): void {
    const head = this.#takeHead();
    this.#exchange.head = head;
    this.#exchange.layer.layers.mark();
    this.#exchange.add({ kind: 'head', head });
  }

  /** @returns whether the handler may go on */
  #body(chunk: Buffer, done: Done | undefined): boolean {
    const exchange = this.#exchange;
    if (chunk.length === 0 || this.#bodyless || exchange.isUnwanted()) {
      if (typeof done === 'function') process.nextTick(done);
      return !exchange.aborted;
    }
    this.#bytes += chunk.length;
    if (this.#length !== undefined && this.#bytes > this.#length) {
      exchange.fail(new ProxyError('ERR_SEKISHO_UPSTREAM_PROTOCOL', { detail: this.#misstated() }));
      if (typeof done === 'function') process.nextTick(done);
      return false;
    }
    return exchange.add({
      kind: 'data',
      chunk,
      done: typeof done === 'function' ? done : undefined,
    });
  }

  #takeHead(): LocalHead {
    const { layer } = this.#exchange;
    const res = this.#res;
    layer.layers.showRequestFields();
    const { statusCode: status } = res;
    checkStatus(status);
    checkReason(res.statusMessage);
    this.#bodyless = res.req.method === 'HEAD' || status === 204 || status === 304;
    const stated = res.getHeader('content-length');
    if (stated !== undefined && !this.#bodyless && /^\d+$/.test(String(stated)))
      this.#length = Number(stated);
    const { siteFields } = contextOf(layer.layers.req);
    if (siteFields !== undefined) keepSiteFields(res, siteFields);
    const fields = new AnswerFields(
      res,
      layer.fields,
      this.#whole !== undefined && this.#statesItself() ? this.#whole : undefined,
    );
    return { status, message: messageOf(res), fields };
  }

  /** Whether Node states the length of a body it has the whole of. */
  #statesItself(): boolean {
    const res = this.#res;
    return (
      !this.#bodyless &&
      !res.hasHeader('content-length') &&
      !res.hasHeader('transfer-encoding') &&
      !res.hasHeader('trailer') &&
      (res as { _removedContLen?: boolean })._removedContLen !== true
    );
  }

  /** As Node merges them with those that are there: they replace those of the same name; a list may repeat its own. */
  #setFields(given: unknown): void {
    const { methods } = this.#exchange.layer;
    if (!Array.isArray(given)) {
      for (const [name, value] of Object.entries(given ?? {}))
        methods.call('setHeader', name, value);
      return;
    }
    const fields = flatFields(given);
    for (const [at, name] of fields.entries())
      if (at % 2 === 0 && this.#res.hasHeader(name as string)) methods.call('removeHeader', name);
    for (let index = 0; index < fields.length; index += 2)
      methods.call('appendHeader', fields[index], fields[index + 1]);
  }

  #misstated(): string {
    return `a handler of the app gave ${this.#bytes} bytes of ${this.#length ?? 0}`;
  }
}

function messageOf(res: Response): string {
  const { statusMessage } = res as { statusMessage?: string };
  return statusMessage === undefined || statusMessage === ''
    ? (STATUS_CODES[res.statusCode] ?? 'unknown')
    : statusMessage;
}

function refuseWrite(done: Done | undefined): boolean {
  if (typeof done === 'function') process.nextTick(done, writeAfterEnd());
  return false;
}
