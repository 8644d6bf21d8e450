import leven from 'leven';

/** A value as an error message shows it: short, on one line, with no secret of a URL in it. */
export function quote(value: unknown): string {
  if (typeof value === 'string') {
    // A wrong URL may be wrong just because its password has a slash, or its scheme is missing.
    const shown = value
      .replace(value.includes('//') ? /\/\/.*@/s : /^[^/@]*:.*@/s, (secret) =>
        secret.startsWith('//') ? '//***@' : '***@',
      )
      // eslint-disable-next-line no-control-regex -- exactly these would garble a terminal
      .replace(/[\x00-\x1f\x7f]+/g, ' ');
    return `'${shown.length > 80 ? `${shown.slice(0, 77)}…` : shown}'`;
  }
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'an array' : 'an object';
  return String(value);
}

/** `; did you mean …?` with the known word the input is near to; empty when there is none. */
export function suggestion(input: unknown, known: readonly unknown[]): string {
  if (typeof input !== 'string') return '';
  const nearest = known
    .filter((word): word is string => typeof word === 'string')
    .map((word) => ({ word, distance: leven(input.toLowerCase(), word.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (nearest === undefined) return '';
  // Two letters of a long word are a slip, two of a two-letter word another word.
  const shorter = Math.min(input.length, nearest.word.length);
  const near =
    nearest.distance <= Math.max(2, nearest.word.length / 3) && nearest.distance < shorter;
  return near ? `; did you mean ${quote(nearest.word)}?` : '';
}
