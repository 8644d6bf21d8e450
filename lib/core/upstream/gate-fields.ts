import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { contextOf, type Context } from '../context.ts';
import { fieldsOf, headerObject } from '../exchange/contract.ts';
import { withoutCookies } from '../http/cookie-pairs.ts';
import { fieldKind } from '../http/field-kinds.ts';
import { listTokens } from '../http/fields.ts';
import { lowerName } from '../http/memo.ts';
import { removeFields } from './request-fields.ts';

type Gates = Pick<Context, 'consumed' | 'consumedCookies' | 'identity' | 'proxied'> &
  Partial<Pick<Context, 'told'>>;

/**
 * Applies what gates have decided to the fields of a request, in place: credentials that they have consumed
 * stay here, and who the user is goes on.
 *
 * @param fields end-to-end fields; the client's own copies of identity fields are out already
 */
export function applyGates(fields: string[], gates: Gates): void {
  const { consumed, consumedCookies } = gates;
  if (consumed !== undefined) removeFields(fields, consumed);
  if (consumedCookies !== undefined) cutCookies(fields, consumedCookies);
  const { told } = gates;
  if (told !== undefined && !gates.proxied) {
    removeFields(fields, namesOf(told));
    fields.push(...told);
  }
  const identity = identityFor(gates);
  if (identity !== undefined) for (const text of identity) fields.push(text);
}

function namesOf(fields: readonly string[]): ReadonlySet<string> {
  return new Set(fields.filter((_, at) => at % 2 === 0).map(lowerName));
}

/** Servers behind are told who the user is; the web at large, which a forward proxy's client asks for, is not. */
function identityFor({ identity, proxied }: Gates): readonly string[] | undefined {
  return proxied ? undefined : identity;
}

function cutCookies(fields: string[], names: ReadonlySet<string>): void {
  for (let index = fields.length - 2; index >= 0; index -= 2) {
    if (lowerName(fields[index] as string) !== 'cookie') continue;
    const rest = withoutCookies(fields[index + 1] as string, names);
    if (rest === undefined) fields.splice(index, 2);
    else fields[index + 1] = rest;
  }
}

/** Makes the request have these headers until the returned function is called. */
export function lendHeaders(req: IncomingMessage, headers: IncomingHttpHeaders): () => void {
  const before = Object.getOwnPropertyDescriptor(req, 'headers');
  Object.defineProperty(req, 'headers', { value: headers, configurable: true, writable: true });
  return () => {
    if (before === undefined) Reflect.deleteProperty(req, 'headers');
    else Object.defineProperty(req, 'headers', before);
  };
}

/** `req.headers` for somebody who sends them on as they are. */
export interface GatedHeaders {
  /** Without what a client may not say and what gates have consumed. */
  readonly stripped: IncomingHttpHeaders;
  /** The same, with who the user is. */
  readonly identified: IncomingHttpHeaders;
}

export function gatedHeaders(req: IncomingMessage): GatedHeaders {
  const context = contextOf(req);
  const { consumed, consumedCookies } = context;
  const stripped: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(req.headers))
    if (fieldKind(name) !== 'identity' && consumed?.has(name) !== true) stripped[name] = value;
  if (stripped.cookie !== undefined && consumedCookies !== undefined) {
    const rest = withoutCookies(stripped.cookie, consumedCookies);
    if (rest === undefined) delete stripped.cookie;
    else stripped.cookie = rest;
  }
  if (stripped.connection !== undefined) stripped.connection = harmless(stripped.connection);
  const identified = { ...stripped };
  const identity = [...(context.told ?? []), ...(identityFor(context) ?? [])];
  for (let index = 0; index < identity.length; index += 2)
    identified[(identity[index] as string).toLowerCase()] = identity[index + 1];
  return { stripped: filtered(stripped, context), identified: filtered(identified, context) };
}

function filtered(headers: IncomingHttpHeaders, { fieldFilters }: Context): IncomingHttpHeaders {
  if (fieldFilters === undefined) return headers;
  const fields = fieldsOf(headers);
  for (const filter of fieldFilters) filter(fields);
  return headerObject(fields);
}

/** A client's `Connection: X-Forwarded-User` would have the next proxy take out what we say there. */
function harmless(connection: string): string {
  const tokens = listTokens(connection);
  const kept = tokens.filter((token) => fieldKind(token) !== 'identity');
  return kept.length === tokens.length ? connection : kept.join(', ') || 'keep-alive';
}
