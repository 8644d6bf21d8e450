/** A path as its segments: text, or `undefined` for a parameter, which is any one segment. */
export type Shape = readonly (string | undefined)[];

const segment = /^(?::[\p{ID_Start}$_][\p{ID_Continue}$]*|[^{}:*\\()[\]+?!, ]*)$/u;

/** The shape of a pattern as nearly all are written; undefined for what has to be asked with samples. */
export function shapeOf(pattern: string): Shape | undefined {
  if (!pattern.startsWith('/')) return undefined;
  const parts = pattern.slice(1).replace(/\/$/, '').split('/');
  if (!parts.every((part) => segment.test(part))) return undefined;
  return parts.map((part) => (part.startsWith(':') ? undefined : part.toLowerCase()));
}

/** Every path of the second begins as the first does. */
export function coversShape(one: Shape, other: Shape): boolean {
  return (
    one.length <= other.length && one.every((part, at) => part === undefined || part === other[at])
  );
}

/** Some path begins as both do, as far as both go. */
export function meetsShape(one: Shape, other: Shape): boolean {
  const both = Math.min(one.length, other.length);
  for (let at = 0; at < both; at++)
    if (one[at] !== undefined && other[at] !== undefined && one[at] !== other[at]) return false;
  return true;
}
