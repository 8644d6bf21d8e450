import { OptionsError, ProxyError } from '../core/errors.ts';
import { quote } from '../core/options.ts';
import type { LeadQuestion } from '../core/middleware.ts';
import type { Chain } from './chain.ts';
import type { Link } from './link.ts';
import type { ChainEntry } from './report.ts';
import { entryOf } from './entry.ts';

/** What would become of a request. */
export interface Explanation {
  readonly method: string;
  readonly path: string;
  /** The handlers it would meet, up to the forwarder that would take it. Handlers of yours may answer earlier. */
  readonly layers: readonly ChainEntry[];
  /** The forwarder: `#7 prefixRouter at /`; undefined when none would take it. */
  readonly forwarder: string | undefined;
  /** The key of its route, when it has several. */
  readonly route: string | undefined;
  /** What it would become: a URL for each server. */
  readonly urls: readonly string[];
  /** Why the forwarder would refuse it. */
  readonly refused: string | undefined;
  print(write?: (text: string) => void): void;
  toString(): string;
}

const requestLine = /^(?:([A-Z][A-Z-]*)\s+)?(?:(https?:\/\/)([^/\s]+))?(\/\S*)?$/;
const tunnelLine = /^CONNECT\s+([^\s/@]+:\d+)$/;

interface Asked {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly query: string;
  readonly host?: string | undefined;
  /** Where to, if a forward proxy is asked: a URL, or host and port. */
  readonly destination?: string;
}

type Found = Pick<Explanation, 'forwarder' | 'route' | 'urls' | 'refused'>;

/** @throws {OptionsError} when the request is none */
export function explainRequest(chain: Chain, request: string): Explanation {
  const asked = read(request);
  const { method, destination } = asked;
  const here = method === 'CONNECT' ? undefined : walk(chain, asked);
  // A URL that no route is for may be one of another site.
  const elsewhere =
    destination === undefined || here?.found !== undefined ? undefined : walkProxied(chain, asked);
  const proxied = here === undefined || elsewhere?.found !== undefined;
  const { layers, found } = (proxied ? elsewhere : here) ?? nowhere;
  const path = (proxied ? destination : undefined) ?? asked.path + asked.query;
  const { forwarder, route, urls = [], refused } = found ?? {};
  const toString = (): string => describe({ method, path, layers, forwarder, urls, refused });
  return {
    method,
    path,
    layers,
    forwarder,
    route,
    urls,
    refused,
    toString,
    print(write = (text) => void process.stdout.write(text)) {
      write(`${toString()}\n`);
    },
  };
}

function read(request: string): Asked {
  const [tunnel, destination] = tunnelLine.exec(request.trim()) ?? [];
  if (tunnel !== undefined && destination !== undefined)
    return { method: 'CONNECT', path: '', query: '', host: destination, destination };
  const [line, method = 'GET', scheme, host, target = '/'] = requestLine.exec(request.trim()) ?? [];
  if (line === undefined || line === '' || method === 'CONNECT')
    throw new OptionsError('explain', [
      `request: ${quote(request)} is none; write a method and a path, such as 'GET /image/a.png', a URL, or 'CONNECT host:443'`,
    ]);
  const whole = target.split('#', 1)[0] as string;
  const path = whole.split('?', 1)[0] as string;
  return {
    method,
    path,
    query: whole.slice(path.length),
    host,
    ...(scheme !== undefined && { destination: `${scheme}${host ?? ''}${whole}` }),
  };
}

interface Walk {
  readonly layers: readonly ChainEntry[];
  readonly found: Found | undefined;
}

const nowhere: Walk = { layers: [], found: undefined };

function walk(chain: Chain, { method, path, query, host }: Asked): Walk {
  const layers: ChainEntry[] = [];
  let found: Found | undefined;
  let within: Link | undefined;
  for (const link of chain.links) {
    // A route may lead to a router: then that one's handlers say more.
    if (within !== undefined && link.depth <= within.depth) break;
    if (link.role === 'error-handler' || !takes(link, method)) continue;
    const here = link.mount.rest(path);
    if (here === undefined) continue;
    layers.push(entryOf(link));
    const lead = leadOf(link, { host, ...here, path: here.path + query, original: path + query });
    if (lead === undefined) continue;
    found = lead;
    if (link.info?.forwards?.handlers === undefined || lead.refused !== undefined) break;
    within = link;
  }
  return { layers, found };
}

/** Requests for other sites: the door has the app see a path that no route of its own is for. */
function walkProxied(chain: Chain, { method, path, host = '', destination = '' }: Asked): Walk {
  const layers: ChainEntry[] = [];
  for (const link of chain.links) {
    if (link.role === 'error-handler' || !takes(link, method)) continue;
    if (link.mount.rest(`//${host}${path}`) === undefined) continue;
    layers.push(entryOf(link));
    if (link.role !== 'forward-proxy') continue;
    const { where: forwarder } = link;
    const found = { forwarder, route: undefined, urls: [destination], refused: undefined };
    return { layers, found };
  }
  return { layers, found: undefined };
}

/** As Express has it: a route for GET takes HEAD, too. */
function takes({ methods }: Link, method: string): boolean {
  return methods === undefined || methods.has(method) || (method === 'HEAD' && methods.has('GET'));
}

function leadOf(link: Link, question: LeadQuestion): Found | undefined {
  const forwards = link.forwarding;
  if (forwards === undefined)
    return link.role === 'foreign-forwarder'
      ? { forwarder: link.where, route: undefined, urls: [], refused: undefined }
      : undefined;
  try {
    const lead = forwards.lead(question);
    if (lead === undefined) return undefined;
    const route = lead.route === '' ? undefined : lead.route;
    return { forwarder: link.where, route, urls: lead.urls, refused: undefined };
  } catch (error) {
    const refused =
      error instanceof ProxyError
        ? `${error.code}: ${error.detail ?? error.message}`
        : String(error);
    return { forwarder: link.where, route: undefined, urls: [], refused };
  }
}

function describe({
  method,
  path,
  layers,
  forwarder,
  urls,
  refused,
}: Pick<Explanation, 'method' | 'path' | 'layers' | 'forwarder' | 'urls' | 'refused'>): string {
  const end =
    refused !== undefined
      ? [`refused by ${forwarder ?? ''}: ${refused}`]
      : forwarder === undefined
        ? ['no forwarder would take it; the app answers']
        : urls.length === 0
          ? [`${forwarder} would take it`]
          : urls.map((url, index) => `${index === 0 ? forwarder : '  or'} → ${url}`);
  return [
    `${method} ${path}`,
    ...layers.map(({ index, name, role, path: at }) => `  #${index} ${name} at ${at} (${role})`),
    ...end,
  ].join('\n');
}
