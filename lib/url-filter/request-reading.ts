import type { Request } from 'express';
import type { Context, Destination } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import type { Listings } from './listings.ts';
import type { Normalisation, Normalised } from './normalisation.ts';
import { requestHost } from './request-host.ts';
import { Subject } from './subject.ts';

export interface RequestReading {
  readonly subject: Subject;
  /** What `req.url` is to become, when it is to change. */
  readonly url: string | undefined;
}

export interface Reader {
  readonly normalisation: Normalisation;
  readonly listings: Listings;
  /** Whether the host of requests to this server has to be known. */
  readonly needsHost: boolean;
}

const absoluteForm = /^(https?:\/\/([^/?#]*))(.*)$/is;

/** What there is to judge of a request; or why it must not be judged, since others may read it differently. */
export function readRequest(
  req: Request,
  { destination }: Context,
  reader: Reader,
): RequestReading | ProxyError {
  return destination === undefined
    ? ownRequest(req, reader)
    : proxiedRequest(req.method, destination, reader);
}

function proxiedRequest(
  method: string,
  { form, hostname, port, path }: Destination,
  { normalisation, listings }: Reader,
): RequestReading | ProxyError {
  const asked = form === 'connect' ? tunnel : normalisation.foreign(pathOf(path) || '/');
  if (asked.refused !== undefined) return badPath(asked.refused);
  return {
    subject: new Subject(method, { hostname, port, paths: asked.paths, target: path }, listings),
    url: undefined,
  };
}

const tunnel = { paths: [undefined], refused: undefined };

function ownRequest(
  req: Request,
  { normalisation, listings, needsHost }: Reader,
): RequestReading | ProxyError {
  const { url, method } = req;
  const [, origin = '', authority, rest = url] = url.startsWith('/')
    ? []
    : (absoluteForm.exec(url) ?? []);
  const path = pathOf(rest);
  const normalised = ownPath(path, method, normalisation);
  if (normalised.refused !== undefined) return badPath(normalised.refused);
  const hostname = needsHost ? requestHost(req, authority) : undefined;
  if (hostname instanceof ProxyError) return hostname;
  const { paths, rewritten } = normalised;
  const port = req.socket.localPort ?? 0;
  const target = req.baseUrl + rest;
  return {
    subject: new Subject(method, { hostname, port, paths, target }, listings),
    url: rewritten === undefined ? undefined : origin + rewritten + rest.slice(path.length),
  };
}

function ownPath(
  path: string,
  method: string,
  normalisation: Normalisation,
): Normalised | typeof noPath {
  if (path.startsWith('/')) return normalisation.own(path);
  if (path === '' || (path === '*' && method === 'OPTIONS') || normalisation.isOff) return root;
  return noPath;
}

const root: Normalised = { paths: ['/'], rewritten: undefined, refused: undefined };
const noPath = { paths: [], rewritten: undefined, refused: 'no path' } as const;

function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? target : target.slice(0, mark);
}

function badPath(doubt: string): ProxyError {
  return new ProxyError('ERR_SEKISHO_BAD_PATH', { detail: doubt });
}
