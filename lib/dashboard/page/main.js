// @ts-check
import { offerActions } from './actions.js';
import { showChain } from './chain.js';
import { Connection } from './connection.js';
import { byId, setAttribute, setText } from './dom.js';
import { showEvents } from './events.js';
import { duration } from './format.js';
import { Model } from './model.js';
import { showPlots } from './plots.js';
import { changesOfHealth, overallHealth, showPools } from './pools.js';
import { showTiles } from './tiles.js';
import { offerLanguages, onLanguage, say } from './words.js';

/** @type {Model | undefined} */
let model;
/** @type {import('./connection.js').LinkState} */
let link = 'connecting';

const announcement = byId('announcement', HTMLElement);
/** To be heard; sparingly. @param {string} text */
const announce = (text) => setText(announcement, text);

const actions = offerActions(announce);
const chain = showChain();
const views = [showTiles(), showPlots(), showPools(actions.move), showEvents(), showFrame];

const health = byId('health', HTMLElement);
const footer = byId('footer', HTMLElement);

/** @param {Model} shown */
function showFrame(shown) {
  const { text, level } = overallHealth(shown);
  setText(health, text);
  setAttribute(health, 'data-level', level);
  const watched = say('uptime', { duration: duration(shown.now - shown.begun) });
  setText(footer, `${say('process', { pid: shown.pid })} · ${watched}`);
}

function show() {
  if (model !== undefined) for (const view of views) view(model);
}

const linkNode = byId('link', HTMLElement);
const linkText = byId('link-text', HTMLElement);
const pause = byId('pause', HTMLButtonElement);

function showLink() {
  setAttribute(linkNode, 'data-state', link);
  setAttribute(linkText, 'data-text', link);
  setText(linkText, say(link));
}

const connection = new Connection({
  snapshot(data) {
    model = new Model(data);
    actions.show(model);
    chain(model.chain);
    show();
  },
  tick(view) {
    if (model === undefined) return;
    const changes = changesOfHealth(model, view);
    model.add(view);
    if (changes.length > 0) announce(changes.join(' '));
    show();
  },
  state(state) {
    if (state === 'lost' && link === 'live') announce(say('connectionLost'));
    if (state === 'live' && link === 'lost') announce(say('connectionBack'));
    link = state;
    showLink();
  },
});

pause.addEventListener('click', () => {
  const paused = link !== 'paused';
  connection.setPaused(paused);
  setAttribute(pause, 'data-text', paused ? 'resume' : 'pause');
  setText(pause, say(paused ? 'resume' : 'pause'));
});

const theme = byId('theme', HTMLSelectElement);
theme.value = document.documentElement.dataset.theme ?? 'auto';
theme.addEventListener('change', () => {
  const { value } = theme;
  if (value === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
  try {
    localStorage.setItem('sekisho-theme', value);
  } catch {
    // It holds as long as the page is open.
  }
});

onLanguage(show);
offerLanguages(byId('language', HTMLSelectElement));
