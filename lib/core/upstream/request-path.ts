import type { Request } from 'express';
import { ProxyError } from '../errors.ts';
import { parseHost } from '../http/host.ts';
import type { ParsedForwarderOptions } from './forward-options.ts';

const absoluteForm = /^(https?):\/\/([^/?#]*)(.*)$/i;
/** Node lets more pass, but these are in no URL (RFC 3986 §2) and some server will cut at them. */
const impossible = /[#\0-\x20\x7f-\uffff]/;

/**
 * The path and query a server is asked for, byte for byte what the client sent, without the mount
 * prefixes (or with them, as `keepPrefix` says).
 *
 * @param prefix what a router has matched beyond Express' own mount path
 * @throws {ProxyError} ERR_SEKISHO_BAD_PATH, ERR_SEKISHO_BAD_HOST, ERR_SEKISHO_TARGET
 */
export function requestPath(
  req: Request,
  prefix: string,
  host: string | undefined,
  options: Pick<ParsedForwarderOptions, 'keepPrefix' | 'pathRewrite'>,
): string {
  const url = originForm(req.url, host);
  if (impossible.test(url)) throw badPath('it has bytes that are in no URL');
  if (url === '*') {
    if (req.method !== 'OPTIONS') throw badPath('* is for OPTIONS');
    return url;
  }
  const path = options.keepPrefix ? withMount(req, url) : rooted(url.slice(prefix.length));
  if (!path.startsWith('/')) throw badPath('it does not start with /');
  return options.pathRewrite === undefined ? path : rewritten(path, req, options.pathRewrite);
}

/** RFC 9112 §3.2.2: a server takes absolute-form, too; its authority has to be the Host. */
function originForm(url: string, host: string | undefined): string {
  if (url.startsWith('/') || url === '*') return url;
  const [, scheme = '', authority, rest] = absoluteForm.exec(url) ?? [];
  if (authority === undefined || rest === undefined)
    throw badPath('it is neither a path nor a URL');
  const standard = scheme.toLowerCase() === 'https' ? 443 : 80;
  const stated = parseHost(authority);
  const given = host === undefined ? undefined : parseHost(host);
  if (
    stated === undefined ||
    stated.hostname !== given?.hostname ||
    (stated.port ?? standard) !== (given.port ?? standard)
  )
    throw new ProxyError('ERR_SEKISHO_BAD_HOST', { detail: 'Host is not that of the target' });
  return rooted(rest);
}

function rooted(path: string): string {
  return path === '' || path.startsWith('?') ? `/${path}` : path;
}

function withMount(req: Request, url: string): string {
  const whole = req.baseUrl + url;
  // Express adds a slash for a request of the mount path itself; the client did not send it.
  return url.startsWith('/') && req.originalUrl === req.baseUrl + url.slice(1)
    ? req.originalUrl
    : whole;
}

function rewritten(
  path: string,
  req: Request,
  rewrite: NonNullable<ParsedForwarderOptions['pathRewrite']>,
): string {
  let result: unknown;
  if (typeof rewrite === 'function')
    try {
      result = rewrite(path, req);
    } catch (cause) {
      throw new ProxyError('ERR_SEKISHO_TARGET', { cause, detail: 'pathRewrite failed' });
    }
  else {
    const rule = rewrite.find(({ pattern }) => pattern.test(path));
    result = rule === undefined ? path : rooted(path.replace(rule.pattern, rule.replacement));
  }
  if (typeof result === 'string' && result.startsWith('/') && !impossible.test(result))
    return result;
  if (result === '*' && req.method === 'OPTIONS') return result;
  throw new ProxyError('ERR_SEKISHO_TARGET', {
    detail: `pathRewrite gave ${JSON.stringify(result)}; it must give a path that starts with /`,
  });
}

function badPath(detail: string): ProxyError {
  return new ProxyError('ERR_SEKISHO_BAD_PATH', { detail });
}
