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

/**
 * The same for texts that recur for a while and then never again, such as dates: when there are many it begins anew.
 */
export function remembering<Result>(
  compute: (text: string) => Result,
  most = 64,
): (text: string) => Result {
  const results = new Map<string, Result>();
  return (text) => {
    const known = results.get(text);
    if (known !== undefined || text.length > longestRemembered) return known ?? compute(text);
    const result = compute(text);
    if (results.size >= most) results.clear();
    results.set(text, result);
    return result;
  };
}
