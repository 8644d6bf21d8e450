/** A virus scanner for the demos: clamd with one signature, that of the harmless EICAR test file. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** Every scanner takes these bytes for a virus; put together here so that none finds them in this file. */
export const eicar = [
  'X5O!P%@AP[4',
  String.raw`\PZX54(P^)7CC)7}`,
  '$EICAR-STANDARD-',
  'ANTIVIRUS-TEST-',
  'FILE!$H+H*',
].join('');

export interface DemoScanner {
  /** Its unix socket. */
  readonly socket: string;
  readonly product: string;
  close(): void;
}

/** The clamd of this machine when there is one, else a stand-in that knows the test file and nothing else. */
export async function startScanner(): Promise<DemoScanner> {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-scanner-'));
  const socket = join(directory, 'clamd.sock');
  const installed = spawnSync('clamd', ['--version']).status === 0;
  const end = installed ? await startClamd(directory, socket) : await startStandIn(socket);
  return {
    socket,
    product: installed
      ? 'clamd'
      : 'a stand-in for clamd that knows only the test file (apt-get install clamav-daemon)',
    close() {
      end();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function startClamd(directory: string, socket: string): Promise<() => void> {
  const signature = `Demo.Eicar:0:*:${Buffer.from(eicar, 'latin1').toString('hex')}\n`;
  writeFileSync(join(directory, 'demo.ndb'), signature);
  const settings = join(directory, 'clamd.conf');
  writeFileSync(
    settings,
    `Foreground yes\nLocalSocket ${socket}\nDatabaseDirectory ${directory}\nTemporaryDirectory ${directory}\nUser ${userInfo().username}\nSelfCheck 0\nAlertExceedsMax yes\nAlertEncrypted yes\n`,
  );
  const clamd = spawn('clamd', [`--config-file=${settings}`], { stdio: 'ignore' });
  for (let tries = 0; tries < 200 && !(await answers(socket)); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 50));
  return () => clamd.kill('SIGKILL');
}

async function answers(path: string): Promise<boolean> {
  const socket = connect({ path });
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

/** Speaks as much of clamd's protocol as there is to ask: VERSION and INSTREAM. */
async function startStandIn(path: string): Promise<() => void> {
  const server = createServer((socket) => {
    let text = '';
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (text.startsWith('zVERSION\0')) socket.end('ClamAV stand-in\0');
      else if (text.endsWith('\0\0\0\0'))
        socket.end(text.includes(eicar) ? 'stream: Demo.Eicar FOUND\0' : 'stream: OK\0');
    });
  }).listen(path);
  await once(server, 'listening');
  return () => server.close();
}
