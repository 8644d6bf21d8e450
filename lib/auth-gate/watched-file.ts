import { readFileSync, statSync, watch, type FSWatcher } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { clock } from '../core/clock.ts';

/** Milliseconds between the news of a change and the look at it: several writes are one change. */
const settle = 50;
/** Milliseconds between two looks without news: network file systems send none, nor does a link to elsewhere. */
const patrol = 5_000;
const mostBytes = 10 * 1024 * 1024;

export interface FileReader {
  /** Takes the new text; what it throws means that the last one stays in force. */
  readonly take: (text: string) => void;
  /** The file is gone, unreadable, or `take` threw. Called once for each state of the file. */
  readonly failed: (error: unknown) => void;
}

/**
 * Reads a file and then again each time it has changed: written in place, replaced by rename, or behind a link that now points
 * elsewhere (as Kubernetes swaps its mounts).
 */
export class WatchedFile {
  readonly #path: string;
  readonly #reader: FileReader;
  readonly #watcher: FSWatcher | undefined;
  readonly #stopPatrol: () => void;
  #seen: string;
  #cancelLook: (() => void) | undefined;
  #looking = false;
  #closed = false;

  /** @throws what reading throws, and what `take` does: at construction nothing is swallowed */
  constructor(path: string, reader: FileReader) {
    this.#path = path;
    this.#reader = reader;
    this.#seen = stateOf(statSync(path, { bigint: true }));
    reader.take(readFileSync(path, 'utf8'));
    this.#watcher = this.#watch();
    this.#stopPatrol = clock.every(patrol, () => void this.#look());
  }

  close(): void {
    this.#closed = true;
    this.#watcher?.close();
    this.#stopPatrol();
    this.#cancelLook?.();
  }

  /** The folder is watched, not the file: a rename puts another file in its place. */
  #watch(): FSWatcher | undefined {
    try {
      const watcher = watch(dirname(this.#path), { persistent: false }, () => this.#lookSoon());
      return watcher.on('error', () => watcher.close());
    } catch {
      // No more watches to be had; the patrol does it alone.
      return undefined;
    }
  }

  #lookSoon(): void {
    this.#cancelLook ??= clock.after(settle, () => {
      this.#cancelLook = undefined;
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    if (this.#looking) {
      this.#lookSoon();
      return;
    }
    this.#looking = true;
    try {
      await this.#readAgain();
    } finally {
      this.#looking = false;
    }
  }

  async #readAgain(): Promise<void> {
    let state: string;
    let text: string | undefined;
    let failure: unknown;
    try {
      state = stateOf(await stat(this.#path, { bigint: true }));
      if (state === this.#seen) return;
      text = await readFile(this.#path, 'utf8');
      // Somebody is still writing.
      if (stateOf(await stat(this.#path, { bigint: true })) !== state) {
        this.#lookSoon();
        return;
      }
    } catch (error) {
      failure = error;
      state = `failed: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
      if (state === this.#seen) return;
    }
    if (this.#closed) return;
    this.#seen = state;
    try {
      if (text === undefined) throw failure;
      this.#reader.take(text);
    } catch (error) {
      this.#reader.failed(error);
    }
  }
}

function stateOf(stats: {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}): string {
  if (stats.size > mostBytes) throw new RangeError('it is larger than 10 MB');
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
}
