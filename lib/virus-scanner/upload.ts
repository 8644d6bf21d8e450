import type { NextFunction, Response } from 'express';
import type { Coding } from '../core/decoding/content-decoder.ts';
import { ProxyError } from '../core/errors.ts';
import { RequestTap, type TapListener } from '../core/exchange/request-tap.ts';
import { fieldValue } from '../core/http/field-lines.ts';
import { refuse } from '../core/upstream/refusal.ts';
import { judgeHead } from './body-head.ts';
import { HeldBody, type BodyWay, type ScanReport } from './held-body.ts';
import type { ScanPlan } from './options.ts';
import { refusalOf } from './ruling.ts';
import type { ScanVisit } from './visit.ts';

/** Scans the body of a request, if it has one, before anybody further down the chain gets it. */
export function scanUpload(
  plan: ScanPlan,
  visit: ScanVisit,
  res: Response,
  next: NextFunction,
): void {
  const { req } = visit;
  if (!hasBody(req)) {
    next();
    return;
  }
  const { headers } = req;
  const head = {
    // Node has the first of several.
    type: fieldValue(req.rawHeaders, 'content-type'),
    encoding: headers['content-encoding'],
    length: headers['content-length'],
    obstacle: RequestTap.isRead(req) ? 'something has read it before the scanner' : undefined,
  };
  const codings = judgeHead(head, plan);
  if (codings === 'skip') {
    visit.skipped();
    next();
  } else if ('outcome' in codings) {
    visit.report('upload', { ...codings, engine: '', bytes: 0, took: 0 });
    const refusal = refusalOf(codings, plan, 'upload');
    if (refusal === undefined) next();
    else refuse(refusal, req, res, next, visit.context);
  } else new Upload(plan, visit, codings, res, next).start();
}

function hasBody(req: ScanVisit['req']): boolean {
  const { 'content-length': length, 'transfer-encoding': coding } = req.headers;
  if (coding !== undefined) return true;
  if (length !== undefined) return length !== '0';
  // HTTP/2 frames it without a field.
  return req.httpVersionMajor === 2 && !RequestTap.isEmpty(req);
}

/** One request body in custody. The chain goes on when the first byte of it may. */
class Upload implements BodyWay, TapListener {
  readonly #visit: ScanVisit;
  readonly #res: Response;
  readonly #next: NextFunction;
  readonly #tap: RequestTap;
  readonly #body: HeldBody;
  #goesOn = false;

  constructor(
    plan: ScanPlan,
    visit: ScanVisit,
    codings: readonly Coding[],
    res: Response,
    next: NextFunction,
  ) {
    this.#visit = visit;
    this.#res = res;
    this.#next = next;
    this.#tap = new RequestTap(visit.req, this);
    const subject = visit.subject('upload', visit.req.rawHeaders, 0, []);
    this.#body = new HeldBody(plan, subject, codings, this);
  }

  start(): void {
    this.#tap.start(this.#res);
  }

  onData(chunk: Buffer): void {
    this.#body.add(chunk);
  }

  onEnd(): void {
    this.#body.end();
  }

  onWanted(): void {
    this.#body.resumeOutlet();
  }

  onGone(): void {
    this.#body.abandon();
    if (!this.#goesOn)
      this.#refuse(new ProxyError('ERR_SEKISHO_CLIENT_ABORTED', { stage: 'send' }));
  }

  open(): void {
    if (!this.#tap.whole) this.#goOn();
  }

  forward(chunk: Buffer): void {
    if (!this.#tap.forward(chunk)) this.#body.pauseOutlet();
  }

  close(): void {
    this.#tap.close();
    this.#goOn();
  }

  refuse(error: ProxyError): void {
    const { transaction } = this.#visit.context;
    if (this.#goesOn) {
      transaction.error ??= error.code;
      this.#tap.destroy(error);
    } else {
      this.#tap.letGo();
      this.#refuse(error);
    }
  }

  pauseSource(): void {
    this.#tap.pause();
  }

  resumeSource(): void {
    this.#tap.resume();
  }

  report(result: ScanReport): void {
    this.#visit.report('upload', result);
  }

  #goOn(): void {
    if (this.#goesOn) return;
    this.#goesOn = true;
    this.#next();
  }

  #refuse(error: ProxyError): void {
    refuse(error, this.#visit.req, this.#res, this.#next, this.#visit.context);
  }
}
