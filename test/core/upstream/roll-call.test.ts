import assert from 'node:assert/strict';
import test from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { callRoll } from '../../../lib/core/upstream/roll-call.ts';
import { upstream } from '../../../lib/core/upstream/upstream.ts';
import { until } from '../../support/servers.ts';

const names = (): string[] => callRoll().map(({ name }) => name);

test('pools that are open answer, in the order they were made', async (t) => {
  const [one, two] = [upstream('one', 'http://127.0.0.1:1'), upstream('two', 'http://127.0.0.1:1')];
  t.after(() => one.destroy());
  assert.deepEqual(names(), ['one', 'two']);
  await two.close();
  assert.deepEqual(names(), ['one']);
  one.destroy();
  assert.deepEqual(names(), []);
});

test('a pool that nobody holds is not held by the roll', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  (() => void upstream('forgotten', 'http://127.0.0.1:1'))();
  await until(() => {
    collect();
    return !names().includes('forgotten');
  }, 'it is collected');
});
