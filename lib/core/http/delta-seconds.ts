const mostSeconds = 2 ** 31;

/** The longest time that counts, in milliseconds: 2^31 seconds (RFC 9111 §1.2.2). */
export const longestDelta: number = mostSeconds * 1000;

/**
 * delta-seconds (RFC 9111 §1.2.2) as milliseconds: digits and nothing else, cut at 2^31 seconds.
 *
 * @returns undefined for what is no such number: nothing at all, a sign, a fraction
 */
export function parseDelta(text: string): number | undefined {
  let seconds = 0;
  for (let index = 0; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    seconds = Math.min(mostSeconds, seconds * 10 + digit);
  }
  return text === '' ? undefined : seconds * 1000;
}
