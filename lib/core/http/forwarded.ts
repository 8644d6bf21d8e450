import { parseHost } from './host.ts';
import { memoised } from './memo.ts';

/** One hop as the `Forwarded` field tells of it (RFC 7239 §4). */
export interface ForwardedElement {
  /** Who made the request: an address with or without port, `unknown`, or an obfuscated name such as `_a1`. */
  readonly for?: string | undefined;
  /** Where the proxy received it; written as `for` is. */
  readonly by?: string | undefined;
  /** The Host the proxy received. */
  readonly host?: string | undefined;
  readonly proto?: string | undefined;
}

const names = ['for', 'by', 'host', 'proto'] as const;
const token = /^[!#$%&'*+.^_`|~\w-]+$/;
/** What a quoted string may hold, escaped or not (RFC 9110 §5.6.4). */
const quotable = /^[\t\x20-\x7e\x80-\xff]*$/;
/** RFC 7239 §6: an IPv4 or bracketed IPv6 address, `unknown` or `_name`; then a port or `_port`. */
const node =
  /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[\da-f:.]+\]|unknown|_[\w.-]+)(?::(?:\d{1,5}|_[\w.-]+))?$/i;
const scheme = /^[a-z][a-z\d+.-]*$/i;
const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;
const pairPattern =
  /[ \t]*([!#$%&'*+.^_`|~\w-]+)=(?:([!#$%&'*+.^_`|~\w-]+)|"((?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*)")[ \t]*([;,]|$)/y;

/**
 * One element of a `Forwarded` field, e.g. `for="[2001:db8::1]:4711";host="a.example:8080";proto=https`.
 * A node that is none is written as `unknown`, a host or scheme that is none is left out: what a client
 * made up can never add a parameter or an element.
 */
export function forwardedElement(element: ForwardedElement): string {
  const pairs: string[] = [];
  if (element.for !== undefined) pairs.push(`for=${quoted(nodeName(element.for))}`);
  if (element.by !== undefined) pairs.push(`by=${quoted(nodeName(element.by))}`);
  if (element.host !== undefined && parseHost(element.host) !== undefined)
    pairs.push(`host=${quoted(element.host)}`);
  if (element.proto !== undefined && scheme.test(element.proto))
    pairs.push(`proto=${element.proto}`);
  return pairs.join(';');
}

/**
 * Reads a `Forwarded` field, first hop first; unknown parameters are left out.
 *
 * @returns undefined when the field breaks the grammar or repeats a parameter within an element
 */
export function parseForwarded(value: string): ForwardedElement[] | undefined {
  const elements: ForwardedElement[] = [];
  let element: Partial<Record<string, string>> = {};
  pairPattern.lastIndex = 0;
  while (pairPattern.lastIndex < value.length) {
    const pair = pairPattern.exec(value);
    if (pair === null) return undefined;
    const [whole, name = '', plain, string = '', end] = pair;
    const key = name.toLowerCase();
    if (Object.hasOwn(element, key)) return undefined;
    element[key] = plain ?? string.replace(/\\(.)/g, '$1');
    if (end === ';') continue;
    elements.push(known(element));
    element = {};
    if (end === '' || whole === '') break;
  }
  return /[;,][ \t]*$/.test(value) || value.trim() === '' ? undefined : elements;
}

/** The address as logs and fields show it: `::ffff:192.0.2.1` is IPv4, and a zone means nothing elsewhere. */
export function plainAddress(address: string): string {
  if (!address.includes(':')) return address;
  const [withoutZone = ''] = address.split('%', 1);
  return mapped.exec(withoutZone)?.[1] ?? withoutZone;
}

/** `X-Forwarded-For`; `previous` is what a trusted peer sent, and undefined when the peer is not trusted. */
export function xForwardedFor(previous: string | undefined, address: string): string {
  return appended(previous, plainAddress(address));
}

/** `Forwarded` with this hop behind what a trusted peer sent. */
export function forwarded(previous: string | undefined, element: ForwardedElement): string {
  return appended(previous, forwardedElement(element));
}

/** `X-Forwarded-Port`: the port the client used, which a Host without one leaves to the scheme. */
export function xForwardedPort(host: string | undefined, proto: string): string {
  const port = host === undefined ? '' : portOf(host);
  if (port !== '') return port;
  return proto === 'https' || proto === 'wss' ? '443' : '80';
}

const portOf: (host: string) => string = memoised((host) => String(parseHost(host)?.port ?? ''));

/** `X-Forwarded-Prefix`: all that was taken off the path, outermost first; empty when nothing was. */
export function xForwardedPrefix(previous: string | undefined, prefix: string): string {
  return `${withoutSlash(previous ?? '')}${withoutSlash(prefix)}`;
}

function appended(previous: string | undefined, value: string): string {
  return previous === undefined || previous.trim() === '' ? value : `${previous}, ${value}`;
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

function nodeName(value: string): string {
  const address = plainAddress(value);
  const name =
    address.includes(':') && /^[\da-f:.]+$/i.test(address) ? bracketed(address) : address;
  return node.test(name) ? name : 'unknown';
}

/** Bare IPv6 gets brackets; `192.0.2.1:80` only looks like it. */
function bracketed(address: string): string {
  return /^\d+(?:\.\d+){3}:\d+$/.test(address) ? address : `[${address}]`;
}

function quoted(value: string): string {
  if (token.test(value)) return value;
  return quotable.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : 'unknown';
}

function known(element: Partial<Record<string, string>>): ForwardedElement {
  return Object.fromEntries(
    names.flatMap((name) => (element[name] === undefined ? [] : [[name, element[name]]])),
  );
}
