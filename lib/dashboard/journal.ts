import { clock } from '../core/clock.ts';

/** Which list of the page it belongs to. */
export type EntryGroup = 'refusal' | 'alert' | 'server';
/** How much it matters. */
export type EntryLevel = 'good' | 'info' | 'notice' | 'warning' | 'alert';

/** What happened, once or several times. All texts are as `shown()` makes them. */
export interface Entry {
  readonly id: number;
  readonly group: EntryGroup;
  readonly level: EntryLevel;
  /** What it is, e.g. `auth` or `health`; the page has words for it. */
  readonly kind: string;
  /** More closely, e.g. `denied` or an error code. */
  readonly what: string;
  /** The request or server it is about. */
  readonly subject: string;
  readonly detail?: string | undefined;
  readonly client?: string | undefined;
  readonly user?: string | undefined;
  /** Wall-clock milliseconds of the first and the last time. */
  readonly first: number;
  last: number;
  count: number;
  /** Of the journal, at the last change of this entry. */
  revision: number;
}

export type EntryInit = Omit<Entry, 'id' | 'first' | 'last' | 'count' | 'revision'>;

/** The latest that happened; of a fixed length. What happens again is counted, not listed again. */
export class Journal {
  readonly #length: number;
  /** The one whose last time is longest ago first. */
  readonly #entries: Map<string, Entry> = new Map();
  #revision = 0;

  constructor(length: number) {
    this.#length = length;
  }

  get revision(): number {
    return this.#revision;
  }

  /** @param repeats whether the same may have happened before and is counted together */
  add(init: EntryInit, repeats: boolean): void {
    this.#revision++;
    const now = clock.now();
    const key = repeats ? keyOf(init) : String(this.#revision);
    const known = this.#entries.get(key);
    this.#entries.delete(key);
    if (known !== undefined) {
      known.count++;
      known.last = now;
      known.revision = this.#revision;
      this.#entries.set(key, known);
      return;
    }
    const revision = this.#revision;
    this.#entries.set(key, { ...init, id: revision, first: now, last: now, count: 1, revision });
    if (this.#entries.size > this.#length)
      this.#entries.delete(this.#entries.keys().next().value as string);
  }

  /** What is new or has changed since a revision. */
  since(revision: number): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.revision > revision);
  }
}

function keyOf({ kind, what, subject, detail, client, user }: EntryInit): string {
  return JSON.stringify([kind, what, subject, detail, client, user]);
}
