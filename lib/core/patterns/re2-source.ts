import { lastCodePoint, type CodePoints } from './code-points.ts';
import { UnsafePattern, type CharacterSet, type Node, type Property } from './regexp-syntax.ts';

/** RE2 itself counts no further. */
const mostRepetitions = 1000;
/** General categories and their long names (UAX #44), and scripts: what RE2 and JavaScript both know. */
const category =
  /^(?:General_Category=|gc=)?(L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfos]?)$/;
const script = /^(?:Script=|sc=)(\w+)$/;

/**
 * Writes a pattern in RE2's syntax, with classes as JavaScript means them: its `\s`, its `.`, its `$`.
 *
 * @throws {UnsafePattern}
 */
export function re2Source(node: Node, multiline: boolean): string {
  switch (node.kind) {
    case 'set':
      return characterClass(node);
    case 'sequence':
      return node.items.map((item) => nested(item, multiline)).join('');
    case 'choice':
      return `(?:${node.items.map((item) => re2Source(item, multiline)).join('|')})`;
    case 'assertion':
      return assertion(node.name, multiline);
    case 'lookaround':
      throw new UnsafePattern(
        `has a look${node.behind ? 'behind' : 'ahead'}, which takes a bounded time only where nothing in the pattern repeats without limit; use two patterns, or limits such as {0,20} instead of * and +`,
      );
    case 'repeat':
      return `(?:${re2Source(node.item, multiline)})${quantifier(node)}`;
  }
}

function nested(node: Node, multiline: boolean): string {
  const source = re2Source(node, multiline);
  return node.kind === 'sequence' ? `(?:${source})` : source;
}

function assertion(name: (Node & { kind: 'assertion' })['name'], multiline: boolean): string {
  switch (name) {
    case 'start':
      return multiline ? '(?m:^)' : '\\A';
    case 'end':
      // A line may end with \r\n.
      return multiline ? '(?:\\r?(?m:$))' : '\\z';
    case 'boundary':
      return '\\b';
    case 'no boundary':
      return '\\B';
  }
}

function quantifier({ min, max, lazy }: Node & { kind: 'repeat' }): string {
  const most = max === Infinity ? min : max;
  if (most > mostRepetitions)
    throw new UnsafePattern(
      `repeats ${most} times; not more than ${mostRepetitions} can be counted`,
    );
  return `{${min},${max === Infinity ? '' : max}}${lazy ? '?' : ''}`;
}

function characterClass({ points, properties, negated }: CharacterSet): string {
  if (points.length === 0 && properties.length === 0)
    return negated ? `[\\x{0}-\\x{${hex(lastCodePoint)}}]` : `[^\\x{0}-\\x{${hex(lastCodePoint)}}]`;
  return `[${negated ? '^' : ''}${ranges(points)}${properties.map(propertyClass).join('')}]`;
}

function ranges(points: CodePoints): string {
  return points
    .map(([first, last]) =>
      first === last ? `\\x{${hex(first)}}` : `\\x{${hex(first)}}-\\x{${hex(last)}}`,
    )
    .join('');
}

function propertyClass({ name, negated }: Property): string {
  const known = category.exec(name)?.[1] ?? script.exec(name)?.[1];
  if (known === undefined)
    throw new UnsafePattern(
      `has \\p{${name}}; only general categories such as \\p{L} and \\p{Script=…} are known`,
    );
  return `\\${negated ? 'P' : 'p'}{${known}}`;
}

function hex(point: number): string {
  return point.toString(16);
}
