import { fieldKind } from './field-kinds.ts';
import { listTokens, type Fields } from './fields.ts';
import { parseHost } from './host.ts';
import { lowerName, memoised } from './memo.ts';

/** Why a request is refused with 400; the middle part of `ERR_SEKISHO_BAD_…`. */
export type RequestProblem = 'framing' | 'host' | 'request';

/** What a forwarder reads from the fields of a request, in one pass. */
export interface RequestReading {
  problem: { kind: RequestProblem; detail: string } | undefined;
  /** What goes on as it is, behind Host. */
  readonly pass: string[];
  /** Names and values in turn of what only a trusted peer may say; undefined when there is nothing. */
  claims: string[] | undefined;
  host: string | undefined;
  /** The body as the client framed it. */
  length: number;
  chunked: boolean;
  trailersWanted: boolean;
  expectsContinue: boolean;
  maxForwards: number | undefined;
  via: string | undefined;
  forwarded: string | undefined;
  forwardedFor: string | undefined;
  forwardedHost: string | undefined;
  forwardedPort: string | undefined;
  forwardedPrefix: string | undefined;
  forwardedProto: string | undefined;
}

/** The same few hosts come again and again. */
const knownHost: (host: string) => boolean = memoised((host) => parseHost(host) !== undefined);
const length = /^\d{1,15}$/;

/**
 * Reads and judges the fields of a request as node:http gives them. Node's own parser lets some
 * ambiguous requests pass (two Hosts, Transfer-Encoding in HTTP/1.0, codings other than chunked);
 * here whatever two readers could read differently is a problem (RFC 9112 §3.2, §6.1, §6.3).
 */
export function readRequest(fields: Fields, httpVersion: string): RequestReading {
  const reading: RequestReading = {
    problem: undefined,
    pass: ['Host', ''],
    claims: undefined,
    host: undefined,
    length: 0,
    chunked: false,
    trailersWanted: false,
    expectsContinue: false,
    maxForwards: undefined,
    via: undefined,
    forwarded: undefined,
    forwardedFor: undefined,
    forwardedHost: undefined,
    forwardedPort: undefined,
    forwardedPrefix: undefined,
    forwardedProto: undefined,
  };
  const { pass } = reading;
  let stated = false;
  let named: string[] | undefined;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = fields[index + 1] as string;
    switch (fieldKind(name)) {
      case 'pass':
        pass.push(name, value);
        break;
      case 'drop':
      case 'identity':
        break;
      case 'claim':
        (reading.claims ??= []).push(name, value);
        break;
      case 'host':
        if (reading.host !== undefined) problem(reading, 'host', 'two Host fields');
        reading.host = value;
        break;
      case 'connection': {
        if (value === 'keep-alive' || value === 'close') break;
        named = (named ?? []).concat(listTokens(value));
        break;
      }
      case 'content-length':
        if (stated || !length.test(value)) problem(reading, 'framing', 'unusable Content-Length');
        stated = true;
        reading.length = Number(value);
        break;
      case 'transfer-encoding':
        if (reading.chunked || httpVersion === '1.0' || value.toLowerCase() !== 'chunked')
          problem(reading, 'framing', 'unusable Transfer-Encoding');
        reading.chunked = true;
        break;
      case 'te':
        reading.trailersWanted ||= listTokens(value).some((token) =>
          /^trailers\s*(?:;|$)/.test(token),
        );
        break;
      case 'expect':
        reading.expectsContinue ||= value.toLowerCase() === '100-continue';
        break;
      case 'max-forwards':
        reading.maxForwards = length.test(value) ? Number(value) : undefined;
        break;
      case 'via':
        reading.via = joined(reading.via, value);
        break;
      case 'forwarded':
        reading.forwarded = joined(reading.forwarded, value);
        break;
      case 'x-forwarded-for':
        reading.forwardedFor = joined(reading.forwardedFor, value);
        break;
      case 'x-forwarded-host':
        reading.forwardedHost = value;
        break;
      case 'x-forwarded-port':
        reading.forwardedPort = value;
        break;
      case 'x-forwarded-prefix':
        reading.forwardedPrefix = value;
        break;
      case 'x-forwarded-proto':
        reading.forwardedProto = value;
        break;
    }
  }
  if (stated && reading.chunked)
    problem(reading, 'framing', 'both Content-Length and Transfer-Encoding');
  judgeHost(reading, httpVersion);
  // An empty port is none, and normally left out (RFC 9110 §4.2.3).
  if (reading.host?.endsWith(':') === true) reading.host = reading.host.slice(0, -1);
  pass[1] = reading.host ?? '';
  if (named !== undefined) removeNamed(pass, named);
  return reading;
}

function problem(reading: RequestReading, kind: RequestProblem, detail: string): void {
  reading.problem ??= { kind, detail };
}

function judgeHost(reading: RequestReading, httpVersion: string): void {
  const { host } = reading;
  if (host === undefined || host === '') {
    // HTTP/1.0 knows no Host; an empty one is for targets without authority (RFC 9112 §3.2).
    if (httpVersion !== '1.0') problem(reading, 'host', 'no Host');
  } else if (!knownHost(host)) problem(reading, 'host', 'malformed Host');
}

/** Takes out the fields that `Connection` names: they were meant for this hop (RFC 9110 §7.6.1). */
function removeNamed(pass: string[], named: readonly string[]): void {
  for (let index = pass.length - 2; index > 0; index -= 2)
    if (named.includes(lowerName(pass[index] as string))) pass.splice(index, 2);
}

/** Several lines of a list field are one list (RFC 9110 §5.3). */
function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`;
}
