import { isUtf8 } from 'node:buffer';
import type { AuthenticatedUser } from '../core/context.ts';
import { lowerName } from '../core/http/memo.ts';
import type { ParsedForwardOptions } from './forward-options.ts';

/** What the auth server says of the user with its 2xx. */
export interface ForwardUser {
  readonly user: AuthenticatedUser;
  /** `copyHeaders` as they go on, names and values in turn. */
  readonly copies: readonly string[];
}

type Naming = Pick<
  ParsedForwardOptions,
  'copyHeaders' | 'userHeader' | 'emailHeader' | 'groupsHeader'
>;

/**
 * Reads the fields of a 2xx. An auth server need not name the user: then the name is empty. What is copied is in `claims`, too,
 * under the auth server's names in lower case; without credentials that it has made for servers behind.
 */
export function readUser(
  fields: readonly string[],
  { copyHeaders, userHeader, emailHeader, groupsHeader }: Naming,
): ForwardUser {
  const values = new Map<string, string>();
  for (let index = 0; index < fields.length; index += 2) {
    const name = lowerName(fields[index] as string);
    const value = fields[index + 1] as string;
    if (value === '') continue;
    const before = values.get(name);
    // Several lines of a field are one list (RFC 9110 §5.3).
    values.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const first = (names: readonly string[]): string | undefined => {
    const found = names.find((name) => values.has(name));
    return found === undefined ? undefined : text(values.get(found) as string);
  };
  const copies: string[] = [];
  const claims: [name: string, value: string][] = [];
  for (const { from, to } of copyHeaders) {
    const value = values.get(from);
    if (value === undefined) continue;
    copies.push(to, value);
    if (from !== 'authorization') claims.push([from, text(value)]);
  }
  const groups = (first(groupsHeader) ?? '').split(',').map((group) => group.trim());
  return {
    user: {
      name: first(userHeader) ?? '',
      scheme: 'forward',
      email: first(emailHeader),
      groups: groups.filter((group) => group !== ''),
      claims: Object.fromEntries(claims),
    },
    copies,
  };
}

/** Bytes of a field as the text they were: UTF-8 where they can be, else latin1. */
function text(value: string): string {
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : value;
}

/**
 * What is told to servers behind by two gates, or twice by one: the later word on a field is the one that counts.
 *
 * @param before names and values in turn, as are those that come later
 */
export function mergeFields(
  before: readonly string[] | undefined,
  later: readonly string[],
): readonly string[] {
  if (before === undefined || before.length === 0) return later;
  const names = new Set(later.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase()));
  const kept = before.filter((_, at) => !names.has(lowerName(before[at - (at % 2)] as string)));
  return [...kept, ...later];
}
