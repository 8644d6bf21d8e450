import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import test from 'node:test';
import * as sekisho from 'sekisho';
import ts from 'typescript';
import { errorCodes, ProxyError } from '../../lib/core/errors.ts';
import { forwarderSchema } from '../../lib/core/upstream/forward-options.ts';
import { listen, until } from '../support/servers.ts';
import { command, manifest, root } from './packed.ts';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
/** The page that greets, and those beside the code it leads to. */
const pages = ['README.md', ...globSync('lib/**/README.md', { cwd: root }).sort()].map((path) => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}));

interface Snippet {
  readonly page: string;
  readonly code: string;
  /** Not for what needs certificates or servers of the reader's. */
  readonly runs: boolean;
}

const snippets: readonly Snippet[] = pages.flatMap(({ path, text }) =>
  [...text.matchAll(/^```[tj]s( norun)?\n(.*?)^```/gms)].map(([, norun, code = '']) => ({
    page: path,
    code,
    runs: norun === undefined,
  })),
);

/** What a reader takes from the snippets before: an app, and the imports. */
function completed(snippet: string): string {
  const imported = /import \{(.*?)\} from 'sekisho'/s.exec(snippet)?.[1] ?? '';
  const used = Object.keys(sekisho).filter(
    (name) => new RegExp(`\\b${name}\\(`).test(snippet) && !imported.includes(name),
  );
  const app = snippet.includes('const app')
    ? ''
    : "import express from 'express'; const app = express(); void app;";
  return `import { ${used.join(', ')} } from 'sekisho'; ${app}\n${snippet}\nexport {};`;
}

test('the snippets type-check', () => {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.json'), (file) => ts.sys.readFile(file)).config,
    ts.sys,
    root,
  );
  const files = new Map(
    snippets.map(({ code }, index) => [join(root, `readme-${index + 1}.ts`), completed(code)]),
  );
  const relaxed = { ...options, noUnusedLocals: false };
  const host = ts.createCompilerHost(relaxed);
  host.readFile = (file) => files.get(file) ?? ts.sys.readFile(file);
  host.fileExists = (file) => files.has(file) || ts.sys.fileExists(file);
  const program = ts.createProgram([...files.keys()], relaxed, host);
  const problems = [...files.keys()].flatMap((file) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(file)),
  );
  assert.equal(ts.formatDiagnostics(problems, { ...host, getNewLine: () => '\n' }), '');
  assert.ok(files.size > 4);
});

test('the first snippet proxies', async (t) => {
  const one = await listen(t, (req, res) => res.end(`one ${req.url ?? ''}`));
  const two = await listen(t, (req, res) => res.end(`two ${req.url ?? ''}`));
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  free.close();
  const code = snippets[0]!.code
    .replace('http://10.0.0.1:8080', one.url)
    .replace('http://10.0.0.2:8080', two.url)
    .replace('3000', String(port));
  assert.ok(code.trim().split('\n').length <= 5, 'it has five lines');
  const child = spawn(
    process.execPath,
    ['--conditions=sekisho-source', '--input-type=module', '--eval', code],
    { cwd: root, stdio: 'inherit' },
  );
  t.after(() => child.kill('SIGKILL'));
  const ask = (): Promise<string> =>
    fetch(`http://127.0.0.1:${port}/image/cat.png`).then(
      (answer) => answer.text(),
      () => '',
    );
  const seen = new Set<string>();
  await until(
    async () => seen.add(await ask()).has('one /cat.png') && seen.has('two /cat.png'),
    'both servers answer',
    60_000,
  );
});

for (const { page, code: snippet } of snippets.filter(({ runs }) => runs))
  test(`a snippet of ${page} runs: ${snippet.trim().split('\n').at(-1) ?? ''}`, async () => {
    const code = stripTypeScriptTypes(completed(snippet)).replace('3000', '0');
    // Servers that listen would go on for ever.
    const ended = `${code}\nsetTimeout(() => process.exit(), 200);`;
    await command(
      root,
      process.execPath,
      ...['--conditions=sekisho-source', '--input-type=module', '--eval', ended],
    );
  });

const rows = new Map(
  [...readme.matchAll(/^\| `(ERR_\w+)` +\| (\d+) +\| (.+) \|$/gm)].map(
    ([, code = '', status, remedy]) => [code, { status, remedy }],
  ),
);

for (const code of errorCodes)
  test(`the table of errors has ${code} with its status`, () => {
    assert.equal(rows.get(code)?.status, String(new ProxyError(code).status));
  });

test('the table of errors has no code that does not exist', () => {
  assert.deepEqual(
    [...rows.keys()].filter((code) => !errorCodes.includes(code as never)),
    [],
  );
});

test('the table of warnings has every code there is, and no other', () => {
  const sources = globSync('lib/**/*.ts', { cwd: root }).map((path) =>
    readFileSync(join(root, path), 'utf8'),
  );
  const used = sources.flatMap((text) => text.match(/(?<=warn\(\s*')SEKISHO_\w+/g) ?? []);
  const listed = [...readme.matchAll(/^\| `(SEKISHO_\w+)` +\|/gm)].map(([, code = '']) => code);
  assert.deepEqual(listed, [...new Set(used)].toSorted());
});

for (const option of Object.keys(forwarderSchema.shape))
  test(`the reference has the option ${option}`, () => {
    assert.match(readme, new RegExp(`^\\| \`${option}\` +\\|`, 'm'));
  });

for (const name of Object.keys(sekisho))
  test(`the README speaks of ${name}`, () => {
    assert.match(readme, new RegExp(`\`${name}\\b`));
  });

test('the README names the two commands, and the scripts exist', () => {
  assert.match(readme, /^npm ci && npm start$/m);
  assert.match(readme, /^npm ci && npm test$/m);
  assert.match(readFileSync(join(root, '.ci/run'), 'utf8'), /^npm ci && npm test$/m);
  for (const [, script = ''] of readme.matchAll(/npm run (\w+)/g))
    assert.ok(manifest.scripts[script], script);
});

for (const { path, text } of pages)
  for (const [, link = ''] of text.matchAll(/\]\((?!https?:)([^)#][^)#]*)(?:#[^)]*)?\)/g))
    test(`the link ${link} of ${path} leads somewhere`, () => {
      assert.ok(existsSync(join(root, dirname(path), link)));
    });
