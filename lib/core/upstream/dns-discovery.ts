import { Resolver, lookup } from 'node:dns/promises';
import type { ParsedDns } from './discover-options.ts';
import type { ServerDefinition } from './server.ts';

/** What discovered servers have in common: taken from the one server given beside, if there is one. */
export interface Template {
  readonly protocol: string;
  readonly port: number | undefined;
  readonly path: string;
  readonly maxConnections: number;
}

/** Answers that name nobody are treated like no answer: better the servers of a minute ago than none. */
class EmptyAnswer extends Error {
  readonly code = 'ENODATA';
}

/** Asks DNS for the servers. @throws what the resolver throws, or an error when the answer is empty */
export async function findByDns(
  dns: ParsedDns,
  template: Template,
): Promise<readonly ServerDefinition[]> {
  const found =
    dns.dns === 'a' ? await findAddresses(dns, template) : await findServices(dns, template);
  if (found.length === 0) throw new EmptyAnswer(`DNS names no server for ${dns.name}`);
  return found;
}

async function findAddresses(dns: ParsedDns, template: Template): Promise<ServerDefinition[]> {
  const addresses =
    dns.servers === undefined ? await systemAddresses(dns.name) : await dnsAddresses(dns);
  return [...new Set(addresses)].sort().map((address) => {
    const name = url(template, dns.name, template.port);
    return {
      url: url(template, address.includes(':') ? `[${address}]` : address, template.port),
      host: name.host,
      servername: name.hostname,
      weight: 1,
      backup: false,
      maxConnections: template.maxConnections,
    };
  });
}

/** As every program of this machine resolves names: /etc/hosts first, then DNS. */
async function systemAddresses(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

async function dnsAddresses(dns: ParsedDns): Promise<string[]> {
  const resolver = resolverFor(dns);
  const answers = await Promise.allSettled([
    resolver.resolve4(dns.name),
    resolver.resolve6(dns.name),
  ]);
  const addresses = answers.flatMap((answer) =>
    answer.status === 'fulfilled' ? answer.value : [],
  );
  // A name with addresses of one family only is the normal case; with none the first error tells why.
  if (addresses.length === 0 && answers[0].status === 'rejected') throw answers[0].reason;
  return addresses;
}

async function findServices(dns: ParsedDns, template: Template): Promise<ServerDefinition[]> {
  const records = await resolverFor(dns).resolveSrv(dns.name);
  // RFC 2782: a target of "." says that the service is decidedly not available.
  const usable = records.filter(({ name }) => name !== '' && name !== '.');
  const best = Math.min(...usable.map(({ priority }) => priority));
  const seen = new Set<string>();
  return usable
    .sort((a, b) => a.priority - b.priority || a.name.localeCompare(b.name) || a.port - b.port)
    .map(({ name, port, priority, weight }) => ({
      url: url(template, name, port),
      // Weight 0 is "hardly ever", not "never" (RFC 2782).
      weight: Math.max(weight, 0.1),
      backup: priority !== best,
      maxConnections: template.maxConnections,
    }))
    .filter((server) => !seen.has(server.url.href) && seen.add(server.url.href));
}

function resolverFor(dns: ParsedDns): Resolver {
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  if (dns.servers !== undefined) resolver.setServers(dns.servers);
  return resolver;
}

function url(template: Template, hostname: string, port: number | undefined): URL {
  const authority = port === undefined ? hostname : `${hostname}:${port}`;
  return new URL(`${template.protocol}//${authority}${template.path}`);
}
