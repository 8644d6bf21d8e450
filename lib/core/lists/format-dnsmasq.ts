import { notWhole, whole, type LineReader } from './rule.ts';
import { withoutComment } from './format-hosts.ts';

const directive = /^(?:--)?(address|server|local)=(?:\/(.*)\/)?([^/]*)$/;
const ours = /^(?:--)?(?:address|server|local)(?:=|$)/;
/** Nearly all of its other options have a hyphen in their names; these have none. */
const other =
  /^(?:--)?(?:[a-zA-Z\d]+(?:-[a-zA-Z\d]+)+|alias|cname|conntrack|dnssec|domain|dumpfile|dumpmask|filterwin2k|group|hostsdir|interface|ipset|localmx|nftset|port|selfmx|umbrella|user)(?:=.+)?$/;

/**
 * dnsmasq's `address=/d/…`, `server=/d/…` and `local=/d/` (dnsmasq(8)): each domain with all below it, whatever the
 * answer. `#` as the server means that the domain is resolved as usual: an exception. Servers for all domains, what is
 * said of names without dots (`//`), and all other options are ignored.
 */
export const readDnsmasqLine: LineReader = (line, sink) => {
  const text = withoutComment(line);
  if (text === '') return undefined;
  const [, option, domains, answer] = directive.exec(text) ?? [];
  const forAll = option === 'server' && answer !== '';
  if (domains === '' || (domains === undefined && (forAll || other.test(text)))) {
    sink.ignore();
    return undefined;
  }
  if (domains === undefined)
    return ours.test(text) ? 'names no domain between slashes' : 'is no line of dnsmasq';
  for (const domain of domains.split('/'))
    if (!sink.host(domain, answer === '#' ? notWhole : whole)) return 'is no domain';
  return undefined;
};
