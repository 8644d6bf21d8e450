// @ts-check
import { latency, percent, rate } from './format.js';

/** @typedef {import('./model.js').Model} Model */
/** @typedef {import('./words.js').TextKey} TextKey */
/** @typedef {(number | null)[]} Values */
/**
 * @typedef {{
 *   title: TextKey,
 *   series: { name: string, colour: string, fill?: boolean, values: (model: Model) => Values }[],
 *   format: (value: number) => string,
 *   most?: number,
 *   logarithmic?: boolean,
 * }} PlotPlan
 */

/** The hit ratio of one second says little: each point is that of the last so many slices. */
const smoothed = 10;

/** What is plotted. @type {PlotPlan[]} */
export const plans = [
  {
    title: 'requestsPlot',
    series: [
      { name: 'all', colour: 'one', fill: true, values: (model) => perSecond(model, 'requests') },
      { name: 'refusals', colour: 'two', values: (model) => perSecond(model, 'refusals') },
      {
        name: 'errors',
        colour: 'three',
        fill: true,
        values: (model) => perSecond(model, 'errors'),
      },
    ],
    format: rate,
  },
  {
    title: 'latencyPlot',
    series: [
      { name: 'p99', colour: 'three', values: ({ slices }) => slices.map(({ p99 }) => p99) },
      { name: 'p90', colour: 'two', values: ({ slices }) => slices.map(({ p90 }) => p90) },
      { name: 'p50', colour: 'one', values: ({ slices }) => slices.map(({ p50 }) => p50) },
    ],
    format: latency,
    logarithmic: true,
  },
  {
    title: 'hitPlot',
    series: [{ name: 'hitRatio', colour: 'four', fill: true, values: hitRatios }],
    format: percent,
    most: 1,
  },
];

/** @param {Model} model @param {import('../traffic.ts').Counted} name @returns {Values} */
function perSecond({ slices, step }, name) {
  return slices.map((slice) => (slice[name] * 1000) / step);
}

/** @param {Model} model @returns {Values} */
function hitRatios({ slices }) {
  let [hits, all] = [0, 0];
  return slices.map((slice, at) => {
    const gone = slices[at - smoothed];
    hits += slice.hits - (gone?.hits ?? 0);
    all += slice.hits + slice.misses - (gone === undefined ? 0 : gone.hits + gone.misses);
    return all === 0 ? null : hits / all;
  });
}
