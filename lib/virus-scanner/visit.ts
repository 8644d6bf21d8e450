import type { Request } from 'express';
import { contextOf, type Context } from '../core/context.ts';
import { observed, publish } from '../core/events.ts';
import { fieldsWhere } from '../core/http/field-lines.ts';
import type { Fields } from '../core/http/fields.ts';
import type { ScanOutcome } from '../core/transaction.ts';
import type { ScanReport } from './held-body.ts';
import type { ScanSubject } from './scanner.ts';

/** What no engine needs to know. */
const secrets: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
]);

/** Worse ones stay in the record when a request has two bodies. */
const gravity: readonly (ScanOutcome | undefined)[] = [
  undefined,
  'skipped',
  'clean',
  'oversize',
  'unscannable',
  'unavailable',
  'infected',
];

/** One request whose bodies are scanned. */
export class ScanVisit {
  readonly req: Request;
  readonly context: Context;

  constructor(req: Request) {
    this.req = req;
    this.context = contextOf(req);
  }

  get url(): string {
    const { req } = this;
    return (
      this.context.destination?.href ??
      `${req.protocol}://${req.headers.host ?? 'localhost'}${req.originalUrl}`
    );
  }

  subject(
    direction: 'download' | 'upload',
    request: Fields,
    status: number,
    answer: Fields,
  ): ScanSubject {
    return {
      direction,
      method: this.req.method,
      url: this.url,
      request: withoutSecrets(request),
      status,
      answer: withoutSecrets(answer),
      client: this.req.ip,
    };
  }

  report(direction: 'download' | 'upload', report: ScanReport): void {
    const { transaction, user, destination } = this.context;
    const { outcome, finding, engine } = report;
    if (gravity.indexOf(outcome) >= gravity.indexOf(transaction.scan)) {
      transaction.scan = outcome;
      transaction.scanFinding = finding ?? report.detail;
      transaction.scanEngine = engine === '' ? undefined : engine;
    }
    if (!observed('sekisho:scan')) return;
    publish('sekisho:scan', {
      outcome,
      finding: finding ?? report.detail,
      engine,
      direction,
      bytes: report.bytes,
      took: report.took,
      client: this.req.ip,
      user: user?.name,
      target: (destination?.href ?? this.req.originalUrl).split('?', 1)[0] ?? '',
      requestId: this.context.id,
    });
  }

  /** Noted, and nobody else hears of it: most of what is skipped is skipped all day. */
  skipped(): void {
    this.context.transaction.scan ??= 'skipped';
  }
}

function withoutSecrets(fields: Fields): string[] {
  return fieldsWhere(fields, (name) => !secrets.has(name));
}
