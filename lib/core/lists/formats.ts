import { basename } from 'node:path';
import { readAdblockLine } from './format-adblock.ts';
import { readDnsmasqLine } from './format-dnsmasq.ts';
import { readDomainLine, readDstdomainLine, readHostsLine } from './format-hosts.ts';
import { rpzReader } from './format-rpz.ts';
import { readExpressionLine, readUrlLine } from './format-urls.ts';
import type { ListFormat } from './options.ts';
import type { LineReader } from './rule.ts';

export type KnownFormat = Exclude<ListFormat, 'auto'>;

const readers: Readonly<Record<KnownFormat, () => LineReader>> = {
  domains: () => readDomainLine,
  hosts: () => readHostsLine,
  adblock: () => readAdblockLine,
  dstdomain: () => readDstdomainLine,
  dnsmasq: () => readDnsmasqLine,
  rpz: rpzReader,
  urls: () => readUrlLine,
  expressions: () => readExpressionLine,
};

/** Some readers remember what they have read: each file has one of its own. */
export function lineReader(format: KnownFormat): LineReader {
  return readers[format]();
}

const signs: readonly (readonly [KnownFormat, RegExp])[] = [
  ['adblock', /^(?:@@)?\|\||^\[Adblock|^!|#[@?$]*#/i],
  ['dnsmasq', /^(?:--)?[a-z\d-]+=/i],
  ['rpz', /^\$(?:TTL|ORIGIN)\b|\sCNAME\s|\sSOA\s/i],
  ['hosts', /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f]*:[\da-f:]+)\s+\S/i],
  ['urls', /^(?:https?:\/\/)?[^\s/]+\.[^\s/]+\/\S*$/i],
  ['dstdomain', /^\.[^\s.]/],
];

/** By the name that squidGuard gives a file, else what most of these lines look like, else plain domains. */
export function guessFormat(file: string, lines: readonly string[]): KnownFormat {
  const name = basename(file);
  if (name === 'urls' || name === 'expressions' || name === 'domains') return name;
  const votes = new Map<KnownFormat, number>();
  for (const line of lines) {
    const text = line.trim();
    if (text === '' || (text.startsWith('#') && !text.includes('##'))) continue;
    const format = signs.find(([, sign]) => sign.test(text))?.[0] ?? 'domains';
    votes.set(format, (votes.get(format) ?? 0) + 1);
  }
  return [...votes].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'domains';
}
