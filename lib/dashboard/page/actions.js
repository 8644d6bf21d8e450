// @ts-check
import { byId, element, setText } from './dom.js';
import { number } from './format.js';
import { say } from './words.js';

/**
 * What a person may do, each thing after a question.
 *
 * @param {(text: string) => void} announce
 */
export function offerActions(announce) {
  const dialog = byId('dialog', HTMLDialogElement);
  const question = byId('question', HTMLElement);
  const confirm = byId('confirm', HTMLButtonElement);
  const cancel = byId('cancel', HTMLButtonElement);
  const section = byId('caches', HTMLElement);
  const caches = byId('purge-cache', HTMLSelectElement);
  const target = byId('purge-target', HTMLInputElement);
  /** @type {string | undefined} */
  let token;
  /** @type {Record<string, string> | undefined} */
  let asked;

  cancel.addEventListener('click', () => dialog.close());
  confirm.addEventListener('click', () => {
    dialog.close();
    if (asked !== undefined) void run(asked);
  });
  byId('purge', HTMLButtonElement).addEventListener('click', () => {
    const cache = caches.value;
    const what = target.value.trim();
    ask(say('purgeQuestion', { cache, target: what === '' ? say('purgeAll') : what }), {
      action: 'purge',
      cache,
      target: what,
    });
  });

  /** @param {string} text @param {Record<string, string>} action */
  function ask(text, action) {
    asked = action;
    setText(question, text);
    dialog.showModal();
  }

  /** @param {Record<string, string>} action */
  async function run(action) {
    try {
      const answer = await fetch(`actions?${String(new URLSearchParams(action))}`, {
        method: 'POST',
        headers: { 'X-Sekisho-Token': token ?? '', Accept: 'application/json' },
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const { count } = await answer.json();
      announce(count === undefined ? say('done') : say('purged', { n: number(count) }));
    } catch (error) {
      announce(say('actionFailed', { reason: error instanceof Error ? error.message : '' }));
    }
  }

  return {
    /** @param {import('./model.js').Model} model */
    show(model) {
      token = model.token;
      section.hidden = model.caches.length === 0;
      caches.replaceChildren(
        ...model.caches.map((name) => element('option', { value: name }, name)),
      );
    },
    /** @param {'drain' | 'enable'} action @param {string} pool @param {string} server */
    move(action, pool, server) {
      ask(say(`${action}Question`, { pool, server }), { action, upstream: pool, server });
    },
  };
}
