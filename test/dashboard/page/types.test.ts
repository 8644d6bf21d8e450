import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join, resolve } from 'node:path';
import test from 'node:test';
import ts from 'typescript';

const root = resolve(import.meta.dirname, '../../..');

test('the scripts of the page type-check: they run in browsers as they are written', () => {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2024,
    lib: ['lib.es2024.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    types: ['node'],
    allowJs: true,
    checkJs: true,
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noUnusedLocals: true,
    rewriteRelativeImportExtensions: true,
    skipLibCheck: true,
  };
  const files = globSync('lib/dashboard/page/*.js', { cwd: root }).map((file) => join(root, file));
  assert.ok(files.length > 10);
  const program = ts.createProgram(files, options);
  const problems = files.flatMap((file) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(file)),
  );
  const host = { ...ts.createCompilerHost(options), getNewLine: () => '\n' };
  assert.equal(ts.formatDiagnostics(problems, host), '');
});
