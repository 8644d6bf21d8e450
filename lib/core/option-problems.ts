import { z } from 'zod';
import { quote, suggestion } from './wording.ts';

/** Each problem as a sentence: where, what was given, what is allowed. */
export function describe(
  issues: readonly z.core.$ZodIssue[],
  schema: z.ZodType,
  options: unknown,
  prefix: readonly PropertyKey[] = [],
): string[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path];
    const where = path.map(String).join('.');
    const at = where === '' ? '' : `${where}: `;
    if (issue.code === 'unrecognized_keys') {
      const known = keysAt(schema, path.slice(prefix.length));
      return issue.keys.map(
        (key) =>
          `${at}unknown option ${quote(key)}${suggestion(key, known) || `; known are ${known.join(', ')}`}`,
      );
    }
    if (issue.code === 'invalid_union') return describeUnion(issue, schema, options, path, at);
    if (issue.code === 'invalid_type')
      return [`${at}${quote(issue.input)} is not allowed; use ${article(issue.expected)}`];
    return [`${at}${issue.message}`];
  });
}

/** Of a union's branches the one that failed furthest inside tells most: the author meant that one. */
function describeUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  schema: z.ZodType,
  options: unknown,
  path: readonly PropertyKey[],
  at: string,
): string[] {
  const inside = issue.errors
    .filter((branch) =>
      branch.some(
        (inner) =>
          inner.path.length > 0 || inner.code === 'custom' || inner.code === 'unrecognized_keys',
      ),
    )
    .sort((a, b) => depth(b) - depth(a))[0];
  if (inside !== undefined) return describe(inside, branchAt(schema, path), options, path);
  const expected = issue.errors.flatMap((branch) =>
    branch.flatMap((inner) =>
      inner.code === 'invalid_type'
        ? [article(inner.expected)]
        : inner.code === 'invalid_value'
          ? inner.values.map(quote)
          : [],
    ),
  );
  return [
    `${at}${quote(issue.input)} is not allowed; use ${[...new Set(expected)].join(' or ') || issue.message}`,
  ];
}

function depth(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(
    ...issues.map((issue) => issue.path.length * 2 + (issue.code === 'unrecognized_keys' ? 1 : 0)),
  );
}

function article(expected: string): string {
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  return [...new Set(shapesAt(schema, path).flatMap((shape) => Object.keys(shape)))];
}

function branchAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType {
  const shapes = shapesAt(schema, path);
  return z.object(Object.assign({}, ...shapes) as Record<string, z.ZodType>);
}

/** The object shapes a schema has at a path, through optionals, defaults, pipes, arrays and unions. */
function shapesAt(schema: z.ZodType, path: readonly PropertyKey[]): Record<string, z.ZodType>[] {
  const definition = schema.def as {
    innerType?: z.ZodType;
    in?: z.ZodType;
    element?: z.ZodType;
    valueType?: z.ZodType;
    options?: z.ZodType[];
  };
  if (schema instanceof z.ZodObject) {
    const shape = schema.shape as Record<string, z.ZodType>;
    const [key, ...rest] = path;
    if (key === undefined) return [shape];
    const next = shape[String(key)];
    return next === undefined ? [] : shapesAt(next, rest);
  }
  if (definition.options !== undefined)
    return definition.options.flatMap((option) => shapesAt(option, path));
  const item = definition.element ?? definition.valueType;
  if (item !== undefined) return path.length === 0 ? [] : shapesAt(item, path.slice(1));
  const inner = definition.innerType ?? definition.in;
  return inner === undefined ? [] : shapesAt(inner, path);
}
