import type { Request, Response } from 'express';
import { contextOf } from '../core/context.ts';
import { fieldsWhere, hasField } from '../core/http/field-lines.ts';
import type { ApicacheSettings, Toggle } from './options.ts';

/** Says to the engine that the toggle will not have an answer stored; an unknown word is nothing to anybody else. */
const refusal = 'no-store, sekisho-toggle';
const uncacheable = 'no-cache, no-store, must-revalidate';
/** Statuses that a duration is for (as `ttl` of `cache()`), and what is made of answers with these. */
const lasting: ReadonlySet<number> = new Set([200, 203, 204, 206, 300, 301, 304, 308, 404, 410]);
const personal: ReadonlySet<number> = new Set([401, 407]);

export interface Plan {
  readonly settings: ApicacheSettings;
  readonly duration: number;
  readonly toggle: Toggle | undefined;
  readonly blacklist: ReadonlySet<string>;
}

/** The fields of one answer, on their way from the handler to the engine and from the engine to the client. */
export class Exchange {
  readonly #plan: Plan;
  readonly #req: Request;
  readonly #res: Response;
  #withheld: readonly string[] = [];

  constructor(plan: Plan, req: Request, res: Response) {
    this.#plan = plan;
    this.#req = req;
    this.#res = res;
  }

  /** What the cache did, as `Cache-Status` has it. */
  get outcome(): string {
    return contextOf(this.#req).transaction.cache ?? '';
  }

  get hit(): boolean {
    return /; hit\b/.test(this.outcome);
  }

  /** To the engine: without what it shall not store. */
  inside(status: number, fields: readonly string[]): readonly string[] {
    const { blacklist } = this.#plan;
    let shown = fields;
    if (blacklist.size > 0) {
      this.#withheld = fieldsWhere(fields, (name) => blacklist.has(name));
      shown = fieldsWhere(fields, (name) => !blacklist.has(name));
    }
    if (this.#wants(status)) return shown;
    return [...shown, 'Cache-Control', refusal, 'CDN-Cache-Control', refusal];
  }

  /** To the client: with all of it, and with what apicache adds. */
  outside(status: number, fields: readonly string[]): readonly string[] {
    const { settings } = this.#plan;
    const shown: string[] = [];
    for (let at = 0; at < fields.length; at += 2)
      if (fields[at + 1] !== refusal) shown.push(fields[at] as string, fields[at + 1] as string);
    shown.push(...this.#withheld);
    for (const [name, value] of Object.entries(settings.headers))
      if (!hasField(shown, name.toLowerCase())) shown.push(name, value);
    if (!hasField(shown, 'cache-control') && !hasField(shown, 'expires')) {
      const control = this.#cacheControl(status);
      if (control !== undefined) shown.push('Cache-Control', control);
    }
    if (this.hit && process.env.NODE_ENV !== 'production')
      shown.push('apicache-store', settings.redisClient === false ? 'memory' : 'redis');
    return shown;
  }

  #wants(status: number): boolean {
    const { toggle } = this.#plan;
    if (toggle === undefined) return true;
    const res = this.#res;
    // A forwarder's answer has not come to the response yet.
    const seen =
      res.statusCode === status
        ? res
        : (Object.create(res, { statusCode: { value: status } }) as Response);
    try {
      return Boolean(toggle(this.#req, seen));
    } catch {
      return false;
    }
  }

  #cacheControl(status: number): string | undefined {
    const { duration, settings } = this.#plan;
    const { include } = settings.statusCodes;
    const lasts = lasting.has(status) || (include.includes(status) && !personal.has(status));
    if (lasts && /; (?:hit|stored|collapsed)\b/.test(this.outcome))
      return `max-age=${Math.round(duration / 1000)}`;
    // Of a HEAD nothing is stored, and that says nothing of the answer to GET.
    return this.#req.method === 'HEAD' ? undefined : uncacheable;
  }
}
