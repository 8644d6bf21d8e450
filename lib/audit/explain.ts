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

const requestLine = /^(?:([A-Z]+)\s+)?(?:(https?):\/\/([^/\s]+))?(\/\S*)?$/;

/** @throws {OptionsError} when the request is none */
export function explainRequest(chain: Chain, request: string): Explanation {
  const [line, method = 'GET', , host, target = '/'] = requestLine.exec(request.trim()) ?? [];
  if (line === undefined || line === '')
    throw new OptionsError('explain', [
      `request: ${quote(request)} is none; write a method and a path, such as 'GET /image/a.png', or a URL`,
    ]);
  const path = target.split('#', 1)[0] as string;
  const bare = path.split('?', 1)[0] as string;
  const query = path.slice(bare.length);
  const layers: ChainEntry[] = [];
  let found: Pick<Explanation, 'forwarder' | 'route' | 'urls' | 'refused'> | undefined;
  let within: Link | undefined;
  for (const link of chain.links) {
    // A route may lead to a router: then that one's handlers say more.
    if (within !== undefined && link.depth <= within.depth) break;
    if (link.role === 'error-handler' || !takes(link, method)) continue;
    const here = link.mount.rest(bare);
    if (here === undefined) continue;
    layers.push(entryOf(link));
    const lead = leadOf(link, { host, ...here, path: here.path + query, original: path });
    if (lead === undefined) continue;
    found = lead;
    if (link.info?.forwards?.handlers === undefined || lead.refused !== undefined) break;
    within = link;
  }
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

/** As Express has it: a route for GET takes HEAD, too. */
function takes({ methods }: Link, method: string): boolean {
  return methods === undefined || methods.has(method) || (method === 'HEAD' && methods.has('GET'));
}

function leadOf(
  link: Link,
  question: LeadQuestion,
): Pick<Explanation, 'forwarder' | 'route' | 'urls' | 'refused'> | undefined {
  if (link.role === 'foreign-forwarder')
    return { forwarder: link.where, route: undefined, urls: [], refused: undefined };
  const forwards = link.info?.forwards;
  if (forwards === undefined) return undefined;
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
