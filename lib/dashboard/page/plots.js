// @ts-check
import uPlot from './uplot.js';
import { byId, element, setAttribute, setText } from './dom.js';
import { timeOfDay } from './format.js';
import { plans } from './plot-plans.js';
import { decades, powersOfTen, tick } from './plot-scales.js';
import { onLanguage, say, word } from './words.js';

/** @typedef {import('./model.js').Model} Model */
/** @typedef {import('./plot-plans.js').PlotPlan} PlotPlan */
/** @typedef {import('./plot-plans.js').Values} Values */

const height = 168;
const minute = 60_000;

/** @returns {(model: Model) => void} */
export function showPlots() {
  const parent = byId('plots', HTMLElement);
  const plots = plans.map((plan) => new Plot(plan));
  parent.append(...plots.map(({ node }) => node));
  return (model) => {
    for (const plot of plots) plot.update(model);
  };
}

class Plot {
  #plan;
  #title = element('h3');
  #legend = element('ul', { class: 'legend' });
  #canvas = element('div', { class: 'canvas', role: 'img' });
  #summary = element('summary');
  #table = element('table');
  #details = element('details', {}, this.#summary, this.#table);
  /** @type {uPlot | undefined} */
  #plot;
  /** @type {Model | undefined} */
  #model;
  /** @type {[number[], ...Values[]]} */
  #data = [[]];
  #described = 0;
  node = element('figure', { class: 'plot panel' });

  /** @param {PlotPlan} plan */
  constructor(plan) {
    this.#plan = plan;
    const head = element('figcaption', { class: 'head' }, this.#title, this.#legend);
    this.node.append(head, this.#canvas, this.#details);
    for (const { colour } of plan.series)
      this.#legend.append(
        element(
          'li',
          {},
          element('span', { class: `swatch ${colour}` }),
          element('span', { class: 'name' }),
          ' ',
          element('span', { class: 'value' }),
        ),
      );
    this.#label();
    onLanguage(() => {
      this.#label();
      this.#described = 0;
      if (this.#model !== undefined) this.update(this.#model);
    });
    this.#details.addEventListener('toggle', () => this.#fillTable());
    new ResizeObserver(() => this.#resize()).observe(this.#canvas);
    // Colours are drawn, not styled: where they change, everything is drawn anew.
    const redraw = () => {
      this.#plot?.destroy();
      this.#plot = undefined;
      this.#draw();
    };
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
    new MutationObserver(redraw).observe(document.documentElement, {
      attributeFilter: ['data-theme'],
    });
  }

  /** @param {Model} model */
  update(model) {
    this.#model = model;
    const { slices, origin, step } = model;
    const times = slices.map(({ slice }) => (origin + slice * step) / 1000);
    this.#data = [times, ...this.#plan.series.map(({ values }) => values(model))];
    this.#draw();
    // Not with each tick: a reader would never come to the end of it.
    if (model.now - this.#described < 10_000) return;
    this.#described = model.now;
    setAttribute(this.#canvas, 'aria-label', this.#description());
    this.#fillTable();
  }

  #label() {
    setText(this.#title, say(this.#plan.title));
    setText(this.#summary, say('asTable'));
    this.#plan.series.forEach(({ name }, at) => {
      setText(/** @type {Node} */ (this.#legend.children[at]?.children[1]), word(name));
    });
  }

  #draw() {
    const model = this.#model;
    if (model === undefined || this.#canvas.clientWidth === 0) return;
    if (this.#plot === undefined) this.#plot = new uPlot(this.#options(), this.#data, this.#canvas);
    else this.#plot.setData(this.#data);
    this.#showValues(this.#plot.cursor.idx ?? undefined);
  }

  #resize() {
    const { clientWidth: width } = this.#canvas;
    if (this.#plot === undefined) this.#draw();
    else if (this.#plot.width !== width) this.#plot.setSize({ width, height });
  }

  /** The values under the pointer, else the latest. @param {number} [index] */
  #showValues(index) {
    this.#plan.series.forEach((_, at) => {
      const values = this.#data[at + 1] ?? [];
      const value = index === undefined ? values.findLast((one) => one !== null) : values[index];
      const text = value === null || value === undefined ? '–' : this.#plan.format(value);
      setText(/** @type {Node} */ (this.#legend.children[at]?.children[2]), text);
    });
  }

  /** @returns {uPlot.Options} */
  #options() {
    const { series, format, most, logarithmic } = this.#plan;
    const style = getComputedStyle(this.#canvas);
    const colour = (/** @type {string} */ name) => colourOf(this.#canvas, name);
    const font = `11px ${style.fontFamily}`;
    const axis = { stroke: colour('text'), font, ticks: { show: false } };
    const grid = { stroke: colour('grid'), width: 1 };
    return {
      width: this.#canvas.clientWidth,
      height,
      padding: [8, 16, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: 'time' },
        y: false,
        drag: { x: false, y: false },
        points: { size: 6 },
      },
      scales: {
        x: { range: () => this.#span() },
        y: {
          ...(logarithmic ? { distr: 3 } : {}),
          range: logarithmic
            ? (_, least, highest) => decades(least, highest)
            : (_, __, highest) => [0, most ?? Math.max(1, highest * 1.15)],
        },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 24,
          space: 70,
          values: (_, times, __, ___, step) =>
            times.map((time) => timeOfDay(time * 1000, step < 60)),
          incrs: [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400],
        },
        {
          ...axis,
          grid,
          size: 52,
          space: 32,
          ...(logarithmic
            ? { splits: (_, __, least, highest) => powersOfTen(least, highest) }
            : {}),
          values: (_, values) => values.map((value) => tick(value, format)),
        },
      ],
      series: [
        {},
        ...series.map(({ name, colour: of, fill }) => ({
          label: name,
          stroke: colour(of),
          width: 1.5,
          ...(fill ? { fill: colour(`${of}-fill`) } : {}),
          // A latency between two seconds without requests has no line to show it.
          ...(logarithmic ? {} : { points: { show: false } }),
        })),
      ],
      hooks: { setCursor: [({ cursor }) => this.#showValues(cursor.idx ?? undefined)] },
    };
  }

  /** The whole of the time the page looks back, whether anything was seen of it or not. @returns {[number, number]} */
  #span() {
    const last = this.#data[0].at(-1) ?? Date.now() / 1000;
    return [last - (this.#model?.history ?? 0) / 1000, last];
  }

  #description() {
    const values = this.#plan.series.map(({ name }, at) => {
      const known = (this.#data[at + 1] ?? []).filter((value) => value !== null);
      const text = (/** @type {number | undefined} */ value) =>
        value === undefined ? say('none') : this.#plan.format(value);
      const most = known.reduce(
        (one, other) => (one === undefined || other > one ? other : one),
        /** @type {number | undefined} */ (undefined),
      );
      return say('plotValue', { name: word(name), now: text(known.at(-1)), most: text(most) });
    });
    return say('plotSummary', {
      plot: say(this.#plan.title),
      minutes: Math.round((this.#model?.history ?? 0) / minute),
      values: values.join(' '),
    });
  }

  /** A line for each minute, with the highest value in it; the latest first. */
  #fillTable() {
    const model = this.#model;
    if (model === undefined || !this.#details.open) return;
    const { series, title, format } = this.#plan;
    const each = Math.max(1, Math.round(minute / model.step));
    const [times, ...columns] = this.#data;
    const rows = [];
    for (let end = times.length; end > 0 && rows.length < 60; end -= each) {
      const start = Math.max(0, end - each);
      const cells = columns.map((values) => {
        const known = values.slice(start, end).filter((value) => value !== null);
        return element('td', {}, known.length === 0 ? '–' : format(Math.max(...known)));
      });
      const time = timeOfDay((times[start] ?? 0) * 1000, false);
      rows.push(element('tr', {}, element('th', { scope: 'row' }, time), ...cells));
    }
    const heads = [say('time'), ...series.map(({ name }) => word(name))];
    this.#table.replaceChildren(
      element('caption', { class: 'unseen' }, say('tableCaption', { plot: say(title) })),
      element(
        'thead',
        {},
        element('tr', {}, ...heads.map((head) => element('th', { scope: 'col' }, head))),
      ),
      element('tbody', {}, ...rows),
    );
  }
}

/**
 * A colour of the style sheet, for the canvas.
 *
 * @param {HTMLElement} near
 * @param {string} name
 */
function colourOf(near, name) {
  const probe = element('span', { class: `ink ${name}` });
  near.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
