import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { command, root, Workshop } from './packed.ts';

const workshop = new Workshop();
before(() => workshop.pack());
after(() => workshop.remove());

const ask = `
app.use('/ops', dashboard({ public: true }));
const server = app.listen(0, '127.0.0.1', async () => {
  const url = 'http://127.0.0.1:' + server.address().port + '/ops/';
  const lengths = {};
  for (const path of ['', 'uplot.js', 'uplot.css', 'strings.js', ...process.argv.slice(1)]) {
    const answer = await fetch(url + path);
    lengths[path] = answer.status === 200 ? (await answer.text()).length : -answer.status;
  }
  console.log(JSON.stringify(lengths));
  process.exit();
});`;

for (const [kind, type, imports] of [
  [
    'module',
    'module',
    "import express from 'express'; import { dashboard } from 'sekisho/dashboard'; const app = express();",
  ],
  [
    'commonjs',
    'commonjs',
    "const { dashboard } = require('sekisho/dashboard'); const app = require('express')();",
  ],
] as const)
  test(`the page has all of its files where the package is installed (${kind})`, async () => {
    const files = readdirSync(join(root, 'lib/dashboard/page')).filter((file) =>
      /\.(?:js|css|svg)$/.test(file),
    );
    assert.ok(files.length > 10);
    const project = await workshop.project(kind, type);
    const output = await command(
      project,
      process.execPath,
      ...[`--input-type=${type}`, '--eval', `${imports}${ask}`, '--', ...files],
    );
    const lengths = JSON.parse(output) as Record<string, number>;
    assert.deepEqual(
      Object.entries(lengths).filter(([, length]) => length < 50),
      [],
    );
    assert.equal(Object.keys(lengths).length, files.length + 4);
  });
