import type { SafePattern } from '../core/patterns/safe-pattern.ts';
import type { DomainPattern } from './host-pattern.ts';
import type { PathPattern } from './path-pattern.ts';
import type { InForce, Schedule } from './schedule.ts';

type OneOrMore<Value> = Value | readonly Value[];

/** What a request has to be, in every respect that is stated. */
export interface PatternParts {
  /** `'example.com'` and its subdomains, `'*.example.com'`, an address, or a RegExp of the whole host name. */
  readonly host?: OneOrMore<string | RegExp>;
  /** `'/path'` and what is below, a glob, or a RegExp. */
  readonly path?: OneOrMore<string | RegExp>;
  /** Of the destination; of a request to this server the port it came in on. */
  readonly port?: OneOrMore<number>;
  /** `GET` stands for HEAD as well. */
  readonly method?: OneOrMore<string>;
  /** A category of `lists`. */
  readonly category?: OneOrMore<string>;
  /** When the pattern counts. */
  readonly schedule?: Schedule;
}

/**
 * `'/path'` (and what is below), `'/**\/*.php'` (a glob: `*` within a segment, `**` any number of them, `{a,b}`),
 * `'example.com'` (and its subdomains), `'*.example.com'` (only they), `'example.com/path'`, a RegExp of the canonical
 * path, or an object with several of these.
 */
export type UrlPattern = string | RegExp | PatternParts;

/** A pattern as it is looked up. */
export interface Rule {
  /** As the options have it, for the log. */
  readonly text: string;
  /** Empty for any host. */
  readonly hosts: readonly (DomainPattern | SafePattern)[];
  /** Empty for any path. */
  readonly paths: readonly (PathPattern | SafePattern)[];
  readonly ports: ReadonlySet<number> | undefined;
  readonly methods: ReadonlySet<string> | undefined;
  readonly categories: ReadonlySet<string> | undefined;
  readonly schedule: InForce | undefined;
}
