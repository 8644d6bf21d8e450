import { hashOn, spread } from './hash.ts';
import type { HostSuffixes } from './host-suffixes.ts';
import type { LoadedList } from './read-list.ts';
import { Applies } from './rule.ts';
import { appliesOf, findEntry } from './table.ts';

/** Beginnings of a path that are looked for; what is further down counts no more. */
const mostBeginnings = 64;
const slash = 0x2f;
const question = 0x3f;
const ampersand = 0x26;
const webLabel = /^(?:www|web|ftp)\d*\./;

/**
 * The entry of a list that speaks of a host and, where it has one, of the path; -1 when none does. The nearest entry
 * counts: `*.bad.example` does not concern a host that has an exception of its own. In Adblock's rules any exception
 * counts for more than any rule.
 */
export function findRule(list: LoadedList, suffixes: HostSuffixes, path: string): number {
  const exceptionsFirst = list.format === 'adblock';
  let found = -1;
  for (let number = 0; number < suffixes.count; number++) {
    const entry = findAt(list, suffixes, number, path);
    if (entry === exempt) return -1;
    if (entry === -1) continue;
    if (!exceptionsFirst) return entry;
    if (found === -1) found = entry;
  }
  return found;
}

const exempt = -2;

function findAt(list: LoadedList, suffixes: HostSuffixes, number: number, path: string): number {
  const { table } = list;
  const start = suffixes.startOf(number);
  const entry = findEntry(table, suffixes.hashOf(number), suffixes.host, start, '', 0);
  const verdict = entry === -1 ? -1 : judge(list, entry, suffixes, number);
  if (verdict === exempt || !list.hasPaths) return verdict;
  const deeper = findPath(list, suffixes, number, path);
  return deeper === -1 ? verdict : deeper;
}

function findPath(list: LoadedList, suffixes: HostSuffixes, number: number, path: string): number {
  const start = suffixes.startOf(number);
  let hash = suffixes.rawHashOf(number);
  let found = -1;
  let looked = 0;
  for (let length = 1; length <= path.length && looked < mostBeginnings; length++) {
    const character = path.charCodeAt(length - 1);
    hash = hashOn(hash, character);
    if (!endsSegment(path, length, character)) continue;
    looked++;
    const entry = findEntry(list.table, spread(hash), suffixes.host, start, path, length);
    if (entry === -1) continue;
    const verdict = judge(list, entry, suffixes, number);
    if (verdict === exempt) return exempt;
    if (verdict !== -1) found = verdict;
  }
  return found;
}

/** `/a` begins `/a`, `/a/b` and `/a?b`, and not `/ab`; `/a/` begins `/a/b`. */
function endsSegment(path: string, length: number, last: number): boolean {
  if (last === slash || length === path.length) return true;
  const next = path.charCodeAt(length);
  return next === slash || next === question || next === ampersand;
}

function judge(
  { table }: LoadedList,
  entry: number,
  { host }: HostSuffixes,
  number: number,
): number {
  const applies = appliesOf(table, entry);
  if ((applies & (number === 0 ? Applies.notItself : Applies.notBelow)) !== 0) return exempt;
  if ((applies & (number === 0 ? Applies.itself : Applies.below)) !== 0) return entry;
  return number === 1 && (applies & Applies.web) !== 0 && webLabel.test(host) ? entry : -1;
}
