// @ts-check
import { byId, element, list, setAttribute, setText } from './dom.js';
import { latency, number, rate } from './format.js';
import { isIn } from './model.js';
import { sparkline, states } from './sparkline.js';
import { onLanguage, say, word } from './words.js';

/** @typedef {import('../servers.ts').PoolView} PoolView */
/** @typedef {import('../servers.ts').ServerView} ServerView */
/** @typedef {import('./model.js').Model} Model */
/** @typedef {{ pool: string, server: ServerView, model: Model, most: number }} Row */

/** Columns behind the server's name. */
const columns = /** @type {const} */ (['state', 'inflight', 'rate', 'latency', 'history']);

/**
 * @param {(action: 'drain' | 'enable', pool: string, server: string) => void} act
 * @returns {(model: Model) => void}
 */
export function showPools(act) {
  const none = byId('no-pools', HTMLElement);
  /** @type {Model | undefined} */
  let shown;
  const show = list(
    byId('pools', HTMLElement),
    (/** @type {{ pool: PoolView, model: Model }} */ { pool, model }) =>
      `${pool.name} ${model.token === undefined}`,
    ({ pool, model }) => poolCard(pool.name, model.token !== undefined, act),
  );
  /** @param {Model} model */
  const update = (model) => {
    shown = model;
    none.hidden = model.pools.length > 0;
    show(model.pools.map((pool) => ({ pool, model })));
  };
  onLanguage(() => {
    if (shown !== undefined) update(shown);
  });
  return update;
}

/**
 * @param {string} name
 * @param {boolean} actions
 * @param {(action: 'drain' | 'enable', pool: string, server: string) => void} act
 */
function poolCard(name, actions, act) {
  const summary = element('p', { class: 'pill' });
  const caption = element('caption', { class: 'unseen' });
  const heads = (actions ? [...columns, /** @type {const} */ ('action')] : columns).map((key) => ({
    key,
    cell: element('th', { scope: 'col', role: 'columnheader', class: key }),
  }));
  const serverHead = element('th', { scope: 'col', role: 'columnheader' });
  const body = element('tbody', { role: 'rowgroup' });
  const node = element(
    'article',
    { class: 'pool panel' },
    element('div', { class: 'head' }, element('h3', {}, name), summary),
    element(
      'table',
      { role: 'table', class: 'servers' },
      caption,
      element(
        'thead',
        { role: 'rowgroup' },
        element('tr', { role: 'row' }, serverHead, ...heads.map(({ cell }) => cell)),
      ),
      body,
    ),
  );
  const rows = list(
    body,
    (/** @type {Row} */ { server }) => server.name,
    ({ server }) => serverRow(name, server.name, actions, act),
  );
  return {
    node,
    /** @param {{ pool: PoolView, model: Model }} shown */
    update({ pool: { servers }, model }) {
      const well = servers.filter(isIn).length;
      setText(summary, say('poolSummary', { up: well, all: servers.length }));
      const level = well === servers.length ? 'good' : well === 0 ? 'alert' : 'warning';
      setAttribute(summary, 'data-level', level);
      setText(caption, say('poolCaption', { pool: name }));
      setText(serverHead, say('server'));
      for (const { key, cell } of heads) setText(cell, say(key));
      const most = Math.max(
        0,
        ...servers.flatMap(
          (server) => model.histories.get(`${name} ${server.name}`)?.requests ?? [],
        ),
      );
      rows(servers.map((server) => ({ pool: name, server, model, most })));
    },
  };
}

/**
 * @param {string} pool
 * @param {string} name
 * @param {boolean} actions
 * @param {(action: 'drain' | 'enable', pool: string, server: string) => void} act
 */
function serverRow(pool, name, actions, act) {
  const role = element('span', { class: 'role' });
  const state = element('span', { class: 'badge' });
  const cells = Object.fromEntries(
    columns.map((key) => [key, element('td', { role: 'cell', class: key })]),
  );
  const line = sparkline();
  cells.state?.append(state);
  cells.history?.append(line.node);
  const button = element('button', { type: 'button', class: 'small' });
  /** @type {'drain' | 'enable'} */
  let action = 'drain';
  button.addEventListener('click', () => act(action, pool, name));
  const node = element(
    'tr',
    { role: 'row' },
    element(
      'th',
      { scope: 'row', role: 'rowheader' },
      element('span', { class: 'name' }, name),
      role,
    ),
    ...Object.values(cells),
    ...(actions ? [element('td', { role: 'cell', class: 'action' }, button)] : []),
  );
  return {
    node,
    /** @param {Row} row */
    update({ server, model, most }) {
      setText(role, roleOf(server));
      setText(state, word(server.state));
      setAttribute(state, 'data-state', server.state);
      const texts = {
        inflight: number(server.inflight),
        rate: rate(server.rate),
        latency: latency(server.latency),
      };
      for (const [key, text] of Object.entries(texts))
        setText(/** @type {Element} */ (cells[key]), text);
      for (const [key, cell] of Object.entries(cells)) setAttribute(cell, 'data-head', word(key));
      const history = model.histories.get(`${pool} ${name}`);
      if (history !== undefined) line.update(history, most, historySummary(history, model));
      action = server.state === 'draining' ? 'enable' : 'drain';
      setText(button, say(action));
      setAttribute(button, 'aria-label', say(`${action}Now`, { server: name }));
    },
  };
}

/** @param {ServerView} server */
function roleOf({ backup, weight }) {
  const parts = [...(backup ? [say('backup')] : []), ...(weight === 1 ? [] : [`× ${weight}`])];
  return parts.join(' ');
}

/** What the picture shows, in words. @param {import('../server-track.ts').ServerHistory} history @param {Model} model */
function historySummary({ requests, failures, states: history }, model) {
  const total = (/** @type {readonly number[]} */ counts) => counts.reduce((sum, n) => sum + n, 0);
  const seen = states.filter((_, index) => history.includes(index));
  const [only] = seen;
  const wasIn = seen.filter((state) => state !== 'up' && state !== 'unknown').map(word);
  return say('historySummary', {
    minutes: Math.round(model.history / 60_000),
    requests: number(total(requests)),
    failures: number(total(failures)),
    states:
      seen.length === 1 && only !== undefined
        ? say('wasAllTime', { state: word(only) })
        : wasIn.length === 0
          ? ''
          : say('wasSometimes', { states: wasIn.join(', ') }),
  });
}

/** The state of all servers in a sentence. @param {Model} model @returns {{ text: string, level: string }} */
export function overallHealth({ pools, servers }) {
  if (servers.length === 0) return { text: say('noPools'), level: 'info' };
  const dead = pools.find((pool) => pool.servers.length > 0 && !pool.servers.some(isIn));
  if (dead !== undefined) return { text: say('allOut', { pool: dead.name }), level: 'alert' };
  const out = servers.filter((server) => !isIn(server)).length;
  return out === 0
    ? { text: say('allWell'), level: 'good' }
    : { text: say('someOut', { n: out, all: servers.length }), level: 'warning' };
}

/**
 * What a person who does not see the page should hear of: servers that have gone or come back.
 *
 * @param {Model} before
 * @param {import('../collector.ts').View} view
 */
export function changesOfHealth(before, view) {
  const old = new Map(
    before.pools.flatMap(({ name, servers }) =>
      servers.map((server) => /** @type {const} */ ([`${name} ${server.name}`, isIn(server)])),
    ),
  );
  return view.pools.flatMap(({ name, servers }) =>
    servers.flatMap((server) => {
      const was = old.get(`${name} ${server.name}`);
      if (was === undefined || was === isIn(server)) return [];
      const values = { server: server.name, pool: name, state: word(server.state) };
      return [say(isIn(server) ? 'serverBack' : 'serverOut', values)];
    }),
  );
}
