// @ts-check
import { drawing, setAttribute } from './dom.js';

/** In the order of `states` of ../server-track.ts. */
export const states = /** @type {const} */ (['unknown', 'up', 'draining', 'ejected', 'down']);
const columns = 60;
const column = 2;
const height = 20;
const band = 3;

/**
 * A server's last minutes: a bar for each slice of time, as high as the requests it had, its failures in red from the
 * bottom; below it a band in the colour of the worst state of that time.
 *
 * @returns {{ node: SVGElement, update: (history: import('../server-track.ts').ServerHistory, most: number, label: string) => void }}
 */
export function sparkline() {
  const bars = drawing('path', { class: 'bars' });
  const failed = drawing('path', { class: 'failed' });
  const bands = states.map((state) => drawing('path', { class: `band ${state}` }));
  const node = drawing(
    'svg',
    {
      class: 'sparkline',
      role: 'img',
      'aria-label': '',
      viewBox: `0 0 ${columns * column} ${height + band + 1}`,
      preserveAspectRatio: 'none',
    },
    bars,
    failed,
    ...bands,
  );
  return {
    node,
    update({ requests, failures, states: history }, most, label) {
      // What is younger than the time shown stands at the right end.
      const missing = columns - requests.length;
      setAttribute(node, 'aria-label', label);
      const tall = (/** @type {number} */ count) =>
        count === 0 ? 0 : Math.max(1, (count / Math.max(1, most)) * height);
      setAttribute(bars, 'd', requests.map((count, at) => bar(missing + at, tall(count))).join(''));
      setAttribute(
        failed,
        'd',
        failures.map((count, at) => bar(missing + at, tall(count))).join(''),
      );
      bands.forEach((path, index) => {
        const runs = history.map((state, at) =>
          state === index
            ? `M${(missing + at) * column} ${height + 1}h${column}v${band}h${-column}z`
            : '',
        );
        setAttribute(path, 'd', runs.join(''));
      });
    },
  };
}

/** @param {number} at @param {number} tall */
function bar(at, tall) {
  if (tall === 0) return '';
  const y = Math.round((height - tall) * 100) / 100;
  return `M${at * column} ${height}V${y}h${column * 0.8}V${height}z`;
}
