import type { z } from 'zod';
import { quote } from '../core/options.ts';

interface ParsedFilter {
  readonly groups: readonly { readonly name: string }[];
}

/** Refuses groups of one name: nobody could tell from the log which it was. */
export function groupNamesDiffer({ groups }: ParsedFilter, context: z.RefinementCtx): void {
  const names = groups.map(({ name }) => name);
  for (const [index, name] of names.entries()) {
    const first = names.indexOf(name);
    if (first < index)
      context.addIssue({
        code: 'custom',
        path: ['groups', index, 'name'],
        message: `${quote(name)} is the name of groups.${first}, too; give each its own, for the log`,
        input: name,
      });
  }
}
