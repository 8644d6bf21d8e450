import bytes from 'bytes';
import ms, { type StringValue } from 'ms';
import { z } from 'zod';
import { OptionsError } from './errors.ts';
import { describe } from './option-problems.ts';
import { quote, suggestion } from './wording.ts';

export { quote };

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
