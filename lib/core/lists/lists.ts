import { randomBytes } from 'node:crypto';
import { accessSync, constants, statSync } from 'node:fs';
import { OptionsError } from '../errors.ts';
import { plainHost } from './host-name.ts';
import { HostSuffixes } from './host-suffixes.ts';
import { List, type ListMatch } from './list.ts';
import { ListThread } from './list-thread.ts';
import type { ListTier, ParsedList } from './options.ts';
import { largestFile, plainTarget } from './read-list.ts';

export type { ListMatch } from './list.ts';

/** e2guardian's order: what is excepted is not even grey, what is grey is not banned. */
const tiers: readonly ListTier[] = ['exception', 'grey', 'banned'];

/** Tells of what is in force, without what is in it. */
export interface ListState {
  readonly file: string;
  readonly category: string;
  readonly tier: ListTier;
  readonly entries: number;
  /** Whether it has been read at least once. */
  readonly available: boolean;
}

/**
 * Lists of hosts and URLs from files, kept up to date with them. Reading happens in a thread and takes a moment:
 * `available` is false until every list has been read once, and a gate refuses or awaits `ready` until then.
 * A list that cannot be read again, or has shrunk by more than half, stays as it was, and the operator hears of it
 * (`SEKISHO_LIST`), as of lines that are no entries.
 */
export class Lists {
  /** Settles when the first attempt to read each list is over; never rejects: see `available`. */
  readonly ready: Promise<void>;
  readonly #lists: readonly List[];
  readonly #thread = new ListThread();
  readonly #suffixes: HostSuffixes;
  #available = false;

  /**
   * @param owner whose option `lists` they are
   * @throws {OptionsError} when a file is missing, unreadable, no file, or larger than 256 MB
   */
  constructor(owner: string, lists: readonly ParsedList[]) {
    const problems = lists.flatMap(({ file }, index) => {
      const problem = fileProblem(file);
      return problem === undefined
        ? []
        : [`lists.${index}.file: '${file}' ${problem}; name a file that can be read`];
    });
    if (problems.length > 0) throw new OptionsError(owner, problems);
    const seed = randomBytes(4).readInt32LE();
    this.#suffixes = new HostSuffixes(seed);
    this.#lists = tiers.flatMap((tier) =>
      lists.filter((list) => list.tier === tier).map((list) => new List(list, seed, this.#thread)),
    );
    this.ready = Promise.all(this.#lists.map(({ ready }) => ready)).then(() => undefined);
  }

  /** Whether every list has been read at least once. */
  get available(): boolean {
    // What has been read once stays.
    return (this.#available ||= this.#lists.every(({ available }) => available));
  }

  get states(): ListState[] {
    return this.#lists.map(({ file, category, tier, entries, available }) => ({
      file,
      category,
      tier,
      entries,
      available,
    }));
  }

  /**
   * The entry that counts for a host and a path: of an exception list before one of a grey before one of a banned
   * list, among equals of the list that was named first.
   *
   * @param hostname a name or an IP address, in any spelling
   * @param path the path, with its query if there is one; needed for lists of URLs and expressions
   * @returns undefined when no list has it, or when `hostname` is none
   * @throws {Error} before `available`: what is not known yet must not pass
   */
  lookup(hostname: string, path = '/'): ListMatch | undefined {
    if (!this.#prepare(hostname)) return undefined;
    const target = this.#target(path);
    for (const list of this.#lists) {
      const match = list.find(this.#suffixes, target);
      if (match !== undefined) return match;
    }
    return undefined;
  }

  /** As `lookup()`, one match of each list that has it. */
  matches(hostname: string, path = '/'): ListMatch[] {
    if (!this.#prepare(hostname)) return [];
    const target = this.#target(path);
    return this.#lists.flatMap((list) => list.find(this.#suffixes, target) ?? []);
  }

  close(): void {
    for (const list of this.#lists) list.close();
    this.#thread.close();
  }

  #prepare(hostname: string): boolean {
    if (!this.available) throw new Error('the lists have not been read yet');
    const host = plainHost(hostname);
    if (host === undefined) return false;
    this.#suffixes.set(host);
    return true;
  }

  #target(path: string): string {
    return this.#lists.some(({ looksAtPaths }) => looksAtPaths) ? plainTarget(path) : '';
  }
}

function fileProblem(file: string): string | undefined {
  try {
    const stats = statSync(file);
    if (!stats.isFile()) return 'is not a file';
    if (stats.size > largestFile) return 'is larger than 256 MB';
    accessSync(file, constants.R_OK);
    return undefined;
  } catch (error) {
    return `cannot be read (${String((error as NodeJS.ErrnoException).code)})`;
  }
}
