import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { homedir } from 'node:os';
import { isBuiltin } from 'node:module';
import test, { after, before } from 'node:test';
import { command, manifest, root, Workshop } from './packed.ts';

const workshop = new Workshop();
let esm: string;
let cjs: string;
let packed: string[];

before(async () => {
  await workshop.pack();
  esm = await workshop.project('esm', 'module');
  cjs = await workshop.project('cjs', 'commonjs');
  packed = readdirSync(join(esm, 'node_modules/sekisho'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name).slice(join(esm, 'node_modules/sekisho/').length),
    );
});
after(() => workshop.remove());

const read = (file: string): string =>
  readFileSync(join(esm, 'node_modules/sekisho', file), 'utf8');

const subpaths = Object.keys(manifest.exports).filter((path) => path !== './package.json');

test('publint finds nothing', async () => {
  await command(root, 'publint', '--strict', workshop.tarball);
});

test('the types resolve in every way of importing ES modules (attw)', async () => {
  await command(root, 'attw', workshop.tarball, '--profile', 'esm-only');
});

test('the package holds what it needs and nothing else', () => {
  const tops = new Set(packed.map((file) => file.split('/', 1)[0]));
  assert.deepEqual([...tops].sort(), [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'dist',
    'lib',
    'package.json',
  ]);
  assert.deepEqual(
    packed.filter((file) => /(?:^|\/)test\/|\.test\.|tsconfig|\.tgz$/.test(file)),
    [],
  );
});

test('no file of the package tells of the machine it was built on', () => {
  const telling = [root, workshop.directory, homedir()].map((path) => `${path}/`);
  const found = packed.filter((file) => telling.some((path) => read(file).includes(path)));
  assert.deepEqual(found, []);
});

test('the code imports nothing but dependencies, peers and Node', () => {
  const asked = { ...manifest.dependencies, ...manifest.peerDependencies };
  const imported = packed
    .filter((file) => file.startsWith('dist/') && /\.(?:js|d\.ts)$/.test(file))
    .flatMap((file) => [...read(file).matchAll(/(?:from|import\(?)\s*['"]([^.'"\s][^'"\s]*)['"]/g)])
    .map(([, specifier = '']) => specifier)
    .filter((specifier) => !isBuiltin(specifier))
    .map((specifier) =>
      specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/'),
    );
  assert.ok(imported.includes('zod'));
  assert.deepEqual(
    [...new Set(imported)].filter((name) => !Object.hasOwn(asked, name)),
    [],
  );
});

test('each capability has a subpath, and each subpath a capability', () => {
  const folders = readdirSync(join(root, 'lib'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'core')
    .map(({ name }) => `./${name}`);
  assert.deepEqual(subpaths.sort(), ['.', ...folders].sort());
});

const capability = (subpath: string): string =>
  subpath.replace('./', '').replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

for (const subpath of subpaths)
  test(`${subpath} can be imported and required`, async () => {
    const name = subpath.replace('.', 'sekisho');
    const one = subpath === '.' ? 'balancedProxy' : capability(subpath);
    const imported = `import { ${one} } from '${name}'; console.log(typeof ${one})`;
    const node = process.execPath;
    // apicache is an instance, as the original is, and `require()` gives just that.
    const instance = one === 'apicache';
    const required = `console.log(typeof require('${name}')${instance ? '' : `.${one}`})`;
    const kind = instance ? 'object\n' : 'function\n';
    assert.equal(await command(esm, node, '--input-type=module', '-e', imported), kind);
    assert.equal(await command(cjs, node, '--input-type=commonjs', '-e', required), kind);
  });

const proxy = `
const backend = createServer((req, res) => res.end('backend ' + req.url)).listen(0, '127.0.0.1', () => {
  const { port } = backend.address() as AddressInfo;
  const images: Upstream = upstream('images', ['http://127.0.0.1:' + port], { timeouts: { headers: '5s' } });
  const options: ForwarderOptions = { headers: { response: { 'X-Seen': 'yes' } } };
  const app: Express = express();
  app.use(securityHeaders({ strip: ['x-powered-by'] }));
  app.use('/image', balancedProxy(images, options));
  app.use(prefixRouter({ '/blog': 'http://127.0.0.1:' + port }));
  app.use(errorPages());
  void serve(app, { host: '127.0.0.1' }).then(async ({ url, close }) => {
    for (const path of ['/image/a.png', '/blog/b']) console.log(await (await fetch(url + path)).text());
    await close();
    await images.close();
    process.exit();
  });
});
`;
const names = 'balancedProxy, errorPages, prefixRouter, securityHeaders, serve, upstream';
const projects = {
  esm: `
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express } from 'express';
import { ${names}, type ForwarderOptions, type Upstream } from 'sekisho';
${proxy}`,
  cjs: `
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express = require('express');
import type { Express } from 'express';
import sekisho = require('sekisho');
import type { ForwarderOptions, Upstream } from 'sekisho';
const { ${names} } = sekisho;
${proxy}`,
};

for (const [kind, resolution, source] of [
  ['esm', 'nodenext', projects.esm],
  ['esm', 'bundler', projects.esm],
  ['cjs', 'nodenext', projects.cjs],
] as const)
  test(`a foreign ${kind} project type-checks with ${resolution} resolution and runs`, async () => {
    const project = kind === 'esm' ? esm : cjs;
    const compilerOptions = {
      target: 'es2023',
      module: resolution === 'nodenext' ? 'nodenext' : 'esnext',
      moduleResolution: resolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      types: ['node'],
      rootDir: '.',
      outDir: resolution,
    };
    writeFileSync(join(project, 'main.ts'), source);
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['main.ts'] }),
    );
    await command(project, 'tsc', '-p', '.');
    const output = await command(project, process.execPath, join(resolution, 'main.js'));
    assert.equal(output, 'backend /a.png\nbackend /b\n');
  });

test('a wrong option is an error of types in a foreign project', async () => {
  writeFileSync(
    join(esm, 'wrong.ts'),
    `import { upstream } from 'sekisho';\nupstream('a', ['http://a'], { helthCheck: '/' });\n`,
  );
  const check = command(
    esm,
    'tsc',
    '--noEmit',
    '--skipLibCheck',
    '--module',
    'nodenext',
    '--ignoreConfig',
    'wrong.ts',
  );
  await assert.rejects(check, /wrong\.ts\(2,.*'helthCheck' does not exist in type 'PoolOptions'/);
});
