/** TLS in front: handshakes, and small GETs over HTTPS/1.1 and HTTP/2, beside nginx doing the same. */
import { execFile, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { generate } from 'selfsigned';
import { median } from './measure.ts';
import { freePort, hasNginx, startNginx } from './upstream.ts';

interface Proxy {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly process: ChildProcess;
}

const run = promisify(execFile);
const seconds = 4;

/** Name of a load, and what it does to a port: how many per second. */
const loads: Readonly<Record<string, (port: number) => Promise<number>>> = {
  'full handshakes (ECDSA P-256)': (port) => handshakes(port, '-new'),
  'resumed handshakes': (port) => handshakes(port, '-reuse'),
  async 'HTTPS/1.1 small GET'(port) {
    const args = ['-t1', '-c50', `-d${seconds}s`, `https://127.0.0.1:${port}/`];
    const { stdout } = await onCore1('wrk', args);
    return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0);
  },
  async 'HTTP/2 small GET'(port) {
    const args = ['-c10', '-m10', '-t1', '-D', String(seconds), `https://127.0.0.1:${port}/`];
    const { stdout } = await onCore1('h2load', args);
    const failed = Number(/(\d+) failed/.exec(stdout)?.[1] ?? 0);
    if (failed > 0) console.log(`${failed} requests failed`);
    return Number(/([\d.]+) req\/s/.exec(stdout)?.[1] ?? 0);
  },
};

export async function benchTls(
  target: string,
  start: (name: string, target: string) => Promise<Proxy>,
  rounds: number,
): Promise<void> {
  for (const tool of ['wrk', 'h2load', 'openssl'])
    if (spawnSync(tool, ['version']).error !== undefined) {
      console.log(`\nTLS: ${tool} is missing (Debian: wrk, nghttp2-client, openssl)`);
      return;
    }
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-tls-'));
  const proxies: Proxy[] = [];
  try {
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
      keyType: 'ec',
    });
    const paths = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
    writeFileSync(paths.cert, cert);
    writeFileSync(paths.key, key);
    process.env.TLS_CERT = paths.cert;
    process.env.TLS_KEY = paths.key;
    proxies.push(await start('sekisho + tls', target));
    if (hasNginx) proxies.push(await startNginxTls(directory, paths, target));
    for (const [name, load] of Object.entries(loads)) await compare(name, load, proxies, rounds);
  } finally {
    for (const { process: child } of proxies) child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

async function compare(
  name: string,
  load: (port: number) => Promise<number>,
  proxies: readonly Proxy[],
  rounds: number,
): Promise<void> {
  const rates = proxies.map((): number[] => []);
  // The first round warms up and does not count.
  for (let round = 0; round <= rounds; round++)
    for (const [at, { url }] of proxies.entries()) {
      const rate = await load(Number(new URL(url).port));
      if (round > 0) rates[at]?.push(rate);
    }
  console.log(`\n${name}`);
  const ours = median(rates[0] ?? []);
  console.table(
    proxies.map(({ name: proxy }, at) => ({
      proxy,
      'per second': Math.round(median(rates[at] ?? [])),
      'sekisho is … times as fast': Math.round((ours / median(rates[at] ?? [])) * 100) / 100,
    })),
  );
}

/** OpenSSL's own client, one connection after the other: per second of the time they took. */
async function handshakes(port: number, kind: '-new' | '-reuse'): Promise<number> {
  const args = [
    's_time',
    '-connect',
    `127.0.0.1:${port}`,
    kind,
    '-tls1_2',
    '-time',
    String(seconds),
  ];
  const { stdout } = await onCore1('openssl', args);
  const real = /(\d+) connections in (\d+) real seconds/.exec(stdout);
  return Number(real?.[1] ?? 0) / Math.max(1, Number(real?.[2] ?? 1));
}

function onCore1(command: string, args: readonly string[]): Promise<{ stdout: string }> {
  return run('taskset', ['-c', '1', command, ...args], { maxBuffer: 16 * 1024 * 1024 });
}

async function startNginxTls(
  directory: string,
  { cert, key }: { cert: string; key: string },
  target: string,
): Promise<Proxy> {
  const [plain, port] = [await freePort(), await freePort()];
  const child = await startNginx(
    directory,
    'tls',
    0,
    plain,
    '',
    `upstream behind { server ${new URL(target).host}; keepalive 128; keepalive_requests 100000000; }
    server {
      listen 127.0.0.1:${port} ssl http2;
      ssl_certificate ${cert}; ssl_certificate_key ${key};
      ssl_session_tickets on; ssl_protocols TLSv1.2 TLSv1.3; http2_max_requests 100000000;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      location / { proxy_pass http://behind; }
    }`,
  );
  return {
    name: 'nginx',
    url: `https://127.0.0.1:${port}`,
    pid: child.pid as number,
    process: child,
  };
}
