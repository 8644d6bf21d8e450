import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { pino } from 'pino';
import { OptionsError } from '../core/errors.ts';
import { quote } from '../core/options.ts';

/** As much of a stream as a log needs: any Writable, or pino's own destinations. */
export interface LogStream {
  /**
   * Gets Buffers of many lines, as any Writable does; typed as the one of `LineTaker`, for functions without types.
   *
   * @returns false when it wants to be waited for, until it emits `drain`
   */
  write(lines: string): unknown;
  on(event: 'drain' | 'error' | 'close', listener: (...args: never[]) => void): unknown;
  removeListener(event: 'drain' | 'error' | 'close', listener: (...args: never[]) => void): unknown;
  readonly destroyed?: boolean;
  readonly writableEnded?: boolean;
}

/** Takes one line at a time, as morgan's `stream`: `{ write: (line) => logger.info(line.trim()) }`. */
export interface LineTaker {
  write(line: string): unknown;
}

export function isStream(given: LogStream | LineTaker): given is LogStream {
  return 'on' in given && typeof given.on === 'function';
}

/** A stream of our own making. */
export interface OwnStream extends LogStream {
  /** Null when it is standard output. */
  readonly file: string | null;
  on(event: 'drop', listener: (bytes: Buffer) => void): unknown;
  on(event: 'drain' | 'error' | 'close', listener: (...args: never[]) => void): unknown;
  /** What is still here is written before this returns. */
  flushSync(): void;
  flush(done: (error?: Error | null) => void): void;
  /** Opens the file of this name anew: after a rotation it is another one. */
  reopen(): void;
  end(): void;
}

const standardOutput = 1;

/**
 * A file, or standard output, written behind the event loop's back: a slow terminal or disk holds nobody up.
 *
 * @param limit bytes it keeps while the disk is full
 * @throws {OptionsError} when the file cannot be opened
 */
export function openDestination(file: string | undefined, limit: number): OwnStream {
  if (file !== undefined) tryFile(file);
  // `contentMode` is the destination's own option, which pino's types leave out.
  const options = {
    dest: file ?? standardOutput,
    sync: false,
    maxLength: limit,
    contentMode: 'buffer',
  };
  return pino.destination(options) as unknown as OwnStream;
}

function tryFile(file: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    closeSync(openSync(file, 'a'));
  } catch (error) {
    throw new OptionsError('accessLog', [
      `file: ${quote(file)} cannot be opened (${(error as Error).message}); use a path this process may write to`,
    ]);
  }
}
