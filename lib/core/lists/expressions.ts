import { setImmediate } from 'node:timers/promises';
import { safePattern, type SafePattern } from '../patterns/safe-pattern.ts';
import { OptionsError } from '../errors.ts';
import type { Expression } from './read-list.ts';

/** Compiled at one go: some milliseconds at most. */
const slice = 20;
/** Steps for each character of a URL that all expressions of a list may need in the worst case. */
const mostSteps = 20_000;

export interface CompiledExpression {
  readonly pattern: SafePattern;
  readonly line: number;
}

export interface CompiledExpressions {
  readonly expressions: readonly CompiledExpression[];
  /** Those that cannot be run in bounded time, or are none. */
  readonly refused: readonly string[];
}

/** Compiles with pauses for everything else that the event loop has to do. */
export async function compileExpressions(
  sources: readonly Expression[],
): Promise<CompiledExpressions> {
  const expressions: CompiledExpression[] = [];
  const refused: string[] = [];
  let steps = 0;
  for (const [index, { source, line }] of sources.entries()) {
    if (index % slice === slice - 1) await setImmediate();
    try {
      const pattern = safePattern({ source, flags: 'i' });
      steps += pattern.cost;
      if (steps > mostSteps)
        refused.push(`line ${line}: with ${String(pattern)} the list would be too slow; split it`);
      else expressions.push({ pattern, line });
    } catch (error) {
      if (!(error instanceof OptionsError)) throw error;
      refused.push(`line ${line}: ${error.problems.join()}`);
    }
  }
  return { expressions, refused };
}
