// @ts-check
import { byId, element } from './dom.js';
import { capital } from './events.js';
import { onLanguage, say, word } from './words.js';

/** Pixels that a router's own handlers stand further in. */
const indent = 16;

/** @returns {(chain: import('../chain.ts').ChainView | undefined) => void} */
export function showChain() {
  const section = byId('chain', HTMLElement);
  const layers = byId('layers', HTMLElement);
  const findings = byId('findings', HTMLElement);
  const none = byId('no-findings', HTMLElement);
  /** @type {import('../chain.ts').ChainView | undefined} */
  let shown;
  const update = () => {
    section.hidden = shown === undefined;
    if (shown === undefined) return;
    layers.replaceChildren(...shown.chain.map(layerRow));
    findings.replaceChildren(
      ...shown.findings.map(findingItem),
      ...(shown.more > 0 ? [element('li', {}, say('more', { n: shown.more }))] : []),
    );
    none.hidden = shown.findings.length > 0;
  };
  onLanguage(update);
  return (chain) => {
    shown = chain;
    update();
  };
}

/** @param {import('../chain.ts').ChainLayer} layer */
function layerRow({ index, name, path, role, depth }) {
  const head = element('th', { scope: 'row' }, name);
  head.style.paddingLeft = `${depth * indent}px`;
  return element(
    'tr',
    {},
    element('td', { class: 'number' }, String(index)),
    head,
    element('td', { class: 'path' }, path),
    element('td', { class: 'role' }, role),
  );
}

/** @param {import('../chain.ts').ChainFinding} finding */
function findingItem({ rule, severity, where, why, remedy, documentation }) {
  const title = element('p', { class: 'title' });
  title.append(
    element('span', { class: 'severity' }, word(`severity${capital(severity)}`)),
    ' ',
    element('strong', {}, rule),
    ' ',
    element('code', {}, where),
  );
  return element(
    'li',
    { 'data-severity': severity },
    title,
    element('p', {}, why),
    element('p', {}, element('b', {}, `${say('remedy')}: `), remedy),
    element('p', { class: 'documentation' }, documentation),
  );
}
