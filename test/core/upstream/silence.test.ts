import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Silence } from '../../../lib/core/upstream/silence.ts';
import { candidates } from './balancing/candidates.ts';

/** Requests to a hung server at these times, answers of another one as [time, milliseconds]. */
for (const [what, asked, answers, at, suspected] of [
  ['nothing asked', [], [[90, 1]], 100, false],
  ['two without an answer', [0, 0], [[90, 1]], 1000, false],
  ['three without an answer', [0, 0, 0], [[90, 1]], 100, true],
  ['three, but no other has answered since', [10, 10, 10], [[5, 1]], 1000, false],
  ['three, but for 50 ms only', [0, 0, 0], [[40, 1]], 50, false],
  ['three, for a moment longer', [0, 0, 0], [[40, 1]], 51, true],
  ['three, where the pool is slow', [0, 0, 0], Array(400).fill([90, 100]), 900, false],
  [
    'three, ten times as long as the slow pool takes',
    [0, 0, 0],
    Array(400).fill([90, 100]),
    1001,
    true,
  ],
] as [string, number[], [number, number][], number, boolean][])
  test(`${what}: ${suspected ? 'suspected' : 'not suspected'}`, () => {
    const [hung, other] = candidates({}, {});
    const silence = new Silence();
    for (const time of asked) silence.asked(hung!, time);
    for (const [time, milliseconds] of answers) silence.answered(other!, milliseconds, time);
    assert.equal(silence.suspects(hung!, at), suspected);
    assert.equal(silence.mightSuspect(hung!), asked.length >= 3);
  });

for (const end of ['answered', 'idle'] as const)
  test(`a server that is ${end} is no longer suspected, and its silence begins anew`, () => {
    const [hung, other] = candidates({}, {});
    const silence = new Silence();
    for (let time = 0; time < 3; time++) silence.asked(hung!, time);
    silence.answered(other!, 1, 90);
    assert.ok(silence.suspects(hung!, 100));
    if (end === 'answered') silence.answered(hung!, 100, 100);
    else silence.idle(hung!);
    assert.ok(!silence.mightSuspect(hung!) && !silence.suspects(hung!, 10_000));
    for (let time = 200; time < 203; time++) silence.asked(hung!, time);
    silence.answered(other!, 1, 240);
    assert.ok(!silence.suspects(hung!, 250), 'counted from its first new request');
    assert.ok(silence.suspects(hung!, 400));
  });
