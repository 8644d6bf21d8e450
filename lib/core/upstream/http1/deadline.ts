import { clock } from '../../clock.ts';
import type { ErrorCode } from '../../errors.ts';

/** When the present stage of an exchange has taken too long, and what that is called then. */
export class Deadline {
  #at = Infinity;
  #code: ErrorCode = 'ERR_SEKISHO_CONNECT_TIMEOUT';

  get code(): ErrorCode {
    return this.#code;
  }

  set(code: ErrorCode, within: number): void {
    this.#at = clock.monotonic() + within;
    this.#code = code;
  }

  clear(): void {
    this.#at = Infinity;
  }

  passed(now: number): boolean {
    return now > this.#at;
  }
}
