import type { SafePattern } from '../core/patterns/safe-pattern.ts';
import type { DomainPattern } from './host-pattern.ts';
import { foldCase, foldPattern } from './fold-case.ts';
import { PathTrie } from './path-trie.ts';
import type { Rule } from './pattern.ts';
import type { Subject } from './subject.ts';

interface Entry {
  readonly rule: Rule;
  readonly domain: DomainPattern | undefined;
}

/** How paths are compared. */
export interface Manner {
  /** Whether a glob is also for what is below of what it matches: right for what refuses. */
  readonly below: boolean;
  /** Whether upper and lower case are the same; an expression says so itself. Right for what refuses, too. */
  readonly ignoreCase: boolean;
}

/** The rules of one domain, by their paths. */
export class Places {
  readonly #everywhere: Entry[] = [];
  readonly #trie: PathTrie<Entry> = new PathTrie();
  readonly #expressions: { readonly path: SafePattern; readonly entry: Entry }[] = [];
  readonly #manner: Manner;
  #hasTrie = false;

  constructor(manner: Manner) {
    this.#manner = manner;
  }

  add(entry: Entry): void {
    const { below, ignoreCase } = this.#manner;
    const { paths } = entry.rule;
    if (paths.length === 0) this.#everywhere.push(entry);
    for (const path of paths) {
      if ('test' in path) {
        this.#expressions.push({ path, entry });
        continue;
      }
      this.#trie.add(ignoreCase ? foldPattern(path) : path, entry, below || path.literal);
      this.#hasTrie = true;
    }
  }

  /**
   * @param path undefined when nobody can know it: no rule with a path matches
   * @param isSubdomain whether the request's host is below the domain of this place
   */
  find(subject: Subject, path: string | undefined, isSubdomain: boolean): Rule | undefined {
    const accepts = ({ rule, domain }: Entry): boolean =>
      (domain === undefined || fits(domain, subject, isSubdomain)) && holds(rule, subject);
    const found = this.#everywhere.find(accepts);
    if (found !== undefined || path === undefined) return found?.rule;
    const placed = this.#hasTrie
      ? this.#trie.find(this.#manner.ignoreCase ? foldCase(path) : path, accepts)
      : undefined;
    if (placed !== undefined || this.#expressions.length === 0) return placed?.rule;
    const text = readable(path);
    return this.#expressions.find((entry) => entry.path.test(text) && accepts(entry.entry))?.entry
      .rule;
  }
}

function fits({ apex, port }: DomainPattern, subject: Subject, isSubdomain: boolean): boolean {
  return (apex || isSubdomain) && (port === undefined || port === subject.port);
}

function holds({ ports, methods, categories, schedule }: Rule, subject: Subject): boolean {
  return (
    (ports === undefined || ports.has(subject.port)) &&
    (methods === undefined || methods.has(subject.method)) &&
    (schedule === undefined || schedule()) &&
    (categories === undefined || subject.isIn(categories))
  );
}

const beyondAscii = /[\x80-\xff]/;

/** Canonical paths have a character per byte; an expression is written for those of the text. */
function readable(path: string): string {
  return beyondAscii.test(path) ? Buffer.from(path, 'latin1').toString('utf8') : path;
}
