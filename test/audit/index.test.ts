import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { rules } from '../../lib/audit/rules.ts';

test('every rule is explained where its findings say', async () => {
  const page = await readFile(new URL('../../lib/audit/README.md', import.meta.url), 'utf8');
  const explained = [...page.matchAll(/^### (.+)$/gm)].map(([, name]) => name);
  assert.deepEqual(explained.toSorted(), rules.map(({ name }) => name).toSorted());
  for (const { name, severity } of rules) {
    const [, said] = new RegExp(`^### ${name}\n\n(\\w+)`, 'm').exec(page) ?? [];
    assert.equal(said?.toLowerCase(), severity, name);
  }
});
