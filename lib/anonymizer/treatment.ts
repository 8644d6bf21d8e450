import type { FieldFilter } from '../core/context.ts';
import { memoised } from '../core/http/memo.ts';
import {
  clientHints,
  hintRequests,
  identifyingFields,
  internalTraces,
  lowEntropyHints,
} from './identifying-fields.ts';
import { NameSet } from './name-set.ts';
import { namesInside, refererOrigin, type RefererMode } from './referrer.ts';
import { generalised } from './user-agent.ts';

export interface TreatmentRules {
  /** Removed beyond the identifying fields. */
  readonly remove: readonly string[];
  readonly userAgent: UserAgentMode;
  readonly referer: RefererMode;
  readonly clientHints: 'drop' | 'low-entropy' | 'keep';
}

/** Whatever is none of the words replaces it. */
export type UserAgentMode = 'generalize' | 'keep' | 'drop' | `${string}/${string}`;

/** What becomes of a field's value; undefined when the field goes. */
type Rewrite = (value: string) => string | undefined;

const drop: Rewrite = () => undefined;
const keep: Rewrite = (value) => value;

/** What happens to the fields of a request, and which fields its answer goes without: lower-cased. */
export interface Treatment {
  readonly filter: FieldFilter;
  /** From whoever the answer is. */
  readonly strip: readonly string[];
  /** From servers of our own: out there nobody knows our inside. */
  readonly traces: readonly string[];
}

/** @param kept patterns of names that stay as they are */
export function treatment(rules: TreatmentRules, kept: readonly string[]): Treatment {
  const keeps = new NameSet(kept);
  const rewriteOf = memoised(rewriter(rules, keeps));
  const removed = new NameSet(rules.remove.map(foldedName));
  const hints = rules.clientHints === 'keep' ? [] : hintRequests;
  // Cookies that go nowhere need not be set.
  const cookies = removed.has('cookie') || removed.has('set-cookie') ? ['set-cookie'] : [];
  return {
    filter: (fields) => {
      rewrite(fields, rewriteOf);
    },
    strip: [...hints, ...cookies].filter((name) => !keeps.has(name)),
    traces: internalTraces.filter((name) => !keeps.has(name)),
  };
}

function rewriter(rules: TreatmentRules, keeps: NameSet): (name: string) => Rewrite {
  const identifying = new NameSet([...identifyingFields, ...rules.remove.map(foldedName)]);
  const hints = new NameSet(clientHints);
  const lowEntropy = new NameSet(lowEntropyHints);
  const special = new Map<string, Rewrite>([
    ['referer', refererRewrite(rules.referer)],
    ['user-agent', userAgentRewrite(rules.userAgent)],
    // What scripts say so that servers can tell them from pages; others put in their name, e.g. Android's WebView.
    ['x-requested-with', (value) => (value === 'XMLHttpRequest' ? value : undefined)],
    ['origin', (value) => (namesInside(value) ? 'null' : value)],
  ]);
  return (name) => {
    const folded = foldedName(name);
    if (folded === 'host' || keeps.has(name.toLowerCase())) return keep;
    if (identifying.has(folded)) return drop;
    if (hints.has(folded)) {
      const stays = rules.clientHints === 'low-entropy' && lowEntropy.has(folded);
      return stays || rules.clientHints === 'keep' ? keep : drop;
    }
    return special.get(folded) ?? keep;
  };
}

/** Servers behind CGI see no difference between `X_Real_IP`, `X.Real.IP` and `X-Real-IP`. */
function foldedName(name: string): string {
  return name.toLowerCase().replace(/[^a-z\d*]/g, '-');
}

function refererRewrite(mode: RefererMode): Rewrite {
  if (mode === 'keep') return keep;
  return mode === 'drop' ? drop : refererOrigin;
}

function userAgentRewrite(mode: UserAgentMode): Rewrite {
  if (mode === 'keep') return keep;
  if (mode === 'drop') return drop;
  return mode === 'generalize' ? memoised(generalised) : () => mode;
}

/** In one pass, in place. */
function rewrite(fields: string[], rewriteOf: (name: string) => Rewrite): void {
  let end = 0;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = rewriteOf(name)(fields[index + 1] as string);
    if (value === undefined) continue;
    fields[end++] = name;
    fields[end++] = value;
  }
  fields.length = end;
}
