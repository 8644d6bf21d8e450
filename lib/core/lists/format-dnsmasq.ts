import { notWhole, whole, type LineReader } from './rule.ts';
import { withoutComment } from './format-hosts.ts';

const directive = /^(?:--)?(address|server|local)=\/(.*)\/([^/]*)$/;
const other = /^(?:--)?[a-z\d-]+(?:=.*)?$/;

/**
 * dnsmasq's `address=/d/…`, `server=/d/…` and `local=/d/` (dnsmasq(8)): each domain with all below it, whatever the
 * answer. `#` as the server means that the domain is resolved as usual: an exception.
 */
export const readDnsmasqLine: LineReader = (line, sink) => {
  const text = withoutComment(line);
  if (text === '') return undefined;
  const [, , domains, answer] = directive.exec(text) ?? [];
  if (domains === undefined) {
    if (!other.test(text)) return 'is no line of dnsmasq';
    sink.ignore();
    return undefined;
  }
  for (const domain of domains.split('/'))
    if (!sink.host(domain, answer === '#' ? notWhole : whole)) return 'is no domain';
  return undefined;
};
