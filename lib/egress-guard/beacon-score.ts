import { ascending, deviation, quantile } from './robust.ts';

export interface BeaconScore {
  /** From 0 to 1: the mean of the four below. */
  readonly score: number;
  readonly intervalSkew: number;
  readonly intervalDispersion: number;
  readonly sizeSkew: number;
  readonly sizeDispersion: number;
  /** Median, in the unit of the intervals. */
  readonly interval: number;
  /** Median. */
  readonly size: number;
}

/**
 * How much connections look like those of a program that calls home: at even intervals with messages of even size. After RITA
 * (Active Countermeasures): each of the two has a score for how symmetric its distribution is (Bowley's skewness), and one for how
 * narrow (median absolute deviation, in relation to the median). Jitter of a third on both sides of an interval costs little.
 */
export function beaconScore(intervals: Iterable<number>, sizes: Iterable<number>): BeaconScore {
  const times = shape(intervals);
  const bytes = shape(sizes);
  const score = (times.skew + times.dispersion + bytes.skew + bytes.dispersion) / 4;
  return {
    score,
    intervalSkew: times.skew,
    intervalDispersion: times.dispersion,
    sizeSkew: bytes.skew,
    sizeDispersion: bytes.dispersion,
    interval: times.median,
    size: bytes.median,
  };
}

interface Shape {
  readonly median: number;
  /** 1: as many above as below. */
  readonly skew: number;
  /** 1: all the same. */
  readonly dispersion: number;
}

function shape(values: Iterable<number>): Shape {
  const sorted = ascending(values);
  const median = quantile(sorted, 0.5);
  const low = quantile(sorted, 0.25);
  const high = quantile(sorted, 0.75);
  const bowley = high === low ? 0 : (low + high - 2 * median) / (high - low);
  const spread = median > 0 ? deviation(sorted, median) / median : 1;
  // A skew inside of a spread that is next to nothing says nothing.
  const flat = median > 0 && (high - low) / median < 0.05;
  return {
    median,
    skew: flat ? 1 : 1 - Math.abs(bowley),
    dispersion: Math.max(0, 1 - spread),
  };
}
