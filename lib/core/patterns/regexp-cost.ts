import type { Node } from './regexp-syntax.ts';

/**
 * How a number grows with the length n of the text: `factor` × n^`degree`. A backtracking engine does at most
 * `steps` to find all `ways` in which a part of a pattern can match from one position on.
 */
export interface Growth {
  readonly factor: number;
  readonly degree: number;
}

interface Cost {
  readonly ways: Growth;
  readonly steps: Growth;
}

const nothing: Growth = { factor: 0, degree: 0 };
const once: Growth = { factor: 1, degree: 0 };
const empty: Cost = { ways: once, steps: nothing };
const step: Cost = { ways: once, steps: once };
const boundless: Growth = { factor: Infinity, degree: Infinity };

/**
 * The most a backtracking engine does at a position: `first` at the begin of the text, where `^` may hold, `later`
 * at any other. A search of the whole text takes `first` plus n × `later`.
 */
export function costOf(node: Node, multiline: boolean): { first: Growth; later: Growth } {
  return {
    first: cost(node, true).steps,
    later: cost(node, multiline).steps,
  };
}

/** @param atStart whether `^` may hold */
function cost(node: Node, atStart: boolean): Cost {
  switch (node.kind) {
    case 'set':
      return step;
    case 'assertion':
      return node.name === 'start' && !atStart ? { ways: nothing, steps: once } : step;
    case 'sequence':
      return node.items.reduce<Cost>((all, item) => both(all, cost(item, atStart)), empty);
    case 'choice':
      return node.items
        .map((item) => cost(item, atStart))
        .reduce((a, b) => ({ ways: add(a.ways, b.ways), steps: add(add(a.steps, b.steps), once) }));
    case 'lookaround':
      // Looking back may reach the begin of the text from anywhere. What is found is not searched for anew.
      return { ways: once, steps: add(cost(node.item, atStart || node.behind).steps, once) };
    case 'repeat':
      return repeated(cost(node.item, atStart), node);
  }
}

function both(a: Cost, b: Cost): Cost {
  return { ways: multiply(a.ways, b.ways), steps: add(a.steps, multiply(a.ways, b.steps)) };
}

function repeated(item: Cost, node: Node & { kind: 'repeat' }): Cost {
  if (node.max === Infinity) {
    // Only a set is sure to take one character each time and to need no memory for it.
    if (node.item.kind !== 'set') return { ways: boundless, steps: boundless };
    return {
      ways: { factor: 1, degree: 1 },
      steps: { factor: 2, degree: 1 },
    };
  }
  let all: Cost = { ways: nothing, steps: once };
  let path = empty;
  for (let count = 0; count <= node.max; count++) {
    if (count >= node.min) all = { ...all, ways: add(all.ways, path.ways) };
    if (count < node.max) path = both(path, item);
    if (path.steps.factor > 1e9) return { ways: boundless, steps: boundless };
  }
  return { ways: all.ways, steps: add(all.steps, path.steps) };
}

function add(a: Growth, b: Growth): Growth {
  return { factor: a.factor + b.factor, degree: Math.max(a.degree, b.degree) };
}

function multiply(a: Growth, b: Growth): Growth {
  if (a.factor === 0 || b.factor === 0) return nothing;
  return { factor: a.factor * b.factor, degree: a.degree + b.degree };
}
