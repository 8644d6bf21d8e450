/**
 * Runs every test file with node's own runner: `npm test` for all, `npm run test:run -- core/http` for
 * those whose path contains the words given. Integration and browser files run one after the other
 * behind the rest, because they measure behaviour under load and want the machine for themselves.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const words = process.argv.slice(2);
const files = globSync('test/**/*.test.ts')
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  .sort();
const heavy = files.filter((file) =>
  /^test\/(?:(?:integration|browser|package)\/|virus-scanner\/(?:downloads|uploads|engines)\.)/.test(
    file,
  ),
);
const light = files.filter((file) => !heavy.includes(file));

if (files.length === 0) {
  console.error(`No test file matches ${words.join(' ')}`);
  process.exit(1);
}

let failed = false;
for (const [group, concurrency] of [
  [light, 2],
  [heavy, 1],
] as const) {
  if (group.length === 0) continue;
  const { status } = spawnSync(
    process.execPath,
    [
      '--conditions=sekisho-source',
      `--import=${import.meta.resolve('./fuzz-seed.ts')}`,
      '--disable-warning=ExperimentalWarning',
      '--test',
      `--test-concurrency=${concurrency}`,
      '--test-timeout=480000',
      '--test-reporter=spec',
      ...group,
    ],
    { stdio: 'inherit' },
  );
  failed ||= status !== 0;
}
process.exit(failed ? 1 : 0);
