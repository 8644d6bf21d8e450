import { z } from 'zod';
import { count, refuse, schemaOf } from '../core/options.ts';
import { patternField, type SafePattern } from '../core/patterns/safe-pattern.ts';
import { readDomain, type DomainPattern } from './host-pattern.ts';
import { methodField, methodsField } from './methods.ts';
import type { PathPattern } from './path-pattern.ts';
import { PatternSet } from './pattern-set.ts';
import type { Manner } from './places.ts';
import type { PatternParts, Rule, UrlPattern } from './pattern.ts';
import { scheduleField } from './schedule.ts';
import { pathsOf, readText } from './text-pattern.ts';

const anything = {
  ports: undefined,
  methods: undefined,
  categories: undefined,
  schedule: undefined,
};

/** A list of patterns as an option. */
export function patternsField(manner: Manner): z.ZodType<PatternSet, readonly UrlPattern[]> {
  return z
    .array(z.union([textField(), expressionField(), partsField()]))
    .transform((rules) => new PatternSet(rules, manner));
}

function textField(): z.ZodType<Rule, string> {
  return z.string().transform((text, context): Rule => {
    const place = readText(text);
    if (typeof place === 'string') return refuse(context, text, place);
    return { text, ...anything, ...place };
  });
}

function expressionField(): z.ZodType<Rule, RegExp> {
  return expression().transform((path) => ({
    text: String(path),
    hosts: [],
    paths: [path],
    ...anything,
  }));
}

function partsField(): z.ZodType<Rule, PatternParts> {
  return schemaOf<PatternParts>()({
    host: oneOrMore([domainField(), namedExpression()]).optional(),
    path: oneOrMore([pathField(), pathExpression()]).optional(),
    port: oneOrMore([count(1, 65535)]).optional(),
    method: z.union([methodsField(), methodField()]).optional(),
    category: oneOrMore([z.string()]).optional(),
    schedule: scheduleField().optional(),
  })
    .superRefine(({ host, path, port, method, category }, context) => {
      if ([host, path, port, method, category].every((part) => part === undefined))
        refuse(context, {}, "states nothing to match; write '/' for everything");
    })
    .transform((parts): Rule => {
      const { host = [], path = [], port, method, category, schedule } = parts;
      const everyPath = path.some(({ means }) => means.length === 0);
      return {
        text: describe(parts),
        hosts: host.map(({ means }) => means),
        paths: everyPath ? [] : path.flatMap(({ means }): Rule['paths'] => means),
        ports: port && new Set(port),
        methods: method,
        categories: category && new Set(category),
        schedule,
      };
    }) as never;
}

function oneOrMore<Field extends z.ZodType>(
  kinds: readonly Field[],
): z.ZodType<readonly z.output<Field>[], z.input<Field> | readonly z.input<Field>[]> {
  const several = z.array(z.union(kinds)).min(1, { error: '[] matches nothing; leave it out' });
  return z
    .union([...kinds, several])
    .transform((value): z.output<Field>[] => (Array.isArray(value) ? value : [value]));
}

/** An option's word and what it stands for. */
interface Meaning<Value> {
  readonly text: string;
  readonly means: Value;
}

function domainField(): z.ZodType<Meaning<DomainPattern>, string> {
  return z.string().transform((text, context) => {
    const means = readDomain(text);
    return typeof means === 'string' ? refuse(context, text, means) : { text, means };
  });
}

function pathField(): z.ZodType<Meaning<readonly PathPattern[]>, string> {
  return z.string().transform((text, context) => {
    const means = text.startsWith('/')
      ? pathsOf(text)
      : `does not start with a slash; write '/${text}'`;
    return typeof means === 'string' ? refuse(context, text, means) : { text, means };
  });
}

function namedExpression(): z.ZodType<Meaning<SafePattern>, RegExp> {
  return expression().transform((means) => ({ text: String(means), means }));
}

function pathExpression(): z.ZodType<Meaning<readonly SafePattern[]>, RegExp> {
  return expression().transform((means) => ({ text: String(means), means: [means] }));
}

function expression(): z.ZodType<SafePattern, RegExp> {
  return (z.instanceof(RegExp) as z.ZodType<RegExp>).pipe(patternField() as never) as never;
}

interface Described {
  readonly host?: readonly Meaning<unknown>[] | undefined;
  readonly path?: readonly Meaning<unknown>[] | undefined;
  readonly port?: readonly number[] | undefined;
  readonly method?: ReadonlySet<string> | undefined;
  readonly category?: readonly string[] | undefined;
}

/** `host example.com path /a, /b method POST` */
function describe({ host, path, port, method, category }: Described): string {
  return Object.entries({
    host: host?.map(({ text }) => text),
    path: path?.map(({ text }) => text),
    port,
    method: method && [...method],
    category,
  })
    .filter(([, words]) => words !== undefined)
    .map(([name, words]) => `${name} ${(words ?? []).join(', ')}`)
    .join(' ');
}
