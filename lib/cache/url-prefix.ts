import { OptionsError } from '../core/errors.ts';
import { quote } from '../core/options.ts';

const schemeAndHost = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;

/**
 * Whether a URL starts with a prefix, by path segment as with routes: `/blog` takes `/blog`, `/blog/x` and `/blog?x`,
 * not `/blogger`; a slash at its end makes no difference. A prefix with a query takes URLs with more parameters after
 * it. `/blog` is that of every host, `https://shop.example/blog` that of one, compared without case and default port.
 *
 * @throws {OptionsError} for what is neither a path nor a URL
 */
export function urlPrefix(prefix: string): (url: string) => boolean {
  const origin = schemeAndHost.exec(prefix)?.[0];
  if (origin === undefined && !prefix.startsWith('/'))
    throw new OptionsError('clear', [
      `prefix: ${quote(prefix)} is neither a path nor a URL; use one such as '/blog' or 'https://shop.example/blog'`,
    ]);
  const start = prefix.slice(origin?.length ?? 0).replace(/#.*$/s, '');
  const path = start.includes('?') ? start : start.replace(/\/+$/, '');
  const ends = start.includes('?') ? '&' : '/?';
  const wanted = origin === undefined ? undefined : normalOrigin(origin);

  return (url) => {
    const [own = ''] = schemeAndHost.exec(url) ?? [];
    if (wanted !== undefined && own !== origin && normalOrigin(own) !== wanted) return false;
    if (!url.startsWith(path, own.length)) return false;
    const next = url[own.length + path.length];
    return next === undefined || ends.includes(next);
  };
}

function normalOrigin(origin: string): string {
  const url = URL.parse(origin);
  return url === null ? origin.toLowerCase() : `${url.protocol}//${url.host}`;
}
