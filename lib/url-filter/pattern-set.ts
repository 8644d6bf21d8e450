import type { SafePattern } from '../core/patterns/safe-pattern.ts';
import type { Rule } from './pattern.ts';
import { Places, type Manner } from './places.ts';
import type { Subject } from './subject.ts';

/** Patterns, found by host and path; those that are alike in this are told apart by the rest. */
export class PatternSet {
  readonly rules: readonly Rule[];
  /** Whether some pattern looks at the host, or at what lists say of it. */
  readonly needsHost: boolean;
  /** Of lists, that some pattern names. */
  readonly categories: ReadonlySet<string>;
  readonly #anyHost: Places;
  readonly #domains: Map<string, Places> = new Map();
  readonly #expressions: { readonly host: SafePattern; readonly places: Places }[] = [];
  readonly #manner: Manner;

  constructor(rules: readonly Rule[], manner: Manner) {
    this.rules = rules;
    this.#manner = manner;
    this.#anyHost = new Places(manner);
    this.needsHost = rules.some(({ hosts, categories }) => hosts.length > 0 || categories);
    this.categories = new Set(rules.flatMap((rule) => [...(rule.categories ?? [])]));
    for (const rule of rules) this.#add(rule);
  }

  /** The same patterns, telling upper from lower case in paths. */
  caseSensitive(): PatternSet {
    if (!this.#manner.ignoreCase) return this;
    return new PatternSet(this.rules, { ...this.#manner, ignoreCase: false });
  }

  /** The rule that any reading of the request matches. */
  some(subject: Subject): Rule | undefined {
    if (this.rules.length === 0) return undefined;
    for (const path of subject.paths) {
      const rule = this.#find(subject, path);
      if (rule !== undefined) return rule;
    }
    return undefined;
  }

  /** A rule, when every reading of the request matches one. */
  every(subject: Subject): Rule | undefined {
    if (this.rules.length === 0) return undefined;
    let first: Rule | undefined;
    for (const path of subject.paths) {
      const rule = this.#find(subject, path);
      if (rule === undefined) return undefined;
      first ??= rule;
    }
    return first;
  }

  #add(rule: Rule): void {
    if (rule.hosts.length === 0) this.#anyHost.add({ rule, domain: undefined });
    for (const host of rule.hosts) {
      if ('test' in host) {
        const places = new Places(this.#manner);
        places.add({ rule, domain: undefined });
        this.#expressions.push({ host, places });
        continue;
      }
      const places = this.#domains.get(host.name) ?? new Places(this.#manner);
      places.add({ rule, domain: host });
      this.#domains.set(host.name, places);
    }
  }

  #find(subject: Subject, path: string | undefined): Rule | undefined {
    const found = this.#anyHost.find(subject, path, false);
    if (found !== undefined || subject.hostname === undefined) return found;
    return (
      this.#findDomain(subject, path, subject.hostname) ??
      this.#findByExpression(subject, path, subject.hostname)
    );
  }

  #findDomain(subject: Subject, path: string | undefined, hostname: string): Rule | undefined {
    if (this.#domains.size === 0) return undefined;
    // The whole name, and then each time without its first label.
    for (let at = 0; ;) {
      const rule = this.#domains.get(hostname.slice(at))?.find(subject, path, at > 0);
      if (rule !== undefined) return rule;
      const dot = hostname.indexOf('.', at);
      if (dot === -1) return undefined;
      at = dot + 1;
    }
  }

  #findByExpression(
    subject: Subject,
    path: string | undefined,
    hostname: string,
  ): Rule | undefined {
    for (const { host, places } of this.#expressions) {
      const rule = host.test(hostname) ? places.find(subject, path, false) : undefined;
      if (rule !== undefined) return rule;
    }
    return undefined;
  }
}
