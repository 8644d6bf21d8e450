import { clock } from '../clock.ts';
import { FileWatch } from '../file-watch.ts';
import { warn } from '../warn.ts';
import { compileExpressions, type CompiledExpressions } from './expressions.ts';
import { findRule } from './find-rule.ts';
import type { HostSuffixes } from './host-suffixes.ts';
import type { ListThread } from './list-thread.ts';
import type { ListTier, ParsedList } from './options.ts';
import { shownProblems, type LoadedList } from './read-list.ts';
import { lineOf } from './table.ts';

/** Milliseconds until a list that could not be read is tried again, whether its file has changed or not. */
const retryAfter = 30_000;

export interface ListMatch {
  readonly category: string;
  readonly file: string;
  readonly line: number;
  readonly tier: ListTier;
}

interface Content extends CompiledExpressions {
  readonly list: LoadedList;
}

/** One list file, as it stands on the disk; when it cannot be used any more, as it stood before. */
export class List {
  readonly tier: ListTier;
  /** Settles when the first attempt to read it is over; never rejects. */
  readonly ready: Promise<void>;
  readonly #options: ParsedList;
  readonly #seed: number;
  readonly #thread: ListThread;
  readonly #watch: FileWatch | undefined;
  #content: Content | undefined;
  #loading = false;
  #changed = false;
  #closed = false;
  #cancelRetry: (() => void) | undefined;

  constructor(options: ParsedList, seed: number, thread: ListThread) {
    this.#options = options;
    this.tier = options.tier;
    this.#seed = seed;
    this.#thread = thread;
    const { file, refresh } = options;
    if (refresh !== false)
      this.#watch = new FileWatch([file], () => void this.#load(), { poll: refresh });
    this.ready = this.#load();
  }

  /** Whether it has been read at least once. */
  get available(): boolean {
    return this.#content !== undefined;
  }

  get category(): string {
    return this.#options.category;
  }

  get file(): string {
    return this.#options.file;
  }

  get entries(): number {
    if (this.#content === undefined) return 0;
    return this.#content.list.table.count + this.#content.expressions.length;
  }

  /** Whether lookups need the path. */
  get looksAtPaths(): boolean {
    return (
      this.#content !== undefined &&
      (this.#content.list.hasPaths || this.#content.expressions.length > 0)
    );
  }

  close(): void {
    this.#closed = true;
    this.#watch?.close();
    this.#cancelRetry?.();
  }

  find(suffixes: HostSuffixes, path: string): ListMatch | undefined {
    if (this.#content === undefined) return undefined;
    const { list, expressions } = this.#content;
    const entry = findRule(list, suffixes, path);
    if (entry !== -1) return this.#match(lineOf(list.table, entry));
    if (expressions.length === 0) return undefined;
    const url = suffixes.host + path;
    const found = expressions.find(({ pattern }) => pattern.test(url));
    return found === undefined ? undefined : this.#match(found.line);
  }

  #match(line: number): ListMatch {
    const { category, file, tier } = this.#options;
    return { category, file, line, tier };
  }

  async #load(): Promise<void> {
    this.#changed = true;
    if (this.#loading) return;
    this.#loading = true;
    this.#cancelRetry?.();
    // Changed again while it was read: that is another reading.
    while (this.#changed && !this.#closed) {
      this.#changed = false;
      await this.#loadOnce();
    }
    this.#loading = false;
  }

  async #loadOnce(): Promise<void> {
    const { file, format } = this.#options;
    try {
      const list = await this.#thread.load({ file, format, seed: this.#seed });
      const expressions = await compileExpressions(list.expressions);
      if (!this.#closed) this.#take({ list, ...expressions });
    } catch (error) {
      if (this.#closed) return;
      warn(
        'SEKISHO_LIST',
        `${file} cannot be read (${(error as Error).message}); ${this.available ? 'the last good list stays in force' : 'nothing is known of its entries until it can'}`,
        error,
      );
      this.#cancelRetry = clock.after(retryAfter, () => void this.#load());
    }
  }

  #take(content: Content): void {
    const { file, maxShrink, format } = this.#options;
    const { list, expressions } = content;
    const entries = list.table.count + expressions.length;
    if (entries < this.entries * (1 - maxShrink)) {
      warn(
        'SEKISHO_LIST',
        `${file} has shrunk from ${this.entries} to ${entries} entries; the last good list stays in force. If that is meant, start again or raise maxShrink`,
      );
      return;
    }
    this.#content = content;
    this.#tellOfRefused(content);
    if (entries === 0 && list.refused.count + list.ignored > 0)
      warn(
        'SEKISHO_LIST',
        `${file} has no entry that can be used, read as format '${list.format}'${format === 'auto' ? ' (a guess)' : ''}; name the format it has`,
      );
  }

  #tellOfRefused({ list, refused }: Content): void {
    const count = list.refused.count + refused.length;
    if (count === 0) return;
    const { file } = this.#options;
    const first = [...list.refused.first, ...refused].slice(0, shownProblems);
    const more = count > first.length ? `; and ${count - first.length} more` : '';
    warn('SEKISHO_LIST', `lines of ${file} were skipped: ${first.join('; ')}${more}`);
  }
}
