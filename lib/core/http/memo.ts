/** Enough for the field names and hosts that recur; what clients make up beyond that is computed each time. */
const mostRemembered = 512;
/** Longer texts are not worth their memory. */
const longestRemembered = 256;

export interface Memoised<Result> {
  (text: string): Result;
  /** For the day the function itself changes. */
  forget(): void;
}

/** A pure function of a string that remembers its results, for what the same few strings are asked of again and again. */
export function memoised<Result>(compute: (text: string) => Result): Memoised<Result> {
  const results = new Map<string, Result>();
  function remembered(text: string): Result {
    const known = results.get(text);
    if (known !== undefined) return known;
    const result = compute(text);
    if (results.size < mostRemembered && text.length <= longestRemembered)
      results.set(text, result);
    return result;
  }
  return Object.assign(remembered, {
    forget() {
      results.clear();
    },
  });
}

/** `toLowerCase` for field names. */
export const lowerName: (name: string) => string = memoised((name) => name.toLowerCase());
