import type { z } from 'zod';
import { quote } from '../core/options.ts';
import { suggestion } from '../core/wording.ts';
import type { PatternSet } from './pattern-set.ts';

const options = ['exceptions', 'deny', 'grey', 'allow'] as const;

type Rules = Readonly<Partial<Record<(typeof options)[number], PatternSet | undefined>>>;

interface ParsedFilter extends Rules {
  readonly lists: readonly { readonly category: string }[];
  readonly groups: readonly Rules[];
}

/** Refuses patterns of categories that no list has: they would never match. */
export function categoriesAreListed(parsed: ParsedFilter, context: z.RefinementCtx): void {
  const known = [...new Set(parsed.lists.map(({ category }) => category))];
  const check = (rules: Rules, path: readonly (string | number)[]): void => {
    for (const option of options)
      for (const [index, { categories }] of (rules[option]?.rules ?? []).entries())
        for (const category of categories ?? [])
          if (!known.includes(category))
            context.addIssue({
              code: 'custom',
              path: [...path, option, index, 'category'],
              message: `${quote(category)} is the category of no list${suggestion(category, known) || '; name it in lists'}`,
              input: category,
            });
  };
  check(parsed, []);
  for (const [index, group] of parsed.groups.entries()) check(group, ['groups', index]);
}
