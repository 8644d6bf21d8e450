/** The package as npm would publish it, in projects that have nothing but what it asks for. */
import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const root: string = resolve(import.meta.dirname, '../..');

export interface Manifest {
  readonly version: string;
  readonly exports: Readonly<
    Record<string, string | { readonly types: string; readonly default: string }>
  >;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

export const manifest: Manifest = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as Manifest;

/** Runs a command with the tools of node_modules first in PATH; fails with all that it printed. */
export async function command(cwd: string, name: string, ...parameters: string[]): Promise<string> {
  const PATH = [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter);
  try {
    const { stdout } = await run(name, parameters, { cwd, env: { ...process.env, PATH } });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${name} ${parameters.join(' ')}\n${stdout}${stderr}`, { cause: error });
  }
}

/** What stands around the package while it is tried; `remove()` takes all of it away. */
export class Workshop {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'sekisho-package-'));
  #tarball = '';

  get tarball(): string {
    return this.#tarball;
  }

  /** Builds and packs a copy, so that the repository stays as it is. */
  async pack(): Promise<void> {
    const copy = join(this.directory, 'source');
    mkdirSync(copy);
    for (const part of [
      'lib',
      'package.json',
      'tsconfig.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
    ])
      cpSync(join(root, part), join(copy, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    await command(copy, 'npm', 'pack', '--pack-destination', this.directory);
    this.#tarball = join(this.directory, `sekisho-${manifest.version}.tgz`);
  }

  /** A project with the packed package, its dependencies and its peers installed, and nothing else. */
  async project(name: string, type: 'module' | 'commonjs'): Promise<string> {
    const project = join(this.directory, name);
    const installed = join(project, 'node_modules/sekisho');
    mkdirSync(installed, { recursive: true });
    await command(
      this.directory,
      'tar',
      'xzf',
      this.#tarball,
      '-C',
      installed,
      '--strip-components=1',
    );
    const others = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    for (const other of [...others, '@types/node']) {
      const link = join(project, 'node_modules', other);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(root, 'node_modules', other), link);
    }
    writeFileSync(join(project, 'package.json'), JSON.stringify({ type, private: true }));
    return project;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
