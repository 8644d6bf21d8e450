import type { PathPattern } from './path-pattern.ts';

const foldable = /[A-Z\x80-\xff]/;
const beyondAscii = /[\x80-\xff]/;

/**
 * A path with a character per byte, so that two which differ only in upper and lower case are one: for all letters, as
 * file systems that do not tell them apart compare them.
 */
export function foldCase(path: string): string {
  if (!foldable.test(path)) return path;
  if (!beyondAscii.test(path)) return path.toLowerCase();
  const text = Buffer.from(path, 'latin1').toString('utf8');
  // There and back, for letters that have several small ones (`s` and `ſ`, `k` and the Kelvin sign).
  const folded = text.toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ');
  return Buffer.from(folded, 'utf8').toString('latin1');
}

export function foldPattern({ segments, literal }: PathPattern): PathPattern {
  return {
    segments: segments.map((segment) =>
      typeof segment === 'string' ? foldCase(segment) : { pieces: segment.pieces.map(foldCase) },
    ),
    literal,
  };
}
