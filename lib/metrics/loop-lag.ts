import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Registry } from 'prom-client';
import { GaugeFamily } from './families.ts';

/** Milliseconds between two looks: what is shorter is not seen. */
const resolution = 10;
const quantiles = [50, 90, 99, 100];

/**
 * How late timers come since the last time somebody asked: a busy event loop is what clients feel first.
 *
 * @returns to be called when nobody asks any more
 */
export function showLoopLag(registry: Registry, prefix: string): () => void {
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  new GaugeFamily(
    {
      name: `${prefix}event_loop_lag_seconds`,
      help: 'How late the event loop has been since the last scrape',
      labelNames: ['quantile'],
      aggregator: 'max',
    },
    registry,
    () => {
      const lags = quantiles.map((quantile) => {
        const seconds = delay.count === 0 ? 0 : delay.percentile(quantile) / 1e9;
        return [[String(quantile / 100)], Math.max(0, seconds - resolution / 1000)] as const;
      });
      delay.reset();
      return lags;
    },
  );
  return () => delay.disable();
}
