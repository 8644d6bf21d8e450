import { realpathSync, statSync, watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';
import { clock } from './clock.ts';

export interface FileWatchOptions {
  /** Milliseconds between the news of a change and the look at it: several writes are one change. @default 300 */
  readonly settle?: number;
  /**
   * Milliseconds between two looks without news, for where the system tells nothing: network file systems, a
   * symlink further up. @default 10_000
   */
  readonly poll?: number;
}

/**
 * Tells when files have changed, also when they are replaced by renaming or by another symlink, as certbot
 * and Kubernetes do: their directories are watched, and their state is what counts.
 */
export class FileWatch {
  readonly #paths: readonly string[];
  readonly #onChange: () => void;
  readonly #settle: number;
  readonly #watchers: Map<string, FSWatcher> = new Map();
  readonly #cancelPoll: () => void;
  #cancelSettling: (() => void) | undefined;
  #state: string;

  /** @param onChange called a moment after one or several have changed */
  constructor(
    paths: readonly string[],
    onChange: () => void,
    { settle = 300, poll = 10_000 }: FileWatchOptions = {},
  ) {
    this.#paths = paths;
    this.#onChange = onChange;
    this.#settle = settle;
    this.#state = this.#read();
    this.#cancelPoll = clock.every(poll, () => this.#look());
    this.#watchDirectories();
  }

  close(): void {
    this.#cancelPoll();
    this.#cancelSettling?.();
    for (const watcher of this.#watchers.values()) watcher.close();
  }

  #read(): string {
    return this.#paths.map(fileState).join('|');
  }

  #look(): void {
    this.#cancelSettling = undefined;
    const state = this.#read();
    if (state === this.#state) return;
    this.#state = state;
    // A symlink may lead to another directory now.
    this.#watchDirectories();
    this.#onChange();
  }

  #watchDirectories(): void {
    const wanted = new Set(this.#paths.flatMap((path) => [dirname(path), targetDirectory(path)]));
    for (const [directory, watcher] of this.#watchers)
      if (!wanted.has(directory)) this.#forget(directory, watcher);
    for (const directory of wanted)
      if (directory !== undefined && !this.#watchers.has(directory)) this.#watch(directory);
  }

  #watch(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, this.#onEvent);
      watcher.on('error', () => this.#forget(directory, watcher));
      this.#watchers.set(directory, watcher);
    } catch {
      // No inotify left, or no such directory any more: looking now and then remains.
    }
  }

  #forget(directory: string, watcher: FSWatcher): void {
    watcher.close();
    this.#watchers.delete(directory);
  }

  readonly #onEvent = (): void => {
    // Not from the last event on: in a busy directory there is none.
    this.#cancelSettling ??= clock.after(this.#settle, () => this.#look());
  };
}

/** What tells one state of a file from another; the error's code when there is no file. */
export function fileState(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(':');
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

function targetDirectory(path: string): string | undefined {
  try {
    return dirname(realpathSync(path));
  } catch {
    return undefined;
  }
}
