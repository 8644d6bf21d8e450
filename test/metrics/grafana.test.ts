import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { metrics } from '../../lib/metrics/index.ts';

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const file = new URL('../../examples/grafana-dashboard.json', import.meta.url);
const dashboard = JSON.parse(readFileSync(file, 'utf8')) as { readonly panels: readonly Panel[] };
const expressions = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({ title, expr, legendFormat })),
);

const meter = metrics({ process: false });
const families = new Map(
  meter.registry.getMetricsAsArray().map((metric) => [
    metric.name,
    {
      type: (metric as unknown as { type: string }).type,
      labels: (metric as unknown as { labelNames: readonly string[] }).labelNames,
    },
  ]),
);
meter.close();

function familyOf(name: string): { type: string; labels: readonly string[] } | undefined {
  const histogram = /^(.*)_(?:bucket|sum|count)$/.exec(name)?.[1];
  return families.get(name) ?? (histogram === undefined ? undefined : families.get(histogram));
}

for (const { title, expr, legendFormat } of expressions)
  test(`the panel “${title}” asks for what is there: ${legendFormat}`, () => {
    const names = expr.match(/\bsekisho_\w+/g) ?? [];
    assert.ok(names.length > 0);
    for (const name of names) {
      const family = familyOf(name);
      assert.ok(family, name);
      const counts = expr.includes(`rate(${name}`) || expr.includes(`increase(${name}`);
      assert.equal(counts, family.type !== 'gauge', `${name} is a ${family.type}`);
      for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
        assert.ok(family.labels.includes(label), `${name} has no label ${label}`);
    }
    assert.equal(expr.split('(').length, expr.split(')').length);
  });

test('each metric has its place', () => {
  const shown = new Set(expressions.flatMap(({ expr }) => expr.match(/\bsekisho_\w+/g) ?? []));
  const missing = [...families.keys()].filter(
    (name) => !shown.has(name) && !shown.has(`${name}_bucket`),
  );
  assert.deepEqual(missing, []);
});

test('panels have ids of their own and do not cover each other', () => {
  const { panels } = dashboard;
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const one of panels)
    for (const other of panels) {
      const [a, b] = [one.gridPos, other.gridPos];
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
      assert.ok(one === other || apart, `${one.title} and ${other.title}`);
      assert.ok(a.x + a.w <= 24);
    }
});
