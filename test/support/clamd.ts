/** A real clamd for tests, with one signature: that of the EICAR test file. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Owner } from './redis.ts';
import { until } from './servers.ts';

/** The bytes every scanner takes for a virus, put together so that no file of this repository has them. */
export const eicar: string = [
  'X5O!P%@AP[4',
  String.raw`\PZX54(P^)7CC)7}`,
  '$EICAR-STANDARD-',
  'ANTIVIRUS-TEST-',
  'FILE!$H+H*',
].join('');

/** As clamd calls it: signatures that are not ClamAV's own have this behind their names. */
export const eicarName = 'Test.Eicar.UNOFFICIAL';

export interface Clamd {
  readonly socket: string;
  readonly port: number;
  /** Kills it. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** It takes connections and bytes as far as the system does, and does not answer. */
  pause(): void;
  resume(): void;
}

function isThere(program: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** For the option `skip` of a test: a reason when there is no clamd here, which is a failure where all must be there. */
export const noClamd: string | false =
  isThere('clamd', '--version') || process.env.CI === 'true'
    ? false
    : 'needs clamd: apt-get install clamav-daemon';

export async function startClamd(t: Owner, settings: readonly string[] = []): Promise<Clamd> {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-clamd-'));
  const socket = join(directory, 'clamd.sock');
  const port = await freePort();
  writeFileSync(
    join(directory, 'test.ndb'),
    `Test.Eicar:0:*:${Buffer.from(eicar, 'latin1').toString('hex')}\n`,
  );
  const config = join(directory, 'clamd.conf');
  writeFileSync(
    config,
    [
      'Foreground yes',
      `LocalSocket ${socket}`,
      `TCPSocket ${port}`,
      'TCPAddr 127.0.0.1',
      `DatabaseDirectory ${directory}`,
      `TemporaryDirectory ${directory}`,
      `User ${userInfo().username}`,
      'SelfCheck 0',
      // The first one of a name counts.
      ...settings,
      'AlertExceedsMax yes',
      'AlertEncrypted yes',
      'StreamMaxLength 40M',
      'MaxFileSize 40M',
      'MaxScanSize 80M',
      '',
    ].join('\n'),
  );
  let child: ChildProcess | undefined;

  const clamd: Clamd = {
    socket,
    port,
    async start() {
      rmSync(socket, { force: true });
      child = spawn('clamd', [`--config-file=${config}`], { stdio: ['ignore', 'pipe', 'pipe'] });
      const own = child;
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
      await until(
        async () => own.exitCode !== null || (await answers(socket)),
        'clamd starts',
        90_000,
      );
      if (own.exitCode !== null) throw new Error(`clamd ended: ${output}`);
    },
    async stop() {
      if (child?.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
    pause() {
      child?.kill('SIGSTOP');
    },
    resume() {
      child?.kill('SIGCONT');
    },
  };
  t.after(async () => {
    await clamd.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  await clamd.start();
  return clamd;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    let reply = '';
    socket
      .on('connect', () => socket.write('zPING\0'))
      .on('data', (bytes) => (reply += bytes.toString()))
      .on('error', () => resolve(false))
      .on('close', () => resolve(reply === 'PONG\0'));
  });
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
