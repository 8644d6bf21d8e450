/** Runs an example as its reader would: as a process of its own, on a free port. */
import { spawn } from 'node:child_process';
import type { TestContext } from 'node:test';
import { until } from './servers.ts';

export interface RunningExample {
  readonly url: string;
  /** What it has printed so far. */
  readonly output: () => string;
  /** Sends the signal and tells how the process ended: its status, or the signal that killed it. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

const someUrl = /\b(?:http|ws):\/\/[\w.]+:\d+/;

export async function runExample(
  t: TestContext,
  file: string,
  env: NodeJS.ProcessEnv = {},
  args: readonly string[] = [],
): Promise<RunningExample> {
  const child = spawn(process.execPath, ['--conditions=sekisho-source', file, ...args], {
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (status, signal) => resolve(status ?? signal));
  });
  t.after(() => child.kill('SIGKILL'));
  await until(
    () => someUrl.test(output) || child.exitCode !== null,
    `${file} prints a URL: ${output}`,
    60_000,
  );
  const [url] = someUrl.exec(output) ?? [];
  if (url === undefined) throw new Error(`${file} ended with ${String(await ended)}: ${output}`);
  return {
    url: url.replace('ws:', 'http:'),
    output: () => output,
    end(signal) {
      child.kill(signal);
      return ended;
    },
  };
}
