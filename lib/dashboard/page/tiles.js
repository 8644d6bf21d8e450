// @ts-check
import { byId, element, setAttribute, setText } from './dom.js';
import { latency, latencyParts, number, percent, rate, size } from './format.js';
import { onLanguage, say } from './words.js';

/** @typedef {import('./words.js').TextKey} TextKey */
/** @typedef {{ value: string, unit?: string, note: string, level?: 'good' | 'warning' | 'alert' }} Reading */

const recently = 10_000;
const minute = 60_000;

/** What each tile says. @type {Partial<Record<TextKey, (model: import('./model.js').Model) => Reading>>} */
const readings = {
  requests: (model) => ({
    value: rate(model.rate('requests', recently)),
    unit: say('perSecond'),
    note: say('traffic', { sent: `${size(model.rate('sent', recently))}${say('perSecond')}` }),
  }),
  errors: (model) => {
    const [errors, requests] = [model.sum('errors', minute), model.sum('requests', minute)];
    const share = requests === 0 ? 0 : errors / requests;
    return {
      value: percent(share),
      note: `${number(errors)} · ${say('lastMinute')}`,
      level: share >= 0.05 ? 'alert' : share >= 0.005 ? 'warning' : 'good',
    };
  },
  latency: ({ latencies: { p50, p90, p99 } }) => {
    const [value, unit] = latencyParts(p50);
    return { value, unit: ` ${unit}`, note: `p90 ${latency(p90)} · p99 ${latency(p99)}` };
  },
  hitRatio: (model) => {
    const [hits, misses] = [model.sum('hits', minute), model.sum('misses', minute)];
    if (hits + misses === 0) return { value: '–', note: say('noCache') };
    return {
      value: percent(hits / (hits + misses)),
      note: say('hitsOf', { hits: number(hits), all: number(hits + misses) }),
    };
  },
  inflight: ({ servers }) => ({
    value: number(servers.reduce((sum, { inflight }) => sum + inflight, 0)),
    note: say('atServers', { n: servers.length }),
  }),
  refusals: (model) => ({
    value: number(model.sum('refusals', minute)),
    note: `${say('lastMinute')} · ${say('retries', { n: number(model.sum('retries', minute)) })}`,
  }),
};

/** @returns {(model: import('./model.js').Model) => void} */
export function showTiles() {
  const parent = byId('tiles', HTMLElement);
  const tiles = Object.entries(readings).map(([key, read]) => {
    const name = element('dt');
    const value = element('span', { class: 'value' });
    const unit = element('span', { class: 'unit' });
    const note = element('span', { class: 'note' });
    const tile = element('div', { class: 'tile' }, name, element('dd', {}, value, unit, note));
    parent.append(tile);
    const label = () => setText(name, say(/** @type {TextKey} */ (key)));
    label();
    onLanguage(label);
    setText(value, '–');
    return (/** @type {import('./model.js').Model} */ model) => {
      const reading = read(model);
      setText(value, reading.value);
      setText(unit, reading.unit ?? '');
      setText(note, reading.note);
      setAttribute(tile, 'data-level', reading.level ?? '');
    };
  });
  return (model) => {
    for (const update of tiles) update(model);
  };
}
