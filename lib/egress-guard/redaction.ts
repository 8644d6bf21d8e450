import type { Request } from 'express';
import type { Transaction } from '../core/transaction.ts';
import { unescapeForm } from './percent-decoding.ts';
import type { Evidence } from './rules.ts';

const hidden = '***';
const origin = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i;

/** Takes what was found in the head of a request out of its record, which logs and dashboards show. */
export function redact(record: Transaction, req: Request, { part, offset }: Evidence): void {
  if (part === 'url') record.target = shown(record.target, req.originalUrl, Number(offset));
  else if (part === 'field referer') record.referer = hidden;
  else if (part === 'field user-agent') record.userAgent = hidden;
}

/**
 * The target up to the part in which it was found: more of the kind may follow there.
 *
 * @param url as it was sent
 * @param offset in what it says without escapes
 */
function shown(target: string, url: string, offset: number): string {
  const queryAt = url.indexOf('?');
  if (queryAt !== -1 && offset > unescapeForm(url.slice(0, queryAt)).length) {
    const [path = '', query] = target.split('?', 2);
    return query === undefined ? path : `${path}?${hidden}`;
  }
  const [place = ''] = origin.exec(target) ?? [];
  return offset < place.length ? hidden : `${place}/${hidden}`;
}
