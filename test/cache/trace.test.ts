import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);

async function printed(debug: string): Promise<string> {
  const { stdout, stderr } = await run(
    process.execPath,
    ['--conditions=sekisho-source', 'test/cache/trace-process.ts'],
    { env: { ...process.env, DEBUG: debug, DEBUG_COLORS: 'no', NODE_ENV: 'production' } },
  );
  assert.equal(stdout, '');
  return stderr;
}

test('DEBUG=sekisho:cache tells what was done with each request, and why it was not stored', async () => {
  const lines = (await printed('sekisho:cache')).trim().split('\n');
  assert.deepEqual(
    lines.map((line) => line.replace(/^.*sekisho:cache /, '').replace(/ttl=\d+/, 'ttl=…')),
    [
      'GET /page: sekisho; fwd=uri-miss; stored',
      'GET /page: sekisho; hit; ttl=…',
      'GET /own?a=b: sekisho; fwd=uri-miss; detail=private',
      'GET /own?a=b: sekisho; fwd=uri-miss; detail=private',
    ],
  );
});

test('without it nothing is printed', async () => {
  assert.equal(await printed(''), '');
});
