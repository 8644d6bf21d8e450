// @ts-check
import { byId, element, list, setAttribute, setText } from './dom.js';
import { timeOfDay } from './format.js';
import { keyOf } from './model.js';
import { onLanguage, say, word } from './words.js';

/** @typedef {import('../journal.ts').Entry} Entry */
/** @typedef {import('./model.js').Model} Model */

const mostShown = 100;

/** @returns {(model: Model) => void} */
export function showEvents() {
  const none = byId('no-events', HTMLElement);
  const filter = byId('filter', HTMLElement);
  const show = list(byId('events', HTMLElement), keyOf, eventRow);
  /** @type {Model | undefined} */
  let shown;
  let group = '';
  /** @param {Model} model */
  const update = (model) => {
    shown = model;
    const entries = model.latestEntries().filter((entry) => group === '' || entry.group === group);
    none.hidden = entries.length > 0;
    show(entries.slice(0, mostShown));
  };
  const again = () => {
    if (shown !== undefined) update(shown);
  };
  filter.addEventListener('change', ({ target }) => {
    group = target instanceof HTMLInputElement ? target.value : '';
    again();
  });
  onLanguage(again);
  return update;
}

function eventRow() {
  const time = element('time');
  const kind = element('span', { class: 'kind' });
  const level = element('span', { class: 'unseen' });
  const what = element('span', { class: 'what' });
  const subject = element('span', { class: 'subject' });
  const count = element('span', { class: 'count' });
  const detail = element('span', { class: 'detail' });
  const user = element('span', { class: 'user' });
  const client = element('span', { class: 'client' });
  const node = element(
    'tr',
    { role: 'row' },
    element('td', { role: 'cell', class: 'time' }, time),
    element('td', { role: 'cell', class: 'happened' }, level, kind, ' ', what),
    element('td', { role: 'cell', class: 'about' }, subject, ' ', count, detail),
    element('td', { role: 'cell', class: 'who' }, user, ' ', client),
  );
  return {
    node,
    /** @param {Entry} entry */
    update(entry) {
      setAttribute(node, 'data-level', entry.level);
      setText(time, timeOfDay(entry.last));
      setAttribute(time, 'datetime', new Date(entry.last).toISOString());
      setText(level, `${word(`level${capital(entry.level)}`)}: `);
      setText(kind, word(`kind${capital(entry.kind)}`));
      setText(what, whatOf(entry.what));
      setText(subject, entry.subject);
      setText(count, entry.count === 1 ? '' : say('times', { n: entry.count }));
      setAttribute(
        count,
        'title',
        entry.count === 1 ? '' : say('since', { time: timeOfDay(entry.first) }),
      );
      setText(detail, entry.detail ?? '');
      setText(user, entry.user ?? '');
      setText(client, entry.client ?? '');
    },
  };
}

/** @param {string} what */
function whatOf(what) {
  const dryRun = 'dry-run:';
  return what.startsWith(dryRun)
    ? say('dryRun', { what: word(what.slice(dryRun.length)) })
    : word(what);
}

/** @param {string} text */
export function capital(text) {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
