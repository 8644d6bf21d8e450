/**
 * Statistics that a few wild values do not spoil: median and quartiles in place of mean and standard deviation
 * (Hampel 1974; Iglewicz and Hoaglin 1993, whose modified z-score this is).
 */

/** The standard deviation of a normal distribution, from the median of absolute deviations. */
const consistency = 1.4826;

export function ascending(values: Iterable<number>): number[] {
  return [...values].sort((a, b) => a - b);
}

/** Of sorted values, interpolated between neighbours. */
export function quantile(sorted: readonly number[], fraction: number): number {
  const place = (sorted.length - 1) * fraction;
  const below = Math.floor(place);
  const low = sorted[below] ?? NaN;
  return low + (place - below) * ((sorted[below + 1] ?? low) - low);
}

/** Median of the absolute deviations from the median. */
export function deviation(sorted: readonly number[], median: number): number {
  return quantile(ascending(sorted.map((value) => Math.abs(value - median))), 0.5);
}

/** What is usual: a centre, and how far values are from it as a rule. */
export interface Usual {
  readonly centre: number;
  readonly scale: number;
}

/** @param floor the least scale: values that were all the same would make every other one an outlier */
export function usual(values: Iterable<number>, floor: number): Usual {
  const sorted = ascending(values);
  const centre = quantile(sorted, 0.5);
  return { centre, scale: Math.max(floor, consistency * deviation(sorted, centre)) };
}

export function robustScore(value: number, { centre, scale }: Usual): number {
  return (value - centre) / scale;
}
