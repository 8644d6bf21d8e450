import { Applies, whole, type LineReader } from './rule.ts';

const address = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f:.]*:[\da-f:.]*(?:%\w+)?)$/i;
const space = 0x20;
/** What a hosts file has for the machine itself. */
const local =
  /^(?:localhost(?:\.localdomain|6?(?:\.localdomain6)?)?|local|broadcasthost|0\.0\.0\.0|ip6-(?:localhost|loopback|localnet|mcastprefix|allnodes|allrouters|allhosts))$/i;

/** A hosts file (hosts(5)): an address and the names it stands for, which are listed as they are. */
export const readHostsLine: LineReader = (line, sink) => {
  const text = withoutComment(line);
  if (text === '') return undefined;
  const end = endOfWord(text);
  if (!address.test(text.slice(0, end))) return 'does not begin with an IP address';
  if (end === text.length) return 'has no name after the address';
  return eachWord(
    text.slice(end).trimStart(),
    (name) => local.test(name) || sink.host(name, Applies.itself),
  )
    ? undefined
    : 'is no host name';
};

/** Plain domains, as squidGuard's `domains`: each with all below it; `*.d` is only what is below. */
export const readDomainLine: LineReader = (line, sink) => {
  const text = withoutComment(line);
  if (text === '') return undefined;
  const added = text.startsWith('*.')
    ? sink.host(text.slice(2), Applies.below)
    : sink.host(text.startsWith('.') ? text.slice(1) : text, whole);
  return added ? undefined : 'is no domain';
};

/** Squid's dstdomain: `.d` is d and all below it, `d` only itself. In its files each stands on a line of its own. */
export const readDstdomainLine: LineReader = (line, sink) => {
  const text = withoutComment(line);
  if (text === '') return undefined;
  const added = text.startsWith('.')
    ? sink.host(text.slice(1), whole)
    : sink.host(text, Applies.itself);
  return added ? undefined : 'is no domain';
};

/** Without what follows a `#` at the begin or after a space. */
export function withoutComment(line: string): string {
  let mark = line.indexOf('#');
  while (mark > 0 && line.charCodeAt(mark - 1) > 0x20) mark = line.indexOf('#', mark + 1);
  return (mark === -1 ? line : line.slice(0, mark)).trim();
}

/** Mostly there is one: no array is made for it. */
function eachWord(text: string, take: (word: string) => boolean): boolean {
  if (endOfWord(text) === text.length) return take(text);
  return text.split(/\s+/).every(take);
}

function endOfWord(text: string): number {
  let end = 0;
  while (end < text.length && text.charCodeAt(end) > space) end++;
  return end;
}
