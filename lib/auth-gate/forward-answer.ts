import type { Request, Response } from 'express';
import { contextOf } from '../core/context.ts';
import { answerFields } from '../core/http/answer-fields.ts';
import { fieldKind } from '../core/http/field-kinds.ts';
import { lowerName } from '../core/http/memo.ts';
import type { Answer } from '../core/upstream/ask.ts';

/** Fields whose values are added to what the app has set; of all others the app's own win. */
const addedUp: ReadonlySet<string> = new Set(['set-cookie', 'vary', 'link', 'server-timing']);

/** A refusal is for this client and this moment, and what speaks of the auth server's own origin would be taken for the origin asked for. */
const leftOut =
  /^(?:age|alt-svc|.*cache-control|surrogate-.*|etag|expires|last-modified|accept-ranges)$/;

/**
 * Hands the auth server's refusal to the client as it is: status, cookies, `Location`, challenges, body.
 *
 * @param challenges of the other schemes of the gate, for a 401
 */
export function sendRefusal(
  answer: Answer,
  challenges: readonly string[],
  req: Request,
  res: Response,
): void {
  const { stripped } = contextOf(req);
  const has = (lower: string): boolean =>
    leftOut.test(lower) ||
    fieldKind(lower) === 'identity' ||
    stripped?.has(lower) === true ||
    (present.has(lower) && !addedUp.has(lower));
  const present = new Set(res.getHeaderNames());
  const { fields } = answerFields(answer.fields, has, undefined);
  res.statusCode = answer.status;
  for (let index = 0; index < fields.length; index += 2)
    res.appendHeader(fields[index] as string, fields[index + 1] as string);
  if (answer.status === 401)
    for (const challenge of challenges) res.appendHeader('WWW-Authenticate', challenge);
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Content-Length', answer.body.length);
  res.end(answer.body);
}

/** All values of a field. */
export function valuesOf(fields: readonly string[], lower: string): string[] {
  return fields.filter((_, at) => at % 2 === 1 && lowerName(fields[at - 1] as string) === lower);
}
