import { clock } from '../core/clock.ts';
import { Lists } from '../core/lists/lists.ts';
import type { ListTier, ParsedList } from '../core/lists/options.ts';

/** What a list says of a host or URL. */
export interface Finding {
  readonly category: string;
  readonly tier: ListTier;
  /** `ads (lists/ads.txt:17)`. */
  readonly rule: string;
}

/** Milliseconds that requests wait for lists which have not been read yet. */
const longestWait = 5_000;
const nothing: readonly Finding[] = [];

/** All lists of a filter. */
export class Listings {
  readonly categories: readonly string[];
  readonly #lists: Lists | undefined;
  #available: boolean;

  /** @throws {OptionsError} when a file cannot be read */
  constructor(lists: readonly ParsedList[]) {
    this.categories = [...new Set(lists.map(({ category }) => category))];
    this.#lists = lists.length === 0 ? undefined : new Lists('urlFilter', lists);
    this.#available = lists.length === 0;
  }

  /** Whether all of them have been read; what has been once stays. */
  get available(): boolean {
    return (this.#available ||= this.#lists?.available === true);
  }

  /** Resolves when they have been read, or a moment later. */
  async read(): Promise<void> {
    let stop: (() => void) | undefined;
    const limit = new Promise<void>((resolve) => (stop = clock.after(longestWait, resolve)));
    await Promise.race([this.#lists?.ready, limit]);
    stop?.();
  }

  /** One finding for each list that has it. @param target path and query */
  find(hostname: string, target: string): readonly Finding[] {
    const matches = this.#lists?.matches(hostname, target) ?? [];
    if (matches.length === 0) return nothing;
    return matches.map(({ category, tier, file, line }) => {
      return { category, tier, rule: `${category} (${file}:${line})` };
    });
  }

  close(): void {
    this.#lists?.close();
  }
}
