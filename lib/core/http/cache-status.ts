import type { Fields } from './fields.ts';
import { largestInteger, serialiseBareItem } from './structured-fields.ts';

/** Why a request went on to the origin (RFC 9211 §2.2). */
export type ForwardReason =
  'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale' | 'partial';

/** What a cache did with one request (RFC 9211 §2). */
export interface CacheStatus {
  /** Absent: nothing was asked of the origin, a `hit`. */
  readonly fwd?: ForwardReason | undefined;
  /** Status of the origin's answer; worth telling when it is not the client's, e.g. 304. */
  readonly fwdStatus?: number | undefined;
  /** Milliseconds for which the answer stays fresh; negative when it is stale. */
  readonly ttl?: number | undefined;
  readonly stored?: boolean | undefined;
  /** Shared the fetch of another request. */
  readonly collapsed?: boolean | undefined;
  readonly key?: string | undefined;
  /** Anything else, e.g. why the answer was not stored. */
  readonly detail?: string | undefined;
}

const longestText = 256;
const notPrintable = /[^\x20-\x7e]/g;

/**
 * A member of `Cache-Status`, e.g. `sekisho; hit; ttl=30` or `sekisho; fwd=uri-miss; stored`. Texts are cut at 256
 * characters, and `?` stands for each that a structured field cannot hold.
 */
export function cacheStatus(status: CacheStatus, name = 'sekisho'): string {
  let member = tokenOrString(name);
  member += status.fwd === undefined ? '; hit' : `; fwd=${status.fwd}`;
  if (status.fwd !== undefined && status.fwdStatus !== undefined)
    member += `; fwd-status=${status.fwdStatus}`;
  if (status.ttl !== undefined && !Number.isNaN(status.ttl))
    member += `; ttl=${wholeSeconds(status.ttl)}`;
  if (status.fwd !== undefined && status.stored === true) member += '; stored';
  if (status.fwd !== undefined && status.collapsed === true) member += '; collapsed';
  if (status.key !== undefined) member += `; key=${string(status.key)}`;
  if (status.detail !== undefined) member += `; detail=${tokenOrString(status.detail)}`;
  return member;
}

/** A member for a request that a cache has answered of its own accord: neither a hit nor forwarded. */
export function ownCacheStatus(detail: string, name: string): string {
  return `${tokenOrString(name)}; detail=${tokenOrString(detail)}`;
}

/**
 * Fields with a member of `Cache-Status` behind those of the caches that are nearer to the origin: the last one is
 * the nearest to the client (RFC 9211 §2). Theirs stay as they came, on lines of their own.
 */
export function withCacheStatus(fields: Fields, member: string): string[] {
  return [...fields, 'Cache-Status', member];
}

function wholeSeconds(milliseconds: number): number {
  const seconds = Math.floor(milliseconds / 1000);
  return Math.max(-largestInteger, Math.min(largestInteger, seconds));
}

function tokenOrString(text: string): string {
  return text.length > longestText
    ? string(text)
    : (serialiseBareItem({ kind: 'token', value: text }) ?? string(text));
}

function string(text: string): string {
  const value = text.slice(0, longestText).replace(notPrintable, '?');
  return serialiseBareItem({ kind: 'string', value }) as string;
}
