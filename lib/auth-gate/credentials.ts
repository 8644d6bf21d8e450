import type { Request } from 'express';
import { contextOf } from '../core/context.ts';

export type CredentialsField = 'authorization' | 'proxy-authorization';

/** What the client presents to one scheme, not yet looked into. */
export interface Credentials {
  readonly field: CredentialsField;
  /** What follows the name of the scheme. */
  readonly value: string;
  /** Why nobody can tell what is meant; then the scheme refuses. */
  readonly problem: string | undefined;
}

/** The field that is for us: a client that takes us for its forward proxy has `Authorization` for the origin (RFC 9110 §11.7.1). */
export function credentialsField(req: Request): CredentialsField {
  return contextOf(req).proxied ? 'proxy-authorization' : 'authorization';
}

/**
 * The credentials of one authentication scheme (RFC 9110 §11.4), in `Authorization` or `Proxy-Authorization`.
 *
 * @param scheme lower-cased, e.g. `basic`
 * @returns undefined when there are none of this scheme
 */
export function credentialsOf(req: Request, scheme: string): Credentials | undefined {
  const field = credentialsField(req);
  const given = req.headers[field];
  if (given?.slice(0, scheme.length).toLowerCase() !== scheme) return undefined;
  const rest = given.slice(scheme.length);
  if (rest !== '' && !rest.startsWith(' ')) return undefined;
  return {
    field,
    value: rest.replace(/^ +/, ''),
    // Node tells of the first only; a server behind may read the other one.
    problem: occursTwice(req.rawHeaders, field) ? 'more than one field of credentials' : undefined,
  };
}

function occursTwice(rawHeaders: readonly string[], field: string): boolean {
  let seen = false;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length !== field.length || name.toLowerCase() !== field) continue;
    if (seen) return true;
    seen = true;
  }
  return false;
}
