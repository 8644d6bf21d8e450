import { readDomain, type DomainPattern } from './host-pattern.ts';
import { readPathPattern, type PathPattern } from './path-pattern.ts';
import type { Rule } from './pattern.ts';

type Place = Pick<Rule, 'hosts' | 'paths'>;

const url = /^[a-z][a-z\d+.-]*:\/\//i;
const network = /^[\d.]+\/\d{1,2}$|^[\da-f:]*:[\da-f:]*\/\d{1,3}$/i;

/** A string says by its slash what it is: none is a host, one at the start a path, one behind a host both. */
export function readText(text: string): Place | string {
  if (url.test(text)) return `is a URL; write '${text.replace(url, '')}', without the scheme`;
  if (network.test(text))
    return "is a network; a filter sees names, what they resolve to is forwardProxy's to judge";
  const slash = text.indexOf('/');
  if (slash === 0) return placeOf([], text);
  const host = slash === -1 ? text : text.slice(0, slash);
  if (slash === -1 && !host.includes('.') && !host.includes(':') && host !== 'localhost')
    return `is neither a path nor a domain; write '/${text}' for a path, or { host: '${text}' } for a host`;
  if (/^\*\.[^.]*$/.test(host))
    return `is a domain without a dot; write '/**/${text}' for files, or { host: '${text}' } for hosts`;
  const domain = readDomain(host);
  return typeof domain === 'string'
    ? domain
    : placeOf([domain], slash === -1 ? '/' : text.slice(slash));
}

function placeOf(hosts: readonly DomainPattern[], path: string): Place | string {
  const paths = pathsOf(path);
  return typeof paths === 'string' ? paths : { hosts, paths };
}

/** `/` and `/**` are no condition at all, so they hold for tunnels, which have no path. */
export function pathsOf(text: string): readonly PathPattern[] | string {
  const patterns = readPathPattern(text);
  if (typeof patterns === 'string') return patterns;
  return patterns.some(({ segments }) => segments.every((segment) => segment === '**'))
    ? []
    : patterns;
}
