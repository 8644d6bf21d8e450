// @ts-check

/**
 * Puts an element together. Texts become text, never markup.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 * @param {...Node} children
 * @returns {SVGElement}
 */
export function drawing(tag, attributes = {}, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/**
 * Changes a text only where it is another one: what a person has selected stays selected.
 *
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * @param {Element} node
 * @param {string} name
 * @param {string} value
 */
export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/**
 * An element of the page's document that is sure to be there.
 *
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`#${id} is missing`);
}

/**
 * @template Item
 * @typedef {{ node: HTMLElement, update: (item: Item) => void }} Line
 */

/**
 * Shows a list: lines that are there stay (and keep the focus), new ones are put where they belong, the others go.
 *
 * @template Item
 * @param {HTMLElement} parent
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => Line<Item>} create
 * @returns {(items: readonly Item[]) => void}
 */
export function list(parent, keyOf, create) {
  /** @type {Map<string, Line<Item>>} */
  let lines = new Map();
  return (items) => {
    /** @type {Map<string, Line<Item>>} */
    const next = new Map();
    for (const item of items) {
      const key = keyOf(item);
      const line = lines.get(key) ?? create(item);
      line.update(item);
      next.set(key, line);
    }
    for (const [key, { node }] of lines) if (!next.has(key)) node.remove();
    let place = parent.firstElementChild;
    for (const { node } of next.values())
      if (node === place) place = place.nextElementSibling;
      else parent.insertBefore(node, place);
    lines = next;
  };
}
