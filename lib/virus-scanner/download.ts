import type { Dispatcher } from 'undici';
import { ProxyError } from '../core/errors.ts';
import { DirectListener, giveWhole, type DirectHandler } from '../core/exchange/contract.ts';
import { fieldValue, hasField } from '../core/http/field-lines.ts';
import type { Fields } from '../core/http/fields.ts';
import { judgeHead } from './body-head.ts';
import { HeldBody, type BodyWay, type ScanReport } from './held-body.ts';
import type { ScanPlan } from './options.ts';
import { refusalOf, type Finding } from './ruling.ts';
import type { ScanVisit } from './visit.ts';

type Controller = Dispatcher.DispatchController;

/**
 * One answer on its way through the scanner: a handler to who answers, a controller to who gets the answer, and between
 * the two the body in custody.
 */
export class Download extends DirectListener implements Controller, BodyWay {
  readonly #plan: ScanPlan;
  readonly #visit: ScanVisit;
  readonly #request: Fields;
  readonly #handler: DirectHandler;
  #source: Controller | undefined;
  #body: HeldBody | undefined;
  #status = 0;
  #fields: readonly string[] = [];
  #message = '';
  /** Of an answer that came in one piece, to go on in one. */
  #whole: string | undefined;
  #trailers: readonly string[] = [];
  #refused = false;
  aborted = false;
  paused = false;
  reason: Error | null = null;

  constructor(plan: ScanPlan, visit: ScanVisit, request: Fields, handler: DirectHandler) {
    super();
    this.#plan = plan;
    this.#visit = visit;
    this.#request = request;
    this.#handler = handler;
  }

  get rawHeaders(): NonNullable<Controller['rawHeaders']> | null {
    return this.#source?.rawHeaders ?? null;
  }

  get rawTrailers(): NonNullable<Controller['rawTrailers']> | null {
    return this.#source?.rawTrailers ?? null;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#source = controller;
    this.#handler.onRequestStart?.(this, context);
  }

  onRequestUpgrade(
    ...[, ...rest]: Parameters<NonNullable<DirectHandler['onRequestUpgrade']>>
  ): void {
    this.#handler.onRequestUpgrade?.(this, ...rest);
  }

  onDirectStart(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
  ): void {
    this.#source ??= controller;
    if (this.#refused) return;
    if (status < 200 || !this.#takesIntoCustody(status, fields, message)) {
      if (!this.#isRefused()) this.#handler.onDirectStart(this, status, fields, message);
    }
  }

  onDirectWhole(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void {
    this.#source ??= controller;
    if (this.#refused) return;
    if (body !== '' && this.#takesIntoCustody(status, fields, message)) {
      this.#whole = body;
      this.#body?.add(Buffer.from(body, 'latin1'));
      this.#body?.end();
    } else if (!this.#isRefused()) giveWhole(this.#handler, this, status, fields, message, body);
  }

  onDirectBuffer(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
    body: Buffer,
  ): void {
    this.onDirectStart(controller, status, fields, message);
    this.onDirectData(controller, body);
    this.onDirectEnd(controller, []);
  }

  onDirectData(_controller: Controller, chunk: Buffer): boolean {
    if (this.#refused) return true;
    if (this.#body === undefined) return this.#handler.onDirectData(this, chunk);
    this.#body.add(chunk);
    return true;
  }

  onDirectEnd(_controller: Controller, trailers: readonly string[]): void {
    if (this.#refused) return;
    this.#trailers = trailers;
    if (this.#body === undefined) this.#handler.onDirectEnd(this, trailers);
    else this.#body.end();
  }

  onResponseError(_controller: Controller | undefined, error: Error): void {
    if (this.#refused) return;
    this.#refused = true;
    this.#body?.abandon();
    this.#handler.onResponseError?.(this, error);
  }

  abort(reason: Error): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.#body?.abandon();
    this.#source?.abort(reason);
    // The source may have ended already: then nobody else says so.
    this.onResponseError(undefined, reason);
  }

  pause(): void {
    this.paused = true;
    if (this.#body === undefined) this.#source?.pause();
    else this.#body.pauseOutlet();
  }

  resume(): void {
    this.paused = false;
    if (this.#body === undefined) this.#source?.resume();
    else this.#body.resumeOutlet();
  }

  open(): void {
    if (this.#whole !== undefined) return;
    if (this.#body?.cleared === false) this.#visit.context.provisional = true;
    this.#tell(() => {
      this.#handler.onDirectStart(this, this.#status, this.#fields, this.#message);
    });
  }

  forward(chunk: Buffer): void {
    if (this.#whole !== undefined) return;
    this.#tell(() => {
      this.#handler.onDirectData(this, chunk);
    });
  }

  close(): void {
    const whole = this.#whole;
    this.#tell(() => {
      if (whole === undefined) this.#handler.onDirectEnd(this, this.#trailers);
      else giveWhole(this.#handler, this, this.#status, this.#fields, this.#message, whole);
    });
  }

  refuse(error: ProxyError): void {
    this.#refused = true;
    this.#source?.abort(error);
    this.#handler.onResponseError?.(this, error);
  }

  pauseSource(): void {
    this.#source?.pause();
  }

  resumeSource(): void {
    this.#source?.resume();
  }

  report(result: ScanReport): void {
    this.#visit.report('download', result);
  }

  /** What a wrapper or a function somebody has put into the response throws must not end in an engine's socket. */
  #tell(call: () => void): void {
    if (this.#refused) return;
    try {
      call();
    } catch (cause) {
      this.#body?.abandon();
      this.refuse(
        cause instanceof ProxyError ? cause : new ProxyError('ERR_SEKISHO_HOOK', { cause }),
      );
    }
  }

  /** Asked after the head was judged. */
  #isRefused(): boolean {
    return this.#refused;
  }

  /** @returns false when the body is not to be scanned, or was refused at once */
  #takesIntoCustody(status: number, fields: readonly string[], message: string): boolean {
    if (this.#visit.req.method === 'HEAD' || status === 204 || status === 304) return false;
    const length = fieldValue(fields, 'content-length');
    if (length === '0') return false;
    const head = {
      type: fieldValue(fields, 'content-type'),
      encoding: fieldValue(fields, 'content-encoding'),
      length,
      obstacle: isPart(status, fields) ? 'only a part of the content' : undefined,
    };
    const codings = judgeHead(head, this.#plan);
    if (codings === 'skip') this.#visit.skipped();
    else if ('outcome' in codings) this.#rule(codings);
    else {
      this.#status = status;
      this.#fields = fields;
      this.#message = message;
      const subject = this.#visit.subject('download', this.#request, status, fields);
      this.#body = new HeldBody(this.#plan, subject, codings, this);
      if (this.paused) this.#body.pauseOutlet();
      return true;
    }
    return false;
  }

  #rule(finding: Finding): void {
    this.report({ ...finding, engine: '', bytes: 0, took: 0 });
    const refusal = refusalOf(finding, this.#plan, 'download');
    if (refusal !== undefined) this.refuse(refusal);
  }
}

/** RFC 9110 §15.3.7, RFC 3229. */
function isPart(status: number, fields: Fields): boolean {
  return status === 206 || status === 226 || hasField(fields, 'content-range');
}
