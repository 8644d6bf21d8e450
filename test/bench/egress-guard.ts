/**
 * What egressGuard costs: microseconds of CPU for a request without a body and for a tunnel, with everything turned on; and
 * milliseconds for each MiB of body that it looks into, by what is in it. Run by itself it prints JSON.
 */
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Request, Response } from 'express';
import { contextOf } from '../../lib/core/context.ts';
import { parseOptions } from '../../lib/core/options.ts';
import { detectorKit } from '../../lib/egress-guard/detectors.ts';
import { egressGuard, type EgressGuardOptions } from '../../lib/egress-guard/index.ts';
import { egressSchema } from '../../lib/egress-guard/options.ts';
import { Scanner } from '../../lib/egress-guard/scanner.ts';
import { median } from './measure.ts';

const rounds = 5;
const mebibyte = 1024 * 1024;

export function benchEgress(): void {
  const of = (what: string): Record<string, number> => {
    const runs = Array.from({ length: rounds }, () => inProcess(what));
    return Object.fromEntries(
      Object.keys(runs[0] ?? {}).map((name) => [name, median(runs.map((run) => run[name] ?? NaN))]),
    );
  };
  console.log('\negress: CPU microseconds per request, everything on (20 are allowed)');
  console.table(of('requests'));
  console.log('\negress: CPU milliseconds per MiB of body, in chunks of 64 KiB');
  console.table(of('bodies'));
}

function inProcess(what: string): Record<string, number> {
  const args = ['--conditions=sekisho-source', fileURLToPath(import.meta.url), what];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as never;
}

const everything: EgressGuardOptions = {
  mode: 'block',
  direction: 'both',
  fileTypes: { deny: ['7z', 'sqlite'] },
  destinations: { learning: 0 },
};

/** CPU time is steadier than the clock on a machine that does other things, too. */
function cpu(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function requests(): Record<string, number> {
  const count = 20_000;
  const costs = (method: string): number => {
    const guard = egressGuard({ ...everything, direction: 'request' });
    const made = (): (readonly [Request, Response])[] =>
      Array.from({ length: count }, (_, number) => request(method, number));
    const run = (pairs: readonly (readonly [Request, Response])[]): number =>
      cpu(() => {
        for (const [req, res] of pairs) guard(req, res, () => undefined);
      }) / count;
    run(made());
    const cost = median([run(made()), run(made()), run(made())]);
    guard.close();
    return cost;
  };
  return { 'GET in absolute-form': costs('GET'), CONNECT: costs('CONNECT') };
}

const socket = new Socket();

/** As a browser sends it, through the door: with a dozen fields, to one of a thousand sites. */
function request(method: string, number: number): readonly [Request, Response] {
  const req = new IncomingMessage(socket) as Request;
  const hostname = `www.site${number % 1000}.example`;
  const target =
    method === 'GET' ? `http://${hostname}/path/to/page?id=${number}` : `${hostname}:443`;
  Object.assign(req, { method, originalUrl: target, url: target, rawHeaders: fields(hostname) });
  Object.defineProperty(req, 'ip', { value: `192.0.2.${number % 200}` });
  const context = contextOf(req);
  context.proxied = true;
  context.destination = {
    form: method === 'GET' ? 'http' : 'connect',
    scheme: method === 'GET' ? 'http' : undefined,
    hostname,
    port: method === 'GET' ? 80 : 443,
    path: method === 'GET' ? `/path/to/page?id=${number}` : '',
    href: target,
  };
  return [req, new ServerResponse(req) as Response];
}

// prettier-ignore
function fields(host: string): string[] {
  return [
    'Host', host,
    'User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    'Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
    'Accept-Language', 'ja,en-US;q=0.7,en;q=0.3',
    'Accept-Encoding', 'gzip, deflate',
    'Referer', `http://${host}/another/page`,
    'Cookie', 'session=0123456789abcdef0123456789abcdef; theme=dark; seen=1',
    'Connection', 'keep-alive',
    'Upgrade-Insecure-Requests', '1',
    'Cache-Control', 'max-age=0',
  ];
}

function bodies(): Record<string, number> {
  const kit = detectorKit(parseOptions('egressGuard', egressSchema, everything));
  const words = 'the quick brown fox jumps over a lazy dog and comes back for 3 of its 12 bones\n';
  const row = (number: number): string =>
    `{"id":${number * 7919},"name":"user ${number % 997}","at":${1_777_852_800_000 + number * 1013},"price":${number % 100}.95},\n`;
  const contents: Record<string, Buffer> = {
    'random bytes': randomFillSync(Buffer.alloc(mebibyte)),
    prose: Buffer.alloc(mebibyte, words),
    Japanese: Buffer.alloc(
      mebibyte,
      '吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n',
    ),
    'JSON with numbers': fill(row),
    'CSV of numbers': fill(
      (number) =>
        `${number},${(number * 7919) % 1000},${1_777_852_800 + number},${number % 97}.5\n`,
    ),
    base64: Buffer.from(randomFillSync(Buffer.alloc((mebibyte * 3) / 4)).toString('base64')),
    'nothing but numbers of 16 digits': fill(
      (number) => `${4_000_000_000_000_000 + number * 104_729_003}\n`,
    ),
    'the same in groups of four': fill(
      (number) =>
        `${String(4_000_000_000_000_000 + number * 104_729_003).replaceAll(/\d{4}(?=\d)/g, '$&-')}\n`,
    ),
  };
  const scan = (body: Buffer): void => {
    const scanner = new Scanner(
      kit.body.map((make) => make()),
      () => undefined,
    );
    for (let at = 0; at < body.length; at += 65_536) scanner.write(body.subarray(at, at + 65_536));
    scanner.flush();
  };
  return Object.fromEntries(
    Object.entries(contents).map(([name, body]) => {
      for (let round = 0; round < 3; round++) scan(body);
      const runs = Array.from({ length: 7 }, () => cpu(() => scan(body)));
      return [name, median(runs) / 1000];
    }),
  );
}

function fill(row: (number: number) => string): Buffer {
  const rows: string[] = [];
  for (let number = 0, length = 0; length < mebibyte; number++)
    length += rows[rows.push(row(number)) - 1]?.length ?? 0;
  return Buffer.from(rows.join('')).subarray(0, mebibyte);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , what] = process.argv;
  if (what === undefined) benchEgress();
  else console.log(JSON.stringify(what === 'bodies' ? bodies() : requests()));
}
