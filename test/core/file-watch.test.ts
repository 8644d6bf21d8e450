import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { useClock } from '../../lib/core/clock.ts';
import { FileWatch } from '../../lib/core/file-watch.ts';
import { until } from '../support/servers.ts';

function watching(t: TestContext): { folder: string; file: string; changes: () => number } {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-watch-'));
  const file = join(folder, 'a.pem');
  writeFileSync(file, 'one');
  let changes = 0;
  const watch = new FileWatch([file], () => changes++);
  t.after(() => {
    watch.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, file, changes: () => changes };
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 500));

test('a change is told, a neighbour is not', async (t) => {
  const { folder, file, changes } = watching(t);
  writeFileSync(join(folder, 'other'), 'x');
  await settled();
  assert.equal(changes(), 0);
  writeFileSync(file, 'two and more');
  await until(() => changes() === 1, 'the change');
});

test('a file that is replaced, goes and comes again', async (t) => {
  const { folder, file, changes } = watching(t);
  writeFileSync(join(folder, 'new'), 'two');
  renameSync(join(folder, 'new'), file);
  await until(() => changes() === 1, 'the replacement');
  rmSync(file);
  await until(() => changes() === 2, 'its end');
  writeFileSync(file, 'three');
  await until(() => changes() === 3, 'its return');
});

test('where the system tells nothing, looking now and then does', (t) => {
  let look: (() => void) | undefined;
  t.after(
    useClock({
      every(_milliseconds, callback) {
        look = callback;
        return () => undefined;
      },
      after: () => () => undefined,
    }),
  );
  const { file, changes } = watching(t);
  writeFileSync(file, 'two and more');
  look!();
  assert.equal(changes(), 1);
  look!();
  assert.equal(changes(), 1);
});

test('nothing is told after close', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-watch-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'a.pem');
  writeFileSync(file, 'one');
  let changes = 0;
  new FileWatch([file], () => changes++).close();
  writeFileSync(file, 'two and more');
  await settled();
  assert.equal(changes, 0);
});
