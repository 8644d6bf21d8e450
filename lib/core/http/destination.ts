import { isDeceptiveName } from './deceptive-name.ts';

/** Where a request in absolute-form (RFC 9112 §3.2.2) or a CONNECT (RFC 9110 §9.3.6) wants to go. */
export interface ParsedDestination {
  readonly form: 'http' | 'connect';
  readonly scheme: 'http' | 'ws' | undefined;
  /** Lower case, names in punycode, addresses as the URL standard writes them; no brackets, no dot at its end. */
  readonly hostname: string;
  readonly port: number;
  /** Path and query byte for byte, beginning with `/`; empty for CONNECT. */
  readonly path: string;
  readonly href: string;
}

/** Why a target names no destination. */
export interface MalformedDestination {
  readonly malformed: string;
  readonly status: 400 | 414;
}

const longestTarget = 65_536;
const longestName = 253;
/** What the URL parser would drop (tabs, line ends), read as `/` (backslashes) or decode (`%`) in silence. */
// eslint-disable-next-line no-control-regex -- exactly these
const controls = /[\x00-\x20\x7f]/;
const absoluteForm = /^([a-z][a-z\d+.-]*):\/\/([^/?#]*)([^#]*)$/i;
/** What the parser would take for the end of the host is no part of one. */
// eslint-disable-next-line no-control-regex -- exactly these
const hostPattern = /^(?:\[[\da-f:.]+\]|[^[\]:/?#@\\%\x00-\x20\x7f]+)$/i;
/** A port may be empty (RFC 3986 §3.2.3). */
const authority = /^(.*?)(?::([1-9]\d{0,4})?)?$/;
/** Underscores are no host names, but in use. */
const namePattern = /^[a-z\d_-]{1,63}(?:\.[a-z\d_-]{1,63})*$/;
const addressPattern = /^(?:\[[\da-f:]+\]|\d{1,3}(?:\.\d{1,3}){3})$/;

/**
 * Reads the target of a request to a forward proxy. Refused is whatever two readers could read as two destinations:
 * userinfo, `%` and backslashes in the authority, zone ids, control bytes, fragments, ports with signs or zeros in front,
 * empty labels, labels that mix writing systems or look Latin and are not. Other spellings of an address (`0x7f.1`, `2130706433`, fullwidth digits)
 * are read as the WHATWG URL parser reads them.
 *
 * @param target as the client has sent it
 */
export function parseDestination(
  target: string,
  form: 'http' | 'connect',
): ParsedDestination | MalformedDestination {
  if (target.length > longestTarget) return malformed('the target is too long', 414);
  if (controls.test(target)) return malformed('white space or a control byte in the target');
  return form === 'connect' ? parseTunnel(target) : parseAbsolute(target);
}

function parseTunnel(target: string): ParsedDestination | MalformedDestination {
  const read = readAuthority(target);
  if (typeof read === 'string') return malformed(read);
  const { host, hostname, port } = read;
  if (port === undefined) return malformed('CONNECT without a port');
  const href = `${host}:${port}`;
  return { form: 'connect', scheme: undefined, hostname, port, path: '', href };
}

function parseAbsolute(target: string): ParsedDestination | MalformedDestination {
  const [, schemeText, place = '', rest = ''] = absoluteForm.exec(target) ?? [];
  if (schemeText === undefined) return malformed('no absolute URL, or one with a fragment');
  const scheme = schemeText.toLowerCase();
  if (scheme === 'https' || scheme === 'wss') return malformed(`${scheme} needs a CONNECT`);
  if (scheme !== 'http' && scheme !== 'ws') return malformed('the scheme is not http');
  const read = readAuthority(place);
  if (typeof read === 'string') return malformed(read);
  const { host, hostname, port = 80 } = read;
  const path = rest.startsWith('/') ? rest : `/${rest}`;
  const href = `${scheme}://${host}${port === 80 ? '' : `:${port}`}${path}`;
  return { form: 'http', scheme, hostname, port, path, href };
}

interface Authority {
  /** As in a URL: IPv6 in brackets. */
  readonly host: string;
  readonly hostname: string;
  readonly port: number | undefined;
}

/** @returns what is wrong with it, when it is no authority */
function readAuthority(text: string): Authority | string {
  if (text === '') return 'no host';
  if (text.includes('@')) return 'userinfo in the authority';
  if (text.includes('\\')) return 'a backslash in the authority';
  if (text.includes('%')) return 'a percent sign in the authority';
  const [, hostText = '', digits] = authority.exec(text) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && port > 65535) return 'the port is no number from 1 to 65535';
  const host = canonicalHost(hostText);
  if (host === undefined) return 'the host or the port is malformed';
  if (isDeceptiveName(host))
    return 'the host name mixes writing systems, looks like another one, or is no punycode';
  return { host, hostname: host.startsWith('[') ? host.slice(1, -1) : host, port };
}

/**
 * A host as every list, log and connection has it: what the WHATWG URL parser makes of it, without one trailing dot.
 *
 * @param text a name in any spelling, an IPv4 address, or an IPv6 address in brackets
 * @returns undefined when it is none
 */
export function canonicalHost(text: string): string | undefined {
  if (!hostPattern.test(text)) return undefined;
  const parsed = URL.parse(`http://${text}/`)?.hostname;
  if (parsed === undefined) return undefined;
  const host = parsed.endsWith('.') ? parsed.slice(0, -1) : parsed;
  if (addressPattern.test(host)) return host;
  return host.length <= longestName && namePattern.test(host) ? host : undefined;
}

function malformed(reason: string, status: 400 | 414 = 400): MalformedDestination {
  return { malformed: reason, status };
}
