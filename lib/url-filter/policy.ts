import type { Finding } from './listings.ts';
import type { PatternSet } from './pattern-set.ts';
import type { Rule } from './pattern.ts';
import type { Subject } from './subject.ts';

/** The rules of a policy; of what is undefined there are none. */
export interface PolicyRules {
  readonly exceptions: PatternSet | undefined;
  readonly methods: ReadonlySet<string> | undefined;
  readonly deny: PatternSet | undefined;
  readonly grey: PatternSet | undefined;
  readonly allow: PatternSet | undefined;
}

export interface Verdict {
  readonly outcome: 'allowed' | 'exception' | 'denied';
  /** For the log: what decided. */
  readonly rule: string | undefined;
  readonly category: string | undefined;
}

const allowed: Verdict = { outcome: 'allowed', rule: undefined, category: undefined };

/**
 * Judges in the order of e2guardian's tiers: exceptions pass whatever else is said; what is banned is refused; grey
 * takes something out of the lists' hands, not out of those of the policy itself. Last, whoever states `allow` wants
 * nothing else. A list whose category a pattern names does what the pattern says, else what its tier says.
 */
export class Policy {
  readonly name: string;
  /** Whether the host has to be known. */
  readonly needsHost: boolean;
  readonly #rules: PolicyRules;
  readonly #listed: boolean;
  readonly #named: ReadonlySet<string>;

  constructor(name: string, rules: PolicyRules, categories: readonly string[]) {
    this.name = name;
    this.#rules = rules;
    const sets = [rules.exceptions, rules.deny, rules.grey, rules.allow];
    this.#named = new Set(sets.flatMap((set) => [...(set?.categories ?? [])]));
    this.#listed = categories.some((category) => !this.#named.has(category));
    this.needsHost = this.#listed || sets.some((set) => set?.needsHost);
  }

  judge(subject: Subject): Verdict {
    const { exceptions, methods, deny, allow } = this.#rules;
    const exception = exceptions?.every(subject);
    if (exception !== undefined)
      return this.#verdict('exception', 'exceptions', exception, subject);
    const excepted = this.#finding(subject, 'exception');
    if (excepted !== undefined) return this.#listVerdict('exception', excepted);

    if (methods?.has(subject.method) === false)
      return {
        outcome: 'denied',
        rule: this.#say(`methods: not ${subject.method}`),
        category: undefined,
      };
    const denied = deny?.some(subject);
    if (denied !== undefined) return this.#verdict('denied', 'deny', denied, subject);

    const banned = this.#finding(subject, 'banned');
    if (banned !== undefined && !this.#isGrey(subject)) return this.#listVerdict('denied', banned);

    if (allow === undefined || allow.every(subject) !== undefined) return allowed;
    return { outcome: 'denied', rule: this.#say('allow: none of it'), category: undefined };
  }

  #isGrey(subject: Subject): boolean {
    return (
      this.#rules.grey?.every(subject) !== undefined || this.#finding(subject, 'grey') !== undefined
    );
  }

  #finding(subject: Subject, wanted: Finding['tier']): Finding | undefined {
    if (!this.#listed) return undefined;
    return subject.findings.find(
      ({ tier, category }) => tier === wanted && !this.#named.has(category),
    );
  }

  #verdict(
    outcome: Verdict['outcome'],
    option: string,
    { text, categories }: Rule,
    subject: Subject,
  ): Verdict {
    const finding = categories && subject.findings.find(({ category }) => categories.has(category));
    return { outcome, rule: this.#say(`${option}: ${text}`), category: finding?.category };
  }

  #listVerdict(outcome: Verdict['outcome'], { rule, category }: Finding): Verdict {
    return { outcome, rule: this.#say(rule), category };
  }

  #say(rule: string): string {
    return this.name === '' ? rule : `${this.name}: ${rule}`;
  }
}
