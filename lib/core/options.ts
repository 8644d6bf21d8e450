import bytes from 'bytes';
import leven from 'leven';
import ms, { type StringValue } from 'ms';
import { z } from 'zod';
import { OptionsError } from './errors.ts';

/** Milliseconds, or a string with a unit: `'500ms'`, `'5s'`, `'10 minutes'`. */
export type Duration = number | string;
/** Bytes, or a string with a unit: `'64kb'`, `'5mb'`. */
export type Size = number | string;

const durationPattern = /^\s*\d+(?:\.\d+)?\s*[a-z]+\s*$/i;
const sizePattern = /^\s*\d+(?:\.\d+)?\s*(?:b|kb|mb|gb|tb)\s*$/i;

/** A duration, parsed to milliseconds. A string without a unit is refused: its author may have meant seconds. */
export function duration(): z.ZodType<number, Duration> {
  return z
    .custom<Duration>(() => true)
    .transform((value: unknown, context) => {
      const milliseconds =
        typeof value === 'number'
          ? value
          : typeof value === 'string' && durationPattern.test(value)
            ? ms(value.trim().toLowerCase() as StringValue)
            : undefined;
      if (typeof milliseconds === 'number' && Number.isFinite(milliseconds) && milliseconds >= 0)
        return milliseconds;
      return refuse(
        context,
        value,
        "is no duration; use milliseconds as a number or a string with a unit such as '5s' or '10 minutes'",
      );
    });
}

/** A size, parsed to bytes. */
export function size(): z.ZodType<number, Size> {
  return z
    .custom<Size>(() => true)
    .transform((value: unknown, context) => {
      const count =
        typeof value === 'number'
          ? value
          : typeof value === 'string' && sizePattern.test(value)
            ? bytes.parse(value.trim())
            : null;
      if (count !== null && Number.isFinite(count) && count >= 0) return Math.floor(count);
      return refuse(
        context,
        value,
        "is no size; use bytes as a number or a string with a unit such as '64kb' or '5mb'",
      );
    });
}

/** A whole number in a range. */
export function count(min: number, max: number = Number.MAX_SAFE_INTEGER): z.ZodType<number> {
  return z.custom<number>(
    (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
    {
      error: ({ input }) =>
        `${quote(input)} is not allowed; use a whole number ${max === Number.MAX_SAFE_INTEGER ? `from ${String(min)} on` : `from ${String(min)} to ${String(max)}`}`,
    },
  );
}

/** A finite number in a range, both ends included. */
export function ratio(min: number, max: number): z.ZodType<number> {
  return z.custom<number>(
    (value) => typeof value === 'number' && value >= min && value <= max && Number.isFinite(value),
    {
      error: ({ input }) =>
        `${quote(input)} is not allowed; use a number from ${String(min)} to ${String(max)}`,
    },
  );
}

/** One of a few words or numbers; a near miss is answered with the word it is near to. */
export function oneOf<const Values extends readonly (string | number | boolean)[]>(
  values: Values,
): z.ZodType<Values[number], Values[number]> {
  return z.custom<Values[number]>((value) => values.includes(value as never), {
    error: ({ input }) =>
      `${quote(input)} is not allowed; use one of ${values.map(quote).join(', ')}${suggestion(input, values)}`,
  });
}

/** A function of the caller's. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the parameters of any function at all
export function func<F extends (...args: any[]) => unknown>(): z.ZodType<F, F> {
  return z.custom<F>((value) => typeof value === 'function', {
    error: ({ input }) => `${quote(input)} is not a function; pass one`,
  });
}

/**
 * The schema of an options type. The compiler demands a field for each member of `Options`, and a
 * key that is not among them is refused at run time with a "did you mean".
 */
export function schemaOf<Options extends object>(): <
  Shape extends { [Key in keyof Required<Options>]: z.ZodType },
>(
  shape: Shape,
) => z.ZodObject<Shape, z.core.$strict> {
  return (shape) => z.strictObject(shape);
}

/** @throws {OptionsError} with every problem at once */
export function parseOptions<Schema extends z.ZodType>(
  middleware: string,
  schema: Schema,
  options: unknown,
): z.output<Schema> {
  const result = schema.safeParse(options, { reportInput: true });
  if (result.success) return result.data;
  throw new OptionsError(middleware, describe(result.error.issues, schema, options));
}

/** Adds a problem in the words all of them use: value, what is wrong with it, remedy. */
export function refuse(
  context: z.core.ParsePayload | z.RefinementCtx,
  input: unknown,
  remedy: string,
): never {
  (context as z.RefinementCtx).addIssue({
    code: 'custom',
    message: `${quote(input)} ${remedy}`,
    input,
  });
  return z.NEVER;
}

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

function describe(
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

function suggestion(input: unknown, known: readonly unknown[]): string {
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
