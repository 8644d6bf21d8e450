import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import { contextOf } from '../core/context.ts';

/** The field by which the page proves that it was the one who asked; another site can't send it without being asked. */
export const tokenField = 'x-sekisho-token';

/** Tells actions of the page from those that another site makes a browser ask for (CSRF). */
export class Forgery {
  /** Of this process: a page of another one would act on pools it does not show. */
  readonly #secret: Buffer = randomBytes(32);

  /** What the page of this user has to send along. */
  token(req: Request): string {
    const user = contextOf(req).user?.name ?? '';
    return createHmac('sha256', this.#secret).update(user).digest('base64url');
  }

  /** Why the request can't be from the page; undefined when it is. */
  suspicion(req: Request): string | undefined {
    const given = Buffer.from(String(req.headers[tokenField] ?? ''));
    const expected = Buffer.from(this.token(req));
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      return `no ${tokenField} of this process and user`;
    const site = req.headers['sec-fetch-site'];
    if (site !== undefined) return site === 'same-origin' ? undefined : `Sec-Fetch-Site: ${site}`;
    // Over plain http browsers send no fetch metadata, but an Origin with every POST.
    const { origin } = req.headers;
    return isOf(req.host, origin) ? undefined : `Origin: ${origin ?? 'none'}`;
  }
}

/** @param host undefined when the request has none (HTTP/1.0) */
function isOf(host: string | undefined, origin: string | undefined): boolean {
  return (
    origin !== undefined && URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()
  );
}
