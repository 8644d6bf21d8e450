import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { CacheOptions } from '../../lib/cache/index.ts';
import { Model, type Resource, type Wish } from './model.ts';
import { sites, stillClock, type MakeSite } from './support.ts';

const seconds = fc.constantFrom(0, 5, 20);
const word = <Value>(value: fc.Arbitrary<Value>, freq: number): fc.Arbitrary<Value | undefined> =>
  fc.option(value, { freq, nil: undefined });

const resource: fc.Arbitrary<Resource> = fc.record({
  control: fc
    .record({
      'max-age': word(seconds, 6),
      's-maxage': fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, seconds),
      'no-store': rarely(),
      'no-cache': rarely(),
      private: rarely(),
      public: fc.constantFrom(undefined, true as const),
      'must-revalidate': rarely(),
      'stale-while-revalidate': fc.constantFrom(undefined, undefined, 10),
      'stale-if-error': fc.constantFrom(undefined, undefined, 30),
    })
    .map((words) => Object.fromEntries(Object.entries(words).filter(([, by]) => by !== undefined))),
  vary: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom('' as const, 'X-Lang' as const) },
    fc.constantFrom('X-Lang, Cookie' as const, '*' as const),
  ),
  etag: fc.boolean(),
  setCookie: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, fc.constant(true)),
  age: fc.constantFrom(0, 0, 0, 7),
});

function rarely(): fc.Arbitrary<true | undefined> {
  return fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, fc.constant(true as const));
}

const get = fc.record({
  resource: fc.nat({ max: 1 }),
  method: fc.constant('GET' as const),
  lang: fc.constantFrom('de', 'en'),
  user: fc.oneof(
    { weight: 2, arbitrary: fc.constant('' as const) },
    fc.constantFrom('cookie a' as const, 'cookie b' as const, 'auth a' as const, 'auth b' as const),
  ),
  control: fc.oneof(
    { weight: 3, arbitrary: fc.constant('' as const) },
    fc.constantFrom<Wish['control'][]>(
      ...(['no-cache', 'no-store', 'only-if-cached', 'max-age=3', 'max-stale'] as const),
      ...(['max-stale=5', 'max-stale=5, max-age=100', 'min-fresh=4'] as const),
    ),
  ),
  condition: fc.constantFrom(
    '' as const,
    '' as const,
    '' as const,
    'current' as const,
    'old' as const,
  ),
  range: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true)),
}) satisfies fc.Arbitrary<Wish>;

const resources = fc.array(resource, { minLength: 2, maxLength: 2 });
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.array(get, { minLength: 1, maxLength: 3 }).map((wishes) => ({ wishes })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(get, fc.constantFrom('HEAD' as const, 'POST' as const))
      .map(([wish, method]) => ({ wishes: [{ ...wish, method }] })),
  },
  { weight: 3, arbitrary: fc.constantFrom(1, 4, 6, 12, 25).map((forward) => ({ forward })) },
  { weight: 1, arbitrary: fc.nat({ max: 1 }).map((change) => ({ change })) },
  { weight: 1, arbitrary: fc.constant({ fails: true }) },
);

const steps = fc.array(step, { minLength: 4, maxLength: 16 });

/** @returns how many answers came out of the cache */
async function play(
  t: TestContext,
  make: MakeSite,
  interruptAfterTimeLimit: number,
  cache: CacheOptions = {},
): Promise<{ runs: number; hits: number }> {
  const clock = stillClock(t);
  let runs = 0;
  let hits = 0;
  let model: Model | undefined;
  const { ask } = await make(t, (req, res) => model?.origin(req, res), { cache });
  const property = fc.asyncProperty(resources, steps, async (answers, sequence) => {
    const current = new Model((runs += 1), answers, () => Date.parse(clock.date()));
    model = current;
    for (const each of sequence)
      if ('forward' in each) clock.forward(each.forward);
      else if ('change' in each) current.change(each.change);
      else if ('fails' in each) current.failNext();
      else
        await Promise.all(
          each.wishes.map(async (one) => {
            const { path, ask: how, judge } = current.wish(one);
            judge(await ask(path, how));
          }),
        );
    hits += current.hits;
  });
  await fc.assert(property, { numRuns: 80, interruptAfterTimeLimit, endOnFailure: true });
  return { runs, hits };
}

for (const [where, make] of Object.entries(sites)) {
  test(`no sequence of requests gets what a shared cache may not give, in front of ${where}`, async (t) => {
    const { runs, hits } = await play(t, make, 5000);
    assert.ok(hits > runs / 4, `${hits} answers out of the cache in ${runs} runs`);
  });

  test(`a cache that may ignore the origin's words is found out, in front of ${where}`, async (t) => {
    const ignore = ['no-store', 'private', 'no-cache', 'freshness', 'must-revalidate'] as const;
    await assert.rejects(play(t, make, 120_000, { ttl: '1 hour', ignore }), /Property failed/);
  });
}
