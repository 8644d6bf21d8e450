/** What an entry speaks of; bits, because one name may have several. */
export const Applies = {
  /** The host itself. */
  itself: 1,
  /** Every host below it. */
  below: 2,
  /** Not the host itself, whatever a wider entry says. */
  notItself: 4,
  /** None of the hosts below it. */
  notBelow: 8,
  /** The host with `www.`, `web.` or `ftp.` before it, as squidGuard has it. */
  web: 16,
} as const;

export const whole: number = Applies.itself | Applies.below;
export const notWhole: number = Applies.notItself | Applies.notBelow;

/** Takes what a format has read from a line. Each answers whether it could be used. */
export interface RuleSink {
  /** @param name in any spelling */
  host(name: string, applies: number): boolean;
  /** @param path with its query, as written */
  url(host: string, path: string, applies: number): boolean;
  expression(source: string): void;
  /** A rule of a kind that cannot be judged by host and path; no mistake of the author's. */
  ignore(): void;
}

/**
 * Reads one line.
 *
 * @param line as it stands in the file, without its end
 * @returns what is wrong with it, or undefined
 */
export type LineReader = (line: string, sink: RuleSink) => string | undefined;
