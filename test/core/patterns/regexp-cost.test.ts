import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { costOf } from '../../../lib/core/patterns/regexp-cost.ts';
import { parseRegExp, type Node } from '../../../lib/core/patterns/regexp-syntax.ts';

for (const [source, first, later] of [
  ['abc', 0, 0],
  ['\\d{13,19}', 0, 0],
  ['^abc', 0, 0],
  ['^a.*b', 1, 0],
  ['^a.*b.*c', 2, 0],
  ['a.*b', 1, 1],
  ['(?:^|x)a*b', 1, 1],
  ['^(?:a|b)*', Infinity, 0],
  ['^(a+)+$', Infinity, 0],
  ['(?<!\\d)\\d{4}(?!\\d)', 0, 0],
  ['(?=a*)b', 1, 1],
] as const)
  test(`${source}: at the begin it grows with n^${first}, elsewhere with n^${later}`, () => {
    const cost = costOf(parseRegExp(source, ''), false);
    assert.deepEqual([cost.first.degree, cost.later.degree], [first, later]);
  });

test('with flag m every position may be a begin', () => {
  assert.equal(costOf(parseRegExp('^a.*b', 'm'), true).later.degree, 1);
});

const atom = fc.constantFrom('a', 'b', '.', '[ab]', '^', '$', '\\b');
const sign = fc.constantFrom('', '?', '*', '+?', '{0,2}', '{2}', '{1,3}?');
const pattern = fc.letrec<{ node: string; piece: string }>((tie) => ({
  piece: fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(atom, sign).map(([a, b]) => (/[\^$]|\\b/.test(a) ? a : a + b)),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(tie('node'), fc.constantFrom('', '?', '{0,3}'))
        .map(([a, b]) => `(?:${a})${b}`),
    },
    { weight: 1, arbitrary: fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(?:${a}|${b})`) },
    { weight: 1, arbitrary: tie('node').map((a) => `(?!${a})`) },
  ),
  node: fc.array(tie('piece'), { maxLength: 4 }).map((pieces) => pieces.join('')),
}));

test('no backtracking search takes more steps than was reckoned', () => {
  fc.assert(
    fc.property(
      pattern.node,
      fc.string({ unit: fc.constantFrom('a', 'b', ' '), maxLength: 30 }),
      (source, text) => {
        const tree = parseRegExp(source, '');
        const { first, later } = costOf(tree, false);
        if (later.degree > 0 || first.degree > 1) return;
        const n = text.length + 1;
        for (let start = 0; start < n; start++) {
          const most = start === 0 ? first.factor * n ** first.degree : later.factor;
          const steps = stepsOf(tree, text, start);
          assert.ok(
            steps <= most,
            `${source} on '${text}' at ${start}: ${steps} steps, reckoned ${most}`,
          );
        }
      },
    ),
    { numRuns: 3000, interruptAfterTimeLimit: 2000 },
  );
});

/** Looks at characters that a backtracking engine makes until it has tried every way from one position on. */
function stepsOf(tree: Node, text: string, start: number): number {
  let steps = 0;
  const run = (node: Node, at: number, next: (at: number) => boolean): boolean => {
    switch (node.kind) {
      case 'set': {
        steps++;
        const point = text.codePointAt(at);
        if (point === undefined) return false;
        const inside = node.points.some(([from, to]) => point >= from && point <= to);
        return inside !== node.negated && next(at + 1);
      }
      case 'assertion': {
        steps++;
        const word = (index: number): boolean => /\w/.test(text.charAt(index));
        const holds = {
          start: at === 0,
          end: at === text.length,
          boundary: word(at - 1) !== word(at),
          'no boundary': word(at - 1) === word(at),
        }[node.name];
        return holds && next(at);
      }
      case 'sequence': {
        const from = (index: number, place: number): boolean =>
          index === node.items.length
            ? next(place)
            : run(node.items[index]!, place, (after) => from(index + 1, after));
        return from(0, at);
      }
      case 'choice':
        return node.items.some((item) => run(item, at, next));
      case 'lookaround':
        // As ahead and negative, the only kind above.
        return !run(node.item, at, () => true) && next(at);
      case 'repeat': {
        const more = (count: number, place: number): boolean => {
          const again = (): boolean =>
            count < node.max && run(node.item, place, (after) => more(count + 1, after));
          const enough = (): boolean => count >= node.min && next(place);
          return node.lazy ? enough() || again() : again() || enough();
        };
        return more(0, at);
      }
    }
  };
  // Never content: all ways are tried.
  run(tree, start, () => false);
  return steps;
}
