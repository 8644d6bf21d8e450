/** Apache's own htpasswd, where it is installed. */
import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';

export function htpasswdInstalled(t: TestContext): boolean {
  if (spawnSync('htpasswd', ['-nbs', 'a', 'b']).status === 0) return true;
  const message = 'htpasswd is not installed: Debian package apache2-utils';
  if (process.env.CI === 'true') throw new Error(message);
  t.skip(message);
  return false;
}

/** Runs it as an operator would. */
export function htpasswd(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('htpasswd', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}
