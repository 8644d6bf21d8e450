/** Content codings that can be undone (RFC 9110 §8.4.1, RFC 7932, RFC 8878). */
export type Coding = 'gzip' | 'deflate' | 'br' | 'zstd';

const names: Readonly<Record<string, Coding | 'identity'>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'br',
  zstd: 'zstd',
  identity: 'identity',
};

/** Nobody has a reason for more of them on top of each other. */
const mostCodings = 4;

/**
 * Reads a `Content-Encoding`: the codings in the order in which they were applied.
 *
 * @param value all lines of the field, joined by commas
 * @returns undefined when a coding is unknown here, or there are more than four
 */
export function codingsOf(value: string | undefined): readonly Coding[] | undefined {
  if (value === undefined) return none;
  const codings: Coding[] = [];
  for (const member of value.split(',')) {
    const name = member.trim().toLowerCase();
    if (name === '') continue;
    const coding = Object.hasOwn(names, name) ? names[name] : undefined;
    if (coding === undefined) return undefined;
    if (coding !== 'identity') codings.push(coding);
  }
  return codings.length > mostCodings ? undefined : codings;
}

const none: readonly Coding[] = [];
