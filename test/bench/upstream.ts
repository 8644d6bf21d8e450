/** The server behind the proxies: nginx where it is installed, so that it is never the bottleneck; else Node. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { WebSocketServer } from 'ws';

export interface Upstream {
  readonly url: string;
  /** A Node server that reads uploads to their end and echoes WebSocket messages. */
  readonly nodeUrl: string;
  /** nginx as a proxy in front of `url` and `nodeUrl` (under /node/), for comparison; undefined where there is none. */
  readonly nginx: { readonly url: string; readonly process: ChildProcess } | undefined;
  close(): void;
}

const small = `${'0123456789'.repeat(10)}\n`;

export const hasNginx: boolean = spawnSync('nginx', ['-v']).error === undefined;

export async function startUpstream(): Promise<Upstream> {
  const directory = mkdtempSync(join(tmpdir(), 'sekisho-bench-'));
  const files = { '64k': randomBytes(64 * 1024), '10m': randomBytes(10 * 1024 * 1024) };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(directory, name), bytes);
  const node = createServer((req, res) => {
    const file = files[req.url?.slice(1) as keyof typeof files] as Buffer | undefined;
    req.resume().once('end', () => res.end(file ?? small));
  });
  const sockets = new WebSocketServer({ server: node });
  sockets.on('connection', (socket) => {
    socket.on('message', (message) => socket.send(message));
  });
  node.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => node.listen(0, '127.0.0.1', resolve));
  const nodePort = (node.address() as AddressInfo).port;
  const nodeUrl = `http://127.0.0.1:${nodePort}`;
  const children: ChildProcess[] = [];
  function close(): void {
    for (const child of children) child.kill('SIGTERM');
    node.closeAllConnections();
    node.close();
    rmSync(directory, { recursive: true, force: true });
  }
  if (!hasNginx) return { url: nodeUrl, nodeUrl, nginx: undefined, close };

  const [port, proxyPort] = [await freePort(), await freePort()];
  children.push(
    await startNginx(
      directory,
      'upstream',
      1,
      port,
      `
      location / { default_type text/plain; return 200 "${small.trim()}\\n"; }
      location ~ ^/(?:64k|10m)$ { root ${directory}; }`,
    ),
    await startNginx(
      directory,
      'proxy',
      0,
      proxyPort,
      `
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_request_buffering off;
      location / { proxy_pass http://upstream; }
      location /node/ { proxy_pass http://127.0.0.1:${nodePort}/; }`,
      `upstream upstream { server 127.0.0.1:${port}; keepalive 128; keepalive_requests 100000000; }`,
    ),
  );
  const nginx = { url: `http://127.0.0.1:${proxyPort}`, process: children[1] as ChildProcess };
  return { url: `http://127.0.0.1:${port}`, nodeUrl, nginx, close };
}

/** @param top directives of the http block, more servers among them */
export async function startNginx(
  directory: string,
  name: string,
  core: number,
  port: number,
  locations: string,
  top = '',
): Promise<ChildProcess> {
  const config = join(directory, `${name}.conf`);
  writeFileSync(
    config,
    `worker_processes 1; daemon off; master_process off; pid ${directory}/${name}.pid; error_log /dev/null;
    events { worker_connections 4096; }
    http { access_log off; keepalive_requests 100000000; client_max_body_size 100m; ${top}
      server { listen 127.0.0.1:${port}; ${locations} } }`,
  );
  const child = spawn('taskset', ['-c', String(core), 'nginx', '-c', config], { stdio: 'ignore' });
  for (let attempt = 0; attempt < 50 && !(await answers(port)); attempt++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  return child;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });
}

export async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
