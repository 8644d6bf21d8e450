// A table, not a connection.
// eslint-disable-next-line @typescript-eslint/no-restricted-imports
import { METHODS } from 'node:http';
import { z } from 'zod';
import { refuse } from '../core/options.ts';
import { suggestion } from '../core/wording.ts';

type Methods = ReadonlySet<string>;

/** HTTP methods, in any case. GET stands for HEAD as well, which asks for nothing more. */
export function methodsField(): z.ZodType<Methods, readonly string[]> {
  return z
    .array(methodName())
    .min(1, { error: "[] would refuse everything; name methods such as 'GET'" })
    .transform(withHead);
}

export function methodField(): z.ZodType<Methods, string> {
  return methodName().transform((name) => withHead([name]));
}

function methodName(): z.ZodType<string, string> {
  return z.string().transform((text, context) => {
    const name = text.toUpperCase();
    if (METHODS.includes(name)) return name;
    return refuse(context, text, `is no method; use one such as 'GET'${suggestion(text, METHODS)}`);
  });
}

function withHead(names: readonly string[]): Methods {
  return new Set(names.includes('GET') ? [...names, 'HEAD'] : names);
}
