import type { Request, Response } from 'express';
import { contextOf } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { cookieValues } from '../core/http/cookie-pairs.ts';
import type { StoredAnswer } from '../core/http/conditional.ts';
import type { Fields } from '../core/http/fields.ts';
import { parseHost } from '../core/http/host.ts';
import { invalidated } from '../core/http/invalidation.ts';
import { memoised } from '../core/http/memo.ts';
import { variantOf } from '../core/http/vary.ts';
import type { VaryRecord } from './entry.ts';

/** What of a request is part of its key, beside its URL. */
export interface KeyPlan {
  readonly appendKey: ((req: Request, res: Response) => string) | undefined;
  /** Names of the cookies that make a different answer. */
  readonly keyCookies: readonly string[];
}

const isHost: (host: string) => boolean = memoised((host) => parseHost(host) !== undefined);

/**
 * The URL a request is for, byte for byte as the client sent it: `https://shop.example/a?b`. Scheme and host are what
 * Express takes for true (`trust proxy`); where a proxy in front names another host than `Host` does, servers behind may
 * go by either, so both are in it. A request to a forward proxy has the URL of its destination,
 * marked as `http://proxied@site.example/a`.
 *
 * @returns undefined when it has none that cannot be mistaken for another one
 */
export function urlOf(req: Request): string | undefined {
  const { destination } = contextOf(req);
  // Never the URL of a local route, whatever Host a client gives with that one: no Host has userinfo.
  if (destination !== undefined) return destination.href.replace('://', '://proxied@');
  const { originalUrl, headers } = req;
  const own = headers.host ?? '';
  // Express' getters look through the app's settings: not where no proxy in front has said anything.
  const told =
    headers['x-forwarded-host'] !== undefined || headers['x-forwarded-proto'] !== undefined;
  const host = told ? ((req.host as string | undefined) ?? '') : own;
  if (!isHost(host) || !originalUrl.startsWith('/')) return undefined;
  const protocol = told ? req.protocol : isEncrypted(req) ? 'https' : 'http';
  const url = `${protocol}://${host.toLowerCase()}${originalUrl}`;
  if (host === own) return url;
  return isHost(own) ? `${url} ${own.toLowerCase()}` : undefined;
}

/** The URLs whose stored answers are no longer valid (RFC 9111 §4.4), each as `urlOf` writes it; `url` comes first. */
export function invalidatedUrls(
  method: string,
  url: string,
  answer: StoredAnswer,
): readonly string[] {
  const [target = '', own] = url.split(' ');
  const path = pathOf(target);
  const site = target.slice(0, target.length - path.length);
  // Servers behind may name their site by either host.
  const sites = own === undefined ? [site] : [site, site.slice(0, site.indexOf('//') + 2) + own];
  const urls = new Set<string>();
  for (const base of sites)
    for (const [at, other] of invalidated(method, base + path, answer).entries())
      urls.add(at === 0 ? url : site + pathOf(other) + url.slice(target.length));
  return [...urls];
}

/** What follows the host. */
function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2);
  return start < 0 ? '' : url.slice(start);
}

function isEncrypted({ socket }: Request): boolean {
  return (socket as { encrypted?: boolean }).encrypted === true;
}

/** The part of the key that the options add; empty when they add none. No value can look like another one. */
export function keySuffix(plan: KeyPlan, req: Request, res: Response): string {
  const { appendKey, keyCookies } = plan;
  if (appendKey === undefined && keyCookies.length === 0) return '';
  const parts: string[] = [];
  if (appendKey !== undefined) parts.push(textOf(appendKey(req, res)));
  if (keyCookies.length > 0) {
    const cookies = cookieValues(req.headers.cookie ?? '');
    for (const name of keyCookies) parts.push(cookies.get(name) ?? '');
  }
  return ` ${JSON.stringify(parts)}`;
}

/** A promise, or an object, would look the same for all. */
function textOf(part: unknown): string {
  if (typeof part === 'string') return part;
  throw new ProxyError('ERR_SEKISHO_HOOK', {
    detail: `appendKey gave ${part instanceof Promise ? 'a promise' : typeof part}; it has to give a string at once`,
  });
}

/** Where the answer stands that fits this request. */
export function variantKey(key: string, record: VaryRecord, fields: Fields): string {
  return `${key} ${record.generation} ${variantOf(record.names, fields)}`;
}

/** The group that all keys of a URL are in, where one URL has several. */
export function groupOfUrl(url: string): string {
  return `url ${url}`;
}
