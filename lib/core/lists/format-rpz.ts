import { Applies, type LineReader } from './rule.ts';

const record =
  /^(\S*)\s+(?:(?:\d+[smhdw]?)+\s+)?(?:IN\s+)?(?:(?:\d+[smhdw]?)+\s+)?(CNAME|A|AAAA|TXT|MX|SRV|SOA|NS|DNAME|PTR|HTTPS|SVCB)\s+(.*)$/i;
/** Triggers that look at addresses or name servers. */
const otherTrigger = /(?:^|\.)rpz-(?:ip|client-ip|nsip|nsdname)$/i;

/**
 * A response policy zone (draft-vixie-dnsop-dns-rpz): names whose answers are rewritten, `*.d` for all below d.
 * `rpz-passthru.` is an exception; triggers other than names are ignored.
 */
export function rpzReader(): LineReader {
  let origin = '';
  let owner = '';
  let inParentheses = false;
  return (line, sink) => {
    const text = withoutComment(line);
    if (inParentheses) {
      inParentheses = !text.includes(')');
      return undefined;
    }
    if (text.trim() === '') return undefined;
    inParentheses = text.includes('(') && !text.includes(')');
    if (text.startsWith('$')) {
      const [, name] = /^\$ORIGIN\s+(\S+)/i.exec(text) ?? [];
      if (name !== undefined) origin = withoutDot(name);
      return undefined;
    }
    const [, name, type, data] = record.exec(text) ?? [];
    if (name === undefined || type === undefined || data === undefined)
      return 'is no record of a zone file';
    if (name !== '') owner = name;
    if (/^SOA$/i.test(type) && owner.endsWith('.') && origin === '') origin = withoutDot(owner);
    if (/^(?:SOA|NS)$/i.test(type) || owner === '@') return undefined;
    const trigger = relative(owner, origin);
    if (otherTrigger.test(trigger)) {
      sink.ignore();
      return undefined;
    }
    const below = trigger.startsWith('*.');
    const exempt = /^CNAME$/i.test(type) && /^rpz-passthru\.?$/i.test(data.trim());
    const applies = below
      ? exempt
        ? Applies.notBelow
        : Applies.below
      : exempt
        ? Applies.notItself
        : Applies.itself;
    return sink.host(below ? trigger.slice(2) : trigger, applies) ? undefined : 'is no domain';
  };
}

function relative(owner: string, origin: string): string {
  if (!owner.endsWith('.')) return owner;
  const name = withoutDot(owner);
  const suffix = `.${origin}`.toLowerCase();
  return origin !== '' && name.toLowerCase().endsWith(suffix)
    ? name.slice(0, -suffix.length)
    : name;
}

function withoutDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

function withoutComment(line: string): string {
  const mark = line.indexOf(';');
  return (mark === -1 ? line : line.slice(0, mark)).trimEnd();
}
