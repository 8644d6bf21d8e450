// @ts-check
import { strings } from './strings.js';

/** @typedef {import('../strings.ts').TextKey} TextKey */
/** @typedef {import('../strings.ts').Language} Language */

const remembered = 'sekisho-language';

/** @type {Language} */
let language = document.documentElement.lang === 'ja' ? 'ja' : 'en';
/** @type {(() => void)[]} */
const listeners = [];

export function currentLanguage() {
  return language;
}

/**
 * A text of the page with its blanks filled in.
 *
 * @param {TextKey} key
 * @param {Record<string, string | number>} [values]
 */
export function say(key, values = {}) {
  return strings[language][key].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));
}

/**
 * The page's word for something, or the thing itself where it has none.
 *
 * @param {string} key
 */
export function word(key) {
  return Object.hasOwn(strings[language], key) ? say(/** @type {TextKey} */ (key)) : key;
}

/** @param {() => void} listener called when a person has chosen another language */
export function onLanguage(listener) {
  listeners.push(listener);
}

/** @param {HTMLSelectElement} control */
export function offerLanguages(control) {
  try {
    const chosen = localStorage.getItem(remembered);
    if (chosen === 'en' || chosen === 'ja') choose(chosen);
  } catch {
    // Without storage it is the language the page came in.
  }
  control.value = language;
  control.addEventListener('change', () => {
    choose(control.value === 'ja' ? 'ja' : 'en');
    try {
      localStorage.setItem(remembered, language);
    } catch {
      // It holds as long as the page is open.
    }
  });
}

/** @param {Language} chosen */
function choose(chosen) {
  if (chosen === language) return;
  language = chosen;
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll('[data-text]'))
    node.textContent = word(node.getAttribute('data-text') ?? '');
  for (const node of document.querySelectorAll('[data-label]'))
    node.setAttribute('aria-label', word(node.getAttribute('data-label') ?? ''));
  for (const listener of listeners) listener();
}
