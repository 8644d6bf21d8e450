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

function cookieName(pair: string): string {
  const equals = pair.indexOf('=');
  return (equals === -1 ? pair : pair.slice(0, equals)).trim();
}
