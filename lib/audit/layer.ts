import type { ClosureReader } from './closure.ts';
import type { Step } from './mount.ts';
import { samplesOf } from './path-samples.ts';

/** A layer of Express' router (package `router` 2.0 to 2.3), as much of it as is read. */
export interface Layer {
  readonly handle: Handle;
  readonly name?: string;
  /** Mounted at the root, for everything below. */
  readonly slash?: boolean;
  /** Since 2.3: the path as it was given. */
  readonly rawPath?: unknown;
  readonly matchers?: readonly ((path: string) => { readonly path: string } | false)[];
  readonly route?: Route;
  readonly method?: string;
}

export interface Route {
  readonly path: unknown;
  readonly methods: Readonly<Record<string, boolean>>;
  readonly stack: readonly Layer[];
}

export type Handle = ((...parameters: never[]) => unknown) & {
  readonly stack?: readonly Layer[];
};

/** The path of a layer, as a step of a way. Only Express' own code is asked. */
export function stepOf(layer: Layer, closures: () => ClosureReader): Step {
  const whole = layer.route !== undefined;
  if (layer.slash === true && !whole)
    return { text: '/', samples: ['/'], match: () => '', whole: false };
  const patterns = patternsOf(layer, closures);
  return {
    text: patterns.map(String).join(', ') || '(unknown path)',
    samples: patterns.flatMap((pattern) => (typeof pattern === 'string' ? samplesOf(pattern) : [])),
    match: patterns.some((pattern) => pattern instanceof RegExp)
      ? (path) => matchedByAny(patterns, layer, path)
      : (path) => matchedBy(layer, path),
    whole,
  };
}

/** Regular expressions are copied: one with an `exec` of its own, or with the flag g, is code or state of the user's. */
function matchedByAny(
  patterns: readonly unknown[],
  layer: Layer,
  path: string,
): string | undefined {
  for (const pattern of patterns) {
    if (!(pattern instanceof RegExp)) continue;
    const flags = pattern.ignoreCase ? 'i' : '';
    const found = new RegExp(
      String(Object.getOwnPropertyDescriptor(RegExp.prototype, 'source')?.get?.call(pattern)),
      flags,
    ).exec(path);
    if (found !== null) return found[0];
  }
  return patterns.every((pattern) => pattern instanceof RegExp)
    ? undefined
    : matchedBy(layer, path);
}

function matchedBy({ matchers = [] }: Layer, path: string): string | undefined {
  for (const matcher of matchers)
    try {
      const match = matcher(path);
      if (match !== false) return match.path;
    } catch {
      // A parameter that cannot be decoded matches nothing.
    }
  return undefined;
}

function patternsOf(layer: Layer, closures: () => ClosureReader): readonly unknown[] {
  const given = layer.rawPath ?? layer.route?.path;
  if (given !== undefined) return [given].flat(Infinity);
  // Before 2.3 only the compiled expressions are left.
  return (layer.matchers ?? []).flatMap((matcher): unknown[] => {
    const compiled = closures().read(matcher, 'regexp')?.value;
    if (compiled instanceof RegExp) return [patternOf(compiled)];
    const own = closures().read(matcher, '_path')?.value;
    return own instanceof RegExp ? [own] : [];
  });
}

/** What path-to-regexp 8 has made of a pattern, turned back; parameters have lost their names. */
export function patternOf({ source }: RegExp): string {
  const inner = /^\^\(\?:(.*?)\)(?:\(\?:\\\/\$\)\?)?(?:\(\?=\\\/\|\$\)|\$)$/.exec(source)?.[1];
  if (inner === undefined) return source;
  const pattern = inner
    .split('|')[0]
    ?.replaceAll(/\(\[\^\\\/\]\+\)|\(\(\?:\(\?![^)]*\)\[\^[^\]]*\]\)\+\)/g, ':param')
    .replaceAll(/\(\[\\s\\S\]\+\)|\(\.\+\)|\(\[\^\]\+\)/g, '*splat')
    .replaceAll(/\\(.)/g, '$1');
  return pattern === undefined || pattern === '' ? '/' : pattern;
}
