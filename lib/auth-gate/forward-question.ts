import { hash } from 'node:crypto';
import type { Request } from 'express';
import { contextOf } from '../core/context.ts';
import { ProxyError, type ErrorCode } from '../core/errors.ts';
import { lowerName, memoised } from '../core/http/memo.ts';
import { readRequest, type RequestReading } from '../core/http/request-reading.ts';
import { applyGates } from '../core/upstream/gate-fields.ts';
import { addWayFields } from '../core/upstream/request-fields.ts';
import { requestPath } from '../core/upstream/request-path.ts';
import type { ParsedForwardOptions } from './forward-options.ts';

/** Names the auth servers that a request is being asked about at, so that a gate notices its own question. */
const marker = 'X-Sekisho-Asking';
/** More gates than this one behind the other, each asking about the question of the one before, are no architecture. */
const mostMarks = 8;

/** Fields of the body, of a condition on an answer that nobody asks for, and those by which a GET would be read as something else. */
const notAsked = /^(?:content-|if-|digest$|range$|repr-digest$|trailer$|x-http-method|x-method)/;
/** What the gate itself says of a request; a client's own copy would be a lie. */
const own = /^x-(?:forwarded|original|rewrite|sekisho)-/;

type FieldPart = 'asked' | 'left-out';

/** With anything that is neither letter nor digit as a dash, as CGI programs read names. */
const part: (name: string) => FieldPart = memoised((name) => {
  const folded = name.toLowerCase().replace(/[^a-z0-9]/g, '-');
  return notAsked.test(folded) || own.test(folded) ? 'left-out' : 'asked';
});

const badRequest: Readonly<Record<NonNullable<RequestReading['problem']>['kind'], ErrorCode>> = {
  framing: 'ERR_SEKISHO_BAD_FRAMING',
  host: 'ERR_SEKISHO_BAD_HOST',
  request: 'ERR_SEKISHO_BAD_REQUEST',
};

const keepingPrefix = { keepPrefix: true, pathRewrite: undefined } as const;
const wayOptions = { forwarded: 'x', via: 'sekisho' } as const;

/** Makes the question about a request: the fields of a GET, names and values in turn. */
export type Questioner = (req: Request) => string[];

/**
 * @returns a function that throws ProxyError: a request that two servers could read differently cannot be asked about, and
 * one that is the gate's own question must not be
 */
export function questioner({ url, requestHeaders, copyHeaders }: ParsedForwardOptions): Questioner {
  const mark = hash('sha256', url.href, 'base64url').slice(0, 16);
  const sources: ReadonlySet<string> = new Set(copyHeaders.map(({ from }) => from));
  const wanted = requestHeaders && new Set(requestHeaders);

  /** Authorization may be copied from the answer, and is asked about nevertheless. */
  const asked = (name: string): boolean => {
    const lower = lowerName(name);
    if (wanted !== undefined) return wanted.has(lower) && !own.test(lower);
    return part(name) === 'asked' && (lower === 'authorization' || !sources.has(lower));
  };

  return (req) => {
    const context = contextOf(req);
    const reading = judged(req);
    const fields = ['Host', url.host];
    for (let index = 2; index < reading.pass.length; index += 2) {
      const name = reading.pass[index] as string;
      if (asked(name)) fields.push(name, reading.pass[index + 1] as string);
    }
    if (reading.claims !== undefined) {
      const claims = reading.claims;
      reading.claims = claims.filter((_, at) => asked(claims[at - (at % 2)] as string));
    }
    applyGates(fields, context);
    if (context.proxied) presentProxyCredentials(fields, req);
    const uri = context.proxied ? req.originalUrl : uriOf(req, reading.host);
    addWayFields(fields, req, reading, '', wayOptions);
    const proto = /^https/i.test(valueOf(fields, 'X-Forwarded-Proto') ?? '') ? 'https' : 'http';
    const host = valueOf(fields, 'X-Forwarded-Host');
    fields.push(
      ...['X-Forwarded-Method', req.method, 'X-Forwarded-Uri', uri],
      ...['X-Original-Method', req.method, 'X-Original-URI', uri],
      ...[marker, marks(req, mark)],
    );
    if (uri.includes('://')) fields.push('X-Original-URL', uri);
    else if (host !== undefined) fields.push('X-Original-URL', `${proto}://${host}${uri}`);
    return fields;
  };
}

function judged(req: Request): RequestReading {
  const reading = readRequest(req.rawHeaders, req.httpVersion);
  const { problem } = reading;
  if (problem !== undefined)
    throw new ProxyError(badRequest[problem.kind], { detail: problem.detail });
  let credentials = 0;
  for (let index = 0; index < reading.pass.length; index += 2)
    if (lowerName(reading.pass[index] as string) === 'authorization') credentials++;
  if (credentials > 1)
    // The auth server could judge one of them, and a server behind believe the other.
    throw new ProxyError('ERR_SEKISHO_BAD_REQUEST', { detail: 'several Authorization fields' });
  return reading;
}

/** What a server behind would be asked for, with the mount path: what `urlFilter` has normalised is asked about as that. */
function uriOf(req: Request, host: string | undefined): string {
  return requestPath(req, '', host, keepingPrefix);
}

/** Authorization and cookies of a forward proxy's client are for somebody else, who must not be told on; those for us are in Proxy-Authorization. */
function presentProxyCredentials(fields: string[], req: Request): void {
  for (let index = fields.length - 2; index >= 0; index -= 2)
    if (/^(?:authorization|cookie)$/i.test(fields[index] as string)) fields.splice(index, 2);
  const given = req.headers['proxy-authorization'];
  if (given !== undefined) fields.push('Authorization', given);
}

/** @throws {ProxyError} ERR_SEKISHO_LOOP when this very question is being asked already */
function marks(req: Request, mark: string): string {
  const before = String(req.headers[marker.toLowerCase()] ?? '').split(/[,\s]+/, mostMarks + 1);
  if (before.includes(mark) || before.length > mostMarks)
    throw new ProxyError('ERR_SEKISHO_LOOP', {
      detail: 'forward.url leads back to the gate that asks it; mount it before the gate',
    });
  return [...before.filter((known) => /^[\w-]{16}$/.test(known)), mark].join(', ');
}

export function valueOf(fields: readonly string[], name: string): string | undefined {
  const at = fields.findIndex((field, index) => index % 2 === 0 && field === name);
  return at === -1 ? undefined : fields[at + 1];
}
