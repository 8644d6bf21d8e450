/** A real c-icap with its virus_scan service on top of a clamd. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, noClamd, type Clamd } from './clamd.ts';
import type { Owner } from './redis.ts';
import { until } from './servers.ts';

export interface CIcap {
  /** `icap://127.0.0.1:…/virus_scan` */
  readonly url: string;
  stop(): Promise<void>;
  start(): Promise<void>;
}

const [modules] = globSync(['/usr/lib/*/c_icap', '/usr/lib/c_icap', '/usr/local/lib/c_icap']);

function isThere(): boolean {
  try {
    execFileSync('c-icap', ['-V'], { stdio: 'ignore' });
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return false;
  }
  return modules !== undefined && existsSync(join(modules, 'clamd_mod.so'));
}

/** For the option `skip` of a test. */
export const noCIcap: string | false =
  noClamd !== false
    ? noClamd
    : isThere() || process.env.CI === 'true'
      ? false
      : 'needs c-icap: apt-get install c-icap libc-icap-mod-virus-scan';

export async function startCIcap(
  t: Owner,
  clamd: Clamd,
  settings: readonly string[] = [],
): Promise<CIcap> {
  if (modules === undefined) throw new Error('needs the modules of c-icap');
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-c-icap-'));
  const port = await freePort();
  const config = join(directory, 'c-icap.conf');
  const log = join(directory, 'server.log');
  writeFileSync(
    config,
    [
      `PidFile ${join(directory, 'c-icap.pid')}`,
      `CommandsSocket ${join(directory, 'c-icap.ctl')}`,
      `Port 127.0.0.1:${port}`,
      'StartServers 1',
      'MaxServers 2',
      'MinSpareThreads 4',
      'MaxSpareThreads 16',
      'ThreadsPerChild 16',
      'MaxRequestsPerChild 0',
      'KeepAliveTimeout 60',
      'MaxKeepAliveRequests 100',
      'Timeout 60',
      `TmpDir ${directory}`,
      `ModulesDir ${modules}`,
      `ServicesDir ${modules}`,
      'TemplateDir /usr/share/c_icap/templates/',
      'TemplateDefaultLanguage en',
      'LoadMagicFile /etc/c-icap/c-icap.magic',
      `ServerLog ${log}`,
      'DebugLevel 1',
      'Module common clamd_mod.so',
      `clamd_mod.ClamdSocket ${clamd.socket}`,
      'Service antivirus_module virus_scan.so',
      'virus_scan.DefaultEngine clamd',
      'virus_scan.ScanFileTypes TEXT DATA EXECUTABLE ARCHIVE GIF JPEG MSOFFICE',
      ...(settings.some((line) => line.includes('SendPercentData'))
        ? []
        : ['virus_scan.SendPercentData 0', 'virus_scan.StartSendPercentDataAfter 40M']),
      'virus_scan.Allow204Responces on',
      'virus_scan.MaxObjectSize 40M',
      ...settings,
      '',
    ].join('\n'),
  );
  let child: ChildProcess | undefined;
  const server: CIcap = {
    url: `icap://127.0.0.1:${port}/virus_scan`,
    async start() {
      child = spawn('c-icap', ['-N', '-f', config], { stdio: 'ignore', detached: true });
      const own = child;
      await until(
        async () => own.exitCode !== null || (await answers(port)),
        'c-icap starts',
        90_000,
      );
      if (own.exitCode !== null)
        throw new Error(`c-icap ended: ${existsSync(log) ? readFileSync(log, 'utf8') : ''}`);
    },
    async stop() {
      if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      // It and the processes it has made.
      process.kill(-child.pid, 'SIGKILL');
      await exit;
    },
  };
  t.after(async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  await server.start();
  return server;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let reply = '';
    socket
      .on('connect', () =>
        socket.write(
          `OPTIONS icap://127.0.0.1:${port}/virus_scan ICAP/1.0\r\nHost: 127.0.0.1\r\nEncapsulated: null-body=0\r\n\r\n`,
        ),
      )
      .on('data', (bytes) => {
        reply += bytes.toString();
        if (reply.includes('\r\n\r\n')) socket.destroy();
      })
      .on('error', () => resolve(false))
      .on('close', () => resolve(reply.startsWith('ICAP/1.0 200')));
  });
}
