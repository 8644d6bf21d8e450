/**
 * A Cookie value without the cookies of these names; the others stay byte for byte as they are.
 *
 * @returns undefined when none is left
 */
export function withoutCookies(value: string, names: ReadonlySet<string>): string | undefined {
  const pairs = value.split(';');
  const kept = pairs.filter((pair) => !names.has(cookieName(pair)));
  if (kept.length === pairs.length) return value;
  if (kept.every((pair) => pair.trim() === '')) return undefined;
  // The space in front belongs to the pair that has gone.
  return kept.join(';').replace(/^[ \t]+/, '');
}

/** The values of cookies by their names; of several of one name the first, which servers go by (RFC 6265 §5.4). */
export function cookieValues(value: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const pair of value.split(';')) {
    const name = cookieName(pair);
    const equals = pair.indexOf('=');
    if (!values.has(name)) values.set(name, equals === -1 ? '' : pair.slice(equals + 1).trim());
  }
  return values;
}

function cookieName(pair: string): string {
  const equals = pair.indexOf('=');
  return (equals === -1 ? pair : pair.slice(0, equals)).trim();
}
