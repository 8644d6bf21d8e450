/**
 * Time and chance. Everything in sekisho that waits, measures or rolls dice asks here, so a test
 * can hold time still or make chance predictable without touching globals.
 */
export interface Clock {
  /** Wall-clock milliseconds since the epoch; may jump. */
  now(): number;
  /** Milliseconds from an arbitrary origin that never run backwards; for intervals. */
  monotonic(): number;
  /** A number in [0, 1). Never used for secrets. */
  random(): number;
  /** Calls back once; the returned function cancels. Timers never keep the process alive. */
  after(milliseconds: number, callback: () => void): () => void;
  /** Calls back until cancelled. Timers never keep the process alive. */
  every(milliseconds: number, callback: () => void): () => void;
}

/** setTimeout counts in 32 bits: a longer delay would fire at once instead of never. */
const longestDelay = 2 ** 31 - 1;

const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, Math.min(milliseconds, longestDelay)).unref();
    return () => {
      clearTimeout(timer);
    };
  },
  every(milliseconds, callback) {
    const timer = setInterval(callback, Math.min(milliseconds, longestDelay)).unref();
    return () => {
      clearInterval(timer);
    };
  },
};

let current = systemClock;

/** The clock in force: the system's, unless a test has put another in its place. */
export const clock: Clock = {
  now: () => current.now(),
  monotonic: () => current.monotonic(),
  random: () => current.random(),
  after: (milliseconds, callback) => current.after(milliseconds, callback),
  every: (milliseconds, callback) => current.every(milliseconds, callback),
};

/** For tests: puts another clock in force and returns the function that restores the system's. */
export function useClock(replacement: Partial<Clock>): () => void {
  current = { ...systemClock, ...replacement };
  return () => {
    current = systemClock;
  };
}
